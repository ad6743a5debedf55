//! Reports, opened by what reads them: SARIF and JUnit by their schemas, Markdown and annotations by their limits.

use serde_json::Value;
use std::process::{Command, Stdio};

/// Runs that end in every way there is.
const RUNS: [&[&str]; 8] = [
    &["gate", "--config", "testdata/gate/holds.toml"],
    &["gate", "--config", "testdata/gate/violated.toml"],
    &["gate", "--config", "testdata/gate/unknown.toml"],
    &["gate", "--config", "testdata/gate/empty.toml"],
    &["check", "testdata/histories", "testdata/cli/input"],
    &["analyze", "testdata/otlp", "testdata/cli/input/errors.json", "--fail-on", "low"],
    &["analyze", "testdata/cli/input/nothing.json", "no-such-file"],
    &["analyze", "testdata/otlp/sample.jsonl", "--trace-id", "5b8efff798038103d269b633813fc60c", "--limit", "2"],
];

fn report(arguments: &[&str], format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_causet"))
        .args(arguments)
        .args(["--report", format])
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sarif_is_what_its_schema_says() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string("testdata/schemas/sarif-2.1.0.json").unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for arguments in RUNS {
        let text = report(arguments, "sarif");
        let log: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = schema.iter_errors(&log).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{arguments:?}");
        assert_eq!(report(arguments, "sarif").replace(char::is_numeric, ""), text.replace(char::is_numeric, ""));
    }
    let log: Value = serde_json::from_str(&report(RUNS[1], "sarif")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let by_rule = |rule: &str| results.iter().find(|result| result["ruleId"] == rule).unwrap();
    let place = |result: &Value| {
        let place = &result["locations"][0]["physicalLocation"];
        format!("{}:{}", place["artifactLocation"]["uri"].as_str().unwrap(), place["region"]["startLine"])
    };
    assert_eq!(place(by_rule("error-status")), "testdata/gate/bad.jsonl:3");
    assert_eq!(place(by_rule("linearizable")), "testdata/cli/input/register.jsonl:7");
    assert_eq!(place(by_rule("expectation")), "testdata/gate/violated.toml:7");
    let logical = &by_rule("error-status")["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(logical, "payment/charge card/0000000000000033");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "error-status" && rule["help"]["text"].is_string()));
}

#[test]
fn junit_is_what_its_schema_says() {
    for arguments in RUNS {
        let text = report(arguments, "junit");
        assert!(text.starts_with("<?xml") && text.ends_with("</testsuites>\n"));
        let Ok(mut child) = Command::new("xmllint")
            .args(["--noout", "--schema", "testdata/schemas/junit-10.xsd", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
        else {
            eprintln!("SKIPPED: there is no xmllint here to validate JUnit XML with");
            return;
        };
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    }
    let text = report(RUNS[1], "junit");
    assert!(
        text.contains("<failure type=\"violated\" message=\"no charge without a reservation: 1 of 3 traces"),
        "{text}"
    );
    let text = report(&["check", "testdata/histories/kv/c01-bad.txt", "--model", "kv"], "junit");
    assert!(text.contains("linearizable kv, key "), "{text}");
    assert!(text.contains("the other keys"), "{text}");
}

#[test]
fn annotations_come_before_the_summary_or_the_summary_goes_to_its_file() {
    let text = report(RUNS[1], "github");
    assert!(text.starts_with("::error file="), "{text}");
    assert!(text.contains("\n## ❌ causet gate: violated\n"), "{text}");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("step-summary.md");
    let _ = std::fs::remove_file(&path);
    let output = Command::new(env!("CARGO_BIN_EXE_causet"))
        .args(RUNS[1])
        .args(["--report", "github"])
        .env("GITHUB_STEP_SUMMARY", &path)
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("##"));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("## ❌ causet gate: violated\n"));
}

/// What a browser says on its console when it opens a page; nothing if there is no browser.
fn console(page: &str, name: &str) -> Option<Vec<String>> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.html"));
    std::fs::write(&path, page).unwrap();
    for browser in ["chromium", "chromium-browser", "google-chrome"] {
        let run = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000"])
            .arg(format!("--user-data-dir={}", folder.join(format!("profile-{name}")).display()))
            .arg(format!("file://{}", path.display()))
            .output();
        let Ok(output) = run else { continue };
        let dom = String::from_utf8_lossy(&output.stdout);
        assert!(dom.contains("</html>"), "{browser} opened nothing: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Some(said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect());
    }
    None
}

#[test]
fn the_page_opens_without_an_error_and_without_a_request() {
    // The page forbids all requests; one that was tried would be told on the console, as it is for this one.
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'";
    let control = format!(
        "<!doctype html><html><head>{policy}\"></head><body><img src=\"http://example.invalid/x.png\"></body></html>"
    );
    let control = control.as_str();
    let Some(said) = console(control, "control") else {
        eprintln!("SKIPPED: there is no Chromium here to open the page in");
        return;
    };
    assert!(!said.is_empty(), "the browser tells nothing of a request that fails");
    for (at, arguments) in [RUNS[1], RUNS[4], RUNS[5], RUNS[7]].into_iter().enumerate() {
        let page = report(arguments, "html");
        assert!(page.contains(policy));
        assert_eq!(console(&page, &format!("page-{at}")), Some(Vec::new()), "{arguments:?}");
    }
}

#[test]
fn the_page_is_well_formed_small_and_loads_nothing() {
    for arguments in RUNS {
        let page = report(arguments, "html");
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        for loads in ["<script", " src=", "url(", "@import", "<iframe"] {
            assert!(!page.contains(loads), "{arguments:?}: {loads}");
        }
        assert!(page.len() < 5 << 20);
        for element in ["table", "section", "svg", "ul", "tr", "span", "g"] {
            let opened = page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
            assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}");
        }
    }
    let page = report(RUNS[1], "html");
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("<svg "), "{page}");
    assert!(page.contains("has no span of <code>stock</code>"), "{page}");
}

