//! `zipkin-json`: spans of Zipkin, version 2 of its JSON.
//!
//! A list of spans, as reporters post them and `/api/v2/trace` answers; a list of such lists, as `/api/v2/traces` does;
//! or spans one after another. A span is translated into OTLP's terms and taken or refused as OTLP's are.
//!
//! The two sides of a call may share a span id, which in OTLP they can't: the server's side gets an id of its own,
//! below the client's, and becomes the parent of what its service reports under the shared id. That takes all spans of
//! the input, and is done at its end.

use super::jaeger_json::{DROPPED, KINDS, STATUS_CODES, bytes, nanoseconds, padded, plain, text};
use super::json::{AnyValue, At, Decode, Entries, KeyValue, List, Scalar, Text, message};
use super::otlp_json_decode::{
    EventFields, Level, LinkFields, ResourceFields, ScopeFields, Sink, SpanFields, StatusFields, each,
};
use super::{Format, Reading, Source, Writes, otlp_json};
use crate::registry::Entry;
use crate::store::{Kind, SpanStore};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;

/// The format.
pub struct ZipkinJson;

/// What attributes of resources begin with: a tag does not say whose it is.
const RESOURCE_PREFIXES: [&str; 8] =
    ["service.", "telemetry.sdk.", "host.", "os.", "process.", "container.", "k8s.", "deployment."];
/// What the tags begin with that carry links, as the Collector writes them.
pub(super) const LINK: &str = "otlp.link.";

impl Format for ZipkinJson {
    fn entry(&self) -> Entry {
        Entry {
            id: "zipkin-json",
            summary: "traces as Zipkin's API (version 2) takes and gives them",
            documentation: include_str!("docs/zipkin-json.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let has = |name: &str| memchr::memmem::find(head, name.as_bytes()).is_some();
        let starts = head.trim_ascii_start().first().is_some_and(|byte| b"{[\xef".contains(byte));
        let other = ["localEndpoint", "parentId", "timestamp", "duration", "annotations", "kind", "name"];
        let named = other.iter().any(|name| has(&format!("\"{name}\"")));
        starts && has("\"traceId\"") && has("\"id\"") && named && !has("\"spanId\"") && !has("\"binaryAnnotations\"")
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let first = into.spans.len();
        otlp_json::skip_bom(source)?;
        otlp_json::stream::<Spans<0>>(source, 1, &["spans"], into)?;
        part_shared(into, first);
        Ok(())
    }

    fn writes(&self) -> Writes {
        Writes::Spans
    }

    fn loses(&self) -> &'static [&'static str] {
        &[
            "times below a microsecond",
            "ends before the start",
            "types of attributes (they become text), and all but one of those with the same key",
            "whether an attribute is the resource's or the span's",
            "flags",
            "attributes of scopes, dropped counts of resources and scopes, schema URLs and entities",
            "kinds and status codes that OTLP does not name",
        ]
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        super::zipkin_json_write::write(spans, to)
    }
}

const EXAMPLE: &str = r#"[{"traceId":"5b8efff798038103d269b633813fc60c","id":"eee19b7ec3c1b174","name":"get /cart","kind":"SERVER","timestamp":1544712660000000,"duration":1000000,"localEndpoint":{"serviceName":"cart"},"tags":{"http.method":"GET"}}]"#;

message! {
    Endpoint {
        service: Text<'de> = "serviceName",
        v4: Text<'de> = "ipv4",
        v6: Text<'de> = "ipv6",
        port: Scalar<'de> = "port",
    }
    Annotation { time: Scalar<'de> = "timestamp", value: Text<'de> = "value", }
    Span {
        trace_id: Text<'de> = "traceId",
        id: Text<'de> = "id",
        parent: Text<'de> = "parentId",
        name: Text<'de> = "name",
        kind: Text<'de> = "kind",
        start: Scalar<'de> = "timestamp",
        duration: Scalar<'de> = "duration",
        local: Endpoint<'de> = "localEndpoint",
        remote: Endpoint<'de> = "remoteEndpoint",
        annotations: List<Annotation<'de>> = "annotations",
        tags: Entries<Scalar<'de>> = "tags",
        debug: Scalar<'de> = "debug",
    }
}

// ---- lists of spans --------------------------------------------------------------------------------------------

/// A span, or a list of them at depth 0 (the document) and 1.
struct Spans<const DEPTH: usize>;

macro_rules! level {
    ($depth:literal, $index:expr) => {
        impl Level for Spans<$depth> {
            const INDEX: Option<usize> = $index;
            fn decode<'de, D: Deserializer<'de>>(sink: &mut Sink<'_>, input: D) -> Result<(), D::Error> {
                input.deserialize_any(Fields { sink, depth: $depth })
            }
        }
    };
}
level!(0, None);
level!(1, Some(0));
level!(2, Some(1));

struct Fields<'s, 'a> {
    sink: &'s mut Sink<'a>,
    depth: usize,
}

impl<'de> Visitor<'de> for Fields<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a span, or a list of spans or of traces")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        match self.depth {
            0 => each::<Spans<1>>(self.sink).visit_seq(items),
            1 => {
                self.sink.place.lists = &["traces", "spans"];
                each::<Spans<2>>(self.sink).visit_seq(items)
            }
            _ => {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                self.sink.skip("a list where a span was expected".to_owned());
                Ok(())
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let fault = Cell::new(None);
        let span = Span::decode(MapAccessDeserializer::new(map), At::top(&fault))?;
        self.sink.tell(&fault);
        if let Err(reason) = take(self.sink, span) {
            self.sink.skip(format!("span skipped: {reason}"));
        }
        Ok(())
    }
}

