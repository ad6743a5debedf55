//! Blocks of whole lines, for formats where a line stands for itself.
//!
//! A block is what a few threads can share out among them; memory is one block plus the longest
//! line. A line longer than [`MAX_LINE`] is told and passed over, because nothing that a history
//! needs is that long and a damaged file must not fill the memory.

use super::Source;
use std::fmt;
use std::io::{self, Read};

/// The longest line that is read.
pub(super) const MAX_LINE: usize = 64 << 20;
const BLOCK: usize = 2 << 20;
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A place in the decompressed input: lines from 1, bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) byte: u64,
}

impl At {
    /// The beginning.
    pub(super) const START: At = At { line: 1, byte: 0 };

    /// The place behind `bytes`, which begin here.
    pub(super) fn after(self, bytes: &[u8]) -> At {
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        At { line: self.line + lines, byte: self.byte + bytes.len() as u64 }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, byte {}", self.line, self.byte)
    }
}

impl From<At> for String {
    fn from(at: At) -> String {
        at.to_string()
    }
}

/// What comes next in the input.
pub(super) enum Piece<'a> {
    /// Whole lines. Only the last of the input may lack its line feed.
    Lines { at: At, bytes: &'a [u8] },
    /// A line longer than [`MAX_LINE`] began here; it was passed over.
    TooLong { at: At },
}

/// Reads a source block by block.
pub(super) struct Lines<'s> {
    source: &'s mut Source,
    buffer: Vec<u8>,
    /// How much of the buffer was handed out.
    used: usize,
    /// Where the buffer begins.
    at: At,
    block: usize,
    ended: bool,
}

impl<'s> Lines<'s> {
    pub(super) fn new(source: &'s mut Source) -> Self {
        Self::with_block(source, BLOCK)
    }

    fn with_block(source: &'s mut Source, block: usize) -> Self {
        Self { source, buffer: Vec::new(), used: 0, at: At::START, block, ended: false }
    }

    /// The next block, or `None` at the end.
    ///
    /// # Errors
    /// What the input says.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.drop_used();
        loop {
            self.fill()?;
            if self.at == At::START && self.buffer.starts_with(BOM) {
                self.used = BOM.len();
                self.drop_used();
            }
            let end = match memchr::memrchr(b'\n', &self.buffer) {
                Some(feed) => feed + 1,
                None if self.ended => self.buffer.len(),
                None if self.buffer.len() > MAX_LINE => {
                    let at = self.at;
                    self.pass_line()?;
                    return Ok(Some(Piece::TooLong { at }));
                }
                None => continue,
            };
            if end == 0 {
                return Ok(None);
            }
            self.used = end;
            return Ok(Some(Piece::Lines { at: self.at, bytes: &self.buffer[..end] }));
        }
    }

    fn drop_used(&mut self) {
        self.at = self.at.after(&self.buffer[..self.used]);
        self.buffer.drain(..self.used);
        self.used = 0;
    }

    fn fill(&mut self) -> io::Result<()> {
        let read = self.source.by_ref().take(self.block as u64).read_to_end(&mut self.buffer)?;
        self.ended |= read == 0;
        Ok(())
    }

    fn pass_line(&mut self) -> io::Result<()> {
        loop {
            self.used = self.buffer.len();
            self.drop_used();
            self.fill()?;
            if let Some(feed) = memchr::memchr(b'\n', &self.buffer) {
                self.used = feed + 1;
                return Ok(());
            }
            if self.ended {
                return Ok(());
            }
        }
    }
}

/// Each line with its place, without line feed; lines of nothing but white space are left out.
pub(super) fn each_line(at: At, bytes: &[u8]) -> impl Iterator<Item = (At, &[u8])> {
    let (mut next, mut from) = (at, 0);
    let lines = std::iter::from_fn(move || {
        let rest = bytes.get(from..).filter(|rest| !rest.is_empty())?;
        let feed = memchr::memchr(b'\n', rest);
        let (at, length) = (next, feed.map_or(rest.len(), |feed| feed + 1));
        next = At { line: at.line + u64::from(feed.is_some()), byte: at.byte + length as u64 };
        from += length;
        Some((at, rest[..length].trim_ascii_end()))
    });
    lines.filter(|(_, text)| !text.trim_ascii_start().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, block: usize) -> Vec<(u64, u64, String)> {
        let mut source = Source::memory(text);
        let mut lines = Lines::with_block(&mut source, block);
        let mut found = Vec::new();
        while let Some(piece) = lines.next().unwrap() {
            let Piece::Lines { at, bytes } = piece else { panic!("no line is too long") };
            for (at, line) in each_line(at, bytes) {
                found.push((at.line, at.byte, String::from_utf8_lossy(line).into_owned()));
            }
        }
        found
    }

    #[test]
    fn places_do_not_depend_on_blocks() {
        let text = "\u{feff}one\r\n\n  \n two\nthree, a longer line\nlast";
        let expected = [(1, 3, "one"), (4, 12, " two"), (5, 17, "three, a longer line"), (6, 38, "last")];
        for block in [1, 2, 3, 5, 7, 1000] {
            let found = all(text, block);
            let found: Vec<_> = found.iter().map(|(line, byte, text)| (*line, *byte, text.as_str())).collect();
            assert_eq!(found, expected, "blocks of {block}");
        }
        assert_eq!(all("", 10), []);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let long = [vec![b'x'; MAX_LINE + 5 * BLOCK], b"\nnext\n".to_vec()].concat();
        let mut source = Source::memory(long);
        let mut lines = Lines::new(&mut source);
        assert!(matches!(lines.next().unwrap(), Some(Piece::TooLong { at: At::START })));
        assert!(lines.buffer.len() <= BLOCK);
        let Some(Piece::Lines { at, bytes }) = lines.next().unwrap() else { panic!("a line follows") };
        assert_eq!((at.line, bytes), (2, &b"next\n"[..]));
        assert!(lines.next().unwrap().is_none());
    }
}
