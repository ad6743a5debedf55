//! Reading histories: CPU time on one thread, for each of our formats.
//!
//!     cargo bench --bench reading                     # a million operations of each format
//!     cargo bench --bench reading -- --only edn

use causet::formats::{Reading, Source, by_id};
use cpu_time::ThreadTime;
use std::fmt::Write;

const OPERATIONS: usize = 1_000_000;
const CLIENTS: usize = 10;

/// An operation of one of a few clients that take turns, so that all are open at once.
struct Row {
    client: usize,
    key: usize,
    write: bool,
    value: usize,
}

fn rows() -> impl Iterator<Item = Row> {
    (0..OPERATIONS).map(|i| Row { client: i % CLIENTS, key: i * 7919 % 100, write: i % 2 == 0, value: i / 3 })
}

/// Events of operations, of which the clients' are open at the same time.
fn events(mut line: impl FnMut(&mut String, &Row, bool)) -> String {
    let mut text = String::new();
    let rows: Vec<Row> = rows().collect();
    for together in rows.chunks(CLIENTS) {
        together.iter().for_each(|row| line(&mut text, row, true));
        together.iter().for_each(|row| line(&mut text, row, false));
    }
    text
}

fn jsonl_operations() -> String {
    let mut text = String::new();
    for (i, Row { client, key, write, value }) in rows().enumerate() {
        let name = if write { "write" } else { "read" };
        let (input, output) =
            if write { (value.to_string(), "null".into()) } else { ("null".into(), value.to_string()) };
        let _ = writeln!(
            text,
            r#"{{"process":"c{client}","f":"{name}","key":"k{key}","input":{input},"output":{output},"call":{},"return":{},"status":"ok"}}"#,
            10 * i,
            10 * i + 55,
        );
    }
    text
}

fn jsonl_events() -> String {
    let mut time = 0;
    events(|text, Row { client, key, write, value }, invoke| {
        time += 17;
        let (kind, name) = (if invoke { "invoke" } else { "ok" }, if *write { "write" } else { "read" });
        let value = if invoke == *write { value.to_string() } else { "null".into() };
        let _ = writeln!(
            text,
            r#"{{"process":"c{client}","type":"{kind}","f":"{name}","key":"k{key}","value":{value},"time":{time}}}"#
        );
    })
}

fn edn() -> String {
    let (mut time, mut index) = (0, 0);
    events(|text, Row { client, write, value, .. }, invoke| {
        (time, index) = (time + 17, index + 1);
        let (kind, name) = (if invoke { "invoke" } else { "ok" }, if *write { "write" } else { "read" });
        let value = if *write || !invoke { value.to_string() } else { "nil".into() };
        let _ = writeln!(
            text,
            "{{:type :{kind}, :f :{name}, :value {value}, :process {client}, :time {time}, :index {index}}}"
        );
    })
}

fn log() -> String {
    events(|text, Row { client, write, value, .. }, invoke| {
        let (kind, name) = (if invoke { "invoke" } else { "ok" }, if *write { "write" } else { "read" });
        let value = if *write || !invoke { value.to_string() } else { "nil".into() };
        let _ = writeln!(text, "INFO  jepsen.util - {client}\t:{kind}\t:{name}\t{value}");
    })
}

fn porcupine() -> String {
    events(|text, Row { client, key, write, value }, invoke| {
        let (kind, name) = (if invoke { "invoke" } else { "ok" }, if *write { "put" } else { "get" });
        let value = if *write || !invoke { format!("\"{value}\"") } else { "nil".into() };
        let _ = writeln!(text, "{{:process {client}, :type :{kind}, :f :{name}, :key \"{key}\", :value {value}}}");
    })
}

/// What it is called, the format's id, and what writes it.
type Case = (&'static str, &'static str, fn() -> String);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|word| word == "--test") {
        return; // `cargo test` only asks whether it starts.
    }
    let only = arguments.iter().skip_while(|word| *word != "--only").nth(1).cloned().unwrap_or_default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let cases: [Case; 5] = [
        ("jsonl, operations", "jsonl", jsonl_operations),
        ("jsonl, events", "jsonl", jsonl_events),
        ("jepsen-edn, events", "jepsen-edn", edn),
        ("jepsen-log, events", "jepsen-log", log),
        ("porcupine-kv, events", "porcupine-kv", porcupine),
    ];
    for (name, format, write) in cases.into_iter().filter(|case| case.0.contains(&only)) {
        let text = write().into_bytes();
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        let best = (0..3)
            .map(|_| {
                let mut source = Source::plain(text.clone());
                pool.install(|| {
                    let begin = ThreadTime::now();
                    let mut reading = Reading::default();
                    by_id(format).expect("it exists").read(&mut source, &mut reading).expect("memory can be read");
                    let skipped = reading.skipped.total();
                    let history = reading.history.finish();
                    let elapsed = begin.elapsed();
                    assert_eq!((history.len(), skipped), (OPERATIONS, 0), "{name}");
                    elapsed
                })
            })
            .min()
            .expect("several runs");
        let seconds = best.as_secs_f64();
        println!(
            "{name:<22} {lines:>8} lines {:>6.1} MB | {:>7.1} ms | {:>5.2} M operations/s, {:>5.2} M lines/s, {:>6.1} MB/s",
            text.len() as f64 / 1e6,
            seconds * 1e3,
            OPERATIONS as f64 / seconds / 1e6,
            lines as f64 / seconds / 1e6,
            text.len() as f64 / seconds / 1e6,
        );
    }
}
