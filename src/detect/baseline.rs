//! What is normal: durations and errors by operation, in a form that can be merged with another.
//!
//! Durations are kept as histograms with 32 buckets to each power of two, so that a quantile is at most 3 %
//! too high and two baselines add up exactly, wherever they were made.

use crate::store::{SpanStore, StatusCode};
use std::collections::BTreeMap;

/// What some traces were like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    operations: BTreeMap<String, BTreeMap<String, Normal>>,
}

/// What one operation was like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Normal {
    pub calls: u64,
    pub errors: u64,
    durations: BTreeMap<u16, u64>,
}

impl Baseline {
    /// What the spans of a store are like. O(spans × log operations).
    pub fn of(store: &SpanStore) -> Self {
        Self::of_some(store, |_| true)
    }

    /// What some spans of a store, by position, are like. O(spans × log operations).
    pub fn of_some(store: &SpanStore, counts: impl Fn(usize) -> bool) -> Self {
        let mut baseline = Self::default();
        for (key, spans) in super::group::by_operation(store) {
            let (service, operation) = (store.text(key.0).to_owned(), store.text(key.1).to_owned());
            let normal = baseline.operations.entry(service).or_default().entry(operation).or_default();
            let spans = spans.into_iter().map(|span| span as usize).filter(|span| counts(*span));
            for span in spans.map(|span| store.span(span)) {
                normal.calls += 1;
                normal.errors += u64::from(span.status() == StatusCode::Error);
                *normal.durations.entry(bucket(span.duration())).or_default() += 1;
            }
        }
        baseline
    }

    /// Adds what another one knows.
    pub fn merge(&mut self, other: Self) {
        for (service, operations) in other.operations {
            let ours = self.operations.entry(service).or_default();
            for (operation, theirs) in operations {
                let normal = ours.entry(operation).or_default();
                normal.calls += theirs.calls;
                normal.errors += theirs.errors;
                for (bucket, count) in theirs.durations {
                    *normal.durations.entry(bucket).or_default() += count;
                }
            }
        }
    }

    /// What an operation was like, if it was seen.
    pub fn get(&self, service: &str, operation: &str) -> Option<&Normal> {
        self.operations.get(service)?.get(operation)
    }
}

impl Normal {
    /// A quantile of the durations, in nanoseconds, at most 3 % too high.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = (q * (self.calls.max(1) - 1) as f64).round() as u64;
        let mut seen = 0;
        for (&bucket, &count) in &self.durations {
            seen += count;
            if seen > rank {
                return upper_bound(bucket);
            }
        }
        0
    }
}

/// Five bits after the leading one.
fn bucket(value: u64) -> u16 {
    if value < 32 {
        return value as u16;
    }
    let exponent = 63 - value.leading_zeros();
    let mantissa = (value >> (exponent - 5)) & 31;
    ((exponent - 4) * 32) as u16 + mantissa as u16
}

/// The greatest value of a bucket.
fn upper_bound(bucket: u16) -> u64 {
    if bucket < 32 {
        return u64::from(bucket);
    }
    let (exponent, mantissa) = (u32::from(bucket) / 32 + 4, u128::from(bucket % 32));
    let end = (33 + mantissa) << (exponent - 5);
    u64::try_from(end - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_monotonic_and_narrow() {
        let values = (0..64).flat_map(|shift| [0, 1, 7].map(|low| (1u64 << shift).saturating_add(low << (shift / 2))));
        let mut values: Vec<u64> = values.chain([0, u64::MAX]).collect();
        values.sort_unstable();
        for pair in values.windows(2) {
            assert!(bucket(pair[0]) <= bucket(pair[1]));
        }
        for value in values {
            let bound = upper_bound(bucket(value));
            assert!(bound >= value && (bound - value) as f64 <= value as f64 / 32.0, "{value} {bound}");
        }
    }

    #[test]
    fn merging_is_the_same_as_seeing_both() {
        let normal = |range: std::ops::Range<u64>| {
            let mut normal = Normal { calls: range.end - range.start, ..Normal::default() };
            range.for_each(|value| *normal.durations.entry(bucket(value)).or_default() += 1);
            normal
        };
        let of = |normal: Normal| Baseline { operations: [("a".to_owned(), [("b".to_owned(), normal)].into())].into() };
        let mut both = of(normal(0..500));
        both.merge(of(normal(500..1000)));
        assert_eq!(both, of(normal(0..1000)));
        let p50 = both.get("a", "b").unwrap().quantile(0.5);
        assert!((500..=516).contains(&p50), "{p50}");
    }
}
