//! Multi-Paxos: a log whose every slot is an instance of Paxos, proposed by a leader that has done phase 1 for
//! all of them at once, and a key-value store fed from it.
//!
//! Follows Lamport, "The Part-Time Parliament" (1998) and "Paxos Made Simple" (2001), cited as S§; Lamport,
//! Malkhi and Zhou, "Reconfiguring a State Machine" (2010), for α, cited as R§ (and, for what becomes of servers
//! that left, "Vertical Paxos", 2009); Chandra, Griesemer and Redstone, "Paxos Made Live" (2007), cited as L§, for
//! leases, snapshots and catching up. Where to find what: `phase_one` (who leads; promises, S§2.2 and S§3),
//! `phase_two` (proposals, adoption, no-ops, batches, the window of α), `acceptor` (promises and acceptances, on disk
//! before anybody hears of them), `learner` (what is chosen, applied in order; catching up), `reads` (through
//! the log, by lease L§5.2), `snapshots` (L§5.1), `members` (R§4).
//!
//! Where it deviates: accepted messages go to the leader, which tells the others in its next messages how far
//! everything is chosen; who accepted a value in the leader's ballot then knows it, anybody else fetches it. A
//! promise covers all slots from one on, those of later configurations included, and a leader asks those who
//! join for theirs before it proposes in a slot of theirs. A candidate asks the others first and promises
//! itself last, so that a server which is cut off does not bind itself to ballots that lead nowhere. A
//! leader that is refused because somebody promised a higher ballot to another does phase 1 anew with a higher one
//! at once (L§5.2 does so from time to time). Whoever follows a heartbeat or gives a promise gives nobody else one
//! for an election timeout: leases rest on that. Whoever is asked about a slot that it knows to be decided says
//! so, and the other one fetches that instead of deciding it again. Before a configuration is proposed, a quorum of it
//! has nearly caught up; a server that left goes on as an acceptor of the slots before, and has to stay until the
//! others have learned these. Sessions begin with a client's first request and do not expire.

mod about;
mod acceptor;
mod invariants;
mod learner;
mod members;
mod message;
mod mutants;
mod phase_one;
mod phase_two;
mod reads;
mod snapshots;

use super::common::{
    self, Ask, Ballot, Command, Executed, Incoming, KvClient, KvMessage, Outgoing, Request, Result, Waiting, redirect,
};
use crate::node::{
    About, Algorithm, Barrier, Cluster, Damage, Effects, Input, NodeId, Operation, Process, Quorum, Random, Recovered,
    Setup, Timer,
};
use about::ABOUT;
use acceptor::Acceptor;
use learner::Learner;
pub use message::Message;
use phase_one::PhaseOne;
use phase_two::Leader;
use serde::{Deserialize, Serialize};
use snapshots::Snapshot;
use std::collections::{BTreeMap, VecDeque};

const MILLISECOND: u64 = 1_000_000;
/// A leader is heard of at least so often.
const HEARTBEAT: u64 = 50 * MILLISECOND;
/// A server that hears nothing for between this and twice this asks for promises; and nobody gives one
/// within this after hearing from a leader.
const ELECTION: u64 = 150 * MILLISECOND;

/// A place in the log, from 1: an instance of Paxos.
pub type Slot = u64;

/// The system.
pub struct MultiPaxos;

/// What is chosen for a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Nothing: for a hole, for a read, or for a configuration to act soon.
    Noop,
    Commands(Vec<Command>),
    /// From α slots later on, these are the acceptors.
    Members(Quorum),
}

/// What a server must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The server used this round.
    Round(u64),
    /// The acceptor promised.
    Promised(Ballot),
    /// The acceptor accepted.
    Accepted { slot: Slot, ballot: Ballot, value: Value },
    /// Everything up to its slot is chosen; this came of it.
    Snapshot(Box<Snapshot>),
}

type Out<'a> = Effects<'a, Message, Record>;

enum Role {
    Follower,
    /// Asks for promises.
    Candidate(Box<PhaseOne>),
    Leader(Box<Leader>),
}