#[test]
fn the_page_shows_the_trace_that_was_asked_for_and_every_picture_tells_the_filters() {
    let page = report(RUNS[7], "html");
    for part in [
        "<h2>Trace 5b8efff798038103d269b633813fc60c</h2>\n<p>1.00 s, 3 spans, 1 error<br>2018-12-13 14:51:00 UTC</p>",
        "checkout POST /checkout <span class=\"error\">✗</span><br><span class=\"dim\">declined ✗</span><br>",
        "→ link to span 000000000000000b of trace 0000000000000000000000000000000a, not in the data",
        "<td class=\"n\">1.00 s</td><td class=\"n\">200 ms</td><td><svg class=\"w\"",
        "<rect class=\"wb\" x=\"100\" y=\"0\" width=\"800\" height=\"10\"/><rect class=\"wc\" x=\"100\" y=\"0\" width=\"800\"",
        "<p class=\"dim\">showing 2 of 3</p>",
        "<td class=\"n\">800 ms</td><td class=\"n\">80 %</td><td>checkout charge</td>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!report(RUNS[5], "html").contains("<h2>Trace "));
    let account = "trace-id 5b8efff798038103d269b633813fc60c: 3 of 4 spans in 1 of 2 traces; rows cut off by the limit: 1 of operations, 1 of trace";
    for format in ["html", "svg"] {
        assert!(report(RUNS[7], format).contains(account), "{format}");
    }
}

/// The limit is for tables: what gates, files or compares findings has all of them.
#[test]
fn no_limit_takes_a_finding_from_a_machine() {
    let run = |more: &[&str], format: &str| {
        report(&[&["analyze", "testdata/otlp/sample.jsonl", "--fail-on", "low"], more].concat(), format)
    };
    let limit = &["--limit", "1"][..];
    for (format, mark) in [
        ("json", "\"rule\":"),
        ("ndjson", "\"rule\":"),
        ("junit", "<testcase "),
        ("sarif", "\"ruleId\":"),
        ("github", "::error "),
    ] {
        assert_eq!(run(limit, format).matches(mark).count(), 2, "{format}");
        assert_eq!(run(&[], format).matches(mark).count(), 2, "{format}");
    }
    let text = run(limit, "text");
    assert!(text.contains(" F-1 high") && !text.contains(" F-2 ") && text.contains("… and 1 more"), "{text}");
    assert_eq!(serde_json::from_str::<Value>(&run(limit, "json")).unwrap()["filtered"]["rows"]["operations"], 3);
}

#[test]
fn a_page_of_hostile_names_stays_a_page() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("history.jsonl");
    let evil = "</svg></script><script>alert(1)</script>\\u2028";
    let mut text = String::new();
    for key in 0..300 {
        let line = |output: &str, f: &str, input: &str, call: u32| {
            format!(
                "{{\"process\":\"{evil}\",\"f\":\"{f}\",\"key\":\"{evil}{key}\",\"input\":{input},\"output\":{output},\"call\":{call},\"return\":{},\"status\":\"ok\"}}\n",
                call + 1
            )
        };
        text += &line("null", "write", &format!("\"{evil}{}\"", "x".repeat(5000)), 10);
        text += &line("7", "read", "null", 20);
    }
    std::fs::write(&path, text).unwrap();
    let page = report(&["check", path.to_str().unwrap(), "--model", "register"], "html");
    assert!(!page.contains("<script"), "a name became markup");
    assert!(page.contains("of 300") && page.len() < 5_000_000, "{}", page.len());
}

