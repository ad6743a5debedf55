//! Writing Zipkin's JSON from the store: a list of spans, one per line.
//!
//! What Zipkin has no fields for becomes the tags that OpenTelemetry's exporters for Zipkin use.

use super::jaeger_json::{DROPPED, KINDS, STATUS_CODES};
use super::json_write::{Plain, non_finite, span_hex, trace_hex};
use super::zipkin_json::{DEBUG, LINK, LOCAL, REMOTE};
use crate::store::{Any, Rows, SpanRef, SpanStore, Sym};
use base64::Engine;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::net::IpAddr;

/// Writes all spans as one list.
pub(super) fn write(store: &SpanStore, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(b"[")?;
    for (at, span) in store.iter().enumerate() {
        to.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *to, &span_json(store, span))?;
    }
    to.write_all(b"\n]\n")
}

/// Attributes on their way to fields and tags.
struct Pairs<'a>(&'a SpanStore, Vec<(Sym, Any)>);

impl Pairs<'_> {
    fn take(&mut self, key: &str, fits: impl Fn(Any) -> bool) -> Option<Any> {
        let at = self.1.iter().position(|&(name, value)| self.0.text(name) == key && fits(value))?;
        Some(self.1.remove(at).1)
    }

    /// The attributes that are an endpoint's; `null` if there are none.
    fn endpoint(&mut self, service: Option<&str>, address: &str, port: &str) -> Value {
        let store = self.0;
        let mut endpoint = Map::new();
        let name = service.and_then(|service| self.take(service, |value| matches!(value, Any::Str(_))));
        if let Some(Any::Str(name)) = name {
            endpoint.insert("serviceName".to_owned(), json!(store.text(name)));
        }
        let parsed = |value| match value {
            Any::Str(text) => store.text(text).parse::<IpAddr>().ok().map(|ip| (ip.is_ipv4(), text)),
            _ => None,
        };
        for (field, v4) in [("ipv4", true), ("ipv6", false)] {
            if let Some(Any::Str(ip)) = self.take(address, |value| parsed(value).is_some_and(|(is_v4, _)| is_v4 == v4))
            {
                endpoint.insert(field.to_owned(), json!(store.text(ip)));
            }
        }
        if let Some(Any::Int(number)) = self.take(port, |value| matches!(value, Any::Int(1..=65_535))) {
            endpoint.insert("port".to_owned(), json!(number));
        }
        if endpoint.is_empty() { Value::Null } else { Value::Object(endpoint) }
    }
}

