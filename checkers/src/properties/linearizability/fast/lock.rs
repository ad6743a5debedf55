//! Locks: who held it when.
//!
//! **Anyone may release it.** Acquisitions are interchangeable, releases too, and the two alternate. Go
//! through the returns in order: when an operation returns that did not take effect yet, it does, after
//! one of the other kind if that is what must come next; of several, the one that returns first, and
//! crashed ones last. If there is none, there is no order. This finds an order if there is one: delay
//! the operations of any order until just before the first return, in time, among its own and those of the
//! operations behind it. Then at a return of x nothing happens behind x. If y of the same kind comes before x at
//! that return, the two can change places, since both are open, so that x needs at most one before it;
//! and that one can change places with any of its kind that is open.
//!
//! **Only the holder may release it** (once, or as often as it acquired), and no process calls while an
//! operation of it is open. A *section* is what a process does from an acquisition of the free lock to
//! the release that frees it. Sections don't overlap. If p's acquisition returns before q's, then p's
//! section is first: q releases after its acquisition returned, so that, were q's section first, p would
//! acquire after its own acquisition returned. So the sections, and all operations, are in one known
//! order, and the rest is [`super::moments`]. The last section need not end, and one whose release
//! crashed may end at any time. An acquisition that crashed, being its process's last operation, can be left out:
//! nobody could release the lock after it.
//!
//! **With fencing tokens** that are all different, sections are in the order of their tokens, and again all
//! operations are in one known order. An acquisition that crashed can be left out: every token that is
//! released was answered to somebody else, so that nobody could release the lock after it.
//!
//! Time O(n log n).

use super::super::problem::{Item, Problem};
use super::super::space::HASHER;
use super::moments::{Moment, place, verdict};
use super::{Found, Watch, argued, holds_if_intervals, kinds, known};
use crate::explain::words;
use crate::history::{History, Value};
use crate::models::MutexKind;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const ACQUIRE: usize = 0;
const RELEASE: usize = 1;

/// What one holder did, in items; in order of the number.
struct Section {
    order: i64,
    items: Vec<u32>,
    /// Whether the lock was free after it.
    ends: bool,
}

pub(super) fn mutex(kind: MutexKind, history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let kinds = kinds(history, indices, &[&["acquire"], &["release"]])?;
    // One that says "no" is for the model to refuse.
    let refused = |index: &u32| history.operations()[*index as usize].output == Value::Bool(false);
    if indices.iter().any(refused) {
        return None;
    }
    let classes: Vec<u32> = kinds.iter().map(|&kind| kind as u32).collect();
    let problem = Problem::order(history, indices, &classes, |_| false);
    match kind {
        MutexKind::Anyone => by_turns(history, &problem, watch),
        _ => by_process(history, &problem, kind, watch),
    }
}

fn by_turns(history: &History, problem: &Problem, watch: &Watch<'_>) -> Option<Found> {
    let mut open = [BinaryHeap::new(), BinaryHeap::new()];
    let mut happened = vec![false; problem.items.len()];
    let (mut turn, mut called) = (ACQUIRE, 0);
    for (i, &item) in problem.returns.iter().enumerate() {
        watch.go_on(i)?;
        let now = problem.items[item as usize].ret;
        while let Some(next) = problem.items.get(called).filter(|next| next.call < now) {
            open[next.class as usize].push(Reverse((next.ret, called as u32)));
            called += 1;
        }
        while !happened[item as usize] {
            let Some(Reverse((_, next))) = open[turn].pop() else {
                let quote = words(history, problem.items[item as usize].index);
                let other = if turn == ACQUIRE { "acquire" } else { "release" };
                let text = format!("before `{quote}` can happen, there has to be another `{other}`, and none is open");
                let all: Vec<u32> = (0..called as u32).filter(|&i| problem.items[i as usize].must).collect();
                return argued(problem, &[&[item], &all[..]].concat(), "refused", text);
            };
            happened[next as usize] = true;
            turn = 1 - turn;
        }
    }
    holds_if_intervals(problem)
}

/// Whether no process calls while an operation of it is open.
fn is_sequential(history: &History, problem: &Problem) -> bool {
    // Ranks from 1, so that 0 is before all; what crashed is open for ever.
    let mut free: HashMap<u32, u32, FixedState> = HashMap::with_hasher(HASHER);
    problem.items.iter().all(|item| {
        let free = free.entry(history.operations()[item.index as usize].process).or_default();
        *free <= item.call && {
            *free = item.ret.saturating_add(1);
            true
        }
    })
}

