//! The gate as its users meet it: slips in causet.toml, suppressions, the baseline.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for one test, with the traces and the history that the tests use.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gate-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("traces")).unwrap();
    fs::create_dir_all(folder.join("histories")).unwrap();
    fs::copy("testdata/gate/good.jsonl", folder.join("traces/good.jsonl")).unwrap();
    fs::copy("testdata/cli/input/keys.jsonl", folder.join("histories/keys.jsonl")).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_causet"))
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// Runs a gate on a configuration: its exit code, and all that it said.
fn gate(folder: &Path, config: &str) -> (i32, String) {
    fs::write(folder.join("causet.toml"), config).unwrap();
    said(&run(folder, &["gate"]))
}

fn said(output: &Output) -> (i32, String) {
    let text = [&output.stderr[..], &output.stdout].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

const TRACES: &str = "[traces]\ninputs = [\"traces\"]\n";

/// Configurations with a slip, and what is said of it.
const SLIPS: [(&str, &str); 19] = [
    ("[[check]]\nmodle = \"kv\"\n", "causet.toml, line 2, column 1: unknown key `modle`; did you mean `model`?"),
    (
        "[[check]]\ninputs = [\"histories\"]\nmodel = \"registre\"\n",
        "line 3, column 9: no model `registre`; did you mean `register`?",
    ),
    (
        "[[check]]\ninputs = [\"histories\"]\nproperty = [\"linearisable\"]\n",
        "line 3, column 13: no property `linearisable`; did you mean `linearizable`?",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[[expect]]\nthat = \"errors.rte < 1\"\n",
        "line 4, column 9: no metric or claim `errors.rte`; did you mean `errors.rate`?",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[[expect]]\nthat = 'latency.p99(\"frontent\") < \"1s\"'\n",
        "line 4, column 21: no service or operation `frontent` in the traces; did you mean `frontend`?",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[analyze.detectors.error-state]\nseverity = \"low\"\n",
        "line 3, column 20: no detector `error-state`; did you mean `error-status`?",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[[expect]]\nthat = \"errors.rate < 0.01\"\n[[expect]]\nthat = \"errors.rate > 0.5\"\n",
        "line 6, column 8: this contradicts the expectation on line 4",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[analyze]\n[[suppress]]\nrule = \"error-status\"\n",
        "line 4, column 1: missing field `reason`",
    ),
    ("[traces]\ninputs = [\"traces\"]\n", "nothing is asked for; add [[check]], [[expect]] or [analyze]"),
    ("[extract]\nrule-sets = [\"databse\"]\n[[check]]\n", "no rule set `databse`; did you mean `database`?"),
    (
        "[[check]]\ninputs = [\"hist[ories\"]\n",
        "line 2, column 11: `hist[ories` is not a glob: unclosed character class",
    ),
    (
        "[[check]]\ninputs = [\"histories\"]\nmodel = \"register\"\nmodel-option = { intial = 0 }\n",
        "line 4, column 27: model `register` has no option `intial`; it has initial",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[analyze.detectors.n-plus-one.thresholds]\nrepeats = 3\n",
        "line 4, column 1: `n-plus-one` has no threshold `repeats`; it has least-calls",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[analyze]\n[[suppress]]\nrule = \"error-status\"\nreason = \"x\"\nuntil = \"soon\"\n",
        "line 7, column 9: expected a day, such as 2030-03-31",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[[expect]]\nthat = 'latency.p99 < \"2s\" and latency.p99 > \"3s\"'\n",
        "line 4, column 8: this contradicts itself: latency.p99 can't be > 3s and < 2s",
    ),
    (
        "[traces]\ninputs = [\"traces\"]\n[[expect]]\nthat = 'latency.p99 < 500'\n",
        "line 4, column 23: expected a duration with a unit, such as 500ms or \"2s\"",
    ),
    (
        "[[extract.rule]]\nspan = \"GET *\"\nf = \"{unclosed\"\n[[check]]\n",
        "line 1, column 1: `f`: `{` without `}` in \"{unclosed\"",
    ),
    ("[check]\n", "line 1, column 1: expected a list; what may be there several times is written in double brackets"),
    ("[traces]\n[traces]\n", "line 2, column 2: duplicate key"),
];

#[test]
fn slips_in_the_configuration_say_what_to_do() {
    let folder = folder("slips");
    for (config, message) in SLIPS {
        let (code, text) = gate(&folder, config);
        assert!(text.contains(message), "{config}\nexpected: {message}\nfound: {text}");
        assert_eq!(code, 2, "{config}\n{text}");
    }
}

#[test]
fn a_glob_that_matches_nothing_is_never_a_pass() {
    let folder = folder("nothing");
    let config = "[[check]]\ninputs = [\"histories\"]\nfail-on = \"never\"\n[[check]]\ninputs = [\"store/*.edn\"]\n";
    let (code, text) = gate(&folder, config);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("causet.toml, line 5, column 11: `store/*.edn` names nothing to read"), "{text}");
}

