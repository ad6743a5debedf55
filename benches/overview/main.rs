//! Looking at a million spans as a user does: `causet analyze` on a file, from start to end.
//!
//!     cargo bench --bench overview                    # a million spans, as OTLP JSON lines
//!     cargo bench --bench overview -- 200000          # fewer

#![allow(clippy::disallowed_methods, reason = "what a user waits for is wall-clock time")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const SPANS: usize = 1_000_000;
/// Spans of a trace.
const TRACE: usize = 20;
/// Traces whose spans are exported together.
const BATCH: usize = 50;
const SERVICES: [&str; 10] =
    ["frontend", "cart", "checkout", "payment", "shipping", "email", "currency", "catalog", "ads", "recommendation"];

fn main() -> io::Result<()> {
    let spans = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(SPANS);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("overview.otlp.jsonl");
    generate(&path, spans)?;
    let bytes = fs::metadata(&path)?.len();
    println!("{spans} spans, {} MB", bytes / 1_000_000);
    for report in ["text", "json"] {
        let (start, before) = (Instant::now(), children_seconds());
        let mut command = Command::new(env!("CARGO_BIN_EXE_causet"));
        let status = command.arg("analyze").arg(&path).args(["--report", report]).stdout(Stdio::null()).status()?;
        assert!(status.success(), "{status}");
        let cpu = children_seconds() - before;
        println!("causet analyze --report {report}: {:.2} s, {cpu:.2} s of CPU time", start.elapsed().as_secs_f64());
    }
    fs::remove_file(path)
}

/// CPU time of the processes that were waited for, as far as the system tells: in hundredths of a second.
fn children_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which is in parentheses: the 16th and 17th fields.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Traces of ten services in which each call makes up to three others, exported in batches by service.
fn generate(path: &Path, spans: usize) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 42u64;
    let mut below = move |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    for batch in 0..spans.div_ceil(TRACE * BATCH) {
        let mut by_service = vec![String::new(); SERVICES.len()];
        for trace in 0..BATCH {
            one_trace(batch * BATCH + trace, &mut by_service, &mut below);
        }
        write!(to, "{{\"resourceSpans\":[")?;
        for (at, (service, spans)) in SERVICES.iter().zip(&by_service).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(
                to,
                r#"{comma}{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}},{{"key":"service.instance.id","value":{{"stringValue":"{service}-7d9f-{}"}}}},{{"key":"host.name","value":{{"stringValue":"node-{}"}}}}]}},"scopeSpans":[{{"scope":{{"name":"bench","version":"1"}},"spans":[{}]}}]}}"#,
                batch % 3,
                at % 4,
                spans.trim_start_matches(','),
            )?;
        }
        writeln!(to, "]}}")?;
    }
    to.flush()
}

fn one_trace(number: usize, by_service: &mut [String], below: &mut impl FnMut(u64) -> u64) {
    // By span: start and end, in nanoseconds.
    let mut times: Vec<(u64, u64)> = Vec::new();
    let begin = 1_700_000_000_000_000_000 + number as u64 * 5_000_000;
    for at in 0..TRACE {
        let parent = if at == 0 { None } else { Some((at - 1) / 3) };
        let (start, end) = match parent.map(|parent| times[parent]) {
            None => (begin, begin + 40_000_000 + below(60_000_000)),
            Some((start, end)) => {
                let quarter = (end - start) / 4;
                let start = start + quarter * ((at as u64 - 1) % 3) + below(quarter / 8);
                (start, start + quarter - below(quarter / 4))
            }
        };
        times.push((start, end));
        let service = if at == 0 { 0 } else { (at + number / 7) % SERVICES.len() };
        let id = |at: usize| (number * TRACE + at + 1) as u64;
        let parent = parent.map_or_else(String::new, |parent| format!(r#""parentSpanId":"{:016x}","#, id(parent)));
        let kind = if at % 2 == 0 { 2 } else { 3 };
        let status = if below(1000) == 0 { r#"{"code":2,"message":"deadline exceeded"}"# } else { "{}" };
        let events = if below(10) == 0 {
            format!(r#""events":[{{"timeUnixNano":"{}","name":"cache miss"}}],"#, (start + end) / 2)
        } else {
            String::new()
        };
        let _ = write!(
            by_service[service],
            r#",{{"traceId":"{:032x}","spanId":"{:016x}",{parent}"name":"/{}/Operation{}","kind":{kind},"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","attributes":[{{"key":"http.request.method","value":{{"stringValue":"POST"}}}},{{"key":"url.path","value":{{"stringValue":"/api/v1/{}/{}"}}}},{{"key":"http.response.status_code","value":{{"intValue":"200"}}}},{{"key":"server.address","value":{{"stringValue":"10.0.0.{}"}}}},{{"key":"thread.id","value":{{"intValue":"{}"}}}}],{events}"status":{status}}}"#,
            number as u128 * 0x9e37_79b9_7f4a_7c15 + 1,
            id(at),
            SERVICES[service],
            at % 6,
            SERVICES[service],
            below(2000),
            service + 1,
            below(64),
        );
    }
}
