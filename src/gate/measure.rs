//! The metrics of expectations: what each is, over which spans, and the spans that show it best.

use super::condition::{Condition, Name, Names, condition};
use super::judge::Subject;
use super::syntax::{Kind, Node, Wrong};
use crate::config::suggest;
use crate::outcome::Severity;
use crate::store::{SpanRef, StatusCode};
use std::time::Duration;

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Nanos,
    /// From 0 to 1.
    Share,
    Count,
}

impl Unit {
    /// A value for people.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Nanos => {
                // As many decimals as tell a value from a limit beside it, and no more.
                let text = format!("{:.3?}", Duration::from_nanos(value as u64));
                let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
                format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.'))
            }
            Self::Share => format!("{} %", (value * 1e5).round() / 1e3),
            Self::Count => format!("{value}"),
        }
    }
}

/// Every metric: its name, its unit, and what it is.
pub(super) const METRICS: [(&str, Unit, &str); 16] = [
    ("latency.min", Unit::Nanos, "the shortest duration"),
    ("latency.mean", Unit::Nanos, "the mean duration"),
    ("latency.p50", Unit::Nanos, "the duration that half of the calls stay within"),
    ("latency.p90", Unit::Nanos, "the duration that 90 % of the calls stay within"),
    ("latency.p95", Unit::Nanos, "the duration that 95 % of the calls stay within"),
    ("latency.p99", Unit::Nanos, "the duration that 99 % of the calls stay within"),
    ("latency.max", Unit::Nanos, "the longest duration"),
    ("errors.rate", Unit::Share, "the share of calls with status error"),
    ("errors.count", Unit::Count, "calls with status error"),
    ("calls.count", Unit::Count, "calls"),
    ("spans.count", Unit::Count, "spans, or those that meet a condition"),
    ("traces.count", Unit::Count, "traces"),
    ("orphans.rate", Unit::Share, "the share of spans whose parent is missing"),
    ("orphans.count", Unit::Count, "spans whose parent is missing"),
    ("findings", Unit::Count, "findings that count, from a severity on or of one detector"),
    ("violations", Unit::Count, "violated results of checks that count"),
];

/// The unit of a metric, if there is one of this name.
pub(super) fn unit(name: &str) -> Option<Unit> {
    METRICS.iter().find(|(known, _, _)| *known == name).map(|(_, unit, _)| *unit)
}

/// A metric's value.
pub(super) struct Measured {
    /// Nothing if there was nothing to measure.
    pub value: Option<f64>,
    /// Spans that show it, the worst first.
    pub exemplars: Vec<usize>,
    /// What it is of, in words.
    pub of: String,
}

/// Measures.
pub(super) fn measure(
    name: &str,
    node: &Node,
    arguments: &[Node],
    subject: &Subject<'_>,
    names: &Names<'_>,
) -> Result<Measured, Wrong> {
    let store = subject.store;
    let none = |arguments: &[Node]| match arguments.first() {
        None => Ok(()),
        Some(first) => Err((first.at, format!("`{name}` takes nothing in parentheses"))),
    };
    match name {
        "findings" => findings(arguments, subject),
        "violations" => {
            none(arguments)?;
            Ok(Measured { value: Some(subject.violations as f64), exemplars: Vec::new(), of: String::new() })
        }
        "traces.count" => {
            none(arguments)?;
            let of = counted(store.len(), "span");
            Ok(Measured { value: Some(store.traces().len() as f64), exemplars: Vec::new(), of })
        }
        "orphans.rate" | "orphans.count" => {
            none(arguments)?;
            let family = subject.graph.family();
            let is_orphan = |span: &SpanRef<'_>| span.parent() != 0 && family.parent(span.index()).is_none();
            let found: Vec<usize> = store.iter().filter(is_orphan).map(SpanRef::index).collect();
            Ok(share_or_count(name, found, store.len(), "span"))
        }
        "spans.count" => {
            let condition = match arguments {
                [] => Condition::All(Vec::new()),
                [one] => condition(one, names)?,
                [_, second, ..] => return Err((second.at, "expected one condition".to_owned())),
            };
            let met = store.iter().filter(|span| condition.meets(store, *span)).map(SpanRef::index);
            Ok(share_or_count(name, met.collect(), store.len(), "span"))
        }
        _ => calls(name, node, arguments, subject, names),
    }
}

