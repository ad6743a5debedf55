//! Raft: a log that a majority agrees upon, led by one server at a time, and a key-value store fed from it.
//!
//! Follows Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)"
//! (2014), cited as §, and Ongaro's thesis "Consensus: Bridging Theory and Practice" (2014), cited as T§.
//! Where to find what: `election` (§5.2, §5.4.1, pre-vote T§9.6, stickiness T§4.2.3), `replication` (§5.3,
//! the commit rule of §5.4.2), `apply` (the state machine, sessions T§6.3), `reads` (T§6.4), `snapshots`
//! (§7), `members` (§6, T§4, leadership transfer T§3.10); the log, which others have too, in `common`.
//!
//! Where it deviates: servers that join catch up as learners before the configuration changes, without the
//! rounds of T§4.2.1; a leader sends entries before it has them on disk itself, and counts itself only when
//! they are (T§10.2.1); a leader that a quorum has not answered for two election timeouts steps down (T§6.2);
//! sessions begin with a client's first request and do not expire; the lease is measured from when a round
//! of heartbeats was sent, and divided by the greatest ratio of two clocks' rates that is allowed for.

mod about;
mod apply;
mod election;
mod invariants;
mod members;
mod message;
mod mutants;
mod reads;
mod replication;
mod snapshots;
#[cfg(test)]
mod tests;

use super::common::{
    self, Ask, Command, Executed, Incoming, Index, KvClient, KvMessage, Request, Result, Store, Term, Waiting, redirect,
};
use crate::node::{
    About, Algorithm, Barrier, Cluster, Damage, Effects, Input, NodeId, Operation, Process, Quorum, Random, Recovered,
    Setup, Timer,
};
use about::ABOUT;
pub use message::Message;
use reads::{Asked, Reader};
use replication::Leader;
use serde::{Deserialize, Serialize};
use snapshots::Snapshot;
use std::collections::{BTreeMap, BTreeSet};

const MILLISECOND: u64 = 1_000_000;
/// A leader is heard of at least so often.
const HEARTBEAT: u64 = 50 * MILLISECOND;
/// A follower that hears nothing for between this and twice this stands for election; and nobody votes
/// within this after hearing from a leader.
const ELECTION: u64 = 150 * MILLISECOND;

/// The system.
pub struct Raft;

/// A place in the log and what is in it.
pub type Entry = common::Entry<Payload>;
type Log = common::Log<Payload>;

/// What is agreed upon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// A new leader's first entry, with which it learns what is committed.
    Noop,
    Command(Command),
    Members(Quorum),
}

impl common::Payload for Payload {
    fn config(&self) -> Option<&Quorum> {
        if let Self::Members(config) = self { Some(config) } else { None }
    }
}

/// What a server must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    Vote {
        term: Term,
        voted_for: Option<NodeId>,
    },
    /// These, in the place of whatever was there from the first of them on.
    Entries(Vec<Entry>),
    /// Everything up to its index.
    Snapshot(Box<Snapshot>),
}

type Out<'a> = Effects<'a, Message, Record>;

enum Role {
    Follower,
    /// Asks whether an election would be won.
    PreCandidate(BTreeSet<NodeId>),
    Candidate(BTreeSet<NodeId>),
    Leader(Box<Leader>),
}

/// A server.
pub struct Server {
    setup: Setup,
    options: Options,
    term: Term,
    voted_for: Option<NodeId>,
    /// With this, both are on disk.
    vote_saved: Barrier,
    log: Log,
    snapshot: Snapshot,
    commit: Index,
    applied: Index,
    store: Store,
    role: Role,
    leader: Option<NodeId>,
    /// When it heard from a leader, or started: nobody votes soon after that.
    heard: u64,
    /// A snapshot of which not everything is here: from whom, in which term, of which index.
    incoming: Incoming<(NodeId, Term, Index)>,
    /// Reads for which the leader was asked.
    asked: BTreeMap<u64, Asked>,
    /// Reads that wait for an index to be applied.
    ready: Vec<(Index, Reader)>,
    step: Step,
}

/// What the last step did, for the invariants.
#[derive(Debug, Default)]
struct Step {
    started: bool,
    appended_from: Option<Index>,
    executed: Vec<Executed>,
    elected: bool,
    /// A follower said, in so many words or by an installed snapshot, how much it has.
    acknowledged: Option<NodeId>,
    /// A client's read arrived: whose, and its number.
    asked: Option<(u16, u64)>,
    /// Reads that were answered from the store as of an index.
    answered: Vec<(u16, u64, Index)>,
}

/// How clients read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    ReadIndex,
    Lease,
    Follower,
}

