//! A stream of EDN as the forms in it, with recovery: what a history file is, whatever its shape.
//!
//! Lists and vectors around the operations are entered, not collected, so a history of any size takes
//! the memory of its longest form. After something that can't be read, reading goes on at the
//! next line that begins with a form, or at the next `{:type …` and its like on the same line; what was
//! passed over has been told. Work is linear: bytes are read again only on a budget.

use super::Source;
use super::edn::{Form, Keywords, Parser, Stop, begins_operation};
use super::lines::At;
use super::values::{Bad, MAX_DEPTH};
use causet_checkers::history::Value;
use std::borrow::Cow;
use std::io::{self, Read};

const BLOCK: usize = 256 * 1024;
/// The longest form that is read.
const MAX_FORM: usize = 64 << 20;
/// How much text is looked at to tell what begins: a tag, an operation.
const LOOK: usize = 256;
const BOM: &[u8] = "\u{feff}".as_bytes();

/// What was found at a place.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A map, as its pairs.
    Map(Vec<(Value, Value)>),
    /// Something that can't be an operation, or can't be read at all.
    Bad(Cow<'static, str>),
}

/// The forms of a source.
pub(super) struct Forms<'s> {
    source: &'s mut Source,
    buffer: Vec<u8>,
    /// Index in the buffer, and the place, of the next byte.
    next: usize,
    at: At,
    /// The byte at which the line of `at` begins.
    line_start: u64,
    ended: bool,
    block: usize,
    keywords: Keywords,
    /// What closes the lists and vectors entered so far.
    entered: Vec<u8>,
    /// Something was passed over, so brackets need not match any more.
    torn: bool,
    /// How many bytes may be read again.
    credit: usize,
}

impl<'s> Forms<'s> {
    pub(super) fn new(source: &'s mut Source) -> Self {
        Self::with_block(source, BLOCK)
    }

