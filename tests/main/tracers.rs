//! Files of other tracers and tools, with what is known of them.

use causet::causal::{CausalGraph, ExactOrder, Relation, disagreements};
use causet::formats::{self, Reading, Source, by_id};
use causet::store::{Any, SpanStore};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn read(format: &str, bytes: impl Into<Vec<u8>>) -> Reading {
    let mut reading = Reading::default();
    by_id(format).unwrap().read(&mut Source::memory(bytes), &mut reading).unwrap();
    reading
}

/// A file that is recognised for what it is, and read whole.
fn whole(file: &str, format: &str) -> SpanStore {
    let bytes = fs::read(Path::new("testdata").join(file)).unwrap();
    assert_eq!(formats::recognise(&bytes).map(|format| format.entry().id), Some(format), "{file}");
    let reading = read(format, bytes);
    assert!(reading.skipped.is_empty(), "{file}: {:?}", reading.skipped);
    reading.spans.finish()
}

#[test]
fn recorded_files_of_other_tracers_are_read() {
    for (file, format, spans, events) in [
        ("jaeger/orphans.json", "jaeger-json", 4, 0),
        ("zipkin/shared.json", "zipkin-json", 4, 0),
        ("shiviz/facebook.log", "shiviz", 4, 47),
        ("shiviz/rpc-client-server.log", "shiviz", 2, 10),
    ] {
        let store = whole(file, format);
        let found: usize = store.iter().map(|span| span.events().len()).sum();
        assert_eq!((store.len(), found), (spans, events), "{file}");
    }
}

