//! `retry-storm`: calls that are made again and again.

use super::group::{About, Operation, alike_siblings, by_operation, evidence, form, graded, one_after_another};
use super::{Detector, Knob, Knobs, View};
use crate::outcome::{Finding, Severity};
use crate::registry::Entry;
use crate::store::{Any, SpanRef, SpanStore, StatusCode, Sym};
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub struct RetryStorm;

const KNOBS: &[Knob] = &[
    Knob {
        name: "least-retries",
        default: 3.0,
        unit: "retries",
        summary: "Fewer retries of an operation are not reported",
    },
    Knob {
        name: "least-calls",
        default: 3.0,
        unit: "calls",
        summary: "So many calls alike, of which all but the last fail, are retries",
    },
    Knob { name: "medium-factor", default: 1.5, unit: "times", summary: "From so many attempts per call on: medium" },
    Knob { name: "high-factor", default: 3.0, unit: "times", summary: "From so many attempts per call on: high" },
    Knob {
        name: "critical-factor",
        default: 10.0,
        unit: "times",
        summary: "From so many attempts per call on: critical",
    },
];

/// By attempts per call.
const STEPS: &[(&str, Severity)] =
    &[("critical-factor", Severity::Critical), ("high-factor", Severity::High), ("medium-factor", Severity::Medium)];

/// Attributes that count the retries within a span.
const WITHIN: [&str; 1] = ["retry.count"];
/// Attributes that say that a span is itself a retry, if they are at least this number.
const ITSELF: [(&str, i64); 4] = [
    ("http.request.resend_count", 1),
    ("http.resend_count", 1),
    ("messaging.gcp_pubsub.message.delivery_attempt", 2),
    ("messaging.servicebus.message.delivery_count", 2),
];

impl Detector for RetryStorm {
    fn entry(&self) -> Entry {
        Entry {
            id: "retry-storm",
            summary: "Calls that are made again and again: retries, resends, redeliveries",
            documentation: include_str!("docs/retry-storm.md"),
            example: "causet analyze traces.jsonl --threshold retry-storm.least-retries=1",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (include_str!("examples/retry-storm.firing.json"), include_str!("examples/retry-storm.silent.json"))
    }

    fn detect(&self, view: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let store = view.store;
        let repeated = repeated_siblings(view, knobs.get("least-calls").max(2.0) as usize);
        let said = Said::new(store);
        let mut findings = Vec::new();
        for (operation, spans) in by_operation(store) {
            let none = BTreeSet::new();
            let by_siblings = repeated.get(&operation).unwrap_or(&none);
            let (mut total, mut within, mut retries) = (0u64, 0u64, Vec::new());
            for &span in &spans {
                let (inside, itself) = said.of(store, store.span(span as usize));
                within = within.saturating_add(inside);
                let itself = itself || by_siblings.contains(&span);
                let count = inside.saturating_add(u64::from(itself));
                total = total.saturating_add(count);
                if count > 0 {
                    retries.push((count, span));
                }
            }
            if total == 0 || (total as f64) < knobs.get("least-retries") {
                continue;
            }
            retries.sort_by_key(|&(count, span)| (std::cmp::Reverse(count), span));
            let spans_again: Vec<u32> = retries.iter().map(|&(_, span)| span).collect();
            // Attempts, and the calls that they were made for.
            let attempts = spans.len() as f64 + within as f64;
            let calls = (attempts - total as f64).max(1.0);
            let factor = attempts / calls;
            let about = About {
                rule: "retry-storm",
                severity: graded(factor, knobs, STEPS),
                title: format!(
                    "{total} {}: {attempts} attempts for {calls} {}",
                    form(total as usize, ["retry", "retries"]),
                    form(calls as usize, ["call", "calls"]),
                ),
                operation,
                spans: &spans_again,
                evidence: vec![
                    evidence("retries", total as f64, "calls"),
                    evidence("attempts-per-call", factor, "times"),
                    evidence("retries-by-failed-siblings", by_siblings.len() as f64, "spans"),
                ],
            };
            findings.push(about.finding(store));
        }
        findings
    }
}

/// What attributes say about retries.
struct Said {
    within: Vec<Sym>,
    itself: Vec<(Sym, i64)>,
}

impl Said {
    fn new(store: &SpanStore) -> Self {
        let find = |name: &str| store.strings().find(name);
        Self {
            within: WITHIN.iter().filter_map(|name| find(name)).collect(),
            itself: ITSELF.iter().filter_map(|(name, least)| Some((find(name)?, *least))).collect(),
        }
    }

    /// How many retries are within a span, and whether it is one itself.
    fn of(&self, store: &SpanStore, span: SpanRef<'_>) -> (u64, bool) {
        let number = |key: Sym| match span.attribute(key)? {
            Any::Int(number) => Some(number),
            Any::Str(sym) => store.text(sym).parse().ok(),
            _ => None,
        };
        let within = self.within.iter().filter_map(|&key| number(key)).max().unwrap_or(0);
        let itself = self.itself.iter().any(|&(key, least)| number(key).is_some_and(|number| number >= least));
        (u64::try_from(within).unwrap_or(0), itself)
    }
}

/// By operation, the spans that repeat a failed sibling: calls alike under one parent, one after another, of which
/// all but the last failed.
fn repeated_siblings(view: View<'_>, least: usize) -> BTreeMap<Operation, BTreeSet<u32>> {
    let store = view.store;
    let mut found: BTreeMap<Operation, BTreeSet<u32>> = BTreeMap::new();
    for (_, operation, mut calls) in alike_siblings(view, least) {
        calls.sort_by_key(|&call| (store.span(call as usize).start(), call));
        let failed = |call: &u32| store.span(*call as usize).status() == StatusCode::Error;
        let (_, all_but_last) = calls.split_last().expect("at least one");
        if all_but_last.iter().all(failed) && one_after_another(store, &calls) {
            found.entry(operation).or_default().extend(calls[1..].iter().copied());
        }
    }
    found
}