    fn with_block(source: &'s mut Source, block: usize) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            next: 0,
            at: At::START,
            line_start: 0,
            ended: false,
            block,
            keywords: Keywords::new(),
            entered: Vec::new(),
            torn: false,
            credit: 1 << 20,
        }
    }

    /// The next map, or what is wrong, with its place; `None` at the end.
    ///
    /// # Errors
    /// What the input says.
    pub(super) fn next(&mut self) -> io::Result<Option<(At, Found)>> {
        loop {
            self.want(LOOK)?;
            let Some(byte) = self.rest().first().copied() else { return Ok(self.unclosed()) };
            match byte {
                b' ' | b',' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => {
                    let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | 0x0b);
                    let length = self.rest().iter().take_while(|byte| blank(byte)).count();
                    self.advance(length);
                }
                b';' => self.pass_line()?,
                b'(' | b'[' => {
                    if let Some(found) = self.enter(1) {
                        return Ok(Some(found));
                    }
                }
                b')' | b']' | b'}' => {
                    let at = self.at;
                    self.advance(1);
                    let matched = self.entered.pop() == Some(byte);
                    if !matched && !self.torn {
                        let reason = format!("`{}` closes nothing", char::from(byte));
                        return Ok(Some((at, Found::Bad(reason.into()))));
                    }
                }
                0xef if self.at == At::START && self.rest().starts_with(BOM) => self.advance(BOM.len()),
                _ => match tagged_sequence(self.rest()) {
                    Some(width) => {
                        if let Some(found) = self.enter(width) {
                            return Ok(Some(found));
                        }
                    }
                    None => {
                        if let Some(found) = self.form()? {
                            return Ok(Some(found));
                        }
                    }
                },
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.next..]
    }

    /// Has at least `count` bytes at hand, unless the input ends before.
    fn want(&mut self, count: usize) -> io::Result<()> {
        if self.buffer.len() - self.next >= count || self.ended {
            return Ok(());
        }
        self.buffer.drain(..self.next);
        self.next = 0;
        while self.buffer.len() < count && !self.ended {
            let missing = (count - self.buffer.len()).max(self.block) as u64;
            let read = self.source.by_ref().take(missing).read_to_end(&mut self.buffer)?;
            self.ended |= read == 0;
        }
        Ok(())
    }

    fn advance(&mut self, count: usize) {
        let passed = &self.buffer[self.next..self.next + count];
        if let Some(feed) = memchr::memrchr(b'\n', passed) {
            self.line_start = self.at.byte + feed as u64 + 1;
        }
        self.at = self.at.after(passed);
        self.next += count;
        self.credit = self.credit.saturating_add(2 * count).min(1 << 40);
    }

    /// Passes the rest of a line, however long.
    fn pass_line(&mut self) -> io::Result<()> {
        loop {
            match memchr::memchr(b'\n', self.rest()) {
                Some(feed) => {
                    self.advance(feed + 1);
                    return Ok(());
                }
                None => self.advance(self.rest().len()),
            }
            self.want(1)?;
            if self.rest().is_empty() {
                return Ok(());
            }
        }
    }

    fn enter(&mut self, width: usize) -> Option<(At, Found)> {
        let at = self.at;
        let close = if self.buffer[self.next + width - 1] == b'(' { b')' } else { b']' };
        self.advance(width);
        if self.entered.len() == MAX_DEPTH {
            if std::mem::replace(&mut self.torn, true) {
                return None;
            }
            return Some((at, Found::Bad(format!("nested deeper than {MAX_DEPTH}").into())));
        }
        self.entered.push(close);
        None
    }

    /// Whether something was passed over so far.
    pub(super) fn torn(&self) -> bool {
        self.torn
    }

    fn unclosed(&mut self) -> Option<(At, Found)> {
        let close = self.entered.pop()?;
        self.entered.clear();
        let reason = format!("the input ends inside a sequence: expected `{}`", char::from(close));
        (!self.torn).then_some((self.at, Found::Bad(reason.into())))
    }

    /// The form that begins here, of which more is read if need be.
    fn form(&mut self) -> io::Result<Option<(At, Found)>> {
        let start = self.at;
        let column = (start.byte - self.line_start) as usize;
        loop {
            let bytes = &self.buffer[self.next..];
            let available = bytes.len();
            let mut parser = Parser::new(bytes, self.ended, column, &mut self.keywords);
            let (at, bad) = match parser.form() {
                Ok(form) => {
                    let length = parser.consumed();
                    self.advance(length);
                    match form {
                        Form::Map(pairs) => return Ok(Some((start, Found::Map(pairs)))),
                        Form::Nothing => return Ok(None),
                        Form::Value(_) => {
                            (start, Bad { at: length, reason: "expected an operation map, `{…}`".into() })
                        }
                    }
                }
                Err(Stop::More) if available < MAX_FORM => {
                    self.want(available * 2)?;
                    continue;
                }
                Err(Stop::More) => {
                    self.advance(available);
                    (start, Bad { at: available, reason: format!("a form of more than {MAX_FORM} bytes").into() })
                }
                Err(Stop::Open(end)) => {
                    let input =
                        if self.ended && end == available { "the input ends" } else { "the next operation begins" };
                    let reason = format!("{input} inside this form: expected its closing bracket or quote");
                    self.read_again(end);
                    (start, Bad { at: end, reason: reason.into() })
                }
                Err(Stop::Bad(bad)) => {
                    let at = start.after(&bytes[..bad.at]);
                    self.read_again(bad.at);
                    (at, bad)
                }
            };
            self.torn = true;
            self.resume()?;
            return Ok(Some((at, Found::Bad(bad.reason))));
        }
    }

    /// After damage `length` bytes further on: goes on looking just behind the form's beginning if
    /// that many bytes may be read again, else behind the damage.
    fn read_again(&mut self, length: usize) {
        if length <= self.credit {
            self.credit -= length;
            self.advance(1);
        } else {
            self.advance(length.max(1));
        }
    }

    /// Goes to where a form can begin: at the beginning of a line, or an operation anywhere.
    fn resume(&mut self) -> io::Result<()> {
        loop {
            let rest = self.rest();
            let Some(place) = memchr::memchr2(b'\n', b'{', rest) else {
                self.advance(rest.len());
                self.want(1)?;
                if self.rest().is_empty() {
                    return Ok(());
                }
                continue;
            };
            let feed = rest[place] == b'\n';
            self.advance(place);
            self.want(LOOK)?;
            let blank = if feed {
                1 + self.rest()[1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
            } else {
                0
            };
            let text = &self.rest()[blank..];
            let form = match text.first() {
                Some(b'{' | b')' | b']') => true,
                Some(b'#') => text.get(1).is_some_and(u8::is_ascii_alphabetic),
                _ => false,
            };
            if feed && form || !feed && begins_operation(text) == Some(true) {
                self.advance(blank);
                return Ok(());
            }
            self.advance(1);
        }
    }
}

