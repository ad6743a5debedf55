//! From OTLP/JSON documents to the store, span by span.
//!
//! The outer levels are decoded element by element into a [`Sink`], so that a document of any size is
//! streamed and what came before damage stays; a span is decoded whole and then taken or refused.

use super::Reading;
use super::json::{Anything, At, Decode, FieldName, FromName, KeyValue, List, Scalar, Seed, Text, message};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// Where the decoder is: in which document, and where in it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) indices: [usize; 3],
    /// What the indices count, outermost first.
    pub(super) lists: &'static [&'static str],
    /// In a table, where spans are rows.
    pub(super) row: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            return write!(f, "row {row}");
        }
        write!(f, "line {}, byte {}", self.line, self.offset)?;
        for (at, (list, index)) in self.lists.iter().zip(self.indices).enumerate() {
            write!(f, "{}{list}[{index}]", if at == 0 { ", " } else { "." })?;
        }
        Ok(())
    }
}

/// The lists of an OTLP document.
pub(super) const OTLP_LISTS: &[&str] = &["resourceSpans", "scopeSpans", "spans"];

/// Where decoded messages go: the reading, with the place to name when something is skipped.
pub(super) struct Sink<'a> {
    pub(super) into: &'a mut Reading,
    pub(super) place: Place,
}

/// A list whose elements are decoded one by one into the sink.
pub(super) struct Each<'s, 'a, L> {
    sink: &'s mut Sink<'a>,
    level: PhantomData<L>,
}

/// What the elements of such a list are.
pub(super) trait Level {
    /// Which of the place's indices counts them.
    const INDEX: Option<usize>;
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error>;
}

/// To decode a list into `sink`.
pub(super) fn each<'s, 'a, L: Level>(sink: &'s mut Sink<'a>) -> Each<'s, 'a, L> {
    Each { sink, level: PhantomData }
}

impl<'de, L: Level> DeserializeSeed<'de> for Each<'_, '_, L> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de, L: Level> Visitor<'de> for Each<'_, '_, L> {
    type Value = ();
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.sink.skip("an object where a list was expected".to_owned());
        Ok(())
    }
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        struct Item<'s, 'a, L>(&'s mut Sink<'a>, PhantomData<L>);
        impl<'de, L: Level> DeserializeSeed<'de> for Item<'_, '_, L> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
                L::decode(self.0, input)
            }
        }
        let mut count = 0;
        loop {
            if let Some(index) = L::INDEX {
                self.sink.place.indices[index] = count;
            }
            if items.next_element_seed(Item::<L>(self.sink, PhantomData))?.is_none() {
                return Ok(());
            }
            count += 1;
        }
    }
}

/// A document by itself.
pub(super) struct DocumentLevel;
impl Level for DocumentLevel {
    const INDEX: Option<usize> = None;
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        Document(sink, false).deserialize(input)
    }
}

struct ListedDocument;
impl Level for ListedDocument {
    const INDEX: Option<usize> = None;
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        Document(sink, true).deserialize(input)
    }
}

/// A document: an object with `resourceSpans`, or a list of such objects; the flag is whether it is in a list.
pub(super) struct Document<'s, 'a>(&'s mut Sink<'a>, bool);

impl<'s, 'a> Document<'s, 'a> {
    /// To be decoded into `sink`.
    pub(super) fn new(sink: &'s mut Sink<'a>) -> Self {
        Self(sink, false)
    }
}

enum DocumentField {
    Spans,
    Logs,
    Metrics,
    Unknown,
}

impl FromName for DocumentField {
    fn from_name(name: &str) -> Self {
        match name {
            "resourceSpans" | "resource_spans" => Self::Spans,
            "resourceLogs" | "resource_logs" => Self::Logs,
            "resourceMetrics" | "resource_metrics" => Self::Metrics,
            _ => Self::Unknown,
        }
    }
}

