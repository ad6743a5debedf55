//! `jaeger-json`: what Jaeger's UI and query API export.
//!
//! `{"data": [{"traceID", "spans", "processes"}]}`, decoded span by span; the processes, which come after the spans,
//! become their resources when the trace ends. A span is translated into OTLP's terms and taken or refused as OTLP's are.

use super::json::{AnyValue, At, Entries, FieldName, FromName, KeyValue, List, Scalar, Seed, Text, message};
use super::otlp_json_decode::{EventFields, Level, LinkFields, ResourceFields, ScopeFields, Sink, SpanFields, each};
use super::otlp_json_sink::base64;
use super::{Format, Reading, Source, Writes, otlp_json};
use crate::registry::Entry;
use crate::store::SpanStore;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;

/// The format.
pub struct JaegerJson;

/// Of Jaeger's span kinds, those of OTLP, each at its number.
pub(super) const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];
/// Values of `otel.status_code`, each at its number.
pub(super) const STATUS_CODES: [&str; 3] = ["UNSET", "OK", "ERROR"];
/// The attribute that tells a link's type, and the beginning of Jaeger's names for the types.
pub(super) const REFERENCE_TYPE: &str = "opentracing.ref_type";
/// The attribute that keeps what Jaeger warned of.
pub(super) const WARNINGS: &str = "jaeger.warnings";
pub(super) const DROPPED: [&str; 3] =
    ["otel.dropped_attributes_count", "otel.dropped_events_count", "otel.dropped_links_count"];

impl Format for JaegerJson {
    fn entry(&self) -> Entry {
        Entry {
            id: "jaeger-json",
            summary: "traces as Jaeger's UI and query API export them",
            documentation: include_str!("docs/jaeger-json.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
        let starts = head.trim_ascii_start().first().is_some_and(|byte| b"{[\xef".contains(byte));
        starts && has("\"traceID\"") && (has("\"spans\"") || has("\"processes\""))
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        otlp_json::skip_bom(source)?;
        otlp_json::stream::<Document>(source, 1, &["data", "spans"], into)
    }

    fn writes(&self) -> Writes {
        Writes::Spans
    }

    fn loses(&self) -> &'static [&'static str] {
        &[
            "times below a microsecond",
            "ends that are missing or before the start",
            "all of a link but its ids and type",
            "attributes of scopes, schema URLs and entities",
            "types inside lists and maps (they become JSON text)",
            "kinds and status codes that OTLP does not name",
        ]
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        super::jaeger_json_write::write(spans, to)
    }
}

const EXAMPLE: &str = r#"{"data":[{"traceID":"5b8efff798038103d269b633813fc60c","spans":[{"traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b174","operationName":"GET /cart","references":[],"startTime":1544712660000000,"duration":1000000,"tags":[{"key":"span.kind","type":"string","value":"server"}],"logs":[],"processID":"p1"}],"processes":{"p1":{"serviceName":"cart","tags":[]}}}]}"#;

message! {
    Tag { key: Text<'de> = "key", kind: Text<'de> = "type", value: Scalar<'de> = "value", }
    Reference { kind: Text<'de> = "refType", trace_id: Text<'de> = "traceID", span_id: Text<'de> = "spanID", }
    Log { time: Scalar<'de> = "timestamp", fields: List<Tag<'de>> = "fields", }
    Process { service: Text<'de> = "serviceName", tags: List<Tag<'de>> = "tags", }
    Span {
        trace_id: Text<'de> = "traceID",
        id: Text<'de> = "spanID",
        parent: Text<'de> = "parentSpanID",
        flags: Scalar<'de> = "flags",
        name: Text<'de> = "operationName",
        references: List<Reference<'de>> = "references",
        start: Scalar<'de> = "startTime",
        duration: Scalar<'de> = "duration",
        tags: List<Tag<'de>> = "tags",
        logs: List<Log<'de>> = "logs",
        process: Text<'de> = "processID",
        warnings: List<Text<'de>> = "warnings",
    }
}

// ---- documents and traces --------------------------------------------------------------------------------------

/// A whole export, or a trace or a list of traces cut out of one.
struct Document;
/// A trace of an export.
struct Trace;

impl Level for Document {
    const INDEX: Option<usize> = None;
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        decode_trace(sink, input, true)
    }
}

impl Level for Trace {
    const INDEX: Option<usize> = Some(0);
    fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
        decode_trace(sink, input, false)
    }
}

enum Field {
    Data,
    Spans,
    Processes,
    Unknown,
}

impl FromName for Field {
    fn from_name(name: &str) -> Self {
        match name {
            "data" => Self::Data,
            "spans" => Self::Spans,
            "processes" => Self::Processes,
            _ => Self::Unknown,
        }
    }
}

/// What is known of a trace so far: its processes, and which spans are of which.
#[derive(Default)]
struct Seen<'de> {
    processes: Entries<Process<'de>>,
    spans: BTreeMap<String, Vec<usize>>,
}

