//! A report as a list of cases: for readers that think in test cases, alerts and annotations.

use super::markup::shorten;
use super::numbers::duration;
use super::timeline::timeline;
use crate::outcome::{
    Answer, CheckResult, Counterexample, Excuse, ExcuseKind, Exemplar, Expectation, Fault, FaultWindow, Finding,
    Report, Severity,
};
use std::fmt::Write;

/// One thing that was judged, or could not be.
#[derive(Clone, Debug)]
pub(super) struct Case<'a> {
    /// A check's name, `expectations`, `findings` or `inputs`.
    pub group: String,
    /// A property's or a detector's id, or one of [`OWN_RULES`].
    pub rule: &'a str,
    /// What distinguishes it in its group; the same from run to run.
    pub name: String,
    pub answer: Answer,
    pub weight: Weight<'a>,
    pub severity: Severity,
    /// One line that stands alone.
    pub headline: String,
    /// The end of it: what is wrong with what the name says.
    pub why: String,
    /// What else is known, in lines.
    pub text: String,
    /// The file, and the line in it.
    pub path: String,
    pub line: u64,
    pub spans: Vec<Exemplar>,
    pub counterexample: Option<&'a Counterexample>,
    pub fingerprint: String,
    pub seconds: f64,
}

/// Whether a case has a say in the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight<'a> {
    Counts,
    /// It is only told.
    Told,
    Excused(&'a Excuse),
}

/// Faults that are told of one counterexample.
pub(super) const FAULTS: usize = 8;

/// Bytes of all stories together, about: those who take reports refuse files far beyond.
const STORIES: usize = 10 << 20;

/// How long the story of each of so many cases may be. No case is left out for the length of another.
pub(super) fn story_length(cases: usize) -> usize {
    (STORIES / cases.max(1)).clamp(200, 20_000)
}

/// Rules that are in no registry.
pub(super) const OWN_RULES: [(&str, &str); 3] = [
    ("expectation", "An [[expect]] of causet.toml holds of the traces"),
    ("completeness", "What is judged is all there"),
    ("input", "What is named can be read"),
];

impl Case<'_> {
    /// The headline and everything else, in about so many characters; that something is missing is said.
    pub(super) fn story(&self, most: usize) -> String {
        let whole = format!("{}\n{}", self.headline, self.text);
        let mut story = shorten(whole.trim_end(), most);
        if story != whole.trim_end() {
            story.push_str("\n(shortened; the json report has all of it)");
        }
        story
    }

    /// Whether it is one of those because of which a run does not pass.
    pub(super) fn fails(&self) -> bool {
        self.answer != Answer::Holds && self.weight == Weight::Counts
    }

    /// Whether it is hidden for a reason.
    pub(super) fn is_suppressed(&self) -> bool {
        matches!(self.weight, Weight::Excused(excuse) if excuse.kind == ExcuseKind::Suppressed)
    }

    /// `baseline: known debt` and the like; empty if it counts.
    pub(super) fn note(&self) -> String {
        match self.weight {
            Weight::Counts => String::new(),
            Weight::Told => "does not count".to_owned(),
            Weight::Excused(excuse) => format!("{}: {}", excuse.kind.id(), excuse.reason),
        }
    }
}

/// Every case, in the order of the report. At least one.
pub(super) fn cases(report: &Report) -> Vec<Case<'_>> {
    let mut all: Vec<Case<'_>> = Vec::new();
    report.results.iter().for_each(|result| of_result(&mut all, report, result));
    if let Some(gate) = &report.gate {
        all.extend(gate.expectations.iter().map(|each| of_expectation(report, &gate.config, each)));
    }
    all.extend(report.findings.iter().map(|finding| of_finding(report, finding)));
    if let (Some(limit), false) =
        (report.fail_on, report.findings.iter().any(|each| Some(each.severity) >= report.fail_on))
    {
        let name = format!("no finding of severity {limit} or above");
        all.push(plain("findings", "findings", name, Answer::Holds, String::new()));
    }
    for gap in report.gate.iter().flat_map(|gate| &gate.gaps) {
        let (path, line) = gap.place.split_once(", line ").unwrap_or((&gap.place, "1"));
        let line = line.split(|c: char| !c.is_ascii_digit()).next().and_then(|line| line.parse().ok());
        let mut case = plain("inputs", "completeness", gap.place.clone(), gap.answer, gap.message.clone());
        (case.path, case.line) = (path.to_owned(), line.unwrap_or(1));
        all.push(case);
    }
    for error in &report.errors {
        let why = match &error.position {
            Some(position) => format!("{position}: {}", error.message),
            None => error.message.clone(),
        };
        let case = plain("inputs", "input", error.path.clone(), Answer::Error, why);
        all.push(Case { path: error.path.clone(), headline: error.to_string(), ..case });
    }
    if let Some((kind, detail)) = &report.cause {
        all.push(plain("inputs", "completeness", kind.clone(), Answer::Unknown, format!("{kind}: {detail}")));
    }
    let empty = report.analysis.as_ref().is_some_and(|analysis| analysis.summary.spans == 0);
    if all.is_empty() || (empty && all.iter().all(|case| !case.fails())) {
        let answer = report.answer();
        let text = if answer == Answer::Empty { "nothing to judge" } else { "" };
        all.push(plain("inputs", "completeness", report.command.to_owned(), answer, text.to_owned()));
    }
    all
}

