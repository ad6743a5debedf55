//! Causal broadcast: nobody hears an answer before the question. The small example to learn from.
//!
//! Follows Birman, Schiper and Stephenson, "Lightweight Causal and Atomic Group Multicast" (1991), on the
//! clocks of Lamport (1978), Fidge (1988) and Mattern (1989). A message carries, for each server, how many of
//! its messages the sender had delivered; it is delivered where that many have been.
//!
//! Where it deviates: links lose messages, so that each is sent again until all have acknowledged it; and
//! servers crash, so that messages and deliveries are on disk before anybody hears of them.
//!
//! The logical clocks themselves are kept by whatever runs a node ([`crate::node::Clocks`]), for every
//! system alike; three of the known bugs here are in them.

mod invariants;
mod mutants;

use super::common::TOLERATED;
use crate::node::{
    About, Algorithm, ClockRules, Damage, Draw, Effects, Input, Mutant, NodeId, Operation, Outcome, Process, Setup,
    Timer, Workload,
};
use crate::registry::Entry;
use causet_checkers::history::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What has not been acknowledged is sent again after this.
const AGAIN: u64 = 50_000_000;
/// A client gives up after this.
const PATIENCE: u64 = 1_000_000_000;

/// The system.
pub struct Causal;

/// By server: how many of its messages.
pub type Vector = BTreeMap<NodeId, u64>;

/// What nodes tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A client has something to say to everybody.
    Say { request: u64, text: i64 },
    /// It is on its way.
    Said { request: u64 },
    /// The sender's message of this number, and what it had delivered before.
    Broadcast { number: u64, after: Vector, text: i64 },
    /// So many messages of the receiver's have been delivered here.
    Delivered { number: u64 },
}

/// What a server must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    Sent { after: Vector, text: i64 },
    Delivered { from: NodeId },
}

type Out<'a> = Effects<'a, Message, Record>;

/// A server.
pub struct Server {
    setup: Setup,
    delivered: Vector,
    /// Its own messages, from number 1.
    sent: Vec<(Vector, i64)>,
    /// By peer: how many of them it has delivered.
    acknowledged: Vector,
    /// What arrived too early.
    early: BTreeMap<(NodeId, u64), (Vector, i64)>,
    step: Step,
}

/// What the last step did, for the invariants.
#[derive(Debug, Default)]
struct Step {
    started: bool,
    /// Whose message, its number, and what comes before it.
    delivered: Vec<(NodeId, u64, Vector)>,
}

impl Server {
    fn new(setup: &Setup) -> Self {
        Self {
            setup: setup.clone(),
            delivered: Vector::new(),
            sent: Vec::new(),
            acknowledged: Vector::new(),
            early: BTreeMap::new(),
            step: Step::default(),
        }
    }

    fn count(&self, of: NodeId) -> u64 {
        self.delivered.get(&of).copied().unwrap_or(0)
    }

    /// Its own message is delivered at once, and sent to the others as soon as it is on disk.
    fn say(&mut self, client: NodeId, request: u64, text: i64, out: &mut Out<'_>) {
        let me = self.setup.me;
        let after = self.delivered.clone();
        self.sent.push((after.clone(), text));
        let number = self.sent.len() as u64;
        self.deliver(me, number, &after, out);
        let barrier = out.persist(vec![Record::Sent { after: after.clone(), text }]);
        for peer in self.setup.cluster.members().filter(|peer| *peer != me) {
            out.send_after(barrier, peer, Message::Broadcast { number, after: after.clone(), text });
        }
        out.send_after(barrier, client, Message::Said { request });
    }

    fn deliver(&mut self, from: NodeId, number: u64, after: &Vector, out: &mut Out<'_>) {
        self.delivered.insert(from, number);
        self.step.delivered.push((from, number, after.clone()));
        out.note("deliver", [("from", from.into()), ("number", number.into())]);
    }

    /// A message is delivered when it is the sender's next, and everything was that the sender had delivered.
    fn may_deliver(&self, from: NodeId, number: u64, after: &Vector) -> bool {
        if self.setup.has(&mutants::DELIVER_ON_RECEIPT) {
            return number == self.count(from) + 1;
        }
        number == self.count(from) + 1 && after.iter().all(|(node, count)| self.count(*node) >= *count)
    }

    fn receive(&mut self, from: NodeId, number: u64, message: (Vector, i64), out: &mut Out<'_>) {
        if number > self.count(from) {
            self.early.insert((from, number), message);
        }
        let mut records = Vec::new();
        loop {
            let ready = self.early.iter().find(|((from, number), (after, _))| self.may_deliver(*from, *number, after));
            let Some((&(sender, number), _)) = ready else { break };
            if let Some((after, _)) = self.early.remove(&(sender, number)) {
                self.deliver(sender, number, &after, out);
                records.push(Record::Delivered { from: sender });
            }
        }
        if !records.is_empty() {
            out.persist(records);
        }
        let number = self.count(from);
        out.send_after(out.last_barrier(), from, Message::Delivered { number });
    }

