//! Phase 0: fast leader election. Whoever looks for a leader votes for itself and, when it hears of a better
//! vote, for that one; once a quorum votes for the same server, it is decided.
//!
//! A vote is better if its server has the higher current epoch, then the longer history, then the higher number:
//! so whoever is elected lacks nothing that any of its voters has. Nothing that must not go wrong depends on it;
//! a wrong leader would not get through discovery.

use super::message::{State, Vote};
use super::{HEARTBEAT, Message, Out, Phase, Server, mutants};
use crate::node::{NodeId, Timer};
use std::collections::BTreeMap;

/// A quorum that agrees waits so long for a better vote, unless everybody has voted.
const FINALIZE: u64 = HEARTBEAT / 2;
const ELECTION: Timer = Timer::new("election");
const DECIDE: Timer = Timer::new("decide");

/// An election, as one of those sees it who look for a leader.
#[derive(Debug)]
pub struct Looking {
    vote: Vote,
    /// Votes of this round, the own one included.
    votes: BTreeMap<NodeId, Vote>,
    /// What those say who have a leader already, since the last notification.
    settled: BTreeMap<NodeId, (NodeId, State)>,
}

impl Looking {
    /// Whoever begins votes for itself.
    pub(super) fn new(vote: Vote) -> Self {
        Self { vote, votes: [(vote.leader, vote)].into(), settled: BTreeMap::new() }
    }
}

impl Server {
    /// Looks for a leader, in a new round. Whatever the server was before, it is no more.
    pub(super) fn look(&mut self, why: &'static str, out: &mut Out<'_>) {
        self.write_late(true, out);
        let (epoch, last) = (self.current, self.last());
        let vote = Vote { epoch, last, leader: self.me() };
        let was = std::mem::replace(&mut self.phase, Phase::Looking(Looking::new(vote)));
        self.leave(was, out);
        self.round += 1;
        out.note("looking", [("round", self.round.into()), ("why", why.into())]);
        self.notify_all(out);
        self.count_votes(out);
    }

    fn notification(&self) -> Message {
        let round = self.round;
        match &self.phase {
            Phase::Looking(looking) => Message::Notify { round, vote: looking.vote, state: State::Looking },
            Phase::Following(following) => {
                let vote = Vote { leader: following.leader, ..self.decided };
                Message::Notify { round, vote, state: State::Following }
            }
            Phase::Leading(_) => Message::Notify { round, vote: self.decided, state: State::Leading },
        }
    }

    /// Tells everybody how it votes, and again after a while: notifications may get lost.
    pub(super) fn notify_all(&mut self, out: &mut Out<'_>) {
        let Phase::Looking(looking) = &mut self.phase else { return };
        looking.settled.clear();
        out.set_timer(ELECTION, HEARTBEAT);
        let message = self.notification();
        for peer in self.peers() {
            out.send(peer, message.clone());
        }
    }

    pub(super) fn notified(&mut self, from: NodeId, round: u64, vote: Vote, state: State, out: &mut Out<'_>) {
        let me = self.me();
        let Phase::Looking(looking) = &mut self.phase else {
            // It has decided already; whoever looks is told for whom.
            if state == State::Looking {
                out.send(from, self.notification());
            }
            return;
        };
        if state != State::Looking {
            looking.settled.insert(from, (vote.leader, state));
            return self.count_votes(out);
        }
        if round < self.round {
            return out.send(from, self.notification());
        }
        let own = Vote { epoch: self.current, last: super::last(&self.log), leader: me };
        let known = if round > self.round { own } else { looking.vote };
        let by_number = self.setup.has(&mutants::VOTE_BY_NUMBER) || self.setup.has(&mutants::NO_HISTORY_CHECK);
        let best = if by_number { if vote.leader > known.leader { vote } else { known } } else { known.max(vote) };
        let news = round > self.round || best != looking.vote;
        if round > self.round {
            self.round = round;
            looking.votes.clear();
        }
        looking.vote = best;
        looking.votes.insert(from, vote);
        looking.votes.insert(me, best);
        if news {
            out.cancel_timer(DECIDE);
            self.notify_all(out);
        }
        self.count_votes(out);
    }

    /// Is it decided?
    fn count_votes(&mut self, out: &mut Out<'_>) {
        let Phase::Looking(looking) = &self.phase else { return };
        // Somebody leads already, says so, and has a quorum with those who vote for it only now.
        let votes = |node: &NodeId, leader| looking.votes.get(node).is_some_and(|vote| vote.leader == leader);
        let backs = |node: NodeId, leader| match looking.settled.get(&node) {
            Some((of, _)) => *of == leader,
            None => votes(&node, leader),
        };
        let leads = looking.settled.iter().find(|(node, (leader, state))| *node == leader && *state == State::Leading);
        if let Some(leader) = leads.map(|(node, _)| *node).filter(|leader| self.enough(|node| backs(node, *leader))) {
            return self.decide(leader, out);
        }
        let agrees = |node: NodeId| looking.votes.get(&node) == Some(&looking.vote);
        if self.quorum.members().all(agrees) {
            self.decide(looking.vote.leader, out);
        } else if self.enough(agrees) {
            out.set_timer(DECIDE, FINALIZE);
        }
    }

    /// No better vote has come.
    pub(super) fn finalize(&mut self, out: &mut Out<'_>) {
        let Phase::Looking(looking) = &self.phase else { return };
        if self.enough(|node| looking.votes.get(&node) == Some(&looking.vote)) {
            self.decide(looking.vote.leader, out);
        }
    }

    fn decide(&mut self, leader: NodeId, out: &mut Out<'_>) {
        let Phase::Looking(looking) = &self.phase else { return };
        self.decided = Vote { leader, ..looking.vote };
        out.cancel_timer(ELECTION);
        out.cancel_timer(DECIDE);
        out.note("decided", [("round", self.round.into()), ("leader", leader.into())]);
        if leader == self.me() {
            self.lead(out);
        } else {
            self.follow(leader, out);
        }
    }
}