#[test]
fn references_of_jaeger_are_parents_links_and_circles() {
    let problems = |store: &SpanStore| {
        let graph = CausalGraph::new(store);
        graph.problems().iter().map(|problem| (problem.problem.id(), problem.count)).collect::<Vec<_>>()
    };
    let store = whole("jaeger/multi-reference.json", "jaeger-json");
    let linked = store.span(3);
    assert_eq!((linked.name_text(), linked.parent()), ("linked", 0x21));
    let links: Vec<_> = linked.links().collect();
    assert_eq!((links.len(), links[0].span_id), (1, 0x22));
    let kind = store.attributes().pairs(links[0].attributes).next().map(|(key, value)| (store.text(key), value));
    assert!(matches!(kind, Some(("opentracing.ref_type", Any::Str(kind))) if store.text(kind) == "child_of"));
    let graph = CausalGraph::new(&store);
    assert_eq!(graph.relation(graph.start(2), graph.start(3)).relation, Relation::Before);

    let store = whole("jaeger/follows-from-orphan.json", "jaeger-json");
    assert_eq!(store.iter().map(|span| span.parent()).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(problems(&store), [("several-roots", 1), ("missing-link", 1)]);

    let store = whole("jaeger/parent-cycle.json", "jaeger-json");
    assert_eq!(problems(&store), [("cycle", 2), ("no-root", 1)]);
}

/// How an event stands to another in a log, by their names.
fn relation(order: &ExactOrder, a: &str, b: &str) -> Relation {
    let event = |id: &str| order.events().find(|event| order.id(*event).to_string() == id).unwrap();
    order.relation(event(a), event(b))
}

#[test]
fn logs_of_shiviz_have_the_order_that_their_clocks_say() {
    let store = whole("shiviz/facebook.log", "shiviz");
    let order = ExactOrder::new(&store).unwrap();
    assert_eq!(disagreements(&order, &store), []);
    for (a, b, expected) in [
        ("alice:1", "loadBalancer:1", Relation::Before),
        ("eastDC:6", "alice:2", Relation::Before),
        ("eastDC:1", "alice:1", Relation::Concurrent),
        ("loadBalancer:3", "alice:2", Relation::After),
    ] {
        assert_eq!(relation(&order, a, b), expected, "{a} {b}");
    }
    // All that its clocks say is found again from the edges alone.
    let said: usize = store.iter().flat_map(|span| span.events()).count();
    assert!(order.is_complete() && order.len() == said);

    let store = whole("shiviz/rpc-client-server.log", "shiviz");
    let order = ExactOrder::new(&store).unwrap();
    assert_eq!(relation(&order, "server:3", "client:3"), Relation::Before);
    assert_eq!(relation(&order, "server:1", "client:1"), Relation::Concurrent);

    // Five executions with the same hosts: none knows of another.
    let store = whole("shiviz/multiple-comparison.log", "shiviz");
    assert_eq!(store.traces().len(), 5);
    let order = ExactOrder::new(&store).unwrap();
    assert_eq!(disagreements(&order, &store), []);
    let base = "Base execution/mountainView:1";
    assert_eq!(relation(&order, base, "Base execution/mountainView:2"), Relation::Before);
    assert_eq!(relation(&order, base, "Same as base/mountainView:2"), Relation::Concurrent);
}

#[test]
fn a_log_of_another_layout_needs_its_regex() {
    let bytes = fs::read("testdata/shiviz/reliable-broadcast.log").unwrap();
    assert!(formats::recognise(&bytes).is_none());
    let regex = r"^\[INFO\] .*/user/(?<host>\w+)\] (?<clock>\{.*?\}) (?<event>.*)$";
    let mut reading = Reading { log_regex: Some(formats::log_regex(regex).unwrap()), ..Reading::default() };
    by_id("shiviz").unwrap().read(&mut Source::memory(bytes), &mut reading).unwrap();
    assert!(reading.skipped.is_empty());
    let store = reading.spans.finish();
    assert_eq!((store.len(), store.iter().map(|span| span.events().len()).sum::<usize>()), (3, 21));
}

#[test]
fn logs_with_vector_clocks_have_the_order_of_their_clocks() {
    let log = [
        ("a", r#"{"a":1}"#),
        ("a", r#"{"a":2}"#),
        ("b", r#"{"b":1}"#),
        ("b", r#"{"b":2, "a":1}"#),
        ("c", r#"{"c":1, "b":2, "a":1}"#),
    ];
    let text: String = log.iter().map(|(host, clock)| format!("{host} {clock}\nsomething\n")).collect();
    let reading = read("shiviz", text);
    assert!(reading.skipped.is_empty(), "{:?}", reading.skipped);
    let store = reading.spans.finish();
    let order = ExactOrder::new(&store).unwrap();
    let event = |id: &str| order.events().find(|event| order.id(*event).to_string() == id).unwrap();
    for (a, b, relation) in [
        ("a:1", "c:1", Relation::Before),
        ("a:2", "c:1", Relation::Concurrent),
        ("b:1", "a:2", Relation::Concurrent),
        ("b:2", "a:1", Relation::After),
    ] {
        assert_eq!(order.relation(event(a), event(b)), relation, "{a} {b}");
    }
    assert_eq!(disagreements(&order, &store), []);
    // Written and read again, the clocks are the same.
    let mut written = Vec::new();
    by_id("shiviz").unwrap().write_order(&mut order.rows(&store), &mut written).unwrap();
    let back = read("shiviz", written).spans.finish();
    let again = ExactOrder::new(&back).unwrap();
    let clocks = |order: &ExactOrder| order.events().map(|event| order.vector(event)).collect::<Vec<_>>();
    assert_eq!(clocks(&again), clocks(&order));
    assert!(again.rows(&back).all(|event| event.text == "something"));
}

/// Two lanes are two hosts, whatever they are called, and what happened is told by name.
#[test]
fn a_log_for_shiviz_has_a_host_for_each_lane_and_the_names_of_its_events() {
    let span = |service: &str, id: u8, name: &str| {
        serde_json::json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"spans": [{
                "traceId": "00000000000000000000000000000001", "spanId": format!("{id:016x}"), "name": name,
                "startTimeUnixNano": "10", "endTimeUnixNano": "20",
                "events": [{"timeUnixNano": "15", "name": "a\nb"}],
            }]}],
        }]})
    };
    let lanes =
        [("a b", "s"), ("a_b", "=== s ==="), ("a\u{a0}b", ""), ("a.1", "s"), ("a", "s"), ("a", "s"), ("a_b~2", "s")];
    let lines = lanes.iter().zip(1..).map(|((service, name), id)| format!("{}\n", span(service, id, name)));
    let store = read("otlp-json", lines.collect::<String>()).spans.finish();
    let graph = CausalGraph::new(&store);
    let mut written = Vec::new();
    let order = causet::causal::SpanOrder::new(&graph, &store);
    by_id("shiviz").unwrap().write_order(&mut order.rows(), &mut written).unwrap();
    let reading = read("shiviz", written);
    assert!(reading.skipped.is_empty(), "{:?}", reading.skipped);
    let back = reading.spans.finish();
    let mut hosts: Vec<_> = back.iter().map(|span| span.service_text()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["a", "a.1", "a.1~2", "a_b", "a_b~2", "a_b~2~2", "a_b~3"]);
    assert!(back.iter().all(|span| span.events().len() == 3));
    let names = |host: &str| {
        let span = back.iter().find(|span| span.service_text() == host).unwrap();
        span.events().map(|event| back.text(event.name).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("a_b"), ["s start", "s event 1 a b", "s end"]);
    assert_eq!(names("a_b~2"), ["=== s === start", "=== s === event 1 a b", "=== s === end"]);
}

#[test]
fn exports_of_jaeger_say_what_otlp_said() {
    let reading = read("jaeger-json", fs::read("testdata/jaeger/exported.json").unwrap());
    assert!(reading.skipped.is_empty());
    let mut written = Vec::new();
    by_id("otlp-json").unwrap().write_spans(&reading.spans.finish(), &mut written).unwrap();
    // What Jaeger was given, but for the schema URL.
    let text = |key: &str, value: &str| serde_json::json!({"key": key, "value": {"stringValue": value}});
    let expected = serde_json::json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "telemetrygen")]},
        "scopeSpans": [{"scope": {"name": "telemetrygen"}, "spans": [{
            "traceId": "83a9efd15c1c98a977e0711cc93ee28b", "spanId": "e127af99e3b3e074",
            "parentSpanId": "909541b92cf05311", "name": "okey-dokey-0", "kind": 2,
            "startTimeUnixNano": "1706678909209712000", "endTimeUnixNano": "1706678909209835000",
            "attributes": [text("net.peer.ip", "1.2.3.4"), text("peer.service", "telemetrygen-client")],
            "status": {},
        }]}],
    }]});
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
}

#[test]
fn spans_for_zipkin_say_what_they_say() {
    let bytes = fs::read("testdata/zipkin/producer.json").unwrap();
    assert_eq!(formats::recognise(&bytes).unwrap().entry().id, "zipkin-json");
    let reading = read("zipkin-json", bytes);
    assert!(reading.skipped.is_empty());
    let store = reading.spans.finish();
    let span = store.span(0);
    assert_eq!(
        (span.trace_id(), span.id(), span.parent()),
        (0x091f_0037_0361_e578, 0x188b_b842_8fc7_e477, 0x0c26_5510_47c7_2d19)
    );
    assert_eq!((span.service_text(), span.name_text(), span.kind_number()), ("schemas-service", "send", 4));
    assert_eq!((span.start(), span.duration()), (1_597_704_629_675_602_000, 9_550_570_000));
    let attributes = store.attributes().pairs(span.attributes());
    let keys: Vec<_> = attributes.map(|(key, _)| store.text(key)).collect();
    assert_eq!(keys, ["kafka.topic", "peer.service"]);
}
