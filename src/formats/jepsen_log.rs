//! `jepsen-log`: operations as Jepsen prints them, `4  :invoke  :cas  [3 1]`, alone or in its log.
//!
//! An operation is found by its shape (process, type, name), whatever the logger puts before it. A
//! log has other lines too: those that say their level are counted and left alone, and so are lines
//! that continue them (stack traces). Everything else is told, because it may be what is left of an
//! operation.

use super::edn::{Form, Keywords, Parser, map_value};
use super::events::{Event, Events, Kind, brief};
use super::jepsen_edn::{function_name, process_name};
use super::lines::{At, Lines, MAX_LINE, Piece, each_line};
use super::{Format, Reading, Source};
use crate::registry::Entry;
use causet_checkers::history::Value;
use std::io;

/// The format.
pub struct JepsenLog;

const EXAMPLE: &str = "\
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 1]
INFO  jepsen.util - 0\t:ok\t:write\t3
INFO  jepsen.util - 1\t:info\t:cas\t:timed-out
";

impl Format for JepsenLog {
    fn entry(&self) -> Entry {
        Entry {
            id: "jepsen-log",
            summary: "operations in the log of a Jepsen run",
            documentation: include_str!("docs/jepsen-log.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        each_line(At::START, head).any(|(_, line)| {
            let plain = line.iter().all(|byte| *byte == b'\t' || *byte >= b' ');
            plain && !begins_as_data(line) && Columns::of(line).is_some_and(|columns| columns.is_operation())
        })
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let mut events = Events::new(into.key_mode);
        let mut keywords = Keywords::new();
        let mut lines = Lines::new(source);
        let mut may_continue = false;
        while let Some(piece) = lines.next()? {
            let (at, bytes) = match piece {
                Piece::Lines { at, bytes } => (at, bytes),
                Piece::TooLong { at } => {
                    into.skipped.push(at, format!("a line of more than {MAX_LINE} bytes"));
                    continue;
                }
            };
            for (at, line) in each_line(at, bytes) {
                let (said, continues) = read_line(at, line, may_continue, &mut keywords);
                may_continue = continues;
                match said {
                    Said::Event(event) => events.push(event, into),
                    Said::Nemesis => into.ignored.nemesis += 1,
                    Said::Other => into.ignored.logs += 1,
                    Said::Bad(at, reason) => into.skipped.push(at, reason),
                }
            }
        }
        events.finish(into);
        Ok(())
    }
}

enum Said {
    Event(Event),
    Nemesis,
    /// A line of the log that is not an operation.
    Other,
    Bad(At, String),
}

/// Lines of EDN or JSON that hold an operation are not log lines.
fn begins_as_data(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'"' | b'#' | b';' | b'(' | b'<'))
        || line.trim_ascii_start().starts_with(b"[{")
}

/// The first word of a line that is a type, with the word before it and everything after it.
struct Columns<'a> {
    process: &'a [u8],
    kind: Kind,
    rest: &'a [u8],
    /// How many bytes are before `rest`.
    offset: usize,
}

impl<'a> Columns<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let mut from = 0;
        loop {
            let colon = from + memchr::memchr(b':', &line[from..])?;
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let width = line[colon..].iter().position(blank).unwrap_or(line.len() - colon);
            let word = &line[colon..colon + width];
            let kind = std::str::from_utf8(word).ok().and_then(Kind::of);
            if let Some(kind) = kind.filter(|_| colon > 0 && blank(&line[colon - 1])) {
                let process = last_word(&line[..colon]);
                let rest = &line[colon + width..];
                return Some(Self { process, kind, rest, offset: colon + width });
            }
            from = colon + 1;
        }
    }

    /// Whether the words around the type are those of an operation. Other lines may say `:ok` too.
    fn is_operation(&self) -> bool {
        let number = !self.process.is_empty() && self.process.iter().all(u8::is_ascii_digit);
        let keyword = self.process.starts_with(b":") && self.process.len() > 1 && self.process != b":type";
        (number || keyword) && matches!(self.rest.trim_ascii_start().first(), Some(b':' | b'"'))
    }
}

fn last_word(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    let start = text.iter().rposition(u8::is_ascii_whitespace).map_or(0, |blank| blank + 1);
    &text[start..]
}

