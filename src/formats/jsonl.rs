//! `jsonl`: our own histories, an event or a complete operation per JSON line.
//!
//! Blocks of lines are parsed in parallel into records that borrow from the block, then fed to the
//! builder in order, which is the only part that must be done in order. Events and complete operations
//! are built side by side, because only at the end is it known which of the two a mixed file is.

use super::events::{Calls, Kind, brief};
use super::lines::{At, Lines, MAX_LINE, Piece, each_line};
use super::values::{Bad, Json, write_json};
use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, OPEN, Status, Value};
use rayon::prelude::*;
use std::borrow::Cow;
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
        let mut tables = Tables::default();
        let mut lines = Lines::new(source);
        while let Some(piece) = lines.next()? {
            match piece {
                Piece::TooLong { at } => tables.damaged.push(at, format!("a line of more than {MAX_LINE} bytes")),
                Piece::Lines { at, bytes } => {
                    for (chunk_at, records) in parse_block(at, bytes) {
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

/// What a line says, or what is wrong with it, at a place relative to its chunk.
struct Record<'a> {
    at: At,
    says: Result<Says<'a>, String>,
}

enum Says<'a> {
    Event {
        process: Cow<'a, str>,
        function: Cow<'a, str>,
        kind: Kind,
        key: Option<Value>,
        value: Value,
        time: Option<i64>,
    },
    Operation {
        process: Cow<'a, str>,
        function: Cow<'a, str>,
        complete: Complete<'static>,
    },
    Nemesis,
}

/// Parses the lines of a block in parallel; the records of each chunk, with its place.
fn parse_block(at: At, bytes: &[u8]) -> Vec<(At, Vec<Record<'_>>)> {
    const CHUNK: usize = 128 * 1024;
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
            let zero = At { line: 0, byte: 0 };
            each_line(zero, chunk).map(|(at, line)| parse_line(at, line)).collect()
        })
        .collect();
    let places = chunks.iter().scan(at, |next, chunk| {
        let after = next.after(chunk);
        Some(std::mem::replace(next, after))
    });
    places.zip(parsed).collect()
}

fn parse_line(at: At, line: &[u8]) -> Record<'_> {
    let mut fields = Fields::default();
    let mut json = Json::new(line);
    let read = json.object(|name, json| fields.read(&name, json)).and_then(|()| Ok(json.end()?));
    match read {
        Ok(()) => Record { at, says: fields.says() },
        Err(Wrong { at: Some(place), reason }) => {
            Record { at: At { byte: at.byte + place as u64, ..at }, says: Err(reason) }
        }
        Err(Wrong { at: None, reason }) => Record { at, says: Err(reason) },
    }
}

struct Wrong {
    at: Option<usize>,
    reason: String,
}

impl From<Bad> for Wrong {
    fn from(bad: Bad) -> Self {
        Self { at: Some(bad.at), reason: bad.reason.into_owned() }
    }
}

/// The fields of a line.
#[derive(Default)]
struct Fields<'a> {
    process: Option<Cow<'a, str>>,
    function: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    key: Option<Value>,
    value: Option<Value>,
    input: Option<Value>,
    output: Option<Value>,
    time: Option<Value>,
    call: Option<Value>,
    ret: Option<Value>,
}

impl<'a> Fields<'a> {
    fn read(&mut self, name: &str, json: &mut Json<'a>) -> Result<(), Wrong> {
        let again = match name {
            "process" => text(json, name)?.and_then(|text| self.process.replace(text)).is_some(),
            "f" => text(json, name)?.and_then(|text| self.function.replace(text)).is_some(),
            "type" => text(json, name)?.and_then(|text| self.kind.replace(text)).is_some(),
            "status" => text(json, name)?.and_then(|text| self.status.replace(text)).is_some(),
            "key" => self.key.replace(json.value()?).is_some(),
            "value" => self.value.replace(json.value()?).is_some(),
            "input" => self.input.replace(json.value()?).is_some(),
            "output" => self.output.replace(json.value()?).is_some(),
            "time" => self.time.replace(json.value()?).is_some(),
            "call" => self.call.replace(json.value()?).is_some(),
            "return" => self.ret.replace(json.value()?).is_some(),
            _ => {
                json.value()?;
                false
            }
        };
        if again {
            return Err(Wrong { at: None, reason: format!("`{name}` is there twice") });
        }
        Ok(())
    }

