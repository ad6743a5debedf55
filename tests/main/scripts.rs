//! The scripts of `testdata/algorithms`: each says what came of it before; `UPDATE=1` writes down what comes
//! of it now. A script with a mutant shows its bug, and shows nothing without it.

use causet::algorithms;
use causet::lab::{self, Experiment, Script, files, play};
use causet::node::{Mutant, System};
use causet_checkers::budget::Stop;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/algorithms")
}

fn scripts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for system in std::fs::read_dir(folder()).unwrap() {
        for file in std::fs::read_dir(system.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn scripts_go_as_written() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for path in scripts() {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = format!("{}", path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display());
        let script = match Script::read(&text, algorithms::by_id) {
            Ok(script) => script,
            Err(message) => {
                wrong.push(format!("{name}: {message}"));
                continue;
            }
        };
        let played = play(&script, true);
        if script.mutant.is_none() {
            if !played.wrong.is_empty() {
                wrong.push(format!("{name}: {:?}", played.wrong));
            }
        } else {
            let right = play(&script, false);
            if played.wrong.is_empty() {
                wrong.push(format!("{name}: the bug does not show"));
            }
            if !right.wrong.is_empty() {
                wrong.push(format!("{name}: {:?} without the bug", right.wrong));
            }
        }
        if !played.idle.is_empty() {
            wrong.push(format!("{name}: nothing came of {:?}", played.idle));
        }
        if update {
            std::fs::write(&path, &played.text).unwrap();
        } else if played.text != text {
            wrong.push(format!(
                "{name}: differs from what is written; UPDATE=1 writes it anew, then look at the difference"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What cannot be played is refused, with the line.
#[test]
fn impossible_scripts_are_refused() {
    let head = "system raft\nnodes 3\nspare 1\n";
    for (line, expected) in [
        ("invoke admin@n1 members - [0,4]", "line 4: there is no server 4: they are numbered 0 to 3"),
        ("invoke admin@n1 members - [0,65537]", "line 4: there is no server 65537: they are numbered 0 to 3"),
        ("invoke admin@n1 members - 2", "line 4: expected invoke CLIENT members - [SERVER,…]"),
        ("invoke admin@n1 transfer - -1", "line 4: there is no server -1: they are numbered 0 to 3"),
        ("invoke admin@n1 transfer", "line 4: there is no server null: they are numbered 0 to 3"),
        ("invoke admin@n9 transfer - 1", "line 4: there is no node `n9`"),
        ("wait 18446744073709ms", "line 4: the script waits for longer than a hundred days"),
        ("wait 18446744073710ms", "line 4: expected a time such as 200ms"),
    ] {
        let refused = Script::read(&format!("{head}{line}\n"), algorithms::by_id).err();
        assert_eq!(refused.as_deref(), Some(expected), "{line}");
    }
    let possible = Script::read(&format!("{head}invoke admin@n1 members - [0,3]\nflush\n"), algorithms::by_id);
    assert_eq!(play(&possible.unwrap(), false).idle, Vec::<String>::new());
}

/// Every known bug has a witness: it shows there, and nothing shows without it. With `UPDATE=1`, a run that does
/// not show its bug any more is looked for anew, and shows it once this is compiled again.
#[test]
fn every_mutant_has_a_witness() {
    let mut wrong = Vec::new();
    for system in algorithms::ALL {
        let id = system.about().entry.id;
        for mutant in system.about().mutants {
            if let Err(message) = lab::witness(mutant) {
                wrong.push(format!("{id} {}: {message}", mutant.id));
                let path = folder().join(id).join(mutant.id).with_extension("toml");
                if path.exists() && std::env::var_os("UPDATE").is_some() {
                    let text = look_for_witness(*system, mutant).expect("no seed shows it");
                    std::fs::write(path, text).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn look_for_witness(system: &'static dyn System, mutant: &'static Mutant) -> Option<String> {
    let hard = |seed| Experiment::hard(system, seed, Some(mutant));
    let seed = (0..200u64).find_map(|chunk| {
        let found = lab::search(hard, chunk * 50 + 1..=chunk * 50 + 50, &Stop::new(), || {});
        found.failures.first().map(|failure| failure.seed)
    })?;
    Some(files::run_file(&lab::shrink(&hard(seed))))
}
