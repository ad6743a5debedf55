//! Stacks onto which every value is put once: peeling outermost values.
//!
//! Our own argument (J. Han and U. Mathur treat the problem in "Efficient linearizability monitoring",
//! 2024/25, differently). A complete history; a value that is never popped is popped after everything
//! else, at one time with all others like it. Write a value's *inner* interval for (return of its push,
//! call of its pop), where it is certainly on the stack, and its *outer* one for (call of its push,
//! return of its pop).
//!
//! 1. A value whose inner interval is empty can be left out: its push and pop can stand side by side
//!    at some moment, which disturbs nobody; and to leave a value out never harms (the rest stays
//!    well nested).
//! 2. At a moment t in nobody's inner interval the stack may be assumed empty. For if an order has
//!    values on the stack at t, then each of them has a push or a pop that is open at t. Move those
//!    pops to just before t, the topmost first, and else those pushes to just after t, the lowest
//!    first. Values stay well nested, and the stack is never fuller than it was. So a pop that found
//!    nothing needs just one such moment in its interval, and stretches between such moments can be
//!    ordered each by itself.
//! 3. In a maximal stretch (a, b) of overlapping inner intervals the stack is never empty, so some one
//!    value lies below all others throughout: its outer interval contains (a, b). If several do, any
//!    can be taken: put it at the bottom by moving its push to just before a, below that of the value
//!    that was there, and its pop likewise. (All of them have their push open at a and their pop at b.)
//!    By 2, the other values can be ordered with the stack empty at a and at b, hence on top of it.
//!
//! So: peel. In each stretch find a value that spans it, take it away, look what stretches are left.
//! The history has an order if and only if this ends with nothing. A stretch that nobody spans is
//! violated together with any chain of its values that covers it: the core.
//!
//! A push that never returned did happen if its value was popped, and can be left out if not; a pop
//! that never returned is not treated here. Finding a spanning value looks only at pushes open at one
//! moment: time O(n (log n) k) for k concurrent operations.

use super::super::problem::{NEVER, Problem};
use super::queue::{EMPTY, Life, covered, lives, never_put, violated};
use super::trees::{Cover, Earliest};
use super::{Found, Watch, holds_if_intervals};
use crate::history::History;

/// A value that is on the stack for certain at some time: its four moments, in ranks.
#[derive(Clone, Copy)]
struct Value {
    life: Life,
    push_call: u32,
    push_ret: u32,
    pop_call: u32,
    pop_ret: u32,
}

pub(super) fn decide(history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let (problem, lives) = match lives(history, indices, "push", "pop", watch)? {
        Ok(lives) => lives,
        Err(twice) => return Some(twice),
    };
    if let Some(found) = never_put(&problem, &lives) {
        return Some(found);
    }
    let mut values: Vec<Value> = lives.iter().filter_map(|life| value(&problem, life)).collect();
    values.sort_unstable_by_key(|value| value.push_ret);
    let empties = problem.items.iter().enumerate().filter(|(_, item)| item.class == EMPTY);
    let there: Vec<(u32, u32, &Life)> =
        values.iter().map(|value| (value.push_ret, value.pop_call, &value.life)).collect();
    let asked = empties.map(|(i, item)| (i as u32, item.call, item.ret));
    if let Some(core) = covered(&there, asked) {
        return violated(&problem, &core);
    }
    watch.go_on(0)?;
    match peel(&values, watch)? {
        None => holds_if_intervals(&problem),
        Some(stretch) => {
            let core: Vec<Option<u32>> = stretch.iter().flat_map(|life| [life.put, life.taken]).collect();
            violated(&problem, &core)
        }
    }
}

fn value(problem: &Problem, life: &Life) -> Option<Value> {
    let push = problem.items[life.put? as usize];
    let pop = life.taken.map(|taken| problem.items[taken as usize]);
    let value = Value {
        life: *life,
        push_call: push.call,
        push_ret: push.ret,
        pop_call: pop.map_or(NEVER - 1, |pop| pop.call),
        pop_ret: pop.map_or(NEVER, |pop| pop.ret),
    };
    // An open push without a pop has no inner interval either.
    (value.push_ret < value.pop_call).then_some(value)
}

/// A chain of values that covers a stretch that no value spans, if there is one. `None` if it was stopped.
fn peel(values: &[Value], watch: &Watch<'_>) -> Option<Option<Vec<Life>>> {
    // Each moment that begins or ends an inner interval has a place; between two lies a segment.
    let mut moments: Vec<u32> = values.iter().flat_map(|value| [value.push_ret, value.pop_call]).collect();
    moments.sort_unstable();
    moments.dedup();
    let place = |moment: u32| moments.binary_search(&moment).expect("is a moment");
    let spans: Vec<(usize, usize)> =
        values.iter().map(|value| (place(value.push_ret), place(value.pop_call))).collect();
    watch.go_on(0)?;
    let mut cover = Cover::new(moments.len(), &spans);
    let mut earliest = Earliest::new(values.iter().map(|value| value.push_call));
    let mut gaps = Vec::new();
    let mut todo = Vec::new();
    cover.new_gaps(0, moments.len(), &mut gaps);
    split(0, moments.len(), &gaps, &mut todo);
    let mut looked = 0;
    while let Some((from, to)) = todo.pop() {
        let (a, b) = (moments[from], moments[to]);
        let first = values.partition_point(|value| value.push_ret < a);
        let end = values.partition_point(|value| value.push_ret < b);
        let mut at = first;
        let spanning = loop {
            looked += 1;
            watch.go_on(looked)?;
            match earliest.next_before(at, end, a) {
                Some(i) if values[i].pop_ret > b => break i,
                Some(i) => at = i + 1,
                None => {
                    let left = (first..end).filter(|&i| earliest.is_there(i));
                    let left: Vec<(u32, u32, &Life)> =
                        left.map(|i| (values[i].push_ret, values[i].pop_call, &values[i].life)).collect();
                    return Some(Some(chain(&left, b)));
                }
            }
        };
        earliest.remove(spanning);
        let span = spans[spanning];
        cover.remove(span);
        gaps.clear();
        cover.new_gaps(span.0, span.1, &mut gaps);
        split(from, to, &gaps, &mut todo);
    }
    Some(None)
}

/// The stretches of segments `from..to` between gaps.
fn split(mut from: usize, to: usize, gaps: &[usize], todo: &mut Vec<(usize, usize)>) {
    for &gap in gaps {
        if from < gap {
            todo.push((from, gap));
        }
        from = gap + 1;
    }
    if from < to {
        todo.push((from, to));
    }
}

/// Of overlapping intervals in order of their beginnings, a few that reach from the first to `end`.
fn chain(there: &[(u32, u32, &Life)], end: u32) -> Vec<Life> {
    let (mut reached, _, first) = there[0];
    let mut chain = vec![*first];
    reached = reached.max(there[0].1);
    let mut next = 1;
    while reached < end {
        let mut best = (reached, None);
        while let Some(&(begin, to, life)) = there.get(next)
            && begin < reached
        {
            if to > best.0 {
                best = (to, Some(life));
            }
            next += 1;
        }
        let (to, Some(life)) = best else { break };
        chain.push(*life);
        reached = to;
    }
    chain
}