/// Gives the servers' sides of shared spans ids of their own.
fn part_shared(into: &mut Reading, first: usize) {
    let mut by_id: BTreeMap<(usize, u64), Vec<usize>> = BTreeMap::new();
    let store = into.spans.store();
    for at in first..store.len() {
        by_id.entry((store.span(at).trace(), store.span(at).id())).or_default().push(at);
    }
    let mut changes = BTreeMap::new();
    // By trace, shared id and service.
    let mut parted = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (&(trace, id), sides) in by_id.iter().filter(|(_, sides)| sides.len() > 1) {
        let of = |kind: Kind| sides.iter().copied().filter(move |&at| store.span(at).kind() == kind);
        if of(Kind::Client).next().is_none() {
            continue;
        }
        // Another number gives another id, so that a free one is met.
        let mut next = id;
        for server in of(Kind::Server) {
            let own = loop {
                let own = next.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_add(1);
                next = next.wrapping_add(1);
                if own != 0 && !by_id.contains_key(&(trace, own)) && taken.insert((trace, own)) {
                    break own;
                }
            };
            parted.entry((trace, id, store.span(server).service())).or_insert(own);
            changes.insert(server, (own, id));
        }
    }
    for span in (first..store.len()).map(|at| store.span(at)) {
        // What a server reported below itself; its own side of a shared span is placed already.
        if let Some(&own) = parted.get(&(span.trace(), span.parent(), span.service())) {
            changes.entry(span.index()).or_insert((span.id(), own));
        }
    }
    for (at, (id, parent)) in changes {
        into.spans.set_ids(at, id, parent);
    }
}

// ---- a span, into OTLP's terms ---------------------------------------------------------------------------------

