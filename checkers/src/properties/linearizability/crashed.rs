//! Which crashed operations an order has used.
//!
//! An operation that never returned stays possible for ever, and a search that keeps every one of
//! them as a candidate doubles its work with each. Two things keep that in bounds. Crashed operations
//! of one class are interchangeable, so that only *how many* of a class were used counts (the ones
//! called first are used first). And of two configurations that differ only in what they used, the
//! one that used less can do whatever the other can: only the antichain of smallest sets is kept.
//!
//! Sets are interned; [`Seen`] keeps, for each mask and state, the antichain.

use super::space::{HASHER, intern};
use super::window::Mask;
use foldhash::fast::FixedState;
use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashTable};

/// Multisets of classes by number; 0 is the empty one.
pub(crate) struct UsedSets {
    /// Pairs of class and count, in order of class.
    sets: Vec<Box<[(u32, u32)]>>,
    ids: HashTable<u32>,
    added: HashMap<(u32, u32), u32, FixedState>,
    /// Pairs in all sets.
    pairs: usize,
}

impl UsedSets {
    pub(crate) fn new() -> Self {
        Self { sets: vec![Box::default()], ids: HashTable::new(), added: HashMap::with_hasher(HASHER), pairs: 0 }
    }

    /// How many of `class` are in set `id`.
    pub(crate) fn count(&self, id: u32, class: u32) -> u32 {
        let set = &self.sets[id as usize];
        set.binary_search_by_key(&class, |pair| pair.0).map_or(0, |at| set[at].1)
    }

    /// How many are in set `id`.
    pub(crate) fn total(&self, id: u32) -> usize {
        self.sets[id as usize].iter().map(|pair| pair.1 as usize).sum()
    }

    /// Set `id` with one more of `class`.
    pub(crate) fn add(&mut self, id: u32, class: u32) -> u32 {
        if let Some(&known) = self.added.get(&(id, class)) {
            return known;
        }
        let old = &self.sets[id as usize];
        let set = match old.binary_search_by_key(&class, |pair| pair.0) {
            Ok(at) => {
                let mut set = old.clone();
                set[at].1 += 1;
                set
            }
            Err(at) => [&old[..at], &[(class, 1)], &old[at..]].concat().into(),
        };
        let (before, pairs) = (self.sets.len(), set.len());
        let new = intern(&mut self.sets, &mut self.ids, set);
        self.pairs += if self.sets.len() > before { pairs } else { 0 };
        self.added.insert((id, class), new);
        new
    }

    /// Whether set `small` is part of set `large`.
    pub(crate) fn is_part(&self, small: u32, large: u32) -> bool {
        if small == 0 || small == large {
            return true;
        }
        let mut rest = self.sets[large as usize].iter();
        self.sets[small as usize].iter().all(|&(class, count)| {
            rest.find(|pair| pair.0 >= class).is_some_and(|pair| pair.0 == class && pair.1 >= count)
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        // A set's place, its number, and what the allocator adds.
        (self.sets.len() * 40 + self.pairs * 8 + self.added.capacity() * 16) as u64
    }
}

/// The configurations met, by event, mask and state.
pub(crate) struct Seen<M> {
    heads: HashMap<(u32, u32, M), u32, FixedState>,
    /// Used sets with the same key, as lists: the set, and the next one.
    links: Vec<(u32, u32)>,
}

const END: u32 = u32::MAX;

impl<M: Mask> Seen<M> {
    pub(crate) fn new() -> Self {
        Self { heads: HashMap::with_capacity_and_hasher(32, HASHER), links: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.heads.clear();
        self.links.clear();
    }

    /// Whether a configuration that can do as much was noted.
    pub(crate) fn has(&self, sets: &UsedSets, event: u32, mask: &M, state: u32, used: u32) -> bool {
        let Some(&head) = self.heads.get(&(event, state, mask.clone())) else { return false };
        let mut at = head;
        while at != END {
            let (other, next) = self.links[at as usize];
            if sets.is_part(other, used) {
                return true;
            }
            at = next;
        }
        head == END
    }

    /// Notes a configuration; false if one that can do as much was met before.
    pub(crate) fn insert(&mut self, sets: &UsedSets, event: u32, mask: &M, state: u32, used: u32) -> bool {
        // An order that used no crashed operation is all there is to know; it needs no list.
        match self.heads.entry((event, state, mask.clone())) {
            Entry::Vacant(free) => {
                let head = if used == 0 { END } else { link(&mut self.links, used, END) };
                free.insert(head);
                true
            }
            Entry::Occupied(mut known) => {
                let mut at = *known.get();
                if at == END {
                    return false;
                }
                while at != END {
                    let (other, next) = self.links[at as usize];
                    if sets.is_part(other, used) {
                        return false;
                    }
                    at = next;
                }
                let head = if used == 0 { END } else { link(&mut self.links, used, *known.get()) };
                known.insert(head);
                true
            }
        }
    }

    /// Bytes held, with masks for so many slots.
    pub(crate) fn bytes(&self, slots: usize) -> u64 {
        let heads = self.heads.capacity() * (size_of::<(u32, u32, M, u32)>() + 1);
        (heads + self.heads.len() * M::elsewhere(slots) + self.links.capacity() * 8) as u64
    }
}

fn link(links: &mut Vec<(u32, u32)>, used: u32, next: u32) -> u32 {
    links.push((used, next));
    (links.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_smallest_sets_are_kept() {
        let mut sets = UsedSets::new();
        let a = sets.add(0, 7);
        let ab = sets.add(a, 3);
        let ba = {
            let b = sets.add(0, 3);
            sets.add(b, 7)
        };
        assert_eq!(ab, ba);
        assert!(sets.is_part(a, ab) && !sets.is_part(ab, a) && sets.is_part(0, a));
        assert_eq!((sets.total(ab), sets.count(ab, 3), sets.count(a, 3)), (2, 1, 0));
        let aa = sets.add(a, 7);
        assert!(!sets.is_part(aa, ab));

        let mut seen: Seen<[u64; 1]> = Seen::new();
        assert!(seen.insert(&sets, 0, &[1], 0, ab));
        assert!(!seen.insert(&sets, 0, &[1], 0, ab));
        assert!(seen.insert(&sets, 0, &[1], 0, aa));
        assert!(seen.insert(&sets, 0, &[1], 0, a));
        assert!(seen.has(&sets, 0, &[1], 0, ab) && !seen.has(&sets, 0, &[1], 0, 0));
        assert!(seen.insert(&sets, 0, &[1], 0, 0));
        assert!(seen.has(&sets, 0, &[1], 0, 0) && !seen.has(&sets, 0, &[1], 1, 0));
        assert!(!seen.insert(&sets, 0, &[1], 0, a));
        assert!(seen.insert(&sets, 1, &[1], 0, a));
    }
}
