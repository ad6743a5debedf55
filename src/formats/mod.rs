//! Reading and writing: every format is one file here and one line in [`ALL`].
//!
//! No format's bytes are trusted. A reader fills a [`Reading`] with what it could read *and* with
//! what it had to skip, each with a position; it fails only when the bytes can't be had at all.
//! Formats are recognised by content ([`recognise`]), never by file name.

mod causal_jsonl;
mod dot;
mod edn;
mod edn_atoms;
mod edn_forms;
mod events;
mod frames;
pub mod input;
mod jaeger_json;
mod jaeger_json_write;
mod jepsen_edn;
mod jepsen_log;
mod json;
mod json_write;
mod jsonl;
mod jsonl_line;
mod lines;
mod otlp_json;
mod otlp_json_decode;
mod otlp_json_sink;
mod otlp_proto;
mod otlp_proto_write;
mod parquet;
mod perfetto;
mod porcupine_kv;
mod rotation;
mod shiviz;
mod source;
#[cfg(test)]
mod testing;
mod values;
mod zipkin_json;
mod zipkin_json_write;

pub use shiviz::log_regex;
pub use source::Source;

use crate::registry::Entry;
use crate::store::{Drawing, OrderedEvent, SpanStore, StoreBuilder};
use causet_checkers::history::{History, HistoryBuilder, Value};
use rayon::prelude::*;
use std::io::{self, Write};

/// Every format, in the order in which recognition asks them.
pub static ALL: &[&dyn Format] = &[
    &parquet::Parquet,
    &jepsen_log::JepsenLog,
    &porcupine_kv::PorcupineKv,
    &jepsen_edn::JepsenEdn,
    &jsonl::Jsonl,
    &otlp_json::OtlpJson,
    &jaeger_json::JaegerJson,
    &zipkin_json::ZipkinJson,
    &shiviz::Shiviz,
    &otlp_proto::OtlpProto,
    &causal_jsonl::CausalJsonl,
    &perfetto::Perfetto,
    &dot::Dot,
];

/// A way to write traces or histories as bytes, and to read them back.
pub trait Format: Sync {
    /// Its face in the registry.
    fn entry(&self) -> Entry;

    /// Whether the first bytes (up to [`HEAD`], decompressed) look like this format.
    fn recognises(&self, head: &[u8]) -> bool;

    /// Reads all of `source` into `into`.
    ///
    /// # Errors
    /// Only what the operating system says; bad content goes to [`Reading::skipped`].
    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()>;

    /// Whether it is a format of inputs at all.
    fn is_read(&self) -> bool {
        !matches!(self.writes(), Writes::Order | Writes::Picture | Writes::Graph)
    }

    /// What it can write.
    fn writes(&self) -> Writes {
        Writes::Nothing
    }

    /// What of a trace is lost when it is written, as a list for people; nothing: it reads back as it was.
    fn loses(&self) -> &'static [&'static str] {
        &[]
    }

    /// Writes spans; called only if it [`writes`](Self::writes) them.
    ///
    /// # Errors
    /// What the output says.
    fn write_spans(&self, _spans: &SpanStore, _to: &mut (dyn Write + Send)) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this format does not write traces"))
    }

    /// Writes a history; called only if it [`writes`](Self::writes) them.
    ///
    /// # Errors
    /// What the output says.
    fn write_history(&self, _history: &History, _to: &mut dyn Write) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this format does not write histories"))
    }

    /// Writes a causal order; called only if it [`writes`](Self::writes) them.
    ///
    /// # Errors
    /// What the output says.
    fn write_order<'a>(
        &self,
        _rows: &mut dyn Iterator<Item = OrderedEvent<'a>>,
        _to: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this format does not write causal orders"))
    }

    /// Writes a causal graph; called only if it [`writes`](Self::writes) them.
    ///
    /// # Errors
    /// What the output says.
    fn write_graph(&self, _graph: &Drawing, _to: &mut (dyn Write + Send)) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this format does not write causal graphs"))
    }
}

/// What a format can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    Nothing,
    Spans,
    History,
    /// The causal order of spans.
    Order,
    /// Spans for people to look at, not to be read back.
    Picture,
    /// The causal graph of spans.
    Graph,
}

