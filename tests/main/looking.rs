//! Looking at traces: what is shown fits the screen, filters account for what they leave out, pictures are well-formed.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn causet(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causet"));
    command.args(args).env_remove("COLUMNS").env_remove("LINES");
    command
}

fn text(output: Output) -> String {
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All traces that are here, with what it takes to read them.
fn traces() -> Vec<Vec<&'static str>> {
    let logged = r"(?<host>node\d+)\] (?<clock>\{.*\}) (?<event>.*)";
    vec![
        vec!["testdata/demo/shop.jsonl.zst"],
        vec!["testdata/otlp/sample.jsonl"],
        vec!["testdata/otlp", "testdata/cli/input/errors.json", "testdata/cli/input/orphan.json"],
        vec!["testdata/exact/restart-sampled.jsonl"],
        vec!["testdata/jaeger/orphans.json"],
        vec!["testdata/zipkin/shared.json"],
        vec!["testdata/shiviz/reliable-broadcast.log", "--input-format", "shiviz", "--log-regex", logged],
        vec!["testdata/cli/input/operations.json"],
    ]
}

#[test]
fn an_overview_and_a_trace_fit_the_screen() {
    for (columns, lines) in [(80, 24), (80, 30), (100, 40), (120, 50), (200, 80)] {
        for input in traces() {
            let run = |more: &[&str]| {
                let args = [&["analyze"], &input[..], more].concat();
                let mut command = causet(&args);
                text(command.env("COLUMNS", columns.to_string()).env("LINES", lines.to_string()).output().unwrap())
            };
            let overview = run(&[]);
            let id = overview.split_once("--trace-id ").unwrap_or_else(|| panic!("{overview}")).1;
            let trace = run(&["--trace-id", id.lines().next().unwrap()]);
            assert!(trace.contains(" causet order "), "{trace}");
            for shown in [overview, trace] {
                // The commands that lead on are as long as the names of the inputs.
                let (next, rows): (Vec<&str>, Vec<&str>) =
                    shown.lines().partition(|line| line.starts_with("next:") || line.starts_with("      causet"));
                let wrapped: usize = next.iter().map(|line| line.chars().count().div_ceil(columns)).sum();
                let used = rows.len() + wrapped;
                assert!(used < lines.min(50), "{used} lines on a screen of {columns} × {lines}:\n{shown}");
                let wide = rows.iter().find(|line| line.chars().count() > columns);
                assert_eq!(wide, None, "on a screen of {columns} × {lines}:\n{shown}");
            }
        }
    }
}

fn report(args: &[&str]) -> Value {
    let args = [&["analyze", "testdata/demo/shop.jsonl.zst", "--report", "json"], args].concat();
    serde_json::from_str(&text(causet(&args).output().unwrap())).unwrap()
}

