//! `n-plus-one`: many calls alike, one after another, where one would do.

use super::group::{About, Operation, alike_siblings, evidence, form, one_after_another};
use super::{Detector, Knob, Knobs, View};
use crate::outcome::{Finding, Severity};
use crate::registry::Entry;
use crate::store::{Kind, SpanStore, StatusCode, Sym};
use std::collections::BTreeMap;

/// The detector.
pub struct NPlusOne;

const KNOBS: &[Knob] = &[
    Knob {
        name: "least-calls",
        default: 10.0,
        unit: "calls",
        summary: "Fewer calls alike under one span are not reported",
    },
    Knob {
        name: "medium-share",
        default: 0.3,
        unit: "ratio",
        summary: "From this share of the parents' time on: medium",
    },
    Knob {
        name: "high-share",
        default: 0.6,
        unit: "ratio",
        summary: "From this share of the parents' time on: high, if it is at least high-time per parent",
    },
    Knob { name: "high-time", default: 500.0, unit: "ms", summary: "Less time per parent than this is never high" },
];

impl Detector for NPlusOne {
    fn entry(&self) -> Entry {
        Entry {
            id: "n-plus-one",
            summary: "Many calls alike, one after another, where one would do",
            documentation: include_str!("docs/n-plus-one.md"),
            example: "causet analyze traces.jsonl --threshold n-plus-one.least-calls=5",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (include_str!("examples/n-plus-one.firing.json"), include_str!("examples/n-plus-one.silent.json"))
    }

    fn detect(&self, view: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let store = view.store;
        let least = knobs.get("least-calls").max(2.0) as usize;
        let mut found: BTreeMap<Operation, Found> = BTreeMap::new();
        let queries: Vec<Sym> = QUERIES.iter().filter_map(|name| store.strings().find(name)).collect();
        for (parent, operation, calls) in alike_siblings(view, least) {
            let leaves = |call: &&u32| leaves_process(store, **call, parent, &queries);
            let fine = calls.iter().filter(|call| store.span(**call as usize).status() != StatusCode::Error).count();
            if calls.iter().filter(leaves).count() < least || fine < least || !one_after_another(store, &calls) {
                continue;
            }
            let taken: u64 = calls.iter().map(|&call| store.span(call as usize).duration()).sum();
            let so_far = found.entry(operation).or_default();
            so_far.most = so_far.most.max(calls.len());
            so_far.calls += calls.len();
            so_far.parents.push(parent as u32);
            so_far.taken += taken;
            so_far.of += store.span(parent).duration();
        }
        let mut found: Vec<(Operation, Found)> = found.into_iter().collect();
        found.sort_by_key(|(_, found)| found.parents[0]);
        found.into_iter().map(|(operation, found)| found.finding(store, operation, knobs)).collect()
    }
}

/// Attributes of calls to a database.
const QUERIES: [&str; 4] = ["db.system", "db.system.name", "db.statement", "db.query.text"];

/// Whether a call goes to another process or a database.
fn leaves_process(store: &SpanStore, call: u32, parent: usize, queries: &[Sym]) -> bool {
    let (call, parent) = (store.span(call as usize), store.span(parent));
    let remote = call.service() != parent.service();
    remote || call.kind() == Kind::Client || queries.iter().any(|key| call.attribute(*key).is_some())
}

/// Parents that make many calls of one operation.
#[derive(Default)]
struct Found {
    parents: Vec<u32>,
    calls: usize,
    most: usize,
    /// Nanoseconds in the calls, and in the parents.
    taken: u64,
    of: u64,
}

impl Found {
    fn finding(self, store: &SpanStore, operation: Operation, knobs: &Knobs) -> Finding {
        let share = self.taken as f64 / self.of.max(1) as f64;
        let per_parent = self.taken as f64 / 1e6 / self.parents.len() as f64;
        let severity = if share >= knobs.get("high-share") && per_parent >= knobs.get("high-time") {
            Severity::High
        } else if share >= knobs.get("medium-share") {
            Severity::Medium
        } else {
            Severity::Low
        };
        let about = About {
            rule: "n-plus-one",
            severity,
            title: format!(
                "called up to {} times one after another by one span: {} calls by {} {}, {:.0} % of {} time",
                self.most,
                self.calls,
                self.parents.len(),
                form(self.parents.len(), ["span", "spans"]),
                share.min(1.0) * 100.0,
                form(self.parents.len(), ["its", "their"])
            ),
            operation,
            spans: &self.parents,
            evidence: vec![
                evidence("most-calls-by-one-span", self.most as f64, "calls"),
                evidence("calls", self.calls as f64, "spans"),
                evidence("time-per-caller", per_parent, "ms"),
                evidence("share-of-callers-time", share, "ratio"),
            ],
        };
        about.finding(store)
    }
}
