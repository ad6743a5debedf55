//! The columns, and how to read them.

use super::attributes::{Any, Attributes, Rows};
use super::strings::{Strings, Sym};
use crate::trace_context::{Level, Malformed, TraceState};

/// A span's 64-bit id; 0 is "none".
pub type SpanId = u64;

/// A resource: what a span was recorded on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    pub attributes: Rows,
    pub dropped_attributes: u32,
    pub schema_url: Sym,
    /// OTLP's entity references, as a list of maps.
    pub entities: Rows,
    /// `service.name`; empty if it has none.
    pub service: Sym,
    /// What tells one running process of the service from another: `service.instance.id`, else
    /// `k8s.pod.name`, else `host.name` with `process.pid`; empty if nothing does.
    pub instance: Sym,
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    pub name: Sym,
    pub version: Sym,
    pub attributes: Rows,
    pub dropped_attributes: u32,
    pub schema_url: Sym,
}

/// Names a [`Resource`] of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(pub(super) u32);

/// Names a [`Scope`] of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub(super) u32);

impl ResourceId {
    /// Its number: dense from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ScopeId {
    /// Its number: dense from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A span's role. Numbers that OTLP does not define are kept in the store and read as `Unspecified`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

impl Kind {
    /// The word for it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// A span's status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusCode {
    Unset,
    Ok,
    Error,
}

/// Spans, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct SpanStore {
    pub(super) strings: Strings,
    pub(super) attributes: Attributes,
    pub(super) resources: Vec<Resource>,
    pub(super) scopes: Vec<Scope>,
    pub(super) traces: Vec<u128>,
    pub(super) spans: SpanColumns,
    pub(super) events: EventColumns,
    pub(super) links: LinkColumns,
}

#[derive(Clone, Debug, Default)]
pub(super) struct SpanColumns {
    pub(super) trace: Vec<u32>,
    pub(super) id: Vec<SpanId>,
    pub(super) parent: Vec<SpanId>,
    pub(super) trace_state: Vec<Sym>,
    pub(super) flags: Vec<u32>,
    pub(super) name: Vec<Sym>,
    pub(super) kind: Vec<i32>,
    pub(super) start: Vec<u64>,
    pub(super) end: Vec<u64>,
    pub(super) attributes: Vec<Rows>,
    pub(super) status_code: Vec<i32>,
    pub(super) status_message: Vec<Sym>,
    pub(super) resource: Vec<u32>,
    pub(super) scope: Vec<u32>,
    /// Where a span's events and links end; they start where those of the span before end.
    pub(super) events_end: Vec<u32>,
    pub(super) links_end: Vec<u32>,
    /// Dropped attributes, events, links: only of the spans that have any, by span.
    pub(super) dropped: Vec<(u32, [u32; 3])>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct EventColumns {
    pub(super) time: Vec<u64>,
    pub(super) name: Vec<Sym>,
    pub(super) attributes: Vec<Rows>,
    pub(super) dropped_attributes: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LinkColumns {
    pub(super) trace_id: Vec<u128>,
    pub(super) span_id: Vec<SpanId>,
    pub(super) trace_state: Vec<Sym>,
    pub(super) attributes: Vec<Rows>,
    pub(super) dropped_attributes: Vec<u32>,
    pub(super) flags: Vec<u32>,
}

/// An event of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    pub time: u64,
    pub name: Sym,
    pub attributes: Rows,
    pub dropped_attributes: u32,
}

/// A link of a span to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    pub trace_id: u128,
    pub span_id: SpanId,
    pub trace_state: Sym,
    pub attributes: Rows,
    pub dropped_attributes: u32,
    pub flags: u32,
}

impl SpanStore {
    /// How many spans.
    pub fn len(&self) -> usize {
        self.spans.id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.id.is_empty()
    }

    /// One span, by its position.
    pub fn span(&self, index: usize) -> SpanRef<'_> {
        debug_assert!(index < self.len());
        SpanRef { store: self, index }
    }

    /// All spans, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SpanRef<'_>> {
        (0..self.len()).map(|index| SpanRef { store: self, index })
    }

    /// All strings.
    pub fn strings(&self) -> &Strings {
        &self.strings
    }

    /// The text of a symbol.
    pub fn text(&self, sym: Sym) -> &str {
        self.strings.get(sym)
    }

    /// The `tracestate` of a span or a link, read by Level 2 of W3C Trace Context.
    ///
    /// # Errors
    /// Why whoever propagates it has to drop it.
    pub fn read_trace_state(&self, state: Sym) -> Result<TraceState, Malformed> {
        TraceState::parse([self.text(state)], Level::Two)
    }

    /// All attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Distinct trace ids, in order of first appearance; [`SpanRef::trace`] indexes them.
    pub fn traces(&self) -> &[u128] {
        &self.traces
    }

    /// Distinct resources, in order of first appearance.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Distinct scopes, in order of first appearance.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// By trace: the earliest recorded start of its spans, if any is. O(spans).
    pub fn trace_starts(&self) -> Vec<Option<u64>> {
        let mut starts: Vec<Option<u64>> = vec![None; self.traces.len()];
        for span in self.iter().filter(|span| span.start() > 0) {
            let start = &mut starts[span.trace()];
            *start = Some(start.map_or(span.start(), |known| known.min(span.start())));
        }
        starts
    }

    /// Spans by trace: `result[t]` are the positions of the spans of trace `t`, ascending. O(spans).
    pub fn spans_by_trace(&self) -> Vec<Vec<u32>> {
        let mut by_trace = vec![Vec::new(); self.traces.len()];
        for (span, &trace) in self.spans.trace.iter().enumerate() {
            by_trace[trace as usize].push(span as u32);
        }
        by_trace
    }
}