struct Fields<'s, 'a, 'de> {
    sink: &'s mut Sink<'a>,
    seen: &'s mut Seen<'de>,
    /// Not inside another list: there may be `data`, or it may be a list itself.
    outermost: bool,
}

fn decode_trace<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D, outermost: bool) -> Result<(), D::Error> {
    let mut seen = Seen::default();
    let result = input.deserialize_any(Fields { sink, seen: &mut seen, outermost });
    for (name, process) in seen.processes.0 {
        let resource = resource(process);
        let id = sink.resource(&resource, &Text::default());
        for at in seen.spans.remove(&name).into_iter().flatten() {
            sink.into.spans.set_resource(at..at + 1, id);
        }
    }
    // What is damaged is told already.
    for (name, spans) in seen.spans.iter().filter(|_| result.is_ok()) {
        sink.skip(format!("{} spans are of process {name:?}, which is not in `processes`", spans.len()));
    }
    result
}

impl<'de> Visitor<'de> for Fields<'_, '_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `data` or `spans`")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.outermost {
            return each::<Trace>(self.sink).visit_seq(items);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.sink.skip("a list where a trace was expected".to_owned());
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut known = false;
        while let Some(field) = map.next_key_seed(FieldName(PhantomData::<Field>))? {
            let fault = Cell::new(None);
            match field {
                Field::Data if self.outermost => map.next_value_seed(each::<Trace>(self.sink))?,
                Field::Spans => map.next_value_seed(Spans { sink: self.sink, of: &mut self.seen.spans })?,
                Field::Processes => self.seen.processes = map.next_value_seed(Seed::at(At::top(&fault)))?,
                Field::Data | Field::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            known = true;
            self.sink.tell(&fault);
        }
        if !known {
            self.sink.skip("not a trace of Jaeger's: expected `data` or `spans`".to_owned());
        }
        Ok(())
    }
}

/// A trace's list of spans, taken one by one.
struct Spans<'s, 'a> {
    sink: &'s mut Sink<'a>,
    /// By process.
    of: &'s mut BTreeMap<String, Vec<usize>>,
}

impl<'de> DeserializeSeed<'de> for Spans<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Spans<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let fault = Cell::new(None);
        self.sink.place.indices[1] = 0;
        while let Some(span) = items.next_element_seed(Seed::<Span<'de>>::at(At::top(&fault)))? {
            self.sink.tell(&fault);
            let process = span.process.as_str().into_owned();
            match take(self.sink, span) {
                Ok(at) if !process.is_empty() => self.of.entry(process).or_default().push(at),
                Ok(_) => {}
                Err(reason) => self.sink.skip(format!("span skipped: {reason}")),
            }
            self.sink.place.indices[1] += 1;
        }
        Ok(())
    }
}

// ---- a span, into OTLP's terms ---------------------------------------------------------------------------------

/// Stores a span; its number.
fn take(sink: &mut Sink<'_>, span: Span<'_>) -> Result<usize, String> {
    let time = |name: &str, value: &Scalar<'_>| nanoseconds(value).map_err(|reason| format!("{name}: {reason}"));
    let start = time("startTime", &span.start)?;
    let end = start.checked_add(time("duration", &span.duration)?).ok_or("its end is beyond 64 bits of nanoseconds")?;
    let Tags { attributes, kind, code, message, trace_state, scope, dropped } = tags(span.tags.0, span.warnings.0);
    let [dropped_attributes, dropped_events, dropped_links] = dropped;
    let trace_id = padded(&span.trace_id, 32);
    let is_parent = |reference: &Reference<'_>| {
        &*reference.kind.0 == b"CHILD_OF" && padded(&reference.trace_id, 32).0 == trace_id.0
    };
    let parent = span.references.0.iter().position(is_parent);
    let links = span.references.0.iter().enumerate().filter(|(at, _)| Some(*at) != parent);
    let links = List(links.map(|(_, reference)| link(reference)).collect());
    let parent = parent.map_or(&span.parent, |at| &span.references.0[at].span_id);
    let fields = SpanFields {
        parent: if parent.0.iter().all(|&digit| digit == b'0') { Text::default() } else { padded(parent, 16) },
        trace_id: trace_id.clone(),
        span_id: padded(&span.id, 16),
        trace_state,
        flags: span.flags,
        name: span.name,
        kind: Scalar::Unsigned(kind as u64),
        start: Scalar::Unsigned(start),
        end: Scalar::Unsigned(end),
        attributes: List(attributes),
        dropped_attributes,
        events: List(span.logs.0.into_iter().map(event).collect()),
        dropped_events,
        links,
        dropped_links,
        status: super::otlp_json_decode::StatusFields {
            code: Scalar::Unsigned(code as u64),
            message,
            lifetime: PhantomData,
        },
        lifetime: PhantomData,
    };
    sink.span(&fields)?;
    let at = sink.into.spans.len() - 1;
    let scope = sink.scope(&scope, &Text::default());
    sink.into.spans.set_scope(at..at + 1, scope);
    Ok(at)
}

