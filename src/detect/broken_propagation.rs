//! `broken-propagation`: the context of a trace was lost on the way from a client to a server.

use super::group::{About, Operation, by_operation, by_share, evidence};
use super::{Detector, Knob, Knobs, View};
use crate::outcome::Finding;
use crate::registry::Entry;
use crate::store::{Kind, StatusCode};

/// The detector.
pub struct BrokenPropagation;

const KNOBS: &[Knob] = &[
    Knob {
        name: "least-whole",
        default: 5.0,
        unit: "calls",
        summary: "So many calls must have their other half before one without it is odd",
    },
    Knob { name: "whole-share", default: 0.8, unit: "ratio", summary: "And at least this share of the calls" },
    Knob { name: "medium-share", default: 0.05, unit: "ratio", summary: "From this share of broken calls on: medium" },
    Knob { name: "high-share", default: 0.15, unit: "ratio", summary: "From this share of broken calls on: high" },
];

impl Detector for BrokenPropagation {
    fn entry(&self) -> Entry {
        Entry {
            id: "broken-propagation",
            summary: "Server spans without a parent and client spans without a server, where others have one",
            documentation: include_str!("docs/broken-propagation.md"),
            example: "causet analyze traces.jsonl --threshold broken-propagation.whole-share=0.5",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            include_str!("examples/broken-propagation.firing.json"),
            include_str!("examples/broken-propagation.silent.json"),
        )
    }

    fn detect(&self, view: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (operation, spans) in by_operation(view.store) {
            let halves = [
                ("server spans have no parent", side(view, &spans, server_half)),
                ("client spans have no server", side(view, &spans, client_half)),
            ];
            findings.extend(halves.into_iter().filter_map(|(what, side)| side.finding(view, operation, what, knobs)));
        }
        findings
    }
}

/// Calls with and without their other half.
struct Side {
    whole: usize,
    broken: Vec<u32>,
}

/// Spans for which `half` is `None` do not count.
fn side(view: View<'_>, spans: &[u32], half: fn(View<'_>, usize) -> Option<bool>) -> Side {
    let mut side = Side { whole: 0, broken: Vec::new() };
    for &span in spans {
        match half(view, span as usize) {
            Some(true) => side.whole += 1,
            Some(false) => side.broken.push(span),
            None => {}
        }
    }
    side
}

/// Whether a server or consumer span names a parent. A consumer's link says as much.
fn server_half(View { store, .. }: View<'_>, span: usize) -> Option<bool> {
    let span = store.span(span);
    matches!(span.kind(), Kind::Server | Kind::Consumer).then(|| span.parent() != 0 || span.links().len() > 0)
}

/// Whether a client span has a child in another service or of kind server. A call that failed may have reached
/// nobody.
fn client_half(View { store, graph, .. }: View<'_>, span: usize) -> Option<bool> {
    let client = store.span(span);
    if client.kind() != Kind::Client || client.status() == StatusCode::Error || client.end() == 0 {
        return None;
    }
    let answers = |&child: &u32| {
        let child = store.span(child as usize);
        child.service() != client.service() || child.kind() == Kind::Server
    };
    Some(graph.family().children(span).iter().any(answers))
}

impl Side {
    fn finding(self, view: View<'_>, operation: Operation, what: &str, knobs: &Knobs) -> Option<Finding> {
        let all = self.whole + self.broken.len();
        let share = self.broken.len() as f64 / all.max(1) as f64;
        let odd = (self.whole as f64) >= knobs.get("least-whole") && 1.0 - share >= knobs.get("whole-share");
        if self.broken.is_empty() || !odd {
            return None;
        }
        let about = About {
            rule: "broken-propagation",
            severity: by_share(share, knobs),
            title: format!("{} of {all} {what}, the others have one", self.broken.len()),
            operation,
            spans: &self.broken,
            evidence: vec![
                evidence("broken", self.broken.len() as f64, "spans"),
                evidence("whole", self.whole as f64, "spans"),
                evidence("broken-share", share, "ratio"),
            ],
        };
        Some(about.finding(view.store))
    }
}
