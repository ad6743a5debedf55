//! Why one event is before another: a shortest causal path, and what could not be seen.

use super::graph::{CausalGraph, EdgeKind, EventId};
use super::relation::{Answer, Relation, RestsOn};
use crate::store::SpanStore;
use foldhash::{HashMap, HashMapExt};
use std::collections::VecDeque;

/// How one event stands to another, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub answer: Answer,
    /// From the earlier event to the later one, a shortest path: each event with the edge by which it is reached
    /// (the first one by none). Of certain edges alone, if there is such a path. Empty if neither is before the other.
    pub path: Vec<(EventId, Option<EdgeKind>)>,
}

impl CausalGraph {
    /// How `a` stands to `b`, with a shortest path. Where no path is found and a parent or linked span is missing in
    /// the certain past of either, the relation is [`Relation::Unknown`]: the missing one may have been on a path.
    /// O(edges).
    pub fn explain(&self, store: &SpanStore, a: EventId, b: EventId) -> Explained {
        let answer = self.relation(a, b);
        let ends = match answer.relation {
            Relation::Before => (a, b),
            Relation::After => (b, a),
            Relation::Concurrent if self.misses_something(store, a) || self.misses_something(store, b) => {
                let answer = Answer { relation: Relation::Unknown, rests_on: RestsOn::Certain };
                return Explained { answer, path: Vec::new() };
            }
            _ => return Explained { answer, path: Vec::new() },
        };
        let certain = answer.rests_on == RestsOn::Certain;
        let path = self.shortest(ends.0, ends.1, |kind| !certain || kind.is_certain());
        Explained { answer, path }
    }

    /// Spans whose start is neither before nor after that of a span, ascending, by certain and assumed edges.
    /// O(edges).
    pub fn concurrent_with(&self, span: usize) -> Vec<usize> {
        let start = self.start(span);
        let mut ordered = vec![false; self.vertices];
        for forwards in [true, false] {
            let mut todo = vec![start.0];
            let mut seen = vec![false; self.vertices];
            while let Some(vertex) = todo.pop() {
                let rows = if forwards { &self.forward } else { &self.backward };
                for &(next, _) in rows.of(vertex) {
                    if !std::mem::replace(&mut seen[next as usize], true) {
                        todo.push(next);
                    }
                }
            }
            ordered.iter_mut().zip(seen).for_each(|(ordered, seen)| *ordered |= seen);
        }
        let spans = 0..self.first_event.len() - 1;
        spans.filter(|&other| other != span && !ordered[self.start(other).index()]).collect()
    }

    /// Whether a parent or linked span is missing in the certain past of an event: where nothing orders it and another
    /// event, the missing one may. O(edges).
    pub fn misses_something(&self, store: &SpanStore, event: EventId) -> bool {
        let mut seen = HashMap::new();
        let mut todo = vec![event];
        while let Some(event) = todo.pop() {
            let span = self.span_of(event);
            if event == self.start(span) && !super::span_order::is_whole(self, store, span) {
                return true;
            }
            let before = self.predecessors(event).filter(|(_, kind)| kind.is_certain());
            todo.extend(before.map(|(from, _)| from).filter(|from| seen.insert(*from, ()).is_none()));
        }
        false
    }

    fn shortest(
        &self,
        from: EventId,
        to: EventId,
        kinds: impl Fn(EdgeKind) -> bool,
    ) -> Vec<(EventId, Option<EdgeKind>)> {
        let mut reached: HashMap<EventId, (EventId, EdgeKind)> = HashMap::new();
        let mut todo = VecDeque::from([from]);
        while let Some(vertex) = todo.pop_front() {
            if vertex == to {
                break;
            }
            for (next, kind) in self.successors(vertex).filter(|(_, kind)| kinds(*kind)) {
                if self.rank[next.index()] <= self.rank[to.index()] && !reached.contains_key(&next) {
                    reached.insert(next, (vertex, kind));
                    todo.push_back(next);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = to;
        while let Some(&(before, kind)) = reached.get(&at) {
            // Points in time between groups of events are no events.
            if at.index() < self.len() {
                path.push((at, Some(kind)));
            }
            at = before;
        }
        path.push((from, None));
        path.reverse();
        path
    }
}