#[test]
fn filters_compose_and_account_for_what_they_leave_out() {
    let whole = report(&[]);
    assert_eq!(whole.get("filtered"), None);
    let calls = |report: &Value, service: &str| -> Vec<Value> {
        let rows = report["operations"].as_array().unwrap().iter();
        rows.filter(|row| row["service"] == service)
            .map(|row| json!([row["operation"], row["count"], row["p99_ns"]]))
            .collect()
    };
    // A service alone has the numbers that it has among the others.
    let cart = report(&["--service", "cartservice"]);
    assert_eq!(calls(&cart, "cartservice"), calls(&whole, "cartservice"));
    assert_eq!(cart["operations"].as_array().unwrap().len(), calls(&cart, "cartservice").len());
    // Two halves of the time are all of it.
    let middle = "2022-08-22T04:02:18Z";
    let halves = [report(&["--until", middle]), report(&["--since", middle])];
    let number = |report: &Value, place: &str| report.pointer(place).unwrap().as_u64().unwrap();
    for place in ["/summary/spans", "/summary/traces"] {
        let parts: u64 = halves.iter().map(|half| number(half, place)).sum();
        assert_eq!(parts, number(&whole, place), "{place}");
        assert!(halves.iter().all(|half| number(half, place) > 0));
    }
    let account = |report: &Value, spans: u64| {
        let filtered = &report["filtered"];
        assert_eq!(number(filtered, "/read/spans"), number(&whole, "/summary/spans"));
        assert_eq!(number(filtered, "/matching/spans"), number(report, "/summary/spans"));
        assert_eq!(number(filtered, "/context_spans"), spans);
    };
    account(&halves[0], 0);
    // Both filters leave what each of them leaves.
    let both = report(&["--until", middle, "--service", "cartservice", "--limit", "1"]);
    let [in_half, in_whole] = [&halves[0], &whole].map(|report| calls(report, "cartservice"));
    assert!(in_half.len() > 1 && in_half != in_whole);
    let all = report(&["--until", middle, "--service", "cartservice"]);
    assert_eq!(calls(&all, "cartservice"), in_half);
    assert_eq!(calls(&both, "cartservice"), in_half[..1]);
    assert_eq!(number(&both, "/filtered/rows/operations"), in_half.len() as u64 - 1);
    assert!(number(&both, "/filtered/context_spans") > 0);
    // What serves as reference is not looked at.
    let compared = report(&["--reference-window", &format!("2022-08-22..{middle}")]);
    assert_eq!(number(&compared, "/filtered/reference/spans"), number(&halves[0], "/summary/spans"));
    assert_eq!(compared["summary"], halves[1]["summary"]);
}

/// Spans whose names try to leave the formats that they are drawn in.
fn odd_spans() -> String {
    let names = [
        "plain",
        "quote\" ] ; } -> x",
        "back\\slash\\",
        "line\nfeed",
        "nul\u{0} and \u{1b}[31m",
        "<b>html</b>",
        "",
        "日本語 {|}",
        "\\\"",
        "%n \\N \\l",
    ];
    let span = |(at, name): (usize, &&str)| {
        let start = 1_700_000_000_000_000_000u64 + at as u64 % 4 * 1000;
        let parent = if at % 3 == 0 { String::new() } else { format!("{:016x}", at / 2 + 1) };
        json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}, "scopeSpans": [{"spans": [{
            "traceId": format!("{:032x}", 1 + at % 2), "spanId": format!("{:016x}", at + 1), "parentSpanId": parent,
            "name": name, "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1500 * (at as u64 % 3)).to_string(),
            "events": [{"timeUnixNano": start.to_string(), "name": name}],
            "attributes": [{"key": name, "value": {"stringValue": name}}],
            "links": [{"traceId": format!("{:032x}", 1 + (at + 1) % 2), "spanId": format!("{:016x}", (at + 1) % names.len() + 1)}],
        }]}]})
    };
    json!({"resourceSpans": names.iter().enumerate().map(span).collect::<Value>()}).to_string()
}

fn drawn(format: &str, from: &str) -> String {
    let mut command = causet(&["convert", from, "--to", format]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    if from == "-" {
        stdin.write_all(odd_spans().as_bytes()).unwrap();
    }
    drop(stdin);
    text(child.wait_with_output().unwrap())
}

/// Process and thread.
type Track = (u64, u64);
/// Kind, place and time.
type FlowEnd<'a> = (&'a str, Track, u64);

