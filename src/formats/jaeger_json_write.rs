//! Writing Jaeger's JSON from the store: a trace per line, its processes at the end.
//!
//! What OTLP has fields for and Jaeger has not becomes the tags that OpenTelemetry's exporters for Jaeger use.

use super::jaeger_json::{DROPPED, KINDS, REFERENCE_TYPE, STATUS_CODES, WARNINGS};
use super::json_write::{Plain, non_finite, span_hex, trace_hex};
use crate::store::{Any, Resource, Rows, SpanRef, SpanStore, Sym};
use base64::Engine;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Integers beyond this one are not exact in JavaScript; Jaeger writes them as text.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// Writes all spans as one document.
pub(super) fn write(store: &SpanStore, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(b"{\"data\":[")?;
    for (at, spans) in store.spans_by_trace().iter().filter(|spans| !spans.is_empty()).enumerate() {
        to.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        trace(store, spans, to)?;
    }
    to.write_all(b"\n]}\n")
}

fn trace(store: &SpanStore, spans: &[u32], to: &mut dyn Write) -> io::Result<()> {
    let mut resources: Vec<_> = spans.iter().map(|&at| store.span(at as usize).resource_id().index()).collect();
    resources.sort_unstable();
    resources.dedup();
    let first = store.span(spans[0] as usize);
    write!(to, "{{\"traceID\":\"{}\",\"spans\":[", trace_hex(first.trace_id()))?;
    for (at, &span) in spans.iter().enumerate() {
        to.write_all(if at == 0 { b"" } else { b"," })?;
        let span = store.span(span as usize);
        let process = resources.partition_point(|&resource| resource < span.resource_id().index());
        serde_json::to_writer(&mut *to, &span_json(store, span, process))?;
    }
    let processes = resources.iter().enumerate();
    let processes: serde_json::Map<_, _> =
        processes.map(|(at, &id)| (process_id(at), process_json(store, &store.resources()[id]))).collect();
    to.write_all(b"],\"processes\":")?;
    serde_json::to_writer(&mut *to, &processes)?;
    to.write_all(b",\"warnings\":null}")
}

fn process_id(at: usize) -> String {
    format!("p{}", at + 1)
}

fn process_json(store: &SpanStore, resource: &Resource) -> Value {
    let pairs: Vec<_> = store.attributes().pairs(resource.attributes).collect();
    // The one that the store takes for the service's name; the others, if any, stay tags.
    let is_name = |&(key, value): &(Sym, Any)| store.text(key) == "service.name" && value == Any::Str(resource.service);
    let name = pairs.iter().position(is_name);
    let others = pairs.iter().enumerate().filter(|(at, _)| Some(*at) != name);
    let mut tags: Vec<_> = others.map(|(_, &(key, value))| tag(store, key, value)).collect();
    count(&mut tags, DROPPED[0], resource.dropped_attributes);
    json!({"serviceName": name.map_or("", |_| store.text(resource.service)), "tags": tags})
}

fn span_json(store: &SpanStore, span: SpanRef<'_>, process: usize) -> Value {
    let (start, end) = (span.start() / 1000, span.end() / 1000);
    let reference = |kind: &str, trace: u128, id: u64| json!({"refType": kind, "traceID": trace_hex(trace), "spanID": span_hex(id)});
    let parent = Some(span.parent()).filter(|&id| id != 0);
    let parent = parent.map(|id| reference("CHILD_OF", span.trace_id(), id));
    let links = span.links().map(|link| {
        // A root must not get a parent of a link.
        let taken_for_parent = span.parent() == 0 && link.trace_id == span.trace_id();
        let kind = reference_type(store, link.attributes).filter(|kind| !(taken_for_parent && kind == "CHILD_OF"));
        reference(kind.as_deref().unwrap_or("FOLLOWS_FROM"), link.trace_id, link.span_id)
    });
    let logs: Vec<_> = span
        .events()
        .map(|event| {
            let mut fields = Vec::new();
            text(&mut fields, "event", store.text(event.name));
            fields.extend(attributes(store, event.attributes));
            count(&mut fields, DROPPED[0], event.dropped_attributes);
            json!({"timestamp": event.time / 1000, "fields": fields})
        })
        .collect();
    json!({
        "traceID": trace_hex(span.trace_id()),
        "spanID": span_hex(span.id()),
        "flags": span.flags(),
        "operationName": span.name_text(),
        "references": parent.into_iter().chain(links).collect::<Vec<_>>(),
        "startTime": start,
        "duration": end.saturating_sub(start),
        "tags": tags(store, span),
        "logs": logs,
        "processID": process_id(process),
        "warnings": store.attributes().pairs(span.attributes()).find(|pair| is_warnings(store, pair)).map(|(_, list)| Plain(store, list)),
    })
}

