//! Zab, ZooKeeper's atomic broadcast: a primary's changes, delivered everywhere in the order in which it made them,
//! also across changes of the primary, and a key-value store fed from them.
//!
//! Follows Junqueira, Reed and Serafini, "Zab: High-performance broadcast for primary-backup systems" (DSN 2011),
//! whose steps are cited as such; where ZooKeeper does otherwise, Medeiros, "ZooKeeper's atomic broadcast protocol:
//! Theory and practice" (2012), and ZooKeeper itself (Hunt et al., "ZooKeeper: Wait-free coordination for
//! Internet-scale systems", 2010). Where to find what: `election` (phase 0), `discovery` (phase 1),
//! `synchronisation` (phase 2), `broadcast` (phase 3), `connections` (who follows whom, and how long), `reads`,
//! `snapshots`.
//!
//! Where it deviates from the paper: phase 0 is ZooKeeper's fast leader election, by (epoch, zxid, number), and the
//! leader has to have the best history of its quorum instead of fetching it; it sends the difference to each
//! follower's history (DIFF, TRUNC, SNAP) instead of all of it. The channels, which the paper takes for granted, are
//! built on messages that get lost, doubled and reordered. From ZooKeeper: the counter of a zxid goes on from epoch to
//! epoch instead of beginning anew, so that it is a place in the history; COMMIT stands for everything up to a
//! zxid; a leader that hears of a later accepted epoch gives up at once; writes go to the leader, and are not
//! forwarded by followers; there are no observers, no ephemeral data, no reconfiguration.

mod about;
mod broadcast;
mod connections;
mod discovery;
mod election;
mod invariants;
mod message;
mod mutants;
mod reads;
mod snapshots;
mod synchronisation;

use super::common::{self, Ask, Command, Executed, Index, KvClient, Request, Result, Store, Waiting, answer, redirect};
use crate::node::{
    About, Algorithm, Barrier, Damage, Effects, Input, NodeId, Process, Promise, Quorum, Recovered, Setup, Timer,
};
use about::ABOUT;
use connections::{Following, Leading, Stage};
use election::Looking;
pub use message::Message;
use message::Vote;
use serde::{Deserialize, Serialize};
use snapshots::Snapshot;
use std::collections::BTreeSet;
use synchronisation::Late;

const MILLISECOND: u64 = 1_000_000;
/// The ends of a channel show that they are there so often, and servers that look for a leader tell how they vote.
const HEARTBEAT: u64 = 50 * MILLISECOND;
/// So many transactions go into one packet.
const BATCH: usize = 64;

/// The system.
pub struct Zab;

/// Counts primaries.
pub type Epoch = common::Term;
/// What is broadcast; its zxid is its epoch (`term`) and its counter (`index`).
pub type Txn = common::Entry<Payload>;
type Log = common::Log<Payload>;

/// Names a transaction, and orders it: by epoch, then by counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Zxid {
    pub epoch: Epoch,
    pub counter: Index,
}

/// What is broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    Command(Command),
    /// Nothing: reads wait for it.
    Sync,
}

impl common::Payload for Payload {}

/// What a server must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// No earlier epoch is followed any more.
    Accepted(Epoch),
    /// The history is that of this epoch: the leader's own.
    Current(Epoch),
    /// The history of this epoch: what is behind `after` is this.
    History { after: Zxid, txns: Vec<Txn>, epoch: Epoch },
    /// The next transaction.
    Txn(Txn),
    /// Everything up to its zxid.
    Snapshot(Box<Snapshot>),
}

type Out<'a> = Effects<'a, Message, Record>;

enum Phase {
    Looking(Looking),
    Following(Box<Following>),
    Leading(Box<Leading>),
}

