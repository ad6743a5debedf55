//! Data with known answers: recorded histories, OTLP quirks, registry examples.

use causet::detect::{self, Settings, View};
use causet::formats::{self, Reading, Source, by_id};
use causet::{
    causal::{CausalGraph, ExactOrder},
    report,
};
use causet_checkers::{Query, check};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn read(format: &str, bytes: impl Into<Vec<u8>>) -> Reading {
    let mut reading = Reading::default();
    by_id(format).unwrap().read(&mut Source::memory(bytes), &mut reading).unwrap();
    reading
}

#[test]
fn recorded_histories_get_their_recorded_verdicts() {
    let folder = Path::new("testdata/histories");
    let verdicts: Value = serde_json::from_slice(&fs::read(folder.join("verdicts.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (name, expected) in verdicts.as_object().unwrap() {
        let bytes = fs::read(folder.join(name)).unwrap();
        let format = formats::recognise(&bytes).unwrap().entry().id;
        let reading = read(format, bytes);
        assert!(reading.skipped.is_empty(), "{name}: {:?}", reading.skipped.first());
        let model = if name.starts_with("kv/") { "kv" } else { "cas-register" };
        let history = reading.history.finish();
        let query = Query { model: Some(model), ..Query::default() };
        let verdict = check(&history, &query).unwrap().verdict;
        if verdict.id() != expected["verdict"] {
            wrong.push((name, verdict.id()));
        }
    }
    assert_eq!(verdicts.as_object().unwrap().len(), 56);
    assert_eq!(wrong, []);
}

/// What one quirk asks for.
fn judge_quirk(quirk: &Value) -> Result<(), String> {
    let reading = read("otlp-json", quirk["input"].as_str().unwrap());
    let (spans, skipped) = (reading.spans.len(), reading.skipped.total());
    let fine = match quirk["expect"].as_str().unwrap() {
        "span" => spans >= 1 && skipped == 0,
        "skip" => spans == 0 && skipped == 1,
        "span-or-skip" => spans as u64 + skipped > 0,
        "none" => spans == 0 && skipped == 0,
        other => return Err(format!("unknown expectation {other}")),
    };
    if !fine {
        return Err(format!("{spans} spans, {:?}", reading.skipped));
    }
    if let Some(count) = quirk["spans"].as_u64()
        && spans as u64 + skipped != count
    {
        return Err(format!("{spans} spans and {skipped} skipped, expected {count}"));
    }
    let mut written = Vec::new();
    by_id("otlp-json").unwrap().write_spans(&reading.spans.finish(), &mut written).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap_or_default();
    let span = &written["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    for (field, want) in quirk["want"].as_object().into_iter().flatten() {
        if span[field] != *want {
            return Err(format!("{field} is {}, expected {want}", span[field]));
        }
    }
    if !quirk["want_attr"].is_null() && span["attributes"][0]["value"] != quirk["want_attr"] {
        return Err(format!("the attribute is {}", span["attributes"][0]["value"]));
    }
    Ok(())
}

#[test]
fn every_quirk_becomes_what_it_should() {
    let quirks = fs::read_to_string("testdata/otlp-quirks/quirks.jsonl").unwrap();
    let wrong: Vec<String> = quirks
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|quirk| judge_quirk(&quirk).err().map(|reason| format!("{}: {reason}", quirk["name"])))
        .collect();
    assert_eq!(quirks.lines().count(), 57);
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_detector_fires_and_stays_silent() {
    for detector in detect::ALL {
        let id = detector.entry().id;
        let (firing, silent) = detector.examples();
        for (text, fires) in [(firing, true), (silent, false)] {
            let reading = read("otlp-json", text);
            assert!(reading.skipped.is_empty() && !reading.spans.is_empty(), "{id}: the example is not clean");
            let store = reading.spans.finish();
            let graph = CausalGraph::new(&store);
            let findings = detector.detect(View::new(&store, &graph), &Settings::default().of(*detector));
            assert_eq!(!findings.is_empty(), fires, "{id}");
            assert!(findings.iter().all(|finding| finding.rule == id));
        }
    }
}

#[test]
fn detectors_are_quiet_where_all_is_well() {
    for file in fs::read_dir("testdata/normal").unwrap() {
        let path = file.unwrap().path();
        let mut reading = Reading::default();
        by_id("otlp-json").unwrap().read(&mut Source::open(&path).unwrap(), &mut reading).unwrap();
        let store = reading.spans.finish();
        assert!(store.len() > 1000, "{}: {} spans", path.display(), store.len());
        let graph = CausalGraph::new(&store);
        let findings = detect::detect(View::new(&store, &graph), &Settings::default());
        assert_eq!(findings, [], "{}", path.display());
        // Compared with itself, nothing has changed.
        let baseline = detect::Baseline::of(&store);
        let view = View { store: &store, graph: &graph, baseline: Some(&baseline) };
        assert_eq!(detect::detect(view, &Settings::default()), [], "{}", path.display());
    }
}

#[test]
fn every_model_decides_its_example() {
    for model in causet_checkers::models::all() {
        let reading = read("jsonl", model.example.history);
        assert!(reading.skipped.is_empty(), "{}: {:?}", model.id, reading.skipped);
        let query = Query { model: Some(model.id), ..Query::default() };
        let verdict = check(&reading.history.finish(), &query).unwrap().verdict;
        assert_eq!(verdict.id(), model.example.verdict, "{}", model.id);
    }
}

#[test]
fn every_format_that_writes_reads_back_what_it_wrote() {
    let sample = fs::read("testdata/otlp/sample.jsonl").unwrap();
    let spans = read("otlp-json", sample).spans.finish();
    let json = |reading: Reading| {
        let mut bytes = Vec::new();
        by_id("otlp-json").unwrap().write_spans(&reading.spans.finish(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let expected = json(read("otlp-json", fs::read("testdata/otlp/sample.jsonl").unwrap()));
    let writers = formats::ALL.iter().filter(|format| format.writes() == formats::Writes::Spans);
    for format in writers.filter(|format| format.loses().is_empty()) {
        let mut bytes = Vec::new();
        format.write_spans(&spans, &mut bytes).unwrap();
        let id = format.entry().id;
        assert_eq!(formats::recognise(&bytes).map(|format| format.entry().id), Some(id));
        let back = read(id, bytes);
        assert!(back.skipped.is_empty(), "{id}: {:?}", back.skipped);
        assert_eq!(back.spans.len(), spans.len(), "{id}");
        assert!(json(back) == expected || !format.loses().is_empty(), "{id}");
    }
}

/// What a format can hold comes back from it: what was read of its own bytes is written as the same bytes again, and
/// spans keep who they are, whose they are, when they were and how they ended.
#[test]
fn formats_that_lose_something_lose_nothing_that_they_can_hold() {
    let sources = [
        ("otlp-json", fs::read("testdata/otlp/sample.jsonl").unwrap()),
        ("otlp-json", zstd::decode_all(fs::File::open("testdata/normal/online-boutique.jsonl.zst").unwrap()).unwrap()),
    ];
    for format in
        formats::ALL.iter().filter(|format| format.writes() == formats::Writes::Spans && !format.loses().is_empty())
    {
        let id = format.entry().id;
        let write = |store: &causet::store::SpanStore| {
            let mut bytes = Vec::new();
            format.write_spans(store, &mut bytes).unwrap();
            bytes
        };
        for (source, bytes) in &sources {
            let store = read(source, bytes.clone()).spans.finish();
            let written = write(&store);
            assert_eq!(formats::recognise(&written).map(|format| format.entry().id), Some(id));
            let back = read(id, written.clone());
            assert!(back.skipped.is_empty(), "{id}: {:?}", back.skipped);
            let back = back.spans.finish();
            assert_eq!(String::from_utf8(write(&back)).unwrap(), String::from_utf8(written).unwrap(), "{id}");
            let held = |store: &causet::store::SpanStore| {
                let span = |span: causet::store::SpanRef<'_>| {
                    let (name, service) = (span.name_text().to_owned(), span.service_text().to_owned());
                    let events = span.events().map(|event| event.time / 1000).collect::<Vec<_>>();
                    let error = span.status() == causet::store::StatusCode::Error;
                    (span.trace_id(), span.id(), span.parent(), name, service, span.start() / 1000, error, events)
                };
                let mut spans: Vec<_> = store.iter().map(span).collect();
                spans.sort();
                spans
            };
            assert_eq!(held(&back), held(&store), "{id}");
        }
    }
}

#[test]
fn examples_of_formats_are_recognised_and_read() {
    for format in formats::ALL {
        let entry = format.entry();
        if entry.example.starts_with("causet ") {
            continue; // A format of bytes: its example is a command.
        }
        let recognised = formats::recognise(entry.example.as_bytes()).map(|format| format.entry().id);
        assert_eq!(recognised, Some(entry.id));
        let reading = read(entry.id, entry.example);
        assert!(reading.skipped.is_empty(), "{}: {:?}", entry.id, reading.skipped);
        assert!(reading.spans.len() + reading.history.len() > 0, "{}", entry.id);
    }
}

/// Each trace in `testdata/exact` with the order beside it; `UPDATE=1 cargo test exact` writes the orders.
#[test]
fn exact_events_give_the_order_that_they_state() {
    let traces = fs::read_dir("testdata/exact").unwrap().map(|entry| entry.unwrap().path());
    let traces: Vec<_> = traces.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect();
    assert!(!traces.is_empty());
    for path in traces {
        let spans = read("otlp-json", fs::read(&path).unwrap()).spans.finish();
        let order = ExactOrder::new(&spans).unwrap();
        let mut written = Vec::new();
        by_id("causal-jsonl").unwrap().write_order(&mut order.rows(&spans), &mut written).unwrap();
        let expected = path.with_extension("order");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(expected, written).unwrap();
            continue;
        }
        let expected = fs::read_to_string(expected).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected, "{}", path.display());
    }
}

#[test]
fn reports_follow_their_schema() {
    let schema: Value = serde_json::from_str(report::SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for arguments in [
        &["check", "testdata/histories"][..],
        &["check", "testdata/cli/input/broken.jsonl"],
        &["analyze", "testdata/demo/shop.jsonl.zst"],
        &["analyze", "testdata/otlp", "testdata/cli/input/errors.json", "--fail-on", "low"],
        &["analyze", "testdata/exact"],
        &["analyze", "testdata/otlp", "testdata/cli/input/orphan.json", "--trace-id", "1"],
        &["order", "testdata/demo/shop.jsonl.zst", "--from", "5b88b", "--to", "5b88b"],
        &["order", "testdata/cli/input/steps.json", "--from", "b", "--to", "c"],
        &["order", "testdata/exact/restart.jsonl", "--concurrent-with", "0000000000000004"],
        &["analyze", "testdata/otlp", "--trace-id", "5b8efff798038103d269b633813fc60c", "--service", "checkout"],
        &["analyze", "testdata/cli/input/nothing.json", "no-such-file"],
        &["gate", "--config", "testdata/gate/violated.toml"],
        &["gate", "--config", "testdata/gate/unknown.toml"],
        &["gate", "--config", "testdata/gate/empty.toml"],
        &["gate", "--config", "no-such-file"],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_causet"))
            .args(arguments)
            .args(["--report", "json"])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{arguments:?}");
    }
}
