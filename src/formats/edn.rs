//! EDN text to [`Value`]s: one form at a time, from bytes, without recursion.
//!
//! The crates for EDN want a whole valid `&str` and give up at the first error, or recurse. Histories
//! need more: damaged bytes, forms cut at the end of a buffer, places of errors. This is the whole
//! grammar (github.com/edn-format/edn) plus what Clojure prints beyond it: metadata, namespaced maps,
//! ratios, `##NaN`. [`Forms`](super::edn_forms::Forms) drives it over a stream.
//!
//! How forms become values, so that different forms stay different where a checker compares them:
//!
//! - keywords are text with their colon, symbols text with a `'`, characters text with a `\`;
//!   a keyword as the key of a map is plain text, as it would be in JSON
//! - lists and vectors are lists, a set is a sorted list; a tagged form is a map from `#tag` to it
//! - integers are exact, with or without `N`; a ratio is text in lowest terms; a decimal `M` is a
//!   number where a double holds all its digits, else text

use super::values::{Bad, MAX_DEPTH, number};
use causet_checkers::history::Value;
use std::borrow::Cow;

/// A form that was read.
#[derive(Debug, PartialEq)]
pub(super) enum Form {
    /// A map, possibly tagged, as its pairs in the order of the text.
    Map(Vec<(Value, Value)>),
    /// Anything else.
    Value(Value),
    /// A discarded form, `#_…`.
    Nothing,
}

/// Why there is no form.
#[derive(Debug, PartialEq)]
pub(super) enum Stop {
    /// The bytes end inside it, and more may come.
    More,
    /// It can't be read.
    Bad(Bad),
    /// It never ends: at this byte the input does, or what can only be the next operation begins.
    Open(usize),
}

/// Keywords seen lately: histories repeat a few of them a million times.
pub(super) struct Keywords(Vec<Value>);

impl Keywords {
    pub(super) fn new() -> Self {
        Self(vec![Value::Nil; 256])
    }

    fn get(&mut self, text: &str) -> Value {
        let hash = text.bytes().fold(0_usize, |hash, byte| hash.wrapping_mul(31) ^ usize::from(byte));
        let slot = &mut self.0[(hash ^ (hash >> 8)) & 255];
        if slot.as_str() != Some(text) {
            *slot = Value::str(text);
        }
        slot.clone()
    }
}

enum Frame {
    /// A list, vector or set and what closes it.
    Items(Vec<Value>, u8),
    /// A map, its key that waits for a value, its namespace.
    Map(Vec<(Value, Value)>, Option<Value>, Option<String>),
    Tag(String),
    Discard,
    /// Metadata; `true` once the metadata itself was read.
    Meta(bool),
}

