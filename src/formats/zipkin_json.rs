//! `zipkin-json`: Zipkin's spans, version 2, read and written.
//!
//! In Zipkin the two halves of a call may share one span id. Here every span has its own: the server's half is given a
//! new id, made from the shared one, becomes a child of the client's half, and the spans of its service that name the
//! shared id as their parent become its children.

use super::trace_json::{any, each_item, fields, id, micros, text};
use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::{
    Any, NewEvent, NewResource, NewSpan, Pair, ResourceId, SpanRef, SpanStore, StatusCode, StoreBuilder,
};
use foldhash::{HashMap, HashMapExt};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The format.
pub struct ZipkinJson;

impl Format for ZipkinJson {
    fn entry(&self) -> Entry {
        Entry {
            id: "zipkin-json",
            summary: "spans as Zipkin's API (version 2) takes and gives them, as JSON",
            documentation: include_str!("docs/zipkin-json.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
        let starts = head.trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'['));
        let otlp = ["\"spanId\"", "\"resourceSpans\"", "\"spanID\"", "\"startTimeUnixNano\""].into_iter().any(has);
        starts && has("\"traceId\"") && has("\"id\"") && !otlp
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let mut spans = Vec::new();
        each_item(source, "spans", into, &mut |item, place, into| match span(&item) {
            Ok(ids) => spans.push((ids, item)),
            Err(reason) => into.skipped.push(place, format!("span skipped: {reason}")),
        })?;
        unshare(&mut spans);
        spans.iter().for_each(|(new, item)| store(*new, item, into));
        Ok(())
    }

    fn writes(&self) -> Writes {
        Writes::Spans
    }

    fn cannot_hold(&self) -> &'static [&'static str] {
        &[
            "nanoseconds (times are whole microseconds)",
            "spans without an end (they have no duration)",
            "links, trace state, flags, scopes and the kind `internal`",
            "the difference between a resource's and a span's attributes, and types other than text",
            "attributes of events (they become part of the annotation's text)",
            "the status `ok`, schema URLs, entities and dropped counts",
        ]
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        to.write_all(b"[")?;
        for span in spans.iter() {
            to.write_all(if span.index() == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *to, &span_json(spans, span))?;
        }
        to.write_all(b"\n]\n")
    }
}

const KINDS: [(&str, i32); 4] = [("SERVER", 2), ("CLIENT", 3), ("PRODUCER", 4), ("CONSUMER", 5)];

// ---- reading ---------------------------------------------------------------------------------------------------

/// What can refuse a span.
fn span(span: &Value) -> Result<NewSpan, String> {
    let start = micros(&span["timestamp"], "timestamp")?;
    let duration = micros(&span["duration"], "duration")?;
    let end = start.checked_add(duration).ok_or("timestamp and duration end after the last possible time")?;
    let kind = KINDS.iter().find(|(name, _)| span["kind"] == *name);
    for annotation in span["annotations"].as_array().into_iter().flatten() {
        micros(&annotation["timestamp"], "an annotation's timestamp")?;
    }
    Ok(NewSpan {
        trace_id: id(&span["traceId"], "traceId", 32)?,
        id: id(&span["id"], "id", 16)? as u64,
        parent: if span["parentId"].is_null() { 0 } else { id(&span["parentId"], "parentId", 16)? as u64 },
        start,
        end: if span["duration"].is_null() { 0 } else { end },
        kind: kind.map_or(0, |(_, number)| *number),
        ..NewSpan::default()
    })
}

/// Gives the server's half of a shared span an id of its own.
fn unshare(spans: &mut [(NewSpan, Value)]) {
    let mut others: HashMap<(u128, u64), usize> = HashMap::new();
    for (new, item) in spans.iter() {
        if item["shared"] != true && new.kind != 2 {
            *others.entry((new.trace_id, new.id)).or_default() += 1;
        }
    }
    let service = |item: &Value| item["localEndpoint"]["serviceName"].as_str().unwrap_or_default().to_owned();
    // By trace, shared id and service: the new id.
    let mut renamed: HashMap<(u128, u64, String), u64> = HashMap::new();
    for (new, item) in spans.iter_mut() {
        let half = item["shared"] == true || (new.kind == 2 && others.contains_key(&(new.trace_id, new.id)));
        if !half {
            continue;
        }
        // An odd factor and its trace: ids that differ still do.
        let fresh = (new.id ^ new.trace_id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32) | 1;
        renamed.insert((new.trace_id, new.id, service(item)), fresh);
        if others.contains_key(&(new.trace_id, new.id)) {
            new.parent = new.id;
        }
        new.id = fresh;
        item["shared"] = Value::Bool(true);
    }
    for (new, item) in spans.iter_mut().filter(|(_, item)| item["shared"] != true) {
        if let Some(&fresh) = renamed.get(&(new.trace_id, new.parent, service(item))) {
            new.parent = fresh;
        }
    }
}

