//! Who is connected to whom. A follower opens a channel to the leader it has decided for; either end that does
//! not hear of the other for a while closes it. A follower without its leader, and a leader without a quorum, look
//! for a leader again.

use super::message::Packet;
use super::reads::Reads;
use super::synchronisation::Received;
use super::{Epoch, HEARTBEAT, Index, Message, Out, Phase, Server, Zxid, mutants};
use crate::algorithms::common::{Channel, Outgoing, Proposals, Result, Segment, answer};
use crate::node::{Barrier, NodeId, Timer};
use std::collections::{BTreeMap, BTreeSet};

/// A leader that is not heard of for so long is given up.
const SILENCE: u64 = 5 * HEARTBEAT;
/// A follower that is not heard of for so long is: later, as it would have closed its channel.
const LEARNER_SILENCE: u64 = 2 * SILENCE;
/// A leader whose epoch is not accepted by a quorum within this gives up.
const DISCOVERY: u64 = 10 * HEARTBEAT;
const HEARTBEAT_TIMER: Timer = Timer::new("heartbeat");

/// What a follower knows.
pub struct Following {
    pub leader: NodeId,
    pub channel: Channel<Packet>,
    /// The leader's, once it has said so.
    pub epoch: Option<Epoch>,
    /// What has come of the leader's history.
    pub received: Received,
    /// It is up to date, and may answer reads.
    pub serving: bool,
}

/// How far a leader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its epoch is not accepted by a quorum.
    Discovery,
    /// Its history is not on the disks of a quorum.
    Synchronisation,
    Broadcast,
}

/// What a leader knows. It is lost with the office.
pub struct Leading {
    pub stage: Stage,
    pub since: u64,
    pub learners: BTreeMap<NodeId, Learner>,
    /// What they had accepted before.
    pub infos: BTreeMap<NodeId, Epoch>,
    pub epoch: Option<Epoch>,
    /// Who accepted the epoch from this leader.
    pub accepted: BTreeSet<NodeId>,
    /// The end of its initial history.
    pub initial: Zxid,
    /// Who has that on disk.
    pub synced: BTreeSet<NodeId>,
    /// Up to where they have its history on disk.
    pub acked: BTreeMap<NodeId, Index>,
    /// With this, its own epoch (in discovery, the accepted one; then the current one) is on disk.
    pub saved: Barrier,
    pub proposals: Proposals,
    pub reads: Reads,
}

/// What a leader knows of a follower that is connected.
pub struct Learner {
    pub channel: Channel<Packet>,
    /// The end of its history.
    pub last: Zxid,
    pub step: LearnerStep,
}

/// How far a follower has come.
#[derive(Debug)]
pub enum LearnerStep {
    Greeted,
    /// It has accepted the epoch.
    Accepted,
    /// It gets a snapshot, the end of which is this.
    Snapshot(Outgoing, Zxid),
    /// It was sent the history up to here and NEWLEADER; proposals follow.
    History(Index),
    /// It has acknowledged NEWLEADER.
    Synced,
    /// It was told of what is committed.
    UpToDate,
}

impl Learner {
    /// Whether it gets proposals.
    pub fn is_forwarded(&self) -> bool {
        matches!(self.step, LearnerStep::History(_) | LearnerStep::Synced | LearnerStep::UpToDate)
    }
}

impl Server {
    pub(super) fn follow(&mut self, leader: NodeId, out: &mut Out<'_>) {
        let mut channel = Channel::new(out.random().next(), out.elapsed());
        let segment = channel.put(Packet::Cepoch { accepted: self.accepted }, out.last_barrier());
        let received = Received::default();
        self.phase = Phase::Following(Box::new(Following { leader, channel, epoch: None, received, serving: false }));
        out.set_timer(HEARTBEAT_TIMER, HEARTBEAT);
        out.send_after(out.last_barrier(), leader, Message::Segment(segment));
    }

