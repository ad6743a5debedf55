//! From OTLP/JSON documents to the store, span by span.
//!
//! The outer levels are decoded element by element into a [`Sink`], so that a document of any size is
//! streamed and what came before damage stays; a span is decoded whole and then taken or refused.

use super::Reading;
use super::json::{AnyValue, Anything, Decode, FieldName, FromName, KeyValue, List, Scalar, Seed, Text, message};
use crate::store::{Any, NewEvent, NewLink, NewResource, NewScope, NewSpan, Pair, ResourceId, Rows, ScopeId};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Where the decoder is: in which document, and where in it.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    line: u64,
    indices: [usize; 3],
    /// In a table, where spans are rows.
    row: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            return write!(f, "row {row}");
        }
        let [resource, scope, span] = self.indices;
        write!(f, "line {}, byte {}, ", self.line, self.offset)?;
        write!(f, "resourceSpans[{resource}].scopeSpans[{scope}].spans[{span}]")
    }
}

/// Where decoded messages go: the reading, with the place to name when something is skipped.
pub(super) struct Sink<'a> {
    into: &'a mut Reading,
    place: Place,
}

/// A list whose elements are decoded one by one into the sink.
struct Each<'s, 'a, L> {
    sink: &'s mut Sink<'a>,
    level: PhantomData<L>,
}

/// What the elements of such a list are.
trait Level {
    /// Which of the place's indices counts them.
    const INDEX: Option<usize>;
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error>;
}

fn each<'s, 'a, L: Level>(sink: &'s mut Sink<'a>) -> Each<'s, 'a, L> {
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

struct DocumentLevel;
impl Level for DocumentLevel {
    const INDEX: Option<usize> = None;
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        Document(sink).deserialize(input)
    }
}

/// A document: an object with `resourceSpans`, or a list of such objects.
pub(super) struct Document<'s, 'a>(pub(super) &'s mut Sink<'a>);

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
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        each::<DocumentLevel>(self.0).visit_seq(items)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Sink { into: _, place } = *self.0;
        let (mut known, mut unknown) = (false, false);
        while let Some(field) = map.next_key_seed(FieldName(PhantomData::<DocumentField>))? {
            match field {
                DocumentField::Spans => map.next_value_seed(each::<ResourceSpans>(self.0))?,
                DocumentField::Logs => {
                    let logs: List<ResourceLogs<'de>> = map.next_value_seed(Seed::at(0))?;
                    let records = logs.0.iter().flat_map(|resource| &resource.scopes.0);
                    self.0.into.ignored.logs += records.map(|scope| scope.records.0.len() as u64).sum::<u64>();
                }
                DocumentField::Metrics => {
                    let metrics: List<ResourceMetrics<'de>> = map.next_value_seed(Seed::at(0))?;
                    let scopes = metrics.0.iter().flat_map(|resource| &resource.scopes.0);
                    self.0.into.ignored.metrics += scopes.map(|scope| scope.metrics.0.len() as u64).sum::<u64>();
                }
                DocumentField::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    unknown = true;
                    continue;
                }
            }
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
                    match field {
                        ResourceField::Resource => self.seen.0 = map.next_value_seed(Seed::at(0))?,
                        ResourceField::Scopes => map.next_value_seed(each::<ScopeSpans>(self.sink))?,
                        ResourceField::SchemaUrl => self.seen.1 = map.next_value_seed(Seed::at(0))?,
                        ResourceField::Unknown => drop(map.next_value::<IgnoredAny>()?),
                    }
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
                    match field {
                        ScopeField::Scope => self.seen.0 = map.next_value_seed(Seed::at(0))?,
                        ScopeField::Spans => map.next_value_seed(each::<Span>(self.sink))?,
                        ScopeField::SchemaUrl => self.seen.1 = map.next_value_seed(Seed::at(0))?,
                        ScopeField::Unknown => drop(map.next_value::<IgnoredAny>()?),
                    }
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
        let span = SpanFields::decode(input, 0)?;
        if let Err(reason) = sink.span(&span) {
            sink.skip(format!("span skipped: {reason}"));
        }
        Ok(())
    }
}

// ---- into the store --------------------------------------------------------------------------------------------

const KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

impl<'a> Sink<'a> {
    /// For a document that begins here.
    pub(super) fn of_document(into: &'a mut Reading, offset: u64, line: u64) -> Self {
        Self { into, place: Place { offset, line, indices: [0; 3], row: None } }
    }

