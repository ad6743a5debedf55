//! Interned text and bytes: each distinct string is stored once and named by a [`Sym`].

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The name of an interned string. `Sym::EMPTY` is the empty one in every store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sym(pub(super) u32);

impl Sym {
    /// The empty string.
    pub const EMPTY: Sym = Sym(0);

    /// Its number: dense from 0, in order of first appearance.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Distinct strings in one buffer. Looking one up by name needs the index of the builder.
#[derive(Clone, Debug)]
pub struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Default for Strings {
    fn default() -> Self {
        Self { text: String::new(), ends: vec![0] }
    }
}

impl Strings {
    /// The text of a symbol of this table.
    pub fn get(&self, sym: Sym) -> &str {
        let at = sym.index();
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start..self.ends[at]]
    }

    /// How many distinct strings there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether only the empty string is there.
    pub fn is_empty(&self) -> bool {
        self.ends.len() == 1
    }

    /// All strings with their symbols.
    pub fn iter(&self) -> impl Iterator<Item = (Sym, &str)> {
        (0..self.ends.len() as u32).map(|at| (Sym(at), self.get(Sym(at))))
    }

    /// Finds a string by looking at each: for a handful of names per run.
    pub fn find(&self, text: &str) -> Option<Sym> {
        self.iter().find(|(_, known)| *known == text).map(|(sym, _)| sym)
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// The index that makes [`Strings`] interning; dropped when a store is finished.
/// Hashed with a seed of its own, so that no input can be made to collide; nothing depends on its order.
#[derive(Clone, Debug, Default)]
pub(super) struct StringIndex(HashTable<u32>, RandomState);

impl StringIndex {
    /// The symbol of a text, new or known. Amortised O(length).
    pub(super) fn intern(&mut self, strings: &mut Strings, text: &str) -> Sym {
        if text.is_empty() {
            return Sym::EMPTY;
        }
        let Self(table, hasher) = self;
        let hash = hasher.hash_one(text);
        if let Some(found) = table.find(hash, |&at| strings.get(Sym(at)) == text) {
            return Sym(*found);
        }
        let at = u32::try_from(strings.ends.len()).expect("fewer than 2^32 distinct strings");
        strings.text.push_str(text);
        strings.ends.push(strings.text.len());
        table.insert_unique(hash, at, |&known| hasher.hash_one(strings.get(Sym(known))));
        Sym(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_get_one_symbol() {
        let (mut strings, mut index) = (Strings::default(), StringIndex::default());
        let a = index.intern(&mut strings, "checkout");
        let b = index.intern(&mut strings, "cart");
        assert_ne!(a, b);
        assert_eq!(index.intern(&mut strings, "checkout"), a);
        assert_eq!(index.intern(&mut strings, ""), Sym::EMPTY);
        assert_eq!(strings.get(b), "cart");
        assert_eq!(strings.find("cart"), Some(b));
        assert_eq!(strings.len(), 3);
    }
}