fn take(sink: &mut Sink<'_>, span: Span<'_>) -> Result<(), String> {
    let time = |name: &str, value: &Scalar<'_>| nanoseconds(value).map_err(|reason| format!("{name}: {reason}"));
    let start = time("timestamp", &span.start)?;
    let end = match span.duration {
        // Reported before it ended.
        Scalar::Absent => 0,
        ref duration => {
            start.checked_add(time("duration", duration)?).ok_or("its end is beyond 64 bits of nanoseconds")?
        }
    };
    let mut said = tags(span.tags.0);
    let number = |text: &Text<'_>| KINDS.iter().position(|kind| text.0.eq_ignore_ascii_case(kind.as_bytes()));
    match number(&span.kind) {
        Some(0) => {}
        Some(kind) => said.kind = kind,
        None => return Err(format!("kind is {:?}, expected CLIENT, SERVER, PRODUCER or CONSUMER", span.kind.as_str())),
    }
    for (endpoint, names) in [(&span.local, LOCAL), (&span.remote, REMOTE)] {
        let [service, address, port] = names;
        let texts = [(service, &endpoint.service), (address, &endpoint.v4), (address, &endpoint.v6)];
        for (name, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
            let pair = KeyValue { key: text(name), value: AnyValue::Str(value.clone()) };
            if name == LOCAL[0] { said.resource.insert(0, pair) } else { said.attributes.push(pair) }
        }
        if !matches!(endpoint.port, Scalar::Absent | Scalar::Unsigned(0)) {
            said.attributes.push(KeyValue { key: text(port), value: AnyValue::Int(endpoint.port.clone()) });
        }
    }
    if matches!(span.debug, Scalar::Bool(true)) {
        said.attributes.push(KeyValue { key: text(DEBUG), value: AnyValue::Bool(span.debug) });
    }
    let [dropped_attributes, dropped_events, dropped_links] = said.dropped;
    let fields = SpanFields {
        trace_id: padded(&span.trace_id, 32),
        span_id: padded(&span.id, 16),
        trace_state: said.trace_state,
        parent: padded(&span.parent, 16),
        name: span.name,
        kind: Scalar::Unsigned(said.kind as u64),
        start: Scalar::Unsigned(start),
        end: Scalar::Unsigned(end),
        attributes: List(said.attributes),
        dropped_attributes,
        events: List(span.annotations.0.into_iter().map(event).collect()),
        dropped_events,
        links: List(said.links),
        dropped_links,
        status: StatusFields { code: Scalar::Unsigned(said.code as u64), message: said.message, lifetime: PhantomData },
        ..SpanFields::default()
    };
    sink.span(&fields)?;
    let at = sink.into.spans.len() - 1;
    let resource = ResourceFields { attributes: List(said.resource), ..ResourceFields::default() };
    let resource = sink.resource(&resource, &Text::default());
    sink.into.spans.set_resource(at..at + 1, resource);
    let scope = sink.scope(&said.scope, &Text::default());
    sink.into.spans.set_scope(at..at + 1, scope);
    Ok(())
}

/// The attributes of an endpoint: service, address, port.
pub(super) const LOCAL: [&str; 3] = ["service.name", "network.local.address", "network.local.port"];
pub(super) const REMOTE: [&str; 3] = ["peer.service", "network.peer.address", "network.peer.port"];
/// The attribute that keeps Zipkin's `debug`.
pub(super) const DEBUG: &str = "zipkin.debug";

/// What a span's tags say.
#[derive(Default)]
struct Tags<'de> {
    attributes: Vec<KeyValue<'de>>,
    resource: Vec<KeyValue<'de>>,
    kind: usize,
    code: usize,
    message: Text<'de>,
    trace_state: Text<'de>,
    scope: ScopeFields<'de>,
    links: Vec<LinkFields<'de>>,
    dropped: [Scalar<'de>; 3],
}

