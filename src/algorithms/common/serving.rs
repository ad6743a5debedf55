//! The servers' side of a replicated key-value store: who waits for an answer, which requests were performed
//! already, and that none is performed twice.

use super::client::{KvMessage, Reply, Request, Result};
use super::kv::{Applied, Command, Store};
use crate::node::{Broken, Cluster, Effects, NodeId, Operation, Random, SpanToken, broken};
use causet_checkers::history::Value;
use std::collections::BTreeMap;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub client: NodeId,
    pub sequence: u64,
    pub span: SpanToken,
}

impl Waiting {
    /// A client that waits from now on; the span of this step stays open until it is answered.
    pub fn new<M, R>(client: NodeId, sequence: u64, out: &mut Effects<'_, M, R>) -> Self {
        Self { client, sequence, span: out.keep() }
    }
}

/// Answers a client, in the span of its request.
pub fn answer<M: KvMessage, R>(waiting: Waiting, result: Result, out: &mut Effects<'_, M, R>) {
    out.resume(waiting.span);
    out.send(waiting.client, M::reply(Reply { sequence: waiting.sequence, result }));
}

/// Tells a client at once whom to ask.
pub fn redirect<M: KvMessage, R>(client: NodeId, sequence: u64, leader: Option<NodeId>, out: &mut Effects<'_, M, R>) {
    out.send(client, M::reply(Reply { sequence, result: Result::Redirect(leader) }));
}

/// The command of a request, if it is to be taken on; else whoever waits is answered, or need not be. With `once`,
/// requests that were performed or are under way are known again: `under_way` is the last of the client's that is.
/// With `most`, no more than that many bytes are under way.
pub fn admit<M: KvMessage, R>(
    store: &Store,
    waiting: Waiting,
    request: Request,
    (under_way, bytes): (Option<u64>, usize),
    (once, most): (bool, usize),
    out: &mut Effects<'_, M, R>,
) -> Option<Command> {
    match store.known(waiting.client.0, waiting.sequence).filter(|_| once) {
        Some(Applied::Before(result)) => {
            answer(waiting, Result::Done(result), out);
            return None;
        }
        Some(_) => return None,
        None => {}
    }
    let command = request.command(waiting.client, waiting.sequence)?;
    if once && under_way.is_some_and(|last| last >= waiting.sequence) {
        return None;
    }
    if command.size() > most {
        answer(waiting, Result::Refused, out);
        return None;
    }
    if bytes + command.size() > most {
        answer(waiting, Result::Busy, out);
        return None;
    }
    Some(command)
}

/// A request as its place in the log, its client and its number.
pub type Executed = (u64, u16, u64);

/// Performs a command that was agreed upon at a place; `once` unless a bug has sessions overlooked.
pub fn perform(store: &mut Store, at: u64, command: &Command, once: bool, executed: &mut Vec<Executed>) -> Applied {
    let applied = if once { store.apply(command) } else { Applied::Now(store.perform(command)) };
    if matches!(applied, Applied::Now(_)) {
        executed.push((at, command.client, command.sequence));
    }
    applied
}

/// The invariant that no request is performed at two places of the log.
#[derive(Debug, Default)]
pub struct ExactlyOnce(BTreeMap<(u16, u64), u64>);

impl ExactlyOnce {
    /// Its name and meaning, for [`crate::node::About::invariants`].
    pub const ENTRY: (&'static str, &'static str) =
        ("exactly-once", "no request of a client is performed at two places of the log");

    /// A server performed these.
    ///
    /// # Errors
    /// One of them was performed at another place before.
    pub fn check(&mut self, executed: &[Executed]) -> std::result::Result<(), Broken> {
        for (at, client, sequence) in executed {
            let first = *self.0.entry((*client, *sequence)).or_insert(*at);
            if first != *at {
                let detail = format!("request {sequence} of a client was performed at {first} and at {at}");
                return broken(Self::ENTRY.0, detail);
            }
        }
        Ok(())
    }
}

/// A change of the cluster for the administrator: some other set of servers, or another leader.
pub fn reconfigure(cluster: Cluster, random: &mut Random) -> Operation {
    let mut servers: Vec<NodeId> = cluster.servers().collect();
    random.shuffle(&mut servers);
    let number = |node: &NodeId| Value::Int(node.0.into());
    if random.chance(0.4) {
        return Operation { function: "transfer", key: None, input: number(&servers[0]) };
    }
    let size = random.between(3.min(servers.len() as u64), servers.len() as u64);
    servers.truncate(size as usize);
    servers.sort();
    Operation { function: "members", key: None, input: Value::list(servers.iter().map(number)) }
}
