//! Logical clocks as processes recorded them: `causet.clock.vector`, an attribute `vc.PROCESS` for each component (as
//! text or number), and `causet.clock.lamport`.

use super::relation::Relation;
use crate::store::{Any, Rows, SpanStore, Sym};
use foldhash::{HashMap, HashMapExt};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Which recorded clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockKind {
    /// `causet.clock.vector`, or an attribute `vc.PROCESS` for each component.
    Vector,
    /// `causet.clock.lamport`.
    Lamport,
}

/// Counts by key, ascending.
pub(super) type Vector = Box<[(u32, u64)]>;

/// Reads recorded clocks, and numbers the keys of the vectors.
pub(super) struct Reader<'a> {
    store: &'a SpanStore,
    vector: Option<Sym>,
    lamport: Option<Sym>,
    components: HashMap<Sym, &'a str>,
    keys: HashMap<String, u32>,
}

impl<'a> Reader<'a> {
    /// `None` if no attribute is called like a clock.
    pub(super) fn new(store: &'a SpanStore) -> Option<Self> {
        let strings = store.strings();
        let (vector, lamport) = (strings.find("causet.clock.vector"), strings.find("causet.clock.lamport"));
        let components: HashMap<Sym, &str> =
            strings.iter().filter_map(|(sym, text)| Some((sym, text.strip_prefix("vc.")?))).collect();
        let any = vector.is_some() || lamport.is_some() || !components.is_empty();
        any.then(|| Self { store, vector, lamport, components, keys: HashMap::new() })
    }

    /// The Lamport clock among some attributes.
    pub(super) fn lamport(&self, rows: Rows) -> Option<u64> {
        count(self.store, self.store.attributes().find(rows, self.lamport?)?)
    }

    /// The vector clock among some attributes, without zeroes, which say nothing.
    pub(super) fn vector(&mut self, rows: Rows) -> Option<Vector> {
        let store = self.store;
        match self.vector.and_then(|name| store.attributes().find(rows, name)) {
            Some(Any::Str(sym)) => {
                let components: BTreeMap<String, u64> = serde_json::from_str(store.text(sym)).ok()?;
                Some(self.sorted(components.iter().map(|(key, count)| (&**key, *count))))
            }
            Some(Any::Map(rows)) => {
                let pairs = store.attributes().pairs(rows);
                let pairs = pairs.map(|(key, value)| Some((store.text(key), count(store, value)?)));
                let components: BTreeMap<&str, u64> = pairs.collect::<Option<_>>()?;
                Some(self.sorted(components.into_iter()))
            }
            Some(_) => None,
            None if self.components.is_empty() => None,
            None => {
                let pairs = store.attributes().pairs(rows);
                let named = pairs.filter_map(|(key, value)| Some((*self.components.get(&key)?, count(store, value)?)));
                let components: BTreeMap<&str, u64> = named.collect();
                (!components.is_empty()).then(|| self.sorted(components.into_iter()))
            }
        }
    }

    /// The clocks among some attributes that can't be read: the attribute, what was expected of it, and what it is.
    pub(super) fn unreadable(&mut self, rows: Rows) -> impl Iterator<Item = (&'static str, &'static str, Any)> + use<> {
        let found = |name: Option<Sym>| name.and_then(|name| self.store.attributes().find(rows, name));
        let (vector, lamport) = (found(self.vector), found(self.lamport));
        let vector = vector.filter(|_| self.vector(rows).is_none());
        let lamport = lamport.filter(|_| self.lamport(rows).is_none());
        let vector = vector.map(|value| ("causet.clock.vector", "map of counts from 0 on", value));
        vector.into_iter().chain(lamport.map(|value| ("causet.clock.lamport", "count from 0 on", value)))
    }

    /// The number of a key of vectors.
    pub(super) fn key(&self, name: &str) -> Option<u32> {
        self.keys.get(name).copied()
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    fn sorted<'k>(&mut self, components: impl Iterator<Item = (&'k str, u64)>) -> Vector {
        let numbered = components.filter(|(_, count)| *count > 0).map(|(key, count)| {
            let next = self.keys.len() as u32;
            let number = self.keys.get(key).copied();
            (number.unwrap_or_else(|| *self.keys.entry(key.to_owned()).or_insert(next)), count)
        });
        let mut sorted: Vec<(u32, u64)> = numbered.collect();
        sorted.sort_unstable();
        sorted.into()
    }
}

fn count(store: &SpanStore, value: Any) -> Option<u64> {
    match value {
        Any::Int(number) => u64::try_from(number).ok(),
        Any::Str(sym) => store.text(sym).trim().parse().ok(),
        _ => None,
    }
}

/// What two vectors say of their events.
pub(super) fn of_vectors(a: &[(u32, u64)], b: &[(u32, u64)]) -> Relation {
    match (within(a, b), within(b, a)) {
        (true, true) => Relation::Equal,
        (true, false) => Relation::Before,
        (false, true) => Relation::After,
        (false, false) => Relation::Concurrent,
    }
}

/// What two Lamport clocks can't exclude.
pub(super) fn of_lamports(a: u64, b: u64) -> Relation {
    match a.cmp(&b) {
        Ordering::Less => Relation::Before,
        Ordering::Equal => Relation::Concurrent,
        Ordering::Greater => Relation::After,
    }
}

/// Whether no component of a vector is greater than the other one's.
fn within(a: &[(u32, u64)], b: &[(u32, u64)]) -> bool {
    let mut others = b.iter();
    a.iter().all(|&(key, count)| {
        others.by_ref().find(|(other, _)| *other >= key).is_some_and(|&other| other.0 == key && other.1 >= count)
    })
}