/// What Jaeger warned of when the span was read.
fn is_warnings(store: &SpanStore, (key, value): &(Sym, Any)) -> bool {
    matches!(value, Any::List(_)) && store.text(*key) == WARNINGS
}

/// A link's type, in Jaeger's words, if it is told.
fn reference_type(store: &SpanStore, attributes: Rows) -> Option<String> {
    let mut pairs = store.attributes().pairs(attributes);
    match pairs.find(|(key, _)| store.text(*key) == REFERENCE_TYPE) {
        Some((_, Any::Str(kind))) => Some(store.text(kind).to_ascii_uppercase()),
        _ => None,
    }
}

fn tags(store: &SpanStore, span: SpanRef<'_>) -> Vec<Value> {
    let attributes = store.attributes().pairs(span.attributes()).filter(|pair| !is_warnings(store, pair));
    let mut tags: Vec<_> = attributes.map(|(key, value)| tag(store, key, value)).collect();
    let says_error = store.attributes().pairs(span.attributes()).any(|(key, value)| {
        store.text(key) == "error"
            && match value {
                Any::Bool(value) => value,
                Any::Str(value) => store.text(value) == "true",
                _ => false,
            }
    });
    if let Some(kind) = KINDS.get(span.kind_number() as usize) {
        text(&mut tags, "span.kind", kind);
    }
    match (STATUS_CODES.get(span.status_number() as usize), span.status_number()) {
        // An attribute that is no status must not become one.
        (Some(_), 0) if !says_error => {}
        (Some(code), number) => {
            text(&mut tags, "otel.status_code", code);
            if number == 2 {
                tags.push(json!({"key": "error", "type": "bool", "value": true}));
            }
        }
        (None, _) => {}
    }
    text(&mut tags, "otel.status_description", store.text(span.status_message()));
    text(&mut tags, "w3c.tracestate", store.text(span.trace_state()));
    text(&mut tags, "otel.scope.name", store.text(span.scope().name));
    text(&mut tags, "otel.scope.version", store.text(span.scope().version));
    for (name, number) in DROPPED.iter().zip(span.dropped()) {
        count(&mut tags, name, number);
    }
    tags
}

fn text(tags: &mut Vec<Value>, key: &str, value: &str) {
    if !value.is_empty() {
        tags.push(json!({"key": key, "type": "string", "value": value}));
    }
}

fn count(tags: &mut Vec<Value>, key: &str, count: u32) {
    if count > 0 {
        tags.push(json!({"key": key, "type": "int64", "value": count}));
    }
}

fn attributes(store: &SpanStore, rows: Rows) -> impl Iterator<Item = Value> {
    store.attributes().pairs(rows).map(|(key, value)| tag(store, key, value))
}

fn tag(store: &SpanStore, key: Sym, value: Any) -> Value {
    let (kind, value) = match value {
        Any::Empty => ("string", Value::Null),
        Any::Str(text) => ("string", json!(store.text(text))),
        Any::Bool(value) => ("bool", json!(value)),
        Any::Int(value) if value.unsigned_abs() > LARGEST_EXACT => ("int64", json!(value.to_string())),
        Any::Int(value) => ("int64", json!(value)),
        Any::Double(value) if value.is_finite() => ("float64", json!(value)),
        Any::Double(value) => ("float64", json!(non_finite(value))),
        Any::Bytes(id) => {
            let text = base64::engine::general_purpose::STANDARD.encode(store.attributes().bytes(id));
            ("binary", json!(text))
        }
        // In memory, and text is UTF-8: it does not fail.
        Any::List(_) | Any::Map(_) => {
            ("string", json!(serde_json::to_string(&Plain(store, value)).unwrap_or_default()))
        }
    };
    json!({"key": store.text(key), "type": kind, "value": value})
}
