//! OTLP → another format → OTLP, on made-up traces: nothing is lost but what the format says it loses.

use causet::formats::{self, Format, Reading, Source, Writes, by_id};
use causet::store::SpanStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 10] =
            ["", "a", "GET /cart", "\u{e9}\u{1f980}", "a\"b\\c", "1", "true", "false", "{\"x\":1}", "line\nline|2"];
        TEXTS[self.below(10) as usize].to_owned()
    }

    fn scalar(&mut self) -> Value {
        match self.below(7) {
            0 | 1 => json!({"stringValue": self.text()}),
            2 => json!({"boolValue": self.one_in(2)}),
            3 => json!({"intValue": (self.below(u64::MAX) as i64).to_string()}),
            4 => json!({"intValue": self.below(100).to_string()}),
            5 => json!({"doubleValue": self.below(1000) as f64 / 8.0}),
            _ => json!({"bytesValue": "AQID/w=="}),
        }
    }

    fn value(&mut self, depth: u64) -> Value {
        match self.below(8) {
            0 if depth > 0 => {
                let items: Vec<Value> = (0..self.below(3)).map(|_| self.value(depth - 1)).collect();
                json!({"arrayValue": {"values": items}})
            }
            1 if depth > 0 => json!({"kvlistValue": {"values": self.attributes("k", depth - 1)}}),
            2 => json!({}),
            _ => self.scalar(),
        }
    }

    /// With keys that only they have.
    fn attributes(&mut self, prefix: &str, depth: u64) -> Value {
        let count = self.below(4);
        (0..count).map(|at| json!({"key": format!("{prefix}.{at}"), "value": self.value(depth)})).collect()
    }

    fn dropped(&mut self) -> u64 {
        if self.one_in(4) { 1 + self.below(9) } else { 0 }
    }

    fn id(&mut self, bytes: usize) -> String {
        format!("{:0width$x}", 1 + self.below(u64::MAX - 1), width = bytes * 2)
    }

    fn span(&mut self, trace: &str, id: u64) -> Value {
        let start = 1_700_000_000_000_000_000 + self.below(1 << 40);
        let end = match self.below(8) {
            0 => 0,
            1 => start - self.below(1000),
            _ => start + self.below(1 << 32),
        };
        let event = |random: &mut Self| {
            json!({"timeUnixNano": (start + random.below(1 << 20)).to_string(), "name": random.text(),
                "attributes": random.attributes("event", 2), "droppedAttributesCount": random.dropped()})
        };
        let link = |random: &mut Self| {
            json!({"traceId": random.id(16), "spanId": random.id(8), "traceState": random.text(),
                "attributes": random.attributes("link", 1), "droppedAttributesCount": random.dropped(), "flags": random.below(2)})
        };
        let parent = if self.one_in(3) { String::new() } else { format!("{:016x}", self.below(id) + 1) };
        json!({
            "traceId": trace, "spanId": format!("{id:016x}"), "parentSpanId": parent,
            "traceState": if self.one_in(4) { "a=1,b=2" } else { "" }, "flags": self.below(4),
            "name": self.text(), "kind": self.below(6), "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": end.to_string(), "attributes": self.attributes("span", 3),
            "events": (0..self.below(3)).map(|_| event(self)).collect::<Vec<_>>(),
            "links": (0..self.below(3)).map(|_| link(self)).collect::<Vec<_>>(),
            "droppedAttributesCount": self.dropped(), "droppedEventsCount": self.dropped(), "droppedLinksCount": self.dropped(),
            "status": {"code": self.below(3), "message": self.text()},
        })
    }

    /// A document per resource.
    fn traces(&mut self) -> String {
        let mut next = 1;
        let mut text = String::new();
        for resource in 0..1 + self.below(3) {
            let mut attributes = self.attributes("resource", 2);
            let service = json!({"key": "service.name", "value": {"stringValue": format!("service {resource}")}});
            attributes.as_array_mut().unwrap().push(service);
            let mut scopes = Vec::new();
            for scope in 0..1 + self.below(2) {
                let trace = self.id(16);
                let spans: Vec<Value> = (0..1 + self.below(4))
                    .map(|_| {
                        next += 1;
                        self.span(&trace, next)
                    })
                    .collect();
                let about = json!({"name": format!("scope {scope}"), "version": "1", "attributes": self.attributes("scope", 1),
                    "droppedAttributesCount": self.dropped()});
                scopes.push(json!({"scope": about, "schemaUrl": self.text(), "spans": spans}));
            }
            let about = json!({"attributes": attributes, "droppedAttributesCount": self.dropped()});
            let document =
                json!({"resourceSpans": [{"resource": about, "schemaUrl": self.text(), "scopeSpans": scopes}]});
            text += &format!("{document}\n");
        }
        text
    }
}