#[derive(Clone, Copy, Debug)]
struct Options {
    reads: Reads,
    lease: u64,
    joint: bool,
    snapshot_after: u64,
    piece: usize,
    most_uncommitted: usize,
}

impl Options {
    fn new(setup: &Setup) -> Self {
        let number = |name| setup.number(&ABOUT, name);
        Self {
            reads: match setup.option(&ABOUT, "reads").as_str() {
                "lease" => Reads::Lease,
                "follower" => Reads::Follower,
                _ => Reads::ReadIndex,
            },
            lease: common::lease(setup, &ABOUT, ELECTION, setup.has(&mutants::LEASE_NO_MARGIN)),
            joint: setup.option(&ABOUT, "membership") != "single",
            snapshot_after: number("snapshot-after"),
            piece: number("piece") as usize,
            most_uncommitted: number("most-uncommitted") as usize,
        }
    }
}

impl Server {
    fn new(setup: &Setup) -> Self {
        let config = Quorum::new(setup.cluster.members());
        Self {
            setup: setup.clone(),
            options: Options::new(setup),
            term: 0,
            voted_for: None,
            vote_saved: Barrier(0),
            log: Log::new((0, 0), config.clone()),
            snapshot: Snapshot { index: 0, term: 0, config, store: Store::default() },
            commit: 0,
            applied: 0,
            store: Store::default(),
            role: Role::Follower,
            leader: None,
            heard: 0,
            incoming: Incoming::default(),
            asked: BTreeMap::new(),
            ready: Vec::new(),
            step: Step::default(),
        }
    }

    fn me(&self) -> NodeId {
        self.setup.me
    }

    /// The configuration in force: a server uses the latest in its log, committed or not (§6).
    fn config(&self) -> &Quorum {
        if self.setup.has(&mutants::CONFIG_AT_COMMIT) { self.log.config_at(self.commit) } else { self.log.config().1 }
    }

    /// Whether these are a quorum.
    fn enough(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        common::enough(self.config(), self.setup.has(&mutants::HALF_MAJORITY), agrees)
    }

    /// The greatest number that a quorum has reached.
    fn agreed(&self, reached: impl Fn(NodeId) -> u64) -> u64 {
        common::agreed(self.config(), self.setup.has(&mutants::HALF_MAJORITY), reached)
    }

    /// Writes down the term and the vote.
    fn save_vote(&mut self, out: &mut Out<'_>) {
        let voted_for = self.voted_for.filter(|_| !self.setup.has(&mutants::VOTE_NOT_PERSISTED));
        self.vote_saved = out.persist(vec![Record::Vote { term: self.term, voted_for }]);
    }

    /// Tells a server something as soon as everything that was written so far is on disk.
    fn tell(&self, to: NodeId, message: Message, out: &mut Out<'_>) {
        out.send_after(out.last_barrier(), to, message);
    }

    fn start(&mut self, found: Recovered<Record>, out: &mut Out<'_>) {
        if found.damage == Some(Damage::Corrupt) {
            return out.halt("the log is damaged");
        }
        for record in found.records {
            match record {
                Record::Vote { term, voted_for } => (self.term, self.voted_for) = (term, voted_for),
                Record::Snapshot(snapshot) => {
                    self.log = Log::new((snapshot.index, snapshot.term), snapshot.config.clone());
                    (self.commit, self.applied) = (snapshot.index, snapshot.index);
                    self.store = snapshot.store.clone();
                    self.snapshot = *snapshot;
                }
                Record::Entries(entries) => {
                    for entry in entries {
                        if entry.index <= self.log.last().0 {
                            self.log.truncate(entry.index);
                        } else if entry.index > self.log.last().0 + 1 {
                            return out.halt("entries are missing in the log");
                        }
                        self.log.push(entry);
                    }
                }
            }
        }
        self.log.recovered();
        self.step.started = true;
        self.step.appended_from = Some(self.log.base().0 + 1);
        self.heard = out.elapsed();
        self.await_election(out);
    }