/// Reads one form.
pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether the input ends where the bytes do.
    last: bool,
    /// The column in which the form begins.
    column: usize,
    keywords: &'a mut Keywords,
    frames: Vec<Frame>,
    containers: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a [u8], last: bool, column: usize, keywords: &'a mut Keywords) -> Self {
        Self { bytes, at: 0, last, column, keywords, frames: Vec::new(), containers: 0 }
    }

    /// How many bytes were consumed.
    pub(super) fn consumed(&self) -> usize {
        self.at
    }

    /// The form that begins here.
    pub(super) fn form(&mut self) -> Result<Form, Stop> {
        loop {
            self.blank()?;
            let start = self.at;
            let value = match self.bytes[start] {
                b'(' => self.open(Frame::Items(Vec::new(), b')'), 1)?,
                b'[' => self.open(Frame::Items(Vec::new(), b']'), 1)?,
                b'{' => self.open(Frame::Map(Vec::new(), None, None), 1)?,
                b'^' => self.open(Frame::Meta(false), 1)?,
                b'#' => self.dispatch()?,
                b')' | b']' | b'}' => match self.close(self.bytes[start])? {
                    Form::Value(value) => Some(value),
                    whole => return Ok(whole),
                },
                b'"' => Some(self.string()?),
                b'\\' => Some(self.character()?),
                _ => Some(self.atom()?),
            };
            if let Some(value) = value
                && let Some(form) = self.deliver(value, start)?
            {
                return Ok(form);
            }
        }
    }

    fn bad<T>(&self, at: usize, reason: impl Into<Cow<'static, str>>) -> Result<T, Stop> {
        Err(Stop::Bad(Bad { at, reason: reason.into() }))
    }

    fn short<T>(&self) -> Result<T, Stop> {
        Err(if self.last { Stop::Open(self.bytes.len()) } else { Stop::More })
    }

    /// Passes white space, commas and comments; afterwards there is a byte.
    fn blank(&mut self) -> Result<(), Stop> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.check_cut(self.at)?;
                }
                b' ' | b',' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b';' => match memchr::memchr(b'\n', &self.bytes[self.at..]) {
                    Some(length) => self.at += length,
                    None => self.at = self.bytes.len(),
                },
                _ => return Ok(()),
            }
        }
        self.short()
    }

    /// Whether an operation begins at the line that begins at `line`, no deeper than the form around
    /// it: then that form lost its end, and must not swallow the rest of the history.
    fn check_cut(&self, line: usize) -> Result<(), Stop> {
        if self.containers == 0 {
            return Ok(());
        }
        let rest = &self.bytes[line..];
        let indent = rest.iter().take(self.column + 1).take_while(|byte| **byte == b' ').count();
        if indent > self.column {
            return Ok(());
        }
        match begins_operation(&rest[indent..]) {
            Some(true) => Err(Stop::Open(line)),
            None if !self.last => Err(Stop::More),
            _ => Ok(()),
        }
    }

    fn open(&mut self, frame: Frame, width: usize) -> Result<Option<Value>, Stop> {
        if self.frames.len() == MAX_DEPTH {
            return self.bad(self.at, format!("nested deeper than {MAX_DEPTH}"));
        }
        self.containers += usize::from(matches!(frame, Frame::Items(..) | Frame::Map(..)));
        self.frames.push(frame);
        self.at += width;
        Ok(None)
    }

    fn close(&mut self, byte: u8) -> Result<Form, Stop> {
        let start = self.at;
        let expected = match self.frames.last() {
            Some(Frame::Items(_, close)) => *close,
            Some(Frame::Map(_, None, _)) => b'}',
            Some(Frame::Map(_, Some(_), _)) if byte == b'}' => {
                return self.bad(start, "a map whose last key has no value");
            }
            Some(Frame::Map(..)) => b'}',
            Some(_) => return self.bad(start, format!("expected a form, not `{}`", char::from(byte))),
            None => return self.bad(start, format!("`{}` closes nothing", char::from(byte))),
        };
        if byte != expected {
            let (expected, found) = (char::from(expected), char::from(byte));
            return self.bad(start, format!("expected `{expected}`, found `{found}`"));
        }
        self.at += 1;
        self.containers -= 1;
        match self.frames.pop() {
            Some(Frame::Items(mut items, b'}')) => {
                items.sort_unstable();
                if items.windows(2).any(|pair| pair[0] == pair[1]) {
                    return self.bad(start, "a set that has an element twice");
                }
                Ok(Form::Value(Value::list(items)))
            }
            Some(Frame::Items(items, _)) => Ok(Form::Value(Value::list(items))),
            Some(Frame::Map(pairs, _, namespace)) => self.map(pairs, namespace, start),
            _ => unreachable!("a container was on top"),
        }
    }

    fn map(&self, pairs: Vec<(Value, Value)>, space: Option<String>, end: usize) -> Result<Form, Stop> {
        if self.frames.iter().all(|frame| matches!(frame, Frame::Tag(_) | Frame::Meta(true))) && space.is_none() {
            return Ok(Form::Map(pairs));
        }
        match map_value(pairs, space.as_deref()) {
            Some(map) => Ok(Form::Value(map)),
            None => self.bad(end, "a map that has a key twice"),
        }
    }

    /// Puts a value where it belongs; a form if that completes it.
    fn deliver(&mut self, mut value: Value, start: usize) -> Result<Option<Form>, Stop> {
        loop {
            match self.frames.last_mut() {
                None => return Ok(Some(Form::Value(value))),
                Some(Frame::Items(items, _)) => items.push(value),
                Some(Frame::Map(pairs, waiting, _)) => match waiting.take() {
                    Some(key) => pairs.push((key, value)),
                    None => *waiting = Some(value),
                },
                Some(Frame::Tag(name)) => {
                    value = Value::map([(Value::str(name), value)]);
                    self.frames.pop();
                    continue;
                }
                Some(Frame::Discard) => {
                    self.frames.pop();
                    return Ok(self.frames.is_empty().then_some(Form::Nothing));
                }
                Some(Frame::Meta(seen @ false)) => {
                    let right = matches!(value, Value::Map(_) | Value::Str(_) | Value::List(_));
                    *seen = true;
                    if !right {
                        return self.bad(start, "expected a map, keyword or symbol as metadata");
                    }
                }
                Some(Frame::Meta(true)) => {
                    self.frames.pop();
                    continue;
                }
            }
            return Ok(None);
        }
    }

    /// What begins with `#`.
    fn dispatch(&mut self) -> Result<Option<Value>, Stop> {
        let Some(next) = self.bytes.get(self.at + 1) else { return self.short() };
        match next {
            b'{' => self.open(Frame::Items(Vec::new(), b'}'), 2),
            b'_' => self.open(Frame::Discard, 2),
            b'^' => self.open(Frame::Meta(false), 2),
            b'#' => {
                let (text, end) = self.token(self.at + 2)?;
                let value = match text {
                    "NaN" => f64::NAN,
                    "Inf" => f64::INFINITY,
                    "-Inf" => f64::NEG_INFINITY,
                    _ => return self.bad(self.at, "expected ##NaN, ##Inf or ##-Inf"),
                };
                self.at = end;
                Ok(Some(Value::float(value)))
            }
            b':' => {
                let (text, end) = self.token(self.at + 2)?;
                let name = text.trim_start_matches(':').to_owned();
                match self.bytes.get(end) {
                    None => self.short(),
                    Some(b'{') if !name.is_empty() => {
                        self.open(Frame::Map(Vec::new(), None, Some(name)), end + 1 - self.at)
                    }
                    _ => self.bad(self.at, "expected a namespaced map, `#:name{`"),
                }
            }
            byte if byte.is_ascii_alphabetic() || *byte >= 0x80 => {
                let (text, end) = self.token(self.at + 1)?;
                let tag = Frame::Tag(format!("#{text}"));
                self.open(tag, end - self.at)
            }
            _ => self.bad(self.at, "expected a set, a tag or `#_` after `#`"),
        }
    }

    /// A word and where it ends.
    fn token(&self, start: usize) -> Result<(&'a str, usize), Stop> {
        let ends = |byte: &u8| {
            matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';' | b',' | b'\\' | b' ' | 0x09..=0x0d)
        };
        let end = match self.bytes[start..].iter().position(ends) {
            Some(length) => start + length,
            None if self.last => self.bytes.len(),
            None => return Err(Stop::More),
        };
        match std::str::from_utf8(&self.bytes[start..end]) {
            Ok(text) => Ok((text, end)),
            Err(error) => self.bad(start + error.valid_up_to(), "text that is not UTF-8"),
        }
    }

    fn atom(&mut self) -> Result<Value, Stop> {
        let (text, end) = self.token(self.at)?;
        let value = match text.as_bytes() {
            [b':', name @ ..] => {
                if matches!(name, [] | [b':', ..]) || !is_name(name) {
                    return self.bad(self.at, "expected a keyword");
                }
                self.keywords.get(text)
            }
            [b'0'..=b'9', ..] | [b'+' | b'-', b'0'..=b'9', ..] => match edn_number(text) {
                Some(value) => value,
                None => return self.bad(self.at, format!("`{}` is not a number", brief(text))),
            },
            b"nil" => Value::Nil,
            b"true" => true.into(),
            b"false" => false.into(),
            b"NaN" => Value::float(f64::NAN),
            b"Infinity" => Value::float(f64::INFINITY),
            b"-Infinity" => Value::float(f64::NEG_INFINITY),
            [first, ..] if is_name(text.as_bytes()) && *first != b'\'' => Value::str(&format!("'{text}")),
            _ => return self.bad(self.at, format!("expected a form, found `{}`", brief(text).escape_debug())),
        };
        self.at = end;
        Ok(value)
    }

    fn character(&mut self) -> Result<Value, Stop> {
        let start = self.at + 1;
        let Some(first) = self.bytes.get(start) else { return self.short() };
        // A first byte belongs to the character even where it would end a word: `\(`.
        let (rest, end) = self.token(start + usize::from(first.is_ascii()))?;
        let character = if !first.is_ascii() {
            let mut all = rest.chars();
            all.next().filter(|_| all.next().is_none())
        } else if rest.is_empty() {
            Some(char::from(*first)).filter(|first| !first.is_whitespace())
        } else {
            match (first, rest) {
                (b'n', "ewline") => Some('\n'),
                (b'r', "eturn") => Some('\r'),
                (b't', "ab") => Some('\t'),
                (b's', "pace") => Some(' '),
                (b'b', "ackspace") => Some('\u{8}'),
                (b'f', "ormfeed") => Some('\u{c}'),
                (b'u', hex) if hex.len() == 4 => u32::from_str_radix(hex, 16).ok().and_then(char::from_u32),
                (b'o', octal) => u32::from_str_radix(octal, 8).ok().filter(|code| *code < 256).and_then(char::from_u32),
                _ => None,
            }
        };
        let Some(character) = character else { return self.bad(self.at, "expected a character") };
        self.at = end;
        Ok(Value::str(&format!("\\{character}")))
    }

    fn string(&mut self) -> Result<Value, Stop> {
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        let mut at = self.at + 1;
        loop {
            let rest = &self.bytes[at..];
            let length = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            for feed in memchr::memchr_iter(b'\n', &rest[..length]) {
                self.check_cut(at + feed + 1)?;
            }
            if length == rest.len() {
                return self.short();
            }
            let piece = match std::str::from_utf8(&rest[..length]) {
                Ok(piece) => piece,
                Err(error) => return self.bad(at + error.valid_up_to(), "text that is not UTF-8"),
            };
            if text.is_empty() {
                text = Cow::Borrowed(piece);
            } else {
                text.to_mut().push_str(piece);
            }
            at += length + 1;
            if rest[length] == b'"' {
                self.at = at;
                return Ok(Value::str(&text));
            }
            let (character, width) = self.escape(at)?;
            text.to_mut().push(character);
            at += width;
        }
    }

    /// The character of an escape whose backslash is before `at`, and its width.
    fn escape(&self, at: usize) -> Result<(char, usize), Stop> {
        let Some(byte) = self.bytes.get(at) else { return self.short() };
        let character = match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'\'' => char::from(*byte),
            b'u' => {
                if self.bytes.len() < at + 11 && !self.last {
                    return Err(Stop::More);
                }
                let units = [self.unit(at + 1), self.unit(at + 7).filter(|_| self.bytes[at + 5..].starts_with(b"\\u"))];
                return match char::decode_utf16(units.into_iter().map_while(|unit| unit)).next() {
                    Some(Ok(character)) => Ok((character, 5 + 6 * (character.len_utf16() - 1))),
                    _ => self.bad(at - 1, "expected \\u and four hexadecimal digits"),
                };
            }
            b'0'..=b'7' => {
                let digits = self.bytes[at..].iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7'));
                let width = digits.clone().count();
                let code = digits.fold(0_u32, |code, digit| code * 8 + u32::from(digit - b'0'));
                if self.bytes.len() < at + 3 && !self.last {
                    return Err(Stop::More);
                }
                return match char::from_u32(code).filter(|_| code < 256) {
                    Some(character) => Ok((character, width)),
                    None => self.bad(at - 1, "expected an octal escape up to \\377"),
                };
            }
            _ => return self.bad(at - 1, "an escape that EDN does not have"),
        };
        Ok((character, 1))
    }

    fn unit(&self, at: usize) -> Option<u16> {
        let hex = self.bytes.get(at..at + 4).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    }
}

