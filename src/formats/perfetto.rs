//! `perfetto`: Chrome's trace event JSON, for ui.perfetto.dev and chrome://tracing. Only written.
//!
//! Slices of one thread must nest there, and spans of one process overlap; so a process gets as many tracks as its
//! spans need, and a span goes below its parent where it fits.

use super::json_write::{Plain, span_hex, trace_hex};
use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::{Rows, SpanRef, SpanStore, StatusCode, Sym};
use foldhash::{HashMap, HashMapExt};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

/// The format.
pub struct Perfetto;

impl Format for Perfetto {
    fn entry(&self) -> Entry {
        Entry {
            id: "perfetto",
            summary: "traces as Chrome trace event JSON, for ui.perfetto.dev and chrome://tracing (written only)",
            documentation: include_str!("docs/perfetto.md"),
            example: "causet convert traces.jsonl --to perfetto=trace.json",
        }
    }

    fn recognises(&self, _head: &[u8]) -> bool {
        false
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        super::refuse("perfetto", source, into)
    }

    fn writes(&self) -> Writes {
        Writes::Picture
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        let origin = spans.iter().map(SpanRef::start).filter(|&start| start > 0).min().unwrap_or(0);
        let layout = Layout::new(spans);
        let mut writer = Writer { to, store: spans, layout: &layout, origin, first: true };
        write!(
            writer.to,
            "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"start_unix_ns\":\"{origin}\"}},\"traceEvents\":["
        )?;
        writer.names()?;
        for span in spans.iter() {
            writer.span(span)?;
        }
        writer.flows()?;
        writer.to.write_all(b"\n]}\n")
    }
}

/// Which track each span is on.
struct Layout {
    /// By resource: its process, from 1.
    process: Vec<u32>,
    names: Vec<String>,
    /// By span: its track in its process, from 1.
    track: Vec<u32>,
    /// By process: how many tracks.
    tracks: Vec<u32>,
}

/// The tracks of one process.
#[derive(Default)]
struct Tracks {
    /// By track: when the spans that are open on it end, outermost first.
    open: Vec<Vec<u64>>,
    /// Tracks by when they are free.
    free: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Tracks {
    /// Whether a span fits inside what is open on a track.
    fn fits(&mut self, track: u32, start: u64, end: u64) -> bool {
        let open = &mut self.open[track as usize];
        while open.last().is_some_and(|last| *last <= start) {
            open.pop();
        }
        open.last().is_some_and(|last| end <= *last)
    }

    /// A track that is free, or a new one.
    fn take(&mut self, start: u64, end: u64) -> u32 {
        let track = match self.free.peek() {
            Some(&Reverse((free, track))) if free <= start => {
                self.free.pop();
                self.open[track as usize].clear();
                track
            }
            _ => {
                self.open.push(Vec::new());
                self.open.len() as u32 - 1
            }
        };
        self.free.push(Reverse((end.max(start.saturating_add(1)), track)));
        track
    }
}

impl Layout {
    /// O(n log n).
    fn new(store: &SpanStore) -> Self {
        let mut numbers: HashMap<(Sym, Sym), u32> = HashMap::new();
        let mut names = Vec::new();
        let mut number = |resource: &crate::store::Resource| {
            *numbers.entry((resource.service, resource.instance)).or_insert_with(|| {
                let (service, instance) = (store.text(resource.service), store.text(resource.instance));
                names.push(if instance.is_empty() { service.to_owned() } else { format!("{service} {instance}") });
                names.len() as u32
            })
        };
        let process: Vec<u32> = store.resources().iter().map(&mut number).collect();
        let by_id = by_id(store);
        let mut order: Vec<u32> = (0..store.len() as u32).collect();
        let times = |span: u32| {
            let span = store.span(span as usize);
            (span.start(), Reverse(span.duration()))
        };
        order.sort_by_key(|&span| (times(span), span));
        let mut tracks: Vec<Tracks> = Vec::new();
        tracks.resize_with(names.len() + 1, Tracks::default);
        let mut track = vec![0; store.len()];
        for at in order {
            let span = store.span(at as usize);
            let (start, end) = (span.start(), span.start() + span.duration());
            let own = process[span.resource_id().index()];
            let parent = by_id.get(&(span.trace_id(), span.parent())).map(|&parent| parent as usize);
            let beside = parent.filter(|&parent| process[store.span(parent).resource_id().index()] == own);
            let tracks = &mut tracks[own as usize];
            // A parent that comes later has no track yet.
            let below = beside.map(|parent| track[parent]).filter(|track| *track > 0).map(|track| track - 1);
            let chosen = match below {
                Some(below) if tracks.fits(below, start, end) => below,
                _ => tracks.take(start, end),
            };
            tracks.open[chosen as usize].push(end);
            track[at as usize] = chosen + 1;
        }
        Self { process, names, track, tracks: tracks.iter().map(|tracks| tracks.open.len() as u32).collect() }
    }