fn span_json(store: &SpanStore, span: SpanRef<'_>) -> Value {
    let (start, end) = (span.start() / 1000, span.end() / 1000);
    let mut resource = Pairs(store, store.attributes().pairs(span.resource().attributes).collect());
    let mut own = Pairs(store, store.attributes().pairs(span.attributes()).collect());
    let mut local = own.endpoint(None, LOCAL[1], LOCAL[2]);
    if let Some(Any::Str(service)) = resource.take(LOCAL[0], |value| matches!(value, Any::Str(_))) {
        if local.is_null() {
            local = json!({});
        }
        local["serviceName"] = json!(store.text(service));
    }
    let remote = own.endpoint(Some(REMOTE[0]), REMOTE[1], REMOTE[2]);
    let debug = own.take(DEBUG, |value| value == Any::Bool(true)).is_some();
    let annotations: Vec<_> = span
        .events()
        .map(|event| {
            let value = with_attributes(store, store.text(event.name), event.attributes, event.dropped_attributes);
            json!({"timestamp": event.time / 1000, "value": value})
        })
        .collect();
    let kind = KINDS.get(span.kind_number() as usize).filter(|_| span.kind_number() > 1);
    let fields = [
        ("traceId", json!(trace_hex(span.trace_id()))),
        ("parentId", if span.parent() == 0 { Value::Null } else { json!(span_hex(span.parent())) }),
        ("id", json!(span_hex(span.id()))),
        ("kind", kind.map_or(Value::Null, |kind| json!(kind.to_ascii_uppercase()))),
        ("name", json!(span.name_text())),
        ("timestamp", json!(start)),
        ("duration", if span.end() == 0 { Value::Null } else { json!(end.saturating_sub(start)) }),
        ("localEndpoint", local),
        ("remoteEndpoint", remote),
        ("annotations", if annotations.is_empty() { Value::Null } else { json!(annotations) }),
        ("tags", json!(tags(store, span, &resource.1, &own.1))),
        ("debug", if debug { json!(true) } else { Value::Null }),
    ];
    let present = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(present.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A text alone, or followed by attributes and how many were dropped.
fn with_attributes(store: &SpanStore, text: &str, attributes: Rows, dropped: u32) -> String {
    if attributes.is_empty() && dropped == 0 {
        return text.to_owned();
    }
    let object: Map<_, _> = store
        .attributes()
        .pairs(attributes)
        .map(|(key, value)| {
            let value = match value {
                Any::Empty => Value::Null,
                Any::Bool(value) => json!(value),
                Any::Int(value) => json!(value),
                Any::Double(value) if value.is_finite() => json!(value),
                other => json!(as_text(store, other)),
            };
            (store.text(key).to_owned(), value)
        })
        .collect();
    format!("{text}|{}|{dropped}", Value::Object(object))
}

fn tags(store: &SpanStore, span: SpanRef<'_>, resource: &[(Sym, Any)], own: &[(Sym, Any)]) -> Map<String, Value> {
    let pairs = resource.iter().chain(own);
    let mut tags: Map<_, _> =
        pairs.map(|&(key, value)| (store.text(key).to_owned(), json!(as_text(store, value)))).collect();
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.insert(key.to_owned(), json!(value));
        }
    };
    add("w3c.tracestate", store.text(span.trace_state()));
    add("otel.scope.name", store.text(span.scope().name));
    add("otel.scope.version", store.text(span.scope().version));
    add("span.kind", if span.kind_number() == 1 { KINDS[1] } else { "" });
    let message = store.text(span.status_message());
    match span.status_number() {
        // An attribute that is no status must not become one.
        0 if !own.iter().any(|(key, _)| store.text(*key) == "error") => add("otel.status_description", message),
        number @ 0..=1 => {
            add("otel.status_code", STATUS_CODES[number as usize]);
            add("otel.status_description", message);
        }
        2 => {
            add("otel.status_code", STATUS_CODES[2]);
            // What reads like a flag is no message there.
            let is_flag = ["", "true", "false"].contains(&message);
            add("error", if is_flag { "true" } else { message });
            add("otel.status_description", if is_flag { message } else { "" });
        }
        _ => add("otel.status_description", message),
    }
    for (name, count) in DROPPED.iter().zip(span.dropped()) {
        add(name, &if count == 0 { String::new() } else { count.to_string() });
    }
    for (at, link) in span.links().enumerate() {
        let state = store.text(link.trace_state);
        // Told apart by the object, which therefore is always there.
        let rest = match with_attributes(store, state, link.attributes, link.dropped_attributes) {
            rest if rest == state => format!("{state}|{{}}|0"),
            rest => rest,
        };
        add(&format!("{LINK}{at}"), &format!("{}|{}|{rest}", trace_hex(link.trace_id), span_hex(link.span_id)));
    }
    tags
}

fn as_text(store: &SpanStore, value: Any) -> String {
    match value {
        Any::Empty => String::new(),
        Any::Str(text) => store.text(text).to_owned(),
        Any::Bool(value) => value.to_string(),
        Any::Int(value) => value.to_string(),
        Any::Double(value) if value.is_finite() => json!(value).to_string(),
        Any::Double(value) => non_finite(value).to_owned(),
        Any::Bytes(id) => base64::engine::general_purpose::STANDARD.encode(store.attributes().bytes(id)),
        // In memory, and text is UTF-8: it does not fail.
        Any::List(_) | Any::Map(_) => serde_json::to_string(&Plain(store, value)).unwrap_or_default(),
    }
}
