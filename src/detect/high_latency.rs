//! `high-latency`: operations some of whose calls take far longer than is normal for them.

use super::group::{About, Operation, by_operation, evidence, lower, some_of};
use super::{Detector, Knob, Knobs, Normal, View};
use crate::causal::self_times;
use crate::outcome::{Evidence, Finding, Severity};
use crate::registry::Entry;
use crate::store::SpanStore;

/// The detector.
pub struct HighLatency;

const KNOBS: &[Knob] = &[
    Knob {
        name: "factor",
        default: 3.0,
        unit: "times",
        summary: "Against a reference: slow is from so many times its median on",
    },
    Knob { name: "excess", default: 30.0, unit: "ms", summary: "And so much longer than its median" },
    Knob { name: "share", default: 0.5, unit: "ratio", summary: "A smaller share of slow calls is not reported" },
    Knob {
        name: "alone-factor",
        default: 100.0,
        unit: "times",
        summary: "Without a reference: slow is from so many times the median of the calls themselves on",
    },
    Knob { name: "alone-excess", default: 10_000.0, unit: "ms", summary: "And so much longer than it" },
    Knob {
        name: "alone-share",
        default: 0.05,
        unit: "ratio",
        summary: "A smaller share of slow calls is not reported",
    },
    Knob {
        name: "absolute",
        default: 0.0,
        unit: "ms",
        summary: "From here on a call is slow whatever is normal, and reported; 0: never",
    },
    Knob { name: "least-calls", default: 20.0, unit: "calls", summary: "Fewer calls do not say what is normal" },
    Knob { name: "least-slow", default: 3.0, unit: "calls", summary: "Fewer slow calls are not reported" },
    Knob {
        name: "medium-factor",
        default: 5.0,
        unit: "times",
        summary: "From so many times the normal median on: medium",
    },
    Knob {
        name: "high-factor",
        default: 20.0,
        unit: "times",
        summary: "From so many times the normal median on: high, if half of the calls are slow",
    },
];

