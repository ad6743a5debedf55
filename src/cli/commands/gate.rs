//! `causet gate`: what causet.toml asks for, and an exit code.

use super::check::{Question, absolute, known_as};
use super::gate_plan::{self, Plan, beside, check_name, question};
use crate::causal::{CausalGraph, overview};
use crate::cli::args::{self, Configuration, Global};
use crate::cli::faults;
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, Known};
use crate::cli::progress;
use crate::config::{Check, Incomplete, Key};
use crate::detect::{self, View};
use crate::extract::{self, Rule};
use crate::formats::input::Place;
use crate::formats::{KeyMode, Reading};
use crate::gate::{self, baseline, complete, judge::Subject, suppress};
use crate::outcome::{
    Answer, Expectation, Finding, Gap, Gate, Input, InputError, Report, Severity, fingerprint, path_from,
};
use crate::store::SpanStore;
use toml::Spanned;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet init && causet gate
  causet gate --report junit=causet.xml --report sarif=causet.sarif --report html=causet.html
  causet gate traces/run-7.jsonl histories/run-7.jsonl")]
pub(in crate::cli) struct Arguments {
    /// Instead of the inputs in causet.toml: traces and histories; files, folders, globs, or -
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// Treat anything that can't be read as an error
    #[arg(long)]
    strict: bool,
    /// Fail on findings of this severity and above, instead of `fail-on` in [analyze]
    #[arg(long, value_name = "SEVERITY", value_parser = args::severity)]
    fail_on: Option<Severity>,
    #[command(flatten)]
    configuration: Configuration,
    #[command(flatten)]
    reporting: args::Reporting,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let destinations = Destinations::new(&args.reporting, global)?;
    let mut report = Report { command: "gate", ..Report::default() };
    let plan = match plan(&args.configuration) {
        Ok(plan) => Plan { fail_on: args.fail_on.or(plan.fail_on), ..plan },
        Err(errors) => {
            report.errors.extend(errors);
            return Ok(destinations.deliver(&report));
        }
    };
    let limits = Limits::new(global);
    let watch = limits.watch(destinations.emergency(&Known::new(&report)));
    carry_out(&plan, &args.inputs, args.strict, destinations.talks(), &limits, &mut report);
    drop(watch);
    Ok(destinations.deliver(&report))
}

/// The plan of the configuration that the arguments name.
pub(super) fn plan(args: &Configuration) -> Result<Plan, Vec<InputError>> {
    let none = || {
        let message = "there is none here or above; `causet init` writes one, --config PATH names one".to_owned();
        vec![InputError { path: crate::config::FILE_NAME.to_owned(), position: None, message }]
    };
    let loaded = gate_plan::find(args).map_err(|error| vec![error])?.ok_or_else(none)?;
    Plan::new(loaded)
}

/// The extraction rules of the configuration, if there is one, for verbs that use nothing else of it.
pub(super) fn extraction(args: &Configuration) -> Result<Vec<Rule>, Vec<InputError>> {
    match gate_plan::find(args).map_err(|error| vec![error])? {
        Some(loaded) => gate::rules::rules(&loaded),
        None => Ok(Vec::new()),
    }
}

/// Does what the plan says, and fills the report.
pub(super) fn carry_out(
    plan: &Plan,
    inputs: &[String],
    strict: bool,
    talks: bool,
    limits: &Limits,
    report: &mut Report,
) {
    report.fail_on = plan.fail_on;
    report.gate = Some(Gate { config: plan.loaded.path.display().to_string(), ..Gate::default() });
    let mut run = Run { plan, strict, talks, limits, given: !inputs.is_empty(), report };
    let traces = if inputs.is_empty() { run.configured() } else { run.given(inputs) };
    if run.limits.hit().is_none() {
        run.traces(traces);
    }
    if report.results.iter().all(|result| result.answer != Answer::Unknown) {
        report.cause = limits.hit();
    }
    faults::note(report);
}