/// The value of a map whose keywords lose their colon; `None` if two of its keys are equal.
pub(super) fn map_value(mut pairs: Vec<(Value, Value)>, space: Option<&str>) -> Option<Value> {
    for (key, _) in &mut pairs {
        if let Some(name) = key.as_str().and_then(|text| text.strip_prefix(':')) {
            *key = match space {
                Some(space) if !name.contains('/') => Value::str(&format!("{space}/{name}")),
                _ => Value::str(name.strip_prefix("_/").unwrap_or(name)),
            };
        }
    }
    let count = pairs.len();
    let map = Value::map(pairs);
    matches!(&map, Value::Map(kept) if kept.len() == count).then_some(map)
}

/// Whether an operation map begins here; `None` if that takes more bytes than there are.
pub(super) fn begins_operation(text: &[u8]) -> Option<bool> {
    const KEYS: [&[u8]; 7] = [b"index", b"type", b"process", b"f", b"time", b"value", b"key"];
    let text = text.strip_prefix(b"#jepsen.history.Op").unwrap_or(text);
    let Some(text) = text.strip_prefix(b"{:") else {
        let begins = |whole: &[u8]| whole.starts_with(text);
        return if begins(b"{:") || begins(b"#jepsen.history.Op") { None } else { Some(false) };
    };
    match text.iter().position(|byte| !byte.is_ascii_alphabetic()) {
        Some(length) => Some(KEYS.contains(&&text[..length])),
        None if text.len() > 16 => Some(false),
        None => None,
    }
}

