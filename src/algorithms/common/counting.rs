//! Counting to a quorum, as it should be done and with the bug that half the voters are taken for one.

use crate::node::{NodeId, Quorum};

/// Whether these are a quorum; with the bug, whether they are half the voters.
pub fn enough(config: &Quorum, half: bool, agrees: impl Fn(NodeId) -> bool) -> bool {
    if half {
        return config.voters.iter().filter(|node| agrees(**node)).count() >= (config.voters.len() / 2).max(1);
    }
    config.reached(agrees)
}

/// The greatest number that a quorum has reached; with the bug, that half the voters have.
pub fn agreed(config: &Quorum, half: bool, reached: impl Fn(NodeId) -> u64) -> u64 {
    if half {
        let numbers = config.voters.iter().map(|node| reached(*node));
        return numbers.filter(|number| enough(config, true, |node| reached(node) >= *number)).max().unwrap_or(0);
    }
    config.agreed(reached)
}