    /// Sends each peer what it has not acknowledged, a little at a time.
    fn again(&mut self, out: &mut Out<'_>) {
        for peer in self.setup.cluster.members().filter(|peer| *peer != self.setup.me) {
            let has = self.acknowledged.get(&peer).copied().unwrap_or(0) as usize;
            for (at, (after, text)) in self.sent.iter().enumerate().skip(has).take(8) {
                let message = Message::Broadcast { number: at as u64 + 1, after: after.clone(), text: *text };
                out.send_after(out.last_barrier(), peer, message);
            }
        }
        out.set_timer(Timer::new("again"), AGAIN);
    }
}

impl Process for Server {
    type Message = Message;
    type Record = Record;

    fn step(&mut self, input: Input<Message, Record>, out: &mut Out<'_>) {
        self.step = Step::default();
        match input {
            Input::Start(found) if found.damage == Some(Damage::Corrupt) => out.halt("the log is damaged"),
            Input::Start(found) => {
                for record in found.records {
                    let from = match record {
                        Record::Sent { after, text } => {
                            self.sent.push((after, text));
                            self.setup.me
                        }
                        Record::Delivered { from } => from,
                    };
                    *self.delivered.entry(from).or_default() += 1;
                }
                self.step.started = true;
                self.again(out);
            }
            Input::Message { from, message } => match message {
                Message::Say { request, text } => self.say(from, request, text, out),
                Message::Broadcast { number, after, text } => self.receive(from, number, (after, text), out),
                Message::Delivered { number } => {
                    let known = self.acknowledged.entry(from).or_default();
                    *known = number.max(*known);
                }
                Message::Said { .. } => {}
            },
            Input::Timer(_) => self.again(out),
            Input::DiskFailed(_) => out.halt("the disk failed"),
            Input::Invoke(_) | Input::Durable(_) | Input::Read { .. } => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        match message {
            Message::Say { .. } => "say",
            Message::Said { .. } => "said",
            Message::Broadcast { .. } => "broadcast",
            Message::Delivered { .. } => "delivered",
        }
    }
}

/// A client: it asks one server, once.
#[derive(Default)]
pub struct Client {
    servers: u16,
    request: u64,
    busy: bool,
}

impl Process for Client {
    type Message = Message;
    type Record = Record;

    fn step(&mut self, input: Input<Message, Record>, out: &mut Out<'_>) {
        match input {
            Input::Invoke(operation) => {
                self.request += 1;
                self.busy = true;
                let server = NodeId(out.random().below(self.servers.into()) as u16);
                out.attempt(server);
                let text = operation.input.as_int().unwrap_or(0);
                out.send(server, Message::Say { request: self.request, text });
                out.set_timer(Timer::new("patience"), PATIENCE);
            }
            Input::Message { message: Message::Said { request }, .. } if request == self.request && self.busy => {
                self.busy = false;
                out.cancel_timer(Timer::new("patience"));
                out.complete(Outcome::Ok(Value::Nil));
            }
            Input::Timer(_) if self.busy => {
                self.busy = false;
                out.complete(Outcome::Unknown);
            }
            _ => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        Server::message_name(message)
    }
}

impl Algorithm for Causal {
    type Server = Server;
    type Client = Client;
    type Watch = invariants::Invariants;

    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn server(&self, setup: &Setup) -> Server {
        Server::new(setup)
    }

    fn client(&self, setup: &Setup) -> Client {
        Client { servers: setup.cluster.members, ..Client::default() }
    }

    fn watch(&self, _: &Setup) -> Self::Watch {
        invariants::Invariants::default()
    }

    fn clock_rules(&self, mutant: Option<&'static Mutant>) -> ClockRules {
        let is = |known: &'static Mutant| mutant.is_some_and(|mutant| std::ptr::eq(mutant, known));
        ClockRules {
            merge_vector: !is(&mutants::VECTOR_NOT_MERGED),
            lamport_max: !is(&mutants::LAMPORT_NOT_MAX),
            persist: !is(&mutants::CLOCK_NOT_PERSISTED),
        }
    }
}

fn next(draw: &mut Draw<'_>) -> Operation {
    Operation { function: "broadcast", key: None, input: Value::Int(draw.unique as i64) }
}

static ABOUT: About = About {
    entry: Entry {
        id: "clocks",
        summary: "Lamport and vector clocks, and causal broadcast: nobody hears an answer before the question",
        documentation: include_str!("clocks.md"),
        example: "causet simulate clocks --faults delay,reorder",
    },
    paper: "Birman, Schiper, Stephenson, Lightweight Causal and Atomic Group Multicast (1991); Lamport (1978); \
            Fidge (1988); Mattern (1989)",
    servers: 4,
    promise: None,
    options: &[],
    workloads: &[Workload { id: "talk", summary: "everybody tells everybody something", next }],
    invariants: invariants::ALL,
    mutants: mutants::ALL,
    tolerates: TOLERATED,
    triggers: &["deliver"],
    settles: &[],
    milestones: &[],
};
