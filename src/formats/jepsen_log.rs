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
            if colon == 0 || !blank(&line[colon - 1]) {
                from = colon + 1;
                continue;
            }
            let width = line[colon..].iter().position(blank).unwrap_or(line.len() - colon);
            let word = &line[colon..colon + width];
            let kind = std::str::from_utf8(word).ok().and_then(Kind::of);
            if let Some(kind) = kind {
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
        let others = [&b":"[..], b":type", b":invoke", b":ok", b":fail", b":info"];
        let keyword = self.process.starts_with(b":") && !others.contains(&self.process);
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
    if continues && !has_operation_words(line) && !begins_as_operation(line) {
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

/// Whether a line begins as operations do, after the logger or without one: it is damaged, not a continuation.
fn begins_as_operation(line: &[u8]) -> bool {
    let first = line.split(|byte| byte.is_ascii_whitespace()).find(|word| !word.is_empty()).unwrap_or_default();
    after_logger(line).is_some() || first.starts_with(b":") || first.iter().all(u8::is_ascii_digit)
}

fn has_operation_words(line: &[u8]) -> bool {
    let types = [&b":invoke"[..], b":ok", b":fail", b":info"];
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).skip(1);
    words.any(|word| types.iter().any(|kind| word.starts_with(kind)))
}

impl Columns<'_> {
    /// The event, if it is a client's, and whether text follows the value. An error has its place.
    fn event(&self, at: At, keywords: &mut Keywords) -> Result<(Option<Event>, bool), (usize, String)> {
        let (process, _) = word(self.process, keywords).map_err(|reason| (0, reason))?;
        let keyword = process.as_str().is_some_and(|name| name.starts_with(':') && Kind::of(name).is_none());
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

#[cfg(test)]
mod tests {
    use super::super::events::testing::{Case, check, check_skips, read, shown, survives};
    use super::*;

    #[test]
    fn whatever_the_logger_puts_before() {
        let prefixes = [
            "",
            "INFO  jepsen.util - ",
            "2024-05-01 10:11:12,123{GMT}\tINFO\t[jepsen worker 0] jepsen.util: ",
            "INFO [2018-01-01 12:00:00,123] jepsen worker 0 - jepsen.util ",
            "[main] INFO jepsen.util - ",
            "{:a :ok} INFO jepsen.util - ",
        ];
        for prefix in prefixes {
            for gap in ["\t", "   ", " \t "] {
                let text = format!(
                    "{prefix}4{gap}:invoke{gap}:cas{gap}[3 1]\r\n\n{prefix}4{gap}:ok{gap}:cas{gap}[3 1]\n\
                     {prefix}5{gap}:invoke{gap}:write{gap}{{:a \"x y\"}}\n{prefix}5{gap}:info{gap}:write{gap}:timed-out"
                );
                let (history, skipped, _) = read(&JepsenLog, &text);
                assert_eq!(skipped.first(), [], "{text}");
                let expected = ["4 cas [3, 1] -> true [1..2]", "5 write {\"a\": \"x y\"} -> null [3..open]"];
                assert_eq!(shown(&history), expected, "{text}");
                assert!(prefix.starts_with('{') || JepsenLog.recognises(text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn a_log_has_other_lines_too() {
        let text = "INFO  jepsen.core - Worker 2 starting\nINFO  jepsen.util - 2\t:invoke\t:read\tnil\n\
                    WARN  jepsen.util - Process 2 threw\njava.net.SocketException: Socket closed\n\tat java.net.Socket\n\
                    INFO  jepsen.util - 2\t:fail\t:read\tnil\tjava.net.SocketException: closed\n\tmore of it\n\
                    INFO  jepsen.util - :nemesis\t:info\t:start\t\"Cut off {:n5 #{:n3}}\"\nINFO  jepsen.core - nothing :ok here\n";
        let (history, skipped, ignored) = read(&JepsenLog, text);
        assert_eq!((history.len(), history.failed(), ignored.nemesis, ignored.logs), (0, 1, 1, 5));
        let skips: Vec<_> = skipped.first().iter().map(|skip| skip.position.as_str()).collect();
        assert_eq!(skips, ["line 9, byte 322"], "a type without a process may be an operation's: {skipped:?}");
    }

    #[test]
    fn the_example_reads() {
        check(&JepsenLog, EXAMPLE, &["0 write 3 -> null [1..3]", "1 cas [3, 1] -> null [2..open]"]);
    }

    #[test]
    fn keys_in_tuples_are_found() {
        let text =
            "1\t:invoke\t:write\t[0 2]\n1\t:ok\t:write\t[0 2]\n0\t:invoke\t:read\t[0 nil]\n0\t:ok\t:read\t[0 2]\n";
        check(&JepsenLog, text, &["1 write 0: 2 -> null [1..2]", "0 read 0: null -> 2 [3..4]"]);
    }

    #[test]
    fn what_may_have_been_an_operation_is_told() {
        let line = |text: &str| format!("INFO  jepsen.util - {text}");
        let cases: [Case<'_>; 13] = [
            (line("4\t:invoke\t:read"), 0, &[("line 1, byte 29", "value: expected a value, but the line ends")]),
            (line("4\t:invoke"), 0, &[("line 1, byte 29", "name: expected a value")]),
            (line("4\t:invo"), 0, &[("line 1, byte 0", "expected an operation")]),
            (line("4"), 0, &[("line 1, byte 0", "expected an operation")]),
            (line("4\t:invoke\t:cas\t[3 1"), 0, &[("line 1, byte 29", "value: expected the end of this value")]),
            (line("x\t:invoke\t:read\tnil"), 0, &[("line 1, byte 0", "expected a process")]),
            (line("4\t:invoke\t9\tnil"), 0, &[("line 1, byte 29", "name of the operation")]),
            (line("4\t:ok\t:read\tnil"), 0, &[("line 1, byte 0", "never called")]),
            (
                line("4\t:invoke\t:read\tnil ") + &line("5\t:invoke\t:read\tnil"),
                0,
                &[("line 1, byte 29", "two operations")],
            ),
            (":ok :ok :ok".to_owned(), 0, &[("line 1, byte 0", "expected a process")]),
            (
                "what is this\n".to_owned() + &line("4\t:invoke\t:read\tnil"),
                1,
                &[("line 1, byte 0", "expected an operation")],
            ),
            ("\0\0\n".to_owned() + &line("4\t:invoke\t:read\tnil"), 1, &[("line 1, byte 0", "expected an operation")]),
            (line("4\t:invoke\t:read\t") + &"[".repeat(5000), 0, &[("line 1, byte 29", "deeper than 128")]),
        ];
        for (text, operations, losses) in cases {
            check_skips(&JepsenLog, text, operations, losses);
        }
        check_skips(&JepsenLog, "", 0, &[]);
        check_skips(&JepsenLog, b"4\t:invoke\t:read\t\"\xff\"", 0, &[("line 1, byte 9", "UTF-8")]);
    }

    #[test]
    fn every_damage_is_survived_and_told() {
        let sample = "INFO  jepsen.util - 0\t:invoke\t:cas\t[3 1]\nINFO  jepsen.core - starting\n\
                      INFO  jepsen.util - :nemesis\t:info\t:start\tnil\nINFO  jepsen.util - 1   :invoke :read   nil\n\
                      INFO  jepsen.util - 0\t:ok\t:cas\t[3 1]\nINFO  jepsen.util - 1   :fail   :read   :timed-out\n";
        survives(&JepsenLog, sample, true, |text| {
            text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count()
        });
    }

    #[test]
    fn other_texts_are_not_taken_for_it() {
        let texts = [
            "",
            "INFO jepsen.core - :ok",
            r#"{"resourceSpans":[{"body":"INFO  jepsen.util - 0 :invoke :read nil"}]}"#,
            "  \"stringValue\": \"INFO jepsen.util - 0 :invoke :read nil\"",
            "{:process 0 :type :invoke :f :read :value nil}",
            "[{:process 0 :type :invoke :f :read :value nil}]",
            "{:process 0\n :type :invoke :f :read\n :value nil}",
            "\u{1} 0 :invoke :read nil",
        ];
        for text in texts {
            assert!(!JepsenLog.recognises(text.as_bytes()), "{text}");
        }
        assert!(JepsenLog.recognises(format!("\0 damaged\n{EXAMPLE}").as_bytes()));
    }
}