impl Detector for HighLatency {
    fn entry(&self) -> Entry {
        Entry {
            id: "high-latency",
            summary: "Operations some of whose calls take far longer than is normal for them",
            documentation: include_str!("docs/high-latency.md"),
            example: "causet analyze today.jsonl --reference yesterday.jsonl",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (include_str!("examples/high-latency.firing.json"), include_str!("examples/high-latency.silent.json"))
    }

    fn detect(&self, View { store, graph, baseline }: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let selves = self_times(store, graph.family());
        let mut findings = Vec::new();
        for (operation, mut spans) in by_operation(store) {
            spans.retain(|&span| store.span(span as usize).end() > 0);
            let (service, name) = (store.text(operation.0), store.text(operation.1));
            let known = baseline.and_then(|baseline| baseline.get(service, name));
            let mut durations: Vec<u64> = spans.iter().map(|&span| store.span(span as usize).duration()).collect();
            durations.sort_unstable();
            let expected = Expected::new(&durations, known, knobs);
            let mut slow = spans;
            let calls = slow.len();
            slow.retain(|&span| store.span(span as usize).duration() >= expected.limit);
            slow.sort_by_key(|&span| (std::cmp::Reverse(store.span(span as usize).duration()), span));
            if slow.is_empty() || (slow.len() as f64) < expected.least.max(expected.share * calls as f64) {
                continue;
            }
            let own: u64 = slow.iter().map(|&span| selves[span as usize]).sum();
            findings.push(Slow { operation, slow, calls, own, expected }.finding(store, knobs));
        }
        findings
    }
}

/// What is normal for an operation, in nanoseconds.
struct Expected {
    /// The median, if enough calls are known.
    typical: Option<u64>,
    /// Calls from here on are slow.
    limit: u64,
    /// So many slow calls, and this share of the calls, are reported.
    least: f64,
    share: f64,
}

impl Expected {
    /// From a baseline that knows the operation, else from its own durations, ascending.
    fn new(durations: &[u64], known: Option<&Normal>, knobs: &Knobs) -> Self {
        let least_calls = knobs.get("least-calls");
        let known = known.filter(|known| known.calls as f64 >= least_calls);
        let (typical, tail, [factor, excess, share]) = match known {
            Some(known) => (Some(known.quantile(0.5)), known.quantile(0.99), ["factor", "excess", "share"]),
            None => {
                let typical = durations.get(durations.len() / 2).filter(|_| durations.len() as f64 >= least_calls);
                (typical.copied(), 0, ["alone-factor", "alone-excess", "alone-share"])
            }
        };
        let limit = typical.map_or(u64::MAX, |typical| {
            let limit = (typical as f64 * knobs.get(factor)).max(typical as f64 + knobs.get(excess) * 1e6);
            (limit as u64).max(tail.saturating_add(1))
        });
        let absolute = (knobs.get("absolute") * 1e6) as u64;
        if absolute > 0 && absolute <= limit {
            return Self { typical, limit: absolute, least: 1.0, share: 0.0 };
        }
        Self { typical, limit, least: knobs.get("least-slow"), share: knobs.get(share) }
    }
}

/// The slow calls of an operation, the slowest first.
struct Slow {
    operation: Operation,
    slow: Vec<u32>,
    calls: usize,
    /// Their self time, in nanoseconds.
    own: u64,
    expected: Expected,
}

impl Slow {
    fn finding(self, store: &SpanStore, knobs: &Knobs) -> Finding {
        let Self { operation, slow, calls, own, expected } = self;
        let total: u64 = slow.iter().map(|&span| store.span(span as usize).duration()).sum();
        let own_share = own as f64 / total.max(1) as f64;
        let median = store.span(slow[slow.len() / 2] as usize).duration();
        let factor = expected.typical.map(|typical| median as f64 / typical.max(1) as f64);
        let whole = match factor {
            Some(factor) if factor >= knobs.get("high-factor") && slow.len() * 2 >= calls => Severity::High,
            Some(factor) if factor < knobs.get("medium-factor") => Severity::Low,
            _ => Severity::Medium,
        };
        let mut title = some_of(slow.len(), calls, ["call", "calls"], ["is", "are"]);
        title += &format!(" slow: {} in the middle", ms(median));
        if let Some(typical) = expected.typical {
            title += &format!(", {} is normal", ms(typical));
        }
        let below = own_share < 0.5;
        if below {
            title += "; most of it is spent in calls below";
        }
        let about = About {
            rule: "high-latency",
            severity: if below { lower(whole) } else { whole },
            title,
            operation,
            spans: &slow,
            evidence: vec![
                Evidence {
                    name: "slow-median",
                    value: median as f64 / 1e6,
                    baseline: expected.typical.map(|typical| typical as f64 / 1e6),
                    unit: "ms",
                },
                evidence("slow-calls", slow.len() as f64, "spans"),
                evidence("calls", calls as f64, "spans"),
                evidence("own-share", own_share, "ratio"),
            ],
        };
        about.finding(store)
    }
}

/// A duration for people.
fn ms(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.3} ms", ns as f64 / 1e6),
        1_000_000..10_000_000_000 => format!("{:.0} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causal::CausalGraph;
    use crate::detect::{Baseline, Settings};
    use crate::store::{NewSpan, StoreBuilder};

    fn store(durations: &[u64]) -> SpanStore {
        let mut builder = StoreBuilder::new();
        for (at, ms) in durations.iter().enumerate() {
            let id = at as u64 + 1;
            builder.span(NewSpan { trace_id: 1, id, start: 1, end: 1 + ms * 1_000_000, ..NewSpan::default() });
        }
        builder.finish()
    }

    fn found(durations: &[u64], baseline: Option<&[u64]>, thresholds: &[&str]) -> u64 {
        let store = store(durations);
        let graph = CausalGraph::new(&store);
        let baseline = baseline.map(|durations| Baseline::of(&self::store(durations)));
        let mut settings = Settings::default();
        thresholds.iter().for_each(|text| settings.set_text(text).unwrap());
        let view = View { store: &store, graph: &graph, baseline: baseline.as_ref() };
        HighLatency.detect(view, &settings.of(&HighLatency)).iter().map(|finding| finding.count).sum()
    }

    #[test]
    fn calls_alone_are_slow_only_far_out() {
        let with = |slow: &[u64]| [&[10; 40][..], slow].concat();
        assert_eq!(found(&with(&[15_000, 16_000, 17_000]), None, &[]), 3);
        assert_eq!(found(&with(&[15_000, 16_000]), None, &[]), 0, "too few");
        assert_eq!(found(&with(&[1000, 1000, 1000]), None, &[]), 0, "not longer by 10 s");
        assert_eq!(found(&[10, 10, 10, 15_000, 15_000, 15_000], None, &[]), 0, "nobody knows what is normal");
        let wide: Vec<u64> = (1..100).map(|n| n * 500).collect();
        assert_eq!(found(&wide, None, &[]), 0, "not longer by a factor");
        assert_eq!(found(&with(&[1000; 3]), None, &["high-latency.alone-excess=500"]), 3);
    }

    #[test]
    fn a_reference_shows_what_became_slow_as_a_whole() {
        assert_eq!(found(&[500; 40], Some(&[10; 40]), &[]), 40);
        assert_eq!(found(&[500; 5], Some(&[10; 40]), &[]), 5);
        assert_eq!(found(&[500; 40], Some(&[500; 40]), &[]), 0);
        let tail: Vec<u64> = [&[10; 38][..], &[600; 2]].concat();
        assert_eq!(found(&[500; 40], Some(&tail), &[]), 0, "within what was normal now and then");
    }

    #[test]
    fn the_absolute_limit_needs_nothing_to_compare_with() {
        assert_eq!(found(&[500; 3], None, &["high-latency.absolute=400"]), 3);
        assert_eq!(found(&[10, 10, 500], None, &["high-latency.absolute=400"]), 1);
        assert_eq!(found(&[500; 3], None, &["high-latency.absolute=501"]), 0);
    }
}
