//! What must hold at every moment: the properties that the paper proves (§III), and what the proofs rest on.

use super::connections::Stage;
use super::{Epoch, Index, Payload, Phase, Server, Zxid};
use crate::algorithms::common::{Agreement, ExactlyOnce};
use crate::node::{Broken, Field, NodeId, Note, Quorum, Setup, Watch, broken};
use std::collections::{BTreeMap, BTreeSet};

pub(super) static ALL: &[(&str, &str)] = &[
    ("one-leader-per-epoch", "at most one leader is established in an epoch"),
    ("accept-once", "no server's acceptance of an epoch counts twice"),
    ("history-before-epoch", "a server that starts in an epoch has the history with which the epoch began"),
    ("newleader-first", "a follower acknowledges NEWLEADER before any proposal of that leader"),
    ("integrity", "whatever is in a history was broadcast by the primary of its epoch"),
    ("local-primary-order", "before a transaction comes what its primary had before it"),
    ("global-primary-order", "epochs never go down along a history"),
    ("total-order", "no two servers deliver different transactions at a place"),
    ("primary-integrity", "when a primary begins to broadcast, it has all that was delivered in earlier epochs"),
    ("committed-by-quorum", "what a primary commits is on the disks of a quorum"),
    ("client-order", "a client that reads locally is not shown an earlier state than it has seen"),
    ExactlyOnce::ENTRY,
    ("bounded-proposals", "a leader takes on no more uncommitted proposals than it is allowed"),
];

/// A transaction as its primary broadcast it: the epoch of the one before, and what it is.
type Broadcast = (Option<Epoch>, Payload);

/// Looks after all servers.
pub struct Invariants {
    quorum: Quorum,
    most_uncommitted: usize,
    established: BTreeMap<Epoch, NodeId>,
    accepted: BTreeSet<(NodeId, u64)>,
    /// Who acknowledged NEWLEADER to whom.
    synced: BTreeSet<(NodeId, u64, NodeId)>,
    /// Where the histories end with which epochs began.
    initial: BTreeMap<Epoch, Zxid>,
    broadcast: BTreeMap<(Index, Epoch), Broadcast>,
    agreement: Agreement,
    executed: ExactlyOnce,
}

impl Invariants {
    pub(super) fn new(setup: &Setup, most_uncommitted: usize) -> Self {
        Self {
            quorum: Quorum::new(setup.cluster.members()),
            most_uncommitted,
            established: BTreeMap::new(),
            accepted: BTreeSet::new(),
            synced: BTreeSet::new(),
            initial: BTreeMap::new(),
            broadcast: BTreeMap::new(),
            agreement: Agreement::default(),
            executed: ExactlyOnce::default(),
        }
    }

    fn established(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        if !server.step.established {
            return Ok(());
        }
        let epoch = server.current;
        self.initial.entry(epoch).or_insert(server.last());
        match self.established.insert(epoch, node) {
            None => Ok(()),
            Some(first) => {
                let detail = format!("servers {} and {} both lead in epoch {epoch}", first.0 + 1, node.0 + 1);
                broken("one-leader-per-epoch", detail)
            }
        }
    }

    fn history_before_epoch(&self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let Some(initial) = self.initial.get(&server.current).filter(|_| server.step.started) else { return Ok(()) };
        let has = server.log.base().0 > initial.counter || server.log.term(initial.counter) == Some(initial.epoch);
        if has {
            return Ok(());
        }
        let detail = format!(
            "server {} starts in epoch {}, which began with a history up to {} of epoch {}, and has one up to {}",
            node.0 + 1,
            server.current,
            initial.counter,
            initial.epoch,
            server.last().counter
        );
        broken("history-before-epoch", detail)
    }

