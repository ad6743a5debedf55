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

/// The singular or the plural.
pub(super) fn form(count: usize, [one, many]: [&str; 2]) -> &str {
    if count == 1 { one } else { many }
}

/// `1 of 3 calls` and a verb that agrees with the 1: singular and plural of both.
pub(super) fn some_of(part: usize, all: usize, things: [&str; 2], verbs: [&str; 2]) -> String {
    format!("{part} of {all} {} {}", form(all, things), form(part, verbs))
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

/// A severity by the share of the calls that are concerned: `medium` and `high` from the knobs `medium-share` and
/// `high-share` on, `low` below.
pub(super) fn by_share(share: f64, knobs: &super::Knobs) -> Severity {
    graded(share, knobs, &[("high-share", Severity::High), ("medium-share", Severity::Medium)])
}

/// The severity of the first of these knobs that the value reaches, `low` if it reaches none.
pub(super) fn graded(value: f64, knobs: &super::Knobs, steps: &[(&str, Severity)]) -> Severity {
    steps.iter().find(|(knob, _)| value >= knobs.get(knob)).map_or(Severity::Low, |(_, severity)| *severity)
}

/// A step less.
pub(super) fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
    }
}

/// Whether most of the time that spans take is taken by one at a time: the length of the union of their intervals
/// is at least four fifths of the sum. O(n log n).
pub(super) fn one_after_another(store: &SpanStore, spans: &[u32]) -> bool {
    let mut intervals: Vec<(u64, u64)> = (spans.iter().map(|&span| store.span(span as usize)))
        .map(|span| (span.start(), span.start() + span.duration()))
        .collect();
    intervals.sort_unstable();
    let (mut covered, mut sum, mut reached) = (0u64, 0u64, 0);
    for (start, end) in intervals {
        sum = sum.saturating_add(end - start);
        covered += end.max(reached) - start.max(reached);
        reached = reached.max(end);
    }
    covered >= sum - sum / 5
}

/// The children of each span that has at least `least` of one service and name, with their parent. O(spans).
pub(super) fn alike_siblings(view: super::View<'_>, least: usize) -> Vec<(usize, Operation, Vec<u32>)> {
    let super::View { store, graph, .. } = view;
    let mut found = Vec::new();
    for parent in (0..store.len()).filter(|&span| graph.family().children(span).len() >= least) {
        let named = |&child: &u32| {
            let span = store.span(child as usize);
            ((span.service(), span.name()), child)
        };
        let groups = grouped(graph.family().children(parent).iter().map(named));
        found.extend(
            groups.into_iter().filter(|(_, calls)| calls.len() >= least).map(|(key, calls)| (parent, key, calls)),
        );
    }
    found
}