#[test]
fn an_unreadable_file_among_readable_ones_is_an_error_and_the_rest_is_judged() {
    let folder = folder("unreadable");
    fs::write(folder.join("traces/bad.jsonl"), "{\"resourceSpans\": 7}\nnot json\n").unwrap();
    let (code, text) = gate(&folder, &format!("{TRACES}[[expect]]\nthat = \"errors.rate == 0\"\n"));
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("traces/bad.jsonl, line 1, byte 19: nothing could be read: damaged JSON"), "{text}");
    assert!(text.contains("✓ holds    errors.rate == 0"), "{text}");
    // Damage among good lines makes the answer unknown: what is lost could be the error.
    let good = fs::read_to_string(folder.join("traces/good.jsonl")).unwrap();
    fs::write(folder.join("traces/bad.jsonl"), good + "{\"resourceSpans\": 7}\n").unwrap();
    let (code, text) = gate(&folder, &format!("{TRACES}[[expect]]\nthat = \"errors.rate == 0\"\n"));
    assert_eq!(code, 3, "{text}");
}

#[test]
fn init_writes_a_file_that_works() {
    let folder = folder("init");
    let (code, text) = said(&run(&folder, &["init"]));
    assert_eq!(code, 0, "{text}");
    assert_eq!(said(&run(&folder, &["init"])).0, 2, "it never overwrites");
    let (code, text) = said(&run(&folder, &["config", "show"]));
    assert_eq!(code, 0, "{text}");
    // The good traces hold, the history of keys does not.
    let (code, text) = said(&run(&folder, &["gate"]));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("✓ holds    every request is one unbroken trace"), "{text}");
    assert!(text.contains("✗ violated histories/keys.jsonl"), "{text}");
    // What is shown is a configuration that means the same.
    let shown = said(&run(&folder, &["config", "show"])).1;
    fs::write(folder.join("causet.toml"), &shown).unwrap();
    assert_eq!(said(&run(&folder, &["config", "show"])).1, shown);
}

const ERRORS: &str = "[traces]\ninputs = [\"traces\"]\n[analyze]\nfail-on = \"low\"\n";

