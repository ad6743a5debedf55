//! Commands with their output and exit code: each file in `testdata/cli/` is a session, run by trycmd.
//! `TRYCMD=overwrite cargo test cli` writes what the program now prints.

use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn sessions_are_as_recorded() {
    trycmd::TestCases::new().case("testdata/cli/*.trycmd").case("README.md");
}

fn causet() -> Command {
    Command::new(env!("CARGO_BIN_EXE_causet"))
}

#[test]
fn standard_input_is_an_input() {
    let mut child = causet()
        .args(["check", "-", "--model", "register", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = br#"{"process":"a","f":"write","input":1,"call":0,"return":1,"status":"ok"}"#;
    child.stdin.take().unwrap().write_all(line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("✓ holds    -"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_a_report_and_130() {
    let mut child = causet()
        .args(["analyze", "-", "--report", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It has started to read once it takes more than a pipe holds.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(br#"{"resourceSpans":["#).unwrap();
    stdin.write_all(&vec![b' '; 1 << 20]).unwrap();
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["cause"]["kind"], "cancelled");
    drop(stdin);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = causet()
        .args(["convert", "testdata/demo/shop.jsonl.zst", "--to", "otlp-json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Where nothing can be written, as on a full disk.
#[cfg(target_os = "linux")]
fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[cfg(target_os = "linux")]
#[test]
fn what_nobody_hears_changes_no_verdict_and_what_is_lost_is_an_error() {
    // A note about `notes.txt` goes to standard error, the verdict to standard output.
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("unheard");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy("testdata/cli/input/register.jsonl", folder.join("register.jsonl")).unwrap();
    std::fs::write(folder.join("notes.txt"), "of no known format").unwrap();
    let check = || {
        let mut command = causet();
        command.arg("check").arg(&folder);
        command
    };
    assert_eq!(check().stdout(Stdio::null()).stderr(full()).status().unwrap().code(), Some(1));
    let mut child = check().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // A verdict that could not be written was not told.
    let output = causet().args(["explain", "register"]).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let output = check().args(["--exit-zero"]).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn limits_end_in_unknown_within_a_second() {
    // An input that never ends.
    let mut child = causet()
        .args(["analyze", "-", "--timeout", "200ms", "--report", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["verdict"].as_str(), report["cause"]["kind"].as_str()), (Some("unknown"), Some("timeout")));
}

#[test]
fn memory_is_limited() {
    let output = causet()
        .args(["analyze", "testdata/demo/shop.jsonl.zst", "--max-memory", "1MiB", "--report", "json"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(report["cause"]["kind"], "memory");
    }
}
