//! JSON text to [`Value`] and back, without two different numbers becoming one.
//!
//! serde_json hands integers beyond 64 bits over as floats, where two of them can become equal; a
//! checker that compares values must not depend on that. So histories are parsed here: by the
//! grammar of RFC 8259, without recursion, borrowing text where it can, with the place of an error.
//! Writing is the inverse, except for what JSON can't say (see [`write_json`]).

use causet_checkers::history::Value;
use std::borrow::Cow;
use std::io::{self, Write};

/// How deep lists and maps may nest.
pub(super) const MAX_DEPTH: usize = 128;

/// Why a text is not what it should be, and at which byte of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) at: usize,
    pub(super) reason: Cow<'static, str>,
}

/// The number that a text in JSON's or EDN's grammar says; `None` if it is beyond a double.
///
/// An integer is exact whatever its size. What has a fraction or an exponent is a double.
pub(super) fn number(text: &str) -> Option<Value> {
    if let Ok(small) = text.parse() {
        return Some(Value::Int(small));
    }
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        let float: f64 = text.parse().ok().filter(|float: &f64| float.is_finite())?;
        let digits = text.split(['e', 'E']).next().unwrap_or_default();
        let vanished = float == 0.0 && digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        return (!vanished).then(|| Value::float(float));
    }
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => ("-", &text[1..]),
        [b'+', ..] => ("", &text[1..]),
        _ => ("", text),
    };
    let digits = digits.trim_start_matches('0');
    Some(Value::BigInt(format!("{sign}{digits}").into()))
}

/// The integer that a text begins with and its length, if it is a plain one of at most 18 digits.
#[inline]
fn small_integer(text: &[u8]) -> Option<(i64, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let (mut number, mut end) = (0_i64, sign);
    while let Some(digit) = text.get(end).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        if end == sign + 18 {
            return None;
        }
        number = 10 * number + i64::from(digit);
        end += 1;
    }
    let padded = end > sign + 1 && text[sign] == b'0';
    if end == sign || padded || matches!(text.get(end), Some(b'.' | b'e' | b'E')) {
        return None;
    }
    Some((if sign == 1 { -number } else { number }, end))
}

/// A cursor over JSON text.
pub(super) struct Json<'a> {
    bytes: &'a [u8],
    /// The same, where it is known to be UTF-8.
    text: Option<&'a str>,
    at: usize,
}

enum Frame {
    List(Vec<Value>),
    Map(Vec<(Value, Value)>, Value),
}