/// What a line says, and whether the next one may continue it.
fn read_line(at: At, line: &[u8], continues: bool, keywords: &mut Keywords) -> (Said, bool) {
    if let Some(columns) = Columns::of(line) {
        return match columns.event(at, keywords) {
            Ok((Some(event), trailing)) => (Said::Event(event), trailing),
            Ok((None, _)) => (Said::Nemesis, true),
            Err((place, reason)) => (Said::Bad(At { byte: at.byte + place as u64, ..at }, reason), false),
        };
    }
    if is_log_line(line) {
        return (Said::Other, true);
    }
    if continues && !has_operation_words(line) {
        return (Said::Other, true);
    }
    let reason = "expected an operation: process, :invoke, :ok, :fail or :info, name and value";
    (Said::Bad(at, reason.into()), false)
}

/// Whether a line says its level, and is not what is left of an operation.
fn is_log_line(line: &[u8]) -> bool {
    const LEVELS: [&[u8]; 7] = [b"TRACE", b"DEBUG", b"INFO", b"WARN", b"ERROR", b"FATAL", b"SEVERE"];
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let level = words.by_ref().take(5).any(|word| LEVELS.contains(&word));
    level
        && !has_operation_words(line)
        && !after_logger(line).is_some_and(|message| {
            let first = message.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
            first.is_empty() || first[0] == b':' || first[0].is_ascii_digit()
        })
}

/// What the logger of operations says in this line.
fn after_logger(line: &[u8]) -> Option<&[u8]> {
    let name = memchr::memmem::find(line, b"jepsen.util")?;
    let rest = &line[name + b"jepsen.util".len()..];
    Some(rest.trim_ascii_start().strip_prefix(b"-").or(rest.strip_prefix(b":")).unwrap_or(rest).trim_ascii_start())
}

fn has_operation_words(line: &[u8]) -> bool {
    [&b":invoke"[..], b"\t:ok", b"\t:fail", b"\t:info"].iter().any(|word| memchr::memmem::find(line, word).is_some())
}

impl Columns<'_> {
    /// The event, if it is a client's, and whether text follows the value. An error has its place.
    fn event(&self, at: At, keywords: &mut Keywords) -> Result<(Option<Event>, bool), (usize, String)> {
        let (process, _) = word(self.process, keywords).map_err(|reason| (0, reason))?;
        let keyword = process.as_str().is_some_and(|name| name.starts_with(':'));
        if !keyword && !matches!(process, Value::Int(_) | Value::BigInt(_)) {
            return Err((0, format!("expected a process before the type, found {}", brief(&process))));
        }
        let fail = |reason: String| (self.offset, reason);
        let Some(process) = process_name(process).map_err(fail)? else { return Ok((None, true)) };
        let (function, width) = word(self.rest, keywords).map_err(|reason| fail(format!("name: {reason}")))?;
        let function = Some(function_name(&function).map_err(fail)?);
        let (value, value_width) = match word(&self.rest[width..], keywords) {
            Ok(found) => found,
            // Often not a value at all, and of no use.
            Err(_) if matches!(self.kind, Kind::Info | Kind::Fail) => (Value::Nil, 0),
            Err(reason) => return Err(fail(format!("value: {reason}"))),
        };
        let rest = &self.rest[width + value_width..];
        if Columns::of(rest).is_some_and(|columns| columns.is_operation()) {
            return Err(fail("two operations on one line".into()));
        }
        let event = Event { at, kind: self.kind, process, function, key: None, value, time: None };
        Ok((Some(event), !rest.trim_ascii().is_empty()))
    }
}

/// The EDN value at the beginning of a text, and its width.
fn word(text: &[u8], keywords: &mut Keywords) -> Result<(Value, usize), String> {
    let mut parser = Parser::new(text, true, 0, keywords);
    match parser.form() {
        Ok(Form::Value(value)) => Ok((value, parser.consumed())),
        Ok(Form::Map(pairs)) => {
            let value = map_value(pairs, None).ok_or("a map that has a key twice")?;
            Ok((value, parser.consumed()))
        }
        Ok(Form::Nothing) => Err("expected a value, found a discarded one".into()),
        Err(super::edn::Stop::Bad(bad)) => Err(bad.reason.into_owned()),
        Err(_) if text.trim_ascii().is_empty() => Err("expected a value, but the line ends".into()),
        Err(_) => Err("expected the end of this value, but the line ends".into()),
    }
}
