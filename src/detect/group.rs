//! Spans by operation, and findings about them: what most detectors begin and end with.

use crate::outcome::{Evidence, Finding, Severity, fingerprint};
use crate::store::{SpanStore, Sym};
use foldhash::{HashMap, HashMapExt};

/// Service and operation.
pub(super) type Operation = (Sym, Sym);

/// How many examples a finding names.
const EXAMPLES: usize = 3;

/// Spans by service and operation, both in order of first appearance. O(spans).
pub(super) fn by_operation(store: &SpanStore) -> Vec<(Operation, Vec<u32>)> {
    grouped(store.iter().map(|span| ((span.service(), span.name()), span.index() as u32)))
}

/// Things by key, both in order of first appearance.
pub(super) fn grouped<K: Copy + Eq + std::hash::Hash, T>(items: impl Iterator<Item = (K, T)>) -> Vec<(K, Vec<T>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for (key, item) in items {
        let place = *places.entry(key).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(item);
    }
    groups
}

/// A number for a finding.
pub(super) fn evidence(name: &'static str, value: f64, unit: &'static str) -> Evidence {
    Evidence { name, value, baseline: None, unit }
}

/// What a detector says about some spans of one operation.
pub(super) struct About<'a> {
    pub rule: &'static str,
    pub severity: Severity,
    pub title: String,
    pub operation: Operation,
    /// The spans, the best example first.
    pub spans: &'a [u32],
    pub evidence: Vec<Evidence>,
}

impl About<'_> {
    /// As a finding. The fingerprint is of rule, service and operation.
    pub(super) fn finding(self, store: &SpanStore) -> Finding {
        let (service, operation) = (store.text(self.operation.0), store.text(self.operation.1));
        let named = |&span: &u32| {
            let span = store.span(span as usize);
            (format!("{:032x}", span.trace_id()), format!("{:016x}", span.id()))
        };
        let exemplars: Vec<(String, String)> = self.spans.iter().take(EXAMPLES).map(named).collect();
        let (trace_id, span_id) = exemplars.first().cloned().unwrap_or_default();
        Finding {
            rule: self.rule,
            severity: self.severity,
            title: self.title,
            service: service.to_owned(),
            operation: operation.to_owned(),
            trace_id,
            span_id,
            count: self.spans.len() as u64,
            exemplars,
            evidence: self.evidence,
            fingerprint: fingerprint(&[self.rule, service, operation]),
        }
    }
}
