//! Where the time of a span went.

use super::graph::Family;
use crate::store::SpanStore;

/// Self time of every span, in nanoseconds: its duration less the time in which at least one of its
/// children was running, children being clipped to the span. O(n log n).
pub fn self_times(store: &SpanStore, family: &Family) -> Vec<u64> {
    let mut intervals: Vec<(u64, u64)> = Vec::new();
    store
        .iter()
        .map(|span| {
            intervals.clear();
            let clip = |time: u64| time.clamp(span.start(), span.start() + span.duration());
            intervals.extend(family.children(span.index()).iter().map(|&child| {
                let child = store.span(child as usize);
                (clip(child.start()), clip(child.start() + child.duration()))
            }));
            span.duration() - covered(&mut intervals)
        })
        .collect()
}

/// The length of the union of intervals.
fn covered(intervals: &mut [(u64, u64)]) -> u64 {
    intervals.sort_unstable();
    let (mut covered, mut reached) = (0, 0);
    for &(start, end) in intervals.iter() {
        let start = start.max(reached);
        if end > start {
            covered += end - start;
            reached = end;
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_intervals_count_once() {
        assert_eq!(covered(&mut [(5, 10), (0, 3), (7, 12), (8, 9)]), 10);
        assert_eq!(covered(&mut []), 0);
    }
}