#[test]
fn a_suppression_hides_for_a_reason_until_a_day() {
    let folder = folder("suppress");
    fs::copy("testdata/gate/bad.jsonl", folder.join("traces/bad.jsonl")).unwrap();
    fs::remove_file(folder.join("traces/good.jsonl")).unwrap();
    assert_eq!(gate(&folder, ERRORS).0, 1);
    let suppress = |lines: &str| format!("{ERRORS}[[suppress]]\nrule = \"error-status\"\nreason = \"known\"\n{lines}");
    let (code, text) = gate(&folder, &suppress("service = \"pay*\"\nuntil = 2999-12-31\n"));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("1 suppressed") && !text.contains("card declined"), "{text}");
    // One that has expired hides nothing, and says so.
    let (code, text) = gate(&folder, &suppress("until = 2020-01-31\n"));
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("causet.toml, line 6, column 8: the suppression of `error-status` expired on 2020-01-31"),
        "{text}"
    );
    // One that matches nothing says so too.
    let (code, text) = gate(&folder, &suppress("service = \"cart\"\n"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the suppression of `error-status` matches nothing; remove it"), "{text}");
    let (code, text) = gate(&folder, &format!("{ERRORS}[[suppress]]\nrule = \"error-status\"\nreason = \" \"\n"));
    assert!(code == 2 && text.contains("a suppression needs a reason"), "{text}");
}

#[test]
fn the_baseline_keeps_what_is_known_and_never_takes_what_is_new() {
    let folder = folder("baseline");
    let baseline = |what: &[&str]| said(&run(&folder, &[&["baseline"], what].concat()));
    fs::copy("testdata/gate/bad.jsonl", folder.join("traces/bad.jsonl")).unwrap();
    fs::remove_file(folder.join("traces/good.jsonl")).unwrap();
    assert_eq!(gate(&folder, ERRORS).0, 1);
    assert_eq!(baseline(&["update"]).0, 2, "there is none yet");
    assert_eq!(baseline(&["write"]).0, 0);
    let written = fs::read_to_string(folder.join("causet-baseline.json")).unwrap();
    assert_eq!(baseline(&["write"]).0, 2, "there is one already");
    let mut names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| !name.contains(".new")), "what was written beside it is in its place");
    // Known debt is still shown, and does not gate.
    let (code, text) = gate(&folder, ERRORS);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("card declined") && text.contains("known debt"), "{text}");
    // What is new gates, and is not absorbed.
    let more = format!("{ERRORS}[[check]]\ninputs = [\"histories\"]\n");
    let (code, text) = gate(&folder, &more);
    assert_eq!(code, 1, "{text}");
    let (code, text) = baseline(&["update"]);
    assert!(code == 1 && text.contains("new, not taken: violation linearizable"), "{text}");
    assert_eq!(fs::read_to_string(folder.join("causet-baseline.json")).unwrap(), written);
    assert_eq!(baseline(&["update", "--accept-new"]).0, 0);
    assert_eq!(gate(&folder, &more).0, 0);
    // What is gone is told, and forgotten when asked.
    fs::copy("testdata/gate/good.jsonl", folder.join("traces/bad.jsonl")).unwrap();
    let (code, text) = gate(&folder, &more);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("is no longer there; `causet baseline prune` forgets it"), "{text}");
    assert_eq!(baseline(&["prune"]).0, 0);
    let (_, text) = gate(&folder, &more);
    assert!(!text.contains("no longer there"), "{text}");
    // A damaged file is an error with a position.
    fs::write(folder.join("causet-baseline.json"), "{\"schema_version\": \"1\",\n \"entries\": [7]}").unwrap();
    let (code, text) = gate(&folder, ERRORS);
    assert!(code == 2 && text.contains("causet-baseline.json, line 2, column"), "{text}");
}

#[test]
fn a_suppression_for_one_input_excuses_no_other() {
    let folder = folder("one-input");
    fs::copy("testdata/cli/input/register.jsonl", folder.join("histories/keys.jsonl")).unwrap();
    let config = "[[check]]\ninputs = [\"histories\"]\n[[suppress]]\nrule = \"linearizable\"\ninput = \"**/keys.jsonl\"\nreason = \"known\"\n";
    let (code, text) = gate(&folder, config);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("keys.jsonl"), "it is hidden: {text}");
    fs::copy("testdata/cli/input/register.jsonl", folder.join("histories/other.jsonl")).unwrap();
    let (code, text) = gate(&folder, config);
    assert_eq!(code, 1, "{text}");
}

#[test]
fn missing_data_never_passes() {
    let folder = folder("missing");
    let line = "{\"process\":\"a\",\"f\":\"write\",\"input\":1,\"call\":0,\"return\":1,\"status\":\"ok\"}\n";
    fs::write(folder.join("histories/keys.jsonl"), format!("{line}{line}{{\"process\":\"a\",\"f\":\"wr")).unwrap();
    let (code, text) = gate(&folder, "[[check]]\ninputs = [\"histories\"]\nfail-on = \"violated\"\n");
    assert_eq!(code, 3, "{text}");
}