fn share_or_count(name: &str, found: Vec<usize>, all: usize, what: &str) -> Measured {
    let share = name.ends_with(".rate");
    let value = match (share, all) {
        (true, 0) => None,
        (true, all) => Some(found.len() as f64 / all as f64),
        (false, _) => Some(found.len() as f64),
    };
    Measured { value, exemplars: found, of: counted(all, what) }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `latency.…`, `errors.…` and `calls.count` of what is in parentheses.
fn calls(
    name: &str,
    node: &Node,
    arguments: &[Node],
    subject: &Subject<'_>,
    names: &Names<'_>,
) -> Result<Measured, Wrong> {
    let store = subject.store;
    let condition = match arguments {
        [] => Condition::All(Vec::new()),
        [Node { kind: Kind::Text(text), at }] => Condition::Named(names.either(text, *at)?),
        [
            Node { kind: Kind::Text(service), at: service_at },
            Node { kind: Kind::Text(operation), at: operation_at },
        ] => Condition::All(vec![
            Condition::Named(Name::Service(names.service(service, *service_at)?)),
            Condition::Named(Name::Operation(names.operation(operation, *operation_at)?)),
        ]),
        [one] => condition(one, names)?,
        _ => return Err((node.at, "expected a service, an operation, both, or a condition".to_owned())),
    };
    // A service's calls are its spans that nobody of the same service called; the whole is what has no parent.
    let family = subject.graph.family();
    let entry = |span: SpanRef<'_>| {
        let caller = family.parent(span.index()).map(|parent| store.span(parent).service());
        caller != Some(span.service())
    };
    let whole = arguments.is_empty() && name.starts_with("latency");
    let chosen = |span: &SpanRef<'_>| match &condition {
        _ if whole => family.parent(span.index()).is_none(),
        Condition::Named(Name::Service(_)) => condition.meets(store, *span) && entry(*span),
        _ => condition.meets(store, *span),
    };
    let spans: Vec<usize> = store.iter().filter(chosen).map(SpanRef::index).collect();
    let what = if whole { "trace" } else { "call" };
    if name == "calls.count" {
        let all = spans.len();
        return Ok(share_or_count(name, spans, all, what));
    }
    if !name.starts_with("latency") {
        let all = spans.len();
        let failed = |&span: &usize| store.span(span).status() == StatusCode::Error;
        return Ok(share_or_count(name, spans.into_iter().filter(failed).collect(), all, what));
    }
    let mut spans: Vec<usize> = spans.into_iter().filter(|&span| store.span(span).end() != 0).collect();
    spans.sort_by_key(|&span| (std::cmp::Reverse(store.span(span).duration()), span));
    let durations: Vec<u64> = spans.iter().rev().map(|&span| store.span(span).duration()).collect();
    if durations.is_empty() {
        return Ok(Measured { value: None, exemplars: Vec::new(), of: "nothing that has an end".to_owned() });
    }
    let of = counted(durations.len(), what);
    Ok(Measured { value: Some(statistic(name, &durations)), exemplars: spans, of })
}

/// A statistic of ascending durations; percentiles by nearest rank.
fn statistic(name: &str, ascending: &[u64]) -> f64 {
    let rank = |share: f64| {
        let rank = (share * ascending.len() as f64).ceil() as usize;
        ascending[rank.clamp(1, ascending.len()) - 1] as f64
    };
    match name {
        "latency.min" => rank(0.0),
        "latency.mean" => ascending.iter().map(|&nanos| nanos as f64).sum::<f64>() / ascending.len() as f64,
        "latency.p50" => rank(0.5),
        "latency.p90" => rank(0.9),
        "latency.p95" => rank(0.95),
        "latency.p99" => rank(0.99),
        _ => rank(1.0),
    }
}

fn findings(arguments: &[Node], subject: &Subject<'_>) -> Result<Measured, Wrong> {
    let rules: Vec<&str> = crate::detect::ALL.iter().map(|detector| detector.entry().id).collect();
    let counts: Box<dyn Fn(&crate::outcome::Finding) -> bool> = match arguments {
        [] => Box::new(|_| true),
        [Node { kind: Kind::Text(text), at }] => {
            let severity = Severity::ALL.into_iter().find(|severity| severity.id() == text);
            match severity {
                Some(severity) => Box::new(move |finding| finding.severity >= severity),
                None if rules.contains(&&**text) => Box::new(move |finding| finding.rule == text),
                None => {
                    let known = Severity::ALL.iter().map(|severity| severity.id()).chain(rules.iter().copied());
                    return Err((*at, format!("no severity or detector `{text}`{}", suggest(text, known))));
                }
            }
        }
        [other, ..] => return Err((other.at, "expected a severity or a detector, in quotes".to_owned())),
    };
    let found: Vec<_> = subject.findings.iter().filter(|finding| counts(finding)).collect();
    let place = |finding: &&crate::outcome::Finding| {
        let mut spans = subject.store.iter();
        spans.position(|span| format!("{:016x}", span.id()) == finding.span_id)
    };
    let exemplars = found.iter().take(3).filter_map(place).collect();
    Ok(Measured { value: Some(found.len() as f64), exemplars, of: String::new() })
}
