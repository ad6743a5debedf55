//! What must hold at every moment.

use super::{Choice, Key, Server};
use crate::node::{Broken, Field, NodeId, Note, Setup, Watch, majority};
use std::collections::{BTreeMap, BTreeSet};

pub(super) static ALL: &[(&str, &str)] = &[
    ("agreement", "no two servers ever learn different values for a key"),
    ("one-value-per-ballot", "all acceptances in a ballot are of the same value"),
    ("chosen-by-majority", "what is learned was accepted, at some time, by a majority"),
];

/// Looks after all servers.
pub struct Invariants {
    majority: usize,
    learned: BTreeMap<Key, Choice>,
    /// By key, round and proposer: the value.
    ballots: BTreeMap<(u64, u64, NodeId), u64>,
    /// By key and value: who ever accepted it. A crash may have undone some of it, so this is an upper bound.
    accepted: BTreeMap<(u64, u64), BTreeSet<NodeId>>,
}

impl Invariants {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            majority: majority(setup.cluster.members.into()),
            learned: BTreeMap::new(),
            ballots: BTreeMap::new(),
            accepted: BTreeMap::new(),
        }
    }
}

impl Watch<Server> for Invariants {
    fn after(&mut self, _: NodeId, server: &Server) -> Result<(), Broken> {
        let Some((key, value)) = server.touched.and_then(|key| Some((key, *server.chosen.get(&key)?))) else {
            return Ok(());
        };
        let first = *self.learned.entry(key).or_insert(value);
        if first != value {
            let detail = format!("k{key} was decided as {first} and as {value}");
            return Err(Broken { invariant: "agreement", detail });
        }
        let by = self.accepted.get(&(key, value as u64)).map_or(0, BTreeSet::len);
        if by < self.majority {
            let detail = format!("k{key} was decided as {value}, which {by} of {} needed ever accepted", self.majority);
            return Err(Broken { invariant: "chosen-by-majority", detail });
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
        self.accepted.entry((key, value)).or_default().insert(node);
        let first = *self.ballots.entry((key, round, by)).or_insert(value);
        if first != value {
            let detail = format!("k{key}: ballot {round} of one proposer stood for {first} and for {value}");
            return Err(Broken { invariant: "one-value-per-ballot", detail });
        }
        Ok(())
    }
}
