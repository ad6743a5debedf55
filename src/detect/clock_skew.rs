//! `clock-skew`: hosts whose clocks can't be right together, with bounds on how far they are apart.
//!
//! Let `o` be the clock of host B less that of host A. A call from A to B starts at B after it started at A:
//! `o` is at most the child's start less the parent's. A call from B to A bounds `o` from below in the same way. These
//! bounds are certain. Where a client waits for its server, the server's end less the client's is a lower bound too,
//! but a softer one: servers go on after they have answered. It is only told, and only where it fits.

use super::group::{About, evidence, graded, grouped};
use super::{Detector, Knob, Knobs, View};
use crate::outcome::{Finding, Severity, fingerprint};
use crate::registry::Entry;
use crate::store::{Any, Kind, Resource, SpanStore, StatusCode, Sym};
use std::collections::BTreeMap;

/// The detector.
pub struct ClockSkew;

const KNOBS: &[Knob] = &[
    Knob { name: "least-skew", default: 1.0, unit: "ms", summary: "Clocks that are less far apart are not reported" },
    Knob { name: "least-calls", default: 1.0, unit: "calls", summary: "So many calls must show it" },
    Knob { name: "medium-skew", default: 100.0, unit: "ms", summary: "From here on: medium" },
    Knob { name: "high-skew", default: 1000.0, unit: "ms", summary: "From here on: high" },
];

impl Detector for ClockSkew {
    fn entry(&self) -> Entry {
        Entry {
            id: "clock-skew",
            summary: "Hosts whose clocks can't be right together: calls that start before they were made",
            documentation: include_str!("docs/clock-skew.md"),
            example: "causet analyze traces.jsonl --threshold clock-skew.least-skew=5",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (include_str!("examples/clock-skew.firing.json"), include_str!("examples/clock-skew.silent.json"))
    }

    fn detect(&self, view: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let hosts = Hosts::new(view.store);
        let pairs = grouped(calls(view, &hosts).map(|call| ((call.from.min(call.to), call.from.max(call.to)), call)));
        pairs.iter().filter_map(|(pair, calls)| finding(view.store, &hosts, *pair, calls, knobs)).collect()
    }
}

/// A call from one host to another.
struct Call {
    from: u32,
    to: u32,
    child: u32,
    /// Nanoseconds from the parent's start to the child's, by their own clocks.
    delay: i64,
    /// Nanoseconds from the client's end to the server's, where the one waits for the other.
    overrun: Option<i64>,
}

fn calls<'a>(View { store, graph, .. }: View<'a>, hosts: &'a Hosts) -> impl Iterator<Item = Call> + 'a {
    store.iter().filter_map(move |child| {
        let parent = store.span(graph.family().parent(child.index())?);
        let (from, to) = (hosts.of(parent.resource_id().index()), hosts.of(child.resource_id().index()));
        if from == to || parent.start() == 0 || child.start() == 0 {
            return None;
        }
        let waits = parent.kind() == Kind::Client
            && child.kind() == Kind::Server
            && parent.status() != StatusCode::Error
            && parent.end() > 0
            && child.end() > 0;
        Some(Call {
            from,
            to,
            child: child.index() as u32,
            delay: difference(child.start(), parent.start()),
            overrun: waits.then(|| difference(child.end(), parent.end())),
        })
    })
}

/// `a - b`, as far as it can be said.
fn difference(a: u64, b: u64) -> i64 {
    (i128::from(a) - i128::from(b)).clamp(i128::from(i64::MIN + 1), i128::from(i64::MAX)) as i64
}

/// The bounds on the clock of one host less that of another, in nanoseconds.
struct Bounds {
    low: i64,
    high: i64,
    /// From servers that end after their clients.
    soft_low: i64,
    soft_high: i64,
}

impl Bounds {
    fn new(a: u32, calls: &[Call]) -> Self {
        let mut bounds = Self { low: i64::MIN + 1, high: i64::MAX, soft_low: i64::MIN + 1, soft_high: i64::MAX };
        for call in calls {
            if call.from == a {
                bounds.high = bounds.high.min(call.delay);
                bounds.soft_low = bounds.soft_low.max(call.overrun.unwrap_or(i64::MIN + 1));
            } else {
                bounds.low = bounds.low.max(-call.delay);
                bounds.soft_high = bounds.soft_high.min(call.overrun.map_or(i64::MAX, |overrun| -overrun));
            }
        }
        bounds
    }
}

fn finding(store: &SpanStore, hosts: &Hosts, (a, b): (u32, u32), calls: &[Call], knobs: &Knobs) -> Option<Finding> {
    let least = (knobs.get("least-skew") * 1e6).min(i64::MAX as f64) as i64;
    let bounds = Bounds::new(a, calls);
    let moved = bounds.low > bounds.high;
    // The clock of the host behind, the one before, at least and at most how far.
    let (behind, ahead, at_least, at_most) = if moved {
        (b, a, bounds.low.saturating_sub(bounds.high), None)
    } else if bounds.high < 0 {
        (b, a, -bounds.high, Some(-bounds.low.max(bounds.soft_low)))
    } else {
        (a, b, bounds.low, Some(bounds.high.min(bounds.soft_high)))
    };
    let at_most = at_most.filter(|&most| most >= at_least && most < i64::MAX / 2);
    let mut early: Vec<&Call> = calls.iter().filter(|call| call.delay <= -least.max(1)).collect();
    early.sort_by_key(|call| (call.delay, call.child));
    if at_least < least.max(1) || early.is_empty() || (early.len() as f64) < knobs.get("least-calls") {
        return None;
    }
    let lasting = [behind, ahead].map(|host| hosts.lasting[host as usize].as_str());
    let [behind, ahead] = [behind, ahead].map(|host| hosts.names[host as usize].as_str());
    let title = if moved {
        format!("the clocks of {behind} and {ahead} moved against each other by at least {}", ms(at_least))
    } else {
        let most = at_most.map_or_else(String::new, |most| format!(" and at most {}", ms(most)));
        format!("the clock of {behind} is behind that of {ahead} by at least {}{most}", ms(at_least))
    };
    let steps = [("high-skew", Severity::High), ("medium-skew", Severity::Medium)];
    let severity = graded(at_least as f64 / 1e6, knobs, &steps);
    let spans: Vec<u32> = early.iter().map(|call| call.child).collect();
    let example = store.span(spans[0] as usize);
    let mut told = vec![
        evidence("skew-at-least", at_least as f64 / 1e6, "ms"),
        evidence("calls-before-they-were-made", early.len() as f64, "calls"),
        evidence("calls", calls.len() as f64, "calls"),
    ];
    told.extend(at_most.map(|most| evidence("skew-at-most", most as f64 / 1e6, "ms")));
    let operation = (example.service(), example.name());
    let about = About { rule: "clock-skew", severity, title, operation, spans: &spans, evidence: told };
    // Two other clocks are another debt, whatever runs there.
    let fingerprint = fingerprint(&["clock-skew", lasting[0].min(lasting[1]), lasting[0].max(lasting[1])]);
    Some(Finding { fingerprint, ..about.finding(store) })
}

fn ms(ns: i64) -> String {
    format!("{:.3} ms", ns as f64 / 1e6)
}

/// What has a clock of its own: a host, if the resource names one, else an instance, else a service.
struct Hosts {
    /// By resource.
    of: Vec<u32>,
    names: Vec<String>,
    /// The host, or else the service: instances come and go.
    lasting: Vec<String>,
}

impl Hosts {
    fn new(store: &SpanStore) -> Self {
        let mut hosts = Self { of: Vec::new(), names: Vec::new(), lasting: Vec::new() };
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        let keys: Vec<Sym> = HOST.iter().filter_map(|name| store.strings().find(name)).collect();
        for resource in store.resources() {
            let host = host(store, resource, &keys);
            let name = match (&host, store.text(resource.service), store.text(resource.instance)) {
                (Some(host), ..) => host.clone(),
                (None, service, "") => service.to_owned(),
                (None, service, instance) => format!("{service}/{instance}"),
            };
            let next = numbers.len() as u32;
            let number = *numbers.entry(name.clone()).or_insert(next);
            if number == next {
                hosts.lasting.push(host.unwrap_or_else(|| store.text(resource.service).to_owned()));
                hosts.names.push(name);
            }
            hosts.of.push(number);
        }
        hosts
    }