/// A server: acceptor, learner, and now and then leader.
pub struct Server {
    setup: Setup,
    options: Options,
    /// The highest round that was used or seen.
    round: u64,
    acceptor: Acceptor,
    learner: Learner,
    role: Role,
    /// Who leads, as far as is known here.
    leader: Option<NodeId>,
    /// The last that was fetched, and when: not again at once.
    fetched: (Slot, u64),
    /// Snapshots on their way, by receiver.
    outgoing: BTreeMap<NodeId, Outgoing>,
    /// A snapshot of which not everything is here: from whom, and its slot.
    incoming: Incoming<(NodeId, Slot)>,
    /// Everything up to this barrier is on disk.
    durable: Barrier,
    /// What this server tells itself, as soon as the barrier is passed.
    own: VecDeque<(Barrier, Message)>,
    step: Step,
}

/// What the last step did, for the invariants.
#[derive(Debug, Default)]
struct Step {
    started: bool,
    /// From a snapshot of this slot.
    restored: Option<Slot>,
    elected: Option<Ballot>,
    /// By the leader.
    proposed: Vec<(Slot, Ballot, Value)>,
    /// By the leader, by counting.
    chosen: Vec<(Slot, Ballot, Value)>,
    /// By the acceptor: it is on disk.
    stored: Vec<(Slot, Ballot)>,
    applied: Vec<(Slot, Value)>,
    executed: Vec<Executed>,
}

#[derive(Clone, Copy, Debug)]
struct Options {
    lease: Option<u64>,
    alpha: u64,
    snapshot_after: u64,
    piece: usize,
    most_waiting: usize,
}

impl Options {
    fn new(setup: &Setup) -> Self {
        let number = |name| setup.number(&ABOUT, name);
        let lease = common::lease(setup, &ABOUT, ELECTION, setup.has(&mutants::LEASE_NO_MARGIN));
        Self {
            lease: (setup.option(&ABOUT, "reads") == "lease").then_some(lease),
            alpha: number("alpha"),
            snapshot_after: number("snapshot-after"),
            piece: number("piece") as usize,
            most_waiting: number("most-waiting") as usize,
        }
    }
}

impl Server {
    fn new(setup: &Setup) -> Self {
        let options = Options::new(setup);
        Self {
            setup: setup.clone(),
            options,
            round: 0,
            acceptor: Acceptor::default(),
            learner: Learner::new(Snapshot::first(Quorum::new(setup.cluster.members()))),
            role: Role::Follower,
            leader: None,
            fetched: (0, 0),
            outgoing: BTreeMap::new(),
            incoming: Incoming::default(),
            durable: Barrier(0),
            own: VecDeque::new(),
            step: Step::default(),
        }
    }

    fn me(&self) -> NodeId {
        self.setup.me
    }

    /// Whether these are a quorum of a configuration.
    fn enough(&self, config: &Quorum, agrees: impl Fn(NodeId) -> bool) -> bool {
        common::enough(config, self.setup.has(&mutants::HALF_MAJORITY), agrees)
    }

    /// Tells a server, which may be this one, something as soon as everything that was written so far is on disk.
    fn tell(&mut self, to: NodeId, message: Message, out: &mut Out<'_>) {
        self.tell_after(out.last_barrier(), to, message, out);
    }

    fn tell_after(&mut self, barrier: Barrier, to: NodeId, message: Message, out: &mut Out<'_>) {
        if to == self.me() {
            self.own.push_back((barrier, message));
        } else {
            out.send_after(barrier, to, message);
        }
    }

    /// What this server has told itself arrives.
    fn hear_own(&mut self, out: &mut Out<'_>) {
        while let Some((_, message)) = self.own.pop_front_if(|(barrier, _)| *barrier <= self.durable) {
            self.message(self.me(), message, out);
        }
    }

    fn start(&mut self, found: Recovered<Record>, out: &mut Out<'_>) {
        if found.damage == Some(Damage::Corrupt) {
            return out.halt("the log is damaged");
        }
        for record in found.records {
            match record {
                Record::Round(_) if self.setup.has(&mutants::BALLOT_REUSE) => {}
                Record::Round(round) => self.round = self.round.max(round),
                Record::Promised(_) if self.setup.has(&mutants::FORGET_PROMISE) => {}
                Record::Promised(ballot) => self.acceptor.promised = self.acceptor.promised.max(ballot),
                Record::Accepted { slot, ballot, value } => {
                    self.acceptor.recover(slot, ballot, value, !self.setup.has(&mutants::FORGET_PROMISE));
                    self.step.stored.push((slot, ballot));
                }
                Record::Snapshot(snapshot) => {
                    self.acceptor.trim(snapshot.slot);
                    self.learner = Learner::new(*snapshot);
                }
            }
        }
        self.step.started = true;
        self.acceptor.lease.heard = out.elapsed();
        self.await_election(out);
    }