#[test]
fn the_picture_is_xml() {
    for arguments in RUNS {
        let picture = report(arguments, "svg");
        assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"));
        let Ok(mut child) = Command::new("xmllint").args(["--noout", "-"]).stdin(Stdio::piped()).spawn() else {
            eprintln!("SKIPPED: there is no xmllint here to parse the picture with");
            return;
        };
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), picture.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    }
}

/// Runs the program; answers with what it wrote to standard output and standard error.
fn causet(arguments: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_causet")).args(arguments).env("NO_COLOR", "1").output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn faults_of_a_run_are_bands_behind_its_counterexample() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bands");
    let _ = std::fs::remove_dir_all(&folder);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let run = "simulate raft --mutant local-read --faults partition --nodes 3 --clients 3 --ops 40 --keys 1 --duration 2s --seed 13";
    let run: Vec<&str> = run.split(' ').chain(["--out", folder.to_str().unwrap(), "--report", "html"]).collect();
    let config = path("causet.toml");
    let checked = |input: &str, format: &str| causet(&["check", &path(input), "--model", "kv", "--report", format]).0;
    let simulated = causet(&run).0;
    std::fs::write(&config, "[[check]]\ninputs = [\"history.jsonl\"]\nmodel = \"kv\"\n").unwrap();
    let band = "<title>partition of n3, c2, c3 from 596 ms to 1.66 s</title><rect class=\"f\"";
    // The traces tell the same, though the clocks of their nodes are wrong.
    let pages = [simulated, checked("history.jsonl", "html"), checked("traces.otlp.jsonl", "html")];
    let gated = causet(&["gate", "--config", &config, "--report", "html"]).0;
    for page in pages.iter().chain([&gated, &checked("history.jsonl", "svg")]) {
        assert_eq!(page.matches(band).count(), 1, "{page}");
    }
    assert!(gated.contains("<li>meanwhile: partition of n3, c2, c3 from 596 ms to 1.66 s</li>"), "{gated}");
    assert_eq!(console(&gated, "bands").unwrap_or_default(), Vec::<String>::new());
    let json: Value = serde_json::from_str(&checked("history.jsonl", "json")).unwrap();
    assert_eq!(json["results"][0]["counterexamples"][0]["faults"][0]["start_ns"], 596_005_382);
    // All files of the run together: nothing to say of those that are no input.
    let (text, notes) = causet(&["check", folder.to_str().unwrap()]);
    assert_eq!(
        (text.matches("⚡ meanwhile: partition").count(), &*notes),
        (2, "note: CONFIG is of no known format and was left out\n".replace("CONFIG", &config).as_str())
    );
    // Another file beside it is not of the run; nor is a history of other processes.
    std::fs::copy(path("history.jsonl"), path("other.jsonl")).unwrap();
    assert!(!checked("other.jsonl", "html").contains("class=\"f\""));
    let strangers =
        std::fs::read_to_string(path("history.jsonl")).unwrap().replace("\"process\":\"c", "\"process\":\"stranger");
    let known = std::fs::read_to_string(path("history.jsonl")).unwrap();
    std::fs::write(path("history.jsonl"), strangers).unwrap();
    assert!(!checked("history.jsonl", "html").contains("class=\"f\""));
    std::fs::write(path("history.jsonl"), known).unwrap();
    // Damage costs the bands, not the verdict.
    std::fs::write(path("truth.json"), "{\"nodes\": [").unwrap();
    let (text, notes) = causet(&["check", &path("history.jsonl"), "--model", "kv"]);
    assert!(text.starts_with("✗ violated") && !text.contains("meanwhile"), "{text}");
    assert!(notes.contains("truth.json: no faults are shown: EOF while parsing"), "{notes}");
}