/// What a viewer of trace events relies on, checked one by one.
#[test]
fn trace_events_are_what_viewers_take() {
    for from in ["-", "testdata/demo/shop.jsonl.zst", "testdata/zipkin/shared.json", "testdata/exact/restart.jsonl"] {
        let whole: Value = serde_json::from_str(&drawn("perfetto", from)).unwrap();
        let events = whole["traceEvents"].as_array().unwrap();
        let mut tracks: BTreeMap<Track, Vec<(u64, u64)>> = BTreeMap::new();
        let mut named = Vec::new();
        let mut flows: BTreeMap<u64, Vec<FlowEnd<'_>>> = BTreeMap::new();
        let nanos = |value: &Value| (value.as_f64().filter(|time| *time >= 0.0).unwrap() * 1000.0).round() as u64;
        for event in events {
            let track = || (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
            assert!(event["name"].is_string(), "{event}");
            match event["ph"].as_str().unwrap() {
                "M" if event["name"] == "thread_name" => named.push(track()),
                "M" => assert_eq!(event["name"], "process_name"),
                "X" => tracks.entry(track()).or_default().push((nanos(&event["ts"]), nanos(&event["dur"]))),
                "i" => assert_eq!((event["s"].as_str(), nanos(&event["ts"]) < u64::MAX), (Some("t"), true)),
                kind @ ("s" | "f") => {
                    assert!(kind == "s" || event["bp"] == "e");
                    let id = event["id"].as_u64().expect("ids of flows are numbers");
                    flows.entry(id).or_default().push((kind, track(), nanos(&event["ts"])));
                }
                other => panic!("an event of kind {other}"),
            }
        }
        let track_names: Vec<_> = tracks.keys().copied().collect();
        named.sort_unstable();
        assert_eq!(named, track_names, "{from}");
        for (track, slices) in &mut tracks {
            slices.sort_by_key(|&(start, length)| (start, std::cmp::Reverse(length)));
            let mut open: Vec<u64> = Vec::new();
            for &(start, length) in slices.iter() {
                open.retain(|end| *end > start);
                assert!(
                    open.last().is_none_or(|end| start + length <= *end),
                    "{from}: {track:?} at {start} does not nest"
                );
                open.push(start + length);
            }
        }
        assert!(from != "-" || flows.len() > 5, "{from}: {flows:?}");
        for (id, ends) in &flows {
            let [("s", from, leaves), ("f", to, arrives)] = ends[..] else { panic!("flow {id}: {ends:?}") };
            for (track, time) in [(from, leaves), (to, arrives)] {
                let lies_in = tracks[&track].iter().any(|&(start, length)| start <= time && time <= start + length);
                assert!(lies_in, "flow {id} touches no slice of {track:?} at {time}");
            }
        }
    }
}

/// The tokens of a text in the language of Graphviz, as its scanner finds them.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        let mut token = first.to_string();
        match first {
            first if first.is_whitespace() => continue,
            '"' => loop {
                let next = rest.next().expect("a string that ends");
                assert!(!next.is_control(), "a control character in a string");
                token.push(next);
                match next {
                    '"' => break,
                    '\\' => token.push(rest.next().expect("a string that ends")),
                    _ => {}
                }
            },
            '-' => token.push(rest.next().filter(|next| *next == '>').expect("an arrow")),
            '{' | '}' | '[' | ']' | ';' | '=' | ',' => {}
            first if first.is_alphanumeric() => {
                while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    token.push(next);
                }
            }
            other => panic!("{other:?} outside of a string"),
        }
        tokens.push(token);
    }
    tokens
}

#[test]
fn graphs_are_well_formed_whatever_the_names() {
    for from in ["-", "testdata/cli/input/orphan.json", "testdata/exact/restart.jsonl", "testdata/jaeger/orphans.json"]
    {
        let text = drawn("dot", from);
        let all = tokens(&text);
        let mut depth = Vec::new();
        let mut nodes = std::collections::BTreeSet::new();
        for (at, token) in all.iter().enumerate() {
            match token.as_str() {
                open @ ("{" | "[") => depth.push(if open == "{" { "}" } else { "]" }),
                close @ ("}" | "]") => assert_eq!(depth.pop(), Some(close), "{from}: token {at}"),
                name if name.starts_with('e')
                    && name[1..].parse::<u32>().is_ok()
                    && all[at + 1] == "["
                    && all[at - 1] != "->" =>
                {
                    nodes.insert(name.to_owned());
                }
                _ => {}
            }
        }
        assert!(depth.is_empty());
        for (at, _) in all.iter().enumerate().filter(|(_, token)| *token == "->") {
            assert!(nodes.contains(&all[at - 1]) && nodes.contains(&all[at + 1]), "{from}: an edge of no nodes");
        }
        assert!(nodes.len() > 5);
    }
    assert!(drawn("dot", "-").contains(r#"label="quote\" ] ; } -> x""#));
}