fn plain<'a>(group: &str, rule: &'a str, name: String, answer: Answer, why: String) -> Case<'a> {
    Case {
        group: group.to_owned(),
        rule,
        name,
        answer,
        weight: Weight::Counts,
        severity: Severity::High,
        headline: why.clone(),
        why,
        text: String::new(),
        path: String::new(),
        line: 1,
        spans: Vec::new(),
        counterexample: None,
        fingerprint: String::new(),
        seconds: 0.0,
    }
}

/// One case for each key that violates the property, and one for the rest.
fn of_result<'a>(all: &mut Vec<Case<'a>>, report: &'a Report, result: &'a CheckResult) {
    let what = format!("{} {}", result.property, result.model).trim_end().to_owned();
    let weight = match report.excuse_of(result) {
        _ if result.tolerated && result.answer != Answer::Error => Weight::Told,
        Some(excuse) if result.answer == Answer::Violated => Weight::Excused(excuse),
        _ => Weight::Counts,
    };
    let group = if result.check.is_empty() { result.property.to_owned() } else { result.check.clone() };
    let whole = Case {
        weight,
        severity: Severity::Critical,
        path: result.input.clone(),
        fingerprint: result.fingerprint.clone(),
        seconds: result.elapsed_ms / 1e3,
        ..plain(&group, result.property, format!("{} {what}", result.input), result.answer, String::new())
    };
    if result.answer == Answer::Violated && !result.counterexamples.is_empty() {
        all.extend(result.counterexamples.iter().map(|example| of_example(report, result, &what, &whole, example)));
        if result.undecided > 0 {
            let (name, why) = (format!("{}, undecided keys", whole.name), undecided(result));
            let weight = if result.tolerates_undecided { Weight::Told } else { Weight::Counts };
            let headline = format!("{what} is unknown in {}: {why}", result.input);
            let fingerprint = String::new();
            all.push(Case { name, answer: Answer::Unknown, weight, headline, why, fingerprint, ..whole.clone() });
        }
        let others = result.partitions.saturating_sub(result.counterexamples.len() as u64 + result.undecided);
        if others > 0 {
            let name = format!("{}, the other keys", whole.name);
            all.push(Case { name, answer: Answer::Holds, weight: Weight::Counts, ..whole });
        }
        return;
    }
    let why = match (&result.cause, result.answer) {
        (Some((kind, detail)), _) => format!("{kind}: {detail}"),
        (None, Answer::Empty) => "no operation to judge".to_owned(),
        _ => format!("{} operations", result.operations),
    };
    let mut text = String::new();
    let wrong = report.simulation.iter().flat_map(|simulation| &simulation.wrong);
    wrong.filter(|wrong| wrong.property == result.property).for_each(|wrong| {
        let _ = writeln!(text, "{}: {}", wrong.by, wrong.detail);
    });
    let headline = format!("{what} is {} in {}: {why}", result.answer.id(), result.input);
    all.push(Case { headline, why, text, ..whole });
}

/// One key that violates the property.
fn of_example<'a>(
    report: &'a Report,
    result: &CheckResult,
    what: &str,
    whole: &Case<'a>,
    example: &'a Counterexample,
) -> Case<'a> {
    let key = example.partition.as_ref().map_or_else(String::new, |key| format!(", key {key}"));
    let why = example.because.last().map_or(String::new(), |step| step.text.clone());
    let span = |operation: &crate::outcome::Operation| {
        let span_id = operation.span_id.clone()?;
        Some(Exemplar { span_id, operation: operation.function.clone(), ..Exemplar::default() })
    };
    let mut case = Case {
        name: format!("{}{key}", whole.name),
        headline: format!("{what} is violated in {}{key}: {why}", result.input),
        why,
        weight: match report.excuse(&example.fingerprint) {
            _ if whole.weight == Weight::Told => Weight::Told,
            Some(excuse) => Weight::Excused(excuse),
            None => Weight::Counts,
        },
        fingerprint: example.fingerprint.clone(),
        text: explanation(example),
        spans: example.operations.iter().filter_map(span).collect(),
        counterexample: Some(example),
        ..whole.clone()
    };
    let operation = example.failed_at.and_then(|index| report.places.get(&result.place_key(index)));
    let place = operation.or_else(|| case.spans.iter().find_map(|span| report.places.get(&span.span_id)));
    if let Some((path, line)) = place {
        (case.path, case.line) = (path.clone(), *line);
    }
    case
}

