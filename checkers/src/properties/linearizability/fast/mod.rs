//! Exact methods for special cases.
//!
//! Each is chosen by itself when the model and the history fit its conditions, decides in O(n log n),
//! and states its theorem. All of them reason about *intervals*; where a process's operations touch
//! at a moment where another's do too, the order of operations is no interval order
//! ([`super::problem`]). There the methods look at the intervals alone, which allows more orders than
//! there are: a violation found this way is one, and "holds" is left to the general engine.
//!
//! A violation comes with a *core*: a few operations that are violated whatever the others did. The
//! general engine then judges the core, which checks the method once more and finds the words.

mod counter;
mod ids;
mod lock;
mod log;
mod moments;
mod priority;
mod queue;
mod register;
mod set;
mod stack;
mod trees;

use super::problem::Problem;
use crate::budget::Stop;
use crate::history::{History, Status};
use crate::models::{
    AppendLog, CasRegister, Counter, FencedLock, FifoQueue, Kv, Mutex, PriorityQueue, Register, Set, Stack, UniqueIds,
};
use crate::verdict::Because;
use std::any::Any;

/// What an exact method found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Holds,
    /// Operations (indices into the history) that can't all be part of one order.
    Violated(Vec<u32>),
    /// The same, with the argument; the first step is about the operation that comes too late.
    Argued {
        core: Vec<u32>,
        because: Vec<Because>,
    },
}

/// Whether somebody ended the check, looked at every so often.
pub(super) struct Watch<'a>(pub(super) &'a Stop);

impl Watch<'_> {
    /// Asked at each step `i` of a long loop: `None` ends the method, which then has no answer.
    #[inline]
    pub(super) fn go_on(&self, i: usize) -> Option<()> {
        if i.is_multiple_of(1 << 14) && self.0.raised().is_some() { None } else { Some(()) }
    }
}

/// The method that fits, if one does, and what it found. `None` also when it was stopped.
pub(crate) fn decide(
    model: &dyn Any,
    history: &History,
    indices: &[u32],
    stop: &Stop,
) -> Option<(Found, &'static str)> {
    let watch = &Watch(stop);
    let initial = if let Some(model) = model.downcast_ref::<Register>() {
        Some(&model.initial)
    } else if let Some(model) = model.downcast_ref::<CasRegister>() {
        Some(&model.initial)
    } else {
        model.downcast_ref::<Kv>().map(|model| &model.initial)
    };
    if let Some(initial) = initial {
        return Some((register::decide(initial, history, indices, watch)?, "zones"));
    }
    if model.is::<FifoQueue>() {
        return Some((queue::decide(history, indices, watch)?, "queue-patterns"));
    }
    if model.is::<Stack>() {
        return Some((stack::decide(history, indices, watch)?, "stack-peeling"));
    }
    if model.is::<PriorityQueue>() {
        return Some((priority::decide(history, indices, watch)?, "earliest-departures"));
    }
    if model.is::<UniqueIds>() {
        return Some((ids::decide(history, indices, watch)?, "distinct-ids"));
    }
    if let Some(model) = model.downcast_ref::<Counter>() {
        return Some((counter::decide(model.initial, history, indices, watch)?, "counting"));
    }
    if let Some(model) = model.downcast_ref::<Mutex>() {
        return Some((lock::mutex(model.kind, history, indices, watch)?, "lock-sections"));
    }
    if let Some(model) = model.downcast_ref::<FencedLock>() {
        return Some((lock::fenced(model.last, history, indices, watch)?, "lock-sections"));
    }
    if let Some(model) = model.downcast_ref::<AppendLog>() {
        return Some((log::decide(model.first, history, indices, watch)?, "log-offsets"));
    }
    if model.is::<Set>() {
        return Some((set::decide(history, indices, watch)?, "growing-set"));
    }
    None
}

/// Items that can't all be part of one order, the one that comes too late first, and why.
fn argued(problem: &Problem, items: &[u32], kind: &'static str, text: String) -> Option<Found> {
    let mut core: Vec<u32> = items.iter().map(|&item| problem.items[item as usize].index).collect();
    let because = vec![Because { kind, from: core[0], to: None, text }];
    core.sort_unstable();
    core.dedup();
    Some(Found::Argued { core, because })
}

/// Which of the functions that a method knows each operation is of; `None` if one is another.
fn kinds(history: &History, indices: &[u32], names: &[&[&str]]) -> Option<Vec<usize>> {
    let by_id: Vec<Option<usize>> =
        history.functions().iter().map(|name| names.iter().position(|same| same.contains(&name))).collect();
    indices.iter().map(|&index| by_id[history.operations()[index as usize].function as usize]).collect()
}

/// Whether an operation has an answer.
fn known(history: &History, index: u32) -> bool {
    history.operations()[index as usize].status == Status::Ok
}

/// "Holds", unless the order of operations is more than their intervals say.
fn holds_if_intervals(problem: &Problem) -> Option<Found> {
    problem.is_interval_order().then_some(Found::Holds)
}
