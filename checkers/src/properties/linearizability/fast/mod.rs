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

mod ids;
mod priority;
mod queue;
mod register;
mod stack;
mod trees;
mod values;

use super::problem::Problem;
use crate::history::{History, Status};
use crate::models::{CasRegister, FifoQueue, Kv, PriorityQueue, Register, Stack, UniqueIds};
use std::any::Any;

/// What an exact method found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Holds,
    /// Operations (indices into the history) that can't all be part of one order.
    Violated(Vec<u32>),
}

/// The method that fits, if one does, and what it found.
pub(crate) fn decide(model: &dyn Any, history: &History, indices: &[u32]) -> Option<(Found, &'static str)> {
    let initial = if let Some(model) = model.downcast_ref::<Register>() {
        Some(&model.initial)
    } else if let Some(model) = model.downcast_ref::<CasRegister>() {
        Some(&model.initial)
    } else {
        model.downcast_ref::<Kv>().map(|model| &model.initial)
    };
    if let Some(initial) = initial {
        return Some((register::decide(initial, history, indices)?, "zones"));
    }
    if model.is::<FifoQueue>() {
        return Some((queue::decide(history, indices)?, "queue-patterns"));
    }
    if model.is::<Stack>() {
        return Some((stack::decide(history, indices)?, "stack-peeling"));
    }
    if model.is::<PriorityQueue>() {
        return Some((priority::decide(history, indices)?, "earliest-departures"));
    }
    if model.is::<UniqueIds>() {
        return Some((ids::decide(history, indices)?, "distinct-ids"));
    }
    None
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
