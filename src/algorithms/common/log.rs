//! The log: what was agreed upon and what may be, in order, from the last snapshot on.

use crate::node::{Barrier, Quorum};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Counts leaders, one after the other: a term, an epoch.
pub type Term = u64;
/// A place in the log, from 1.
pub type Index = u64;

/// A place in the log and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<P> {
    pub term: Term,
    pub index: Index,
    pub payload: P,
}

/// What can be agreed upon.
pub trait Payload {
    /// The configuration that it sets, if it is one.
    fn config(&self) -> Option<&Quorum> {
        None
    }
}

/// Entries, behind a base that only its index and term are known of.
#[derive(Debug)]
pub struct Log<P> {
    base: (Index, Term),
    entries: VecDeque<Entry<P>>,
    /// The configurations in the log, oldest first; the first may lie before the base.
    configs: VecDeque<(Index, Quorum)>,
    /// What is being written: with the barrier, everything up to the index is on disk.
    writing: VecDeque<(Barrier, Index)>,
    durable: Index,
}

impl<P: Clone + Payload> Log<P> {
    /// An empty log after a snapshot.
    pub fn new(base: (Index, Term), config: Quorum) -> Self {
        Self {
            base,
            entries: VecDeque::new(),
            configs: [(base.0, config)].into(),
            writing: VecDeque::new(),
            durable: base.0,
        }
    }

    /// The entry before the first that is here.
    pub fn base(&self) -> (Index, Term) {
        self.base
    }

    /// Index and term of the last entry.
    pub fn last(&self) -> (Index, Term) {
        self.entries.back().map_or(self.base, |entry| (entry.index, entry.term))
    }

    /// The entry of an index, if it is here.
    pub fn get(&self, index: Index) -> Option<&Entry<P>> {
        self.entries.get(index.checked_sub(self.base.0 + 1)? as usize)
    }

    /// The term of an entry, if it is known.
    pub fn term(&self, index: Index) -> Option<Term> {
        if index == self.base.0 { Some(self.base.1) } else { self.get(index).map(|entry| entry.term) }
    }

    /// Up to `most` entries from an index on.
    pub fn from(&self, index: Index, most: usize) -> Vec<Entry<P>> {
        let skip = index.saturating_sub(self.base.0 + 1) as usize;
        self.entries.iter().skip(skip).take(most).cloned().collect()
    }

    /// Puts an entry at the end; its index must be the next.
    pub fn push(&mut self, entry: Entry<P>) {
        debug_assert_eq!(entry.index, self.last().0 + 1);
        if let Some(config) = entry.payload.config() {
            self.configs.push_back((entry.index, config.clone()));
        }
        self.entries.push_back(entry);
    }

    /// Takes away everything from an index on.
    pub fn truncate(&mut self, from: Index) {
        self.entries.truncate(from.saturating_sub(self.base.0 + 1) as usize);
        while self.configs.len() > 1 && self.configs.back().is_some_and(|(index, _)| *index >= from) {
            self.configs.pop_back();
        }
        self.durable = self.durable.min(from - 1);
        for (_, index) in &mut self.writing {
            *index = (*index).min(from - 1);
        }
    }

    /// Forgets what lies before an index, and the index itself, of which the term is kept.
    pub fn forget(&mut self, to: Index) {
        let Some(term) = self.term(to) else { return };
        self.entries.drain(..(to - self.base.0) as usize);
        self.base = (to, term);
        while self.configs.get(1).is_some_and(|(index, _)| *index <= to) {
            self.configs.pop_front();
        }
    }

    /// The configuration in force: the last in the log, committed or not (§6).
    pub fn config(&self) -> (Index, &Quorum) {
        let (index, config) = self.configs.back().expect("there is always one");
        (*index, config)
    }

    /// The last configuration up to an index.
    pub fn config_at(&self, at: Index) -> &Quorum {
        let (_, config) = self.configs.iter().rev().find(|(index, _)| *index <= at).unwrap_or(&self.configs[0]);
        config
    }

    /// Everything that is here now is being written.
    pub fn written(&mut self, barrier: Barrier) {
        self.writing.push_back((barrier, self.last().0));
    }

    /// A barrier was passed.
    pub fn passed(&mut self, barrier: Barrier) {
        while let Some((_, index)) = self.writing.pop_front_if(|(of, _)| *of <= barrier) {
            self.durable = self.durable.max(index);
        }
    }

    /// What was recovered from disk is on disk.
    pub fn recovered(&mut self) {
        self.durable = self.last().0;
    }

    /// Up to here it is on disk.
    pub fn durable(&self) -> Index {
        self.durable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::NodeId;

    impl Payload for Option<Quorum> {
        fn config(&self) -> Option<&Quorum> {
            self.as_ref()
        }
    }

    fn log(terms: &[Term]) -> Log<Option<Quorum>> {
        let mut log = Log::new((0, 0), Quorum::new([NodeId(0)]));
        for (at, term) in terms.iter().enumerate() {
            log.push(Entry { index: at as Index + 1, term: *term, payload: None });
        }
        log
    }

    #[test]
    fn what_was_cut_off_is_not_durable_when_its_write_ends() {
        let mut log = log(&[1, 1, 1]);
        log.written(Barrier(1));
        log.truncate(2);
        log.push(Entry { index: 2, term: 2, payload: None });
        log.written(Barrier(2));
        log.passed(Barrier(1));
        assert_eq!(log.durable(), 1);
        log.passed(Barrier(2));
        assert_eq!(log.durable(), 2);
    }

    #[test]
    fn a_configuration_ends_with_its_entry() {
        let mut log = log(&[1]);
        let new = Quorum::new([NodeId(0), NodeId(1)]);
        log.push(Entry { index: 2, term: 1, payload: Some(new.clone()) });
        assert_eq!(log.config(), (2, &new));
        assert_eq!(log.config_at(1).voters.len(), 1);
        log.forget(2);
        assert_eq!((log.config(), log.base(), log.last()), ((2, &new), (2, 1), (2, 1)));
        let mut log = self::log(&[1]);
        log.push(Entry { index: 2, term: 1, payload: Some(new) });
        log.truncate(2);
        assert_eq!(log.config().0, 0);
    }
}
