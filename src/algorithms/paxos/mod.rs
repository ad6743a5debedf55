//! Basic Paxos: one value for each key, for ever.
//!
//! Follows Lamport, "Paxos Made Simple" (2001). Every server is proposer, acceptor and learner: a client's
//! request makes a server propose ([`proposer`]); acceptors promise and accept ([`acceptor`]); whoever knows
//! that a value was chosen tells everybody.
//!
//! Where it deviates: there is an instance for each key, all with the same members. A *learn* is a proposal
//! without a value of its own: it runs phase 1, and phase 2 with whatever it finds; if a majority has accepted
//! nothing, then nothing is chosen, and that is the answer. Accepted messages go to the proposer only,
//! and it tells the learners (the "distinguished learner" of §2.3).

mod acceptor;
mod client;
mod invariants;
mod mutants;
mod proposer;

use super::common::{Ballot, TOLERATED};
use crate::node::{
    About, Algorithm, Draw, Effects, Input, NodeId, Operation, Process, Promise, Quorum, Setup, Timer, Workload,
};
use crate::registry::Entry;
use acceptor::Acceptor;
use causet_checkers::history::Value;
use client::Client;
use invariants::Invariants;
use proposer::Proposer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The system.
pub struct Paxos;

/// What is decided upon.
pub type Choice = i64;

/// Names an instance.
pub type Key = u64;

/// What nodes tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A client proposes a value, or (with none) wants to know which was chosen.
    Request { request: u64, key: Key, value: Option<Choice> },
    /// The value that was chosen; none if none was.
    Reply { request: u64, chosen: Option<Choice> },
    /// Phase 1a.
    Prepare { key: Key, ballot: Ballot },
    /// Phase 1b: nothing below the ballot will be accepted any more; this was, before.
    Promised { key: Key, ballot: Ballot, accepted: Option<(Ballot, Choice)> },
    /// Phase 2a.
    Accept { key: Key, ballot: Ballot, value: Choice },
    /// Phase 2b.
    Accepted { key: Key, ballot: Ballot },
    /// A higher ballot was promised.
    Refused { key: Key, ballot: Ballot, promised: Ballot },
    /// To learners.
    Chosen { key: Key, value: Choice },
}

/// What a server must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The proposer used this round.
    Round(u64),
    /// The acceptor promised.
    Promised { key: Key, ballot: Ballot },
    /// The acceptor accepted.
    Accepted { key: Key, ballot: Ballot, value: Choice },
}

type Out<'a> = Effects<'a, Message, Record>;

/// A server: all three roles.
pub struct Server {
    setup: Setup,
    quorum: Quorum,
    acceptor: Acceptor,
    proposer: Proposer,
    /// The learner: what was chosen, as far as is known here.
    chosen: BTreeMap<Key, Choice>,
    /// The key that the last step was about, for the invariants.
    touched: Option<Key>,
    /// The promise that the last step took, for the invariants.
    promise: Option<(NodeId, Key, Ballot)>,
}

impl Server {
    fn new(setup: &Setup) -> Self {
        let quorum = Quorum::new(setup.cluster.members());
        Self {
            acceptor: Acceptor::new(setup),
            proposer: Proposer::new(setup, quorum.clone()),
            setup: setup.clone(),
            quorum,
            chosen: BTreeMap::new(),
            touched: None,
            promise: None,
        }
    }

    /// A value was chosen: tell whoever waits for it, and everybody else.
    fn learn(&mut self, key: Key, value: Choice, tell: bool, out: &mut Out<'_>) {
        self.touched = Some(key);
        if self.chosen.insert(key, value).is_none() {
            out.note("chosen", [("key", key.into()), ("value", (value as u64).into())]);
        }
        self.proposer.decided(key, value, out);
        if tell {
            for peer in self.quorum.members().filter(|peer| *peer != self.setup.me) {
                out.send(peer, Message::Chosen { key, value });
            }
        }
    }

