//! Elections: who leads, at most one in a term (§5.2), and only one who has everything committed (§5.4.1).

use super::replication::Leader;
use super::{ELECTION, HEARTBEAT, Index, Message, Out, Payload, Role, Server, Term, mutants};
use crate::node::{NodeId, Timer};
use std::collections::BTreeSet;

const TIMER: Timer = Timer::new("election");

impl Server {
    /// Waits for a leader, for a time that is different for each, so that they seldom stand against each other.
    pub(super) fn await_election(&mut self, out: &mut Out<'_>) {
        let least = self.least_timeout();
        let after = least + out.random().below(least);
        out.set_timer(TIMER, after);
    }

    fn least_timeout(&self) -> u64 {
        if self.setup.has(&mutants::SHORT_TIMEOUT) { HEARTBEAT / 2 } else { ELECTION }
    }

    pub(super) fn become_follower(&mut self, term: Term, leader: Option<NodeId>, out: &mut Out<'_>) {
        if term > self.term {
            self.term = term;
            self.voted_for = None;
            self.save_vote(out);
        }
        self.leader = leader;
        if let Role::Leader(was) = std::mem::replace(&mut self.role, Role::Follower) {
            out.note("step-down", [("term", self.term.into())]);
            out.cancel_timer(Timer::new("heartbeat"));
            out.cancel_timer(Timer::new("quorum"));
            self.send_away(*was, out);
        }
        self.await_election(out);
    }

    /// A message of the leader of this term.
    pub(super) fn follow(&mut self, leader: NodeId, out: &mut Out<'_>) {
        if !matches!(self.role, Role::Follower) {
            self.become_follower(self.term, Some(leader), out);
        }
        self.leader = Some(leader);
        self.heard = out.elapsed();
        self.await_election(out);
    }

    /// Vote stickiness: whoever has heard from a leader lately, or is one, does not help to depose it. Leases
    /// rely on it. A server that has just started might have heard from one.
    pub(super) fn is_sticky(&self, out: &Out<'_>) -> bool {
        if self.setup.has(&mutants::NO_STICKINESS) {
            return false;
        }
        matches!(self.role, Role::Leader(_)) || out.elapsed() < self.heard + self.least_timeout()
    }

    /// The election restriction: a log is up to date if its last entry is of a later term, or of the same
    /// term and not before ours.
    fn is_up_to_date(&self, (index, term): (Index, Term)) -> bool {
        let (my_index, my_term) = self.log.last();
        (term, index) >= (my_term, my_index) || self.setup.has(&mutants::NO_UP_TO_DATE_CHECK)
    }

    /// No leader was heard of: would an election be won? To ask first keeps a server that is cut off from
    /// driving up the term.
    pub(super) fn election_timeout(&mut self, out: &mut Out<'_>) {
        if matches!(self.role, Role::Leader(_)) {
            return;
        }
        self.await_election(out);
        // A server that is removed by an entry which is not committed may have to be elected to commit it (T§4.2.2).
        let (index, _) = self.log.config();
        let settled = index <= self.commit;
        if !self.config().contains(self.me()) && settled {
            return;
        }
        self.leader = None;
        self.role = Role::PreCandidate(BTreeSet::from([self.me()]));
        out.note("pre-vote", [("term", (self.term + 1).into())]);
        let message = Message::PreVote { term: self.term + 1, last: self.log.last() };
        self.ask_all(&message, out);
        self.pre_voted(self.me(), true, out);
    }

    fn ask_all(&self, message: &Message, out: &mut Out<'_>) {
        for peer in self.config().members().filter(|peer| *peer != self.me()) {
            self.tell(peer, message.clone(), out);
        }
    }

    pub(super) fn pre_vote(&mut self, from: NodeId, term: Term, last: (Index, Term), out: &mut Out<'_>) {
        let granted = term > self.term && !self.is_sticky(out) && self.is_up_to_date(last);
        // Whoever grants it may be behind: its own term would make the answer look old.
        let term = if granted { term } else { self.term };
        self.tell(from, Message::PreVoted { term, granted }, out);
    }

