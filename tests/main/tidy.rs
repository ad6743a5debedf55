//! House rules: layering, head comments, sizes, leftovers, dependencies, registries. What a reviewer should not
//! have to look for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module of `src/` may import of its siblings. The table of the architecture, as data.
const LAYERS: &[(&str, &[&str])] = &[
    ("registry", &[]),
    ("trace_context", &[]),
    ("store", &["trace_context"]),
    ("node", &["registry", "trace_context", "checkers::history", "checkers::order", "checkers::verdict"]),
    ("outcome", &["checkers::history", "checkers::verdict"]),
    ("formats", &["registry", "trace_context", "store", "outcome", "checkers::history", "checkers::order"]),
    ("causal", &["registry", "trace_context", "store", "outcome", "checkers::order"]),
    ("extract", &["registry", "store", "causal", "checkers::history"]),
    ("detect", &["registry", "store", "causal", "outcome"]),
    ("algorithms", &["registry", "node", "checkers::history"]),
    ("sim", &["registry", "trace_context", "node", "store", "checkers::history", "checkers::order"]),
    (
        "lab",
        &[
            "registry",
            "node",
            "algorithms",
            "sim",
            "formats",
            "store",
            "causal",
            "outcome",
            "checkers::budget",
            "checkers::check",
            "checkers::history",
            "checkers::properties",
            "checkers::verdict",
        ],
    ),
    ("config", &["outcome"]),
    (
        "gate",
        &["registry", "config", "formats", "store", "causal", "extract", "detect", "outcome", "checkers::history"],
    ),
    ("report", &["registry", "outcome"]),
];

/// May import everything, and nobody imports it.
const TOP: &str = "cli";

/// Functions that are long because splitting them would hide what they do.
const LONG_FUNCTIONS: &[&str] = &[];
const LONGEST_FUNCTION: usize = 70;
const LONGEST_FILE: usize = 600;

struct Source {
    path: PathBuf,
    text: String,
}

