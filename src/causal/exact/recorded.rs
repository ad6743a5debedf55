//! What processes believed: the clocks that they recorded, held against the exact order.
//!
//! Three checks for each event with a recorded clock find a pair for every clock that says something else than the
//! order does, without looking at every pair. (1) Along each edge the Lamport clock grows. (2) Along each edge the
//! vector grows; so whatever is before is recorded as before. (3) Of each lane that the vector mentions, the first
//! event that is *not* before: if its vector is not within this one, then, by (2) along its lane, none after it
//! is, so nothing that is concurrent is recorded as before. Where some events have no clock, an edge is followed
//! back to the nearest event of the lane that has one: what is found is wrong, but not all that is wrong is found.
//! A vector without a component of its own lane is subject to (2) only.

use super::{ExactEvent, ExactOrder};
use crate::causal::recorded::{ClockKind, Reader, Vector, of_lamports, of_vectors};
use crate::causal::relation::Relation;
use crate::store::SpanStore;

/// Two events that a recorded clock orders in another way than the trace does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disagreement {
    pub clock: ClockKind,
    pub a: ExactEvent,
    /// The event whose clock is found wrong first; `a` may be as wrong.
    pub b: ExactEvent,
    /// How `a` stands to `b` by the events' exact order.
    pub rebuilt: Relation,
    /// How by the recorded clocks (by Lamport clocks: what they can't exclude).
    pub recorded: Relation,
}

/// Every event at which a recorded clock is wrong, with an event that shows it: at most three pairs per event, in
/// the order of `b`. A clock that can't be read is not compared. O(events × entries of a vector × log) at worst.
pub fn disagreements(order: &ExactOrder, store: &SpanStore) -> Vec<Disagreement> {
    let clocks = Clocks::read(order, store);
    let mut found = Vec::new();
    for b in order.events() {
        if clocks.lamport[b.index()].is_some() {
            found.extend(edge(order, b, |a| clocks.lamport_pair(a, b), ClockKind::Lamport));
        }
        if clocks.vector[b.index()].is_some() {
            found.extend(edge(order, b, |a| clocks.vector_pair(a, b), ClockKind::Vector));
            found.extend(clocks.believed(order, b));
        }
    }
    found
}

/// Looks back along the edges into `b`, each to the nearest event with a clock.
fn edge(
    order: &ExactOrder,
    b: ExactEvent,
    recorded: impl Fn(ExactEvent) -> Option<Relation>,
    clock: ClockKind,
) -> Option<Disagreement> {
    let sources = order.previous(b).into_iter().chain(order.sources(b));
    sources.into_iter().find_map(|from| {
        let with_clock = |from: ExactEvent| Some((from, recorded(from)?));
        let (a, recorded) = std::iter::successors(Some(from), |at| order.previous(*at)).find_map(with_clock)?;
        let wrong = recorded != Relation::Before;
        wrong.then_some(Disagreement { clock, a, b, rebuilt: Relation::Before, recorded })
    })
}

/// The recorded clocks, by event.
struct Clocks {
    lamport: Vec<Option<u64>>,
    vector: Vec<Option<Vector>>,
    /// By key: the lanes that it may stand for.
    lanes: Vec<Vec<u32>>,
    /// By event: the first event from it on in its lane with a vector.
    next: Vec<Option<u32>>,
}

impl Clocks {
    fn read(order: &ExactOrder, store: &SpanStore) -> Self {
        let mut clocks = Self { lamport: Vec::new(), vector: Vec::new(), lanes: Vec::new(), next: Vec::new() };
        let mut reader = Reader::new(store);
        for event in &order.events {
            clocks.lamport.push(reader.as_ref().and_then(|reader| reader.lamport(event.attributes)));
            clocks.vector.push(reader.as_mut().and_then(|reader| reader.vector(event.attributes)));
        }
        let key = |name: &str| reader.as_ref().and_then(|reader| reader.key(name));
        clocks.lanes = vec![Vec::new(); reader.as_ref().map_or(0, Reader::keys)];
        for (number, lane) in order.lanes.iter().enumerate() {
            for key in [&lane.name, &lane.process].into_iter().filter_map(|name| key(name)) {
                clocks.lanes[key as usize].push(number as u32);
            }
        }
        clocks.next = vec![None; order.len()];
        for at in (0..order.len()).rev() {
            let later = order.events.get(at + 1).filter(|later| later.lane == order.events[at].lane);
            let here = clocks.vector[at].is_some().then_some(at as u32);
            clocks.next[at] = here.or_else(|| later.and_then(|_| clocks.next[at + 1]));
        }
        clocks
    }

    fn lamport_pair(&self, a: ExactEvent, b: ExactEvent) -> Option<Relation> {
        Some(of_lamports(self.lamport[a.index()]?, self.lamport[b.index()]?))
    }

    fn vector_pair(&self, a: ExactEvent, b: ExactEvent) -> Option<Relation> {
        Some(of_vectors(self.vector[a.index()].as_ref()?, self.vector[b.index()].as_ref()?))
    }

    /// An event that the vector of `b` says is before it, and is not.
    fn believed(&self, order: &ExactOrder, b: ExactEvent) -> Option<Disagreement> {
        let vector = self.vector[b.index()].as_ref()?;
        let lanes = vector.iter().flat_map(|(key, _)| &self.lanes[*key as usize]);
        lanes.filter(|lane| **lane != order.lane(b) as u32).find_map(|&lane| {
            let after = order.first[lane as usize] + order.component(b, lane);
            let a = (after < order.first[lane as usize + 1]).then(|| self.next[after as usize])??;
            let a = ExactEvent(a);
            let recorded = self.vector_pair(a, b)?;
            let claims = matches!(recorded, Relation::Before | Relation::Equal);
            // Where `a` is after `b`, check (2) has found it.
            let wrong = claims && order.relation(a, b) == Relation::Concurrent;
            wrong.then_some(Disagreement { clock: ClockKind::Vector, a, b, rebuilt: Relation::Concurrent, recorded })
        })
    }
}
