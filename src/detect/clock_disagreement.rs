//! `clock-disagreement`: recorded logical clocks that say something else than the rebuilt causal order.

use super::group::{About, evidence, grouped};
use super::{Detector, Knob, Knobs, View};
use crate::causal::{
    CausalGraph, ClockKind, Disagreement, EventId, ExactEvent, ExactOrder, Id, Relation, SpanDisagreement,
    SpanDisagreements, disagreements, span_disagreements,
};
use crate::outcome::{Finding, Severity};
use crate::registry::Entry;
use crate::store::{SpanStore, Sym};
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

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

    fn detect(&self, View { store, graph, .. }: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(order) = ExactOrder::new(store) {
            of_events(&order, store, &mut found);
        }
        of_spans(graph, store, &mut found);
        let by_process = grouped(found.into_iter().map(|pair| ((pair.service, pair.clock == ClockKind::Vector), pair)));
        let mut findings = Vec::new();
        for ((service, _), pairs) in by_process {
            if (pairs.len() as f64) < knobs.get("least-pairs") {
                continue;
            }
            let of = pairs.iter().map(|pair| pair.of).max().unwrap_or(0);
            let share = pairs.len() as f64 / of.max(1) as f64;
            let mut spans: Vec<u32> = pairs.iter().map(|pair| pair.span).collect();
            spans.dedup();
            let about = About {
                rule: "clock-disagreement",
                severity: if share >= knobs.get("high-share") { Severity::High } else { Severity::Medium },
                title: title(&pairs),
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

/// A pair of events on which the two orders differ.
struct Found {
    clock: ClockKind,
    /// Of the second event: its service and its span.
    service: Sym,
    span: u32,
    /// How the rebuilt order and the recorded clocks see the first event and the second.
    rebuilt: Relation,
    recorded: Relation,
    /// What the two are called; of the first pair of a service only.
    names: Option<[String; 2]>,
    /// How many events of the processes concerned have a say.
    of: u64,
}

/// Exact events, against their exact order.
fn of_events(order: &ExactOrder, store: &SpanStore, found: &mut Vec<Found>) {
    let pairs = disagreements(order, store);
    let mut events = vec![0u64; order.lanes().len()];
    order.events().for_each(|event| events[order.lane(event)] += 1);
    let service = |event: ExactEvent| store.span(order.span(event)).service();
    let mut lanes: HashMap<(Sym, ClockKind), Vec<usize>> = HashMap::new();
    pairs.iter().for_each(|pair| lanes.entry((service(pair.b), pair.clock)).or_default().push(order.lane(pair.b)));
    let mut of: HashMap<(Sym, ClockKind), u64> = HashMap::new();
    for pair in &pairs {
        let key = (service(pair.b), pair.clock);
        of.entry(key).or_insert_with(|| {
            let mut lanes = lanes.remove(&key).unwrap_or_default();
            lanes.sort_unstable();
            lanes.dedup();
            lanes.into_iter().map(|lane| events[lane]).sum()
        });
    }
    let name = |event: ExactEvent| {
        let lane = &order.lanes()[order.lane(event)].name;
        match order.id(event) {
            Id::Number(number) => format!("event {number} of {lane}"),
            Id::Text(text) => format!("event {text} of {lane}"),
        }
    };
    let mut named = HashSet::new();
    found.extend(pairs.into_iter().map(|Disagreement { clock, a, b, rebuilt, recorded }| {
        let key = (service(b), clock);
        let names = named.insert(key).then(|| [name(a), name(b)]);
        Found { clock, service: key.0, span: order.span(b) as u32, rebuilt, recorded, names, of: of[&key] }
    }));
}

/// Events of ordinary spans, against what is certain of their order.
fn of_spans(graph: &CausalGraph, store: &SpanStore, found: &mut Vec<Found>) {
    let SpanDisagreements { pairs, compared } = span_disagreements(graph, store);
    let name = |event: EventId| {
        let span = store.span(graph.span_of(event));
        format!("{} of {} {} ({:016x})", graph.label(store, event), span.service_text(), span.name_text(), span.id())
    };
    let mut named = HashSet::new();
    found.extend(pairs.into_iter().map(|SpanDisagreement { clock, a, b, recorded }| {
        let span = graph.span_of(b);
        let service = store.span(span).service();
        let names = named.insert((service, clock)).then(|| [name(a), name(b)]);
        let of = compared.get(&service).copied().unwrap_or(0);
        Found { clock, service, span: span as u32, rebuilt: Relation::Before, recorded, names, of }
    }));
}

/// The first pair with both opinions.
fn title(pairs: &[Found]) -> String {
    let clock = match pairs[0].clock {
        ClockKind::Vector => "vector",
        ClockKind::Lamport => "Lamport",
    };
    let [a, b] = pairs.iter().find_map(|pair| pair.names.as_ref()).expect("the first pair of a service is named");
    format!(
        "{} pairs of events are ordered otherwise by the recorded {clock} clock: {a} {} {b} by the rebuilt order, {} by the clock",
        pairs.len(),
        verb(pairs[0].rebuilt),
        pairs[0].recorded.id()
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
