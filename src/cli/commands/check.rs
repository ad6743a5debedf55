//! `causet check`: histories in, a verdict per file and property out.

use crate::cli::args::{self, Global, Key};
use crate::cli::faults;
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, Known};
use crate::cli::progress;
use crate::config::FailOn;
use crate::extract;
use crate::formats::{self, Reading};
use crate::outcome::{Answer, CheckResult, Circumstances, Input, InputError, Report, path_from};
use crate::store::SpanStore;
use causet_checkers::budget::Budget;
use causet_checkers::history::{History, Value};
use causet_checkers::{Query, Shrink};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet check history.edn
  causet check histories/ --model cas-register
  causet check history.jsonl --model register --model-option initial=0 --report json | jq .verdict")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    inputs: args::Inputs,
    /// What the objects are (see `causet list models`) [default: what the operations make plain]
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Something about the model, such as initial=0; values are JSON; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    model_option: Vec<String>,
    /// What to check (see `causet list properties`); repeatable
    #[arg(long, value_name = "ID", default_value = "linearizable")]
    property: Vec<String>,
    /// Whether Jepsen values that are pairs are [key value]
    #[arg(long, value_enum, default_value_t = Key::Auto, value_name = "HOW")]
    key: Key,
    /// How hard to look for the smallest counterexample: auto takes about a second
    #[arg(long, value_enum, default_value_t = ShrinkArgument::Auto, value_name = "HOW")]
    shrink: ShrinkArgument,
    /// Of each history, stop at the first key that violates the property (in order of the keys)
    #[arg(long)]
    fail_fast: bool,
    /// Judge a history of which some lines could not be read; the verdict may then be wrong
    #[arg(long)]
    lenient: bool,
    #[command(flatten)]
    configuration: args::Configuration,
    #[command(flatten)]
    reporting: args::Reporting,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShrinkArgument {
    Off,
    Auto,
    Full,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let destinations = Destinations::new(&args.reporting, global)?;
    let mut report = Report { command: "check", ..Report::default() };
    let inputs = match Inputs::new(&args.inputs, destinations.talks(), &mut report) {
        Ok(inputs) => inputs,
        Err(message) => return Ok(destinations.refuse(report, message)),
    };
    let limits = Limits::new(global);
    let rules = match super::gate::extraction(&args.configuration) {
        Ok(rules) => rules,
        Err(errors) => {
            report.errors.extend(errors);
            return Ok(destinations.deliver(&report));
        }
    };
    let question =
        match Question::new(args, &rules, &limits).and_then(|question| question.validate().map(|()| question)) {
            Ok(question) => question,
            Err(message) => return Ok(destinations.refuse(report, message)),
        };
    let known = Known::new(&report);
    let watch = limits.watch(destinations.emergency(&known));
    let bar = progress::items(inputs.places().len() as u64, "checking", destinations.talks());
    for stream in inputs.streams() {
        for (reading, input) in inputs.load_stream(stream, args.key.into(), &limits, &mut report) {
            question.ask(reading, &input, &limits, &mut report);
            known.keep(&report);
        }
        bar.inc(stream.len() as u64);
    }
    bar.finish_and_clear();
    // A limit that was hit before an input could even be recognised left no result to say so.
    if report.results.iter().all(|result| result.answer != Answer::Unknown) {
        report.cause = limits.hit();
    }
    faults::note(&mut report);
    drop(watch);
    Ok(destinations.deliver(&report))
}

/// What is asked of every history.
#[derive(Clone)]
pub(super) struct Question<'a> {
    /// The `[[check]]` that asks, for a gate.
    pub name: &'a str,
    /// How spans without operation attributes become operations.
    pub rules: &'a [extract::Rule],
    pub fail_on: FailOn,
    /// Where the names of inputs in fingerprints begin.
    pub folder: PathBuf,
    /// What fingerprints call the input, if it is not one file.
    pub known_as: Option<String>,
    pub model: Option<&'a str>,
    pub options: Vec<(String, Value)>,
    pub properties: Vec<&'a str>,
    pub shrink: Shrink,
    pub fail_fast: bool,
    pub lenient: bool,
    pub budget: Budget,
}