fn read(format: &dyn Format, bytes: impl Into<Vec<u8>>) -> SpanStore {
    let mut reading = Reading::default();
    format.read(&mut Source::memory(bytes), &mut reading).unwrap();
    assert!(reading.skipped.is_empty(), "{}: {:?}", format.entry().id, reading.skipped);
    reading.spans.finish()
}

fn write(format: &dyn Format, store: &SpanStore) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.write_spans(store, &mut bytes).unwrap();
    bytes
}

fn json_of(store: &SpanStore) -> String {
    String::from_utf8(write(by_id("otlp-json").unwrap(), store)).unwrap()
}

/// The spans by id, each with its resource and scope.
fn spans(store: &SpanStore) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for line in json_of(store).lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        for group in document["resourceSpans"].as_array().unwrap() {
            for scope in group["scopeSpans"].as_array().unwrap() {
                for span in scope["spans"].as_array().unwrap() {
                    let mut span = span.clone();
                    span["resource"] = group["resource"].clone();
                    span["resource"]["schemaUrl"] = group["schemaUrl"].clone();
                    span["scope"] = scope["scope"].clone();
                    span["scope"]["schemaUrl"] = scope["schemaUrl"].clone();
                    found.insert(span["spanId"].as_str().unwrap().to_owned(), span);
                }
            }
        }
    }
    found
}

/// Takes out of a span what a format says it loses; a text that is not known here fails the test.
fn without(span: &mut Value, lost: &str) {
    let micros = |value: &mut Value| {
        let time: u64 = value.as_str().map_or(0, |text| text.parse().unwrap());
        *value = json!((time / 1000).to_string());
    };
    match lost {
        "times below a microsecond" => {
            micros(&mut span["startTimeUnixNano"]);
            micros(&mut span["endTimeUnixNano"]);
            for event in span["events"].as_array_mut().into_iter().flatten() {
                micros(&mut event["timeUnixNano"]);
            }
        }
        "ends that are missing or before the start" | "ends before the start" => {
            let time = |name: &str| span[name].as_str().map_or(0, |text| text.parse::<u64>().unwrap());
            let (start, end) = (time("startTimeUnixNano"), time("endTimeUnixNano"));
            if end < start && (end > 0 || lost.contains("missing")) {
                span["endTimeUnixNano"] = json!(start.to_string());
            }
        }
        "all of a link but its ids and type" => {
            for link in span["links"].as_array_mut().into_iter().flatten() {
                *link = json!({"traceId": link["traceId"], "spanId": link["spanId"]});
            }
        }
        "attributes of scopes, schema URLs and entities" => {
            for (part, names) in [
                ("scope", &["attributes", "droppedAttributesCount", "schemaUrl"][..]),
                ("resource", &["schemaUrl", "entityRefs"]),
            ] {
                names.iter().for_each(|name| drop(span[part].as_object_mut().unwrap().remove(*name)));
            }
        }
        "attributes of scopes, dropped counts of resources and scopes, schema URLs and entities" => {
            without(span, "attributes of scopes, schema URLs and entities");
            span["resource"].as_object_mut().unwrap().remove("droppedAttributesCount");
        }
        "types inside lists and maps (they become JSON text)" => each_attribute(span, &mut |value| {
            let nested = ["arrayValue", "kvlistValue"].iter().any(|kind| value.get(kind).is_some());
            let text = value["stringValue"].as_str().is_some_and(|text| text.starts_with(['[', '{']));
            if nested || text {
                *value = json!("a list or map");
            }
        }),
        "types of attributes (they become text), and all but one of those with the same key" => as_texts(span),
        "whether an attribute is the resource's or the span's" => merged(span),
        "flags" => {
            span.as_object_mut().unwrap().remove("flags");
            for link in span["links"].as_array_mut().into_iter().flatten() {
                link.as_object_mut().unwrap().remove("flags");
            }
        }
        "kinds and status codes that OTLP does not name" => {}
        other => panic!("say here what {other:?} means"),
    }
}

