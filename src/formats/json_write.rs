//! Writing OTLP/JSON from the store, as the specification asks for it.
//!
//! One document per run of spans with the same resource, one document per line, so that the output
//! streams and any line stands alone. Default values are left out, as ProtoJSON writers do.

use crate::store::{Any, Event, Link, Resource, Rows, Scope, SpanRef, SpanStore, Sym};
use base64::Engine;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io::{self, Write};

/// At most so many spans are on one line.
const GROUP: usize = 10_000;

/// Writes all spans as JSON lines.
pub(super) fn write(store: &SpanStore, to: &mut dyn Write) -> io::Result<()> {
    let mut start = 0;
    while start < store.len() {
        let resource = store.span(start).resource_id();
        let limit = store.len().min(start + GROUP);
        let end = (start..limit).find(|&at| store.span(at).resource_id() != resource).unwrap_or(limit);
        serde_json::to_writer(&mut *to, &Document(store, start..end))?;
        to.write_all(b"\n")?;
        start = end;
    }
    Ok(())
}

type Spans = std::ops::Range<usize>;

struct Document<'a>(&'a SpanStore, Spans);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("resourceSpans", &[ResourceSpans(self.0, self.1.clone())])?;
        map.end()
    }
}

struct ResourceSpans<'a>(&'a SpanStore, Spans);

impl Serialize for ResourceSpans<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, spans) = self;
        let resource = store.span(spans.start).resource();
        let mut scopes = Vec::new();
        let mut start = spans.start;
        while start < spans.end {
            let scope = store.span(start).scope_id();
            let end = (start..spans.end).find(|&at| store.span(at).scope_id() != scope).unwrap_or(spans.end);
            scopes.push(ScopeSpans(store, start..end));
            start = end;
        }
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("resource", &ResourceJson(store, resource))?;
        map.serialize_entry("scopeSpans", &scopes)?;
        text(&mut map, store, "schemaUrl", resource.schema_url)?;
        map.end()
    }
}

struct ScopeSpans<'a>(&'a SpanStore, Spans);

impl Serialize for ScopeSpans<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, spans) = self;
        let scope = store.span(spans.start).scope();
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("scope", &ScopeJson(store, scope))?;
        let spans: Vec<_> = spans.clone().map(|at| SpanJson(store, store.span(at))).collect();
        map.serialize_entry("spans", &spans)?;
        text(&mut map, store, "schemaUrl", scope.schema_url)?;
        map.end()
    }
}

struct ResourceJson<'a>(&'a SpanStore, &'a Resource);

impl Serialize for ResourceJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, resource) = self;
        let mut map = to.serialize_map(None)?;
        attributes(&mut map, store, resource.attributes)?;
        count(&mut map, "droppedAttributesCount", resource.dropped_attributes)?;
        if !resource.entities.is_empty() {
            map.serialize_entry("entityRefs", &Plain(store, Any::List(resource.entities)))?;
        }
        map.end()
    }
}

struct ScopeJson<'a>(&'a SpanStore, &'a Scope);

impl Serialize for ScopeJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, scope) = self;
        let mut map = to.serialize_map(None)?;
        text(&mut map, store, "name", scope.name)?;
        text(&mut map, store, "version", scope.version)?;
        attributes(&mut map, store, scope.attributes)?;
        count(&mut map, "droppedAttributesCount", scope.dropped_attributes)?;
        map.end()
    }
}

struct SpanJson<'a>(&'a SpanStore, SpanRef<'a>);

impl Serialize for SpanJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, span) = *self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("traceId", &trace_hex(span.trace_id()))?;
        map.serialize_entry("spanId", &span_hex(span.id()))?;
        text(&mut map, store, "traceState", span.trace_state())?;
        if span.parent() != 0 {
            map.serialize_entry("parentSpanId", &span_hex(span.parent()))?;
        }
        count(&mut map, "flags", span.flags())?;
        text(&mut map, store, "name", span.name())?;
        if span.kind_number() != 0 {
            map.serialize_entry("kind", &span.kind_number())?;
        }
        map.serialize_entry("startTimeUnixNano", &span.start().to_string())?;
        map.serialize_entry("endTimeUnixNano", &span.end().to_string())?;
        attributes(&mut map, store, span.attributes())?;
        let [dropped_attributes, dropped_events, dropped_links] = span.dropped();
        count(&mut map, "droppedAttributesCount", dropped_attributes)?;
        if span.events().len() > 0 {
            map.serialize_entry("events", &Events(store, span))?;
        }
        count(&mut map, "droppedEventsCount", dropped_events)?;
        if span.links().len() > 0 {
            map.serialize_entry("links", &Links(store, span))?;
        }
        count(&mut map, "droppedLinksCount", dropped_links)?;
        map.serialize_entry("status", &StatusJson(store, span))?;
        map.end()
    }
}

struct StatusJson<'a>(&'a SpanStore, SpanRef<'a>);

impl Serialize for StatusJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        text(&mut map, self.0, "message", self.1.status_message())?;
        if self.1.status_number() != 0 {
            map.serialize_entry("code", &self.1.status_number())?;
        }
        map.end()
    }
}