impl<'a> Question<'a> {
    fn new(args: &'a Arguments, rules: &'a [extract::Rule], limits: &Limits) -> Result<Self, String> {
        let option = |text: &String| {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| format!("--model-option {text}: expected NAME=VALUE, such as initial=0"))?;
            let value = formats::json_value(value).unwrap_or_else(|| Value::str(value));
            Ok((name.to_owned(), value))
        };
        Ok(Self {
            name: "",
            rules,
            fail_on: FailOn::Unknown,
            folder: absolute(Path::new("")),
            known_as: None,
            model: args.model.as_deref(),
            options: args.model_option.iter().map(option).collect::<Result<_, String>>()?,
            properties: args.property.iter().map(String::as_str).collect(),
            shrink: match args.shrink {
                ShrinkArgument::Off => Shrink::Off,
                ShrinkArgument::Auto => Shrink::Auto,
                ShrinkArgument::Full => Shrink::Full,
            },
            fail_fast: args.fail_fast,
            lenient: args.lenient,
            budget: Budget { stop: limits.stop.clone(), bytes: limits.max_memory, steps: None },
        })
    }

    /// A question that makes no sense is an error whatever the history.
    pub(super) fn validate(&self) -> Result<(), String> {
        for property in &self.properties {
            // An empty history has no operations to infer a model from.
            let model = self.model.or(Some("register"));
            let options = if self.model.is_some() { &self.options[..] } else { &[] };
            let query = Query { model, options, property, ..Query::default() };
            causet_checkers::check(&History::default(), &query).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Judges what was read of one input: a history, or traces that carry operations.
    pub(super) fn ask(&self, reading: Reading, input: &Input, limits: &Limits, report: &mut Report) {
        if input.spans > 0 {
            let at = report.inputs.iter().rposition(|each| each.path == input.path);
            self.ask_spans(&reading.spans.finish(), input, at, limits, report);
        } else {
            self.ask_read_history(&reading.history.finish(), input, limits, report);
        }
    }

    /// Judges a history as it was read.
    pub(super) fn ask_read_history(&self, history: &History, input: &Input, limits: &Limits, report: &mut Report) {
        self.ask_history(history, &[], input, skipped(input), limits, report);
    }

    /// Judges the operations that spans carry. `at` is the report's input that they came from, if it is one.
    pub(super) fn ask_spans(
        &self,
        store: &SpanStore,
        input: &Input,
        at: Option<usize>,
        limits: &Limits,
        report: &mut Report,
    ) {
        let extracted = extract::extract(store, self.rules, formats::json_value);
        let id = |span: usize| format!("span {:016x}", store.span(span).id());
        if let Some((span, first, second)) = &extracted.conflict {
            let message =
                format!("rules `{first}` and `{second}` make different operations of this span; narrow one of them");
            let path = input.path.clone();
            report.errors.push(InputError { path, position: Some(id(*span)), message });
            return;
        }
        if let Some(input) = at.and_then(|at| report.inputs.get_mut(at)) {
            input.operations = extracted.history.len() as u64;
            input.skipped.extend(extracted.refused.iter().map(|(span, reason)| (id(*span), reason.clone())));
            input.skipped_total += extracted.refused.len() as u64;
        }
        let ids: Vec<String> =
            extracted.spans.iter().map(|&span| format!("{:016x}", store.span(span as usize).id())).collect();
        let refused = extracted.refused.first().map(|(span, reason)| format!("{}: {reason}", id(*span)));
        let lost = skipped(input).or(refused).or_else(|| extracted.blind.first().cloned());
        self.ask_history(&extracted.history, &ids, input, lost, limits, report);
    }

    fn ask_history(
        &self,
        history: &History,
        span_ids: &[String],
        input: &Input,
        lost: Option<String>,
        limits: &Limits,
        report: &mut Report,
    ) {
        let lost = lost.filter(|_| !self.lenient);
        for property in &self.properties {
            let result = self.judge(history, span_ids, input, property, lost.clone(), limits);
            match result {
                Ok(mut result) => {
                    result.tolerated = self.tolerates(&result);
                    result.tolerates_undecided = self.fail_on != FailOn::Unknown;
                    report.results.push(result);
                }
                Err(message) => {
                    report.errors.push(InputError { path: input.path.clone(), position: None, message });
                }
            }
        }
    }

    fn tolerates(&self, result: &CheckResult) -> bool {
        match self.fail_on {
            FailOn::Never => true,
            // That something is missing is no limit of the search: it never passes.
            FailOn::Violated => {
                let missing = result.cause.as_ref().is_some_and(|(kind, _)| kind == "missing-data");
                result.answer == Answer::Unknown && !missing
            }
            FailOn::Unknown => false,
        }
    }

    fn judge(
        &self,
        history: &History,
        span_ids: &[String],
        input: &Input,
        property: &str,
        lost: Option<String>,
        limits: &Limits,
    ) -> Result<CheckResult, String> {
        let query = Query {
            model: self.model,
            options: &self.options,
            property,
            shrink: self.shrink,
            fail_fast: self.fail_fast,
            budget: self.budget.clone(),
            ..Query::default()
        };
        let entry = causet_checkers::properties::all().iter().find(|entry| entry.id == property);
        let known_as = self.known_as.clone().unwrap_or_else(|| known_as(&self.folder, &input.path));
        let mut about = Circumstances {
            check: self.name,
            input: &input.path,
            known_as: &known_as,
            options: &self.options,
            property: entry.map_or("", |entry| entry.id),
            span_ids,
            ..Circumstances::default()
        };
        if let Some((kind, detail)) = limits.hit() {
            return Ok(CheckResult::unchecked(history, Answer::Unknown, Some((&kind, detail)), &about));
        }
        if let Some(lost) = lost {
            let cause = Some(("missing-data", lost));
            return Ok(CheckResult::unchecked(history, Answer::Unknown, cause, &about));
        }
        if history.is_empty() {
            return Ok(CheckResult::unchecked(history, Answer::Empty, None, &about));
        }
        let begin = Instant::now();
        let outcome = causet_checkers::check(history, &query).map_err(|error| error.to_string())?;
        about.elapsed_ms = begin.elapsed().as_secs_f64() * 1e3;
        about.model = outcome.model;
        about.partitions = outcome.partitions as u64;
        about.undecided = outcome.unknown.len() as u64;
        Ok(CheckResult::new(history, &outcome.verdict, &about))
    }
}

/// A path from the root, without looking at what is there.
pub(super) fn absolute(path: &Path) -> PathBuf {
    // The working folder itself has no name.
    let named = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(named).unwrap_or_else(|_| path.to_owned())
}

/// What fingerprints call an input.
pub(super) fn known_as(folder: &Path, input: &str) -> String {
    if input == "-" { input.to_owned() } else { path_from(folder, &absolute(Path::new(input))) }
}

/// What could not be read of an input, if anything.
fn skipped(input: &Input) -> Option<String> {
    let (position, reason) = input.skipped.first()?;
    let pieces = if input.skipped_total == 1 { "a piece was skipped" } else { "pieces were skipped, the first" };
    Some(format!("{pieces} at {position}: {reason}"))
}
