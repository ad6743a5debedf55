//! Values by number.

use super::super::space::HASHER;
use crate::history::Value;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// Numbers for values, in order of first appearance.
pub(super) struct Numbers<'h> {
    ids: HashTable<u32>,
    values: Vec<&'h Value>,
}

impl<'h> Numbers<'h> {
    pub(super) fn with_capacity(values: usize) -> Self {
        Self { ids: HashTable::with_capacity(values), values: Vec::with_capacity(values) }
    }

    /// The number of a value.
    pub(super) fn of(&mut self, value: &'h Value) -> u32 {
        let values = &self.values;
        let same = |&id: &u32| values[id as usize] == value;
        match self.ids.entry(HASHER.hash_one(value), same, |&id| HASHER.hash_one(values[id as usize])) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let id = values.len() as u32;
                free.insert(id);
                self.values.push(value);
                id
            }
        }
    }

    /// The number of a value, if it has one.
    pub(super) fn find(&self, value: &Value) -> Option<u32> {
        self.ids.find(HASHER.hash_one(value), |&id| self.values[id as usize] == value).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}
