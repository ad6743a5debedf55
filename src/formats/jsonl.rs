//! `jsonl`: our own histories, an event or a complete operation per JSON line.
//!
//! Blocks of lines are parsed in parallel into records that borrow from the block, then fed to the
//! builder in order, which is the only part that must be done in order. Events and complete operations
//! are built side by side, because only at the end is it known which of the two a mixed file is.

use super::events::{Calls, Kind, unless_repeated};
use super::jsonl_line::{Record, Says, Strings, parse_line};
use super::lines::{At, Lines, MAX_LINE, Piece, each_line};
use super::values::{Bad, Json, write_json};
use super::{Format, KeyMode, Reading, Source, Writes};
use crate::registry::Entry;
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, OPEN, Status, Value};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// The format.
pub struct Jsonl;

const EXAMPLE: &str = r#"{"process":"c1","type":"invoke","f":"write","key":"x","value":3,"time":12}
{"process":"c1","type":"ok","f":"write","key":"x","time":15}
{"process":"c2","type":"invoke","f":"read","key":"x","time":18}
{"process":"c2","type":"ok","f":"read","key":"x","value":3,"time":21}
"#;

impl Format for Jsonl {
    fn entry(&self) -> Entry {
        Entry {
            id: "jsonl",
            summary: "operation histories as JSON lines, events or complete operations",
            documentation: include_str!("docs/jsonl.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let cut = !head.ends_with(b"\n");
        let mut lines = each_line(At::START, head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head)).peekable();
        while let Some((_, line)) = lines.next() {
            match names_operation(line, cut && lines.peek().is_none()) {
                Some(true) => return true,
                Some(false) => {}
                None => return false,
            }
        }
        false
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let tuples = into.key_mode == KeyMode::Tuple;
        let mut tables = Tables::default();
        let mut lines = Lines::new(source);
        while let Some(piece) = lines.next()? {
            match piece {
                Piece::TooLong { at } => tables.damaged.push(at, format!("a line of more than {MAX_LINE} bytes")),
                Piece::Lines { at, bytes } => {
                    for (chunk_at, records) in parse_block(at, bytes, tuples) {
                        records.into_iter().for_each(|record| tables.take(chunk_at, record));
                    }
                }
            }
        }
        tables.finish(into);
        Ok(())
    }

    fn writes(&self) -> Writes {
        Writes::History
    }

    fn write_history(&self, history: &History, to: &mut dyn Write) -> io::Result<()> {
        write_initial(history, to)?;
        let mut line = Vec::new();
        for (index, operation) in history.operations().iter().enumerate() {
            line.clear();
            line.extend(b"{\"process\":");
            serde_json::to_writer(&mut line, history.process(index))?;
            line.extend(b",\"f\":");
            serde_json::to_writer(&mut line, history.function(index))?;
            if !operation.key.is_nil() {
                line.extend(b",\"key\":");
                write_json(&operation.key, &mut line)?;
            }
            line.extend(b",\"input\":");
            write_json(&operation.input, &mut line)?;
            line.extend(b",\"output\":");
            write_json(&operation.output, &mut line)?;
            write!(line, ",\"call\":{}", operation.call)?;
            if operation.ret != OPEN {
                write!(line, ",\"return\":{}", operation.ret)?;
            }
            let status = if operation.status == Status::Ok { "ok" } else { "info" };
            writeln!(line, ",\"status\":\"{status}\"}}")?;
            to.write_all(&line)?;
        }
        Ok(())
    }
}

/// What objects hold before any operation has no line of its own: an operation before all others says it.
fn write_initial(history: &History, to: &mut dyn Write) -> io::Result<()> {
    let Some(initial) = history.initial() else { return Ok(()) };
    let keys: BTreeSet<&Value> = history.operations().iter().map(|operation| &operation.key).collect();
    let first = history.operations().iter().map(|operation| operation.call).min().unwrap_or(0);
    for key in keys {
        write!(to, "{{\"process\":\"initial\",\"f\":\"put\",\"key\":")?;
        write_json(key, to)?;
        write!(to, ",\"input\":")?;
        write_json(initial, to)?;
        writeln!(to, ",\"call\":{},\"return\":{},\"status\":\"ok\"}}", first - 2, first - 1)?;
    }
    Ok(())
}

/// Whether a line is an operation by the names of its fields; `None` if it is certainly something
/// else. Of a line that is cut, the names before the cut count.
fn names_operation(line: &[u8], cut: bool) -> Option<bool> {
    let (mut process, mut function, mut other) = (false, false, false);
    let read = Json::new(line).object::<Bad>(|name, json| {
        process |= name == "process";
        function |= name == "f";
        other |= name.starts_with("resource");
        json.value().map(drop)
    });
    match (read.is_ok(), cut) {
        _ if other => None,
        (true, _) => Some(process && function),
        (false, true) => Some(process || function),
        (false, false) => Some(false),
    }
}

/// Parses the lines of a block in parallel; the records of each chunk, with its place.
fn parse_block(at: At, bytes: &[u8], tuples: bool) -> Vec<(At, Vec<Record<'_>>)> {
    const CHUNK: usize = 64 * 1024;
    let mut chunks = Vec::with_capacity(bytes.len() / CHUNK + 1);
    let mut rest = bytes;
    while !rest.is_empty() {
        let size = CHUNK.min(rest.len());
        let end = memchr::memchr(b'\n', &rest[size - 1..]).map_or(rest.len(), |feed| size + feed);
        let (chunk, after) = rest.split_at(end);
        chunks.push(chunk);
        rest = after;
    }
    let parsed: Vec<Vec<Record<'_>>> = chunks
        .par_iter()
        .map(|chunk| {
            let text = std::str::from_utf8(chunk).ok();
            let mut strings = Strings::default();
            let lines = each_line(At { line: 0, byte: 0 }, chunk).map(|(at, line)| {
                let start = at.byte as usize;
                let json = match text.and_then(|text| text.get(start..start + line.len())) {
                    Some(text) => Json::of_text(text),
                    None => Json::new(line),
                };
                parse_line(at, json, tuples, &mut strings)
            });
            lines.collect()
        })
        .collect();
    let places = chunks.iter().scan(at, |next, chunk| {
        let after = next.after(chunk);
        Some(std::mem::replace(next, after))
    });
    places.zip(parsed).collect()
}

/// Losses with their places, the first of them told.
#[derive(Default)]
struct Losses {
    told: Vec<(At, Cow<'static, str>)>,
    total: u64,
}

impl Losses {
    fn push(&mut self, at: At, reason: impl Into<Cow<'static, str>>) {
        self.total += 1;
        if self.told.len() < super::Skipped::KEPT {
            self.told.push((at, reason.into()));
        }
    }