fn tags(tags: Vec<(String, Scalar<'_>)>) -> Tags<'_> {
    let mut said = Tags::default();
    let named = tags.iter().find(|(name, _)| name == "otel.status_code");
    let code = named.and_then(|(_, value)| STATUS_CODES.iter().position(|code| *code == as_text(value)));
    let fails = matches!(code, None | Some(2));
    said.code = code.unwrap_or_default();
    for (name, value) in tags {
        let place = match &*name {
            "otel.status_code" if code.is_some() => continue,
            "error" if fails && as_text(&value) != "false" => {
                said.code = 2;
                if matches!(value, Scalar::Bool(true)) || as_text(&value) == "true" {
                    continue;
                }
                &mut said.message
            }
            "otel.status_description" => &mut said.message,
            "w3c.tracestate" => &mut said.trace_state,
            "otel.scope.name" | "otel.library.name" => &mut said.scope.name,
            "otel.scope.version" | "otel.library.version" => &mut said.scope.version,
            "span.kind" if as_text(&value) == "internal" => {
                said.kind = 1;
                continue;
            }
            other => {
                if let Some(at) = DROPPED.iter().position(|dropped| *dropped == other) {
                    said.dropped[at] = value;
                } else if let Some(link) = link(other, as_text(&value)) {
                    said.links.push(link);
                } else {
                    let ours = RESOURCE_PREFIXES.iter().any(|prefix| other.starts_with(prefix));
                    let to = if ours { &mut said.resource } else { &mut said.attributes };
                    to.push(KeyValue { key: Text(Cow::Owned(name.into_bytes())), value: plain(value) });
                }
                continue;
            }
        };
        if let Scalar::Text(value) = value {
            *place = Text(bytes(value));
        }
    }
    said
}

fn as_text<'a>(value: &'a Scalar<'_>) -> &'a str {
    match value {
        Scalar::Text(text) => text,
        _ => "",
    }
}

/// A link in a tag: `TRACE|SPAN|STATE|ATTRIBUTES|DROPPED`.
fn link(name: &str, value: &str) -> Option<LinkFields<'static>> {
    name.strip_prefix(LINK)?;
    let (trace, rest) = value.split_once('|')?;
    let (span, rest) = rest.split_once('|')?;
    let (state, attributes, dropped) = with_attributes(rest)?;
    Some(LinkFields {
        trace_id: padded(&owned(trace), 32),
        span_id: padded(&owned(span), 16),
        trace_state: owned(state),
        attributes: List(attributes),
        dropped_attributes: Scalar::Unsigned(dropped),
        ..LinkFields::default()
    })
}

/// An annotation is an event's name, or `NAME|ATTRIBUTES|DROPPED`.
fn event<'de>(annotation: Annotation<'de>) -> EventFields<'de> {
    let mut event = EventFields { name: annotation.value, ..EventFields::default() };
    event.time = match nanoseconds(&annotation.time) {
        Ok(time) => Scalar::Unsigned(time),
        Err(_) => Scalar::Other("a time that is no number, or beyond 64 bits of nanoseconds,"),
    };
    let name = event.name.as_str().into_owned();
    if let Some((name, attributes, dropped)) = with_attributes(&name) {
        event.name = owned(name);
        event.attributes = List(attributes);
        event.dropped_attributes = Scalar::Unsigned(dropped);
    }
    event
}

/// `TEXT|{…}|COUNT`, the object being attributes.
fn with_attributes(text: &str) -> Option<(&str, Vec<KeyValue<'static>>, u64)> {
    let (rest, dropped) = text.rsplit_once('|')?;
    let dropped: u32 = dropped.parse().ok()?;
    // The text may hold what looks like the start of an object, and so may the object.
    let object = |at: usize| serde_json::from_str::<serde_json::Map<String, Value>>(&rest[at + 1..]).ok();
    let (at, object) = rest.match_indices("|{").find_map(|(at, _)| Some((at, object(at)?)))?;
    let pairs = object.into_iter().map(|(key, value)| KeyValue { key: owned(&key), value: any(value) });
    Some((&rest[..at], pairs.collect(), u64::from(dropped)))
}

