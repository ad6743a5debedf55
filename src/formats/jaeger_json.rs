//! `jaeger-json`: what the Jaeger UI and API export, read and written.
//!
//! References become a parent (the first CHILD_OF of the same trace) and links (every other one, with its type in
//! `opentracing.ref_type`); the tags with which Jaeger carries OpenTelemetry's fields become those fields again.

use super::trace_json::{any, each_item, id, json, micros, text};
use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::{
    Any, Kind, NewEvent, NewLink, NewResource, NewScope, NewSpan, Pair, ResourceId, Rows, SpanRef, SpanStore,
    StatusCode, StoreBuilder,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The format.
pub struct JaegerJson;

impl Format for JaegerJson {
    fn entry(&self) -> Entry {
        Entry {
            id: "jaeger-json",
            summary: "traces as the Jaeger UI and API export them, as JSON",
            documentation: include_str!("docs/jaeger-json.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
        let starts = head.trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'['));
        starts && has("\"traceID\"") && (has("\"spanID\"") || has("\"spans\"")) && !has("\"resourceSpans\"")
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        each_item(source, "data", into, &mut |item, place, into| trace(&item, place, into))
    }

    fn writes(&self) -> Writes {
        Writes::Spans
    }

    fn cannot_hold(&self) -> &'static [&'static str] {
        &[
            "nanoseconds (times are whole microseconds)",
            "spans without an end (they end at once)",
            "attributes, trace state and flags of links, and links of other types than child_of and follows_from",
            "schema URLs, entities, scope attributes and dropped counts",
            "lists and maps as attributes (they become JSON text)",
        ]
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        to.write_all(b"{\"data\":[")?;
        for (at, members) in spans.spans_by_trace().iter().enumerate() {
            to.write_all(if at == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *to, &trace_json(spans, members))?;
        }
        to.write_all(b"\n],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":null}\n")
    }
}

// ---- reading ---------------------------------------------------------------------------------------------------

fn trace(trace: &Value, place: &str, into: &mut Reading) {
    let Some(spans) = trace["spans"].as_array() else {
        into.skipped.push(place, "no list of `spans`, expected a trace");
        return;
    };
    let mut processes: BTreeMap<&str, ResourceId> = BTreeMap::new();
    for (name, process) in trace["processes"].as_object().into_iter().flatten() {
        processes.insert(name, resource(process, &mut into.spans));
    }
    for (number, span) in spans.iter().enumerate() {
        let known = span["processID"].as_str().and_then(|name| processes.get(name)).copied();
        let process = known.unwrap_or_else(|| match &span["process"] {
            Value::Null => ResourceId::default(),
            process => resource(process, &mut into.spans),
        });
        if let Err(reason) = self::span(span, &trace["traceID"], process, into) {
            into.skipped.push(format!("{place}, span {}", number + 1), format!("span skipped: {reason}"));
        }
    }
}

fn resource(process: &Value, store: &mut StoreBuilder) -> ResourceId {
    let mut pairs = Vec::new();
    if let Some(name) = process["serviceName"].as_str().filter(|name| !name.is_empty()) {
        pairs.push((store.string("service.name"), Any::Str(store.string(name))));
    }
    pairs.extend(tags(&process["tags"]).map(|(key, value)| (store.string(key), value.store(store))));
    let attributes = store.rows(&pairs);
    store.resource(NewResource { attributes, ..NewResource::default() })
}

/// A tag's value, by its type.
struct Tag<'a> {
    kind: &'a str,
    value: &'a Value,
}

impl Tag<'_> {
    fn store(&self, store: &mut StoreBuilder) -> Any {
        use base64::Engine;
        let parsed = self.value.as_str();
        match (self.kind, parsed) {
            ("int64", Some(text)) => text.parse().map_or_else(|_| any(store, self.value), Any::Int),
            ("float64", Some(text)) => text.parse().map_or_else(|_| any(store, self.value), Any::Double),
            ("float64", None) => self.value.as_f64().map_or(Any::Empty, Any::Double),
            ("bool", Some(text)) => text.parse().map_or_else(|_| any(store, self.value), Any::Bool),
            ("binary", Some(text)) => match base64::engine::general_purpose::STANDARD.decode(text) {
                Ok(bytes) => store.bytes(&bytes),
                Err(_) => any(store, self.value),
            },
            _ => any(store, self.value),
        }
    }
}

fn tags(list: &Value) -> impl Iterator<Item = (&str, Tag<'_>)> {
    list.as_array().into_iter().flatten().filter_map(|tag| {
        Some((tag["key"].as_str()?, Tag { kind: tag["type"].as_str().unwrap_or(""), value: &tag["value"] }))
    })
}

