//! Values by number.

use super::space::HASHER;
use crate::history::Value;
use foldhash::fast::FixedState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;

/// Numbers for values, in order of first appearance. Most values are small integers, found without
/// hashing, or integers.
pub(crate) struct Numbers<'h> {
    next: u32,
    expected: usize,
    /// By small integer: its number and one, or 0.
    small: Vec<u32>,
    ints: HashMap<i64, u32, FixedState>,
    others: HashTable<(u32, &'h Value)>,
}

impl<'h> Numbers<'h> {
    /// For about so many values.
    pub(crate) fn with_capacity(expected: usize) -> Self {
        let ints = HashMap::with_hasher(HASHER);
        Self { next: 0, expected, small: Vec::new(), ints, others: HashTable::new() }
    }

    /// The place of an integer that is so small that a table of all up to it is no larger than a few
    /// times the values.
    fn small(&self, int: i64) -> Option<usize> {
        usize::try_from(int).ok().filter(|&int| int < 4 * self.expected + 256)
    }

    /// The number of a value.
    #[inline]
    pub(crate) fn of(&mut self, value: &'h Value) -> u32 {
        let Value::Int(int) = value else {
            let number = self.other(value);
            self.next += u32::from(number == self.next);
            return number;
        };
        self.of_int(*int)
    }

    /// The number of an integer.
    #[inline]
    pub(crate) fn of_int(&mut self, int: i64) -> u32 {
        let number = match self.small(int) {
            Some(at) => {
                if at >= self.small.len() {
                    self.small.resize((at + 1).next_power_of_two().max(64), 0);
                }
                let known = &mut self.small[at];
                if *known == 0 {
                    *known = self.next + 1;
                }
                *known - 1
            }
            None => {
                if self.ints.is_empty() {
                    self.ints.reserve(self.expected);
                }
                *self.ints.entry(int).or_insert(self.next)
            }
        };
        self.next += u32::from(number == self.next);
        number
    }

    fn other(&mut self, value: &'h Value) -> u32 {
        let hash = |value: &Value| HASHER.hash_one(value);
        match self.others.entry(hash(value), |known| known.1 == value, |known| hash(known.1)) {
            Entry::Occupied(known) => known.get().0,
            Entry::Vacant(free) => {
                free.insert((self.next, value));
                self.next
            }
        }
    }

    /// The number of a value, if it has one.
    pub(crate) fn find(&self, value: &Value) -> Option<u32> {
        let Value::Int(int) = value else {
            return self.others.find(HASHER.hash_one(value), |known| known.1 == value).map(|known| known.0);
        };
        match self.small(*int) {
            Some(at) => self.small.get(at)?.checked_sub(1),
            None => self.ints.get(int).copied(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.next as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_as_they_appear() {
        let values = [Value::Int(7), Value::Nil, Value::Int(-7), Value::Int(i64::MAX), Value::str("7"), Value::Int(0)];
        let mut numbers = Numbers::with_capacity(2);
        for _ in 0..2 {
            assert!(values.iter().map(|value| numbers.of(value)).eq(0..6));
        }
        assert!(values.iter().map(|value| numbers.find(value)).eq((0..6).map(Some)));
        assert_eq!((numbers.find(&Value::Int(8)), numbers.find(&Value::Bool(true)), numbers.len()), (None, None, 6));
    }
}
