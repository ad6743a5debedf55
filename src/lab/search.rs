//! Many seeds, on all cores.

use super::{Experiment, Judgement, Kind, attempt};
use crate::outcome::Answer;
use causet_checkers::budget::Stop;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A seed that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    pub wrong: Vec<(Kind, &'static str, String)>,
}

/// What came of a range of seeds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How many seeds were run; fewer than asked for, if it was stopped.
    pub seeds: u64,
    pub events: u64,
    pub operations: u64,
    /// Those that went wrong, in order.
    pub failures: Vec<Failure>,
    /// Seeds whose history nobody could decide.
    pub unknown: Vec<u64>,
    /// How many seeds' histories were not judged, and why.
    pub unjudged: Option<(u64, String)>,
    /// By kind of fault: in how many seeds it was planned, and how often it acted.
    pub faults: BTreeMap<&'static str, (u64, u64)>,
}

/// Runs the experiment of each seed. The result does not depend on the number of threads. Ends early when `stop` is raised;
/// `done` is called after each seed.
pub fn search(
    of: impl Fn(u64) -> Experiment + Sync,
    seeds: RangeInclusive<u64>,
    stop: &Stop,
    done: impl Fn() + Sync,
) -> Found {
    let one = |seed: u64| {
        if stop.raised().is_some() {
            return None;
        }
        let (run, judgement) = attempt(&of(seed));
        done();
        Some((seed, run, judgement))
    };
    let add = |mut found: Found, (seed, run, judgement): (u64, crate::sim::Run, Judgement)| {
        found.seeds += 1;
        found.events += run.events;
        found.operations += run.performed.len() as u64;
        for fault in &run.faults {
            let (_, acted) = found.faults.entry(fault.fault).or_default();
            *acted += fault.activations;
        }
        let kinds: std::collections::BTreeSet<&str> = run.faults.iter().map(|fault| fault.fault).collect();
        for (kind, (planned, _)) in &mut found.faults {
            *planned += u64::from(kinds.contains(kind));
        }
        if judgement.answer() == Answer::Unknown {
            found.unknown.push(seed);
        }
        if let Some(why) = judgement.unjudged {
            found.unjudged.get_or_insert((0, why)).0 += 1;
        }
        if !judgement.wrong.is_empty() {
            found.failures.push(Failure { seed, wrong: judgement.wrong });
        }
        found
    };
    // A chunk at a time, so that the records of a million runs are not all in memory.
    let mut found = Found::default();
    let (mut from, until) = seeds.into_inner();
    while from <= until && stop.raised().is_none() {
        let to = until.min(from.saturating_add(255));
        let chunk: Vec<_> = (from..=to).into_par_iter().map(one).collect();
        found = chunk.into_iter().flatten().fold(found, add);
        let Some(next) = to.checked_add(1) else { break };
        from = next;
    }
    found
}
