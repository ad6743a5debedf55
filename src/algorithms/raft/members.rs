//! Changes of the configuration while the cluster works (§6, T§4), and leadership transfer (T§3.10).
//!
//! A configuration is an entry of the log, and counts from the moment it is there. Any set of servers can
//! follow any other by way of *joint consensus*: first a configuration in which majorities of both are needed,
//! and when that is committed, the new one alone. Or one server at a time joins or leaves: then any majority
//! of the one set meets any of the other, provided that the leader has committed an entry of its own term
//! before (Ongaro, "bug in single-server membership changes", raft-dev, 2015).

use super::{ELECTION, Message, Out, Payload, Result, Role, Server, Waiting, mutants};
use crate::algorithms::common::{Datum, answer};
use crate::node::{NodeId, Quorum, Timer};
use std::collections::BTreeSet;

/// Learners that lack no more than so many entries may become voters.
const CLOSE: u64 = 16;

/// A change that was asked for.
#[derive(Debug)]
pub struct Change {
    pub waiting: Waiting,
    to: BTreeSet<NodeId>,
    /// The new servers are still catching up.
    learning: bool,
}

impl Server {
    pub(super) fn change_members(&mut self, waiting: Waiting, members: Vec<NodeId>, out: &mut Out<'_>) {
        let to: BTreeSet<NodeId> = members.into_iter().collect();
        let (index, config) = self.log.config();
        let config = config.clone();
        let Role::Leader(leader) = &mut self.role else { return };
        if to.is_empty() {
            return answer(waiting, Result::Refused, out);
        }
        if to == config.voters && !config.is_joint() && index <= self.commit {
            return answer(waiting, Result::Done(Datum::Nil), out);
        }
        let settled = index <= self.commit && !config.is_joint();
        let began = self.commit >= leader.first || self.setup.has(&mutants::SINGLE_WITHOUT_COMMIT);
        let busy = leader.change.as_ref().is_some_and(|change| !change.learning) || leader.transfer.is_some();
        if !settled || !began || busy {
            return answer(waiting, Result::Busy, out);
        }
        let to = if self.options.joint { to } else { one_step(&config.voters, &to) };
        leader.change = Some(Change { waiting, to, learning: true });
        self.follow_members();
        self.send_all(out);
        self.go_on_with_change(out);
    }

    /// Keeps account of everybody who gets entries: the members, and those who are to become such.
    pub(super) fn follow_members(&mut self) {
        let me = self.me();
        let next = self.log.last().0 + 1;
        let mut members: BTreeSet<NodeId> = self.log.config().1.members().collect();
        let Role::Leader(leader) = &mut self.role else { return };
        members.extend(leader.change.iter().flat_map(|change| change.to.iter().copied()));
        members.remove(&me);
        leader.progress.retain(|node, _| members.contains(node));
        for node in members {
            leader.progress.entry(node).or_insert_with(|| super::replication::Progress::new(next));
        }
    }

    /// Begins the change as soon as those who join are nearly up to date: else the cluster might stand still
    /// until they are.
    pub(super) fn go_on_with_change(&mut self, out: &mut Out<'_>) {
        let last = self.log.last().0;
        let old = self.log.config().1.voters.clone();
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(change) = leader.change.as_mut().filter(|change| change.learning) else { return };
        let close = |node: &NodeId| leader.progress.get(node).is_some_and(|of| of.matched + CLOSE >= last);
        if !change.to.difference(&old).all(|node| *node == self.setup.me || close(node)) {
            return;
        }
        change.learning = false;
        let outgoing = if self.options.joint { old } else { BTreeSet::new() };
        let config = Quorum { voters: change.to.clone(), outgoing };
        self.propose_members(config, out);
    }

    fn propose_members(&mut self, config: Quorum, out: &mut Out<'_>) {
        let stage = if config.is_joint() { "joint" } else { "new" };
        out.note("members", [("voters", (config.voters.len() as u64).into()), ("stage", stage.into())]);
        self.propose(Payload::Members(config), out);
        self.advance_commit(out);
    }

    /// After a commit: a joint configuration that is committed is followed by the new one alone, and when
    /// that is committed too, the change is over; a leader that is not in it any more steps down.
    pub(super) fn members_committed(&mut self, out: &mut Out<'_>) {
        let (index, config) = self.log.config();
        if index > self.commit {
            return;
        }
        if config.is_joint() {
            let config = Quorum { voters: config.voters.clone(), outgoing: BTreeSet::new() };
            return self.propose_members(config, out);
        }
        let stays = config.contains(self.setup.me);
        let Role::Leader(leader) = &mut self.role else { return };
        if let Some(change) = leader.change.take_if(|change| !change.learning) {
            answer(change.waiting, Result::Done(Datum::Nil), out);
        }
        if !stays {
            // So that the others learn that it is committed.
            self.begin_round(out);
            self.become_follower(self.term, None, out);
        }
    }

    /// Hands the office over: the other is brought up to date, and then stands for election at once.
    pub(super) fn transfer(&mut self, waiting: Waiting, to: NodeId, out: &mut Out<'_>) {
        let voter = self.config().contains(to);
        let me = self.me();
        let Role::Leader(leader) = &mut self.role else { return };
        if to != me && !voter {
            return answer(waiting, Result::Refused, out);
        }
        if to != me && leader.transfer.is_none() {
            leader.transfer = Some(to);
            out.note("transfer", [("to", to.into())]);
            out.set_timer(Timer::new("transfer"), 2 * ELECTION);
            self.go_on_with_transfer(out);
        }
        answer(waiting, Result::Done(Datum::Nil), out);
    }

    pub(super) fn go_on_with_transfer(&mut self, out: &mut Out<'_>) {
        let last = self.log.last().0;
        let term = self.term;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(to) = leader.transfer else { return };
        if !leader.lease_off && leader.progress.get(&to).is_some_and(|of| of.matched == last) {
            // Whoever is asked to vote now does not heed the lease, and the message may be late: for the
            // rest of the term there is none.
            leader.lease_off = true;
            self.tell(to, Message::TimeoutNow { term }, out);
        }
    }

    /// It took too long: the leader stays in office.
    pub(super) fn end_transfer(&mut self) {
        if let Role::Leader(leader) = &mut self.role {
            leader.transfer = None;
        }
    }
}

/// The first step from one set to another that adds or removes one server.
fn one_step(from: &BTreeSet<NodeId>, to: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut next = from.clone();
    if let Some(joins) = to.difference(from).next() {
        next.insert(*joins);
    } else if let Some(leaves) = from.difference(to).next() {
        next.remove(leaves);
    }
    next
}