#[test]
fn no_time_at_all_is_over_at_once() {
    let folder = folder("no-time");
    for _ in 0..5 {
        let (code, text) = gate(&folder, "[[check]]\ninputs = [\"histories\"]\ntimeout = \"0s\"\n");
        assert!(code == 3 && text.contains("timeout: the limit of 0ns was hit"), "{text}");
    }
}

#[test]
fn the_same_run_says_the_same() {
    let folder = folder("same");
    fs::copy("testdata/gate/bad.jsonl", folder.join("traces/bad.jsonl")).unwrap();
    let config = format!("{ERRORS}[[check]]\ninputs = [\"histories\"]\n[[expect]]\nthat = \"errors.rate == 0\"\n");
    let first = gate(&folder, &config);
    for _ in 0..5 {
        assert_eq!(gate(&folder, &config), first);
    }
}

/// A history of registers in which each of these keys has a stale read.
fn stale(keys: &[&str]) -> String {
    let line = |key: &&str, f: &str, value: &str, call: u32| {
        format!(
            "{{\"process\":\"p\",\"f\":\"{f}\",\"key\":\"{key}\",{value},\"call\":{call},\"return\":{},\"status\":\"ok\"}}\n",
            call + 1
        )
    };
    let lines = |key| [line(key, "write", "\"input\":1", 1), line(key, "read", "\"output\":null", 3)].concat();
    keys.iter().map(lines).collect()
}

const HISTORIES: &str = "[[check]]\ninputs = [\"histories\"]\nmodel = \"register\"\n";