/// What to say of keys that nobody could decide.
fn undecided(result: &CheckResult) -> String {
    match result.undecided {
        1 => "1 key could not be decided".to_owned(),
        many => format!("{many} keys could not be decided"),
    }
}

/// Why, as a list of steps and a picture of characters.
fn explanation(example: &Counterexample) -> String {
    let mut text = String::new();
    for step in &example.because {
        let _ = writeln!(text, "• {}", step.text);
    }
    for line in meanwhile(example) {
        let _ = writeln!(text, "⚡ {line}");
    }
    text + &timeline(&example.operations, example.failed_at, 110)
}

/// The faults of a counterexample, in lines; not more than anybody reads.
pub(super) fn meanwhile(example: &Counterexample) -> Vec<String> {
    let faults = example.faults.iter().take(FAULTS);
    let mut lines: Vec<String> = faults.map(|fault| format!("meanwhile: {}", fault_text(fault))).collect();
    if example.faults.len() > FAULTS {
        lines.push(format!("and {} more faults", example.faults.len() - FAULTS));
    }
    lines
}

/// A fault in words: `partition of n3, c2 from 596 ms to 1.66 s`.
pub(super) fn fault_text(fault: &Fault) -> String {
    let FaultWindow { kind, nodes, start_ns, end_ns } = &fault.window;
    let time = |nanos: i64| duration(u64::try_from(nanos).unwrap_or(0));
    let nodes = if nodes.is_empty() { String::new() } else { format!(" of {}", nodes.join(", ")) };
    let end = end_ns.map_or_else(|| " on".to_owned(), |end| format!(" to {}", time(end)));
    format!("{kind}{nodes} from {}{end}", time(*start_ns))
}

/// A number with its unit: `1 span`, `33.3 %`.
fn measured(value: f64, unit: &str) -> String {
    let rounded = (value * 1e4).round() / 1e4;
    match unit {
        "ratio" => format!("{} %", (value * 1e4).round() / 1e2),
        unit if rounded == 1.0 && unit.len() > 2 => format!("1 {}", unit.strip_suffix('s').unwrap_or(unit)),
        unit => format!("{rounded} {unit}"),
    }
}

fn of_expectation<'a>(report: &'a Report, config: &str, each: &'a Expectation) -> Case<'a> {
    let mut text = if each.expression == each.name { String::new() } else { format!("{}\n", each.expression) };
    each.exemplars.iter().for_each(|exemplar| {
        let Exemplar { trace_id, span_id, service, operation } = exemplar;
        let _ = writeln!(text, "trace {trace_id} span {span_id}: {service} {operation}");
    });
    Case {
        weight: match report.excuse(&each.fingerprint) {
            Some(excuse) if each.answer == Answer::Violated => Weight::Excused(excuse),
            _ => Weight::Counts,
        },
        headline: format!("{}: {}", each.name, each.detail),
        path: config.to_owned(),
        line: each.line,
        spans: each.exemplars.clone(),
        fingerprint: each.fingerprint.clone(),
        text,
        ..plain("expectations", "expectation", each.name.clone(), each.answer, each.detail.clone())
    }
}

fn of_finding<'a>(report: &'a Report, finding: &'a Finding) -> Case<'a> {
    let Finding { rule, severity, title, service, operation, .. } = finding;
    let exemplar = |(trace_id, span_id): &(String, String)| Exemplar {
        trace_id: trace_id.clone(),
        span_id: span_id.clone(),
        service: service.clone(),
        operation: operation.clone(),
    };
    let mut text = format!("severity: {severity}\n");
    for evidence in &finding.evidence {
        let _ = writeln!(text, "{}: {}", evidence.name.replace('-', " "), measured(evidence.value, evidence.unit));
    }
    let _ = writeln!(text, "for example span {} of trace {}", finding.span_id, finding.trace_id);
    let first_input = || report.inputs.iter().find(|input| input.spans > 0).map(|input| (input.path.clone(), 1));
    let (path, line) = report.places.get(&finding.span_id).cloned().or_else(first_input).unwrap_or_default();
    Case {
        weight: match report.excuse(&finding.fingerprint) {
            Some(excuse) => Weight::Excused(excuse),
            None if report.fail_on.is_some_and(|limit| *severity >= limit) => Weight::Counts,
            None => Weight::Told,
        },
        severity: *severity,
        headline: format!("{service} {operation}: {title}"),
        path,
        line: line.max(1),
        spans: finding.exemplars.iter().map(exemplar).collect(),
        fingerprint: finding.fingerprint.clone(),
        text,
        ..plain("findings", rule, format!("{rule}: {service} {operation}"), Answer::Violated, title.clone())
    }
}