    fn message(&mut self, from: NodeId, message: Message, out: &mut Out<'_>) {
        match message {
            Message::Ask(ask) => self.ask(from, ask, out),
            Message::Prepare { ballot, first, resigned } => self.prepare(from, ballot, first, resigned, out),
            Message::Promise { ballot, accepted, trimmed } => self.promised(from, ballot, accepted, trimmed, out),
            Message::Accept { ballot, slot, value, chosen } => self.accept(from, (ballot, slot, value), chosen, out),
            Message::Accepted { ballot, slot } => self.accepted(from, ballot, slot, out),
            Message::Refused { ballot, promised } => self.refused(ballot, promised, out),
            Message::Heartbeat { ballot, chosen, round } => self.heard_beat(from, ballot, chosen, round, out),
            Message::Heartbeaten { ballot, round, learned } => self.heartbeaten(from, ballot, round, learned, out),
            Message::Known { chosen } if chosen > self.learner.prefix => self.fetch(from, out),
            Message::Fetch { first } => self.serve(from, first, out),
            Message::Learned { first, values, chosen } => self.learned(from, first, values, chosen, out),
            Message::Install(piece) => self.install(from, &piece, out),
            Message::Installed { slot, received, done } => self.installed(from, slot, received, done, out),
            Message::TakeOver { resigned } => self.take_over(resigned, out),
            Message::Known { .. } | Message::Reply(_) => {}
        }
    }

    /// A client asks for something.
    fn ask(&mut self, client: NodeId, ask: Ask, out: &mut Out<'_>) {
        if !matches!(self.role, Role::Leader(_)) {
            return redirect(client, ask.sequence, self.leader.filter(|leader| *leader != self.setup.me), out);
        }
        let waiting = Waiting::new(client, ask.sequence, out);
        match ask.request {
            Request::Read(key) => self.read(waiting, key, out),
            Request::Members(members) => self.change_members(waiting, members, out),
            Request::Transfer(to) => self.transfer(waiting, to, out),
            request => self.command(waiting, request, out),
        }
    }
}

impl Process for Server {
    type Message = Message;
    type Record = Record;

    fn step(&mut self, input: Input<Message, Record>, out: &mut Out<'_>) {
        self.step = Step::default();
        match input {
            Input::Start(found) => self.start(found, out),
            Input::Message { from, message } => self.message(from, message, out),
            Input::Timer(Timer { name: "election", .. }) => self.election_timeout(out),
            Input::Timer(Timer { name: "heartbeat", .. }) => self.heartbeat(out),
            Input::Timer(Timer { name: "quorum", .. }) => self.check_quorum(out),
            Input::Durable(barrier) => {
                self.durable = barrier;
                self.step.stored = self.acceptor.passed(barrier);
            }
            Input::DiskFailed(_) => return out.halt("the disk failed"),
            Input::Timer(_) | Input::Invoke(_) | Input::Read { .. } => {}
        }
        self.hear_own(out);
    }

    fn message_name(message: &Message) -> &'static str {
        message.name()
    }
}

impl Algorithm for MultiPaxos {
    type Server = Server;
    type Client = KvClient<Message, Record>;
    type Watch = invariants::Invariants;

    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn server(&self, setup: &Setup) -> Server {
        Server::new(setup)
    }

    fn client(&self, setup: &Setup) -> Self::Client {
        KvClient::new(setup, false)
    }

    fn watch(&self, setup: &Setup) -> Self::Watch {
        invariants::Invariants::new(setup, Options::new(setup))
    }

    fn reconfigure(&self, cluster: Cluster, _: u64, random: &mut Random) -> Option<Operation> {
        Some(common::reconfigure(cluster, random))
    }
}
