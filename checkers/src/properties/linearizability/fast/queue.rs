//! Queues into which every value is put once: four patterns.
//!
//! T. Henzinger, A. Sezgin and V. Vafeiadis, "Aspect-oriented linearizability proofs" (CONCUR 2013):
//! a complete history of a queue, in which no value is enqueued twice, is linearizable if and only if
//! it has none of
//!
//! 1. a value that is dequeued but never enqueued, or whose dequeue returned before its enqueue was
//!    called;
//! 2. a value that is dequeued twice;
//! 3. values a and b with enq(a) before enq(b), and deq(b) before deq(a), or deq(b) and no deq(a);
//! 4. a dequeue that found nothing while all the time some value was there for certain: from the
//!    return of its enqueue to the call of its dequeue, or for ever.
//!
//! An enqueue that never returned and whose value nobody took can be left out: it is not needed, and
//! the history without it has an order whenever the history with it has one. One whose value was taken
//! did happen. A dequeue that never returned may have taken any value: then this method is not used.
//!
//! The third pattern is found by a sweep over the enqueues that keeps the latest dequeue among those
//! already returned; the fourth by merging the intervals of presence. Time O(n log n).

use super::super::numbers::Numbers;
use super::super::problem::{NEVER, Problem};
use super::{Found, Watch, holds_if_intervals, kinds, known};
use crate::history::{History, Value};

/// What happened to one value, in items.
#[derive(Clone, Copy, Default)]
pub(super) struct Life {
    pub(super) put: Option<u32>,
    pub(super) taken: Option<u32>,
}

const PUT: usize = 0;
/// The class of a dequeue that found nothing.
pub(super) const EMPTY: u32 = u32::MAX;

fn is_put(class: u32) -> bool {
    class.is_multiple_of(2)
}

pub(super) fn decide(history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let (problem, lives) = match lives(history, indices, "enqueue", "dequeue", watch)? {
        Ok(lives) => lives,
        Err(twice) => return Some(twice),
    };
    if let Some(found) = never_put(&problem, &lives).or_else(|| out_of_order(&problem, &lives)) {
        return Some(found);
    }
    watch.go_on(0)?;
    not_empty(&problem, &lives).or_else(|| holds_if_intervals(&problem))
}

pub(super) fn lives(
    history: &History,
    indices: &[u32],
    put: &str,
    take: &str,
    watch: &Watch<'_>,
) -> Option<Result<(Problem, Vec<Life>), Found>> {
    lives_of(history, indices, (put, take), watch, |value| value)
}

/// What happened to each value, if each was put once and all takers answered; or a value that was
/// taken twice. Inputs and outputs may say more than the value.
pub(super) fn lives_of<'h>(
    history: &'h History,
    indices: &[u32],
    (put, take): (&str, &str),
    watch: &Watch<'_>,
    value: impl Fn(&'h Value) -> &'h Value,
) -> Option<Result<(Problem, Vec<Life>), Found>> {
    let kinds = kinds(history, indices, &[&[put], &[take]])?;
    let ops = history.operations();
    let mut numbers = Numbers::with_capacity(indices.len() / 2);
    let mut classes = Vec::with_capacity(indices.len());
    for (i, (&index, &kind)) in indices.iter().zip(&kinds).enumerate() {
        watch.go_on(i)?;
        let op = &ops[index as usize];
        if (kind != PUT && !known(history, index)) || (kind == PUT && op.input.is_nil()) {
            return None;
        }
        classes.push(match (kind, op.output.is_nil()) {
            (PUT, _) => 2 * numbers.of(value(&op.input)),
            (_, true) => EMPTY,
            (_, false) => 2 * numbers.of(value(&op.output)) + 1,
        });
    }
    let problem = Problem::order(history, indices, &classes, |_| false);
    watch.go_on(0)?;
    let mut lives = vec![Life::default(); numbers.len()];
    let mut twice = None;
    for (i, item) in problem.items.iter().enumerate().filter(|(_, item)| item.class != EMPTY) {
        let life = &mut lives[item.class as usize / 2];
        let part = if is_put(item.class) { &mut life.put } else { &mut life.taken };
        match part.replace(i as u32) {
            None => {}
            Some(_) if is_put(item.class) => return None,
            Some(other) => twice = twice.or(Some((item.class / 2, other, i as u32))),
        }
    }
    if let Some((value, first, second)) = twice {
        let found = violated(&problem, &[lives[value as usize].put, Some(first), Some(second)]);
        return found.map(Err);
    }
    Some(Ok((problem, lives)))
}

