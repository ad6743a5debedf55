//! The kill matrix: which known bug is found by what, and how fast.

use super::{Experiment, Kind, attempt};
use crate::node::{Mutant, System};
use causet_checkers::budget::Stop;
use rayon::prelude::*;

/// The first time that a kind of judge found a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// How many seeds it took, this one included.
    pub seeds: u64,
}

/// What came of the search for one bug.
#[derive(Clone, Debug)]
pub struct Row {
    pub mutant: &'static Mutant,
    /// By [`Kind::ALL`].
    pub kills: [Option<Kill>; 3],
    /// How many seeds were run.
    pub seeds: u64,
    /// Events up to the end of the search: the measure of effort that is the same on every machine.
    pub events: u64,
    /// What the first kill said.
    pub detail: String,
}

impl Row {
    /// Whether anything found it.
    pub fn killed(&self) -> bool {
        self.kills.iter().any(Option::is_some)
    }
}

/// Looks for the seeds that show a bug: each a run of [`Experiment::hard`]. It ends after the
/// chunk of seeds in which anything found it, after `most` seeds, or when stopped.
pub fn kill(system: &'static dyn System, mutant: &'static Mutant, most: u64, stop: &Stop) -> Row {
    let mut row = Row { mutant, kills: [None; 3], seeds: 0, events: 0, detail: String::new() };
    while row.seeds < most && !row.killed() && stop.raised().is_none() {
        let chunk = (row.seeds + 1..=most.min(row.seeds + 16)).collect::<Vec<u64>>();
        let runs: Vec<_> = chunk
            .par_iter()
            .map(|&seed| {
                let (run, judgement) = attempt(&Experiment::hard(system, seed, Some(mutant)));
                (run.events, judgement)
            })
            .collect();
        for (events, judgement) in runs {
            row.seeds += 1;
            row.events += events;
            for (at, kind) in Kind::ALL.into_iter().enumerate() {
                if judgement.found(kind) && row.kills[at].is_none() {
                    row.kills[at] = Some(Kill { seeds: row.seeds });
                    if row.detail.is_empty()
                        && let Some((_, property, detail)) = judgement.wrong.first()
                    {
                        row.detail = format!("{property}: {detail}");
                    }
                }
            }
        }
    }
    row
}
