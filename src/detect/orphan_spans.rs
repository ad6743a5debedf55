//! `orphan-spans`: spans whose parent is not in the data although it should be.

use super::group::{About, by_operation, by_share, evidence, form, some_of};
use super::{Detector, Knob, Knobs, View};
use crate::outcome::{Finding, Severity};
use crate::registry::Entry;
use crate::store::{Kind, SpanStore};
use foldhash::{HashSet, HashSetExt};

/// The detector.
pub struct OrphanSpans;

const KNOBS: &[Knob] = &[
    Knob {
        name: "least-spans",
        default: 1.0,
        unit: "spans",
        summary: "Fewer orphans of an operation are not reported",
    },
    Knob {
        name: "few",
        default: 5.0,
        unit: "spans",
        summary: "Fewer orphans of an operation are low, whatever their share",
    },
    Knob {
        name: "medium-share",
        default: 0.05,
        unit: "ratio",
        summary: "From this share of the operation's spans on: medium",
    },
    Knob {
        name: "high-share",
        default: 0.5,
        unit: "ratio",
        summary: "From this share of the operation's spans on: high",
    },
];

impl Detector for OrphanSpans {
    fn entry(&self) -> Entry {
        Entry {
            id: "orphan-spans",
            summary: "Spans whose parent is not in the data although it should be: lost, dropped or sampled away",
            documentation: include_str!("docs/orphan-spans.md"),
            example: "causet analyze traces.jsonl",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (include_str!("examples/orphan-spans.firing.json"), include_str!("examples/orphan-spans.silent.json"))
    }

    fn detect(&self, view: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let store = view.store;
        let orphans = orphans(view);
        if orphans.is_empty() {
            return Vec::new();
        }
        let mut findings = Vec::new();
        for (operation, spans) in by_operation(store) {
            let lost: Vec<u32> = spans.iter().copied().filter(|span| orphans.contains(span)).collect();
            if lost.is_empty() || (lost.len() as f64) < knobs.get("least-spans") {
                continue;
            }
            let share = lost.len() as f64 / spans.len() as f64;
            let about = About {
                rule: "orphan-spans",
                severity: if (lost.len() as f64) < knobs.get("few") { Severity::Low } else { by_share(share, knobs) },
                title: format!(
                    "the {} of {} not in the data",
                    form(lost.len(), ["parent", "parents"]),
                    some_of(lost.len(), spans.len(), ["span", "spans"], ["is", "are"]),
                ),
                operation,
                spans: &lost,
                evidence: vec![
                    evidence("orphans", lost.len() as f64, "spans"),
                    evidence("spans", spans.len() as f64, "spans"),
                    evidence("orphan-share", share, "ratio"),
                ],
            };
            findings.push(about.finding(store));
        }
        findings
    }
}

/// Spans that name a parent that is not there, without the entry of a trace whose caller is not traced: that is the
/// one server or consumer span without a parent in the data, in a trace without a root.
fn orphans(view: View<'_>) -> HashSet<u32> {
    let absent = absent_parents(view);
    let mut tops = vec![(0u32, false); view.store.traces().len()];
    for span in view.store.iter() {
        let top = &mut tops[span.trace()];
        top.0 += u32::from(absent.contains(&(span.index() as u32)));
        top.1 |= span.parent() == 0;
    }
    let is_entry = |span: u32| {
        let span = view.store.span(span as usize);
        matches!(span.kind(), Kind::Server | Kind::Consumer) && tops[span.trace()] == (1, false)
    };
    absent.into_iter().filter(|&span| !is_entry(span)).collect()
}

fn absent_parents(View { store, graph, .. }: View<'_>) -> HashSet<u32> {
    let named = |span: &usize| store.span(*span).parent() != 0 && graph.family().parent(*span).is_none();
    let candidates: Vec<usize> = (0..store.len()).filter(named).collect();
    let of = |span: usize| (store.span(span).trace(), store.span(span).parent());
    let mut missing: HashSet<(usize, u64)> = candidates.iter().map(|&span| of(span)).collect();
    if missing.is_empty() {
        return HashSet::new();
    }
    // A parent that is there, but in a circle with its child, is not missing.
    present(store, &mut missing);
    candidates.into_iter().filter(|&span| missing.contains(&of(span))).map(|span| span as u32).collect()
}

fn present(store: &SpanStore, missing: &mut HashSet<(usize, u64)>) {
    for span in store.iter() {
        missing.remove(&(span.trace(), span.id()));
    }
}
