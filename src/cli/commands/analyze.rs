//! `causet analyze`: traces in, overview, causal order, critical paths and findings out.

use crate::causal::{CausalGraph, overview};
use crate::cli::args::{self, Global, severity};
use crate::cli::exit;
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, complain};
use crate::detect::{self, Baseline, Settings, View};
use crate::extract;
use crate::formats::Reading;
use crate::outcome::{Analysis, Report, Severity};
use crate::store::SpanStore;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet analyze traces.jsonl.zst
  cat traces.jsonl | causet analyze -
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
    reporting: args::Reporting,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> u8 {
    match try_run(args, global) {
        Ok(code) => code,
        Err(message) => {
            complain(&message);
            exit::USAGE
        }
    }
}

fn try_run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let destinations = Destinations::new(&args.reporting, global)?;
    let mut question = Question::default();
    for text in &args.threshold {
        question.settings.set_text(text).map_err(|message| format!("--threshold: {message}"))?;
    }
    let mut report = Report { command: "analyze", fail_on: args.fail_on, ..Report::default() };
    let inputs = match Inputs::new(&args.inputs, destinations.talks(), &mut report) {
        Ok(inputs) => inputs,
        Err(message) => return Ok(destinations.refuse(report, message)),
    };
    let limits = Limits::new(global);
    let watch = limits.watch(destinations.emergency(&report));

    let mut reading = Reading::default();
    for place in inputs.places() {
        inputs.load(place, &mut reading, &limits, &mut report);
    }
    let histories: Vec<&str> =
        report.inputs.iter().filter(|input| input.operations > 0).map(|input| &*input.path).collect();
    if !histories.is_empty() && destinations.talks() {
        eprintln!("note: {} is a history, not traces; `causet check` judges it", histories.join(", "));
    }
    if !args.reference.is_empty() {
        question.baseline = Some(reference(args, &destinations, &limits, &mut report)?);
    }
    analyze(&reading.spans.finish(), &question, &limits, &mut report);
    drop(watch);
    Ok(destinations.deliver(&report))
}

/// What is asked of the traces beside the overview.
#[derive(Default)]
pub(super) struct Question {
    settings: Settings,
    baseline: Option<Baseline>,
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
        let graph = CausalGraph::new(store);
        analysis = overview(store, &graph);
        analysis.summary.operations = extract::count(store);
        report.cause = stopped("before the detectors ran");
        if report.cause.is_none() {
            let view = View { store, graph: &graph, baseline: question.baseline.as_ref() };
            report.findings = detect::detect(view, &question.settings);
        }
    }
    report.analysis = Some(analysis);
}