    fn message(&mut self, from: NodeId, message: Message, out: &mut Out<'_>) {
        if let Some(term) = message.term() {
            if term > self.term && !self.higher_term(from, term, &message, out) {
                return;
            }
            if term < self.term && !self.lower_term(from, &message, out) {
                return;
            }
        }
        match message {
            Message::Ask(ask) => self.ask(from, ask, out),
            Message::PreVote { term, last } => self.pre_vote(from, term, last, out),
            Message::PreVoted { term, granted } => self.pre_voted(from, granted && term == self.term + 1, out),
            Message::Vote { last, transfer, .. } => self.vote(from, last, transfer, out),
            Message::Voted { granted, .. } => self.voted(from, granted, out),
            Message::Heartbeat { commit, round, .. } => {
                self.follow(from, out);
                self.heard_beat(from, commit, round, out);
            }
            Message::Heartbeaten { round, .. } => self.heartbeaten(from, round, out),
            Message::Append { prev, entries, commit, .. } => {
                self.follow(from, out);
                self.append(from, prev, entries, commit, out);
            }
            Message::Appended { matched, .. } => self.appended(from, matched, out),
            Message::Rejected { prev, hint, .. } => self.rejected(from, prev, hint, out),
            Message::Install { piece, .. } => {
                self.follow(from, out);
                self.install(from, &piece, out);
            }
            Message::Installed { index, received, done, .. } => self.installed(from, index, received, done, out),
            Message::ReadIndex { id, .. } => self.read(Reader::Follower(from, id), out),
            Message::ReadIndexed { id, index, .. } => self.read_indexed(id, index, out),
            Message::TimeoutNow { .. } => self.timeout_now(out),
            Message::Reply(_) => {}
        }
    }

    /// A message of a later term: whoever sees one falls in line. Whether the message counts.
    fn higher_term(&mut self, from: NodeId, term: Term, message: &Message, out: &mut Out<'_>) -> bool {
        match message {
            // Not a term that has begun.
            Message::PreVote { .. } | Message::PreVoted { granted: true, .. } => true,
            // Somebody stands for election although there is a leader: one who lost touch, or was removed.
            Message::Vote { transfer: false, .. } if self.is_sticky(out) => false,
            Message::Heartbeat { .. } | Message::Append { .. } | Message::Install { .. } => {
                self.become_follower(term, Some(from), out);
                true
            }
            _ => {
                self.become_follower(term, None, out);
                true
            }
        }
    }

    /// A message of an earlier term: who asks is told of the present one, answers come too late. Whether
    /// the message counts.
    fn lower_term(&mut self, from: NodeId, message: &Message, out: &mut Out<'_>) -> bool {
        let term = self.term;
        match *message {
            Message::PreVote { .. } => self.tell(from, Message::PreVoted { term, granted: false }, out),
            Message::Vote { .. } => self.tell(from, Message::Voted { term, granted: false }, out),
            Message::Heartbeat { round, .. } => self.tell(from, Message::Heartbeaten { term, round }, out),
            Message::Append { prev, .. } => {
                self.tell(from, Message::Rejected { term, prev: prev.0, hint: 0 }, out);
            }
            Message::Install { ref piece, .. } => {
                self.tell(from, Message::Installed { term, index: piece.of, received: 0, done: false }, out);
            }
            Message::Voted { .. } => return self.setup.has(&mutants::STALE_VOTE_COUNTED),
            Message::Appended { .. } => return self.setup.has(&mutants::STALE_APPEND_COUNTED),
            _ => {}
        }
        false
    }

    /// A client asks for something.
    fn ask(&mut self, client: NodeId, ask: Ask, out: &mut Out<'_>) {
        let here = matches!(self.role, Role::Leader(_));
        let anywhere = self.setup.has(&mutants::FOLLOWER_READ) || self.options.reads == Reads::Follower;
        let waiting = |out: &mut Out<'_>| Waiting::new(client, ask.sequence, out);
        match ask.request {
            Request::Read(key) if here || anywhere => {
                self.step.asked = Some((client.0, ask.sequence));
                self.read(Reader::Client(waiting(out), key), out);
            }
            Request::Members(members) if here => self.change_members(waiting(out), members, out),
            Request::Transfer(to) if here => self.transfer(waiting(out), to, out),
            request if here => self.propose_command(waiting(out), request, out),
            _ => redirect(client, ask.sequence, self.leader.filter(|leader| *leader != self.setup.me), out),
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
            Input::Timer(Timer { name: "transfer", .. }) => self.end_transfer(),
            Input::Durable(barrier) => {
                self.log.passed(barrier);
                self.advance_commit(out);
            }
            Input::DiskFailed(_) => out.halt("the disk failed"),
            Input::Timer(_) | Input::Invoke(_) | Input::Read { .. } => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        message.name()
    }
}

impl Algorithm for Raft {
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
        let spread = setup.has(&mutants::FOLLOWER_READ) || Options::new(setup).reads == Reads::Follower;
        KvClient::new(setup, spread)
    }

    fn watch(&self, setup: &Setup) -> Self::Watch {
        invariants::Invariants::new(Options::new(setup).most_uncommitted)
    }

    fn reconfigure(&self, cluster: Cluster, _: u64, random: &mut Random) -> Option<Operation> {
        Some(common::reconfigure(cluster, random))
    }
}
