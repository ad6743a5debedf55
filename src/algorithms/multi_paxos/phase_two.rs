//! Phase 2, slot after slot: what the leader proposes, and when it is chosen (S§2.2, S§3).

use super::members::Change;
use super::{
    Ballot, Command, HEARTBEAT, Message, Out, PhaseOne, Request, Result, Role, Server, Slot, Value, Waiting, mutants,
};
use crate::algorithms::common::{admit, answer};
use crate::node::{NodeId, Quorum, Timer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// So many requests go into one slot.
const BATCH: usize = 64;

/// What only a leader knows. It is lost with the office.
pub struct Leader {
    pub phase: PhaseOne,
    /// The slot to propose in next.
    pub next: Slot,
    /// What is proposed and not known to be chosen.
    pub open: BTreeMap<Slot, Proposal>,
    /// What is wanted and not proposed yet, and its size.
    queue: VecDeque<Wanted>,
    queued: usize,
    /// Clients whose commands are queued or proposed.
    pub waiting: BTreeMap<NodeId, Waiting>,
    /// Reads, by the slot that must be applied.
    pub reads: BTreeMap<Slot, Vec<(Waiting, String)>>,
    pub peers: BTreeMap<NodeId, Peer>,
    /// Rounds of heartbeats: the last, and when each was sent.
    pub round: u64,
    pub sent: VecDeque<(u64, u64)>,
    pub change: Option<Change>,
}

/// A proposal of the leader's ballot.
pub struct Proposal {
    pub value: Value,
    /// It is the leader's own, not one that it found.
    pub fresh: bool,
    accepted: BTreeSet<NodeId>,
    /// When it was sent last.
    sent: u64,
}

/// What the leader knows of another server.
#[derive(Debug, Default)]
pub struct Peer {
    /// The last round of heartbeats that it answered.
    pub round: u64,
    /// Up to here it knows what is chosen.
    pub learned: Slot,
    /// It has answered since the last time this was looked at.
    pub active: bool,
}

/// Something to be proposed.
pub enum Wanted {
    Write(Command),
    Read(Waiting, String),
    Members(Quorum),
}

impl Wanted {
    fn size(&self) -> usize {
        match self {
            Self::Write(command) => command.size(),
            Self::Read(_, key) => 16 + key.len(),
            // There is one at most.
            Self::Members(_) => 0,
        }
    }
}

impl Leader {
    pub(super) fn new(phase: PhaseOne) -> Self {
        Self {
            next: phase.first,
            phase,
            open: BTreeMap::new(),
            queue: VecDeque::new(),
            queued: 0,
            waiting: BTreeMap::new(),
            reads: BTreeMap::new(),
            peers: BTreeMap::new(),
            round: 0,
            sent: VecDeque::new(),
            change: None,
        }
    }

    /// Bytes that wait to be proposed.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// The requests for one slot: a batch of commands, with the reads that came with them, or a configuration.
    fn batch(&mut self) -> Option<Value> {
        let mut commands = Vec::new();
        let mut value = None;
        for _ in 0..BATCH {
            if matches!(self.queue.front(), Some(Wanted::Members(_))) && value.is_some() {
                break;
            }
            let Some(wanted) = self.queue.pop_front() else { break };
            self.queued -= wanted.size();
            match wanted {
                Wanted::Write(command) => commands.push(command),
                Wanted::Read(waiting, key) => self.reads.entry(self.next).or_default().push((waiting, key)),
                Wanted::Members(config) => return Some(Value::Members(config)),
            }
            value = Some(Value::Noop);
        }
        if commands.is_empty() { value } else { Some(Value::Commands(commands)) }
    }

    /// Whoever waits shall ask the next leader.
    pub(super) fn send_away(self, leader: Option<NodeId>, out: &mut Out<'_>) {
        let reads = self.reads.into_values().flatten().map(|(waiting, _)| waiting);
        let queued = self.queue.into_iter().filter_map(|wanted| match wanted {
            Wanted::Read(waiting, _) => Some(waiting),
            Wanted::Write(_) | Wanted::Members(_) => None,
        });
        let change = self.change.map(|change| change.waiting);
        for waiting in self.waiting.into_values().chain(reads).chain(queued).chain(change) {
            answer(waiting, Result::Redirect(leader), out);
        }
    }
}

impl Server {
    /// A command: it is proposed as soon as there is a slot for it, unless it has been performed or waits already.
    pub(super) fn command(&mut self, waiting: Waiting, request: Request, out: &mut Out<'_>) {
        let limits = (!self.setup.has(&mutants::NO_DEDUP), self.options.most_waiting);
        let Role::Leader(leader) = &mut self.role else { return };
        let load = (leader.waiting.get(&waiting.client).map(|known| known.sequence), leader.queued);
        let Some(command) = admit(&self.learner.store, waiting, request, load, limits, out) else { return };
        if self.setup.has(&mutants::ACK_BEFORE_CHOSEN) {
            answer(waiting, Result::Done(self.learner.store.clone().perform(&command)), out);
        } else {
            leader.waiting.insert(waiting.client, waiting);
        }
        self.want(Wanted::Write(command), out);
    }

    /// Something to be proposed as soon as may be.
    pub(super) fn want(&mut self, wanted: Wanted, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        if let Wanted::Read(waiting, _) = wanted
            && leader.queued + wanted.size() > self.options.most_waiting
        {
            return answer(waiting, Result::Busy, out);
        }
        leader.queued += wanted.size();
        leader.queue.push_back(wanted);
        self.propose(out);
    }

    /// Proposes in as many slots as may be: what was found there, no-ops in holes, then what is wanted.
    pub(super) fn propose(&mut self, out: &mut Out<'_>) {
        while let Some((slot, config)) = self.next_slot(out) {
            let acts = self.learner.latest().0;
            let Role::Leader(leader) = &mut self.role else { return };
            let last = leader.phase.found.last_key_value().map_or(0, |(slot, _)| *slot);
            let ignores = self.setup.has(&mutants::IGNORE_FOUND);
            let found = leader.phase.found.remove(&slot).filter(|_| !ignores);
            let ballot = leader.phase.ballot;
            let mut fresh = false;
            let value = match found {
                Some((of, value)) => {
                    out.note("adopt", [("slot", slot.into()), ("of-round", of.round.into())]);
                    value
                }
                None if slot < last && self.setup.has(&mutants::HOLES_LEFT) => {
                    leader.next += 1;
                    continue;
                }
                None if slot < last && !ignores => {
                    out.note("fill", [("slot", slot.into())]);
                    Value::Noop
                }
                None => {
                    fresh = true;
                    // A configuration that is chosen acts only after all slots before.
                    match leader.batch() {
                        Some(value) => value,
                        None if slot < acts => Value::Noop,
                        None => return,
                    }
                }
            };
            leader.next += 1;
            let proposal = Proposal { value: value.clone(), fresh, accepted: BTreeSet::new(), sent: out.elapsed() };
            leader.open.insert(slot, proposal);
            self.step.proposed.push((slot, ballot, value));
            self.send_accept(slot, &config, out);
        }
    }

    /// The slot to propose in next and its configuration, if the leader may propose there: it knows everything
    /// up to α slots before, and with that the configuration (R§4); a quorum of that has promised; and
    /// nobody knows already what is chosen there.
    fn next_slot(&mut self, out: &mut Out<'_>) -> Option<(Slot, Quorum)> {
        let prefix = self.learner.prefix;
        let Role::Leader(leader) = &mut self.role else { return None };
        leader.next = leader.next.max(prefix + 1);
        let next = leader.next;
        if let Some((trimmed, by)) = leader.phase.trimmed
            && trimmed >= next
            && !self.setup.has(&mutants::TRIMMED_AS_EMPTY)
        {
            let knows = leader.peers.iter().find(|(_, peer)| peer.learned >= next);
            let from = knows.map_or(by, |(node, _)| *node);
            self.fetch(from, out);
            return None;
        }
        if next > prefix + self.options.alpha && !self.setup.has(&mutants::BEYOND_ALPHA) {
            return None;
        }
        let config = self.learner.config(next);
        if !self.enough(config, |node| leader_of(&self.role).promises.contains(&node))
            && !self.setup.has(&mutants::PHASE_ONE_NOT_EXTENDED)
        {
            return None;
        }
        Some((next, config.clone()))
    }

    /// Asks those for a promise who have not given one, where a configuration of open slots lacks a quorum of them.
    pub(super) fn extend_phase_one(&mut self, out: &mut Out<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let (ballot, first) = (leader.phase.ballot, leader.next);
        let lacks = |node: &NodeId| *node != self.setup.me && !leader.phase.promises.contains(node);
        let unprepared = self.learner.open().filter(|config| !self.enough(config, |node| !lacks(&node)));
        let peers: BTreeSet<NodeId> = unprepared.flat_map(Quorum::members).filter(lacks).collect();
        for peer in peers {
            self.tell(peer, Message::Prepare { ballot, first, resigned: None }, out);
        }
    }

    /// Phase 2a, to all who have not accepted yet.
    fn send_accept(&mut self, slot: Slot, config: &Quorum, out: &mut Out<'_>) {
        let (me, chosen) = (self.me(), self.learner.prefix);
        let Role::Leader(leader) = &mut self.role else { return };
        let ballot = leader.phase.ballot;
        let Some(proposal) = leader.open.get_mut(&slot) else { return };
        proposal.sent = out.elapsed();
        let value = proposal.value.clone();
        for peer in config.members().filter(|peer| *peer != me && !proposal.accepted.contains(peer)) {
            out.send(peer, Message::Accept { ballot, slot, value: value.clone(), chosen });
        }
        if config.contains(me) && !proposal.accepted.contains(&me) {
            self.accept(me, (ballot, slot, value), chosen, out);
        }
    }

    /// An acceptance: with those of a quorum, the value is chosen.
    pub(super) fn accepted(&mut self, from: NodeId, ballot: Ballot, slot: Slot, out: &mut Out<'_>) {
        let stale = self.setup.has(&mutants::STALE_ACCEPTED);
        let Role::Leader(leader) = &mut self.role else { return };
        let of = leader.phase.ballot;
        let Some(proposal) = leader.open.get_mut(&slot).filter(|_| of == ballot || stale) else { return };
        proposal.accepted.insert(from);
        let Some(proposal) = leader.open.remove(&slot) else { return };
        if !self.enough(self.learner.config(slot), |node| proposal.accepted.contains(&node)) {
            if let Role::Leader(leader) = &mut self.role {
                leader.open.insert(slot, proposal);
            }
            return;
        }
        out.note("chosen", [("slot", slot.into()), ("round", of.round.into())]);
        self.step.chosen.push((slot, of, proposal.value.clone()));
        self.learner.log.insert(slot, proposal.value);
        self.apply(out);
        self.propose(out);
    }

    /// Shows everybody that the leader is there and what is chosen, and sends again what may have been lost.
    pub(super) fn heartbeat(&mut self, out: &mut Out<'_>) {
        let me = self.me();
        let mut peers: BTreeSet<NodeId> = self.learner.open().flat_map(Quorum::members).collect();
        let Role::Leader(leader) = &mut self.role else { return };
        out.set_timer(Timer::new("heartbeat"), HEARTBEAT);
        peers.extend(leader.change.iter().flat_map(|change| change.to.members()));
        peers.remove(&me);
        leader.round += 1;
        leader.sent.push_back((leader.round, out.elapsed()));
        if leader.sent.len() > 16 {
            leader.sent.pop_front();
        }
        leader.peers.retain(|node, _| peers.contains(node));
        let (ballot, round, chosen) = (leader.phase.ballot, leader.round, self.learner.prefix);
        for peer in peers {
            leader.peers.entry(peer).or_insert_with(|| Peer { active: true, ..Peer::default() });
            out.send(peer, Message::Heartbeat { ballot, chosen, round });
        }
        let old = |proposal: &Proposal| out.elapsed() >= proposal.sent + HEARTBEAT;
        let lost: Vec<Slot> = leader.open.iter().filter(|(_, open)| old(open)).map(|(slot, _)| *slot).collect();
        for slot in lost {
            let config = self.learner.config(slot).clone();
            self.send_accept(slot, &config, out);
        }
        self.extend_phase_one(out);
        self.propose(out);
    }

    pub(super) fn heard_beat(&mut self, from: NodeId, ballot: Ballot, chosen: Slot, round: u64, out: &mut Out<'_>) {
        let promised = self.acceptor.promised;
        if ballot < promised {
            self.inform(from, chosen + 1, out);
            return out.send(from, Message::Refused { ballot, promised });
        }
        // Somebody who leads what is long decided does not depose whoever leads what is not.
        let behind = self.inform(from, chosen + 1, out);
        let follows = !(behind && matches!(self.role, Role::Leader(_))) && self.follow(from, ballot, out);
        self.learn_up_to(ballot, chosen, out);
        if chosen > self.learner.prefix {
            self.fetch(from, out);
        }
        if follows {
            out.send(from, Message::Heartbeaten { ballot, round, learned: self.learner.prefix });
        }
    }

    pub(super) fn heartbeaten(&mut self, from: NodeId, ballot: Ballot, round: u64, learned: Slot, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(peer) = leader.peers.get_mut(&from).filter(|_| leader.phase.ballot == ballot) else { return };
        peer.active = true;
        peer.round = peer.round.max(round);
        peer.learned = peer.learned.max(learned);
        self.change_goes_on(out);
        self.leave(out);
    }
}

fn leader_of(role: &Role) -> &PhaseOne {
    match role {
        Role::Leader(leader) => &leader.phase,
        Role::Candidate(phase) => phase,
        Role::Follower => unreachable!("asked of leaders only"),
    }
}
