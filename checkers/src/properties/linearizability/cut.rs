//! A violation seen from shortly before it.
//!
//! A history that is violated at some return is mostly violated there *whatever happened long before*:
//! no state that the object can be in at all helps. Then the history can be cut a little before that
//! return. Everything that returned before the cut is replaced by "the object was in any state that
//! operations can lead to at all", and operations that were open at the cut may have happened or not.
//! Every order of the whole is, from the cut on, an order of what is left; so if what is left has none,
//! the whole has none. The other way round says nothing.
//!
//! This refutes in the time of a few operations what a search has to walk a whole history for, and it
//! shows people the few operations that matter.

use super::frontier::Frontier;
use super::problem::{Item, NEVER, Problem};
use super::space::Table;
use super::window::{Layout, Mask};
use super::{Answer, Failure, Progress};
use crate::budget::Meter;
use crate::verdict::CauseKind;

/// More states than this and a history is not cut; more classes, and nobody looks.
const STATES: usize = 256;
const CLASSES: usize = 1024;

/// How many returns before the failing operation's call, at most, a quick refutation begins.
const FAR: usize = 256;

/// Lets operations be; pure ones that may be left out are of no use to anyone.
pub(crate) fn leave_out(problem: &Problem, table: &Table<'_>, out: impl Fn(u32, &Item) -> bool) -> Problem {
    problem.select(|i, item| match item.must && out(i, item) {
        false => Some(*item),
        true => (!table.is_pure(item.class)).then_some(Item { must: false, ..*item }),
    })
}

/// What matters for the return at rank `last`.
pub(crate) fn until(problem: &Problem, table: &Table<'_>, last: u32) -> Problem {
    problem.select(|_, item| {
        if item.call > last {
            None
        } else if item.ret <= last {
            Some(*item)
        } else {
            (!table.is_pure(item.class)).then_some(Item { must: false, ret: NEVER, ..*item })
        }
    })
}

/// What is left of a problem after a cut just before the return at rank `at`, beginning in any of `starts`.
pub(crate) fn window(problem: &Problem, table: &Table<'_>, at: u32, starts: &[u32]) -> Problem {
    let mut window = problem.select(|_, item| {
        let open = item.must && item.call < at;
        if item.ret < at || (open && table.is_pure(item.class)) {
            return None;
        }
        Some(Item { must: item.must && !open, ..*item })
    });
    window.starts = starts.to_vec();
    window
}

/// Every state that any operations of the problem can lead to, if these are few.
pub(crate) fn reachable(problem: &Problem, table: &mut Table<'_>) -> Option<Vec<u32>> {
    let mut known = vec![false; problem.items.iter().map(|item| item.class as usize + 1).max()?];
    let mut classes = Vec::new();
    for item in &problem.items {
        if !std::mem::replace(&mut known[item.class as usize], true) && !table.is_pure(item.class) {
            classes.push(item.class);
        }
    }
    if classes.len() > CLASSES {
        return None;
    }
    let mut states = problem.starts.clone();
    let mut at = 0;
    while let Some(&state) = states.get(at) {
        at += 1;
        for &class in &classes {
            let next = table.next(state, class);
            let mut choice = 0;
            while let Some(state) = table.nth(next, choice) {
                choice += 1;
                if !states.contains(&state) {
                    states.push(state);
                }
            }
            if states.len() > STATES {
                return None;
            }
        }
    }
    Some(states)
}

/// Whether the return of `item` can be seen to be impossible from shortly before it, within so many
/// steps for each attempt.
///
/// # Errors
/// The limit that was reached.
pub(crate) fn refute(
    problem: &Problem,
    table: &mut Table<'_>,
    meter: &mut Meter<'_>,
    item: u32,
    fuel: u64,
) -> Result<Option<Failure>, CauseKind> {
    if !problem.is_interval_order() {
        return Ok(None);
    }
    let Item { call, ret: last, class, .. } = problem.items[item as usize];
    let Some(starts) = reachable(problem, table) else { return Ok(None) };
    if starts.iter().all(|&state| table.next(state, class).is_none()) {
        return Ok(Some(Failure { item: Some(item), states: starts.into_iter().take(64).collect() }));
    }
    // A cut behind its call would leave it open whether the operation happened before.
    let before = problem.returns.partition_point(|&other| problem.items[other as usize].ret < call);
    let prefix = until(problem, table, last);
    let mut back = 0;
    while back <= FAR.min(before) {
        let at = if back == 0 { call } else { problem.items[problem.returns[before - back] as usize].ret };
        let window = window(&prefix, table, at, &starts);
        let layout = Layout::new(&window);
        let answer = match layout.slot_count {
            0..=64 => attempt::<[u64; 1]>(&layout, table, meter, fuel)?,
            65..=128 => attempt::<[u64; 2]>(&layout, table, meter, fuel)?,
            _ => attempt::<Box<[u64]>>(&layout, table, meter, fuel)?,
        };
        match answer {
            Progress::Done(Answer::Violated(failure)) => {
                let index = failure.item.map(|item| window.items[item as usize].index);
                let item = (0..).zip(&problem.items).find(|(_, item)| Some(item.index) == index).map(|(i, _)| i);
                return Ok(Some(Failure { item, states: failure.states }));
            }
            Progress::Done(Answer::Holds(_)) => back = (4 * back).max(2),
            // Wider windows take longer still.
            Progress::Paused => return Ok(None),
        }
    }
    Ok(None)
}

fn attempt<M: Mask>(
    layout: &Layout<'_>,
    table: &mut Table<'_>,
    meter: &mut Meter<'_>,
    fuel: u64,
) -> Result<Progress, CauseKind> {
    Frontier::<M>::new(layout).run(table, meter, fuel)
}
