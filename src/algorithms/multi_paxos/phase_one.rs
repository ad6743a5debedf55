//! Phase 1, once for all open slots: who leads, and what it finds (S§2.2, S§3).

use super::{Ballot, ELECTION, Leader, Message, Out, Record, Role, Server, Slot, Value, mutants};
use crate::node::{NodeId, Quorum, Timer};
use std::collections::{BTreeMap, BTreeSet};

const TIMER: Timer = Timer::new("election");

/// What promises of a ballot have told.
#[derive(Debug)]
pub struct PhaseOne {
    pub ballot: Ballot,
    /// The promises are for all slots from here on.
    pub first: Slot,
    /// The leader of this ballot has resigned, and asked for this.
    resigned: Option<Ballot>,
    /// The candidate's own promise is on its way.
    own: bool,
    /// Who promised.
    pub promises: BTreeSet<NodeId>,
    /// By slot, what was accepted in the highest ballot.
    pub found: BTreeMap<Slot, (Ballot, Value)>,
    /// Somebody has forgotten what it accepted up to here, since it is chosen: it has to be learned.
    pub trimmed: Option<(Slot, NodeId)>,
    /// Up to here something may have been chosen before.
    pub recovered: Slot,
}

impl PhaseOne {
    fn new(ballot: Ballot, first: Slot, resigned: Option<Ballot>) -> Self {
        Self {
            ballot,
            first,
            resigned,
            own: false,
            promises: BTreeSet::new(),
            found: BTreeMap::new(),
            trimmed: None,
            recovered: first.saturating_sub(1),
        }
    }
}

impl Server {
    /// Waits for a leader, for a time that is different for each, so that they seldom outbid each other.
    pub(super) fn await_election(&mut self, out: &mut Out<'_>) {
        let after = ELECTION + out.random().below(ELECTION);
        out.set_timer(TIMER, after);
    }

    /// Somebody else leads, or may.
    pub(super) fn become_follower(&mut self, leader: Option<NodeId>, out: &mut Out<'_>) {
        if matches!(self.role, Role::Leader(_)) {
            self.step_down(leader, out);
        }
        self.role = Role::Follower;
        self.leader = leader;
        self.await_election(out);
    }

    /// A leader no more: who waits shall ask the next one. What was proposed may yet be chosen.
    pub(super) fn step_down(&mut self, leader: Option<NodeId>, out: &mut Out<'_>) {
        self.leader = leader;
        if let Role::Leader(was) = std::mem::replace(&mut self.role, Role::Follower) {
            out.note("step-down", [("round", was.phase.ballot.round.into())]);
            out.cancel_timer(Timer::new("heartbeat"));
            out.cancel_timer(Timer::new("quorum"));
            self.acceptor.lease = super::acceptor::Lease::default();
            was.send_away(leader, out);
        }
        self.await_election(out);
    }

    /// No leader was heard of. Who is in no configuration that counts can't know whether those who are in it
    /// do, and tells them.
    pub(super) fn election_timeout(&mut self, out: &mut Out<'_>) {
        if matches!(self.role, Role::Leader(_)) {
            return;
        }
        self.await_election(out);
        if self.counts() {
            return self.campaign(None, out);
        }
        let chosen = self.learner.prefix;
        for peer in self.learner.config(chosen + 1).members().filter(|_| chosen > 0) {
            out.send(peer, Message::Known { chosen });
        }
    }

    /// The leader wants this server to go on in its place.
    pub(super) fn take_over(&mut self, resigned: Ballot, out: &mut Out<'_>) {
        if !matches!(self.role, Role::Leader(_)) && self.counts() {
            self.round = self.round.max(resigned.round);
            self.campaign(Some(resigned), out);
        }
    }