/// A view of one span.
#[derive(Clone, Copy, Debug)]
pub struct SpanRef<'a> {
    store: &'a SpanStore,
    index: usize,
}

impl<'a> SpanRef<'a> {
    /// Its position in the store.
    pub fn index(self) -> usize {
        self.index
    }

    /// Index of its trace in [`SpanStore::traces`].
    pub fn trace(self) -> usize {
        self.store.spans.trace[self.index] as usize
    }

    /// Its trace id.
    pub fn trace_id(self) -> u128 {
        self.store.traces[self.trace()]
    }

    /// Its span id.
    pub fn id(self) -> SpanId {
        self.store.spans.id[self.index]
    }

    /// Its parent's span id, or 0.
    pub fn parent(self) -> SpanId {
        self.store.spans.parent[self.index]
    }

    /// W3C trace state, as recorded; [`SpanStore::read_trace_state`] reads it.
    pub fn trace_state(self) -> Sym {
        self.store.spans.trace_state[self.index]
    }

    /// W3C trace flags and OTLP's is-remote bits.
    pub fn flags(self) -> u32 {
        self.store.spans.flags[self.index]
    }

    /// Its name.
    pub fn name(self) -> Sym {
        self.store.spans.name[self.index]
    }

    /// Its name's text.
    pub fn name_text(self) -> &'a str {
        self.store.text(self.name())
    }

    /// Its role.
    pub fn kind(self) -> Kind {
        match self.kind_number() {
            1 => Kind::Internal,
            2 => Kind::Server,
            3 => Kind::Client,
            4 => Kind::Producer,
            5 => Kind::Consumer,
            _ => Kind::Unspecified,
        }
    }

    /// Its role as recorded.
    pub fn kind_number(self) -> i32 {
        self.store.spans.kind[self.index]
    }

    /// Start, in nanoseconds since the Unix epoch.
    pub fn start(self) -> u64 {
        self.store.spans.start[self.index]
    }

    /// End, in nanoseconds since the Unix epoch; 0 if it never ended.
    pub fn end(self) -> u64 {
        self.store.spans.end[self.index]
    }

    /// Duration in nanoseconds: 0 where start or end is missing, or the end is before the start.
    pub fn duration(self) -> u64 {
        if self.start() == 0 { 0 } else { self.end().saturating_sub(self.start()) }
    }

    /// Its attributes' rows in [`SpanStore::attributes`].
    pub fn attributes(self) -> Rows {
        self.store.spans.attributes[self.index]
    }

    /// The value of one of its attributes.
    pub fn attribute(self, key: Sym) -> Option<Any> {
        self.store.attributes.find(self.attributes(), key)
    }

    /// Its status.
    pub fn status(self) -> StatusCode {
        match self.status_number() {
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            _ => StatusCode::Unset,
        }
    }

    /// Its status as recorded.
    pub fn status_number(self) -> i32 {
        self.store.spans.status_code[self.index]
    }

    /// Its status message.
    pub fn status_message(self) -> Sym {
        self.store.spans.status_message[self.index]
    }

    /// The name of its resource.
    pub fn resource_id(self) -> ResourceId {
        ResourceId(self.store.spans.resource[self.index])
    }

    /// Its resource.
    pub fn resource(self) -> &'a Resource {
        &self.store.resources[self.resource_id().index()]
    }

    /// The name of its scope.
    pub fn scope_id(self) -> ScopeId {
        ScopeId(self.store.spans.scope[self.index])
    }

    /// Its scope.
    pub fn scope(self) -> &'a Scope {
        &self.store.scopes[self.scope_id().index()]
    }

    /// `service.name`.
    pub fn service(self) -> Sym {
        self.resource().service
    }

    /// `service.name`'s text.
    pub fn service_text(self) -> &'a str {
        self.store.text(self.service())
    }

    /// Dropped attributes, events and links, as the exporter counted them.
    pub fn dropped(self) -> [u32; 3] {
        let dropped = &self.store.spans.dropped;
        match dropped.binary_search_by_key(&(self.index as u32), |(span, _)| *span) {
            Ok(at) => dropped[at].1,
            Err(_) => [0; 3],
        }
    }

    /// Its events, as recorded.
    pub fn events(self) -> impl ExactSizeIterator<Item = Event> + 'a {
        let columns = &self.store.events;
        run(&self.store.spans.events_end, self.index).map(|at| Event {
            time: columns.time[at],
            name: columns.name[at],
            attributes: columns.attributes[at],
            dropped_attributes: columns.dropped_attributes[at],
        })
    }

    /// Its links, as recorded.
    pub fn links(self) -> impl ExactSizeIterator<Item = Link> + 'a {
        let columns = &self.store.links;
        run(&self.store.spans.links_end, self.index).map(|at| Link {
            trace_id: columns.trace_id[at],
            span_id: columns.span_id[at],
            trace_state: columns.trace_state[at],
            attributes: columns.attributes[at],
            dropped_attributes: columns.dropped_attributes[at],
            flags: columns.flags[at],
        })
    }
}

fn run(ends: &[u32], index: usize) -> std::ops::Range<usize> {
    let start = if index == 0 { 0 } else { ends[index - 1] };
    start as usize..ends[index] as usize
}