/// Microseconds as nanoseconds.
pub(super) fn nanoseconds(value: &Scalar<'_>) -> Result<u64, String> {
    let micros = value.unsigned()?;
    micros.checked_mul(1000).ok_or_else(|| format!("{micros} microseconds are beyond 64 bits of nanoseconds"))
}

/// An id with the zeroes that Jaeger may leave out in front.
pub(super) fn padded<'de>(id: &Text<'de>, digits: usize) -> Text<'de> {
    if id.0.len() >= digits || id.is_empty() || !id.0.iter().all(u8::is_ascii_hexdigit) {
        return id.clone();
    }
    Text(Cow::Owned([&b"0".repeat(digits - id.0.len()), &*id.0].concat()))
}

fn link<'de>(reference: &Reference<'de>) -> LinkFields<'de> {
    let kind = Text(Cow::Owned(reference.kind.0.to_ascii_lowercase()));
    let kind = KeyValue { key: text(REFERENCE_TYPE), value: AnyValue::Str(kind) };
    LinkFields {
        trace_id: padded(&reference.trace_id, 32),
        span_id: padded(&reference.span_id, 16),
        attributes: List(vec![kind]),
        ..LinkFields::default()
    }
}

fn event(log: Log<'_>) -> EventFields<'_> {
    let mut event = EventFields { time: log.time, ..EventFields::default() };
    match nanoseconds(&event.time) {
        Ok(time) => event.time = Scalar::Unsigned(time),
        Err(_) if event.time.unsigned().is_ok() => event.time = Scalar::Other("a time beyond 64 bits of nanoseconds"),
        Err(_) => {}
    }
    for tag in log.fields.0 {
        match (&*tag.key.0, tag.value) {
            (b"event", Scalar::Text(name)) if event.name.is_empty() => event.name = Text(bytes(name)),
            (key, count) if key == DROPPED[0].as_bytes() => event.dropped_attributes = count,
            (_, value) => event.attributes.0.push(attribute(Tag { value, ..tag })),
        }
    }
    event
}

fn resource(process: Process<'_>) -> ResourceFields<'_> {
    let mut resource = ResourceFields::default();
    if !process.service.is_empty() {
        let service = KeyValue { key: text("service.name"), value: AnyValue::Str(process.service) };
        resource.attributes.0.push(service);
    }
    for tag in process.tags.0 {
        if *tag.key.0 == *DROPPED[0].as_bytes() {
            resource.dropped_attributes = tag.value;
        } else {
            resource.attributes.0.push(attribute(tag));
        }
    }
    resource
}

/// What a span's tags say.
#[derive(Default)]
struct Tags<'de> {
    attributes: Vec<KeyValue<'de>>,
    kind: usize,
    code: usize,
    message: Text<'de>,
    trace_state: Text<'de>,
    scope: ScopeFields<'de>,
    dropped: [Scalar<'de>; 3],
}

/// Tells the tags that say what OTLP has fields for from the attributes. Of two of a name the last one counts: that
/// is the one that exporters add.
fn tags<'de>(tags: Vec<Tag<'de>>, warnings: Vec<Text<'de>>) -> Tags<'de> {
    let mut said = Tags::default();
    let mut code = None;
    for tag in tags.into_iter().rev() {
        let name = tag.key.as_str();
        let value = match &tag.value {
            Scalar::Text(value) => &**value,
            _ => "",
        };
        let number = |names: &[&str]| names.iter().position(|name| !value.is_empty() && name == &value);
        let place = match &*name {
            "otel.status_description" => &mut said.message,
            "w3c.tracestate" => &mut said.trace_state,
            "otel.scope.name" | "otel.library.name" => &mut said.scope.name,
            "otel.scope.version" | "otel.library.version" => &mut said.scope.version,
            "span.kind" if said.kind == 0 && number(&KINDS).is_some() => {
                said.kind = number(&KINDS).unwrap_or_default();
                continue;
            }
            "otel.status_code" if code.is_none() && number(&STATUS_CODES).is_some() => {
                code = number(&STATUS_CODES);
                continue;
            }
            other => {
                if let Some(at) = DROPPED.iter().position(|name| *name == other) {
                    said.dropped[at] = tag.value;
                } else {
                    drop(name);
                    said.attributes.push(attribute(tag));
                }
                continue;
            }
        };
        drop(name);
        match tag.value {
            Scalar::Text(value) if place.is_empty() => *place = Text(bytes(value)),
            value => said.attributes.push(attribute(Tag { value, ..tag })),
        }
    }
    // Jaeger's own way to say that a span failed.
    if matches!(code, None | Some(2))
        && let Some(at) = said.attributes.iter().position(is_error)
    {
        said.attributes.remove(at);
        code = Some(2);
    }
    said.code = code.unwrap_or_default();
    said.attributes.reverse();
    if !warnings.is_empty() {
        let warnings = AnyValue::List(warnings.into_iter().map(AnyValue::Str).collect());
        said.attributes.push(KeyValue { key: text(WARNINGS), value: warnings });
    }
    said
}

fn is_error(attribute: &KeyValue<'_>) -> bool {
    let said = match &attribute.value {
        AnyValue::Bool(value) => value.boolean() == Ok(true),
        AnyValue::Str(value) => *value.0 == *b"true",
        _ => false,
    };
    said && *attribute.key.0 == *b"error"
}

/// A tag as an attribute of the type that it names, or, where its value is not of that type, of the type that it is.
fn attribute(tag: Tag<'_>) -> KeyValue<'_> {
    let kind = tag.kind.as_str();
    let value = match (&*kind, tag.value) {
        (_, Scalar::Absent) => AnyValue::Empty,
        ("bool", value) if value.boolean().is_ok() => AnyValue::Bool(value),
        ("int64", value) if value.signed().is_ok() => AnyValue::Int(value),
        ("float64", value) if value.double().is_ok() => AnyValue::Double(value),
        ("binary", Scalar::Text(value)) if base64(value.as_bytes()).is_ok() => AnyValue::Bytes(Text(bytes(value))),
        (_, value) => plain(value),
    };
    KeyValue { key: tag.key, value }
}

/// A value of the type that it has in JSON.
pub(super) fn plain(value: Scalar<'_>) -> AnyValue<'_> {
    match value {
        Scalar::Absent => AnyValue::Empty,
        Scalar::Text(value) => AnyValue::Str(Text(bytes(value))),
        value @ Scalar::Bool(_) => AnyValue::Bool(value),
        value @ Scalar::Float(_) => AnyValue::Double(value),
        value => AnyValue::Int(value),
    }
}

pub(super) fn text(text: &'static str) -> Text<'static> {
    Text(Cow::Borrowed(text.as_bytes()))
}

pub(super) fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::testing::read;

    #[test]
    fn damage_costs_little_and_is_told() {
        let span = |id: &str, rest: &str| {
            format!(r#"{{"traceID":"1","spanID":"{id}","startTime":1,"duration":2,"processID":"p1"{rest}}}"#)
        };
        let with = |spans: &[String]| {
            let processes = r#""processes":{"p1":{"serviceName":"s"}}"#;
            format!("{{\"data\":[\n{{\"traceID\":\"1\",\"spans\":[{}],{processes}}}\n]}}", spans.join(","))
        };
        let good = span("a", "");
        for (bad, spans, reason) in [
            (span("", ""), 2, "no spanId"),
            (span("b", r#","startTime":"now""#), 2, "startTime: \"now\" is not"),
            (span("b", r#","duration":18446744073709551615"#), 2, "beyond 64 bits"),
            (span("b", r#","tags":[{"key":"k","value":[]}]"#), 3, "`k`, kept without its value"),
            (span("b", r#","references":[{"refType":"FOLLOWS_FROM"}]"#), 3, "link skipped: no traceId"),
            (span("b", r#","logs":[{"timestamp":18446744073709551615}]"#), 3, "kept as 0"),
            (span("b", r#","processID":"p2""#), 3, "process \"p2\""),
        ] {
            let reading = read("jaeger-json", with(&[good.clone(), bad, good.clone()]));
            let skip = &reading.skipped.first()[0];
            assert_eq!((reading.spans.len(), reading.skipped.total()), (spans, 1), "{skip:?}");
            assert!(skip.position.starts_with("line 1, byte 0, data[0]"), "{}", skip.position);
            assert!(skip.reason.contains(reason), "{}", skip.reason);
            assert_eq!(reading.spans.store().span(0).service_text(), "s");
        }
        let damaged = with(std::slice::from_ref(&good)).replacen("\"spanID\":", "\"spanID\"", 1);
        let rest = with(std::slice::from_ref(&good));
        let rest = rest.split_once('\n').unwrap().1;
        let reading = read("jaeger-json", damaged.replace("\n]}", &format!(",\n{rest}")));
        assert_eq!((reading.spans.len(), reading.skipped.total()), (1, 1), "{:?}", reading.skipped);
    }
}
