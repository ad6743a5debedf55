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

use super::values::{Bad, MAX_DEPTH};
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

    pub(super) fn get(&mut self, text: &str) -> Value {
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
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Whether the input ends where the bytes do.
    pub(super) last: bool,
    /// The column in which the form begins.
    column: usize,
    pub(super) keywords: &'a mut Keywords,
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

    pub(super) fn bad<T>(&self, at: usize, reason: impl Into<Cow<'static, str>>) -> Result<T, Stop> {
        Err(Stop::Bad(Bad { at, reason: reason.into() }))
    }

    pub(super) fn short<T>(&self) -> Result<T, Stop> {
        Err(if self.last { Stop::Open(self.bytes.len()) } else { Stop::More })
    }

    /// Passes white space, commas and comments; afterwards there is a byte.
    fn blank(&mut self) -> Result<(), Stop> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    if self.containers > 0 {
                        self.check_cut(self.at)?;
                    }
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
    pub(super) fn check_cut(&self, line: usize) -> Result<(), Stop> {
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
            Some(Frame::Map(pairs, _, namespace)) => self.map(pairs, namespace.as_deref(), start),
            _ => unreachable!("a container was on top"),
        }
    }

    fn map(&self, pairs: Vec<(Value, Value)>, space: Option<&str>, end: usize) -> Result<Form, Stop> {
        if self.frames.iter().all(|frame| matches!(frame, Frame::Tag(_) | Frame::Meta(true))) && space.is_none() {
            return Ok(Form::Map(pairs));
        }
        match map_value(pairs, space) {
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
                    *seen = true;
                    match &value {
                        Value::Map(pairs) if pairs.iter().any(|(key, _)| key.as_str() == Some("type")) => {
                            return self.bad(start, "an operation where metadata belongs, after `^`");
                        }
                        Value::Map(_) | Value::Str(_) | Value::List(_) => {}
                        _ => return self.bad(start, "expected a map, keyword or symbol as metadata"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(Form, usize), Stop> {
        let mut keywords = Keywords::new();
        let mut parser = Parser::new(text.as_bytes(), true, 0, &mut keywords);
        parser.form().map(|form| (form, parser.consumed()))
    }

    #[test]
    fn forms_become_values() {
        let cases = [
            ("(1 [2 3] ())", "[1, [2, 3], []]"),
            ("[1,2 ; three\n 4]", "[1, 2, 4]"),
            ("#{3 1 2}", "[1, 2, 3]"),
            ("[{:a 1, \"b\" :c, 2 nil}]", r#"[{2: null, "a": 1, "b": ":c"}]"#),
            ("[#:ns{:a 1 :x/b 2 :_/c 3}]", r#"[{"c": 3, "ns/a": 1, "x/b": 2}]"#),
            ("[#inst \"1985\" #a/b #c d]", r##"[{"#inst": "1985"}, {"#a/b": {"#c": "'d"}}]"##),
            ("[1 #_2 #_ #_ 3 4 #_[#_5 6] 7]", "[1, 7]"),
            ("[^:dynamic a ^{:x 1} [2] ^String ^:b #^c d]", r#"["'a", [2], "'d"]"#),
            ("[#object[java.lang.Thread 0x1F \"x\"]]", r##"[{"#object": ["'java.lang.Thread", 31, "x"]}]"##),
        ];
        for (text, expected) in cases {
            let Ok((Form::Value(value), consumed)) = parse(text) else { panic!("{text}: {:?}", parse(text)) };
            assert_eq!((value.to_string().as_str(), consumed), (expected, text.len()), "{text}");
        }
        assert_eq!(parse("#_ [1 {2 3}]"), Ok((Form::Nothing, 12)));
        for text in ["{:a 1}", "#x.Y{:a 1}", "^:m {:a 1}"] {
            assert_eq!(parse(text), Ok((Form::Map(vec![(Value::str(":a"), Value::Int(1))]), text.len())), "{text}");
        }
    }

    #[test]
    fn what_is_not_edn_is_told_where() {
        let cases = [
            ("[1 }", 3, "expected `]`, found `}`"),
            ("[{:a}]", 4, "no value"),
            ("[{:a 1 :a 2}]", 11, "key twice"),
            ("#{1 1}", 5, "twice"),
            ("[#_]", 3, "expected a form"),
            ("[#a ]", 4, "expected a form"),
            ("[^1 x]", 2, "metadata"),
            ("[^{:type :ok} {}]", 12, "operation"),
            ("#:a [1]", 0, "namespaced map"),
            ("#\"re\"", 0, "after `#`"),
            ("#<Object>", 0, "after `#`"),
            ("@x", 0, "expected a form"),
            (")", 0, "closes nothing"),
        ];
        for (text, at, reason) in cases {
            let Err(Stop::Bad(bad)) = parse(text) else { panic!("{text}: {:?}", parse(text)) };
            assert!(bad.at == at && bad.reason.contains(reason), "{text}: {bad:?}");
        }
        let nest = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(parse(&nest(MAX_DEPTH)).is_ok());
        assert!(matches!(parse(&nest(MAX_DEPTH + 1)), Err(Stop::Bad(_))));
        for text in ["[1 2", "\"abc", "{:a", "#_", "#x", "^:a", "#{", "\"a\\"] {
            assert_eq!(parse(text), Err(Stop::Open(text.len())), "{text}");
        }
        assert_eq!(parse("{:a [1 2\n{:type :ok}"), Err(Stop::Open(9)));
        assert!(parse("{:a [1 2\n {:type :ok}]}").is_ok(), "deeper than the form around it");
    }

    #[test]
    fn a_cut_form_asks_for_more() {
        let text =
            "#x [{:a \"b\\u00e9\\n\\101c\" \\newline #{1.5 -2N ##Inf}} #_ ^:m (nil \\é), ; note\n #:n{:a 1} end] ";
        let Ok((whole, consumed)) = parse(text) else { panic!("{:?}", parse(text)) };
        assert_eq!(consumed, text.len() - 1);
        for end in 0..text.len() {
            let mut keywords = Keywords::new();
            let mut parser = Parser::new(&text.as_bytes()[..end], false, 0, &mut keywords);
            match parser.form() {
                Ok(form) => assert_eq!((form, parser.consumed()), (whole, consumed)),
                stop => {
                    assert_eq!(stop, Err(Stop::More), "{}", &text[..end.min(40)]);
                    continue;
                }
            }
            return;
        }
    }
}