fn rust_files(folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    let mut todo = vec![PathBuf::from(folder)];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push(Source { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "no files in {folder}");
    files
}

fn all_files() -> Vec<Source> {
    ["src", "checkers", "tests", "examples", "benches"].into_iter().flat_map(rust_files).collect()
}

/// The siblings that a file imports: `store` for `use crate::store::…` and for `crate::store::…` in code.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code = text.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n");
    for (prefix, label) in [("crate::", ""), ("causet_checkers::", "checkers::")] {
        for (at, _) in code.match_indices(prefix) {
            let rest = &code[at + prefix.len()..];
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or("").split(',').map(str::trim).collect(),
                None => vec![rest],
            };
            for name in names {
                let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
                if end > 0 && name.as_bytes()[0].is_ascii_lowercase() {
                    found.push(format!("{label}{}", &name[..end]));
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn modules_import_only_what_the_layering_allows() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut breaches = Vec::new();
    for Source { path, text } in rust_files("src") {
        let inside = path.strip_prefix("src").unwrap();
        let module = inside.iter().next().unwrap().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if ["main", "lib", TOP].contains(&module) {
            continue;
        }
        let Some(allowed) = layers.get(module) else {
            breaches.push(format!("{}: `{module}` is not in the layering table", path.display()));
            continue;
        };
        for import in imports(&text) {
            if import != module && !allowed.contains(&&*import) {
                breaches.push(format!("{}: `{module}` may not import `{import}`", path.display()));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn only_one_file_knows_the_frame_library() {
    let knows = rust_files("src").into_iter().filter(|file| file.text.contains("use polars")).map(|file| file.path);
    assert_eq!(knows.collect::<Vec<_>>(), [PathBuf::from("src/store/frames.rs")]);
}

#[test]
fn only_the_command_line_prints_or_exits() {
    let mut breaches = Vec::new();
    for Source { path, text } in rust_files("src").into_iter().chain(rust_files("checkers/src")) {
        if path.starts_with("src/cli") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.trim();
            let prints = ["println!(", "eprintln!(", "print!(", "eprint!(", "process::exit("];
            if !code.starts_with("//") && prints.iter().any(|call| code.contains(call)) {
                breaches.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn checkers_read_no_clock_and_no_file() {
    let words = ["std::fs", "std::io", "Instant", "SystemTime", "serde", "polars", "opentelemetry"];
    let mut breaches = Vec::new();
    for Source { path, text } in rust_files("checkers/src") {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().starts_with("//")) {
            if words.iter().any(|word| line.contains(word)) {
                breaches.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn files_have_head_comments_and_bearable_sizes() {
    let mut breaches = Vec::new();
    for Source { path, text } in all_files() {
        if !text.starts_with("//!") {
            breaches.push(format!("{}: no head comment", path.display()));
        }
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            breaches.push(format!("{}: {lines} lines", path.display()));
        }
        for (name, length) in functions(&text) {
            if length > LONGEST_FUNCTION && !LONG_FUNCTIONS.contains(&&*name) {
                breaches.push(format!("{}: fn {name} has {length} lines", path.display()));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}

/// Names and lengths of functions, by indentation: rustfmt puts the closing brace below the `fn`.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        let modifiers = ["pub", "pub(super)", "pub(crate)", "const", "async", "unsafe"];
        let is_item = words[..at].iter().all(|word| modifiers.contains(word) || word.starts_with("pub("));
        if !is_item || line.trim_end().ends_with([';', '}']) {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        if let Some(end) = lines[start..].iter().position(|line| *line == closing) {
            let name = words[at + 1].split(['(', '<']).next().unwrap_or_default();
            found.push((name.to_owned(), end + 1));
        }
    }
    found
}

#[test]
fn nothing_unfinished_is_left() {
    // Written apart, so that this file does not find itself.
    let macros = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let words: Vec<String> = macros.into_iter().chain([["FIX", "ME"].concat()]).collect();
    let mut breaches = Vec::new();
    for Source { path, text } in all_files() {
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) || line.trim_start().starts_with("#[ignore") {
                breaches.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    for (manifest, folders) in
        [("Cargo.toml", &["src", "tests", "benches", "examples"][..]), ("checkers/Cargo.toml", &["checkers"])]
    {
        let text: String =
            folders.iter().flat_map(|folder| rust_files(folder)).map(|file| file.text).collect::<Vec<_>>().join("\n");
        let manifest = fs::read_to_string(manifest).unwrap();
        let mut inside = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                inside = line == "[dependencies]" || line == "[dev-dependencies]";
            } else if inside && let Some((name, _)) = line.split_once('=') {
                let name = name.trim().replace('-', "_");
                if !text.contains(&format!("{name}::")) {
                    unused.push(name);
                }
            }
        }
    }
    assert_eq!(unused, Vec::<String>::new(), "dependencies that no code names");
}

#[test]
fn entries_have_documentation_and_distinct_names() {
    let formats = causet::formats::ALL.iter().map(|format| format.entry());
    let detectors = causet::detect::ALL.iter().map(|detector| detector.entry());
    let reports = causet::report::ALL.iter().map(|renderer| renderer.entry());
    let faults = causet::sim::faults::ALL.iter().map(|fault| *fault.entry());
    let registries = [formats.collect::<Vec<_>>(), detectors.collect(), reports.collect(), faults.collect()];
    for entries in &registries {
        for entry in entries {
            let kebab = entry.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            assert!(kebab && !entry.id.is_empty(), "{}", entry.id);
            assert!(entry.documentation.len() > 100, "{}: too little documentation", entry.id);
            assert!(!entry.example.is_empty(), "{}: no example", entry.id);
            assert!(entry.summary.len() <= 100 && !entry.summary.ends_with('.'), "{}: {}", entry.id, entry.summary);
            assert_eq!(entries.iter().filter(|other| other.id == entry.id).count(), 1, "{} is there twice", entry.id);
        }
    }
    for model in causet_checkers::models::all() {
        assert!(model.documentation.len() > 80, "{}: too little documentation", model.id);
    }
}

#[test]
fn test_data_says_where_it_comes_from() {
    let readme = fs::read_to_string("testdata/README.md").unwrap();
    for entry in fs::read_dir(Path::new("testdata")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || readme.contains(&format!("`{name}/")), "{name} is not in testdata/README.md");
    }
}

#[test]
fn public_items_are_documented() {
    let kinds = ["fn", "struct", "enum", "trait", "const", "static", "type"];
    let mut breaches = Vec::new();
    for Source { path, text } in rust_files("src").into_iter().chain(rust_files("checkers/src")) {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.first() != Some(&"pub") || !words.get(1).is_some_and(|word| kinds.contains(word)) {
                continue;
            }
            let above = lines[..number].iter().rev().map(|line| line.trim());
            let documented = above.take_while(|line| !line.is_empty()).find(|line| !line.starts_with("#["));
            let continues = |line: &str| line.starts_with("///") || line.ends_with(")]") || line.ends_with("*/");
            if !documented.is_some_and(continues) {
                breaches.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}
