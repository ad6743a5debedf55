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
