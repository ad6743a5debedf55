//! The pipeline files do what they say: each test runs the very commands that they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with the example's configuration and the traces of one of its scenarios.
fn project(name: &str, scenario: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pipeline-{name}-{scenario}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::copy("examples/ci/causet.toml", folder.join("causet.toml")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--example", "ci", "--", scenario])
        .arg(folder.join("traces"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// Runs a script with the tested binary on the PATH.
fn bash(folder: &Path, script: &str, environment: &[(&str, &str)]) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_causet")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(bin.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .unwrap();
    // As the runners of GitHub and GitLab call it.
    Command::new("bash")
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env_remove("GITHUB_STEP_SUMMARY")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// The scripts of the `run: |` blocks of a workflow file.
fn run_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut inside: Option<(usize, String)> = None;
    for line in text.lines().chain(["end"]) {
        let indent = line.len() - line.trim_start().len();
        match &mut inside {
            Some((start, script)) if line.is_empty() || indent > *start => {
                script.push_str(line.trim_start_matches(&" ".repeat(*start + 2)));
                script.push('\n');
            }
            _ => {
                blocks.extend(inside.take().map(|(_, script)| script));
                if line.trim() == "run: |" {
                    inside = Some((indent, String::new()));
                }
            }
        }
    }
    blocks
}

#[test]
fn the_action_fails_the_job_for_the_right_reason() {
    let blocks = run_blocks(&fs::read_to_string("action.yml").unwrap());
    assert_eq!(blocks.len(), 2);
    for (scenario, code) in [("fresh", 0), ("stale", 1)] {
        let folder = project("action", scenario);
        let summary = folder.join("summary.md");
        for (block, code) in [(&blocks[0], 0), (&blocks[1], code)] {
            let output = bash(
                &folder,
                block,
                &[
                    ("CAUSET_ACTION", "."),
                    ("CAUSET_CONFIG", "causet.toml"),
                    ("CAUSET_INPUTS", ""),
                    ("CAUSET_REPORTS", "out/reports"),
                    ("GITHUB_OUTPUT", "github-output"),
                    ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
                ],
            );
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{text}");
            assert_eq!(text.contains("::error "), code == 1, "{text}");
        }
        assert_eq!(fs::read_to_string(folder.join("github-output")).unwrap(), format!("exit-code={code}\n"));
        for name in ["causet.xml", "causet.sarif", "causet.html", "causet.json"] {
            assert!(folder.join("out/reports").join(name).is_file(), "{name}");
        }
        assert!(fs::read_to_string(summary).unwrap().contains("causet gate"));
    }
    // Inputs of its own, with spaces in a name.
    let folder = project("action-inputs", "stale");
    fs::rename(folder.join("traces"), folder.join("my traces")).unwrap();
    let environment = [
        ("CAUSET_CONFIG", "causet.toml"),
        ("CAUSET_INPUTS", "my traces\n"),
        ("CAUSET_REPORTS", "out"),
        ("GITHUB_OUTPUT", "github-output"),
    ];
    assert_eq!(bash(&folder, &blocks[1], &environment).status.code(), Some(1));
}

#[test]
fn the_gitlab_job_runs() {
    let text = fs::read_to_string("examples/ci/gitlab-ci.yml").unwrap();
    let script = text.split_once("  script:\n").unwrap().1.split_once("  artifacts:").unwrap().0;
    let script = script.lines().map(|line| line.trim_start().trim_start_matches("- ")).collect::<Vec<_>>().join("\n");
    for (scenario, code) in [("fresh", 0), ("stale", 1)] {
        let folder = project("gitlab", scenario);
        let output = bash(&folder, &script, &[]);
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        for name in ["causet.html", "causet.json", "causet.xml"] {
            assert!(text.contains(name) && folder.join(name).is_file(), "{name}");
        }
    }
}

#[test]
fn the_pre_commit_hook_runs() {
    let text = fs::read_to_string(".pre-commit-hooks.yaml").unwrap();
    let entry = text.lines().find_map(|line| line.trim().strip_prefix("entry: ")).unwrap();
    for (scenario, code) in [("fresh", 0), ("stale", 1)] {
        let output = bash(&project("pre-commit", scenario), entry, &[]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(scenario == "fresh" || text.contains("carts: linearizable kv"), "{text}");
    }
}
