//! Files as the Collector leaves them: compressed message by message, rotated in the middle of one.

use causet::formats::{self, Reading, Source, by_id};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROTATED: &str = "testdata/collector/rotated";

fn causet(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_causet")).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// The spans that a file holds, as OTLP/JSON.
fn spans(path: &str) -> String {
    let bytes = fs::read(path).unwrap();
    let mut reading = Reading::default();
    formats::recognise(&bytes).unwrap().read(&mut Source::memory(bytes), &mut reading).unwrap();
    assert!(reading.skipped.is_empty(), "{:?}", reading.skipped);
    let mut written = Vec::new();
    by_id("otlp-json").unwrap().write_spans(&reading.spans.finish(), &mut written).unwrap();
    String::from_utf8(written).unwrap()
}

#[test]
fn each_way_of_writing_says_the_same() {
    let json = spans("testdata/collector/json-zstd.frames");
    assert_eq!(json.matches("\"spanId\"").count(), 6);
    assert_eq!(spans("testdata/collector/proto-zstd.frames"), json);
    // A folder, a glob, and what a shell makes of the glob, in whichever order.
    let mut files: Vec<PathBuf> = fs::read_dir(ROTATED).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    let backwards: Vec<&str> = named.iter().rev().copied().collect();
    let glob = format!("{ROTATED}/traces*");
    for inputs in [&[ROTATED][..], &[&glob], &named, &backwards] {
        let (code, written) = causet(&[&["convert", "--to", "otlp-json", "--strict"], inputs].concat());
        assert_eq!((code, &written), (0, &json), "{inputs:?}");
    }
}

#[test]
fn rotated_files_are_inputs_of_their_own_in_the_order_of_their_writing() {
    let (code, report) = causet(&["analyze", ROTATED, "--report", "json"]);
    assert_eq!(code, 0);
    let report: Value = serde_json::from_str(&report).unwrap();
    let inputs = report["inputs"].as_array().unwrap();
    let read: Vec<_> = inputs.iter().map(|input| (input["path"].as_str().unwrap(), input["spans"].as_u64())).collect();
    let file = |name: &str| format!("{ROTATED}/{name}");
    assert_eq!(
        read,
        [
            (&*file("traces-2024-01-02T03-04-05.678.jsonl"), Some(2)),
            (&*file("traces-2024-01-02T03-05-06.789-size.jsonl.gz"), Some(3)),
            (&*file("traces.jsonl"), Some(1)),
        ]
    );
    assert_eq!(report["findings"], serde_json::json!([]));
}

#[test]
fn a_compressed_message_may_be_cut_by_a_rotation_with_an_empty_file_between() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rotated-frames");
    let bytes = fs::read("testdata/collector/proto-zstd.frames").unwrap();
    for cut in [4, 113, 300, 500] {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("t-2024-01-02T03-04-05.678.bin"), &bytes[..cut]).unwrap();
        fs::write(folder.join("t-2024-01-02T03-04-06.000-time.bin"), "").unwrap();
        fs::write(folder.join("t.bin"), &bytes[cut..]).unwrap();
        let (code, written) = causet(&["convert", folder.to_str().unwrap(), "--to", "otlp-json", "--strict"]);
        assert_eq!((code, written.matches("\"spanId\"").count()), (0, 6), "cut at {cut}");
    }
}

/// Operations in rotated traces are one history: a read in the second file of what the first one wrote is right. Rotated
/// histories stay histories of their own, for runs are called so too.
#[test]
fn operations_in_rotated_traces_are_one_history() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rotated-operations");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let operation = |id: u64, name: &str, key: &str, value: u64| {
        let text = |key: &str, value: &str| serde_json::json!({"key": key, "value": {"stringValue": value}});
        serde_json::json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": format!("{id:032x}"), "spanId": format!("{id:016x}"), "name": name,
            "startTimeUnixNano": (id * 100).to_string(), "endTimeUnixNano": (id * 100 + 50).to_string(),
            "attributes": [text("causet.op.f", name), text("causet.op.process", "c"),
                {"key": key, "value": {"intValue": value.to_string()}}],
        }]}]}]})
        .to_string()
    };
    let lines = [operation(1, "write", "causet.op.input", 7), operation(2, "read", "causet.op.output", 7)];
    fs::write(folder.join("t-2024-01-02T03-04-05.678.jsonl"), format!("{}\n", lines[0])).unwrap();
    fs::write(folder.join("t.jsonl"), format!("{}\n", lines[1])).unwrap();
    let check = |expected: i32, results: usize| {
        let (code, report) = causet(&["check", folder.to_str().unwrap(), "--model", "register", "--report", "json"]);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!((code, report["results"].as_array().unwrap().len()), (expected, results), "{report}");
        report
    };
    let report = check(0, 1);
    assert_eq!(report["results"][0]["operations"], 2);
    let line = |function: &str, field: &str| {
        format!(r#"{{"process":"c","f":"{function}","{field}":7,"call":1,"return":2,"status":"ok"}}"#)
    };
    fs::write(folder.join("t-2024-01-02T03-04-05.678.jsonl"), line("write", "input")).unwrap();
    fs::write(folder.join("t.jsonl"), line("read", "output")).unwrap();
    check(1, 2);
}