fn store(mut new: NewSpan, item: &Value, into: &mut Reading) {
    let store = &mut into.spans;
    new.resource = resource(&item["localEndpoint"], store);
    new.name = store.string(item["name"].as_str().unwrap_or_default());
    let mut pairs: Vec<Pair> = Vec::new();
    for (key, value) in item["tags"].as_object().into_iter().flatten() {
        match (key.as_str(), value.as_str()) {
            ("error", message) => {
                new.status_code = 2;
                new.status_message = store.string(message.filter(|text| *text != "true").unwrap_or_default());
            }
            ("otel.status_code", Some("ERROR")) => new.status_code = 2,
            _ => pairs.push((store.string(key), any(store, value))),
        }
    }
    let remote = &item["remoteEndpoint"];
    let peer = [
        ("serviceName", "peer.service"),
        ("ipv4", "network.peer.address"),
        ("ipv6", "network.peer.address"),
        ("port", "network.peer.port"),
    ];
    for (field, key) in peer.into_iter().filter(|(field, _)| !remote[*field].is_null()) {
        pairs.push((store.string(key), any(store, &remote[field])));
    }
    if item["shared"] == true {
        pairs.push((store.string("zipkin.shared"), Any::Bool(true)));
    }
    if item["debug"] == true {
        pairs.push((store.string("zipkin.debug"), Any::Bool(true)));
    }
    new.attributes = store.rows(&pairs);
    for annotation in item["annotations"].as_array().into_iter().flatten() {
        let name = store.string(&text(&annotation["value"]));
        let time = micros(&annotation["timestamp"], "").unwrap_or_default();
        store.event(NewEvent { time, name, attributes: Default::default(), dropped_attributes: 0 });
    }
    store.span(new);
}

fn resource(endpoint: &Value, store: &mut StoreBuilder) -> ResourceId {
    let known = [("serviceName", "service.name"), ("ipv4", "host.ip"), ("ipv6", "host.ip"), ("port", "server.port")];
    let there = known.into_iter().filter(|(field, _)| !endpoint[*field].is_null());
    let pairs: Vec<Pair> = there.map(|(field, key)| (store.string(key), any(store, &endpoint[field]))).collect();
    let attributes = store.rows(&pairs);
    store.resource(NewResource { attributes, ..NewResource::default() })
}

// ---- writing ---------------------------------------------------------------------------------------------------

fn span_json(store: &SpanStore, span: SpanRef<'_>) -> Value {
    let mut out = Map::new();
    out.insert("traceId".into(), format!("{:032x}", span.trace_id()).into());
    out.insert("id".into(), format!("{:016x}", span.id()).into());
    if span.parent() != 0 {
        out.insert("parentId".into(), format!("{:016x}", span.parent()).into());
    }
    out.insert("name".into(), span.name_text().into());
    if let Some((kind, _)) = KINDS.iter().find(|(_, number)| *number == span.kind_number()) {
        out.insert("kind".into(), (*kind).into());
    }
    out.insert("timestamp".into(), (span.start() / 1000).into());
    if span.end() >= span.start() && span.end() > 0 {
        out.insert("duration".into(), (span.end() / 1000 - span.start() / 1000).into());
    }
    let mut attributes = fields(store, span.attributes());
    let mut local =
        endpoint(&mut fields(store, span.resource().attributes), ["service.name", "host.ip", "server.port"]);
    if span.service_text().is_empty() {
        local.remove("serviceName");
    }
    let remote = endpoint(&mut attributes, ["peer.service", "network.peer.address", "network.peer.port"]);
    attributes.shift_remove("zipkin.shared");
    if attributes.shift_remove("zipkin.debug").is_some() {
        out.insert("debug".into(), true.into());
    }
    for (name, endpoint) in [("localEndpoint", local), ("remoteEndpoint", remote)] {
        if !endpoint.is_empty() {
            out.insert(name.into(), endpoint.into());
        }
    }
    let mut tags: Map<String, Value> = Map::new();
    let own = ["service.name", "host.ip", "server.port"];
    let resource = fields(store, span.resource().attributes);
    let others = resource.into_iter().filter(|(key, _)| !own.contains(&key.as_str())).chain(attributes);
    tags.extend(others.map(|(key, value)| (key, Value::from(text(&value)))));
    if span.status() == StatusCode::Error {
        let message = store.text(span.status_message());
        tags.insert("error".into(), if message.is_empty() { "true" } else { message }.into());
    }
    if !tags.is_empty() {
        out.insert("tags".into(), tags.into());
    }
    let annotations: Vec<Value> = span
        .events()
        .map(|event| {
            let name = store.text(event.name);
            let attributes = fields(store, event.attributes);
            let value =
                if attributes.is_empty() { name.to_owned() } else { format!("{name} {}", Value::from(attributes)) };
            json!({"timestamp": event.time / 1000, "value": value})
        })
        .collect();
    if !annotations.is_empty() {
        out.insert("annotations".into(), annotations.into());
    }
    Value::Object(out)
}

/// Takes service, address and port out of some attributes, as far as they are what Zipkin knows.
fn endpoint(from: &mut Map<String, Value>, [service, address, port]: [&str; 3]) -> Map<String, Value> {
    let mut endpoint = Map::new();
    let mut take = |key: &str, fits: fn(&Value) -> bool| match from.get(key) {
        Some(value) if fits(value) => from.shift_remove(key),
        _ => None,
    };
    if let Some(name) = take(service, Value::is_string) {
        endpoint.insert("serviceName".into(), name);
    }
    if let Some(address) =
        take(address, |value| value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()))
    {
        let ipv6 = address.as_str().is_some_and(|text| text.contains(':'));
        endpoint.insert(if ipv6 { "ipv6" } else { "ipv4" }.into(), address);
    }
    if let Some(port) = take(port, Value::is_u64) {
        endpoint.insert("port".into(), port);
    }
    endpoint
}

const EXAMPLE: &str = r#"[{"traceId":"5982fe77008310cc80f1da5e10147517","id":"90394f6bcffb5d13","name":"get /","kind":"SERVER","timestamp":1700000000000000,"duration":1500,"localEndpoint":{"serviceName":"shop"}}]"#;
