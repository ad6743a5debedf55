//! What is generated from the registries is what the documents say. `UPDATE=1 cargo test docs` writes it.

use std::fs;

/// A Markdown table of ids and summaries.
fn table<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::from("| id | what |\n|---|---|\n");
    for (id, summary) in entries {
        text += &format!("| `{id}` | {} |\n", summary.replace('|', "\\|"));
    }
    text
}

#[test]
fn readme_lists_what_the_registries_list() {
    let formats = table(causet::formats::ALL.iter().map(|format| (format.entry().id, format.entry().summary)));
    let models = table(causet_checkers::models::all().iter().map(|model| (model.id, model.summary)));
    let detectors = table(causet::detect::ALL.iter().map(|detector| (detector.entry().id, detector.entry().summary)));
    let reports = table(causet::report::ALL.iter().map(|report| (report.entry().id, report.entry().summary)));
    let systems = causet::algorithms::ALL.iter().map(|system| &system.about().entry);
    let systems = table(systems.map(|entry| (entry.id, entry.summary)));
    let before = fs::read_to_string("README.md").unwrap();
    let mut after = before.clone();
    let tables = [
        ("formats", formats),
        ("models", models),
        ("detectors", detectors),
        ("reports", reports),
        ("systems", systems),
    ];
    for (name, table) in tables {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let from = after.find(&begin).unwrap_or_else(|| panic!("README.md lacks {begin}")) + begin.len();
        let to = from + after[from..].find(&end).unwrap_or_else(|| panic!("README.md lacks {end}"));
        after.replace_range(from..to, &format!("\n{table}\n"));
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write("README.md", &after).unwrap();
        return;
    }
    assert!(before == after, "README.md is not what the registries say; UPDATE=1 cargo test docs writes it");
}

#[test]
fn exit_codes_are_the_same_everywhere_and_each_is_reached_by_a_test() {
    let codes = |text: &str, begin: &str, end: &str, row: fn(&str) -> Option<&str>| -> Vec<u8> {
        let text = text.split_once(begin).unwrap_or_else(|| panic!("there is no {begin:?}")).1;
        let rows = text.split_once(end).map_or(text, |(table, _)| table).lines();
        rows.filter_map(|line| row(line)?.trim().parse().ok()).collect()
    };
    let readme = fs::read_to_string("README.md").unwrap();
    let readme = codes(&readme, "| exit code | meaning |", "\n\n", |line| line.split('|').nth(1));
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_causet")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let help = codes(&help, "Exit codes:\n", "\n\n", |line| line.split_whitespace().next());
    assert_eq!(readme, [0, 1, 2, 3, 4, 70, 130]);
    assert_eq!(readme, help);
    let sessions = ["testdata/cli/exit-codes.trycmd", "testdata/cli/gate.trycmd"];
    for text in sessions.map(|path| fs::read_to_string(path).unwrap()) {
        for code in 1..=4 {
            assert!(text.contains(&format!("\n? {code}\n")), "no session ends with {code}");
        }
    }
    // The others need a bug or an interrupt.
    for (path, code) in [("src/cli/mod.rs", 70), ("tests/main/cli.rs", 130)] {
        let wanted = format!("code(), Some({code})");
        assert!(fs::read_to_string(path).unwrap().contains(&wanted), "{path} reaches no {code}");
    }
}