fn fingerprints(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let output = run(folder, &[arguments, &["--report", "json"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = report["results"].as_array().unwrap().iter();
    let examples = results.flat_map(|result| result["counterexamples"].as_array().unwrap());
    examples.map(|example| example["fingerprint"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_known_violation_is_known_by_its_input_and_key_wherever_the_checkout_is() {
    let folder = folder("fingerprints");
    fs::write(folder.join("histories/keys.jsonl"), stale(&["x"])).unwrap();
    assert_eq!(gate(&folder, HISTORIES).0, 1);
    assert_eq!(said(&run(&folder, &["baseline", "write"])).0, 0);
    assert_eq!(gate(&folder, HISTORIES).0, 0);
    let known = fingerprints(&folder, &["gate"]);
    // The same from another folder, by another name of the input, and where the checkout was copied to.
    assert_eq!(
        fingerprints(Path::new("."), &["gate", "--config", folder.join("causet.toml").to_str().unwrap()]),
        known
    );
    assert_eq!(fingerprints(&folder.join("traces"), &["gate", "../histories/keys.jsonl"]), known);
    let moved = folder.with_file_name("gate-fingerprints moved");
    let _ = fs::remove_dir_all(&moved);
    fs::rename(&folder, &moved).unwrap();
    assert_eq!(said(&run(&moved, &["gate"])).0, 0);
    assert_eq!(fingerprints(&moved, &["gate"]), known);
    // Other lines above it, another process and other times, a name for the check, another check before it.
    let shifted = "\n".repeat(3)
        + stale(&["other"]).lines().next().unwrap()
        + "\n"
        + &stale(&["x"])
            .replace("\"p\"", "\"q\"")
            .replace("\"call\":3", "\"call\":3000")
            .replace("\"return\":4", "\"return\":4000");
    fs::write(moved.join("histories/keys.jsonl"), shifted).unwrap();
    let more =
        format!("[[check]]\ninputs = [\"traces/good.jsonl\"]\nfail-on = \"never\"\n{HISTORIES}name = \"named\"\n");
    let (code, text) = gate(&moved, &more);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("no longer there"), "{text}");
    // Another key of it, another input with the same violation, another model option: each is new.
    fs::write(moved.join("histories/keys.jsonl"), stale(&["x", "y"])).unwrap();
    let (code, text) = gate(&moved, HISTORIES);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("key \"x\"  baseline\n") && text.contains("key \"y\"\n"), "{text}");
    fs::write(moved.join("histories/keys.jsonl"), stale(&["x"])).unwrap();
    fs::write(moved.join("histories/other.jsonl"), stale(&["x"])).unwrap();
    let (code, text) = gate(&moved, HISTORIES);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("~ violated histories/keys.jsonl") && text.contains("✗ violated histories/other.jsonl"),
        "{text}"
    );
    fs::remove_file(moved.join("histories/other.jsonl")).unwrap();
    let (code, text) = gate(&moved, &format!("{HISTORIES}model-option = {{ initial = 0 }}\n"));
    assert_eq!(code, 1, "{text}");
    // What was mended of a known result leaves the rest known.
    fs::write(moved.join("histories/keys.jsonl"), stale(&["x", "y"])).unwrap();
    assert_eq!(gate(&moved, HISTORIES).0, 1);
    assert_eq!(said(&run(&moved, &["baseline", "update", "--accept-new"])).0, 0);
    fs::write(moved.join("histories/keys.jsonl"), stale(&["y"])).unwrap();
    let (code, text) = gate(&moved, HISTORIES);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("violation linearizable: register in histories/keys.jsonl, key \"x\" is no longer there"),
        "{text}"
    );
}

#[test]
fn what_is_known_of_some_keys_excuses_none_that_could_not_be_decided() {
    let folder = folder("undecided");
    // A key whose registers overlap in every way takes steps to decide; the stale one takes none.
    let mut text = stale(&["x"]);
    for client in 0..12 {
        for value in 0..3 {
            let op = |f: &str, value: String, call: u32| {
                format!(
                    "{{\"process\":\"c{client}\",\"f\":\"{f}\",\"key\":\"hard\",{value},\"call\":{call},\"return\":{},\"status\":\"ok\"}}\n",
                    call + 90
                )
            };
            text += &op("write", format!("\"input\":{}", value % 2), 100 + client + value * 200);
            text += &op("read", format!("\"output\":{}", (client + value) % 2), 200 + client + value * 200);
        }
    }
    fs::write(folder.join("histories/keys.jsonl"), text).unwrap();
    let config = format!("{HISTORIES}max-steps = 1\n");
    let (code, text) = gate(&folder, &config);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("2 keys, 1 undecided"), "{text}");
    // A baseline of half a picture is not written.
    let (code, text) = said(&run(&folder, &["baseline", "write"]));
    assert!(code == 3 && text.contains("1 key is unknown"), "{text}");
    assert_eq!(gate(&folder, HISTORIES).0, 1);
    assert_eq!(said(&run(&folder, &["baseline", "write"])).0, 0);
    let (code, text) = gate(&folder, &config);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("? gate: unknown"), "{text}");
    let junit = said(&run(&folder, &["gate", "--report", "junit"])).1;
    assert!(junit.contains("undecided keys") && !junit.contains("the other keys"), "{junit}");
    assert_eq!(gate(&folder, &format!("{config}fail-on = \"violated\"\n")).0, 0);
}

#[test]
fn operations_that_no_check_judges_are_told() {
    let folder = folder("unjudged");
    fs::copy("testdata/cli/input/operations.json", folder.join("traces/good.jsonl")).unwrap();
    let (_, text) = gate(&folder, &format!("{TRACES}[analyze]\n"));
    assert!(
        text.contains("! causet.toml: spans carry operations that no check judges; add a [[check]] without inputs"),
        "{text}"
    );
    let (_, text) = gate(&folder, &format!("{TRACES}[analyze]\n[[check]]\n"));
    assert!(!text.contains("no check judges"), "{text}");
    // One that finds none says how to make some.
    fs::copy("testdata/gate/good.jsonl", folder.join("traces/good.jsonl")).unwrap();
    let (code, text) = gate(&folder, &format!("{TRACES}[[check]]\n"));
    assert!(code == 4 && text.contains("no span carries an operation (`causet.op.f`); [extract]"), "{text}");
}
