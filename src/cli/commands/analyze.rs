//! `causet analyze`: traces in, overview, causal order, critical paths and findings out.

use crate::causal::{CausalGraph, overview};
use crate::cli::args::{self, Global, severity};
use crate::cli::exit;
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, complain};
use crate::detect::{self, View};
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
    analyze(&reading.spans.finish(), &limits, &mut report);
    drop(watch);
    Ok(destinations.deliver(&report))
}

/// Fills a report with what the spans tell. Between steps it looks at the limits.
pub(super) fn analyze(store: &SpanStore, limits: &Limits, report: &mut Report) {
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
            report.findings = detect::detect(View { store, graph: &graph });
        }
    }
    report.analysis = Some(analysis);
}