struct Run<'a> {
    plan: &'a Plan,
    strict: bool,
    talks: bool,
    limits: &'a Limits,
    /// Whether the command line names the inputs.
    given: bool,
    report: &'a mut Report,
}

impl Run<'_> {
    fn gap(&mut self, answer: Answer, place: String, message: String) {
        if let Some(gate) = &mut self.report.gate {
            gate.gaps.push(Gap { answer, place, message });
        }
    }

    fn inputs(&mut self, places: Vec<Place>) -> Inputs {
        Inputs::of(places, self.strict, self.talks)
    }

    /// What some inputs of the configuration name; one that names nothing is a gap.
    fn places(&mut self, inputs: &[Spanned<String>]) -> Vec<Place> {
        let mut places = Vec::new();
        for input in inputs {
            let name = beside(self.plan.loaded.folder(), input.as_ref());
            let (found, errors) = crate::formats::input::expand(std::slice::from_ref(&name));
            let is_there = found.iter().all(|place| match place {
                Place::File { path, .. } => path.exists() || path.is_symlink(),
                Place::Stdin => true,
            });
            if found.is_empty() || !is_there {
                let place =
                    format!("{}, {}", self.plan.loaded.path.display(), self.plan.loaded.position(&input.span()));
                let why =
                    errors.first().map_or("there is no such file or folder, or nothing in it", |error| &error.message);
                let message = format!("`{}` names nothing to read: {why}", input.as_ref());
                self.gap(Answer::Empty, place, message);
                continue;
            }
            self.report.errors.extend(errors);
            places.extend(
                found
                    .into_iter()
                    .filter(|place| !places.iter().any(|known: &Place| known.name() == place.name()))
                    .collect::<Vec<_>>(),
            );
        }
        places
    }

    /// Reads what the configuration names: judges the histories, and answers with the traces.
    fn configured(&mut self) -> Reading {
        let config = &self.plan.loaded.config;
        for (at, check) in config.checks.iter().enumerate().filter(|(_, check)| !check.inputs.is_empty()) {
            let places = self.places(&check.inputs);
            let (count, inputs) = (places.len() as u64, self.inputs(places));
            let name = check_name(check, at);
            let bar = progress::items(count, &name, self.talks);
            let before = self.report.results.len() + self.report.errors.len();
            for stream in inputs.streams() {
                for (reading, input) in inputs.load_stream(stream, key_mode(check.key), self.limits, self.report) {
                    self.ask(check, &name, |question, limits, report| question.ask(reading, &input, limits, report));
                }
                bar.inc(stream.len() as u64);
            }
            bar.finish_and_clear();
            let judged = self.report.results.len() + self.report.errors.len() > before;
            if count > 0 && !judged && self.limits.hit().is_none() {
                let message = format!("{name}: {count} files, none of a known format");
                self.gap(Answer::Empty, self.plan.loaded.path.display().to_string(), message);
            }
        }
        let mut reading = Reading::default();
        if !self.plan.wants_traces() {
            return reading;
        }
        if config.traces.inputs.is_empty() {
            let message = "something is asked of traces, and [traces] names no inputs".to_owned();
            self.gap(Answer::Empty, self.plan.loaded.path.display().to_string(), message);
        }
        let places = self.places(&config.traces.inputs);
        let inputs = self.inputs(places);
        for place in inputs.places() {
            if let Some(input) = inputs.load(place, &mut reading, self.limits, self.report) {
                self.damage(&input);
            }
        }
        reading
    }

    /// Reads what the command line names instead: histories are judged by the checks that have inputs, or else by all.
    fn given(&mut self, inputs: &[String]) -> Reading {
        let (places, errors) = crate::formats::input::expand(inputs);
        for error in errors {
            self.gap(Answer::Empty, error.path, error.message);
        }
        let inputs = self.inputs(places);
        let mut traces = Reading::default();
        let checks = &self.plan.loaded.config.checks;
        let any_has_inputs = checks.iter().any(|check| !check.inputs.is_empty());
        let mut histories = 0;
        for place in inputs.places() {
            let before = traces.spans.len();
            let Some(input) = inputs.load(place, &mut traces, self.limits, self.report) else { continue };
            if traces.spans.len() > before {
                self.damage(&input);
                continue;
            }
            histories += 1;
            let history = std::mem::take(&mut traces.history).finish();
            for (at, check) in
                checks.iter().enumerate().filter(|(_, check)| !check.inputs.is_empty() || !any_has_inputs)
            {
                let name = check_name(check, at);
                self.ask(check, &name, |question, limits, report| {
                    question.ask_read_history(&history, &input, limits, report);
                });
            }
        }
        if any_has_inputs && histories == 0 && self.report.errors.is_empty() {
            let message = "no history among the inputs for the checks to judge".to_owned();
            self.gap(Answer::Empty, "command line".to_owned(), message);
        }
        traces
    }

    fn ask(&mut self, check: &Check, name: &str, ask: impl FnOnce(&Question<'_>, &Limits, &mut Report)) {
        let (limits, part) = self.limits.within(check.timeout.as_ref().map(|timeout| timeout.value));
        let folder = self.plan.loaded.folder();
        ask(&question(check, name, folder, &self.plan.rules, &limits), &limits, self.report);
        drop(part);
    }

    /// Spans that could not be read may be those that break an expectation.
    fn damage(&mut self, input: &Input) {
        let (Some((position, reason)), Incomplete::Fail) =
            (input.skipped.first(), self.plan.loaded.config.traces.incomplete)
        else {
            return;
        };
        let message = match input.skipped_total {
            1 => format!("a piece could not be read, at {position}: {reason}"),
            all => format!("{all} pieces could not be read, the first at {position}: {reason}"),
        };
        self.gap(Answer::Unknown, input.path.clone(), message);
    }

    /// Judges the traces: checks of their operations, detectors, expectations; then what is known and accepted.
    fn traces(&mut self, reading: Reading) {
        let store = reading.spans.finish();
        let graph = CausalGraph::new(&store);
        if self.plan.wants_traces() {
            self.report.analysis = Some(overview(&store, &graph));
            self.missing(&store);
            self.unjudged(&store);
        }
        let config = &self.plan.loaded.config;
        let sources: Vec<&str> = config.traces.inputs.iter().map(|input| input.as_ref().as_str()).collect();
        let path = match self.report.inputs.iter().filter(|input| input.spans > 0).collect::<Vec<_>>()[..] {
            [only] => only.path.clone(),
            _ => sources.join(", "),
        };
        let known_as = self.traces_are_known_as();
        for (at, check) in config.checks.iter().enumerate().filter(|(_, check)| check.inputs.is_empty()) {
            let input = Input { path: path.clone(), spans: store.len() as u64, ..Input::default() };
            let only = self.report.inputs.iter().position(|input| input.path == path);
            let name = check_name(check, at);
            let known_as = known_as.clone();
            self.ask(check, &name, |question, limits, report| {
                let question = Question { known_as: Some(known_as), ..question.clone() };
                question.ask_spans(&store, &input, only, limits, report);
            });
        }
        if self.limits.hit().is_some() {
            return;
        }
        self.report.findings = self.findings(&store, &graph);
        // Suppressions and the baseline come before expectations, which count what is left, and after, to excuse them.
        self.excuse(false);
        self.expectations(&store, &graph);
        self.excuse(true);
    }

    /// What fingerprints call all traces together: what the configuration names, or else the files; not how many there
    /// happen to be.
    fn traces_are_known_as(&self) -> String {
        let folder = absolute(self.plan.loaded.folder());
        let configured = self.plan.loaded.config.traces.inputs.iter().map(|input| folder.join(input.as_ref()));
        let named: Vec<String> = if self.given {
            let files = self.report.inputs.iter().filter(|input| input.spans > 0);
            files.map(|input| known_as(&folder, &input.path)).collect()
        } else {
            configured.map(|path| path_from(&folder, &path)).collect()
        };
        named.join(", ")
    }

    fn missing(&mut self, store: &SpanStore) {
        if let Some(message) = complete::missing(store) {
            let place = "traces".to_owned();
            match self.plan.loaded.config.traces.incomplete {
                Incomplete::Fail => self.gap(Answer::Unknown, place, message),
                Incomplete::Warn => self.warn(place, message),
            }
        }
    }

    /// Operations that nobody looks at are told: whoever records them wants to know.
    fn unjudged(&mut self, store: &SpanStore) {
        let operations = extract::count(store, |_| true);
        if operations > 0 && self.plan.loaded.config.checks.iter().all(|check| !check.inputs.is_empty()) {
            let carry = if operations == 1 { "1 span carries an operation" } else { "spans carry operations" };
            let message = format!("{carry} that no check judges; add a [[check]] without inputs");
            self.warn(self.plan.loaded.path.display().to_string(), message);
        }
    }

    fn warn(&mut self, place: String, message: String) {
        if let Some(gate) = &mut self.report.gate {
            gate.warnings.push(crate::outcome::Warning { place, message });
        }
    }

    fn findings(&self, store: &SpanStore, graph: &CausalGraph) -> Vec<Finding> {
        let settings = self.plan.loaded.config.analyze.clone().unwrap_or_default().detectors;
        let setting = |rule: &str| settings.iter().find(|(id, _)| id.as_ref() == rule).map(|(_, setting)| setting);
        let mut findings = detect::detect(View::new(store, graph), &self.plan.thresholds);
        findings.retain(|finding| setting(finding.rule).is_none_or(|setting| setting.enabled));
        for finding in &mut findings {
            if let Some(severity) = setting(finding.rule).and_then(|setting| setting.severity) {
                finding.severity = severity.into();
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.count)));
        findings
    }

    /// Applies suppressions and the baseline; what they do not match is told at the `last` time.
    fn excuse(&mut self, last: bool) {
        let path = self.plan.loaded.path.display().to_string();
        let warnings = self.report.gate.as_ref().map_or(0, |gate| gate.warnings.len());
        suppress::apply(&self.plan.suppressions, &path, today(), self.report);
        let stale = self.plan.baseline.as_ref().map(|known| known.excuse(self.report)).unwrap_or_default();
        let Some(gate) = &mut self.report.gate else { return };
        if last {
            let path = self.plan.baseline_path().display().to_string();
            gate.warnings.extend(baseline::stale_warnings(&path, &stale));
        } else {
            gate.warnings.truncate(warnings);
        }
    }

    fn expectations(&mut self, store: &SpanStore, graph: &CausalGraph) {
        let counts = |key: &str| self.report.excuse(key).is_none();
        let findings: Vec<Finding> =
            self.report.findings.iter().filter(|finding| counts(&finding.fingerprint)).cloned().collect();
        let violated = self
            .report
            .results
            .iter()
            .filter(|result| result.answer == Answer::Violated && self.report.excuse_of(result).is_none());
        let subject = Subject {
            store,
            graph,
            findings: &findings,
            violations: violated.count() as u64,
            operations: extract::count(store, |_| true),
        };
        for (planned, expect) in self.plan.expectations.iter().zip(&self.plan.loaded.config.expectations) {
            match gate::judge(&planned.that, &subject) {
                Ok(judged) => {
                    let expectation = Expectation {
                        name: planned.name.clone(),
                        expression: expect.that.as_ref().clone(),
                        line: planned.line,
                        answer: judged.answer,
                        detail: judged.detail,
                        exemplars: judged.exemplars,
                        fingerprint: fingerprint(&["expect", expect.that.as_ref()]),
                    };
                    self.report.gate.get_or_insert_default().expectations.push(expectation);
                }
                Err((at, message)) => {
                    self.report.errors.push(self.plan.loaded.error_within(&expect.that, at, &message));
                }
            }
        }
    }
}

fn key_mode(key: Key) -> KeyMode {
    match key {
        Key::Auto => KeyMode::Auto,
        Key::Tuple => KeyMode::Tuple,
        Key::None => KeyMode::None,
    }
}

/// Today, in UTC.
fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
