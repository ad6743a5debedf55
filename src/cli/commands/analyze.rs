//! `causet analyze`: traces in, overview, causal order, critical paths and findings out.

use crate::causal::{CausalGraph, LinksOfTrace, links_of_trace, missing_links, overview_of, waterfall};
use crate::cli::args::{self, Global, severity};
use crate::cli::filter::{Chosen, Filter};
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, Known, note};
use crate::cli::progress;
use crate::detect::{self, Baseline, Settings, View};
use crate::extract;
use crate::formats::Reading;
use crate::outcome::{Analysis, Extent, Filtered, ProblemCount, Report, Severity};
use crate::store::SpanStore;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet analyze traces.jsonl.zst
  cat traces.jsonl | causet analyze -
  causet analyze traces.jsonl --trace-id 5b8efff798038103d269b633813fc60c
  causet analyze traces.jsonl --service checkout --since 2026-01-31T12:00:00Z
  causet analyze traces.jsonl --reference-window 2026-01-31T11:00:00Z..2026-01-31T12:00:00Z
  causet analyze traces/ --report json=report.json --fail-on high")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    inputs: args::Inputs,
    /// Traces of the same system when all was well, to compare with; repeatable
    #[arg(long, value_name = "INPUT")]
    reference: Vec<String>,
    /// A detector's threshold, such as error-status.high-share=0.2 (see `causet explain DETECTOR`); repeatable
    #[arg(long, value_name = "DETECTOR.NAME=NUMBER")]
    threshold: Vec<String>,
    /// Exit with 1 if there is a finding of this severity or above: low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    fail_on: Option<Severity>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    reporting: args::Reporting,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let destinations = Destinations::new(&args.reporting, global)?;
    let mut question = Question { progress: destinations.talks(), ..Question::default() };
    for text in &args.threshold {
        question.settings.set_text(text).map_err(|message| format!("--threshold: {message}"))?;
    }
    let mut report = Report { command: "analyze", fail_on: args.fail_on, ..Report::default() };
    let inputs = match Inputs::new(&args.inputs, destinations.talks(), &mut report) {
        Ok(inputs) => inputs,
        Err(message) => return Ok(destinations.refuse(report, message)),
    };
    let limits = Limits::new(global);
    let watch = limits.watch(destinations.emergency(&Known::new(&report)));

    let mut reading = Reading::default();
    for place in inputs.places() {
        inputs.load(place, &mut reading, &limits, &mut report);
    }
    let histories: Vec<&str> =
        report.inputs.iter().filter(|input| input.operations > 0).map(|input| &*input.path).collect();
    if !histories.is_empty() && destinations.talks() {
        note(&format!("note: {} is a history, not traces; `causet check` judges it", histories.join(", ")));
    }
    if !args.reference.is_empty() {
        question.baseline = Some(reference(args, &destinations, &limits, &mut report)?);
    }
    let mut store = reading.spans.finish();
    if !args.filter.is_empty() {
        match filter(store, &args.filter, &mut question, &mut report) {
            Ok(rest) => store = rest,
            Err(message) => {
                drop(watch);
                return Ok(destinations.refuse(report, message));
            }
        }
    }
    analyze(&store, &question, &limits, &mut report);
    report.next = next(args, &report);
    if let Some(limit) = args.reporting.limit.filter(|limit| *limit > 0) {
        cut(&mut report, limit);
    }
    drop(watch);
    Ok(destinations.deliver(&report))
}

/// The traces that are asked for.
fn filter(
    store: SpanStore,
    filter: &Filter,
    question: &mut Question,
    report: &mut Report,
) -> Result<SpanStore, String> {
    let Chosen { keep, reference, trace, account } = filter.choose(&store)?;
    if filter.has_reference() {
        if account.reference.spans == 0 && !store.is_empty() {
            return Err(format!("--reference-window: none of {} traces starts in it", account.read.traces));
        }
        question.baseline = Some(Baseline::of_some(&store, |span| reference[span]));
    }
    report.filtered = Some(account);
    question.links = trace.map(|trace| links_of_trace(&store, trace));
    question.filter = filter.clone();
    if keep.iter().all(|kept| *kept) {
        return Ok(store);
    }
    question.missing_links = Some(missing_links(&store, |span| keep[span.index()]));
    Ok(store.select(&keep))
}

/// Takes off every table, in every format, what goes beyond the limit that was asked for. Findings are no table: whatever
/// reads them to gate, to file or to compare wants all of them, and only the text shows fewer.
fn cut(report: &mut Report, limit: usize) {
    fn rows<T>(table: &mut Vec<T>, name: &'static str, limit: usize, cut: &mut Vec<(&'static str, u64)>) {
        if table.len() > limit {
            cut.push((name, (table.len() - limit) as u64));
            table.truncate(limit);
        }
    }
    let mut cut = Vec::new();
    if let Some(analysis) = &mut report.analysis {
        rows(&mut analysis.operations, "operations", limit, &mut cut);
        rows(&mut analysis.dependencies, "dependencies", limit, &mut cut);
        rows(&mut analysis.slowest, "slowest_traces", limit, &mut cut);
        if let Some(trace) = &mut analysis.trace {
            rows(&mut trace.rows, "trace", limit, &mut cut);
        }
    }
    if !cut.is_empty() {
        let summary = report.analysis.as_ref().map(|analysis| analysis.summary).unwrap_or_default();
        let all = Extent { traces: summary.traces, spans: summary.spans };
        let nothing_else = || Filtered { read: all, matching: all, ..Filtered::default() };
        report.filtered.get_or_insert_with(nothing_else).rows = cut;
    }
}