pub(super) fn violated(problem: &Problem, items: &[Option<u32>]) -> Option<Found> {
    let mut core: Vec<u32> = items.iter().flatten().map(|&item| problem.items[item as usize].index).collect();
    core.sort_unstable();
    core.dedup();
    Some(Found::Violated(core))
}

pub(super) fn never_put(problem: &Problem, lives: &[Life]) -> Option<Found> {
    lives.iter().find_map(|life| match (life.put, life.taken) {
        (None, Some(_)) => violated(problem, &[life.taken]),
        (Some(put), Some(taken)) if problem.items[taken as usize].ret < problem.items[put as usize].call => {
            violated(problem, &[life.put, life.taken])
        }
        _ => None,
    })
}

/// The rank of the call of a value's dequeue.
fn leaves(problem: &Problem, life: &Life) -> u32 {
    life.taken.map_or(NEVER, |taken| problem.items[taken as usize].call)
}

fn out_of_order(problem: &Problem, lives: &[Life]) -> Option<Found> {
    let life_of = |item: u32| &lives[problem.items[item as usize].class as usize / 2];
    let mut returns = problem.returns.iter().copied().peekable();
    // Of the values whose enqueue returned already, the one that leaves last.
    let mut last: Option<(u32, u32)> = None;
    for item in problem.items.iter().filter(|item| is_put(item.class)) {
        while let Some(a) = returns.next_if(|&a| problem.items[a as usize].ret < item.call) {
            if is_put(problem.items[a as usize].class) {
                let leaves = leaves(problem, life_of(a));
                if last.is_none_or(|(latest, _)| latest < leaves) {
                    last = Some((leaves, a));
                }
            }
        }
        let b = &lives[item.class as usize / 2];
        if let (Some((leaves, a)), Some(taken)) = (last, b.taken)
            && problem.items[taken as usize].ret < leaves
        {
            return violated(problem, &[Some(a), life_of(a).taken, b.put, b.taken]);
        }
    }
    None
}

fn not_empty(problem: &Problem, lives: &[Life]) -> Option<Found> {
    // When each value is there for certain.
    let mut there: Vec<(u32, u32, &Life)> = (lives.iter())
        .filter_map(|life| Some((problem.items[life.put? as usize].ret, leaves(problem, life), life)))
        .filter(|(from, to, _)| from < to)
        .collect();
    there.sort_unstable_by_key(|&(from, to, _)| (from, to));
    let empties = problem.items.iter().enumerate().filter(|(_, item)| item.class == EMPTY);
    let core = covered(&there, empties.map(|(i, item)| (i as u32, item.call, item.ret)))?;
    violated(problem, &core)
}

/// The first of the intervals asked about (item, from, to) in which some value is there all the time,
/// with the operations on values that show it. What is there is in order of beginnings.
pub(super) fn covered(
    there: &[(u32, u32, &Life)],
    asked: impl Iterator<Item = (u32, u32, u32)>,
) -> Option<Vec<Option<u32>>> {
    // Maximal stretches without a gap: begin, end, and the first of `there` in it.
    let mut stretches: Vec<(u32, u32, usize)> = Vec::new();
    for (i, &(from, to, _)) in there.iter().enumerate() {
        match stretches.last_mut() {
            Some((_, end, _)) if from < *end => *end = to.max(*end),
            _ => stretches.push((from, to, i)),
        }
    }
    for (item, from, to) in asked {
        let Some(at) = stretches.partition_point(|stretch| stretch.0 < from).checked_sub(1) else { continue };
        if stretches[at].1 > to {
            let mut core = vec![Some(item)];
            cover(&there[stretches[at].2..], from, to, &mut core);
            return Some(core);
        }
    }
    None
}

/// Values that together are there from `from` to `to`: each time the one that stays longest.
fn cover(there: &[(u32, u32, &Life)], from: u32, to: u32, core: &mut Vec<Option<u32>>) {
    let (mut reached, mut next) = (from, 0);
    while reached < to {
        let mut best: Option<(u32, &Life)> = None;
        while let Some(&(begin, end, life)) = there.get(next)
            && begin < reached
        {
            if best.is_none_or(|(latest, _)| latest < end) {
                best = Some((end, life));
            }
            next += 1;
        }
        let Some((end, life)) = best.filter(|&(end, _)| end > reached) else { return };
        core.extend([life.put, life.taken]);
        reached = end;
    }
}
