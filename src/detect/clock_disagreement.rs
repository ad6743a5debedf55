//! `clock-disagreement`: recorded logical clocks that say something else than the rebuilt causal order.

use super::group::{About, evidence, grouped};
use super::{Detector, Knob, Knobs, View};
use crate::causal::{ClockKind, Disagreement, ExactEvent, ExactOrder, Id, Relation, disagreements};
use crate::outcome::{Finding, Severity};
use crate::registry::Entry;

/// The detector.
pub struct ClockDisagreement;

const KNOBS: &[Knob] = &[
    Knob { name: "least-pairs", default: 1.0, unit: "pairs", summary: "Fewer pairs of events are not reported" },
    Knob {
        name: "high-share",
        default: 0.1,
        unit: "ratio",
        summary: "From this share of the process's events on: high",
    },
];

impl Detector for ClockDisagreement {
    fn entry(&self) -> Entry {
        Entry {
            id: "clock-disagreement",
            summary: "Recorded vector and Lamport clocks that contradict the rebuilt causal order",
            documentation: include_str!("docs/clock-disagreement.md"),
            example: "causet analyze traces.otlp.jsonl",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            include_str!("examples/clock-disagreement.firing.json"),
            include_str!("examples/clock-disagreement.silent.json"),
        )
    }

    fn detect(&self, View { store, .. }: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let names = ["causet.clock.vector", "causet.clock.lamport"];
        let recorded = |text: &str| names.contains(&text) || text.starts_with("vc.");
        if !store.strings().iter().any(|(_, text)| recorded(text)) {
            return Vec::new();
        }
        let Some(order) = ExactOrder::new(store) else { return Vec::new() };
        let mut events = vec![0u64; order.lanes().len()];
        order.events().for_each(|event| events[order.lane(event)] += 1);
        let found = disagreements(&order, store);
        let by_process = grouped(found.into_iter().map(|pair| {
            let service = store.span(order.span(pair.b)).service();
            ((service, pair.clock == ClockKind::Vector), pair)
        }));
        let mut findings = Vec::new();
        for ((service, _), pairs) in by_process {
            if (pairs.len() as f64) < knobs.get("least-pairs") {
                continue;
            }
            let mut lanes: Vec<usize> = pairs.iter().map(|pair| order.lane(pair.b)).collect();
            lanes.sort_unstable();
            lanes.dedup();
            let of: u64 = lanes.iter().map(|&lane| events[lane]).sum();
            let share = pairs.len() as f64 / of.max(1) as f64;
            let mut spans: Vec<u32> = pairs.iter().map(|pair| order.span(pair.b) as u32).collect();
            spans.dedup();
            let about = About {
                rule: "clock-disagreement",
                severity: if share >= knobs.get("high-share") { Severity::High } else { Severity::Medium },
                title: title(&order, &pairs),
                operation: (service, store.span(spans[0] as usize).name()),
                spans: &spans,
                evidence: vec![
                    evidence("pairs", pairs.len() as f64, "pairs"),
                    evidence("events-of-these-processes", of as f64, "events"),
                ],
            };
            findings.push(about.finding(store));
        }
        findings
    }
}

/// The first pair with both opinions.
fn title(order: &ExactOrder, pairs: &[Disagreement]) -> String {
    let Disagreement { clock, a, b, rebuilt, recorded } = pairs[0];
    let clock = match clock {
        ClockKind::Vector => "vector",
        ClockKind::Lamport => "Lamport",
    };
    let name = |event: ExactEvent| {
        let lane = &order.lanes()[order.lane(event)].name;
        match order.id(event) {
            Id::Number(number) => format!("event {number} of {lane}"),
            Id::Text(text) => format!("event {text} of {lane}"),
        }
    };
    format!(
        "{} pairs of events are ordered otherwise by the recorded {clock} clock: {} {} {} by the rebuilt order, {} by the clock",
        pairs.len(),
        name(a),
        verb(rebuilt),
        name(b),
        adjective(recorded)
    )
}

fn verb(relation: Relation) -> &'static str {
    match relation {
        Relation::Before => "is before",
        Relation::After => "is after",
        Relation::Concurrent => "is concurrent with",
        Relation::Equal => "equals",
        Relation::Unknown => "has no known order with",
    }
}

fn adjective(relation: Relation) -> &'static str {
    match relation {
        Relation::Before => "before",
        Relation::After => "after",
        Relation::Concurrent => "concurrent",
        Relation::Equal => "equal",
        Relation::Unknown => "unknown",
    }
}