    pub(super) fn lead(&mut self, out: &mut Out<'_>) {
        self.phase = Phase::Leading(Box::new(Leading {
            stage: Stage::Discovery,
            since: out.elapsed(),
            learners: BTreeMap::new(),
            infos: [(self.me(), self.accepted)].into(),
            epoch: None,
            accepted: BTreeSet::new(),
            initial: Zxid::default(),
            synced: BTreeSet::new(),
            acked: BTreeMap::new(),
            saved: Barrier(0),
            proposals: Proposals::default(),
            reads: Reads::default(),
        }));
        out.set_timer(HEARTBEAT_TIMER, HEARTBEAT);
        self.choose_epoch(out);
    }

    /// What was open is closed, and whoever waits shall ask somebody else. What they asked for may yet be done.
    pub(super) fn leave(&mut self, was: Phase, out: &mut Out<'_>) {
        out.cancel_timer(HEARTBEAT_TIMER);
        match was {
            Phase::Looking(_) => {}
            Phase::Following(was) => {
                out.send(was.leader, Message::Closed { connection: was.channel.connection() });
            }
            Phase::Leading(was) => {
                out.note("step-down", [("epoch", was.epoch.unwrap_or(0).into())]);
                for (learner, of) in &was.learners {
                    out.send(*learner, Message::Closed { connection: of.channel.connection() });
                }
                for waiting in was.proposals.into_waiting().chain(was.reads.into_waiting()) {
                    answer(waiting, Result::Redirect(None), out);
                }
            }
        }
    }

    /// Shows the other ends that this one is there, sends again what may have got lost, and sees who is not
    /// there any more.
    pub(super) fn heartbeat(&mut self, out: &mut Out<'_>) {
        let (now, durable) = (out.elapsed(), self.durable);
        let gone = |channel: &Channel<Packet>, silence: u64| now >= channel.heard() + silence;
        out.set_timer(HEARTBEAT_TIMER, HEARTBEAT);
        match &mut self.phase {
            Phase::Looking(_) => {}
            Phase::Following(following) => {
                if gone(&following.channel, SILENCE) {
                    return self.look("the leader is silent", out);
                }
                for segment in following.channel.repeat(durable) {
                    out.send(following.leader, Message::Segment(segment));
                }
            }
            Phase::Leading(leading) => {
                leading.learners.retain(|_, learner| !gone(&learner.channel, LEARNER_SILENCE));
                if leading.stage == Stage::Discovery && now >= leading.since + DISCOVERY {
                    return self.look("no quorum accepts the epoch", out);
                }
                for (to, learner) in &mut leading.learners {
                    for segment in learner.channel.repeat(durable) {
                        out.send(*to, Message::Segment(segment));
                    }
                }
                self.check_quorum(out);
            }
        }
    }

    /// A leader that a quorum is not connected to makes room for another.
    fn check_quorum(&mut self, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &self.phase else { return };
        let connected = |node: NodeId| node == self.me() || leading.learners.contains_key(&node);
        if leading.stage != Stage::Discovery && !self.enough(connected) {
            self.look("no quorum follows", out);
        }
    }

    /// The other end has closed a channel, or does not know it.
    pub(super) fn closed(&mut self, from: NodeId, connection: u64, out: &mut Out<'_>) {
        match &mut self.phase {
            Phase::Following(following) if following.leader == from && following.channel.connection() == connection => {
                self.look("the leader has closed", out);
            }
            Phase::Leading(leading) => {
                let same = |of: &mut Learner| of.channel.connection() == connection;
                if leading.learners.get_mut(&from).is_some_and(same) {
                    leading.learners.remove(&from);
                    self.check_quorum(out);
                }
            }
            _ => {}
        }
    }

    pub(super) fn segment(&mut self, from: NodeId, segment: Segment<Packet>, out: &mut Out<'_>) {
        let (connection, now) = (segment.connection, out.elapsed());
        let packets = match self.channel(from, connection) {
            Some(channel) => channel.take(segment, now),
            None => return self.unknown_segment(from, segment, out),
        };
        for packet in packets {
            // A packet before this one may have ended it all.
            if self.channel(from, connection).is_some() {
                self.packet(from, packet, out);
            }
        }
    }

    /// The end of a channel that is open here.
    fn channel(&mut self, with: NodeId, connection: u64) -> Option<&mut Channel<Packet>> {
        let channel = match &mut self.phase {
            Phase::Looking(_) => None,
            Phase::Following(following) if following.leader == with => Some(&mut following.channel),
            Phase::Following(_) => None,
            Phase::Leading(leading) => leading.learners.get_mut(&with).map(|learner| &mut learner.channel),
        };
        channel.filter(|channel| channel.connection() == connection)
    }