fn by_process(history: &History, problem: &Problem, kind: MutexKind, watch: &Watch<'_>) -> Option<Found> {
    if !is_sequential(history, problem) {
        return None;
    }
    // By process: how often it holds the lock, and its section.
    let mut open: HashMap<u32, (u32, Option<Section>), FixedState> = HashMap::with_hasher(HASHER);
    let mut sections = Vec::new();
    for (i, item) in problem.items.iter().enumerate() {
        watch.go_on(i)?;
        let acquires = item.class as usize == ACQUIRE;
        if acquires && !item.must {
            continue;
        }
        let (depth, section) = open.entry(history.operations()[item.index as usize].process).or_default();
        match (acquires, *depth) {
            (true, 1..) if kind != MutexKind::Reentrant => {
                let first = section.as_ref().map_or(i as u32, |section| section.items[0]);
                return alone(history, problem, &[i as u32, first]);
            }
            (true, _) => *depth += 1,
            // A release without an acquisition: it can't have happened, and need not have if it crashed.
            (false, 0) if item.must => return not_held(history, &problem.items[..=i], problem),
            (false, 0) => continue,
            (false, _) => *depth -= 1,
        }
        let whole =
            section.get_or_insert_with(|| Section { order: i64::from(item.ret), items: Vec::new(), ends: false });
        whole.items.push(i as u32);
        if *depth == 0 {
            whole.ends = true;
            sections.extend(section.take());
        }
    }
    sections.extend(open.into_values().filter_map(|holder| holder.1));
    in_order(history, problem, sections)
}

/// The last of these items releases a lock that its process does not hold.
fn not_held(history: &History, items: &[Item], problem: &Problem) -> Option<Found> {
    let process = |item: &Item| history.operations()[item.index as usize].process;
    let (last, own) = (items.len() as u32 - 1, process(items.last()?));
    let of_process = (0..items.len() as u32).filter(|&i| items[i as usize].must && process(&items[i as usize]) == own);
    let text = format!("`{}` releases what its process does not hold", words(history, items.last()?.index));
    argued(problem, &[last].into_iter().chain(of_process).collect::<Vec<_>>(), "refused", text)
}

/// Sections one after the other.
fn in_order(history: &History, problem: &Problem, mut sections: Vec<Section>) -> Option<Found> {
    sections.sort_unstable_by_key(|section| section.order);
    let mut now = Moment::START;
    for (i, section) in sections.iter().enumerate() {
        if !section.ends && i + 1 < sections.len() {
            return alone(history, problem, &[sections[i + 1].items[0], section.items[0]]);
        }
        for &item in &section.items {
            now = match place(problem, item, now) {
                Ok(now) => now,
                Err(late) => return verdict(history, problem, Err(late), |_, _| Vec::new()),
            };
        }
    }
    holds_if_intervals(problem)
}

/// The lock was never free between these.
fn alone(history: &History, problem: &Problem, items: &[u32; 2]) -> Option<Found> {
    let [second, first] = items.map(|item| words(history, problem.items[item as usize].index));
    let text = format!("nobody released the lock between `{first}` and `{second}`");
    let until = problem.items[items[0] as usize].ret.max(problem.items[items[1] as usize].ret);
    let all = (0..problem.items.len() as u32).filter(|&i| problem.items[i as usize].must);
    let all: Vec<u32> = all.filter(|&i| problem.items[i as usize].call < until).collect();
    argued(problem, &[&[items[0]], &all[..]].concat(), "refused", text)
}

pub(super) fn fenced(last: i64, history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let kinds = kinds(history, indices, &[&["acquire"], &["release"]])?;
    let token = |index: u32, kind: usize| {
        let op = &history.operations()[index as usize];
        if kind == ACQUIRE { &op.output } else { &op.input }.as_int()
    };
    // Acquisitions that crashed are as good as pure: they are left out.
    const GONE: u32 = 2;
    let mut classes = Vec::with_capacity(indices.len());
    for (&index, &kind) in indices.iter().zip(&kinds) {
        let gone = kind == ACQUIRE && !known(history, index);
        if !gone && token(index, kind)? <= last {
            return None;
        }
        classes.push(if gone { GONE } else { kind as u32 });
    }
    let problem = Problem::order(history, indices, &classes, |class| class == GONE);
    let mut parts: Vec<(i64, usize, u32)> = Vec::with_capacity(problem.items.len());
    for (i, item) in problem.items.iter().enumerate() {
        watch.go_on(i)?;
        parts.push((token(item.index, item.class as usize)?, item.class as usize, i as u32));
    }
    parts.sort_unstable();
    let mut sections: Vec<Section> = Vec::new();
    for (i, &(order, kind, item)) in parts.iter().enumerate() {
        watch.go_on(i)?;
        match sections.last_mut().filter(|section| section.order == order) {
            None if kind == ACQUIRE => sections.push(Section { order, items: vec![item], ends: false }),
            Some(section) if kind == RELEASE && !section.ends => {
                section.items.push(item);
                section.ends = true;
            }
            // Tokens that repeat, or that nobody was given: rare, and not for this method.
            _ => return None,
        }
    }
    in_order(history, &problem, sections)
}