    /// Phase 1a, with a ballot that nobody has used: its round is on disk before anybody hears of it.
    pub(super) fn campaign(&mut self, resigned: Option<Ballot>, out: &mut Out<'_>) {
        self.round += 1;
        let ballot = Ballot { round: self.round, proposer: self.me().0 };
        let first = self.learner.prefix + 1;
        self.leader = None;
        self.role = Role::Candidate(Box::new(PhaseOne::new(ballot, first, resigned)));
        out.note("prepare", [("round", ballot.round.into()), ("first", first.into())]);
        out.persist(vec![Record::Round(self.round)]);
        self.await_election(out);
        let mut peers: BTreeSet<NodeId> = self.learner.open().flat_map(Quorum::members).collect();
        peers.remove(&self.me());
        for peer in peers {
            self.tell(peer, Message::Prepare { ballot, first, resigned }, out);
        }
        self.count_promises(out);
    }

    /// A promise, with what was accepted before.
    pub(super) fn promised(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        accepted: Vec<(Slot, Ballot, Value)>,
        trimmed: Slot,
        out: &mut Out<'_>,
    ) {
        let lowest = self.setup.has(&mutants::LOWEST_ACCEPTED);
        let phase = match &mut self.role {
            Role::Candidate(phase) => phase,
            Role::Leader(leader) => &mut leader.phase,
            Role::Follower => return,
        };
        if phase.ballot != ballot || !phase.promises.insert(from) {
            return;
        }
        out.note("promised", [("round", ballot.round.into()), ("of", from.into())]);
        for (slot, of, value) in accepted {
            let better = |known: &(Ballot, Value)| if lowest { of < known.0 } else { of > known.0 };
            if phase.found.get(&slot).is_none_or(better) {
                phase.found.insert(slot, (of, value));
            }
            phase.recovered = phase.recovered.max(slot);
        }
        if trimmed >= phase.first && phase.trimmed.is_none_or(|(known, _)| known < trimmed) {
            phase.trimmed = Some((trimmed, from));
            phase.recovered = phase.recovered.max(trimmed);
        }
        if matches!(self.role, Role::Leader(_)) {
            self.propose(out);
        } else {
            self.count_promises(out);
        }
    }

    /// With the promises of a quorum, its own among them, a candidate leads. Its own comes last, so that it binds
    /// itself only to a ballot that leads somewhere.
    fn count_promises(&mut self, out: &mut Out<'_>) {
        let Role::Candidate(phase) = &self.role else { return };
        let (me, ballot, first, resigned) = (self.setup.me, phase.ballot, phase.first, phase.resigned);
        let reached = self.enough(self.learner.config(first), |node| node == me || phase.promises.contains(&node));
        if !reached {
            return;
        }
        if !phase.promises.contains(&me) {
            if let Role::Candidate(phase) = &mut self.role
                && !std::mem::replace(&mut phase.own, true)
            {
                self.prepare(me, ballot, first, resigned, out);
            }
            return;
        }
        let Role::Candidate(phase) = std::mem::replace(&mut self.role, Role::Follower) else { return };
        self.role = Role::Leader(Box::new(Leader::new(*phase)));
        self.leader = Some(me);
        self.step.elected = Some(ballot);
        out.note("elected", [("round", ballot.round.into())]);
        out.cancel_timer(TIMER);
        out.set_timer(Timer::new("quorum"), 2 * ELECTION);
        self.heartbeat(out);
        self.propose(out);
    }

    /// Somebody promised a higher ballot. A leader that is refused so does phase 1 again, with a higher one.
    pub(super) fn refused(&mut self, ballot: Ballot, promised: Ballot, out: &mut Out<'_>) {
        self.round = self.round.max(promised.round);
        if let Role::Leader(leader) = &self.role
            && leader.phase.ballot == ballot
            && promised > ballot
        {
            self.step_down(None, out);
            self.campaign(None, out);
        }
    }

    /// A leader that a quorum does not answer any more makes room for another one.
    pub(super) fn check_quorum(&mut self, out: &mut Out<'_>) {
        let me = self.me();
        let Role::Leader(leader) = &self.role else { return };
        let config = self.learner.config(self.learner.prefix + 1);
        let answered = |node: NodeId| node == me || leader.peers.get(&node).is_some_and(|peer| peer.active);
        if !self.enough(config, answered) {
            return self.step_down(None, out);
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.peers.values_mut().for_each(|peer| peer.active = false);
        }
        out.set_timer(Timer::new("quorum"), 2 * ELECTION);
    }
}