    fn into_skipped(all: [Self; 2], into: &mut Reading) {
        let total: u64 = all.iter().map(|losses| losses.total).sum();
        let mut told: Vec<_> = all.into_iter().flat_map(|losses| losses.told).collect();
        told.sort_unstable();
        let untold = total - told.len() as u64;
        told.into_iter().for_each(|(at, reason)| into.skipped.push(at, reason));
        (0..untold).for_each(|_| into.skipped.push("", ""));
    }
}

/// One of the two kinds of a history: what was built, what did not fit, and where it was.
#[derive(Default)]
struct Table {
    builder: HistoryBuilder,
    misfits: Losses,
    places: Losses,
}

#[derive(Default)]
struct Tables {
    events: Table,
    operations: Table,
    events_first: bool,
    calls: Calls,
    damaged: Losses,
    nemesis: u64,
}

impl Tables {
    fn take(&mut self, chunk: At, record: Record<'_>) {
        let at = At { line: chunk.line + record.at.line, byte: chunk.byte + record.at.byte };
        match record.says {
            Err(reason) => self.damaged.push(at, reason),
            Ok(Says::Nemesis) => self.nemesis += 1,
            Ok(Says::Operation { process, function, complete }) => {
                self.operations.places.push(at, "");
                let complete = Complete { process: &process, function: &function, ..complete };
                if let Err(bad) = self.operations.builder.operation(complete) {
                    self.operations.misfits.push(at, bad.to_string());
                }
            }
            Ok(Says::Event { process, function, kind, key, value, time }) => {
                self.events_first |= self.operations.places.total == 0;
                self.events.places.push(at, "");
                if let Err(reason) = self.event(&process, &function, kind, key, value, time) {
                    self.events.misfits.push(at, reason);
                }
            }
        }
    }