#[test]
fn what_comes_in_cannot_talk_to_a_terminal() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("terminal");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a\u{1b}[31m\n\u{202e}b.jsonl");
    let line = |f: &str, value: &str, call: u32| {
        format!(
            "{{\"process\":\"\\u001b[2J\\u202e\",\"f\":\"{f}\",\"key\":\"\\u001b]0;k\",{value},\"call\":{call},\"return\":{},\"status\":\"ok\"}}\n",
            call + 1
        )
    };
    let text = line("write", "\"input\":\"\\u001b[1m\"", 1) + &line("read", "\"output\":\"\\u001b[5m\"", 3);
    std::fs::write(&path, &text).unwrap();
    std::fs::write(folder.join("\u{1b}c.jsonl"), text + "{\"process\":\"\\u001b[2J\"").unwrap();
    let folder = folder.to_str().unwrap();
    for arguments in [&["check", folder, "--model", "register"][..], &["check", folder, "no\u{1b}[31mfile"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_causet")).args(arguments).args(["--color", "always"]).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        for wild in ["\u{1b}[31m\n", "\u{1b}[2J", "\u{1b}]", "\u{1b}c", "\u{1b}[5m", "\u{202e}"] {
            assert!(!said.contains(wild), "{wild:?} in {said:?}");
        }
        assert!(said.contains("\u{1b}[") && said.contains('\u{fffd}'), "{said:?}");
    }
}

/// The relative luminance of `#rrggbb` or `#rgb` (WCAG 2.2).
fn luminance(color: &str) -> f64 {
    let digits: Vec<u32> = color.trim_start_matches('#').chars().map(|c| c.to_digit(16).unwrap()).collect();
    let channels: Vec<u32> = match digits.len() {
        3 => digits.iter().map(|digit| digit * 17).collect(),
        _ => digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect(),
    };
    let linear = |channel: u32| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(channels[0]) + 0.7152 * linear(channels[1]) + 0.0722 * linear(channels[2])
}

#[test]
fn every_colour_of_the_page_can_be_read_in_light_and_dark_mode() {
    let page = report(RUNS[1], "html");
    let schemes: Vec<&str> = page.split(":root{").skip(1).map(|rest| rest.split_once('}').unwrap().0).collect();
    assert_eq!(schemes.len(), 2, "light and dark");
    for scheme in schemes {
        let colors = scheme.split(';').filter_map(|line| line.strip_prefix("--")?.split_once(':'));
        let colors: std::collections::BTreeMap<&str, f64> =
            colors.map(|(name, color)| (name, luminance(color))).collect();
        for name in ["ink", "dim", "good", "bad", "odd"] {
            let (a, b) = (colors[name], colors["paper"]);
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{name} on paper has a contrast of {contrast:.2} in {scheme}");
        }
    }
}
