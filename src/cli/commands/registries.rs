//! All registries, for `list`, `explain` and whoever else walks them.

use crate::detect::{self, Detector, Knob};
use crate::node::{About, Mutant};
use crate::registry::Entry;
use crate::sim::faults::{self, Fault};
use crate::{algorithms, extract, formats, report};
use causet_checkers::models::ModelEntry;
use std::fmt::Write;

/// A list of entries with a name.
pub(in crate::cli) struct Registry {
    pub id: &'static str,
    pub pages: fn() -> Vec<Page>,
}

/// An entry as it is listed and explained.
pub(in crate::cli) struct Page {
    pub id: &'static str,
    pub summary: &'static str,
    /// Markdown, with a title.
    pub text: String,
    /// What the JSON list says beside id and summary.
    pub more: Vec<(&'static str, &'static str)>,
}

/// Every registry.
pub(in crate::cli) const ALL: [Registry; 9] = [
    Registry { id: "formats", pages: || formats::ALL.iter().map(|format| page(&format.entry())).collect() },
    Registry { id: "models", pages: || causet_checkers::models::all().iter().map(|model| model_page(model)).collect() },
    Registry { id: "properties", pages: || properties().map(|entry| page(&entry)).collect() },
    Registry { id: "systems", pages: || algorithms::ALL.iter().map(|system| system_page(system.about())).collect() },
    Registry { id: "mutants", pages: || mutants().map(|(system, mutant)| mutant_page(system, mutant)).collect() },
    Registry { id: "faults", pages: || faults::ALL.iter().map(|fault| fault_page(*fault)).collect() },
    Registry { id: "detectors", pages: || detect::ALL.iter().map(|detector| detector_page(*detector)).collect() },
    Registry { id: "rule-sets", pages: || extract::RULE_SETS.iter().map(|set| page(&set.entry)).collect() },
    Registry { id: "reports", pages: || report::ALL.iter().map(|renderer| page(&renderer.entry())).collect() },
];

/// Their names in a sentence.
pub(in crate::cli) fn names() -> String {
    let [before @ .., last] = ALL.map(|registry| registry.id);
    format!("{} or {last}", before.join(", "))
}

/// The rules that results and findings name.
pub(in crate::cli) fn rules() -> Vec<Entry> {
    properties().chain(detect::ALL.iter().map(|detector| detector.entry())).collect()
}

fn properties() -> impl Iterator<Item = Entry> {
    causet_checkers::properties::all().iter().map(|property| Entry {
        id: property.id,
        summary: property.summary,
        documentation: property.documentation,
        example: "",
    })
}

fn page(entry: &Entry) -> Page {
    let mut text = titled(entry.id, entry.documentation);
    if !entry.example.is_empty() {
        let _ = write!(text, "\n## Example\n\n{}", indent(entry.example));
    }
    Page { id: entry.id, summary: entry.summary, text, more: Vec::new() }
}

fn detector_page(detector: &dyn Detector) -> Page {
    let entry = detector.entry();
    let mut text = titled(entry.id, entry.documentation);
    text.push_str("\n## Thresholds (`--threshold DETECTOR.NAME=NUMBER`)\n\n");
    for Knob { name, default, unit, summary } in detector.knobs() {
        let _ = writeln!(text, "- `{}.{name}`: {summary} (default: {default} {unit})", entry.id);
    }
    let _ = write!(text, "\n## Example\n\n{}", indent(entry.example));
    Page { id: entry.id, summary: entry.summary, text, more: Vec::new() }
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
    Page { id: model.id, summary: model.summary, text, more: Vec::new() }
}

fn mutants() -> impl Iterator<Item = (&'static str, &'static Mutant)> {
    algorithms::ALL.iter().flat_map(|system| {
        let about = system.about();
        about.mutants.iter().map(|mutant| (about.entry.id, *mutant))
    })
}

fn system_page(about: &About) -> Page {
    let mut text = titled(about.entry.id, about.entry.documentation);
    let _ = writeln!(text, "\nFollows {}.", about.paper);
    if let Some(promise) = about.promise {
        let _ = writeln!(text, "\nPromises: {}, of the model `{}`.", promise.property, promise.model);
    }
    let _ = writeln!(text, "\nTolerates: {}.", about.tolerates.join(", "));
    let mut list = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = write!(text, "\n## {title}\n\n{}", lines.concat());
        }
    };
    let knob = |knob: &crate::node::Knob| format!("- `{}`: {} (default: {})\n", knob.name, knob.summary, knob.default);
    list("Options (`--option NAME=VALUE`)", about.options.iter().map(knob).collect());
    let workload = |of: &crate::node::Workload| format!("- `{}`: {}\n", of.id, of.summary);
    list("Workloads (`--workload ID`)", about.workloads.iter().map(workload).collect());
    let invariant = |(name, meaning): &(&str, &str)| format!("- `{name}`: {meaning}\n");
    let everywhere = &(crate::node::PANIC, "no step of a node panics");
    list("Invariants", about.invariants.iter().chain([everywhere]).map(invariant).collect());
    let mutant = |mutant: &&Mutant| format!("- `{}`: {}\n", mutant.id, mutant.summary);
    list("Known bugs (`--mutant ID`)", about.mutants.iter().map(mutant).collect());
    let _ = write!(text, "\n## Example\n\n{}", indent(about.entry.example));
    Page { id: about.entry.id, summary: about.entry.summary, text, more: Vec::new() }
}

fn mutant_page(system: &'static str, mutant: &'static Mutant) -> Page {
    let Mutant { id, summary, rule, anomaly, source, witness } = mutant;
    let text = format!(
        "# {id} ({system})\n\n{summary}.\n\n- Breaks the rule: {rule}\n- What goes wrong: {anomaly}\n- Source: {source}\n\n\
         ## Example\n\n    causet simulate {system} --mutant {id} --hard --seeds 1..1000\n\n\
         ## How it shows\n\n{}",
        indent(witness)
    );
    Page { id, summary, text, more: vec![("system", system), ("rule", rule), ("anomaly", anomaly), ("source", source)] }
}

fn fault_page(fault: &dyn Fault) -> Page {
    let knob = fault.knob();
    let mut page = page(fault.entry());
    let (low, high) = knob.range;
    let line = format!("\n## Knob\n\n{}: from {low} to {high}; {} unless said.\n", knob.meaning, knob.default);
    page.text.push_str(&line);
    page.more.push(("knob", knob.meaning));
    page
}

/// The documentation, with a title if it has none.
fn titled(id: &str, documentation: &str) -> String {
    let title = if documentation.starts_with("# ") { String::new() } else { format!("# {id}\n\n") };
    format!("{title}{}\n", documentation.trim())
}

fn indent(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    {line}\n")).collect()
}
