//! Ambushes: chains of windows, each opened by an event of the system after the one before it.
//!
//! The bugs that plain random schedules miss need several blows at the right moments: crash the server that was
//! just elected, and when the next one has committed something, cut it off. A chain is that, with every part
//! of it drawn from the seed: the events (few kinds of them in one run, so that blows fall on related moments),
//! the blows, whom they hit, how soon and for how long.

use super::faults::{self, Fault};
use super::schedule::{Cue, When, Window, WindowId, random_server, random_side};
use super::{MILLISECOND, SECOND};
use crate::node::{Cluster, NodeId, Random};

/// Kinds of faults that can be aimed at a server and a moment.
const SHARP: &[&str] =
    &["crash", "crash", "pause", "partition", "partition", "one-way", "ring", "clog", "slow-disk", "slow-disk"];

/// Draws up to three chains. `first` is the number that the first of their windows will have, `tolerated` says
/// which kinds of faults may be used.
pub fn ambushes(
    seed: u64,
    first: WindowId,
    cluster: Cluster,
    (from_ns, until_ns): (u64, u64),
    triggers: &[&'static str],
    tolerated: impl Fn(&str) -> bool,
) -> Vec<Window> {
    let mut random = Random::stream(seed, "ambush");
    let sharp: Vec<&'static dyn Fault> =
        SHARP.iter().filter(|id| tolerated(id)).filter_map(|id| faults::by_id(id)).collect();
    // Few kinds of events, so that the blows of a run have to do with each other.
    let focus: Vec<&'static str> = (0..random.between(1, 3)).filter_map(|_| random.pick(triggers).copied()).collect();
    if focus.is_empty() || sharp.is_empty() {
        return Vec::new();
    }
    let mut windows = Vec::new();
    for _ in 0..random.between(1, 3) {
        let mut after = None;
        for link in 0..random.between(1, 4) {
            let (Some(fault), Some(note)) = (random.pick(&sharp), random.pick(&focus)) else { break };
            let when = if link == 0 && random.chance(0.3) {
                When::At(random.between(from_ns, until_ns))
            } else {
                let most = if link == 0 { 16 } else { 3 };
                let count = small(&mut random, most);
                let lag_ns =
                    if random.chance(0.5) { 0 } else { log_uniform(&mut random, MILLISECOND / 4, SECOND / 10) };
                let named = random.chance(0.25);
                When::On(Cue { after, lag_ns, named, ..Cue::new(note, count) })
            };
            let nodes = whom(&mut random, cluster, fault.entry().id, &when);
            let duration_ns = log_uniform(&mut random, MILLISECOND, 2 * SECOND);
            after = Some(first + windows.len());
            windows.push(Window { fault: fault.entry().id, nodes, when, duration_ns, amount: fault.knob().default });
        }
    }
    windows
}

/// Whoever made the note, as a rule; else any server, or one side of a split.
fn whom(random: &mut Random, cluster: Cluster, fault: &str, when: &When) -> Vec<NodeId> {
    let aimed = matches!(when, When::On(_));
    if aimed && random.chance(0.6) {
        return Vec::new();
    }
    if matches!(fault, "partition" | "one-way") {
        random_side(random, cluster)
    } else {
        vec![random_server(random, cluster)]
    }
}

/// From 1 to `most`, small ones more often: some events happen once in a run, others all the time.
fn small(random: &mut Random, most: u64) -> u64 {
    let most = if random.chance(0.4) { 1 } else { random.between(1, most) };
    random.between(1, most)
}

/// Every order of magnitude is as likely as the next.
fn log_uniform(random: &mut Random, low: u64, high: u64) -> u64 {
    // By doublings, in whole numbers: the logarithms of machines differ in their last bits.
    let doublings = (high / low).ilog2();
    let low = low << random.below(u64::from(doublings) + 1);
    random.between(low, (2 * low).min(high.max(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_hold_together() {
        let cluster = Cluster::new(3, 2);
        let mut links = 0;
        for seed in 0..200 {
            let windows = ambushes(seed, 7, cluster, (SECOND, 2 * SECOND), &["elected", "commit"], |id| id != "pause");
            assert!(!windows.is_empty());
            for (at, window) in windows.iter().enumerate() {
                assert_ne!(window.fault, "pause");
                assert!((MILLISECOND..=2 * SECOND).contains(&window.duration_ns));
                if let When::On(Cue { after: Some(after), .. }) = window.when {
                    assert_eq!(after, 7 + at - 1);
                    links += 1;
                }
            }
        }
        assert!(links > 200, "{links}");
        assert!(ambushes(1, 0, cluster, (0, 1), &[], |_| true).is_empty());
    }
}