    fn of(&self, resource: usize) -> u32 {
        self.of[resource]
    }
}

/// The attributes that name a host: the first one that is there does. A pod has its node's clock, and a name of its own.
const HOST: [&str; 4] = ["k8s.node.name", "host.id", "host.name", "host.ip"];

fn host(store: &SpanStore, resource: &Resource, keys: &[Sym]) -> Option<String> {
    keys.iter().find_map(|key| match store.attributes().find(resource.attributes, *key)? {
        Any::Str(sym) if !store.text(sym).is_empty() => Some(store.text(sym).to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causal::CausalGraph;
    use crate::detect::Settings;
    use crate::store::{NewResource, NewSpan, StoreBuilder};

    /// Each instance of one service is behind the one that calls it, and is told for itself.
    fn found(what: &str) -> Vec<Finding> {
        let mut builder = StoreBuilder::new();
        let keys = ["service.name", what].map(|name| builder.string(name));
        let resource = |builder: &mut StoreBuilder, texts: [&str; 2]| {
            let values = texts.map(|text| Any::Str(builder.string(text)));
            let attributes = builder.rows(&[(keys[0], values[0]), (keys[1], values[1])]);
            builder.resource(NewResource { attributes, ..NewResource::default() })
        };
        let span = |id, parent, start, resource| NewSpan {
            trace_id: 1,
            id,
            parent,
            start,
            end: start + 1,
            resource,
            ..NewSpan::default()
        };
        let web = resource(&mut builder, ["web", "1"]);
        builder.span(span(1, 0, 1_000_000_000, web));
        for (id, instance) in [(2, "a"), (3, "b"), (4, "b")] {
            let cart = resource(&mut builder, ["cart", instance]);
            builder.span(span(id, 1, 900_000_000, cart));
        }
        let store = builder.finish();
        let graph = CausalGraph::new(&store);
        let found = ClockSkew.detect(View::new(&store, &graph), &Settings::default().of(&ClockSkew));
        assert_eq!(found.iter().map(|finding| finding.count).collect::<Vec<_>>(), [1, 2]);
        found
    }

    #[test]
    fn hosts_are_debts_of_their_own() {
        let found = found("host.name");
        assert_ne!(found[0].fingerprint, found[1].fingerprint);
        assert!(found[0].title.starts_with("the clock of a is behind that of 1"), "{}", found[0].title);
    }

    #[test]
    fn instances_are_told_apart_but_are_one_debt() {
        let found = found("service.instance.id");
        assert_eq!(found[0].fingerprint, found[1].fingerprint);
        assert!(found[0].title.starts_with("the clock of cart/a is behind that of web/1"), "{}", found[0].title);
    }
}