    /// For a span that is a row of a table.
    pub(super) fn of_row(into: &'a mut Reading, row: u64) -> Self {
        Self { into, place: Place { offset: 0, line: 0, indices: [0; 3], row: Some(row) } }
    }

    fn skip(&mut self, reason: String) {
        self.into.skipped.push(self.place.to_string(), reason);
    }

    /// Interns a text. One that is not UTF-8 (cut inside a character, say) is kept as far as it is, and reported.
    fn text(&mut self, text: &Text<'_>) -> crate::store::Sym {
        match std::str::from_utf8(&text.0) {
            Ok(text) => self.into.spans.string(text),
            Err(_) => {
                self.skip("text that is not UTF-8, kept with replacement characters".to_owned());
                self.into.spans.string(&text.as_str())
            }
        }
    }

    pub(super) fn resource(&mut self, fields: &ResourceFields<'_>, schema_url: &Text<'_>) -> ResourceId {
        let dropped_attributes = self.count(&fields.dropped_attributes);
        let attributes = self.attributes(&fields.attributes.0);
        let schema_url = self.text(schema_url);
        let entities: Vec<Pair> = fields
            .entities
            .0
            .iter()
            .map(|entity| {
                let keys = |sink: &mut Self, keys: &List<Text<'_>>| {
                    let items: Vec<Pair> =
                        keys.0.iter().map(|key| (Default::default(), Any::Str(sink.text(key)))).collect();
                    Any::List(sink.into.spans.rows(&items))
                };
                let pairs = [
                    ("schemaUrl", Any::Str(self.text(&entity.schema_url))),
                    ("type", Any::Str(self.text(&entity.kind))),
                    ("idKeys", keys(self, &entity.id_keys)),
                    ("descriptionKeys", keys(self, &entity.description_keys)),
                ];
                let pairs = pairs.map(|(name, value)| (self.into.spans.string(name), value));
                (Default::default(), Any::Map(self.into.spans.rows(&pairs)))
            })
            .collect();
        let entities = self.into.spans.rows(&entities);
        self.into.spans.resource(NewResource { attributes, dropped_attributes, schema_url, entities })
    }

    pub(super) fn scope(&mut self, fields: &ScopeFields<'_>, schema_url: &Text<'_>) -> ScopeId {
        let new = NewScope {
            name: self.text(&fields.name),
            version: self.text(&fields.version),
            attributes: self.attributes(&fields.attributes.0),
            dropped_attributes: self.count(&fields.dropped_attributes),
            schema_url: self.text(schema_url),
        };
        self.into.spans.scope(new)
    }

    pub(super) fn span(&mut self, span: &SpanFields<'_>) -> Result<(), String> {
        // Everything that can refuse the span comes before anything that is stored.
        let mut new = NewSpan {
            trace_id: trace_id("traceId", &span.trace_id)?,
            id: span_id("spanId", &span.span_id)?,
            parent: if is_none(&span.parent) { 0 } else { span_id("parentSpanId", &span.parent)? },
            start: span.start.unsigned().map_err(|reason| format!("startTimeUnixNano: {reason}"))?,
            end: span.end.unsigned().map_err(|reason| format!("endTimeUnixNano: {reason}"))?,
            kind: span.kind.enumeration(KINDS).map_err(|reason| format!("kind: {reason}"))?,
            status_code: span
                .status
                .code
                .enumeration(STATUS_CODES)
                .map_err(|reason| format!("status.code: {reason}"))?,
            ..NewSpan::default()
        };
        new.flags = self.count(&span.flags);
        new.dropped = [&span.dropped_attributes, &span.dropped_events, &span.dropped_links].map(|n| self.count(n));
        new.name = self.text(&span.name);
        new.trace_state = self.text(&span.trace_state);
        new.status_message = self.text(&span.status.message);
        new.attributes = self.attributes(&span.attributes.0);
        for event in &span.events.0 {
            self.event(event);
        }
        for link in &span.links.0 {
            self.link(link);
        }
        self.into.spans.span(new);
        Ok(())
    }

    fn event(&mut self, event: &EventFields<'_>) {
        let time = event.time.unsigned().unwrap_or_else(|reason| {
            self.skip(format!("an event's time, kept as 0: {reason}"));
            0
        });
        let event = NewEvent {
            time,
            name: self.text(&event.name),
            attributes: self.attributes(&event.attributes.0),
            dropped_attributes: self.count(&event.dropped_attributes),
        };
        self.into.spans.event(event);
    }

    fn link(&mut self, link: &LinkFields<'_>) {
        let ids = trace_id("traceId", &link.trace_id).and_then(|t| Ok((t, span_id("spanId", &link.span_id)?)));
        let (trace_id, span_id) = match ids {
            Ok(ids) => ids,
            Err(reason) => return self.skip(format!("link skipped: {reason}")),
        };
        let link = NewLink {
            trace_id,
            span_id,
            trace_state: self.text(&link.trace_state),
            attributes: self.attributes(&link.attributes.0),
            dropped_attributes: self.count(&link.dropped_attributes),
            flags: self.count(&link.flags),
        };
        self.into.spans.link(link);
    }

    /// A count or flags that informs only: a bad one is reported and is 0.
    fn count(&mut self, count: &Scalar<'_>) -> u32 {
        count.unsigned_32().unwrap_or_else(|reason| {
            self.skip(format!("a count or flags, kept as 0: {reason}"));
            0
        })
    }

    fn attributes(&mut self, pairs: &[KeyValue<'_>]) -> Rows {
        let pairs: Vec<Pair> = pairs
            .iter()
            .map(|pair| {
                let key = self.text(&pair.key);
                (key, self.value(&pair.key, &pair.value))
            })
            .collect();
        self.into.spans.rows(&pairs)
    }

    /// Stores a value; its depth was bounded when it was decoded. A value that is none is reported
    /// and stays empty.
    fn value(&mut self, key: &Text<'_>, value: &AnyValue<'_>) -> Any {
        let value = match value {
            AnyValue::Empty => Ok(Any::Empty),
            AnyValue::Str(text) => Ok(Any::Str(self.text(text))),
            AnyValue::Bool(scalar) => scalar.boolean().map(Any::Bool),
            AnyValue::Int(scalar) => scalar.signed().map(Any::Int),
            AnyValue::Double(scalar) => scalar.double().map(Any::Double),
            AnyValue::Bytes(text) => base64(&text.0).map(|bytes| self.into.spans.bytes(&bytes)),
            AnyValue::List(items) => {
                let items: Vec<Pair> = items.iter().map(|item| (Default::default(), self.value(key, item))).collect();
                Ok(Any::List(self.into.spans.rows(&items)))
            }
            AnyValue::Map(pairs) => Ok(Any::Map(self.attributes(pairs))),
            AnyValue::TooDeep => Err(format!("nested deeper than {} levels", super::json::MAX_DEPTH)),
        };
        value.unwrap_or_else(|reason| {
            self.skip(format!("attribute `{}`, kept without its value: {reason}", key.as_str()));
            Any::Empty
        })
    }
}