    /// A segment of a channel that is not open here: somebody opens it, or it is of an earlier time.
    fn unknown_segment(&mut self, from: NodeId, segment: Segment<Packet>, out: &mut Out<'_>) {
        let connection = segment.connection;
        let opens = segment.number == 1 && matches!(segment.packet, Some(Packet::Cepoch { .. }));
        let early = segment.number == 0 && segment.received == 0;
        match &mut self.phase {
            // It may be about to lead.
            Phase::Looking(_) if opens || early => {}
            Phase::Leading(_) if early => {}
            Phase::Leading(leading) if opens => {
                // Of two channels of one follower, the one that was alive a moment ago is the newer one.
                let recent = |of: &Learner| out.elapsed() < of.channel.heard() + 2 * HEARTBEAT;
                if leading.learners.get(&from).is_some_and(recent) {
                    return;
                }
                let channel = Channel::new(connection, out.elapsed());
                let learner = Learner { channel, last: Zxid::default(), step: LearnerStep::Greeted };
                leading.learners.insert(from, learner);
                self.segment(from, segment, out);
            }
            Phase::Following(_) if self.setup.has(&mutants::OLD_EPOCH_ACCEPTED) => match segment.packet {
                Some(Packet::Propose(txn)) => self.proposed(txn, out),
                Some(Packet::Commit { counter }) => self.commit_to(counter, out),
                _ => {}
            },
            _ => out.send(from, Message::Closed { connection }),
        }
    }

    /// Puts a packet into the channel to the leader, to be sent when everything written so far is on disk.
    pub(super) fn tell_leader(&mut self, packet: Packet, out: &mut Out<'_>) {
        let barrier = out.last_barrier();
        self.tell_leader_after(barrier, packet, out);
    }

    /// The same, for another barrier.
    pub(super) fn tell_leader_after(&mut self, barrier: Barrier, packet: Packet, out: &mut Out<'_>) {
        if let Phase::Following(following) = &mut self.phase {
            let segment = following.channel.put(packet, barrier);
            out.send_after(barrier, following.leader, Message::Segment(segment));
        }
    }

    /// Puts a packet into the channel to a follower.
    pub(super) fn tell_learner(&mut self, to: NodeId, packet: Packet, out: &mut Out<'_>) {
        if let Phase::Leading(leading) = &mut self.phase
            && let Some(learner) = leading.learners.get_mut(&to)
        {
            let segment = learner.channel.put(packet, Barrier(0));
            out.send(to, Message::Segment(segment));
        }
    }

    /// Puts a packet into the channels to all followers of which something holds.
    pub(super) fn tell_learners(&mut self, of: impl Fn(&Learner) -> bool, packet: &Packet, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        for (to, learner) in leading.learners.iter_mut().filter(|(_, learner)| of(learner)) {
            out.send(*to, Message::Segment(learner.channel.put(packet.clone(), Barrier(0))));
        }
    }

    fn packet(&mut self, from: NodeId, packet: Packet, out: &mut Out<'_>) {
        match packet {
            Packet::Cepoch { accepted } => self.cepoch(from, accepted, out),
            Packet::NewEpoch { epoch } => self.new_epoch(epoch, out),
            Packet::AckEpoch { current, last, counts } => self.ack_epoch(from, (current, last), counts, out),
            Packet::Diff => self.receive_from(self.last(), out),
            Packet::Trunc { to } => self.receive_from(to, out),
            Packet::Snap(piece) => self.snap(&piece, out),
            Packet::SnapAck { of, received, done } => self.snap_ack(from, of, received, done, out),
            Packet::History(txns) => self.history(txns),
            Packet::NewLeader { epoch } => self.new_leader(epoch, out),
            Packet::AckNewLeader => self.ack_new_leader(from, out),
            Packet::UpToDate { commit } => self.up_to_date(commit, out),
            Packet::Propose(txn) => self.proposed(txn, out),
            Packet::Ack { counter } => self.ack(from, counter, out),
            Packet::Commit { counter } => self.commit_to(counter, out),
        }
    }
}
