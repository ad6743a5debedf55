//! What must hold at every moment.

use super::{Choice, Key, Server};
use crate::node::{Broken, Field, NodeId, Note, Setup, Watch, broken, majority};
use std::collections::{BTreeMap, BTreeSet};

pub(super) static ALL: &[(&str, &str)] = &[
    ("agreement", "no two servers ever learn different values for a key"),
    ("one-value-per-ballot", "all acceptances in a ballot are of the same value"),
    ("promise-kept", "no acceptor accepts below a ballot whose proposer has its promise"),
    ("chosen-by-majority", "what is learned was accepted, at some time, by a majority in one ballot"),
];

/// Looks after all servers.
pub struct Invariants {
    majority: usize,
    learned: BTreeMap<Key, Choice>,
    /// By key, round and proposer: the value, and who ever accepted it. A crash may have undone some of it, so
    /// this is an upper bound.
    ballots: BTreeMap<(u64, u64, NodeId), (u64, BTreeSet<NodeId>)>,
    /// By acceptor and key: the highest ballot for which a promise of it arrived.
    promised: BTreeMap<(NodeId, u64), (u64, NodeId)>,
}

impl Invariants {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            majority: majority(setup.cluster.members.into()),
            learned: BTreeMap::new(),
            ballots: BTreeMap::new(),
            promised: BTreeMap::new(),
        }
    }
}

impl Watch<Server> for Invariants {
    fn after(&mut self, _: NodeId, server: &Server) -> Result<(), Broken> {
        if let Some((acceptor, key, ballot)) = server.promise {
            let highest = self.promised.entry((acceptor, key)).or_insert((0, NodeId(0)));
            *highest = (*highest).max((ballot.round, NodeId(ballot.proposer)));
        }
        let Some((key, value)) = server.touched.and_then(|key| Some((key, *server.chosen.get(&key)?))) else {
            return Ok(());
        };
        let first = *self.learned.entry(key).or_insert(value);
        if first != value {
            let detail = format!("k{key} was decided as {first} and as {value}");
            return broken("agreement", detail);
        }
        let of_key = self.ballots.range((key, 0, NodeId(0))..=(key, u64::MAX, NodeId(u16::MAX)));
        let same = of_key.filter(|(_, (of, _))| *of == value as u64);
        let by = same.map(|(_, (_, acceptors))| acceptors.len()).max().unwrap_or(0);
        if by < self.majority {
            let detail = format!(
                "k{key} was decided as {value}, which {by} of {} needed ever accepted in a ballot",
                self.majority
            );
            return broken("chosen-by-majority", detail);
        }
        Ok(())
    }

    fn noted(&mut self, node: NodeId, note: &Note) -> Result<(), Broken> {
        let [
            ("key", Field::Int(key)),
            ("round", Field::Int(round)),
            ("by", Field::Node(by)),
            ("value", Field::Int(value)),
        ] = note.fields[..]
        else {
            return Ok(());
        };
        if let Some((above, to)) = self.promised.get(&(node, key)).filter(|promised| (round, by) < **promised) {
            let detail = format!(
                "k{key}: server {} accepted in ballot {round} of {} what it had promised ballot {above} of {} not to",
                node.0 + 1,
                by.0 + 1,
                to.0 + 1
            );
            return broken("promise-kept", detail);
        }
        let (first, acceptors) = self.ballots.entry((key, round, by)).or_insert_with(|| (value, BTreeSet::new()));
        acceptors.insert(node);
        let first = *first;
        if first != value {
            let detail = format!("k{key}: ballot {round} of one proposer stood for {first} and for {value}");
            return broken("one-value-per-ballot", detail);
        }
        Ok(())
    }
}
