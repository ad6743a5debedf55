//! All registries, for `list`, `explain` and whoever else walks them.

use crate::registry::Entry;
use crate::{detect, formats, report};
use causet_checkers::models::ModelEntry;
use std::fmt::Write;

/// A list of entries with a name.
pub(in crate::cli) struct Registry {
    pub id: &'static str,
    pub pages: Vec<Page>,
}

/// An entry as it is listed and explained.
pub(in crate::cli) struct Page {
    pub id: &'static str,
    pub summary: &'static str,
    /// Markdown, with a title.
    pub text: String,
}

/// Every registry.
pub(in crate::cli) fn all() -> Vec<Registry> {
    let properties = causet_checkers::properties::all().iter().map(|property| {
        page(&Entry { id: property.id, summary: property.summary, documentation: property.documentation, example: "" })
    });
    vec![
        Registry { id: "formats", pages: formats::ALL.iter().map(|format| page(&format.entry())).collect() },
        Registry {
            id: "models",
            pages: causet_checkers::models::all().iter().map(|model| model_page(model)).collect(),
        },
        Registry { id: "properties", pages: properties.collect() },
        Registry { id: "detectors", pages: detect::ALL.iter().map(|detector| page(&detector.entry())).collect() },
        Registry { id: "reports", pages: report::ALL.iter().map(|renderer| page(&renderer.entry())).collect() },
    ]
}

fn page(entry: &Entry) -> Page {
    let mut text = titled(entry.id, entry.documentation);
    if !entry.example.is_empty() {
        let _ = write!(text, "\n## Example\n\n{}", indent(entry.example));
    }
    Page { id: entry.id, summary: entry.summary, text }
}

fn model_page(model: &ModelEntry) -> Page {
    let mut text = titled(model.id, model.documentation);
    text.push_str("\n## Operations\n\n");
    for function in model.functions {
        let _ = writeln!(text, "- `{}` {}", function.name, function.shape);
    }
    if !model.options.is_empty() {
        text.push_str("\n## Options (`--model-option NAME=VALUE`)\n\n");
        for option in model.options {
            let _ = writeln!(text, "- `{}`: {} (default: {})", option.name, option.summary, option.default);
        }
    }
    let _ = write!(text, "\n## Example, in `jsonl`: {}\n\n{}", model.example.verdict, indent(model.example.history));
    Page { id: model.id, summary: model.summary, text }
}

/// The documentation, with a title if it has none.
fn titled(id: &str, documentation: &str) -> String {
    let title = if documentation.starts_with("# ") { String::new() } else { format!("# {id}\n\n") };
    format!("{title}{}\n", documentation.trim())
}

fn indent(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    {line}\n")).collect()
}