fn is_none(id: &Text<'_>) -> bool {
    id.0.iter().all(|&byte| byte == b'0')
}

fn trace_id(name: &str, text: &Text<'_>) -> Result<u128, String> {
    id_bytes::<16>(name, text).map(u128::from_be_bytes)
}

fn span_id(name: &str, text: &Text<'_>) -> Result<u64, String> {
    id_bytes::<8>(name, text).map(u64::from_be_bytes)
}

/// An id: hexadecimal as OTLP wants it, or base64 as plain ProtoJSON writers give it.
fn id_bytes<const N: usize>(name: &str, text: &Text<'_>) -> Result<[u8; N], String> {
    let mut id = [0; N];
    if hex::decode_to_slice(&text.0, &mut id).is_err() {
        let wrong = || {
            let shown: String = text.as_str().chars().take(40).collect();
            format!("{name} is {shown:?}, expected {} hexadecimal digits", N * 2)
        };
        if text.is_empty() {
            return Err(format!("no {name}"));
        }
        let bytes = base64(&text.0).map_err(|_| wrong())?;
        id = bytes.try_into().map_err(|_| wrong())?;
    }
    if id == [0; N] { Err(format!("{name} is all zeroes, which is invalid")) } else { Ok(id) }
}

/// Both alphabets, padding optional.
fn base64(text: &[u8]) -> Result<Vec<u8>, String> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    use base64::{Engine, alphabet};
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let standard: Vec<u8> = text
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    STANDARD.decode(standard).map_err(|error| format!("not base64: {error}"))
}
