//! The laboratory: runs algorithms, judges what came of it, and writes it down.
//!
//! An [`Experiment`] says what to run. [`perform`] runs one, [`search`] a range of seeds on all cores,
//! [`kill`] looks for the seeds that show a known bug. [`files`] holds what is written and read again.

mod experiment;
pub mod files;
mod judge;
mod mutants;
mod script;
mod search;
pub mod truth;
mod witness;

pub use experiment::{Chosen, Experiment, FaultChoice, active_time, fault_choice};
pub use judge::{Judgement, Kind, history, judge, promise};
pub use mutants::{Kill, Row, kill};
pub use script::{Played, Script, play};
pub use search::{Failure, Found, search};
pub use witness::{shrink, witness};

use crate::node::ClockRules;
use crate::sim::{Recording, Run, simulate};

/// Runs an experiment and judges it.
pub fn perform(experiment: &Experiment, recording: Recording, shrink: causet_checkers::Shrink) -> (Run, Judgement) {
    let run = simulate(experiment.system, &experiment.config(recording));
    let mut judgement = judge(experiment.system, &run, shrink);
    let windows = files::windows(experiment.cluster(), &run);
    for example in judgement.results.iter_mut().flat_map(|result| &mut result.counterexamples) {
        example.note_faults(&windows, |operation| Some((operation.call_ns?, operation.return_ns)));
    }
    (run, judgement)
}

/// Runs an experiment and judges it, with no more recorded and explained than the judgement needs.
fn attempt(experiment: &Experiment) -> (Run, Judgement) {
    // A clock that is kept wrongly shows only if the clocks are recorded.
    let clocks = experiment.system.clock_rules(experiment.mutant) != ClockRules::default();
    let recording = if clocks { Recording::Full } else { Recording::History };
    let run = simulate(experiment.system, &experiment.config(recording));
    let judgement = judge(experiment.system, &run, causet_checkers::Shrink::Off);
    (run, judgement)
}
