//! Which faults acted during a counterexample: of a simulated run, `truth.json` beside its history or its traces tells.

use super::output::note as say;
use crate::formats::input::Place;
use crate::lab::truth::{self, Truth};
use crate::outcome::{CheckResult, Report};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of a run that hold its operations; they may be compressed.
const OPERATIONS: [&str; 2] = ["history.jsonl", "traces.otlp.jsonl"];

/// Notes the faults in every counterexample of a run whose truth is known.
pub(super) fn note(report: &mut Report) {
    if report.cause.is_some() {
        // After a limit there is no time to read.
        return;
    }
    let mut read: BTreeMap<PathBuf, Option<Truth>> = BTreeMap::new();
    let traces: Vec<String> =
        report.inputs.iter().filter(|input| input.spans > 0).map(|input| input.path.clone()).collect();
    for result in report.results.iter_mut().filter(|result| !result.counterexamples.is_empty()) {
        // Operations of traces know their spans, in whichever of the files those are.
        let of_traces = result.counterexamples[0].operations.iter().any(|operation| operation.span_id.is_some());
        let files = if of_traces { traces.clone() } else { vec![result.input.clone()] };
        for path in files.iter().filter_map(|file| truth_beside(Path::new(file))) {
            if let Some(truth) = read.entry(path.clone()).or_insert_with(|| load(&path)) {
                apply(truth, result);
            }
        }
    }
}

/// The file that tells the truth about a run, if this is a file of one.
fn truth_beside(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_str()?;
    let is_of_a_run = OPERATIONS.iter().any(|known| name.strip_prefix(known).is_some_and(is_compression));
    let path = file.with_file_name("truth.json");
    (is_of_a_run && path.is_file()).then_some(path)
}

/// Whether a file belongs to a run and is no input: nobody needs to hear that it is left out.
pub(super) fn is_companion(place: &Place) -> bool {
    let Place::File { path, .. } = place else { return false };
    let is_named = path.file_name().is_some_and(|name| name == "truth.json" || name == "run.toml");
    is_named && path.with_file_name("truth.json").is_file() && path.with_file_name("run.toml").is_file()
}

fn is_compression(rest: &str) -> bool {
    matches!(rest, "" | ".gz" | ".zst")
}

fn load(path: &Path) -> Option<Truth> {
    let truth = truth::read(path);
    truth.inspect_err(|message| say(&format!("note: {}: no faults are shown: {message}", path.display()))).ok()
}

fn apply(truth: &Truth, result: &mut CheckResult) {
    for example in result.counterexamples.iter_mut().filter(|example| example.faults.is_empty()) {
        // Another run's truth would put faults where there were none.
        if example.operations.iter().all(|operation| truth.nodes.contains(&operation.process)) {
            example.note_faults(&truth.windows, |operation| match &operation.span_id {
                Some(span) => truth.operations.get(span).copied(),
                None => Some((operation.call_ns?, operation.return_ns)),
            });
        }
    }
}