const KINDS: [(&str, i32); 5] = [("internal", 1), ("server", 2), ("client", 3), ("producer", 4), ("consumer", 5)];

fn span(span: &Value, trace_id: &Value, resource: ResourceId, into: &mut Reading) -> Result<(), String> {
    let own = if span["traceID"].is_null() { trace_id } else { &span["traceID"] };
    let start = micros(&span["startTime"], "startTime")?;
    let duration = micros(&span["duration"], "duration")?;
    let mut new = NewSpan {
        trace_id: id(own, "traceID", 32)?,
        id: id(&span["spanID"], "spanID", 16)? as u64,
        start,
        end: start.checked_add(duration).ok_or("startTime and duration end after the last possible time")?,
        flags: span["flags"].as_u64().and_then(|flags| u32::try_from(flags).ok()).unwrap_or(0),
        resource,
        ..NewSpan::default()
    };
    let (parent, links) = references(span, new.trace_id)?;
    new.parent = parent;
    let store = &mut into.spans;
    new.name = store.string(span["operationName"].as_str().unwrap_or_default());
    let mut scope = NewScope::default();
    let mut pairs: Vec<Pair> = Vec::new();
    for (key, tag) in tags(&span["tags"]) {
        let known = tag.value.as_str();
        let kind = known.and_then(|text| KINDS.iter().find(|(name, _)| *name == text));
        match (key, known) {
            ("span.kind", _) if kind.is_some() => new.kind = kind.map_or(0, |(_, number)| *number),
            ("error", _) if *tag.value == true || known == Some("true") => new.status_code = 2,
            ("otel.status_code", Some("ERROR")) => new.status_code = 2,
            ("otel.status_code", Some("OK")) => new.status_code = 1,
            ("otel.status_description", Some(text)) => new.status_message = store.string(text),
            ("otel.scope.name" | "otel.library.name", Some(text)) => scope.name = store.string(text),
            ("otel.scope.version" | "otel.library.version", Some(text)) => scope.version = store.string(text),
            ("w3c.tracestate", Some(text)) => new.trace_state = store.string(text),
            _ => pairs.push((store.string(key), tag.store(store))),
        }
    }
    new.attributes = store.rows(&pairs);
    new.scope = store.scope(scope);
    for log in span["logs"].as_array().into_iter().flatten() {
        event(log, store)?;
    }
    for (trace_id, span_id, kind) in links {
        let pair = (store.string("opentracing.ref_type"), Any::Str(store.string(kind)));
        let attributes = store.rows(&[pair]);
        let text = store.string("");
        store.link(NewLink { trace_id, span_id, trace_state: text, attributes, dropped_attributes: 0, flags: 0 });
    }
    store.span(new);
    Ok(())
}