    fn says(self) -> Result<Says<'a>, String> {
        let Some(process) = self.process else { return Err("expected `process`, text or a number".into()) };
        if matches!(&*process, "nemesis" | ":nemesis") {
            return Ok(Says::Nemesis);
        }
        let Some(function) = self.function else { return Err("expected `f`, the name of the operation".into()) };
        match (self.kind, self.call) {
            (Some(kind), None) => {
                let (kind, value) = match (word(&kind), self.value, self.input, self.output) {
                    (Some(Kind::Invoke), Some(_), Some(_), _) | (Some(Kind::Ok), Some(_), _, Some(_)) => {
                        return Err("an event with two values: expected `value` alone".into());
                    }
                    (Some(Kind::Invoke), value, input, _) => (Kind::Invoke, value.or(input)),
                    (Some(Kind::Ok), value, _, output) => (Kind::Ok, value.or(output)),
                    (Some(kind), ..) => (kind, None),
                    (None, ..) => return Err(format!("expected invoke, ok, fail or info as `type`, found {kind}")),
                };
                let time = self.time.map_or(Ok(None), |time| nanoseconds("time", &time))?;
                Ok(Says::Event { process, function, kind, key: self.key, value: value.unwrap_or_default(), time })
            }
            (None, Some(call)) => {
                let Some(call) = nanoseconds("call", &call)? else { return Err("expected a number as `call`".into()) };
                let ret = self.ret.map_or(Ok(None), |ret| nanoseconds("return", &ret))?;
                if self.value.is_some() {
                    return Err("expected `input` and `output` in a complete operation, not `value`".into());
                }
                let completion = match (self.status.as_deref().map(|status| (word(status), status)), self.output) {
                    (Some((Some(Kind::Ok), _)), output) => Completion::Ok(output.unwrap_or_default()),
                    (Some((Some(Kind::Fail), _)), _) => Completion::Fail,
                    (Some((Some(Kind::Info), _)), _) => Completion::Info,
                    (Some((_, status)), _) => {
                        return Err(format!("expected ok, fail or info as `status`, found {status}"));
                    }
                    (None, Some(output)) => Completion::Ok(output),
                    (None, None) if ret.is_some() => Completion::Ok(Value::Nil),
                    (None, None) => Completion::Info,
                };
                let (key, input) = (self.key.unwrap_or_default(), self.input.unwrap_or_default());
                let complete = Complete { process: "", function: "", key, input, call, ret, completion };
                Ok(Says::Operation { process, function, complete })
            }
            (Some(_), Some(_)) => Err("expected `type` (an event) or `call` (a complete operation), found both".into()),
            (None, None) => Err("expected `type` (an event) or `call` (a complete operation)".into()),
        }
    }
}

fn word(word: &str) -> Option<Kind> {
    Kind::of(word).filter(|_| !word.starts_with(':'))
}

/// Text, or a number as its text; `None` for null.
fn text<'a>(json: &mut Json<'a>, name: &str) -> Result<Option<Cow<'a, str>>, Wrong> {
    if json.peek() == Some(b'"') {
        return Ok(Some(json.string()?));
    }
    match json.value()? {
        Value::Nil => Ok(None),
        number @ (Value::Int(_) | Value::BigInt(_)) => Ok(Some(number.to_string().into())),
        other => Err(Wrong { at: None, reason: format!("expected text as `{name}`, found {}", brief(&other)) }),
    }
}

/// Nanoseconds, also as text; `None` for null.
fn nanoseconds(name: &str, value: &Value) -> Result<Option<i64>, String> {
    match value {
        Value::Nil => Ok(None),
        Value::Int(time) => Ok(Some(*time)),
        Value::Str(text) if text.parse::<i64>().is_ok() => Ok(text.parse().ok()),
        other => Err(format!("expected nanoseconds, an integer of 64 bits, as `{name}`, found {}", brief(other))),
    }
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
            Kind::Ok => Completion::Ok(value),
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
