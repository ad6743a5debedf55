//! Typed attributes in columns: a key, a tag and one 64-bit word each.
//!
//! Lists and maps are runs of rows too ([`Rows`]); a nested run is stored before the run that holds
//! it, so that every run is contiguous and nothing needs a pointer.

use super::strings::Sym;

/// A run of attribute rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rows {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Rows {
    /// How many rows.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// The name of a byte string in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BytesId(pub(super) u32);

/// An attribute's value, as OTLP's `AnyValue`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Any {
    /// No value was set.
    Empty,
    Str(Sym),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(BytesId),
    /// Rows whose keys do not count.
    List(Rows),
    Map(Rows),
}

/// A key and its value.
pub type Pair = (Sym, Any);

/// All attribute rows of a store.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    keys: Vec<Sym>,
    tags: Vec<u8>,
    words: Vec<u64>,
    bytes: Vec<u8>,
    byte_ends: Vec<usize>,
}

impl Attributes {
    /// The pairs of a run.
    pub fn pairs(&self, rows: Rows) -> impl ExactSizeIterator<Item = Pair> + '_ {
        rows.range().map(|at| (self.keys[at], unpack(self.tags[at], self.words[at])))
    }

    /// The value of a key: the first, if it is there more than once.
    pub fn find(&self, rows: Rows, key: Sym) -> Option<Any> {
        rows.range().find(|&at| self.keys[at] == key).map(|at| unpack(self.tags[at], self.words[at]))
    }

    /// A byte string.
    pub fn bytes(&self, id: BytesId) -> &[u8] {
        let at = id.0 as usize;
        let start = if at == 0 { 0 } else { self.byte_ends[at - 1] };
        &self.bytes[start..self.byte_ends[at]]
    }

    /// Whether two runs hold the same, looking into nested runs with a stack of its own.
    pub fn same(&self, a: Rows, b: Rows) -> bool {
        let mut todo = vec![(a, b)];
        while let Some((a, b)) = todo.pop() {
            if a == b {
                continue;
            }
            if a.len() != b.len() {
                return false;
            }
            for ((key_a, value_a), (key_b, value_b)) in self.pairs(a).zip(self.pairs(b)) {
                let same = match (value_a, value_b) {
                    (Any::List(a), Any::List(b)) | (Any::Map(a), Any::Map(b)) => {
                        todo.push((a, b));
                        true
                    }
                    (Any::Bytes(a), Any::Bytes(b)) => self.bytes(a) == self.bytes(b),
                    (Any::Double(a), Any::Double(b)) => a.to_bits() == b.to_bits(),
                    (a, b) => a == b,
                };
                if key_a != key_b || !same {
                    return false;
                }
            }
        }
        true
    }

    /// How many rows there are in all.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn push_rows(&mut self, pairs: &[Pair]) -> Rows {
        let start = u32::try_from(self.keys.len()).expect("fewer than 2^32 attributes");
        for &(key, value) in pairs {
            let (tag, word) = pack(value);
            self.keys.push(key);
            self.tags.push(tag);
            self.words.push(word);
        }
        Rows { start, len: pairs.len() as u32 }
    }

    /// Takes a run back that turned out to be known, if it is the last one.
    pub(super) fn forget_last(&mut self, rows: Rows) {
        if rows.range().end == self.keys.len() {
            self.keys.truncate(rows.range().start);
            self.tags.truncate(rows.range().start);
            self.words.truncate(rows.range().start);
        }
    }

    pub(super) fn push_bytes(&mut self, bytes: &[u8]) -> BytesId {
        self.bytes.extend_from_slice(bytes);
        self.byte_ends.push(self.bytes.len());
        BytesId((self.byte_ends.len() - 1) as u32)
    }

    /// Adds all rows of another store's attributes, with its symbols renamed. Every [`Rows`] of the
    /// other one then starts `returned` rows later.
    pub(super) fn append(&mut self, other: &Attributes, rename: &[Sym]) -> u32 {
        let offset = u32::try_from(self.keys.len()).expect("fewer than 2^32 attributes");
        u32::try_from(self.keys.len() + other.keys.len()).expect("fewer than 2^32 attributes");
        let byte_offset = self.byte_ends.len() as u32;
        self.keys.extend(other.keys.iter().map(|key| rename[key.index()]));
        self.tags.extend_from_slice(&other.tags);
        self.words.extend(other.tags.iter().zip(&other.words).map(|(&tag, &word)| {
            pack(match unpack(tag, word) {
                Any::Str(sym) => Any::Str(rename[sym.index()]),
                Any::Bytes(id) => Any::Bytes(BytesId(id.0 + byte_offset)),
                Any::List(rows) => Any::List(rows.shifted(offset)),
                Any::Map(rows) => Any::Map(rows.shifted(offset)),
                plain => plain,
            })
            .1
        }));
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.byte_ends.extend(other.byte_ends.iter().map(|end| end + base));
        offset
    }

    pub(super) fn shrink(&mut self) {
        self.keys.shrink_to_fit();
        self.tags.shrink_to_fit();
        self.words.shrink_to_fit();
    }
}

impl Rows {
    pub(super) fn shifted(self, by: u32) -> Rows {
        Rows { start: self.start + by, len: self.len }
    }
}

fn pack(value: Any) -> (u8, u64) {
    let run = |rows: Rows| u64::from(rows.start) << 32 | u64::from(rows.len);
    match value {
        Any::Empty => (0, 0),
        Any::Str(sym) => (1, u64::from(sym.0)),
        Any::Bool(value) => (2, u64::from(value)),
        Any::Int(value) => (3, value as u64),
        Any::Double(value) => (4, value.to_bits()),
        Any::Bytes(id) => (5, u64::from(id.0)),
        Any::List(rows) => (6, run(rows)),
        Any::Map(rows) => (7, run(rows)),
    }
}

fn unpack(tag: u8, word: u64) -> Any {
    let rows = Rows { start: (word >> 32) as u32, len: word as u32 };
    match tag {
        1 => Any::Str(Sym(word as u32)),
        2 => Any::Bool(word != 0),
        3 => Any::Int(word as i64),
        4 => Any::Double(f64::from_bits(word)),
        5 => Any::Bytes(BytesId(word as u32)),
        6 => Any::List(rows),
        7 => Any::Map(rows),
        _ => Any::Empty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_survives_packing() {
        let rows = Rows { start: 7, len: u32::MAX };
        for value in [
            Any::Empty,
            Any::Str(Sym(u32::MAX)),
            Any::Bool(true),
            Any::Int(i64::MIN),
            Any::Double(-0.0),
            Any::Bytes(BytesId(3)),
            Any::List(rows),
            Any::Map(rows),
        ] {
            let (tag, word) = pack(value);
            assert_eq!(unpack(tag, word), value);
        }
    }
}
