//! Before, after, concurrent: by search, which needs no memory beyond the graph.
//!
//! [`super::Clocks`] answers the same in constant time after a pass over the graph; tests hold the two
//! against each other.

use super::graph::{CausalGraph, EdgeKind, EventId};
use foldhash::{HashSet, HashSetExt};

/// How two events stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    Before,
    After,
    Concurrent,
    Equal,
    /// Events that could tell are missing; [`super::ExactOrder`] and [`super::Comparer`] know that they are.
    Unknown,
}

impl Relation {
    /// The word for it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Concurrent => "concurrent",
            Self::Equal => "equal",
            Self::Unknown => "unknown",
        }
    }
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestsOn {
    /// Holds whatever the clocks say (or nothing, not even an assumption, orders the two).
    Certain,
    /// Needs at least one edge that was read off timestamps.
    Assumed,
}

/// A relation, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    pub relation: Relation,
    pub rests_on: RestsOn,
}

impl CausalGraph {
    /// How `a` stands to `b`. O(events between the two in the linear extension).
    pub fn relation(&self, a: EventId, b: EventId) -> Answer {
        if a == b {
            return Answer { relation: Relation::Equal, rests_on: RestsOn::Certain };
        }
        let forwards = self.rank[a.index()] < self.rank[b.index()];
        let (first, last) = if forwards { (a, b) } else { (b, a) };
        let relation = if forwards { Relation::Before } else { Relation::After };
        if self.reaches(first, last, EdgeKind::is_certain) {
            Answer { relation, rests_on: RestsOn::Certain }
        } else if self.reaches(first, last, |_| true) {
            Answer { relation, rests_on: RestsOn::Assumed }
        } else {
            Answer { relation: Relation::Concurrent, rests_on: RestsOn::Certain }
        }
    }

    /// By vertex: whether it is before an event. O(edges).
    pub(super) fn past(&self, event: EventId) -> Vec<bool> {
        self.all(event, |vertex| self.backward.of(vertex))
    }

    /// By vertex: whether it is after an event. O(edges).
    pub(super) fn future(&self, event: EventId) -> Vec<bool> {
        self.all(event, |vertex| self.forward.of(vertex))
    }

    fn all<'a>(&self, event: EventId, edges: impl Fn(u32) -> &'a [(u32, EdgeKind)]) -> Vec<bool> {
        let mut seen = vec![false; self.vertices];
        let mut todo = vec![event.0];
        while let Some(vertex) = todo.pop() {
            let next = edges(vertex).iter().map(|(next, _)| *next);
            todo.extend(next.filter(|next| !std::mem::replace(&mut seen[*next as usize], true)));
        }
        seen
    }

    /// Whether a path of edges of the given kinds leads from one vertex to another.
    pub(super) fn reaches(&self, from: EventId, to: EventId, kinds: impl Fn(EdgeKind) -> bool) -> bool {
        let limit = self.rank[to.index()];
        let mut seen = HashSet::new();
        let mut todo = vec![from.0];
        while let Some(vertex) = todo.pop() {
            for &(next, kind) in self.forward.of(vertex) {
                if !kinds(kind) {
                    continue;
                }
                if next == to.0 {
                    return true;
                }
                if self.rank[next as usize] < limit && seen.insert(next) {
                    todo.push(next);
                }
            }
        }
        false
    }
}
