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
use crate::causal::Relation;
use crate::store::{Any, Rows, SpanStore, Sym};
use foldhash::HashMap;
use std::collections::BTreeMap;

/// Which recorded clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// `causet.clock.vector`, or an attribute `vc.PROCESS` for each component.
    Vector,
    /// `causet.clock.lamport`.
    Lamport,
}

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

/// Counts by key, ascending.
type Vector = Box<[(u32, u64)]>;

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
        let strings = store.strings();
        let (vector, lamport) = (strings.find("causet.clock.vector"), strings.find("causet.clock.lamport"));
        let components: HashMap<Sym, &str> =
            strings.iter().filter_map(|(sym, text)| Some((sym, text.strip_prefix("vc.")?))).collect();
        let mut keys = Keys::default();
        let mut clocks = Self { lamport: Vec::new(), vector: Vec::new(), lanes: Vec::new(), next: Vec::new() };
        for event in &order.events {
            let find = |name: Option<Sym>| store.attributes().find(event.attributes, name?);
            clocks.lamport.push(find(lamport).and_then(|value| count(store, value)));
            clocks.vector.push(match find(vector) {
                Some(value) => keys.vector(store, value),
                None if components.is_empty() => None,
                None => keys.components(store, event.attributes, &components),
            });
        }
        clocks.lanes = vec![Vec::new(); keys.0.len()];
        for (number, lane) in order.lanes.iter().enumerate() {
            for key in [&lane.name, &lane.process] {
                if let Some(&key) = keys.0.get(&**key) {
                    clocks.lanes[key as usize].push(number as u32);
                }
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
        let (a, b) = (self.lamport[a.index()]?, self.lamport[b.index()]?);
        Some(match a.cmp(&b) {
            std::cmp::Ordering::Less => Relation::Before,
            std::cmp::Ordering::Equal => Relation::Concurrent,
            std::cmp::Ordering::Greater => Relation::After,
        })
    }

    fn vector_pair(&self, a: ExactEvent, b: ExactEvent) -> Option<Relation> {
        let (a, b) = (self.vector[a.index()].as_ref()?, self.vector[b.index()].as_ref()?);
        Some(match (within(a, b), within(b, a)) {
            (true, true) => Relation::Equal,
            (true, false) => Relation::Before,
            (false, true) => Relation::After,
            (false, false) => Relation::Concurrent,
        })
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

/// Whether no component of a vector is greater than the other one's.
fn within(a: &[(u32, u64)], b: &[(u32, u64)]) -> bool {
    let mut others = b.iter();
    a.iter().all(|&(key, count)| {
        others.by_ref().find(|(other, _)| *other >= key).is_some_and(|&other| other.0 == key && other.1 >= count)
    })
}

fn count(store: &SpanStore, value: Any) -> Option<u64> {
    match value {
        Any::Int(number) => u64::try_from(number).ok(),
        Any::Str(sym) => store.text(sym).parse().ok(),
        _ => None,
    }
}

/// Numbers for the keys of vectors.
#[derive(Default)]
struct Keys(HashMap<String, u32>);

impl Keys {
    fn vector(&mut self, store: &SpanStore, value: Any) -> Option<Vector> {
        match value {
            Any::Str(sym) => {
                let components: BTreeMap<String, u64> = serde_json::from_str(store.text(sym)).ok()?;
                Some(self.sorted(components.iter().map(|(key, count)| (&**key, *count))))
            }
            Any::Map(rows) => {
                let pairs = store.attributes().pairs(rows);
                let pairs = pairs.map(|(key, value)| Some((store.text(key), count(store, value)?)));
                let components: BTreeMap<&str, u64> = pairs.collect::<Option<_>>()?;
                Some(self.sorted(components.into_iter()))
            }
            _ => None,
        }
    }

    fn components(&mut self, store: &SpanStore, rows: Rows, names: &HashMap<Sym, &str>) -> Option<Vector> {
        let pairs = store.attributes().pairs(rows);
        let named = pairs.filter_map(|(key, value)| Some((*names.get(&key)?, count(store, value)?)));
        let components: BTreeMap<&str, u64> = named.collect();
        (!components.is_empty()).then(|| self.sorted(components.into_iter()))
    }

    /// Zeroes say nothing and are left out.
    fn sorted<'a>(&mut self, components: impl Iterator<Item = (&'a str, u64)>) -> Vector {
        let numbered = components.filter(|(_, count)| *count > 0).map(|(key, count)| {
            let next = self.0.len() as u32;
            let number = self.0.get(key).copied();
            (number.unwrap_or_else(|| *self.0.entry(key.to_owned()).or_insert(next)), count)
        });
        let mut sorted: Vec<(u32, u64)> = numbered.collect();
        sorted.sort_unstable();
        sorted.into()
    }
}
