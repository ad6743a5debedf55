//! The scripts of `testdata/algorithms`: each says what came of it before; `UPDATE=1` writes down what comes
//! of it now. A script with a mutant shows its bug, and shows nothing without it.

use causet::algorithms;
use causet::lab::{Script, play};
use std::path::{Path, PathBuf};

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/algorithms");
    let mut found = Vec::new();
    for system in std::fs::read_dir(folder).unwrap() {
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

/// Every known bug has a witness: it shows there, and nothing shows without it.
#[test]
fn every_mutant_has_a_witness() {
    let mut wrong = Vec::new();
    for system in algorithms::ALL {
        for mutant in system.about().mutants {
            if let Err(message) = causet::lab::witness(mutant) {
                wrong.push(format!("{} {}: {message}", system.about().entry.id, mutant.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