    pub(super) fn pre_voted(&mut self, from: NodeId, granted: bool, out: &mut Out<'_>) {
        let Role::PreCandidate(votes) = &mut self.role else { return };
        if granted {
            votes.insert(from);
        }
        let votes = votes.clone();
        if self.enough(|node| votes.contains(&node)) {
            self.campaign(false, out);
        }
    }

    /// Stands for election in a new term. The term and the vote for itself are on disk before anybody hears.
    pub(super) fn campaign(&mut self, transfer: bool, out: &mut Out<'_>) {
        self.term += 1;
        self.voted_for = Some(self.me());
        self.leader = None;
        self.role = Role::Candidate(BTreeSet::new());
        self.save_vote(out);
        out.note("campaign", [("term", self.term.into())]);
        out.note("vote", [("term", self.term.into()), ("to", self.me().into())]);
        self.await_election(out);
        let message = Message::Vote { term: self.term, last: self.log.last(), transfer };
        self.ask_all(&message, out);
        self.voted(self.me(), true, out);
    }

    pub(super) fn vote(&mut self, from: NodeId, last: (Index, Term), transfer: bool, out: &mut Out<'_>) {
        let free = self.voted_for.is_none() || self.voted_for == Some(from);
        let may = matches!(self.role, Role::Follower) && free && (transfer || !self.is_sticky(out));
        let granted = may && self.is_up_to_date(last);
        if granted {
            self.voted_for = Some(from);
            self.save_vote(out);
            out.note("vote", [("term", self.term.into()), ("to", from.into())]);
            self.await_election(out);
        }
        let reply = Message::Voted { term: self.term, granted };
        if self.setup.has(&mutants::VOTE_BEFORE_FSYNC) {
            out.send(from, reply);
        } else {
            self.tell(from, reply, out);
        }
    }

    pub(super) fn voted(&mut self, from: NodeId, granted: bool, out: &mut Out<'_>) {
        let Role::Candidate(votes) = &mut self.role else { return };
        if granted {
            votes.insert(from);
        }
        let votes = votes.clone();
        if granted && from != self.me() {
            // Whoever answers has heard of the candidacy, so that the own vote is on disk.
            for voter in [from, self.me()] {
                out.note("vote-counted", [("term", self.term.into()), ("of", voter.into())]);
            }
        }
        if self.enough(|node| votes.contains(&node)) {
            self.become_leader(out);
        }
    }

    /// A new leader's first entry is of its own term, since only such can be committed by counting (§5.4.2),
    /// and what comes before with it.
    fn become_leader(&mut self, out: &mut Out<'_>) {
        let first = self.log.last().0 + 1;
        self.role = Role::Leader(Box::new(Leader::new(first)));
        self.leader = Some(self.me());
        self.step.elected = true;
        out.note("elected", [("term", self.term.into())]);
        out.cancel_timer(TIMER);
        out.set_timer(Timer::new("quorum"), 2 * ELECTION);
        self.follow_members();
        self.propose(Payload::Noop, out);
        self.heartbeat(out);
    }

    /// The leader wants this server to take over.
    pub(super) fn timeout_now(&mut self, out: &mut Out<'_>) {
        if matches!(self.role, Role::Follower) && self.config().contains(self.me()) {
            self.campaign(true, out);
        }
    }

    /// A leader that a quorum does not answer any more makes room for another one.
    pub(super) fn check_quorum(&mut self, out: &mut Out<'_>) {
        let me = self.me();
        let Role::Leader(leader) = &self.role else { return };
        let answered = |node: NodeId| node == me || leader.progress.get(&node).is_some_and(|of| of.active);
        if !self.enough(answered) {
            return self.become_follower(self.term, None, out);
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.progress.values_mut().for_each(|of| of.active = false);
        }
        out.set_timer(Timer::new("quorum"), 2 * ELECTION);
    }
}