/// Reads nothing, and says why: for formats that are only written.
fn refuse(id: &str, source: &mut Source, into: &mut Reading) -> io::Result<()> {
    if !source.peek(1)?.is_empty() {
        into.skipped.push("byte 0", format!("{id} is what `causet convert --to {id}` writes; it is not read"));
    }
    Ok(())
}

/// How many bytes of a file recognition sees.
pub const HEAD: usize = 64 * 1024;

/// The format with this id.
pub fn by_id(id: &str) -> Option<&'static dyn Format> {
    ALL.iter().copied().find(|format| format.entry().id == id)
}

/// The first format that knows these first bytes.
pub fn recognise(head: &[u8]) -> Option<&'static dyn Format> {
    ALL.iter().copied().find(|format| format.recognises(head))
}

/// A value as JSON text.
pub fn json_text(value: &Value) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = values::write_json(value, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// A JSON text as a history's value; `None` if it is none. For values that are text inside something else.
pub fn json_value(text: &str) -> Option<Value> {
    let mut json = values::Json::new(text.as_bytes());
    let value = json.value().ok()?;
    json.end().ok().map(|()| value)
}

/// What was read: spans or a history, and an account of everything that is not in them.
#[derive(Default)]
pub struct Reading {
    pub spans: StoreBuilder,
    pub history: HistoryBuilder,
    pub skipped: Skipped,
    pub ignored: Ignored,
    /// How histories carry keys; set before reading.
    pub key_mode: KeyMode,
    /// How logs with vector clocks look, if not as ShiViz has them; set before reading.
    pub log_regex: Option<regex::Regex>,
}

impl Reading {
    /// Adds what was read of a later part of the same traces.
    fn append(&mut self, part: Reading) {
        self.spans.append(&part.spans);
        self.skipped.append(part.skipped);
        self.ignored.add(part.ignored);
    }

    /// Adds what `decode` makes of some parts of an input, in their order; several threads decode.
    fn append_all<T: Sync>(&mut self, parts: &[T], decode: impl Fn(&T, &mut Reading) + Sync) {
        let share = parts.len().div_ceil(rayon::current_num_threads() * 2).max(1);
        let decode_some = |parts: &[T]| {
            let mut reading = Reading::default();
            parts.iter().for_each(|part| decode(part, &mut reading));
            reading
        };
        let decoded: Vec<Reading> = parts.par_chunks(share).map(decode_some).collect();
        decoded.into_iter().for_each(|part| self.append(part));
    }
}

/// Whether a Jepsen value that is a pair is `[key value]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyMode {
    /// When every operation's value is a pair, and every cas nests its own.
    #[default]
    Auto,
    /// Always.
    Tuple,
    /// Never.
    None,
}

/// Things that are well-formed and none of our business, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    pub logs: u64,
    pub metrics: u64,
    pub nemesis: u64,
}

impl Ignored {
    /// Adds another account.
    pub fn add(&mut self, other: Ignored) {
        self.logs += other.logs;
        self.metrics += other.metrics;
        self.nemesis += other.nemesis;
    }
}

/// One thing that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Where: `line 3, byte 812`, counted in the decompressed input.
    pub position: String,
    /// Why, and what was expected.
    pub reason: String,
}

/// Everything that could not be read: all of it counted, the first [`Skipped::KEPT`] told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    first: Vec<Skip>,
    total: u64,
}

impl Skipped {
    /// How many are told one by one, so that a gigabyte of garbage does not become a gigabyte of report.
    pub const KEPT: usize = 1000;

    /// Notes one.
    pub fn push(&mut self, position: impl Into<String>, reason: impl Into<String>) {
        self.total += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(Skip { position: position.into(), reason: reason.into() });
        }
    }

    /// Adds another account after this one.
    pub fn append(&mut self, other: Skipped) {
        self.total += other.total;
        let room = Self::KEPT - self.first.len();
        self.first.extend(other.first.into_iter().take(room));
    }

    /// The same, as positions in a part of the input.
    pub fn within(mut self, place: &str) -> Self {
        for skip in &mut self.first {
            skip.position = format!("{place}, {}", skip.position);
        }
        self
    }

    /// The first ones.
    pub fn first(&self) -> &[Skip] {
        &self.first
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether nothing was skipped.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// One of everything that OTLP can say.
#[cfg(test)]
const OTLP_SAMPLE: &str = include_str!("../../testdata/otlp/sample.jsonl");
