//! Quorums: which sets of servers may decide.

use super::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The smallest number that is more than half.
pub fn majority(members: usize) -> usize {
    members / 2 + 1
}

/// The voters of a configuration; two sets while it changes (joint consensus), of both of which a
/// majority is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quorum {
    pub voters: BTreeSet<NodeId>,
    /// The voters before the change, while it is under way; else empty.
    pub outgoing: BTreeSet<NodeId>,
}

impl Quorum {
    /// A configuration at rest.
    pub fn new(voters: impl IntoIterator<Item = NodeId>) -> Self {
        Self { voters: voters.into_iter().collect(), outgoing: BTreeSet::new() }
    }

    /// Whether a change is under way.
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Everybody with a vote, in order, each once.
    pub fn members(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.voters.union(&self.outgoing).copied()
    }

    /// Whether a node has a vote.
    pub fn contains(&self, node: NodeId) -> bool {
        self.voters.contains(&node) || self.outgoing.contains(&node)
    }

    /// Whether those for whom `agrees` holds are a quorum. Nobody's agreement is none, even of no voters.
    pub fn reached(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        let half = |set: &BTreeSet<NodeId>| set.iter().filter(|node| agrees(**node)).count() >= majority(set.len());
        half(&self.voters) && (self.outgoing.is_empty() || half(&self.outgoing))
    }

    /// The greatest number that a quorum has reached.
    pub fn agreed(&self, reached: impl Fn(NodeId) -> u64) -> u64 {
        let of = |set: &BTreeSet<NodeId>| {
            let mut numbers: Vec<u64> = set.iter().map(|node| reached(*node)).collect();
            numbers.sort_unstable_by(|a, b| b.cmp(a));
            numbers.get(majority(numbers.len()) - 1).copied().unwrap_or(0)
        };
        if self.outgoing.is_empty() { of(&self.voters) } else { of(&self.voters).min(of(&self.outgoing)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(numbers: &[u16]) -> Vec<NodeId> {
        numbers.iter().map(|number| NodeId(*number)).collect()
    }

    /// Any two quorums share a node, whatever the size and also across a change.
    #[test]
    fn quorums_intersect() {
        for (old, new) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (3, 5), (4, 3), (2, 1)] {
            let all: Vec<NodeId> = (0..6).map(NodeId).collect();
            let joint = Quorum {
                voters: all[..new].iter().copied().collect(),
                outgoing: all[6 - old..].iter().copied().collect(),
            };
            let rest = Quorum::new(all[..new].iter().copied());
            for a in 0u32..64 {
                for b in 0u32..64 {
                    let in_a = |node: NodeId| a >> node.0 & 1 == 1;
                    let in_b = |node: NodeId| b >> node.0 & 1 == 1;
                    if joint.reached(in_a) && rest.reached(in_b) {
                        assert!(all[..new].iter().any(|node| in_a(*node) && in_b(*node)));
                    }
                }
            }
        }
    }

    #[test]
    fn the_agreed_number_is_what_a_quorum_has() {
        let quorum = Quorum::new(nodes(&[0, 1, 2, 3]));
        let reached = [7, 5, 3, 1];
        assert_eq!(quorum.agreed(|node| reached[node.index()]), 3);
        assert!(quorum.reached(|node| reached[node.index()] >= 3));
        assert!(!quorum.reached(|node| reached[node.index()] >= 5));
        assert!(!Quorum::default().reached(|_| true));
    }
}