    fn event(
        &mut self,
        process: &str,
        function: &str,
        kind: Kind,
        key: Option<Value>,
        value: Value,
        time: Option<i64>,
    ) -> Result<(), String> {
        let builder = &mut self.events.builder;
        if kind == Kind::Invoke {
            let key = key.unwrap_or_default();
            builder.invoke(process, function, key.clone(), value, time).map_err(|bad| bad.to_string())?;
            self.calls.called(process, None, key);
            return Ok(());
        }
        self.calls.check_key(process, key.as_ref().filter(|key| !key.is_nil()))?;
        let completion = match kind {
            Kind::Ok => Completion::Ok(unless_repeated(function, value, builder.open_input(process))),
            Kind::Fail => Completion::Fail,
            _ => Completion::Info,
        };
        builder.complete(process, function, completion, time).map_err(|bad| bad.to_string())?;
        self.calls.completed(process);
        Ok(())
    }

    /// The kind of which there is more is the history; of equally many, the kind that came first.
    fn finish(self, into: &mut Reading) {
        let (events, operations) = (self.events.places.total, self.operations.places.total);
        let by_events = events > operations || (events == operations && self.events_first);
        let (kept, mut other, reason) = if by_events {
            (self.events, self.operations, "a complete operation among events: their orders can't be compared")
        } else {
            (self.operations, self.events, "an event among complete operations: their orders can't be compared")
        };
        other.places.told.iter_mut().for_each(|(_, why)| *why = reason.into());
        debug_assert!(into.history.is_empty(), "a reading is of one source");
        into.history = kept.builder;
        into.ignored.nemesis += self.nemesis;
        let mut losses = kept.misfits;
        losses.total += other.places.total;
        losses.told.append(&mut other.places.told);
        Losses::into_skipped([self.damaged, losses], into);
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::testing::{Case, check, check_skips, read, read_as, shown, survives};
    use super::*;

    const CALL: &str = r#"{"process":"a","type":"invoke","f":"read"}"#;
    const DONE: &str = r#"{"process":"a","type":"ok","f":"read","value":3}"#;
    const WHOLE: &str = r#"{"process":"a","f":"read","output":3,"call":5,"return":9}"#;

    #[test]
    fn an_input_repeated_is_no_output() {
        let history = |function: &str, input: &str, value: &str| {
            let call = format!(r#"{{"process":"a","type":"invoke","f":"{function}","value":{input}}}"#);
            let done = format!(r#"{{"process":"a","type":"ok","f":"{function}","value":{value}}}"#);
            format!("{call}\n{done}\n")
        };
        for (function, input, value, output) in [
            ("add", "3", "3", "null"),
            ("add", "[1]", "[1]", "null"),
            ("add", "3", "4", "4"),
            ("add", "true", "true", "true"),
            ("append", r#""x""#, r#""x""#, "null"),
            ("append", "3", "3", "3"),
            ("cas", "[1,2]", "[1,2]", "true"),
            ("cas", "[1,2]", "[1,3]", "[1, 3]"),
            ("acquire", "3", "3", "3"),
            ("read", "3", "3", "3"),
        ] {
            let (read, _, _) = read(&Jsonl, history(function, input, value));
            assert_eq!(read.operations()[0].output.to_string(), output, "{function} {input} {value}");
        }
    }

    #[test]
    fn events_in_the_order_of_their_lines() {
        check(&Jsonl, EXAMPLE, &[r#"c1 write "x": 3 -> null [1..2]"#, r#"c2 read "x": null -> 3 [3..4]"#]);
        assert_eq!(read(&Jsonl, EXAMPLE).0.time_ns(1), Some((18, 21)));
        let late = EXAMPLE.replace("21", "\"1\"").replace("18", "2.0");
        assert_eq!(read(&Jsonl, &late).0.time_ns(1), Some((2, 1)), "times need not be monotonic");
        let cases = [
            (format!("\u{feff}{CALL}\r\n\r\n {DONE}"), "a read null -> 3 [1..2]"),
            (format!("{CALL}\n{}", DONE.replace("value", "output")), "a read null -> 3 [1..2]"),
            (format!("{CALL}\n{}", DONE.replace("\"ok\"", "\"info\"")), "a read null -> null [1..open]"),
            (format!("{CALL}\n{DONE}").replace("\"a\"", "17"), "17 read null -> 3 [1..2]"),
            (
                CALL.replace("\"f\"", "\"x\":{\"f\":[]},\"key\":[1],\"value\":1e2,\"f\""),
                "a read [1]: 100 -> null [1..open]",
            ),
        ];
        for (text, expected) in cases {
            check(&Jsonl, &text, &[expected]);
        }
    }

    #[test]
    fn complete_operations_in_the_order_of_their_times() {
        let with = |from: &str, to: &str| WHOLE.replace(from, to);
        let cases = [
            (WHOLE.to_owned(), "a read null -> 3 [5..9]"),
            (with(",\"return\":9", ""), "a read null -> 3 [5..open]"),
            (with("9}", "null}"), "a read null -> 3 [5..open]"),
            (with("9}", "\"9\"}"), "a read null -> 3 [5..9]"),
            (with("9}", "9.0,\"status\":\"ok\"}"), "a read null -> 3 [5..9]"),
            (with("9}", "9,\"status\":\"info\"}"), "a read null -> null [5..open]"),
            (with("\"output\":3,", ""), "a read null -> null [5..9]"),
            (with(",\"output\":3,\"call\":5,\"return\":9", ",\"call\":5"), "a read null -> null [5..open]"),
            (with("\"output\":3", "\"output\":null"), "a read null -> null [5..9]"),
        ];
        for (text, expected) in cases {
            check(&Jsonl, &text, &[expected]);
        }
        let failed = with("9}", "9,\"status\":\"fail\"}");
        assert_eq!(read(&Jsonl, failed).0.failed(), 1);
    }

    #[test]
    fn a_damaged_line_costs_itself() {
        let cases: [Case<'_>; 17] = [
            (format!("{CALL}\n{{\"process\":\"b\",\"ty\n{DONE}\n"), 1, &[("line 2, byte 59", "closing quote")]),
            (format!("{CALL}\n\0\0\n{DONE}"), 1, &[("line 2, byte 43", "JSON object")]),
            (format!("{CALL}\n[{DONE}]"), 1, &[("line 2, byte 43", "JSON object")]),
            (format!("{CALL} {DONE}"), 0, &[("line 1, byte 43", "end of the line")]),
            (format!("{CALL}\n{}", &DONE[..40]), 1, &[("line 2, byte 82", "closing quote")]),
            (CALL.replace("invoke", "start"), 0, &[("line 1, byte 0", "invoke, ok, fail or info")]),
            (CALL.replace("invoke", ":invoke"), 0, &[("line 1, byte 0", "invoke, ok, fail or info")]),
            (CALL.replace("\"a\"", "true"), 0, &[("line 1, byte 0", "text as `process`")]),
            (CALL.replace("\"process\"", "\"p\""), 0, &[("line 1, byte 0", "expected `process`")]),
            (CALL.replace("\"f\"", "\"g\""), 0, &[("line 1, byte 0", "expected `f`")]),
            (CALL.replace("type", "kind"), 0, &[("line 1, byte 0", "`type` (an event) or `call`")]),
            (CALL.replace("{", "{\"call\":1,"), 0, &[("line 1, byte 0", "found both")]),
            (CALL.replace("{", "{\"f\":\"x\","), 0, &[("line 1, byte 0", "`f` is there twice")]),
            (CALL.replace("{", "{\"time\":1.5,"), 0, &[("line 1, byte 0", "nanoseconds")]),
            (WHOLE.replace("9}", "4}"), 0, &[("line 1, byte 0", "returns before")]),
            (WHOLE.replace("output", "value"), 0, &[("line 1, byte 0", "not `value`")]),
            (WHOLE.replace("9}", "99999999999999999999}"), 0, &[("line 1, byte 0", "64 bits")]),
        ];
        for (text, operations, losses) in cases {
            check_skips(&Jsonl, text, operations, losses);
        }
        let deep = format!("{CALL}\n{{\"value\":{}\n{DONE}", "[".repeat(5000));
        check_skips(&Jsonl, deep, 1, &[("line 2, byte 181", "deeper")]);
        check_skips(&Jsonl, "", 0, &[]);
        check_skips(&Jsonl, b"{\"process\":\"\xff\"}", 0, &[("line 1, byte 12", "UTF-8")]);
        let keyed = format!("{}\n{}", CALL.replace('{', "{\"key\":1,"), DONE.replace('{', "{\"key\":2,"));
        check_skips(&Jsonl, keyed, 1, &[("line 2, byte 51", "key of the call, 1, found 2")]);
    }

    #[test]
    fn keys_in_tuples_are_split_on_request() {
        let text = r#"{"process":"a","type":"invoke","f":"read","value":["x",null]}
{"process":"a","type":"ok","f":"read","value":["x",3]}
{"process":"a","type":"invoke","f":"read"}"#;
        let (history, skipped, _) = read_as(&Jsonl, text.as_bytes(), KeyMode::Tuple);
        assert_eq!(shown(&history), [r#"a read "x": null -> 3 [1..2]"#]);
        assert_eq!(skipped.first()[0].position, "line 3, byte 117");
        assert_eq!(shown(&read(&Jsonl, text).0)[0], r#"a read ["x", null] -> ["x", 3] [1..2]"#);
        let whole = r#"{"process":"a","f":"read","input":["x",null],"output":["x",3],"call":5,"return":9}"#;
        let (history, _, _) = read_as(&Jsonl, whole.as_bytes(), KeyMode::Tuple);
        assert_eq!(shown(&history), [r#"a read "x": null -> 3 [5..9]"#]);
    }

    #[test]
    fn of_two_kinds_the_smaller_is_refused() {
        let events = format!("{CALL}\n{WHOLE}\n{DONE}\n");
        check_skips(&Jsonl, &events, 1, &[("line 2, byte 43", "a complete operation among events")]);
        assert_eq!(shown(&read(&Jsonl, events).0), ["a read null -> 3 [1..2]"]);
        let operations = format!("{WHOLE}\n{CALL}\n@\n{WHOLE}\n");
        let losses = [("line 2, byte 58", "an event among complete operations"), ("line 3, byte 101", "JSON object")];
        check_skips(&Jsonl, operations, 2, &losses);
        check_skips(&Jsonl, format!("{CALL}\n{WHOLE}\n"), 1, &[("line 2, byte 43", "a complete operation")]);
        let many = WHOLE.to_owned() + &format!("\n{CALL}").repeat(3000) + &format!("\n{WHOLE}").repeat(5000);
        let (history, skipped, _) = read(&Jsonl, many);
        assert_eq!((history.len(), skipped.total(), skipped.first().len()), (5001, 3000, 1000));
    }

    #[test]
    fn every_damage_is_survived_and_told() {
        let lines =
            |text: &[u8]| text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        survives(&Jsonl, EXAMPLE, true, lines);
        let nemesis = format!("{{\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"kill\"}}\n{CALL}\n{DONE}");
        survives(&Jsonl, &nemesis, true, lines);
    }

    #[test]
    fn other_texts_are_not_taken_for_it() {
        let texts = ["", "{", "{}", "[1]", r#"{"resourceSpans":[],"process":1,"f":2}"#, r#"{"a":{"process":1,"f":2}}"#];
        for text in texts {
            assert!(!Jsonl.recognises(text.as_bytes()), "{text}");
        }
        assert!(Jsonl.recognises(format!("@@@\n{CALL}\n").as_bytes()));
        assert!(Jsonl.recognises(format!("{{\"process\":1,\"value\":[{}", "1,".repeat(40_000)).as_bytes()));
    }

    /// A small generator with a seed, for histories of odd values.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        fn value(&mut self, depth: u32) -> Value {
            match self.below(if depth == 0 { 7 } else { 9 }) {
                0 => Value::Nil,
                1 => Value::Bool(self.below(2) == 0),
                2 => Value::Int(self.below(100) as i64 - 50),
                3 => Value::Int([i64::MIN, i64::MAX, 1 << 53][self.below(3) as usize]),
                4 => Value::float(f64::from_bits(self.0)).clone(),
                5 => Value::BigInt(format!("{}{:020}", 1 + self.below(9), self.below(1 << 30)).into()),
                6 => Value::str(["", "x", ":k", "\"\\\n\u{1}", "é😀\u{7f}\u{2028}"][self.below(5) as usize]),
                7 => Value::list((0..self.below(4)).map(|_| self.value(depth - 1)).collect::<Vec<_>>()),
                _ => Value::map(
                    (0..self.below(4))
                        .map(|i| (Value::str(&format!("k{i}")), self.value(depth - 1)))
                        .collect::<Vec<_>>(),
                ),
            }
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut random = Random(7);
        for _ in 0..300 {
            let mut builder = HistoryBuilder::new();
            for call in 0..random.below(20) as i64 {
                let completion = match random.below(3) {
                    0 => Completion::Info,
                    _ => Completion::Ok(random.value(3)),
                };
                let process = ["c1", "17", "ä \"q\""][random.below(3) as usize];
                let ret = (random.below(4) > 0).then(|| call + random.below(5) as i64);
                let (key, input) = (random.value(2), random.value(3));
                builder.operation(Complete { process, function: "f", key, input, call, ret, completion }).unwrap();
            }
            let history = builder.finish();
            let mut text = Vec::new();
            Jsonl.write_history(&history, &mut text).unwrap();
            let nans = String::from_utf8_lossy(&text).contains("NaN");
            let (again, skipped, _) = read(&Jsonl, &text);
            assert_eq!(skipped.first(), []);
            assert!(nans || shown(&again) == shown(&history), "{}", String::from_utf8_lossy(&text));
            assert!(nans || again.operations() == history.operations());
        }
    }

    #[test]
    fn events_are_written_as_complete_operations() {
        let (history, _, _) = read(&Jsonl, EXAMPLE);
        let mut text = Vec::new();
        Jsonl.write_history(&history, &mut text).unwrap();
        let expected =
            r#"{"process":"c1","f":"write","key":"x","input":3,"output":null,"call":1,"return":2,"status":"ok"}"#;
        assert_eq!(String::from_utf8_lossy(&text).lines().next(), Some(expected));
        assert_eq!(read(&Jsonl, text).0.operations(), history.operations());
    }

    #[test]
    fn blocks_and_threads_do_not_change_the_order() {
        let line =
            |i: usize| format!("{{\"process\":{},\"f\":\"read\",\"output\":{i},\"call\":{i},\"return\":{i}}}\n", i % 7);
        let mut text: String = (0..100_000).map(line).collect();
        text += "@\n";
        let (history, skipped, _) = read(&Jsonl, &text);
        assert!(
            history
                .operations()
                .iter()
                .enumerate()
                .all(|(i, op)| op.call == i as i64 && op.output == Value::Int(i as i64))
        );
        assert_eq!(skipped.first()[0].position, format!("line 100001, byte {}", text.len() - 2));
    }
}