/// A server.
pub struct Server {
    setup: Setup,
    options: Options,
    quorum: Quorum,
    /// The paper's f.p: no earlier epoch is followed any more.
    accepted: Epoch,
    /// The paper's f.a: the last epoch whose history it has.
    current: Epoch,
    /// The paper's h.f, from the snapshot on.
    log: Log,
    snapshot: Snapshot,
    commit: Index,
    applied: Index,
    store: Store,
    phase: Phase,
    /// Counts elections. It is not kept: whoever is behind catches up with the first notification.
    round: u64,
    /// The vote that won.
    decided: Vote,
    /// Everything up to this barrier is on disk.
    durable: Barrier,
    /// For a bug: history that is not written yet.
    late: Option<Late>,
    /// For a bug: what is missing when history is sent to others.
    uncached: BTreeSet<Index>,
    step: Step,
}

/// What the last step did, for the invariants.
#[derive(Debug, Default)]
struct Step {
    started: bool,
    /// The history changed from here on.
    changed_from: Option<Index>,
    executed: Vec<Executed>,
    established: bool,
    elected: bool,
}

impl Step {
    fn changed(&mut self, from: Index) {
        self.changed_from = Some(self.changed_from.map_or(from, |known| known.min(from)));
    }
}

#[derive(Clone, Copy, Debug)]
struct Options {
    local_reads: bool,
    snapshot_after: u64,
    piece: usize,
    most_uncommitted: usize,
}

impl Options {
    fn new(setup: &Setup) -> Self {
        let number = |name| setup.number(&ABOUT, name);
        Self {
            local_reads: setup.option(&ABOUT, "reads") == "local",
            snapshot_after: number("snapshot-after"),
            piece: number("piece") as usize,
            most_uncommitted: number("most-uncommitted") as usize,
        }
    }
}

/// The zxid at a counter, if it is known.
fn zxid(log: &Log, counter: Index) -> Option<Zxid> {
    log.term(counter).map(|epoch| Zxid { epoch, counter })
}

/// The zxid before the first transaction that is here.
fn base(log: &Log) -> Zxid {
    let (counter, epoch) = log.base();
    Zxid { epoch, counter }
}

/// The zxid of the last transaction.
fn last(log: &Log) -> Zxid {
    let (counter, epoch) = log.last();
    Zxid { epoch, counter }
}

impl Server {
    fn new(setup: &Setup) -> Self {
        let quorum = Quorum::new(setup.cluster.members());
        let vote = Vote { epoch: 0, last: Zxid::default(), leader: setup.me };
        Self {
            setup: setup.clone(),
            options: Options::new(setup),
            accepted: 0,
            current: 0,
            log: Log::new((0, 0), quorum.clone()),
            quorum,
            snapshot: Snapshot::default(),
            commit: 0,
            applied: 0,
            store: Store::default(),
            phase: Phase::Looking(Looking::new(vote)),
            round: 0,
            decided: vote,
            durable: Barrier(0),
            late: None,
            uncached: BTreeSet::new(),
            step: Step::default(),
        }
    }

    fn me(&self) -> NodeId {
        self.setup.me
    }

    fn peers(&self) -> impl Iterator<Item = NodeId> + use<> {
        let me = self.setup.me;
        self.setup.cluster.members().filter(move |peer| *peer != me)
    }

    fn last(&self) -> Zxid {
        last(&self.log)
    }

    /// Whether these are a quorum.
    fn enough(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        common::enough(&self.quorum, self.setup.has(&mutants::HALF_MAJORITY), agrees)
    }

    /// The greatest number that a quorum has reached.
    fn agreed(&self, reached: impl Fn(NodeId) -> u64) -> u64 {
        common::agreed(&self.quorum, self.setup.has(&mutants::HALF_MAJORITY), reached)
    }

    fn start(&mut self, found: Recovered<Record>, out: &mut Out<'_>) {
        if found.damage == Some(Damage::Corrupt) {
            return out.halt("the log is damaged");
        }
        for record in found.records {
            if !self.recover(record) {
                return out.halt("transactions are missing in the log");
            }
        }
        self.log.recovered();
        self.step.started = true;
        self.step.changed(self.log.base().0 + 1);
        self.look("it has just started", out);
    }