type Reference = (u128, u64, &'static str);

/// The parent, or 0, and the other references.
fn references(span: &Value, trace: u128) -> Result<(u64, Vec<Reference>), String> {
    let (mut parent, mut links) = (0, Vec::new());
    for reference in span["references"].as_array().into_iter().flatten() {
        let to = (
            id(&reference["traceID"], "a reference's traceID", 32)?,
            id(&reference["spanID"], "a reference's spanID", 16)?,
        );
        let child = reference["refType"] == "CHILD_OF";
        if child && parent == 0 && to.0 == trace {
            parent = to.1 as u64;
        } else {
            links.push((to.0, to.1 as u64, if child { "child_of" } else { "follows_from" }));
        }
    }
    let older = &span["parentSpanID"];
    if parent == 0 && older.as_str().is_some_and(|text| text.bytes().any(|byte| byte != b'0')) {
        parent = id(older, "parentSpanID", 16)? as u64;
    }
    Ok((parent, links))
}

/// A log: its field `event` names it, else `message` does.
fn event(log: &Value, store: &mut StoreBuilder) -> Result<(), String> {
    let time = micros(&log["timestamp"], "a log's timestamp")?;
    let named = |name: &str| {
        let mut named = tags(&log["fields"]).filter(|(key, tag)| *key == name && tag.value.is_string());
        named.next().and_then(|(_, tag)| tag.value.as_str())
    };
    let (key, name) = match (named("event"), named("message")) {
        (Some(name), _) => ("event", name),
        (None, Some(name)) => ("message", name),
        (None, None) => ("", ""),
    };
    let others = tags(&log["fields"]).filter(|(other, tag)| *other != key || tag.value.as_str() != Some(name));
    let pairs: Vec<Pair> = others.map(|(key, tag)| (store.string(key), tag.store(store))).collect();
    let attributes = store.rows(&pairs);
    let name = store.string(name);
    store.event(NewEvent { time, name, attributes, dropped_attributes: 0 });
    Ok(())
}

// ---- writing ---------------------------------------------------------------------------------------------------

fn trace_json(store: &SpanStore, members: &[u32]) -> Value {
    let mut processes = Map::new();
    let mut names: BTreeMap<ResourceId, String> = BTreeMap::new();
    let spans: Vec<Value> = members
        .iter()
        .map(|&member| {
            let span = store.span(member as usize);
            let next = format!("p{}", names.len() + 1);
            let process = names.entry(span.resource_id()).or_insert_with(|| {
                let rows = span.resource().attributes;
                let others = tag_list(store, rows, &["service.name"]);
                processes.insert(next.clone(), json!({"serviceName": span.service_text(), "tags": others}));
                next
            });
            span_json(store, span, process)
        })
        .collect();
    let id = members.first().map_or(0, |&first| store.span(first as usize).trace_id());
    json!({"traceID": format!("{id:032x}"), "spans": spans, "processes": processes, "warnings": null})
}

fn span_json(store: &SpanStore, span: SpanRef<'_>, process: &str) -> Value {
    let trace = format!("{:032x}", span.trace_id());
    let mut references = Vec::new();
    if span.parent() != 0 {
        references.push(json!({"refType": "CHILD_OF", "traceID": trace, "spanID": format!("{:016x}", span.parent())}));
    }
    let kind_of = store.strings().find("opentracing.ref_type");
    for link in span.links() {
        let kind = kind_of.and_then(|key| store.attributes().find(link.attributes, key));
        let child = matches!(kind, Some(Any::Str(sym)) if store.text(sym) == "child_of");
        references.push(json!({
            "refType": if child { "CHILD_OF" } else { "FOLLOWS_FROM" },
            "traceID": format!("{:032x}", link.trace_id), "spanID": format!("{:016x}", link.span_id),
        }));
    }
    let mut tags = tag_list(store, span.attributes(), &[]);
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(json!({"key": key, "type": "string", "value": value}));
        }
    };
    let kind =
        KINDS.iter().find(|(_, number)| *number == span.kind_number()).filter(|_| span.kind() != Kind::Unspecified);
    add("span.kind", kind.map_or("", |(name, _)| name));
    let status = match span.status() {
        StatusCode::Ok => "OK",
        StatusCode::Error => "ERROR",
        StatusCode::Unset => "",
    };
    add("otel.status_code", status);
    add("otel.status_description", store.text(span.status_message()));
    add("otel.scope.name", store.text(span.scope().name));
    add("otel.scope.version", store.text(span.scope().version));
    add("w3c.tracestate", store.text(span.trace_state()));
    if span.status() == StatusCode::Error {
        tags.push(json!({"key": "error", "type": "bool", "value": true}));
    }
    let logs: Vec<Value> = span
        .events()
        .map(|event| {
            let mut fields = vec![json!({"key": "event", "type": "string", "value": store.text(event.name)})];
            fields.extend(tag_list(store, event.attributes, &[]));
            json!({"timestamp": event.time / 1000, "fields": fields})
        })
        .collect();
    json!({
        "traceID": trace, "spanID": format!("{:016x}", span.id()), "flags": span.flags(),
        "operationName": span.name_text(), "references": references,
        "startTime": span.start() / 1000, "duration": (span.start() + span.duration()) / 1000 - span.start() / 1000,
        "tags": tags, "logs": logs, "processID": process, "warnings": null,
    })
}

fn tag_list(store: &SpanStore, rows: Rows, without: &[&str]) -> Vec<Value> {
    let pairs = store.attributes().pairs(rows).filter(|(key, _)| !without.contains(&store.text(*key)));
    pairs
        .map(|(key, value)| {
            let kind = match value {
                Any::Bool(_) => "bool",
                Any::Int(_) => "int64",
                Any::Double(_) => "float64",
                Any::Bytes(_) => "binary",
                _ => "string",
            };
            let value = match value {
                Any::Empty => Value::from(""),
                Any::List(_) | Any::Map(_) => text(&json(store, value)).into(),
                value => json(store, value),
            };
            json!({"key": store.text(key), "type": kind, "value": value})
        })
        .collect()
}

const EXAMPLE: &str = r#"{"data":[{"traceID":"1","spans":[{"traceID":"1","spanID":"a","operationName":"GET /","references":[],"startTime":1700000000000000,"duration":1500,"tags":[{"key":"span.kind","type":"string","value":"server"}],"logs":[],"processID":"p1"}],"processes":{"p1":{"serviceName":"shop","tags":[]}}}]}"#;
