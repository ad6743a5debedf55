//! `causet gate` as a CI job runs it: 100 MB of traces and fifty histories, from the start of the process to its exit code,
//! beside a plain `serde_json` parse of the same traces.
//!
//!     cargo bench --bench gate

use causet::formats::{Reading, Source, by_id};
use cpu_time::ProcessTime;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const BYTES: usize = 100_000_000;
const HISTORIES: usize = 50;
const CONFIG: &str = "[traces]\ninputs = [\"traces.jsonl\"]\n
[[expect]]\nthat = \"unbroken()\"\n[[expect]]\nthat = \"errors.rate < 0.01\"\n
[[expect]]\nthat = 'latency.p99(\"frontend\") < \"5s\"'\n[analyze]\nfail-on = \"critical\"\n
[[check]]\ninputs = [\"histories\"]\nfail-on = \"never\"\n";
/// Every report that writes a file, as the GitHub action asks for them.
const REPORTS: [&str; 4] = ["junit=causet.xml", "sarif=causet.sarif", "html=causet.html", "json=causet.json"];

/// The recorded shop, again and again, each time with trace ids of its own.
fn traces() -> String {
    let packed = fs::read("testdata/demo/shop.jsonl.zst").expect("the recorded shop");
    let one = String::from_utf8(zstd::decode_all(&packed[..]).expect("zstd")).expect("JSON");
    let parts: Vec<&str> = one.split("\"traceId\":\"").collect();
    let mut text = String::with_capacity(BYTES + one.len());
    for copy in 0.. {
        if text.len() >= BYTES {
            return text;
        }
        text.push_str(parts[0]);
        for part in &parts[1..] {
            let head = u32::from_str_radix(&part[..8], 16).expect("a trace id");
            let _ = write!(text, "\"traceId\":\"{:08x}{}", head ^ copy, &part[8..]);
        }
    }
    text
}

/// Fifty of the recorded etcd histories.
fn histories(folder: &Path) {
    let mut all: Vec<_> = fs::read_dir("testdata/histories/etcd").expect("recorded").flatten().collect();
    all.sort_by_key(fs::DirEntry::path);
    for entry in all.iter().take(HISTORIES) {
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("a copy");
    }
}

/// Seconds of wall-clock time from start to exit, the best of three.
#[expect(clippy::disallowed_methods, reason = "how long a job waits is wall-clock time")]
fn seconds(folder: &Path, arguments: &[&str]) -> f64 {
    let once = || {
        let begin = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_causet"))
            .current_dir(folder)
            .args(["gate", "-q"])
            .args(arguments)
            .output()
            .expect("causet runs");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        begin.elapsed().as_secs_f64()
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// CPU seconds of something on all threads, the best of three.
fn cpu(mut work: impl FnMut()) -> f64 {
    let mut once = || {
        let begin = ProcessTime::now();
        work();
        begin.elapsed().as_secs_f64()
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-gate");
    fs::create_dir_all(folder.join("histories")).expect("a folder");
    let text = traces();
    fs::write(folder.join("traces.jsonl"), &text).expect("traces");
    fs::write(folder.join("causet.toml"), CONFIG).expect("the configuration");
    histories(&folder.join("histories"));
    let peer = cpu(|| {
        for value in serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>() {
            std::hint::black_box(value.expect("JSON"));
        }
    });
    let ours = cpu(|| {
        let mut reading = Reading::default();
        let format = by_id("otlp-json").expect("it is there");
        format.read(&mut Source::memory(text.as_bytes()), &mut reading).expect("it can be read");
        std::hint::black_box(reading.spans.finish());
    });
    let reports: Vec<&str> = REPORTS.iter().flat_map(|report| ["--report", report]).collect();
    let (plain, all) = (seconds(&folder, &[]), seconds(&folder, &reports));
    println!("{} MB of traces, {HISTORIES} histories", text.len() / 1_000_000);
    println!("serde_json into values          {peer:6.2} s of CPU");
    println!("reading the traces into spans   {ours:6.2} s of CPU  {:.2} of it", ours / peer);
    println!("causet gate                     {plain:6.2} s        {:.2} of it", plain / peer);
    println!("causet gate with four reports   {all:6.2} s        {:.2} of it", all / peer);
}
