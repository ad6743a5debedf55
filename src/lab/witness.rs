//! Witnesses: a script or a run in which a known bug shows, and nothing else does.

use super::{Experiment, FaultChoice, Kind, Script, attempt, files, play};
use crate::algorithms;
use crate::node::Mutant;
use crate::sim::Schedule;

/// Whether the witness of a bug shows it: that something goes wrong with it, and nothing without it.
///
/// # Errors
/// What is wrong with the witness.
pub fn witness(mutant: &'static Mutant) -> Result<(), String> {
    let (with, without) = if mutant.witness.lines().any(|line| line.starts_with("system = ")) {
        let experiment = files::read_run_file(mutant.witness, algorithms::by_id)?;
        same(experiment.mutant, mutant)?;
        (wrong(&experiment), wrong(&Experiment { mutant: None, ..experiment.clone() }))
    } else {
        let script = Script::read(mutant.witness, algorithms::by_id)?;
        same(script.mutant, mutant)?;
        (play(&script, true).wrong, play(&script, false).wrong)
    };
    match (with.first(), without.first()) {
        (None, _) => Err("the bug does not show".to_owned()),
        (_, Some(wrong)) => Err(format!("without the bug too: {wrong}")),
        _ => Ok(()),
    }
}

fn same(found: Option<&'static Mutant>, wanted: &'static Mutant) -> Result<(), String> {
    if found.is_some_and(|found| std::ptr::eq(found, wanted)) { Ok(()) } else { Err("it is of another bug".to_owned()) }
}

fn wrong(experiment: &Experiment) -> Vec<String> {
    fingerprint(experiment).into_iter().map(|(_, property)| property.to_owned()).collect()
}

/// What goes wrong, without the details.
fn fingerprint(experiment: &Experiment) -> Vec<(Kind, &'static str)> {
    attempt(experiment).1.wrong.into_iter().map(|(kind, property, _)| (kind, property)).collect()
}

/// The same failure with fewer faults and operations: windows are left out one at a time, then operations are
/// halved and clients taken away, as long as the first thing that went wrong still does. One that does not go
/// wrong comes back as it is. At most a few hundred runs.
pub fn shrink(experiment: &Experiment) -> Experiment {
    let Some(first) = fingerprint(experiment).into_iter().next() else { return experiment.clone() };
    let spare = experiment.cluster().servers > experiment.cluster().members;
    let mut schedule = experiment.schedule();
    let mut best = experiment.clone();
    let with = |best: &Experiment, schedule: &Schedule| Experiment {
        faults: FaultChoice::Windows(schedule.clone(), spare),
        ..best.clone()
    };
    best = with(&best, &schedule);
    let fails = |candidate: &Experiment| fingerprint(candidate).contains(&first);
    let mut at = schedule.windows.len();
    while at > 0 {
        at -= 1;
        let fewer = schedule.without(at);
        let candidate = with(&best, &fewer);
        if fails(&candidate) {
            schedule = fewer;
            best = candidate;
        }
    }
    for part in [2, 4, 8, 16] {
        let candidate = Experiment { operations: (best.operations - best.operations / part).max(1), ..best.clone() };
        if candidate.operations < best.operations && fails(&candidate) {
            best = candidate;
        }
    }
    best
}