    fn message(&mut self, from: NodeId, message: Message, out: &mut Out<'_>) {
        match message {
            Message::Request { request, key, value } => match self.chosen.get(&key) {
                Some(chosen) => out.send(from, Message::Reply { request, chosen: Some(*chosen) }),
                None => self.proposer.request(key, (from, request, value), out),
            },
            Message::Prepare { key, ballot } => self.acceptor.prepare(from, key, ballot, out),
            Message::Accept { key, ballot, value } => self.acceptor.accept(from, key, ballot, value, out),
            Message::Promised { key, ballot, accepted } => {
                self.promise = Some((from, key, ballot));
                self.proposer.promised(from, key, ballot, accepted, out);
            }
            Message::Accepted { key, ballot } => {
                if let Some(value) = self.proposer.accepted(from, key, ballot) {
                    self.learn(key, value, true, out);
                }
            }
            Message::Refused { key, ballot, promised } => self.proposer.refused(key, ballot, promised, out),
            Message::Chosen { key, value } => self.learn(key, value, false, out),
            Message::Reply { .. } => {}
        }
    }
}

impl Process for Server {
    type Message = Message;
    type Record = Record;

    fn step(&mut self, input: Input<Message, Record>, out: &mut Out<'_>) {
        (self.touched, self.promise) = (None, None);
        match input {
            Input::Start(found) if found.damage == Some(crate::node::Damage::Corrupt) => {
                out.halt("the log is damaged");
            }
            Input::Start(found) => {
                for record in found.records {
                    self.acceptor.recover(&record);
                    self.proposer.recover(&record);
                }
            }
            Input::Message { from, message } => self.message(from, message, out),
            Input::Timer(Timer { key, .. }) => self.proposer.timer(key, out),
            Input::DiskFailed(_) => out.halt("the disk failed"),
            Input::Invoke(_) | Input::Durable(_) | Input::Read { .. } => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        match message {
            Message::Request { value: Some(_), .. } => "propose",
            Message::Request { value: None, .. } => "learn",
            Message::Reply { .. } => "reply",
            Message::Prepare { .. } => "prepare",
            Message::Promised { .. } => "promise",
            Message::Accept { .. } => "accept",
            Message::Accepted { .. } => "accepted",
            Message::Refused { .. } => "refused",
            Message::Chosen { .. } => "chosen",
        }
    }
}

impl Algorithm for Paxos {
    type Server = Server;
    type Client = Client;
    type Watch = Invariants;

    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn server(&self, setup: &Setup) -> Server {
        Server::new(setup)
    }

    fn client(&self, setup: &Setup) -> Client {
        Client::new(setup)
    }

    fn watch(&self, setup: &Setup) -> Invariants {
        Invariants::new(setup)
    }
}

/// Instances are used up: a dozen operations go to each key before the next is opened.
fn next(draw: &mut Draw<'_>) -> Operation {
    let key = draw.unique / 12 * 2 + draw.random.below(2);
    let key = Some(Value::str(&format!("k{key}")));
    if draw.random.chance(0.3) {
        Operation { function: "learn", key, input: Value::Nil }
    } else {
        Operation { function: "propose", key, input: Value::Int(draw.unique as i64) }
    }
}

static ABOUT: About = About {
    entry: Entry {
        id: "paxos",
        summary: "Basic Paxos: one value for each key, agreed upon by a majority, for ever",
        documentation: include_str!("paxos.md"),
        example: "causet simulate paxos --faults drop=0.3,crash",
    },
    paper: "Lamport, Paxos Made Simple (2001); The Part-Time Parliament (1998)",
    servers: 5,
    promise: Some(Promise { model: "consensus", property: "linearizable" }),
    options: &[],
    workloads: &[Workload { id: "duel", summary: "several clients propose for the same keys; some learn", next }],
    invariants: invariants::ALL,
    mutants: mutants::ALL,
    tolerates: TOLERATED,
    triggers: &["prepare", "promise", "accept", "chosen"],
    settles: &[],
    milestones: &["chosen"],
};