/// The width of a tag and the bracket of the sequence that it is on: `#jepsen.history.History [`.
fn tagged_sequence(text: &[u8]) -> Option<usize> {
    let name = text.strip_prefix(b"#")?;
    name.first().filter(|byte| byte.is_ascii_alphabetic())?;
    let width = name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"._-/$".contains(byte)).count();
    let blank = name[width..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    matches!(name.get(width + blank), Some(b'(' | b'[')).then_some(1 + width + blank + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], block: usize) -> Vec<(At, Found)> {
        let mut source = Source::memory(text);
        let mut forms = Forms::with_block(&mut source, block);
        std::iter::from_fn(|| forms.next().unwrap()).collect()
    }

    #[test]
    fn blocks_make_no_difference() {
        let sample = "\u{feff};; head\n[{:type :ok, :value \"a b\\n\", :f :x}\n {:type :ok [1 2}\n  {:type \"open}\n {:type \\u0041 \
                      :x #{1 2}} #_{:a 1} #tag (1 #x.Y{:type 2}) ] stray { {:type {:type 1\n#jepsen.history.Op{:f 2}\n}] {:a";
        let cuts = (0..sample.len()).step_by(7).map(|end| &sample.as_bytes()[..end]);
        for text in cuts.chain([sample.as_bytes()]) {
            let whole = all(text, 1 << 20);
            for block in [1, 2, 3, 16, 100] {
                assert_eq!(all(text, block), whole, "blocks of {block}: {}", String::from_utf8_lossy(text));
            }
        }
        let maps = all(sample.as_bytes(), 50).iter().filter(|(_, found)| matches!(found, Found::Map(_))).count();
        assert_eq!(maps, 4);
    }

    #[test]
    fn garbage_takes_linear_time() {
        let garbage = [
            "{:type ;",
            "{:type \"",
            "{:type [",
            "\0\0\0\0",
            "\n{:x 1",
            "\n{:type (",
            "[",
            "]",
            "#",
            "{:type \\",
            "\"\n",
        ];
        for piece in garbage {
            let text = piece.repeat((4 << 20) / piece.len());
            let mut source = Source::memory(text);
            let mut forms = Forms::new(&mut source);
            let mut found = 0;
            while forms.next().unwrap().is_some() {
                found += 1;
            }
            assert!(found > 0, "{piece:?} is told");
        }
    }

    #[test]
    fn a_form_without_end_does_not_fill_the_memory() {
        let text = [b"\"".to_vec(), vec![b'x'; MAX_FORM + (8 << 20)], b"\n{:type :ok}".to_vec()].concat();
        let mut source = Source::memory(text);
        let mut forms = Forms::new(&mut source);
        let Some((At::START, Found::Bad(reason))) = forms.next().unwrap() else { panic!("the form is told") };
        assert!(reason.contains("a form of more than"), "{reason}");
        assert!(matches!(forms.next().unwrap(), Some((At { line: 2, .. }, Found::Map(_)))));
    }
}
