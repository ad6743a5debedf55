//! Reports, opened by what reads them: SARIF and JUnit by their schemas, Markdown and annotations by their limits.

use serde_json::Value;
use std::process::{Command, Stdio};

/// Runs that end in every way there is.
const RUNS: [&[&str]; 7] = [
    &["gate", "--config", "testdata/gate/holds.toml"],
    &["gate", "--config", "testdata/gate/violated.toml"],
    &["gate", "--config", "testdata/gate/unknown.toml"],
    &["gate", "--config", "testdata/gate/empty.toml"],
    &["check", "testdata/histories", "testdata/cli/input"],
    &["analyze", "testdata/otlp", "testdata/cli/input/errors.json", "--fail-on", "low"],
    &["analyze", "testdata/cli/input/nothing.json", "no-such-file"],
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
    assert_eq!(place(by_rule("linearizable")), "testdata/cli/input/register.jsonl:1");
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