message! {
    ScopeLogs { records: List<Anything> = "logRecords" | "log_records", }
    ResourceLogs { scopes: List<ScopeLogs<'de>> = "scopeLogs" | "scope_logs" | "instrumentationLibraryLogs", }
    ScopeMetrics { metrics: List<Anything> = "metrics", }
    ResourceMetrics { scopes: List<ScopeMetrics<'de>> = "scopeMetrics" | "scope_metrics" | "instrumentationLibraryMetrics", }
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OTLP document: an object with `resourceSpans`")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if !self.1 {
            return each::<ListedDocument>(self.0).visit_seq(items);
        }
        // A list in a list of documents: not OTLP, and nothing to recurse into.
        while items.next_element::<IgnoredAny>()?.is_some() {}
        let place = format!("line {}, byte {}", self.0.place.line, self.0.place.offset);
        self.0.into.skipped.push(place, "a list inside a list of documents");
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Sink { into: _, place } = *self.0;
        let (mut known, mut unknown) = (false, false);
        while let Some(field) = map.next_key_seed(FieldName(PhantomData::<DocumentField>))? {
            let fault = Cell::new(None);
            match field {
                DocumentField::Spans => map.next_value_seed(each::<ResourceSpans>(self.0))?,
                DocumentField::Logs => {
                    let logs: List<ResourceLogs<'de>> = map.next_value_seed(Seed::at(At::top(&fault)))?;
                    let records = logs.0.iter().flat_map(|resource| &resource.scopes.0);
                    self.0.into.ignored.logs += records.map(|scope| scope.records.0.len() as u64).sum::<u64>();
                }
                DocumentField::Metrics => {
                    let metrics: List<ResourceMetrics<'de>> = map.next_value_seed(Seed::at(At::top(&fault)))?;
                    let scopes = metrics.0.iter().flat_map(|resource| &resource.scopes.0);
                    self.0.into.ignored.metrics += scopes.map(|scope| scope.metrics.0.len() as u64).sum::<u64>();
                }
                DocumentField::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    unknown = true;
                    continue;
                }
            }
            self.0.tell(&fault);
            known = true;
        }
        if unknown && !known {
            let place = format!("line {}, byte {}", place.line, place.offset);
            self.0.into.skipped.push(place, "not an OTLP document: expected `resourceSpans`");
        }
        Ok(())
    }
}

message! {
    EntityRef {
        schema_url: Text<'de> = "schemaUrl" | "schema_url",
        kind: Text<'de> = "type",
        id_keys: List<Text<'de>> = "idKeys" | "id_keys",
        description_keys: List<Text<'de>> = "descriptionKeys" | "description_keys",
    }
    ResourceFields {
        attributes: List<KeyValue<'de>> = "attributes",
        dropped_attributes: Scalar<'de> = "droppedAttributesCount" | "dropped_attributes_count",
        entities: List<EntityRef<'de>> = "entityRefs" | "entity_refs",
    }
    ScopeFields {
        name: Text<'de> = "name",
        version: Text<'de> = "version",
        attributes: List<KeyValue<'de>> = "attributes",
        dropped_attributes: Scalar<'de> = "droppedAttributesCount" | "dropped_attributes_count",
    }
    EventFields {
        time: Scalar<'de> = "timeUnixNano" | "time_unix_nano",
        name: Text<'de> = "name",
        attributes: List<KeyValue<'de>> = "attributes",
        dropped_attributes: Scalar<'de> = "droppedAttributesCount" | "dropped_attributes_count",
    }
    LinkFields {
        trace_id: Text<'de> = "traceId" | "trace_id",
        span_id: Text<'de> = "spanId" | "span_id",
        trace_state: Text<'de> = "traceState" | "trace_state",
        attributes: List<KeyValue<'de>> = "attributes",
        dropped_attributes: Scalar<'de> = "droppedAttributesCount" | "dropped_attributes_count",
        flags: Scalar<'de> = "flags",
    }
    StatusFields { code: Scalar<'de> = "code", message: Text<'de> = "message", }
    SpanFields {
        trace_id: Text<'de> = "traceId" | "trace_id",
        span_id: Text<'de> = "spanId" | "span_id",
        trace_state: Text<'de> = "traceState" | "trace_state",
        parent: Text<'de> = "parentSpanId" | "parent_span_id",
        flags: Scalar<'de> = "flags",
        name: Text<'de> = "name",
        kind: Scalar<'de> = "kind",
        start: Scalar<'de> = "startTimeUnixNano" | "start_time_unix_nano",
        end: Scalar<'de> = "endTimeUnixNano" | "end_time_unix_nano",
        attributes: List<KeyValue<'de>> = "attributes",
        dropped_attributes: Scalar<'de> = "droppedAttributesCount" | "dropped_attributes_count",
        events: List<EventFields<'de>> = "events",
        dropped_events: Scalar<'de> = "droppedEventsCount" | "dropped_events_count",
        links: List<LinkFields<'de>> = "links",
        dropped_links: Scalar<'de> = "droppedLinksCount" | "dropped_links_count",
        status: StatusFields<'de> = "status",
    }
}