    fn history(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let Some(from) = server.step.changed_from else { return Ok(()) };
        for index in from.max(server.log.base().0 + 1)..=server.last().counter {
            let Some(txn) = server.log.get(index) else { continue };
            let (epoch, before) = (txn.term, server.log.term(index - 1));
            let name = || format!("transaction {index} of epoch {epoch} at server {}", node.0 + 1);
            if before.is_some_and(|before| before > epoch) {
                return broken("global-primary-order", format!("{} follows one of a later epoch", name()));
            }
            let primary = self.established.get(&epoch) == Some(&node);
            match self.broadcast.get_mut(&(index, epoch)) {
                None if primary => {
                    self.broadcast.insert((index, epoch), (before, txn.payload.clone()));
                }
                None => return broken("integrity", format!("{} was never broadcast", name())),
                Some((_, payload)) if *payload != txn.payload => {
                    return broken("integrity", format!("{} is not what was broadcast", name()));
                }
                Some((known, _)) => {
                    *known = known.or(before);
                    if before.is_some_and(|before| *known != Some(before)) {
                        return broken("local-primary-order", format!("{} follows another one than it should", name()));
                    }
                }
            }
        }
        Ok(())
    }

    fn delivered(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        // The one before, too: of a snapshot, nothing else is known.
        self.agreement.store(node, &server.log, server.step.changed_from.map(|from| from - 1));
        let more = match self.agreement.commit(node, &server.log, server.commit, server.current) {
            Ok(more) => more,
            Err((index, first, epoch)) => {
                let detail = format!(
                    "transaction {index} was delivered as one of epoch {first} and, by server {}, of {epoch}",
                    node.0 + 1
                );
                return broken("total-order", detail);
            }
        };
        let leads = more && matches!(server.phase, Phase::Leading(_));
        if let Some(epoch) = server.log.term(server.commit).filter(|_| leads) {
            let have = self.agreement.holders(server.commit, epoch);
            if !self.quorum.reached(|node| have.contains(&node)) {
                let detail = format!(
                    "server {} committed transaction {} of epoch {epoch}, which is on {} disks",
                    node.0 + 1,
                    server.commit,
                    have.len()
                );
                return broken("committed-by-quorum", detail);
            }
        }
        Ok(())
    }

    fn primary_integrity(&self, node: NodeId, server: &Server) -> Result<(), Broken> {
        if !server.step.elected {
            return Ok(());
        }
        if let Some((index, epoch, has)) = self.agreement.lacking(&server.log, server.current) {
            let lacks = has.map_or_else(|| "nothing".to_owned(), |has| format!("one of epoch {has}"));
            let detail = format!(
                "primary {} of epoch {} has {lacks} where transaction {index} of epoch {epoch} was delivered",
                node.0 + 1,
                server.current
            );
            return broken("primary-integrity", detail);
        }
        Ok(())
    }
}

impl Watch<Server> for Invariants {
    fn after(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        self.established(node, server)?;
        self.history_before_epoch(node, server)?;
        self.history(node, server)?;
        self.delivered(node, server)?;
        self.primary_integrity(node, server)?;
        self.executed.check(&server.step.executed)?;
        if let Phase::Leading(leading) = &server.phase
            && leading.stage == Stage::Broadcast
            && leading.proposals.bytes() > self.most_uncommitted
        {
            let bytes = leading.proposals.bytes();
            let detail = format!("{bytes} bytes of proposals are not committed, {} are allowed", self.most_uncommitted);
            return broken("bounded-proposals", detail);
        }
        Ok(())
    }

    fn noted(&mut self, node: NodeId, note: &Note) -> Result<(), Broken> {
        if let [("client", Field::Node(_)), ("seen", Field::Int(seen)), ("shown", Field::Int(shown))] = note.fields[..]
            && shown < seen
        {
            let detail = format!("a client has seen transaction {seen}, and is shown the state after {shown}");
            return broken("client-order", detail);
        }
        let [("epoch", Field::Int(epoch)), ("of", Field::Node(of)), ..] = note.fields[..] else { return Ok(()) };
        match note.name {
            "acceptance-counted" if !self.accepted.insert((of, epoch)) => {
                broken("accept-once", format!("server {}'s acceptance of epoch {epoch} was counted twice", of.0 + 1))
            }
            "ack-new-leader" => {
                self.synced.insert((node, epoch, of));
                Ok(())
            }
            "ack" if !self.synced.contains(&(node, epoch, of)) => {
                let detail = format!("server {} acknowledges a proposal of epoch {epoch} before NEWLEADER", of.0 + 1);
                broken("newleader-first", detail)
            }
            _ => Ok(()),
        }
    }
}