fn as_texts(span: &mut Value) {
    without(span, "types inside lists and maps (they become JSON text)");
    each_attribute(span, &mut |value| {
        let scalar = value.as_object().and_then(|fields| fields.values().next()).cloned();
        if !value.is_string() {
            *value = json!(scalar.map_or(String::new(), |value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            }));
        }
    });
}

fn merged(span: &mut Value) {
    let of_resource = span["resource"]["attributes"].as_array().cloned().unwrap_or_default();
    let mut all = span["attributes"].as_array().cloned().unwrap_or_default();
    all.extend(of_resource);
    span["attributes"] = json!(all);
    span["resource"].as_object_mut().unwrap().remove("attributes");
}

fn each_attribute(part: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for name in ["resource", "scope"] {
        if part.get(name).is_some() {
            each_attribute(&mut part[name], change);
        }
    }
    for name in ["events", "links"] {
        if let Some(items) = part.get_mut(name).and_then(Value::as_array_mut) {
            items.iter_mut().for_each(|item| each_attribute(item, change));
        }
    }
    if let Some(attributes) = part.get_mut("attributes").and_then(Value::as_array_mut) {
        attributes.iter_mut().for_each(|attribute| change(&mut attribute["value"]));
    }
}

/// The attributes of a span in the order of their keys, and without what says nothing.
fn tidied(mut span: Value) -> Value {
    fn tidy(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.values_mut().for_each(tidy);
                fields.retain(|_, value| {
                    !(value.is_null()
                        || *value == json!([])
                        || *value == json!({})
                        || *value == json!("")
                        || *value == json!(0))
                });
                let sorted: BTreeMap<String, Value> = std::mem::take(fields).into_iter().collect();
                fields.extend(sorted);
            }
            Value::Array(items) => {
                items.iter_mut().for_each(tidy);
                if items.iter().any(|item| item.get("key").is_some()) {
                    items.sort_by_key(|item| item["key"].to_string());
                }
            }
            _ => {}
        }
    }
    tidy(&mut span);
    span
}

fn writers() -> impl Iterator<Item = &'static dyn Format> {
    formats::ALL.iter().copied().filter(|format| format.writes() == Writes::Spans)
}

#[test]
fn nothing_is_lost_but_what_the_format_says() {
    let otlp = by_id("otlp-json").unwrap();
    for seed in 0..150 {
        let text = Random(seed).traces();
        let store = read(otlp, text.clone());
        for format in writers() {
            let id = format.entry().id;
            let written = write(format, &store);
            assert_eq!(formats::recognise(&written).map(|format| format.entry().id), Some(id), "seed {seed}");
            let back = read(format, written.clone());
            if format.loses().is_empty() {
                assert_eq!(json_of(&back), json_of(&store), "{id}, seed {seed}");
                continue;
            }
            let held = |store: &SpanStore| {
                let mut spans = spans(store);
                for span in spans.values_mut() {
                    format.loses().iter().for_each(|lost| without(span, lost));
                    *span = tidied(std::mem::take(span));
                }
                spans
            };
            let (before, after) = (held(&store), held(&back));
            assert_eq!(before.len(), after.len(), "{id}, seed {seed}");
            for (span, held) in &before {
                assert_eq!(&after[span], held, "{id}, seed {seed}, span {span}");
            }
            // What was read of it says the same again.
            assert_eq!(
                String::from_utf8(write(format, &back)).unwrap(),
                String::from_utf8(written).unwrap(),
                "{id}, seed {seed}"
            );
        }
    }
}