/// A JSON value as an attribute's; its depth was bounded when it was parsed.
fn any(value: Value) -> AnyValue<'static> {
    match value {
        Value::Null => AnyValue::Empty,
        Value::Bool(value) => AnyValue::Bool(Scalar::Bool(value)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => AnyValue::Int(Scalar::Signed(value)),
            (None, value) => AnyValue::Double(Scalar::Float(value.unwrap_or(f64::NAN))),
        },
        Value::String(text) => AnyValue::Str(owned(&text)),
        // As in tags.
        nested => AnyValue::Str(owned(&nested.to_string())),
    }
}

fn owned(text: &str) -> Text<'static> {
    Text(Cow::Owned(text.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use crate::formats::testing::read;

    #[test]
    fn the_sides_of_a_shared_span_are_parted() {
        let span = |id: &str, parent: &str, kind: &str, service: &str| {
            format!(
                r#"{{"traceId":"1","id":"{id}","parentId":"{parent}","kind":"{kind}","name":"{service}","timestamp":1,"localEndpoint":{{"serviceName":"{service}"}}}}"#
            )
        };
        // Web calls cart, which calls stock, each call being one span with two sides; children may come first.
        let spans = [
            span("c", "b", "SERVER", "stock"),
            span("c", "b", "CLIENT", "cart"),
            span("b", "a", "CLIENT", "web"),
            span("b", "a", "SERVER", "cart"),
            span("d", "b", "", "cart"),
            span("e", "b", "", "web"),
            span("9", "8", "SERVER", "alone"),
        ];
        let reading = read("zipkin-json", format!("[[{}]]", spans.join(",\n")));
        assert_eq!(reading.skipped, Default::default());
        let store = reading.spans.finish();
        let [stock, cart_client, web, cart, below_cart, below_web, alone] =
            [0, 1, 2, 3, 4, 5, 6].map(|at| store.span(at));
        assert_eq!([cart_client.id(), web.id(), below_web.parent()], [0xc, 0xb, 0xb]);
        assert!(![0xa, 0xb, 0xc, 0xd, 0xe].contains(&cart.id()) && stock.id() != cart.id());
        assert_eq!([stock.parent(), cart.parent(), web.parent()], [0xc, 0xb, 0xa]);
        assert_eq!([cart_client.parent(), below_cart.parent()], [cart.id(); 2]);
        assert_eq!((alone.id(), alone.parent()), (9, 8));
    }

    #[test]
    fn damage_costs_little_and_is_told() {
        let span = |rest: &str| format!(r#"{{"traceId":"1","id":"2","name":"n","timestamp":1,"duration":2{rest}}}"#);
        for (bad, spans, reason) in [
            (span(r#","id":"""#), 2, "no spanId"),
            (span(r#","kind":"BROKER""#), 2, "kind is \"BROKER\""),
            (span(r#","timestamp":"now""#), 2, "timestamp: \"now\" is not"),
            (span(r#","duration":18446744073709551615"#), 2, "beyond 64 bits"),
            (span(r#","annotations":[{"value":"x","timestamp":{}}]"#), 3, "kept as 0"),
            (span(r#","tags":{"k":[]}"#), 3, "`k`, kept without its value"),
            (span(r#","tags":{"otlp.link.0":"0|1||{}|0"}"#), 3, "link skipped"),
        ] {
            let reading = read("zipkin-json", format!("[{},{bad},{}]", span(""), span("")));
            let skip = &reading.skipped.first()[0];
            assert_eq!((reading.spans.len(), reading.skipped.total()), (spans, 1), "{skip:?}");
            assert_eq!(skip.position, "line 1, byte 0, spans[1]");
            assert!(skip.reason.contains(reason), "{}", skip.reason);
        }
        let lines = [span(""), span("").replace("\"name\":", "\"name\""), span(""), span("")].join(",\n");
        let reading = read("zipkin-json", format!("[\n{lines}\n]"));
        assert_eq!((reading.spans.len(), reading.skipped.total()), (3, 1), "{:?}", reading.skipped);
    }
}