    /// Takes a record up; not, if what comes before it is missing.
    fn recover(&mut self, record: Record) -> bool {
        match record {
            Record::Accepted(epoch) => self.accepted = epoch,
            Record::Current(epoch) => self.current = epoch,
            Record::History { after, txns, epoch } => {
                if zxid(&self.log, after.counter) != Some(after) {
                    return false;
                }
                self.current = epoch;
                self.log.truncate(after.counter + 1);
                txns.into_iter().for_each(|txn| self.log.push(txn));
            }
            Record::Txn(txn) => {
                if zxid(&self.log, txn.index - 1).is_none() {
                    return false;
                }
                self.log.truncate(txn.index);
                self.log.push(txn);
            }
            Record::Snapshot(snapshot) => {
                let Zxid { epoch, counter } = snapshot.zxid;
                self.log = Log::new((counter, epoch), self.quorum.clone());
                (self.commit, self.applied) = (counter, counter);
                self.store = snapshot.store.clone();
                self.snapshot = *snapshot;
            }
        }
        true
    }

    fn message(&mut self, from: NodeId, message: Message, out: &mut Out<'_>) {
        match message {
            Message::Ask { ask, seen } => self.ask(from, ask, seen, out),
            Message::Notify { round, vote, state } => self.notified(from, round, vote, state, out),
            Message::Segment(segment) => self.segment(from, segment, out),
            Message::Closed { connection } => self.closed(from, connection, out),
            Message::Reply { .. } => {}
        }
    }

    /// A client asks for something.
    fn ask(&mut self, client: NodeId, ask: Ask, seen: Index, out: &mut Out<'_>) {
        let sequence = ask.sequence;
        let leads = match &self.phase {
            Phase::Looking(_) => Err(None),
            Phase::Following(following) => Err(Some(following.leader)),
            Phase::Leading(leading) => Ok(leading.stage == Stage::Broadcast),
        };
        match (ask.request, leads) {
            (Request::Read(key), _) if self.options.local_reads => {
                self.read_locally(client, sequence, &key, seen, out);
            }
            (_, Err(leader)) => redirect(client, sequence, leader, out),
            (_, Ok(false)) => answer(Waiting::new(client, sequence, out), Result::Busy, out),
            (Request::Read(key), _) => self.read(Waiting::new(client, sequence, out), key, out),
            (Request::Members(_) | Request::Transfer(_), _) => {
                answer(Waiting::new(client, sequence, out), Result::Refused, out);
            }
            (request, _) => self.propose_command(Waiting::new(client, sequence, out), request, out),
        }
    }

    /// Something is on disk.
    fn saved(&mut self, barrier: Barrier, out: &mut Out<'_>) {
        self.durable = self.durable.max(barrier);
        self.log.passed(barrier);
        self.write_late(false, out);
        self.accepted_itself(out);
        self.check_synchronised(out);
        self.advance_commit(out);
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
            Input::Timer(Timer { name: "election", .. }) => self.notify_all(out),
            Input::Timer(Timer { name: "decide", .. }) => self.finalize(out),
            Input::Timer(Timer { name: "heartbeat", .. }) => self.heartbeat(out),
            Input::Durable(barrier) => self.saved(barrier, out),
            Input::DiskFailed(_) => out.halt("the disk failed"),
            Input::Timer(_) | Input::Invoke(_) | Input::Read { .. } => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        common::KvMessage::name(message)
    }
}

impl Algorithm for Zab {
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
        KvClient::new(setup, Options::new(setup).local_reads)
    }

    fn watch(&self, setup: &Setup) -> Self::Watch {
        invariants::Invariants::new(setup, Options::new(setup).most_uncommitted)
    }

    fn promise(&self, options: &[(String, String)]) -> Option<Promise> {
        let reads = options.iter().rev().find(|(name, _)| name == "reads");
        let local = reads.is_some_and(|(_, value)| value == "local");
        if local { Some(Promise { model: "kv", property: "sequential" }) } else { ABOUT.promise }
    }
}
