//! The acceptor: the memory of the system (S§2.2). It promises and accepts, and nothing is said before it is on
//! disk. A promise is also a lease: nobody else gets one for an election timeout (L§5.2).

use super::{ELECTION, Message, Out, Record, Role, Server, Slot, Value, mutants};
use crate::algorithms::common::Ballot;
use crate::node::{Barrier, NodeId};
use std::collections::{BTreeMap, VecDeque};

/// What an acceptor knows.
#[derive(Debug, Default)]
pub struct Acceptor {
    /// Nothing below this is accepted, in any slot.
    pub promised: Ballot,
    /// By slot, the value that was accepted last.
    pub accepted: BTreeMap<Slot, (Ballot, Value)>,
    /// Everything up to here is chosen and in the snapshot; what was accepted is forgotten.
    pub trimmed: Slot,
    pub lease: Lease,
    /// What is being written.
    writing: VecDeque<(Barrier, Slot, Ballot)>,
}

/// Whom it heard from last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lease {
    /// Nobody is known after a restart; it may have been anybody.
    pub holder: Option<NodeId>,
    pub ballot: Ballot,
    /// When it heard from it, or started.
    pub heard: u64,
}

impl Acceptor {
    /// It accepted this before a restart.
    pub(super) fn recover(&mut self, slot: Slot, ballot: Ballot, value: Value, promises: bool) {
        self.accepted.insert(slot, (ballot, value));
        if promises {
            self.promised = self.promised.max(ballot);
        }
    }

    /// Forgets what was accepted up to a slot.
    pub(super) fn trim(&mut self, slot: Slot) {
        self.trimmed = self.trimmed.max(slot);
        self.accepted.retain(|at, _| *at > slot);
    }

    /// A barrier was passed: what is on disk now.
    pub(super) fn passed(&mut self, barrier: Barrier) -> Vec<(Slot, Ballot)> {
        let mut stored = Vec::new();
        while let Some((_, slot, ballot)) = self.writing.pop_front_if(|(of, ..)| *of <= barrier) {
            stored.push((slot, ballot));
        }
        stored
    }
}

impl Server {
    /// Whether a promise to this server is out of the question: another one was heard from lately, or led until
    /// a restart, and may rely on that. It does not any more if it has resigned.
    fn is_sticky(&self, to: NodeId, resigned: Option<Ballot>, out: &Out<'_>) -> bool {
        let lease = &self.acceptor.lease;
        if self.setup.has(&mutants::NO_STICKINESS) {
            return false;
        }
        if matches!(self.role, Role::Leader(_)) {
            return to != self.me();
        }
        lease.holder != Some(to) && resigned != Some(lease.ballot) && out.elapsed() < lease.heard + ELECTION
    }

    /// A message of a leader. Who heard from another one lately does not follow yet: whether it does.
    pub(super) fn follow(&mut self, from: NodeId, ballot: Ballot, out: &mut Out<'_>) -> bool {
        self.round = self.round.max(ballot.round);
        if from == self.me() {
            return true;
        }
        let lease = self.acceptor.lease;
        let known = lease.holder == Some(from) || lease.holder.is_none() && ballot == self.acceptor.promised;
        if !matches!(self.role, Role::Leader(_)) && !known && out.elapsed() < lease.heard + ELECTION {
            return false;
        }
        self.become_follower(Some(from), out);
        self.acceptor.lease = super::acceptor::Lease { holder: Some(from), ballot, heard: out.elapsed() };
        true
    }

    /// Phase 1b.
    pub(super) fn prepare(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        first: Slot,
        resigned: Option<Ballot>,
        out: &mut Out<'_>,
    ) {
        let promised = self.acceptor.promised;
        if ballot < promised || self.is_sticky(from, resigned, out) {
            self.inform(from, first, out);
            return self.tell(from, Message::Refused { ballot, promised }, out);
        }
        self.round = self.round.max(ballot.round);
        if from != self.me() {
            self.become_follower(None, out);
        }
        self.acceptor.promised = ballot;
        self.acceptor.lease = Lease { holder: Some(from), ballot, heard: out.elapsed() };
        out.note("promise", [("round", ballot.round.into()), ("to", from.into())]);
        let accepted = self.acceptor.accepted.range(first..);
        let accepted = accepted.map(|(slot, (ballot, value))| (*slot, *ballot, value.clone())).collect();
        let barrier = out.persist(vec![Record::Promised(ballot)]);
        let barrier = if self.setup.has(&mutants::PROMISE_BEFORE_FSYNC) { Barrier(0) } else { barrier };
        let promise = Message::Promise { ballot, accepted, trimmed: self.acceptor.trimmed };
        self.tell_after(barrier, from, promise, out);
    }

    /// Phase 2b; and the leader says what is chosen.
    pub(super) fn accept(
        &mut self,
        from: NodeId,
        (ballot, slot, value): (Ballot, Slot, Value),
        chosen: Slot,
        out: &mut Out<'_>,
    ) {
        let promised = self.acceptor.promised;
        if ballot < promised && !self.setup.has(&mutants::ACCEPT_LOWER_BALLOT) {
            return self.tell(from, Message::Refused { ballot, promised }, out);
        }
        if self.inform(from, slot, out) {
            return;
        }
        self.follow(from, ballot, out);
        self.acceptor.promised = promised.max(ballot);
        self.acceptor.accepted.insert(slot, (ballot, value.clone()));
        out.note("accept", [("slot", slot.into()), ("round", ballot.round.into()), ("by", from.into())]);
        let barrier = out.persist(vec![Record::Accepted { slot, ballot, value }]);
        self.acceptor.writing.push_back((barrier, slot, ballot));
        let barrier = if self.setup.has(&mutants::ACCEPT_BEFORE_FSYNC) { Barrier(0) } else { barrier };
        self.tell_after(barrier, from, Message::Accepted { ballot, slot }, out);
        self.learn_up_to(ballot, chosen, out);
    }
}
