//! What missing spans leave open in ordinary traces.
//!
//! A span whose parent or linked span is not in the data has a *gap* before it. A path from `a` to `b` through missing
//! spans enters what is known of `b`'s past through such a gap: the last missing span on it is named by a span that
//! is before `b`, or is it. A gap before `a` itself is no way from `a`, for then `a` would be before itself. So
//! `a` may be before `b` if there is a gap in `b`'s certain past that is not in `a`'s. A missing span may be linked to
//! any other, so this holds across traces too.

use super::graph::{CausalGraph, EdgeKind, EventId};
use super::span_order::is_whole;
use crate::store::SpanStore;
use foldhash::{HashSet, HashSetExt};

/// Where spans are missing.
pub(super) struct Gaps<'a> {
    graph: &'a CausalGraph,
    /// By span: whether its parent or something it is linked to is missing.
    gap: Vec<bool>,
}

impl<'a> Gaps<'a> {
    /// O(edges).
    pub(super) fn new(graph: &'a CausalGraph, store: &SpanStore) -> Self {
        Self { graph, gap: (0..store.len()).map(|span| !is_whole(graph, store, span)).collect() }
    }

    /// A span with a gap through which a path could lead from `a` to `b`.
    pub(super) fn between(&self, a: EventId, b: EventId) -> Option<usize> {
        let known = self.before(a);
        let gap = self.gaps(&self.before(b)).filter(|gap| !known.contains(gap)).min()?;
        Some(self.graph.span_of(EventId(gap)))
    }

    /// By event: whether a path through missing spans could lead from it to `x`. O(events), and O(events after it) for
    /// each gap in the certain past of `x`.
    pub(super) fn may_precede(&self, x: EventId) -> Vec<bool> {
        let gaps: Vec<u32> = self.gaps(&self.before(x)).collect();
        let mut known = vec![0; self.graph.len()];
        for &gap in &gaps {
            let after = closure(vec![gap], |vertex| self.graph.forward.of(vertex));
            after.into_iter().for_each(|event| known[event as usize] += 1);
        }
        known.into_iter().map(|known| known < gaps.len()).collect()
    }

    /// By event: whether a path through missing spans could lead from `x` to it. O(events).
    pub(super) fn may_follow(&self, x: EventId) -> Vec<bool> {
        let past = self.before(x);
        let starts = (0..self.gap.len()).filter(|&span| self.gap[span]).map(|span| self.graph.start(span).0);
        let elsewhere = starts.filter(|start| !past.contains(start)).collect();
        let mut may = vec![false; self.graph.len()];
        let after = closure(elsewhere, |vertex| self.graph.forward.of(vertex));
        after.into_iter().for_each(|event| may[event as usize] = true);
        may
    }

    /// An event and all that is certainly before it.
    fn before(&self, event: EventId) -> HashSet<u32> {
        closure(vec![event.0], |vertex| self.graph.backward.of(vertex))
    }

    /// Those of some events that are starts of spans with a gap.
    fn gaps(&self, events: &HashSet<u32>) -> impl Iterator<Item = u32> {
        let starts = |&&event: &&u32| {
            let span = self.graph.event_span[event as usize] as usize;
            self.gap[span] && self.graph.start(span).0 == event
        };
        events.iter().filter(starts).copied()
    }
}

/// Some events and everything that certain edges reach from them. They connect events only.
fn closure<'a>(mut todo: Vec<u32>, edges: impl Fn(u32) -> &'a [(u32, EdgeKind)]) -> HashSet<u32> {
    let mut seen = HashSet::new();
    seen.extend(todo.iter().copied());
    while let Some(vertex) = todo.pop() {
        for &(next, kind) in edges(vertex) {
            if kind.is_certain() && seen.insert(next) {
                todo.push(next);
            }
        }
    }
    seen
}