fn is_name(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b".*+!-_?$%&=<>/:#'|".contains(byte))
}

fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}

/// EDN's numbers, and the ratios that Clojure prints.
fn edn_number(text: &str) -> Option<Value> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let whole = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if whole > 1 && unsigned.starts_with('0') || text.len() - unsigned.len() > 1 {
        return None;
    }
    match &unsigned[whole..] {
        "" => number(text),
        "N" | "M" => number(&text[..text.len() - 1]),
        rest if rest.starts_with('/') => ratio(text),
        rest if rest.starts_with(['x', 'X']) && whole == 1 => {
            let value = i128::from_str_radix(&rest[1..], 16).ok().filter(|_| rest.as_bytes().get(1) != Some(&b'-'))?;
            number(&if text.starts_with('-') { -value } else { value }.to_string())
        }
        rest => {
            let digits = text.strip_suffix('M').unwrap_or(text);
            if !rest.starts_with(['.', 'e', 'E']) || digits.parse::<f64>().is_err() {
                return None;
            }
            let value = number(digits)?;
            let significant = digits.split(['e', 'E']).next().unwrap_or_default();
            let significant = significant.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
            // Up to 15 digits, two decimals that differ are two doubles that differ.
            Some(if digits.len() < text.len() && significant > 15 { Value::str(text) } else { value })
        }
    }
}

fn ratio(text: &str) -> Option<Value> {
    let (above, below) = text.split_once('/')?;
    if below.is_empty() || !below.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (Ok(above), Ok(below)) = (above.parse::<i128>(), below.parse::<i128>()) else {
        return Some(Value::str(text));
    };
    let (mut a, mut b) = (above.unsigned_abs(), below.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    match (below, i128::try_from(a).ok()?) {
        (0, _) => None,
        (below, divisor) if below == divisor => number(&(above / below).to_string()),
        (below, divisor) => Some(Value::str(&format!("{}/{}", above / divisor, below / divisor))),
    }
}