/// `ResourceSpans`: its spans get their resource when all of it was seen, since fields come in any order.
struct ResourceSpans;

enum ResourceField {
    Resource,
    Scopes,
    SchemaUrl,
    Unknown,
}

impl FromName for ResourceField {
    fn from_name(name: &str) -> Self {
        match name {
            "resource" => Self::Resource,
            "scopeSpans" | "scope_spans" | "instrumentationLibrarySpans" | "instrumentation_library_spans" => {
                Self::Scopes
            }
            "schemaUrl" | "schema_url" => Self::SchemaUrl,
            _ => Self::Unknown,
        }
    }
}

impl Level for ResourceSpans {
    const INDEX: Option<usize> = Some(0);
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        struct Fields<'s, 'a, 'de> {
            sink: &'s mut Sink<'a>,
            seen: &'s mut (ResourceFields<'de>, Text<'de>),
        }
        impl<'de> Visitor<'de> for Fields<'_, '_, 'de> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object (ResourceSpans)")
            }
            fn visit_unit<E>(self) -> Result<(), E> {
                Ok(())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(field) = map.next_key_seed(FieldName(PhantomData::<ResourceField>))? {
                    let fault = Cell::new(None);
                    match field {
                        ResourceField::Resource => self.seen.0 = map.next_value_seed(Seed::at(At::top(&fault)))?,
                        ResourceField::Scopes => map.next_value_seed(each::<ScopeSpans>(self.sink))?,
                        ResourceField::SchemaUrl => self.seen.1 = map.next_value_seed(Seed::at(At::top(&fault)))?,
                        ResourceField::Unknown => drop(map.next_value::<IgnoredAny>()?),
                    }
                    self.sink.tell(&fault);
                }
                Ok(())
            }
        }
        let first = sink.into.spans.len();
        let mut seen = Default::default();
        let result = input.deserialize_any(Fields { sink, seen: &mut seen });
        let resource = sink.resource(&seen.0, &seen.1);
        let spans = first..sink.into.spans.len();
        sink.into.spans.set_resource(spans, resource);
        result
    }
}

/// `ScopeSpans`, likewise.
struct ScopeSpans;

enum ScopeField {
    Scope,
    Spans,
    SchemaUrl,
    Unknown,
}

impl FromName for ScopeField {
    fn from_name(name: &str) -> Self {
        match name {
            "scope" | "instrumentationLibrary" | "instrumentation_library" => Self::Scope,
            "spans" => Self::Spans,
            "schemaUrl" | "schema_url" => Self::SchemaUrl,
            _ => Self::Unknown,
        }
    }
}

impl Level for ScopeSpans {
    const INDEX: Option<usize> = Some(1);
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        struct Fields<'s, 'a, 'de> {
            sink: &'s mut Sink<'a>,
            seen: &'s mut (ScopeFields<'de>, Text<'de>),
        }
        impl<'de> Visitor<'de> for Fields<'_, '_, 'de> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object (ScopeSpans)")
            }
            fn visit_unit<E>(self) -> Result<(), E> {
                Ok(())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(field) = map.next_key_seed(FieldName(PhantomData::<ScopeField>))? {
                    let fault = Cell::new(None);
                    match field {
                        ScopeField::Scope => self.seen.0 = map.next_value_seed(Seed::at(At::top(&fault)))?,
                        ScopeField::Spans => map.next_value_seed(each::<Span>(self.sink))?,
                        ScopeField::SchemaUrl => self.seen.1 = map.next_value_seed(Seed::at(At::top(&fault)))?,
                        ScopeField::Unknown => drop(map.next_value::<IgnoredAny>()?),
                    }
                    self.sink.tell(&fault);
                }
                Ok(())
            }
        }
        let first = sink.into.spans.len();
        let mut seen = Default::default();
        let result = input.deserialize_any(Fields { sink, seen: &mut seen });
        let scope = sink.scope(&seen.0, &seen.1);
        let spans = first..sink.into.spans.len();
        sink.into.spans.set_scope(spans, scope);
        result
    }
}

/// One span: taken if its ids and times are right, else skipped with the reason.
struct Span;

impl Level for Span {
    const INDEX: Option<usize> = Some(2);
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        let fault = Cell::new(None);
        let span = SpanFields::decode(input, At::top(&fault))?;
        sink.tell(&fault);
        if let Err(reason) = sink.span(&span) {
            sink.skip(format!("span skipped: {reason}"));
        }
        Ok(())
    }
}
