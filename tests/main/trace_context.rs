//! W3C Trace Context held against the cases of the recommendation's own test suite.

use causet::causal::CausalGraph;
use causet::formats::{self, Reading, Source, Writes};
use causet::trace_context::{Flags, Level, MOST_MEMBERS, PASSED_ON, TraceParent, TraceState, read_headers};
use serde_json::Value;

/// `trace` is the id that has to be taken over, or null if a trace has to begin; `state` is what has to be passed on,
/// by Level 2 and, where it says otherwise, by Level 1.
#[test]
fn the_suite_of_the_recommendation() {
    let cases = include_str!("../../testdata/trace-context/cases.jsonl");
    let mut wrong = Vec::new();
    for (line, case) in cases.lines().enumerate() {
        let case: Value = serde_json::from_str(case).unwrap();
        let headers: Vec<(&str, &str)> = case["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        for (level, name) in [(Level::Two, "state"), (Level::One, "level_1_state")] {
            let state = case.get(name).unwrap_or(&case["state"]).as_str().unwrap();
            let read = read_headers(&headers, level);
            let trace = read.as_ref().map(|(parent, _)| format!("{:032x}", parent.trace_id));
            let passed = read.as_ref().map_or_else(String::new, |(_, state)| state.format(usize::MAX));
            if trace.as_deref() != case["trace"].as_str() || passed != state {
                wrong.push((line + 1, case["case"].clone(), level, read));
            }
        }
    }
    assert!(cases.lines().count() > 90);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_written_is_read_again() {
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
    let parent = TraceParent::parse(text).unwrap();
    assert_eq!((parent.trace_id, parent.parent_id), (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331));
    assert!(parent.flags.contains(Flags::SAMPLED) && parent.flags.contains(Flags::RANDOM));
    assert_eq!(parent.to_string(), text);
    // A later version is passed on as this one, without what is not known of it.
    let later = TraceParent::parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-more").unwrap();
    assert_eq!(later.to_string(), text);
    assert_eq!(TraceParent::parse("00-0af7").unwrap_err().to_string().split(':').next(), Some("byte 7"));
}

/// The latest first, and whole members left out: long ones, then from the end.
#[test]
fn a_state_is_changed_and_cut_as_it_should() {
    let mut state = TraceState::parse(["bar=0"], Level::Two).unwrap();
    for (key, value) in [("foo", "1"), ("bar", "2"), ("baz", "3")] {
        assert!(state.set(key, value));
    }
    assert_eq!(state.format(PASSED_ON), "baz=3,bar=2,foo=1");
    assert_eq!(state.get("bar"), Some("2"));
    for (key, value) in [("", "a"), ("FOO", "a"), ("@a", "a"), ("a.b", "a"), ("a", ""), ("a", "b=c"), ("a", "b ")] {
        assert!(!state.set(key, value), "{key}={value}");
    }
    let (long, longer) = ("x".repeat(129), "y".repeat(250));
    assert!(state.set("long", &long) && state.set("longer", &longer) && state.set("short", "z"));
    assert_eq!(state.format(PASSED_ON).len(), "short=z,longer=,long=,baz=3,bar=2,foo=1".len() + 129 + 250);
    assert_eq!(state.format(300), format!("short=z,longer={longer},baz=3,bar=2,foo=1"));
    assert_eq!(state.format(29), "short=z,baz=3,bar=2,foo=1");
    assert_eq!(state.format(20), "short=z,baz=3,bar=2");
    assert_eq!(state.format(3), "");
    for number in 0..40 {
        assert!(state.set(&format!("k{number}"), "v"));
    }
    assert_eq!(state.members().len(), MOST_MEMBERS);
    assert_eq!(state.members().next(), Some(("k39", "v")));
}

/// What a tracer recorded is kept as it is by every format that holds it, and judged by the one parser.
#[test]
fn a_bad_state_in_a_trace_is_kept_and_told() {
    let span = |id: &str, state: &str, link: &str| {
        format!(
            r#"{{"traceId":"{:032x}","spanId":"{id}","name":"n","startTimeUnixNano":"1000","endTimeUnixNano":"2000","traceState":{state},"links":[{{"traceId":"{:032x}","spanId":"00000000000000aa","traceState":{link}}}]}}"#,
            7, 7
        )
    };
    let (good, bad) = (r#""congo=t61rcWkgMzE,rojo=1""#, r#""congo=1, Rojo=2""#);
    let spans = [span("00000000000000aa", good, good), span("00000000000000ab", bad, good)];
    let spans = [&spans[..], &[span("00000000000000ac", r#""a=1,a=2""#, bad)]].concat().join(",");
    let otlp = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    let read = |format: &str, bytes: Vec<u8>| {
        let mut reading = Reading::default();
        formats::by_id(format).unwrap().read(&mut Source::memory(bytes), &mut reading).unwrap();
        assert!(reading.skipped.is_empty(), "{format}: {:?}", reading.skipped);
        reading.spans.finish()
    };
    let store = read("otlp-json", otlp.into_bytes());
    for format in formats::ALL.iter().filter(|format| format.writes() == Writes::Spans) {
        let mut written = Vec::new();
        format.write_spans(&store, &mut written).unwrap();
        let back = read(format.entry().id, written);
        let state = |at: usize| back.text(back.span(at).trace_state());
        assert_eq!([0, 1, 2].map(state), ["congo=t61rcWkgMzE,rojo=1", "congo=1, Rojo=2", "a=1,a=2"]);
        let link = back.span(2).links().next().unwrap().trace_state;
        let keeps_links = !format.loses().contains(&"all of a link but its ids and type");
        assert_eq!(back.text(link), if keeps_links { "congo=1, Rojo=2" } else { "" }, "{}", format.entry().id);
        let graph = CausalGraph::new(&back);
        let found = graph.problems().iter().find(|found| found.problem.id() == "invalid-tracestate").unwrap();
        let detail = r#"member 2: not a valid key, in "congo=1, Rojo=2""#;
        let count = 2 + u64::from(keeps_links);
        assert_eq!((found.count, found.example, found.detail.as_deref()), (count, 1, Some(detail)));
    }
}
