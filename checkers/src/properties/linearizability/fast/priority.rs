//! Priority queues into which every value is put once: the earliest possible departures.
//!
//! Our own argument. Ranks leave *gaps* between them, in which operations take effect. A value may be
//! taken in a gap only if no value of a lower priority number is there all through the gap. Go through
//! the priorities from the lowest up, and let every value leave in the first gap, from the call of its
//! taking (and of its insertion) on, that no lower value covers; it then covers the gaps between the
//! return of its insertion and that gap. A value that nobody takes covers all gaps after its insertion.
//!
//! - *Necessary.* In any order at all every value leaves no earlier than here: by induction the lower
//!   ones do, and so cover at least what they cover here. So if a value's first free gap lies behind the
//!   return of its taking, there is no order; nor if a taking that found nothing has all its gaps
//!   covered.
//! - *Sufficient.* In each gap first let values leave, in order of priority (one whose insertion did not
//!   return yet is inserted just before it leaves), then let takings find nothing, then insert the others
//!   whose insertion must return now. This is an order: nothing lower is there when a value leaves.
//!
//! Values of equal priority don't hinder each other. An insertion that never returned did happen if its
//! value was taken, and can be left out if not; a taking that never returned is not treated here.
//! The first free gap is found by union-find: time O(n log n), for sorting.

use super::super::problem::{NEVER, Problem};
use super::queue::{EMPTY, Life, lives_of, violated};
use super::{Found, Watch, holds_if_intervals};
use crate::history::{History, Value};

/// A value's priority, and the gaps it covers, `from..to`.
struct Stay {
    priority: i64,
    life: Life,
    /// The first gap in which it could leave, if nobody were in its way.
    wish: u32,
    from: u32,
    to: u32,
}

/// The priority and the value of an entry, as it is put in.
fn entry(value: &Value) -> Option<(i64, &Value)> {
    match value.as_pair() {
        Some((priority, value)) => Some((priority.as_int()?, value)),
        None => Some((value.as_int()?, value)),
    }
}

pub(super) fn decide(history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let value_of = |value| entry(value).map_or(value, |(_, value)| value);
    let (problem, lives) = match lives_of(history, indices, ("insert", "delete-min"), watch, value_of)? {
        Ok(lives) => lives,
        Err(twice) => return Some(twice),
    };
    let op = |item: u32| &history.operations()[problem.items[item as usize].index as usize];
    let mut stays = Vec::with_capacity(lives.len());
    for (i, life) in lives.iter().enumerate() {
        watch.go_on(i)?;
        let Some(put) = life.put else { return violated(&problem, &[life.taken]) };
        let (priority, _) = entry(&op(put).input)?;
        // A taking that names a priority has to name the right one; the general engine sees to it.
        let said = life.taken.and_then(|taken| op(taken).output.as_pair().and_then(|(said, _)| said.as_int()));
        if said.is_some_and(|said| said != priority) {
            return None;
        }
        let put = problem.items[put as usize];
        let taken = life.taken.map_or(NEVER - 1, |taken| problem.items[taken as usize].call);
        let from = put.ret.saturating_add(1);
        stays.push(Stay { priority, life: *life, wish: taken.max(put.call) + 1, from, to: from });
    }
    stays.sort_by_key(|stay| stay.priority);
    let last = problem.items.iter().flat_map(|item| [item.call, item.ret]).filter(|&rank| rank != NEVER).max()? + 1;
    watch.go_on(0)?;
    leave(&problem, stays, last, watch)
}

/// Lets all leave as early as they can.
fn leave(problem: &Problem, mut stays: Vec<Stay>, last: u32, watch: &Watch<'_>) -> Option<Found> {
    let mut free = Free::new(last);
    let mut group = 0;
    while group < stays.len() {
        let end = group + stays[group..].partition_point(|stay| stay.priority == stays[group].priority);
        for at in group..end {
            watch.go_on(at)?;
            let stay = &mut stays[at];
            match stay.life.taken {
                None => stay.to = last + 1,
                Some(taken) => {
                    let gap = free.first(stay.wish);
                    if gap > problem.items[taken as usize].ret {
                        let (wish, own) = (stay.wish, stay.life);
                        let mut core = vec![own.put, own.taken];
                        blockers(&stays[..group], wish, gap, watch, &mut core)?;
                        return violated(problem, &core);
                    }
                    stay.to = gap.max(stay.from);
                }
            }
        }
        stays[group..end].iter().for_each(|stay| free.cover(stay.from, stay.to));
        group = end;
    }
    for (i, item) in problem.items.iter().enumerate().filter(|(_, item)| item.class == EMPTY) {
        let gap = free.first(item.call + 1);
        if gap > item.ret {
            let mut core = vec![Some(i as u32)];
            blockers(&stays, item.call + 1, gap, watch, &mut core)?;
            return violated(problem, &core);
        }
    }
    holds_if_intervals(problem)
}

/// Adds the values that cover the gaps `from..to`, and those that keep these from leaving earlier.
fn blockers(stays: &[Stay], from: u32, to: u32, watch: &Watch<'_>, core: &mut Vec<Option<u32>>) -> Option<()> {
    let mut todo = vec![(stays.len(), from, to)];
    let mut shown = vec![false; stays.len()];
    while let Some((lower, mut reached, to)) = todo.pop() {
        while reached < to {
            watch.go_on(0)?;
            let reaching = (0..lower).filter(|&i| stays[i].from <= reached && stays[i].to > reached);
            let Some(i) = reaching.max_by_key(|&i| (stays[i].to, std::cmp::Reverse(i))) else { break };
            reached = stays[i].to;
            if !std::mem::replace(&mut shown[i], true) {
                core.extend([stays[i].life.put, stays[i].life.taken]);
                let below = stays.partition_point(|stay| stay.priority < stays[i].priority);
                if stays[i].life.taken.is_some() && stays[i].wish < stays[i].to {
                    todo.push((below, stays[i].wish, stays[i].to));
                }
            }
        }
    }
    Some(())
}

/// Gaps, some of them covered: union-find, each pointing to a later or free one.
struct Free(Vec<u32>);

impl Free {
    fn new(last: u32) -> Self {
        Self((0..=last + 1).collect())
    }

    /// The first free gap from `gap` on; beyond all, there always is one.
    fn first(&mut self, gap: u32) -> u32 {
        let mut root = gap.min(self.0.len() as u32 - 1);
        let mut at = root;
        while self.0[root as usize] != root {
            root = self.0[root as usize];
        }
        while self.0[at as usize] != root {
            at = std::mem::replace(&mut self.0[at as usize], root);
        }
        root
    }

    fn cover(&mut self, from: u32, to: u32) {
        let end = to.min(self.0.len() as u32 - 1);
        let mut gap = self.first(from);
        while gap < end {
            self.0[gap as usize] = gap + 1;
            gap = self.first(gap + 1);
        }
    }
}