impl<'a> Json<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, text: None, at: 0 }
    }

    /// A text, which needs no more looking whether it is UTF-8.
    pub(super) fn of_text(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), text: Some(text), at: 0 }
    }

    #[cold]
    fn bad<T>(&self, reason: impl Into<Cow<'static, str>>) -> Result<T, Bad> {
        Err(Bad { at: self.at, reason: reason.into() })
    }

    /// The next byte that is not white space, unconsumed.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Consumes this byte if it is the next one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Goes through an object: `field` gets each key and must consume its value.
    pub(super) fn object<E: From<Bad>>(
        &mut self,
        mut field: impl FnMut(Cow<'a, str>, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.take(b'{') {
            return Ok(self.bad("expected a JSON object, `{`")?);
        }
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            field(key, self)?;
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Ok(self.bad("expected `,` or `}`")?);
            }
        }
    }

    /// Checks that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), Bad> {
        if self.peek().is_some() { self.bad("expected the end of the line") } else { Ok(()) }
    }

    /// The next value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Value, Bad> {
        if matches!(self.peek(), Some(b'[' | b'{')) { self.nested() } else { self.scalar() }
    }

    fn nested(&mut self) -> Result<Value, Bad> {
        let mut frames: Vec<Frame> = Vec::new();
        loop {
            let mut value = match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    if !self.take(b']') {
                        self.open(&mut frames, Frame::List(Vec::new()))?;
                        continue;
                    }
                    Value::list([])
                }
                Some(b'{') => {
                    self.at += 1;
                    if !self.take(b'}') {
                        let key = Value::str(&self.key()?);
                        self.open(&mut frames, Frame::Map(Vec::new(), key))?;
                        continue;
                    }
                    Value::map([])
                }
                _ => self.scalar()?,
            };
            // Ends as many lists and maps as end here.
            loop {
                let Some(frame) = frames.last_mut() else { return Ok(value) };
                let close = match frame {
                    Frame::List(items) => {
                        items.push(value);
                        b']'
                    }
                    Frame::Map(pairs, key) => {
                        pairs.push((std::mem::take(key), value));
                        b'}'
                    }
                };
                if self.take(b',') {
                    if let Frame::Map(_, key) = frame {
                        *key = Value::str(&self.key()?);
                    }
                    break;
                }
                if !self.take(close) {
                    return self.bad(if close == b']' { "expected `,` or `]`" } else { "expected `,` or `}`" });
                }
                value = match frames.pop() {
                    Some(Frame::List(items)) => Value::list(items),
                    Some(Frame::Map(pairs, _)) => Value::map(pairs),
                    None => unreachable!("a frame was there"),
                };
            }
        }
    }

    fn open(&self, frames: &mut Vec<Frame>, frame: Frame) -> Result<(), Bad> {
        if frames.len() == MAX_DEPTH {
            return self.bad(format!("nested deeper than {MAX_DEPTH}"));
        }
        frames.push(frame);
        Ok(())
    }

    fn key(&mut self) -> Result<Cow<'a, str>, Bad> {
        if self.peek() != Some(b'"') {
            return self.bad("expected a field name in quotes");
        }
        let key = self.string()?;
        if self.take(b':') { Ok(key) } else { self.bad("expected `:`") }
    }

    fn scalar(&mut self) -> Result<Value, Bad> {
        let (word, value) = match self.peek() {
            Some(b'"') => return Ok(Value::str(&self.string()?)),
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(b'n') => ("null", Value::Nil),
            Some(b't') => ("true", true.into()),
            Some(b'f') => ("false", false.into()),
            Some(_) => return self.bad("expected a JSON value"),
            None => return self.bad("expected a JSON value, but the line ends"),
        };
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.bad("expected a JSON value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Bad> {
        let rest = &self.bytes[self.at..];
        if let Some((small, length)) = small_integer(rest) {
            self.at += length;
            return Ok(Value::Int(small));
        }
        let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sign = usize::from(rest[0] == b'-');
        let whole = digits(sign);
        let mut end = sign + whole;
        let mut right = whole == 1 || (whole > 1 && rest[sign] != b'0');
        if rest.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            right &= fraction > 0;
            end += 1 + fraction;
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end);
            right &= exponent > 0;
            end += exponent;
        }
        let text = std::str::from_utf8(&rest[..end]).unwrap_or_default();
        match number(text).filter(|_| right) {
            Some(value) => {
                self.at += end;
                Ok(value)
            }
            None if right => self.bad("a number beyond the range of a double"),
            None => self.bad("expected a number as JSON writes them"),
        }
    }

    /// A string; the next byte is its opening quote.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Bad> {
        debug_assert_eq!(self.bytes.get(self.at), Some(&b'"'));
        self.at += 1;
        let mut whole: Cow<'a, str> = Cow::Borrowed("");
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) else {
                return self.bad("expected the closing quote of this text, but the line ends");
            };
            let piece = match self.text.and_then(|text| text.get(self.at..self.at + length)) {
                Some(piece) => piece,
                None => match std::str::from_utf8(&rest[..length]) {
                    Ok(piece) => piece,
                    Err(error) => {
                        self.at += error.valid_up_to();
                        return self.bad("text that is not UTF-8");
                    }
                },
            };
            if rest[length] == b'"' && whole.is_empty() {
                self.at += length + 1;
                return Ok(Cow::Borrowed(piece));
            }
            if whole.is_empty() {
                whole = Cow::Borrowed(piece);
            } else {
                whole.to_mut().push_str(piece);
            }
            self.at += length;
            match rest[length] {
                b'"' => {
                    self.at += 1;
                    return Ok(whole);
                }
                b'\\' => whole.to_mut().push(self.escape()?),
                _ => return self.bad("a control character in a text: expected an escape like \\n"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Bad> {
        let plain = match self.bytes.get(self.at + 1) {
            Some(b'u') => return self.unicode(),
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            _ => return self.bad("expected an escape as JSON writes them"),
        };
        self.at += 2;
        Ok(plain)
    }

    /// `\uXXXX`, or a surrogate pair of them.
    fn unicode(&mut self) -> Result<char, Bad> {
        let unit = |at: usize| {
            let hex = self.bytes.get(at..at + 6)?;
            let digits = hex[2..].iter().all(u8::is_ascii_hexdigit);
            let text = std::str::from_utf8(&hex[2..]).ok().filter(|_| digits && hex.starts_with(b"\\u"))?;
            u16::from_str_radix(text, 16).ok()
        };
        let units = [unit(self.at), unit(self.at + 6)].into_iter().map_while(|unit| unit);
        match char::decode_utf16(units).next() {
            Some(Ok(found)) => {
                self.at += 6 * found.len_utf16();
                Ok(found)
            }
            Some(Err(_)) => self.bad("half of a surrogate pair"),
            None => self.bad("expected four hexadecimal digits after \\u"),
        }
    }
}

/// Writes a value as JSON, without recursion.
///
/// Reads back as the same value, except where JSON has no word for it: NaN and the infinities become
/// text, and so do keys of maps that are not text.
///
/// # Errors
/// What the output says.
pub(super) fn write_json(value: &Value, to: &mut dyn Write) -> io::Result<()> {
    enum Step<'a> {
        Value(&'a Value),
        Key(&'a Value),
        Text(&'static str),
    }
    let mut steps = vec![Step::Value(value)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Text(text) => to.write_all(text.as_bytes())?,
            Step::Key(Value::Str(key)) => serde_json::to_writer(&mut *to, &**key)?,
            Step::Key(key) => serde_json::to_writer(&mut *to, &key.to_string())?,
            Step::Value(Value::List(items)) => {
                to.write_all(b"[")?;
                steps.push(Step::Text("]"));
                for (i, item) in items.iter().enumerate().rev() {
                    steps.push(Step::Value(item));
                    steps.extend((i > 0).then_some(Step::Text(",")));
                }
            }
            Step::Value(Value::Map(pairs)) => {
                to.write_all(b"{")?;
                steps.push(Step::Text("}"));
                for (i, (key, value)) in pairs.iter().enumerate().rev() {
                    steps.extend([Step::Value(value), Step::Text(":"), Step::Key(key)]);
                    steps.extend((i > 0).then_some(Step::Text(",")));
                }
            }
            Step::Value(Value::Nil) => to.write_all(b"null")?,
            Step::Value(Value::Bool(value)) => write!(to, "{value}")?,
            Step::Value(Value::Int(value)) => write!(to, "{value}")?,
            Step::Value(Value::BigInt(text)) => to.write_all(text.as_bytes())?,
            Step::Value(Value::Str(text)) => serde_json::to_writer(&mut *to, &**text)?,
            Step::Value(Value::Float(float)) => match float.get() {
                f64::INFINITY => to.write_all(b"\"Infinity\"")?,
                f64::NEG_INFINITY => to.write_all(b"\"-Infinity\"")?,
                float if float.is_nan() => to.write_all(b"\"NaN\"")?,
                float => write!(to, "{float:?}")?,
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, Bad> {
        let mut json = Json::new(text.as_bytes());
        let value = json.value()?;
        json.end().map(|()| value)
    }

    fn written(value: &Value) -> String {
        let mut text = Vec::new();
        write_json(value, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn numbers_are_exact() {
        let cases = [
            ("0", Value::Int(0)),
            ("-0", Value::Int(0)),
            ("5.0", Value::Int(5)),
            ("1e3", Value::Int(1000)),
            ("9223372036854775807", Value::Int(i64::MAX)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("9223372036854775808", Value::BigInt("9223372036854775808".into())),
            ("-9223372036854775809", Value::BigInt("-9223372036854775809".into())),
            ("18446744073709551616", Value::BigInt("18446744073709551616".into())),
            ("1.5", Value::float(1.5)),
            ("1e20", Value::float(1e20)),
            ("5.9604644775390618e-8", Value::float(5.960_464_477_539_062e-8)),
        ];
        for (text, value) in cases {
            assert_eq!(read(text).as_ref(), Ok(&value), "{text}");
            assert_eq!(read(&written(&value)), Ok(value), "{text}, written");
        }
        assert_ne!(read("9007199254740993"), read("9007199254740992"));
        assert_ne!(read("123456789012345678901"), read("123456789012345678902"));
        for text in ["1e400", "-1e400", "1e-400", "0.0000e99999"] {
            assert_eq!(read(text).is_ok(), text.starts_with("0.0"), "{text}");
        }
    }

    #[test]
    fn the_grammar_is_that_of_serde_json() {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"a\"",
            "\\",
            "\\n",
            "u0041",
            "\\ud83d\\ude00",
            "\\ud83d",
            "0",
            "1",
            "-",
            "+",
            ".",
            "e",
            "E",
            "12",
            "null",
            "true",
            "false",
            " ",
            "\t",
            "\n",
            "\r",
            "\u{1}",
            "é",
            "\u{a0}",
            "/",
            "\"k\":",
            "1.5e3",
            "[]",
            "{}",
            "nul",
            "01",
        ];
        let mut random = 1_u64;
        let mut agreed = 0;
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..1 + random % 7 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(random >> 33) as usize % pieces.len()]);
            }
            let judge = serde_json::from_str::<serde_json::Value>(&text);
            let ours = read(&text);
            assert_eq!(ours.is_ok(), judge.is_ok(), "{text:?}: {ours:?}, {judge:?}");
            if let (Ok(ours), Ok(judge)) = (ours, judge) {
                agreed += 1;
                // Its floats are read inexactly, so they are no judge.
                if !text.contains(['e', 'E', '.']) {
                    assert_eq!(read(&judge.to_string()), Ok(ours.clone()), "{text:?}");
                }
                assert_eq!(read(&written(&ours)), Ok(ours), "{text:?}");
            }
        }
        assert!(agreed > 5_000, "{agreed} texts are JSON");
    }

    #[test]
    fn errors_have_a_place_and_depth_has_a_limit() {
        let cases = [
            ("[1, 2", 5, "expected `,` or `]`"),
            ("[1 2]", 3, "expected `,` or `]`"),
            ("{\"a\" 1}", 5, "expected `:`"),
            ("{a: 1}", 1, "field name in quotes"),
            ("\"abc", 1, "closing quote"),
            ("\"a\u{1}\"", 2, "control character"),
            ("\"\\ud800\"", 1, "surrogate"),
            ("01", 0, "number as JSON writes"),
            ("1e999", 0, "beyond the range"),
            ("1 2", 2, "end of the line"),
            ("", 0, "but the line ends"),
        ];
        for (text, at, reason) in cases {
            let bad = read(text).unwrap_err();
            assert_eq!(bad.at, at, "{text}: {}", bad.reason);
            assert!(bad.reason.contains(reason), "{text}: {}", bad.reason);
        }
        assert_eq!(Json::new(b"\"ab\xff\"").value().unwrap_err().at, 3);
        let nest = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(read(&nest(MAX_DEPTH + 1)).is_ok(), "the innermost list is empty");
        assert!(read(&nest(MAX_DEPTH + 2)).unwrap_err().reason.contains("deeper"));
        assert!(read(&"{\"a\":".repeat(5000)).unwrap_err().reason.contains("deeper"));
    }

    #[test]
    fn what_json_cannot_say_becomes_text() {
        let odd = Value::list([Value::float(f64::NAN), Value::float(f64::NEG_INFINITY)]);
        assert_eq!(written(&odd), r#"["NaN","-Infinity"]"#);
        let map = Value::map([(Value::Int(1), Value::Nil), (Value::list([1.into()]), Value::Nil)]);
        assert_eq!(written(&map), r#"{"1":null,"[1]":null}"#);
    }
}