/// A span's events, as a list.
pub(super) struct Events<'a>(pub(super) &'a SpanStore, pub(super) SpanRef<'a>);

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.1.events().map(|event| EventJson(self.0, event)))
    }
}

struct EventJson<'a>(&'a SpanStore, Event);

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, event) = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("timeUnixNano", &event.time.to_string())?;
        text(&mut map, store, "name", event.name)?;
        attributes(&mut map, store, event.attributes)?;
        count(&mut map, "droppedAttributesCount", event.dropped_attributes)?;
        map.end()
    }
}

/// A span's links, as a list.
pub(super) struct Links<'a>(pub(super) &'a SpanStore, pub(super) SpanRef<'a>);

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.1.links().map(|link| LinkJson(self.0, link)))
    }
}

struct LinkJson<'a>(&'a SpanStore, Link);

impl Serialize for LinkJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(store, link) = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("traceId", &trace_hex(link.trace_id))?;
        map.serialize_entry("spanId", &span_hex(link.span_id))?;
        text(&mut map, store, "traceState", link.trace_state)?;
        attributes(&mut map, store, link.attributes)?;
        count(&mut map, "droppedAttributesCount", link.dropped_attributes)?;
        count(&mut map, "flags", link.flags)?;
        map.end()
    }
}

/// Attributes as OTLP's list of `{"key", "value"}`.
pub(super) struct KeyValues<'a>(pub(super) &'a SpanStore, pub(super) Rows);

impl Serialize for KeyValues<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.attributes().pairs(self.1).map(|(key, value)| KeyValueJson(self.0, key, value)))
    }
}

struct KeyValueJson<'a>(&'a SpanStore, Sym, Any);

impl Serialize for KeyValueJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("key", self.0.text(self.1))?;
        map.serialize_entry("value", &AnyJson(self.0, self.2))?;
        map.end()
    }
}

/// An `AnyValue`: an object with one field that names its type. Depth was bounded by the reader.
pub(super) struct AnyJson<'a>(pub(super) &'a SpanStore, pub(super) Any);

impl Serialize for AnyJson<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let store = self.0;
        let mut map = to.serialize_map(None)?;
        match self.1 {
            Any::Empty => {}
            Any::Str(sym) => map.serialize_entry("stringValue", store.text(sym))?,
            Any::Bool(value) => map.serialize_entry("boolValue", &value)?,
            Any::Int(value) => map.serialize_entry("intValue", &value.to_string())?,
            Any::Double(value) if value.is_finite() => map.serialize_entry("doubleValue", &value)?,
            Any::Double(value) => map.serialize_entry("doubleValue", non_finite(value))?,
            Any::Bytes(id) => {
                let text = base64::engine::general_purpose::STANDARD.encode(store.attributes().bytes(id));
                map.serialize_entry("bytesValue", &text)?;
            }
            Any::List(rows) => map.serialize_entry("arrayValue", &Values(Elements(store, rows)))?,
            Any::Map(rows) => map.serialize_entry("kvlistValue", &Values(KeyValues(store, rows)))?,
        }
        map.end()
    }
}

/// `{"values": …}`, as OTLP wraps its lists.
struct Values<T>(T);

impl<T: Serialize> Serialize for Values<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry("values", &self.0)?;
        map.end()
    }
}

struct Elements<'a>(&'a SpanStore, Rows);

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.attributes().pairs(self.1).map(|(_, value)| AnyJson(self.0, value)))
    }
}

/// A value as plain JSON, types told apart only as far as JSON does.
pub(super) struct Plain<'a>(pub(super) &'a SpanStore, pub(super) Any);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let store = self.0;
        match self.1 {
            Any::Str(sym) => to.serialize_str(store.text(sym)),
            Any::Bool(value) => to.serialize_bool(value),
            Any::Int(value) => to.serialize_i64(value),
            Any::Double(value) if value.is_finite() => to.serialize_f64(value),
            Any::List(rows) => to.collect_seq(store.attributes().pairs(rows).map(|(_, value)| Plain(store, value))),
            Any::Map(rows) => to
                .collect_map(store.attributes().pairs(rows).map(|(key, value)| (store.text(key), Plain(store, value)))),
            other => AnyJson(store, other).serialize(to),
        }
    }
}

/// How ProtoJSON spells the floats that JSON can't.
pub(super) fn non_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A trace id in hexadecimal.
pub fn trace_hex(id: u128) -> String {
    format!("{id:032x}")
}

/// A span id in hexadecimal.
pub fn span_hex(id: u64) -> String {
    format!("{id:016x}")
}

fn text<M: SerializeMap>(map: &mut M, store: &SpanStore, name: &'static str, sym: Sym) -> Result<(), M::Error> {
    if sym == Sym::EMPTY { Ok(()) } else { map.serialize_entry(name, store.text(sym)) }
}

fn count<M: SerializeMap>(map: &mut M, name: &'static str, count: u32) -> Result<(), M::Error> {
    if count == 0 { Ok(()) } else { map.serialize_entry(name, &count) }
}

fn attributes<M: SerializeMap>(map: &mut M, store: &SpanStore, rows: Rows) -> Result<(), M::Error> {
    if rows.is_empty() { Ok(()) } else { map.serialize_entry("attributes", &KeyValues(store, rows)) }
}