    fn place(&self, span: SpanRef<'_>) -> (u32, u32) {
        (self.process[span.resource_id().index()], self.track[span.index()])
    }
}

fn by_id(store: &SpanStore) -> HashMap<(u128, u64), u32> {
    let mut by_id = HashMap::with_capacity(store.len());
    for span in store.iter() {
        by_id.entry((span.trace_id(), span.id())).or_insert(span.index() as u32);
    }
    by_id
}

struct Writer<'a> {
    to: &'a mut (dyn Write + Send),
    store: &'a SpanStore,
    layout: &'a Layout,
    origin: u64,
    first: bool,
}

impl Writer<'_> {
    fn event(&mut self, event: &impl Serialize) -> io::Result<()> {
        self.to.write_all(if std::mem::take(&mut self.first) { b"\n" } else { b",\n" })?;
        Ok(serde_json::to_writer(&mut *self.to, event)?)
    }

    /// The names of processes and tracks.
    fn names(&mut self) -> io::Result<()> {
        for (at, name) in self.layout.names.iter().enumerate() {
            let pid = at + 1;
            if self.layout.tracks[pid] == 0 {
                continue;
            }
            self.event(&json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}))?;
            for tid in 1..=self.layout.tracks[pid] {
                let args = json!({"name": format!("{name} {tid}")});
                self.event(&json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": args}))?;
            }
        }
        Ok(())
    }

    /// Microseconds from the first start. Exact to the nanosecond for a hundred days.
    fn micros(&self, time: u64) -> f64 {
        micros(time.saturating_sub(self.origin))
    }

    fn span(&mut self, span: SpanRef<'_>) -> io::Result<()> {
        let (pid, tid) = self.layout.place(span);
        let args = Arguments { store: self.store, span };
        let event = Slice {
            ph: "X",
            name: span.name_text(),
            cat: span.service_text(),
            pid,
            tid,
            ts: self.micros(span.start()),
            dur: micros(span.duration()),
            args,
        };
        self.event(&event)?;
        for recorded in span.events() {
            let args = Pairs(self.store, recorded.attributes);
            let name = self.store.text(recorded.name);
            let event = Instant { ph: "i", s: "t", name, pid, tid, ts: self.micros(recorded.time), args };
            self.event(&event)?;
        }
        Ok(())
    }

    /// Arrows from parents to children on other tracks, and from linked spans. Their ids are numbers.
    fn flows(&mut self) -> io::Result<()> {
        let (store, layout) = (self.store, self.layout);
        let by_id = by_id(store);
        let mut id = 0u64;
        for span in store.iter() {
            let parent = by_id.get(&(span.trace_id(), span.parent())).map(|parent| (*parent, "parent"));
            let parent = parent.filter(|(parent, _)| layout.place(store.span(*parent as usize)) != layout.place(span));
            let links = span.links().filter_map(|link| Some((*by_id.get(&(link.trace_id, link.span_id))?, "link")));
            for (from, name) in parent.into_iter().chain(links).filter(|(from, _)| *from as usize != span.index()) {
                id += 1;
                let from = store.span(from as usize);
                // An arrow begins inside its slice.
                let end = from.start() + from.duration();
                let leaves = span.start().clamp(from.start(), end.saturating_sub(1).max(from.start()));
                let mut arrow = |ph: &str, at: SpanRef<'_>, time: u64| -> io::Result<()> {
                    let (pid, tid) = layout.place(at);
                    let ts = self.micros(time);
                    let mut event =
                        json!({"ph": ph, "name": name, "cat": name, "id": id, "pid": pid, "tid": tid, "ts": ts});
                    if ph == "f" {
                        event["bp"] = Value::from("e");
                    }
                    self.event(&event)
                };
                arrow("s", from, leaves)?;
                arrow("f", span, span.start())?;
            }
        }
        Ok(())
    }
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

#[derive(serde::Serialize)]
struct Slice<'a> {
    ph: &'static str,
    name: &'a str,
    cat: &'a str,
    pid: u32,
    tid: u32,
    ts: f64,
    dur: f64,
    args: Arguments<'a>,
}

#[derive(serde::Serialize)]
struct Instant<'a> {
    ph: &'static str,
    s: &'static str,
    name: &'a str,
    pid: u32,
    tid: u32,
    ts: f64,
    args: Pairs<'a>,
}

/// What is said of a span beside its time.
struct Arguments<'a> {
    store: &'a SpanStore,
    span: SpanRef<'a>,
}

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { store, span } = *self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("trace_id", &trace_hex(span.trace_id()))?;
        map.serialize_entry("span_id", &span_hex(span.id()))?;
        if span.parent() != 0 {
            map.serialize_entry("parent_id", &span_hex(span.parent()))?;
        }
        if span.end() == 0 {
            map.serialize_entry("unended", &true)?;
        }
        if span.status() == StatusCode::Error {
            map.serialize_entry("error", store.text(span.status_message()))?;
        }
        if !span.attributes().is_empty() {
            map.serialize_entry("attributes", &Pairs(store, span.attributes()))?;
        }
        map.end()
    }
}

/// Attributes as a plain object.
struct Pairs<'a>(&'a SpanStore, Rows);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, rows) = *self;
        to.collect_map(store.attributes().pairs(rows).map(|(key, value)| (store.text(key), Plain(store, value))))
    }
}
