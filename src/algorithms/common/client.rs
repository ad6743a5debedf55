//! The client of a replicated key-value store: it looks for the leader, tries again under the same number,
//! and says honestly when it does not know what became of a request.

use super::kv::{Command, Datum, Write};
use crate::node::{Effects, Input, NodeId, Operation, Outcome, Process, Setup, Timer};
use causet_checkers::history::Value;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::marker::PhantomData;

const MILLISECOND: u64 = 1_000_000;
/// An attempt is given up for another server after this.
const ATTEMPT: u64 = 200 * MILLISECOND;
/// How long it waits where nobody knows the leader, or the leader is busy.
const PAUSE: u64 = 20 * MILLISECOND;
/// An operation is given up after this.
const PATIENCE: u64 = 4000 * MILLISECOND;
/// How often it asks any server although it knows the leader.
const ANYBODY: f64 = 0.1;
const TIMER: Timer = Timer::new("attempt");

/// A request. A client that tries again does so under the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    pub sequence: u64,
    pub request: Request,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    Read(String),
    Write(String, Write),
    /// The administrator's: these shall be the voters.
    Members(Vec<NodeId>),
    /// The administrator's: this server shall lead.
    Transfer(NodeId),
}

/// An answer to the request of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub sequence: u64,
    pub result: Result,
}

/// What a server says to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Result {
    Done(Datum),
    /// Ask the leader: that one, if it is known here.
    Redirect(Option<NodeId>),
    /// Not now.
    Busy,
    /// Never: it has not been done and will not be.
    Refused,
}

/// The messages of a system with this client.
pub trait KvMessage: Serialize + DeserializeOwned + Clone + Debug + Send + 'static {
    /// A request of a client that has seen so much of the state, where that matters.
    fn ask(ask: Ask, seen: u64) -> Self;
    fn reply(reply: Reply) -> Self;
    /// The reply, and how much of the state the client has seen with it.
    fn into_reply(self) -> Option<(Reply, u64)>;
    fn name(&self) -> &'static str;
}

/// The client.
pub struct KvClient<M, R> {
    setup: Setup,
    /// Reads go to any server.
    spread: bool,
    leader: Option<NodeId>,
    /// How much of the state it has seen, where that matters.
    seen: u64,
    asked: NodeId,
    sequence: u64,
    request: Option<Request>,
    since: u64,
    /// The timer stands for a pause, and the server that was asked did answer.
    pausing: bool,
    of: PhantomData<fn() -> (M, R)>,
}

impl<M: KvMessage, R: Serialize + DeserializeOwned + Clone + Debug + Send + 'static> KvClient<M, R> {
    /// A client; with `spread`, one that reads from any server.
    pub fn new(setup: &Setup, spread: bool) -> Self {
        Self {
            setup: setup.clone(),
            spread,
            leader: None,
            seen: 0,
            asked: NodeId(0),
            sequence: 0,
            request: None,
            since: 0,
            pausing: false,
            of: PhantomData,
        }
    }

    fn attempt(&mut self, out: &mut Effects<'_, M, R>) {
        let Some(request) = self.request.clone() else { return };
        let anywhere = self.spread && matches!(request, Request::Read(_));
        let random = NodeId(out.random().below(self.setup.cluster.servers.into()) as u16);
        // Now and then it asks anybody, as clients do that have just started: whoever leads wrongly shows sooner.
        let anywhere = anywhere || out.random().chance(ANYBODY);
        let server = self.leader.filter(|_| !anywhere).unwrap_or(random);
        self.asked = server;
        self.pausing = false;
        out.attempt(server);
        out.send(server, M::ask(Ask { sequence: self.sequence, request }, self.seen));
        out.set_timer(TIMER, ATTEMPT);
    }

    fn reply(&mut self, result: Result, out: &mut Effects<'_, M, R>) {
        match result {
            Result::Done(datum) => self.complete(Outcome::Ok(datum.to_value()), out),
            Result::Refused => self.complete(Outcome::Fail, out),
            Result::Redirect(Some(leader)) if leader != self.asked && !self.pausing => {
                self.leader = Some(leader);
                self.attempt(out);
            }
            Result::Redirect(_) => {
                self.leader = None;
                self.pause(out);
            }
            Result::Busy => self.pause(out),
        }
    }

    fn pause(&mut self, out: &mut Effects<'_, M, R>) {
        self.pausing = true;
        out.set_timer(TIMER, PAUSE);
    }

    fn complete(&mut self, outcome: Outcome, out: &mut Effects<'_, M, R>) {
        self.request = None;
        out.cancel_timer(TIMER);
        out.complete(outcome);
    }

    fn timer(&mut self, out: &mut Effects<'_, M, R>) {
        if !self.pausing {
            self.leader = None;
        }
        if out.elapsed() < self.since + PATIENCE {
            return self.attempt(out);
        }
        // Who only read has done nothing; a write may be done yet, by whoever has it in its log.
        let read = matches!(self.request, Some(Request::Read(_)));
        self.complete(if read { Outcome::Fail } else { Outcome::Unknown }, out);
    }
}

impl<M: KvMessage, R: Serialize + DeserializeOwned + Clone + Debug + Send + 'static> Process for KvClient<M, R> {
    type Message = M;
    type Record = R;

    fn step(&mut self, input: Input<M, R>, out: &mut Effects<'_, M, R>) {
        match input {
            Input::Invoke(operation) => match request(&operation) {
                Some(request) => {
                    self.sequence += 1;
                    self.request = Some(request);
                    self.since = out.elapsed();
                    self.attempt(out);
                }
                None => out.complete(Outcome::Fail),
            },
            Input::Message { from, message } => {
                let reply = message.into_reply().filter(|(reply, _)| reply.sequence == self.sequence);
                if let Some((reply, position)) = reply.filter(|_| self.request.is_some()) {
                    // A late word of one asked before is good only if it settles the matter.
                    if from == self.asked || matches!(reply.result, Result::Done(_)) {
                        self.seen = self.seen.max(position);
                        if matches!(reply.result, Result::Done(_)) && !self.spread {
                            self.leader = Some(from);
                        }
                        self.reply(reply.result, out);
                    }
                }
            }
            Input::Timer(_) => self.timer(out),
            _ => {}
        }
    }

    fn message_name(message: &M) -> &'static str {
        message.name()
    }
}

/// What an operation asks for, if a store can do it.
fn request(operation: &Operation) -> Option<Request> {
    let key = || operation.key.as_ref().map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned));
    let write = |write| key().map(|key| Request::Write(key, write));
    let server = |value: &Value| value.as_int().map(|number| NodeId(number as u16));
    match operation.function {
        "get" => key().map(Request::Read),
        "put" => write(Write::Put(Datum::of(&operation.input))),
        "append" => write(Write::Append(operation.input.as_str().unwrap_or_default().to_owned())),
        "delete" => write(Write::Delete),
        "cas" => {
            let (old, new) = operation.input.as_pair()?;
            write(Write::Cas(Datum::of(old), Datum::of(new)))
        }
        "members" => operation.input.as_list()?.iter().map(server).collect::<Option<_>>().map(Request::Members),
        "transfer" => server(&operation.input).map(Request::Transfer),
        _ => None,
    }
}

impl Request {
    /// For spans and stories.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Write(..) => "write",
            Self::Members(_) => "change-members",
            Self::Transfer(_) => "transfer",
        }
    }

    /// The command of a write.
    pub fn command(self, client: NodeId, sequence: u64) -> Option<Command> {
        match self {
            Self::Write(key, write) => Some(Command { client: client.0, sequence, key, write }),
            _ => None,
        }
    }
}
