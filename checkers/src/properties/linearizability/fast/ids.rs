//! Unique ids: the answers are all different, or they are not.
//!
//! In any order at all, a `generate` is allowed exactly when its id was not answered before it. So a
//! history has an order if and only if no two known ids are equal, whatever the intervals.

use super::super::numbers::Numbers;
use super::{Found, Watch, kinds, known};
use crate::history::History;

pub(super) fn decide(history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    kinds(history, indices, &[&["generate"]])?;
    let mut first: Vec<u32> = Vec::with_capacity(indices.len());
    let mut numbers = Numbers::with_capacity(indices.len());
    for (i, &index) in indices.iter().enumerate().filter(|&(_, &index)| known(history, index)) {
        watch.go_on(i)?;
        let id = &history.operations()[index as usize].output;
        if id.is_nil() {
            return None;
        }
        let number = numbers.of(id) as usize;
        match first.get(number) {
            Some(&other) => return Some(Found::Violated(vec![other, index])),
            None => first.push(index),
        }
    }
    Some(Found::Holds)
}
