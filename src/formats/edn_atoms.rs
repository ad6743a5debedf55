//! EDN's atoms: names, numbers, characters and texts; the part of the parser without brackets.

use super::edn::{Parser, Stop};
use super::values::number;
use causet_checkers::history::Value;
use std::borrow::Cow;

impl<'a> Parser<'a> {
    /// A word and where it ends.
    pub(super) fn token(&self, start: usize) -> Result<(&'a str, usize), Stop> {
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

    pub(super) fn atom(&mut self) -> Result<Value, Stop> {
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

    pub(super) fn character(&mut self) -> Result<Value, Stop> {
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

    pub(super) fn string(&mut self) -> Result<Value, Stop> {
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

#[cfg(test)]
mod tests {
    use super::super::edn::{Form, Keywords};
    use super::*;

    fn parse(text: &[u8]) -> Result<Value, String> {
        let mut keywords = Keywords::new();
        match Parser::new(text, true, 0, &mut keywords).form() {
            Ok(Form::Value(value)) => Ok(value),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn atoms_become_values() {
        let big = |text: &str| Value::BigInt(text.into());
        let cases = [
            ("nil", Value::Nil),
            ("true", true.into()),
            ("-0", 0.into()),
            ("+7", 7.into()),
            ("12N", 12.into()),
            ("9223372036854775808", big("9223372036854775808")),
            ("-9223372036854775809N", big("-9223372036854775809")),
            ("2.0", 2.into()),
            ("2.", 2.into()),
            ("1.5M", Value::float(1.5)),
            ("0.12345678901234567890M", "0.12345678901234567890M".into()),
            ("3M", 3.into()),
            ("-2.5e-3", Value::float(-0.0025)),
            ("0x1F", 31.into()),
            ("6/4", "3/2".into()),
            ("-6/3", Value::Int(-2)),
            ("##NaN", Value::float(f64::NAN)),
            ("##-Inf", Value::float(f64::NEG_INFINITY)),
            ("Infinity", Value::float(f64::INFINITY)),
            (":a.b/c", ":a.b/c".into()),
            (":5", ":5".into()),
            ("a/b", "'a/b".into()),
            ("-", "'-".into()),
            ("é", "'é".into()),
            (r"\a", r"\a".into()),
            (r"\(", r"\(".into()),
            (r"\\", r"\\".into()),
            (r"\newline", "\\\n".into()),
            (r"\u00e9", r"\é".into()),
            (r"\é", r"\é".into()),
            (r"\o101", r"\A".into()),
            (r#""a\n\t\\\"\u00e9\ud83d\ude00\101""#, "a\n\t\\\"é😀A".into()),
            ("\"two\nlines\"", "two\nlines".into()),
            ("\"\"", "".into()),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_atom_is_refused() {
        let texts = [
            "01",
            "1x",
            "1-2",
            "1..2",
            "1.5.2",
            "1e",
            "1e999",
            "0x",
            "0xg",
            "-0x-1",
            "1/0",
            "1/x",
            ":",
            "::a",
            "'a",
            "`a",
            "a\u{1}",
            "##x",
            r"\",
            r"\ab",
            r"\ ",
            r"\uD800",
            r"\o777",
            r#""\q""#,
            r#""\u12""#,
            r#""\ud800""#,
            "\"abc",
            "1NN",
        ];
        for text in texts {
            assert!(parse(text.as_bytes()).is_err(), "{text}: {:?}", parse(text.as_bytes()));
        }
        assert!(parse(b"\"a\xff\"").unwrap_err().contains("at: 2"));
        assert!(parse(b"a\xff").unwrap_err().contains("UTF-8"));
        assert!(parse(b"\\\xff").is_err());
    }
}