/// What to look at next: the trace of the worst finding, else the slowest one.
fn next(args: &Arguments, report: &Report) -> Vec<String> {
    let Some(analysis) = &report.analysis else { return Vec::new() };
    let slowest = analysis.slowest.first().map(|trace| &trace.trace_id);
    let trace = report.findings.first().map(|finding| &finding.trace_id).or(slowest);
    let inputs = &args.inputs.inputs;
    if inputs.iter().any(|input| input == "-") {
        return Vec::new();
    }
    let mut read: Vec<String> = inputs.iter().map(|input| quoted(input)).collect();
    read.extend(args.inputs.input_format.iter().map(|format| format!("--input-format {}", quoted(format))));
    read.extend(args.inputs.log_regex.iter().map(|regex| format!("--log-regex {}", quoted(regex.as_str()))));
    let read = read.join(" ");
    let mut next = Vec::new();
    if analysis.summary.operations > 0 {
        next.push(format!("causet check {read}"));
    }
    match (&analysis.trace, trace) {
        (Some(shown), _) => {
            let waited_for = shown.critical_path.first().map(|step| &step.span.span_id);
            let span =
                waited_for.map(|span| format!("causet order {read} --concurrent-with {}:{span}", shown.trace_id));
            next.extend(span);
        }
        (None, Some(trace)) => next.push(format!("causet analyze {read} --trace-id {trace}")),
        (None, None) => {}
    }
    next
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if argument.chars().all(plain) { argument.to_owned() } else { format!("'{}'", argument.replace('\'', r"'\''")) }
}

/// More spans than this take long enough to say so.
const LASTS: usize = 100_000;

/// What is asked of the traces beside the overview.
#[derive(Default)]
pub(super) struct Question {
    /// Whether somebody wants to see that work goes on.
    progress: bool,
    settings: Settings,
    baseline: Option<Baseline>,
    /// The spans of the store that are to be told.
    filter: Filter,
    /// If one trace is asked for: its links.
    links: Option<LinksOfTrace>,
    /// If other traces were left out: what is wrong with the links of these, which may lead there.
    missing_links: Option<Option<ProblemCount>>,
}

/// What the reference traces are like. They are no inputs of the analysis; what is wrong with them is an error.
fn reference(
    args: &Arguments,
    destinations: &Destinations,
    limits: &Limits,
    report: &mut Report,
) -> Result<Baseline, String> {
    let named = args::Inputs { inputs: args.reference.clone(), ..args.inputs.clone() };
    let mut read = Report::default();
    let inputs = Inputs::new(&named, destinations.talks(), &mut read)?;
    let mut reading = Reading::default();
    for place in inputs.places() {
        inputs.load(place, &mut reading, limits, &mut read);
    }
    if reading.spans.is_empty() && read.errors.is_empty() {
        return Err(format!("--reference: no span in {}", args.reference.join(", ")));
    }
    report.errors.append(&mut read.errors);
    Ok(Baseline::of(&reading.spans.finish()))
}

/// Fills a report with what the spans tell. Between steps it looks at the limits.
pub(super) fn analyze(store: &SpanStore, question: &Question, limits: &Limits, report: &mut Report) {
    let mut analysis = Analysis::default();
    analysis.summary.spans = store.len() as u64;
    let stopped = |step: &str| limits.hit().map(|(kind, detail)| (kind, format!("{detail} {step}")));
    let read = format!("after reading {} spans", store.len());
    report.cause = stopped(&read);
    if report.cause.is_none() {
        let lasts = question.progress && store.len() > LASTS;
        let stage = progress::stage("causal order", lasts);
        let graph = CausalGraph::new(store);
        drop(stage);
        let stage = progress::stage("overview", lasts);
        analysis = overview_of(store, &graph, &|span| question.filter.matches(span));
        if let Some(missing) = &question.missing_links {
            let problems = &mut analysis.causal.problems;
            problems.retain(|problem| problem.id != "missing-link");
            problems.extend(missing.clone());
        }
        let links = question.links.clone().filter(|_| !store.is_empty());
        analysis.trace = links.map(|links| waterfall(store, &graph, links));
        analysis.summary.operations = extract::count(store, |span| question.filter.matches(span));
        report.cause = stopped("before the detectors ran");
        drop(stage);
        if report.cause.is_none() {
            let _stage = progress::stage("detectors", lasts);
            let view = View { store, graph: &graph, baseline: question.baseline.as_ref() };
            report.findings = detect::detect(view, &question.settings);
            let found = report.findings.len();
            report.findings.retain(|finding| question.filter.tells(finding));
            if let Some(filtered) = &mut report.filtered {
                filtered.findings = (found - report.findings.len()) as u64;
            }
        }
    }
    report.analysis = Some(analysis);
}
