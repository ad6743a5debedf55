//! The clients' side of a run: which operation is next, and what became of each.

use super::MILLISECOND;
use crate::node::{Cluster, Draw, NodeId, Operation, Outcome, Random, Workload};

/// Whoever pauses longer than this does not come back in any run.
const LONGEST_PAUSE: u64 = 1 << 61;

/// An operation that a client was told to perform.
#[derive(Clone, Debug)]
pub struct Performed {
    pub client: NodeId,
    /// The history's process: a client whose operation stays open goes on as a new one.
    pub process: String,
    pub operation: Operation,
    pub call_ns: u64,
    /// Nothing while it is open.
    pub return_ns: Option<u64>,
    pub outcome: Outcome,
    pub attempts: Vec<Attempt>,
    /// The span of it in the exported traces; 0 if there are none.
    pub span_id: u64,
}

/// One try of an operation at one server.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub server: NodeId,
    pub start_ns: u64,
    /// When the next one began or the operation was over.
    pub end_ns: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Client {
    /// The operation it is at: its place among all performed.
    at: Option<usize>,
    /// How many of its operations stayed open.
    lost: u32,
}

/// All clients of a run.
#[derive(Debug)]
pub(super) struct Clients {
    cluster: Cluster,
    workload: Workload,
    random: Random,
    keys: u64,
    clients: Vec<Client>,
    /// How many operations may still begin before everything heals, and in all.
    before: u64,
    left: u64,
    performed: Vec<Performed>,
    pub completed_after_heal: u64,
    healed: bool,
    mean_pause: u64,
    burst: u64,
}

impl Clients {
    pub(super) fn new(
        cluster: Cluster,
        workload: Workload,
        keys: u64,
        (operations, burst): (u64, u64),
        active_ns: u64,
        random: Random,
    ) -> Self {
        let clients = u64::from(cluster.clients).max(1);
        let after = (operations / 10).max(clients).min(operations);
        let before = operations - after;
        Self {
            cluster,
            workload,
            random,
            keys,
            clients: vec![Client::default(); cluster.clients.into()],
            before,
            left: operations,
            performed: Vec::new(),
            completed_after_heal: 0,
            healed: false,
            mean_pause: mean_pause(active_ns, clients, before),
            burst: burst.max(1),
        }
    }

    fn number(&self, client: NodeId) -> usize {
        client.index() - usize::from(self.cluster.servers)
    }

    /// How long a client waits before its next operation; nothing if there is none for it now.
    pub(super) fn pause(&mut self) -> Option<u64> {
        let draw = match self.burst {
            1 => self.random.below(self.mean_pause * 2),
            burst if self.random.below(burst) == 0 => {
                self.random.below(self.mean_pause.saturating_mul(burst).min(LONGEST_PAUSE) * 2)
            }
            _ => self.random.below(MILLISECOND),
        };
        (self.left > 0 && (self.before > 0 || self.healed)).then_some(draw)
    }

    /// Everything works again, and the rest of the operations may begin.
    pub(super) fn heal(&mut self, soon: u64) {
        self.healed = true;
        (self.mean_pause, self.burst) = (soon, 1);
    }

    /// The next operation of a client, if it has none and there is one.
    pub(super) fn next(&mut self, client: NodeId, now: u64) -> Option<(Operation, String)> {
        let number = self.number(client);
        if self.clients[number].at.is_some() || self.left == 0 || (self.before == 0 && !self.healed) {
            return None;
        }
        self.left -= 1;
        self.before = self.before.saturating_sub(1);
        let unique = self.performed.len() as u64 + 1;
        let operation = (self.workload.next)(&mut Draw {
            random: &mut self.random,
            client: number as u16,
            unique,
            keys: self.keys,
        });
        let lost = self.clients[number].lost;
        let name = self.cluster.name(client);
        let process = if lost == 0 { name.to_string() } else { format!("{name}/{lost}") };
        self.clients[number].at = Some(self.performed.len());
        self.performed.push(Performed {
            client,
            process: process.clone(),
            operation: operation.clone(),
            call_ns: now,
            return_ns: None,
            outcome: Outcome::Unknown,
            attempts: Vec::new(),
            span_id: 0,
        });
        Some((operation, process))
    }

    /// The operation of a client now has this span.
    pub(super) fn set_span(&mut self, client: NodeId, span_id: u64) {
        if let Some(at) = self.clients[self.number(client)].at {
            self.performed[at].span_id = span_id;
        }
    }

    /// A client tries its operation at a server.
    pub(super) fn attempt(&mut self, client: NodeId, server: NodeId, now: u64) {
        if let Some(at) = self.clients[self.number(client)].at {
            let attempts = &mut self.performed[at].attempts;
            if let Some(last) = attempts.last_mut() {
                last.end_ns = Some(now);
            }
            attempts.push(Attempt { server, start_ns: now, end_ns: None });
        }
    }

    /// A client's operation is over.
    pub(super) fn complete(&mut self, client: NodeId, outcome: Outcome, now: u64) {
        let number = self.number(client);
        let Some(at) = self.clients[number].at.take() else { return };
        let performed = &mut self.performed[at];
        if let Some(last) = performed.attempts.last_mut() {
            last.end_ns = Some(now);
        }
        match outcome {
            Outcome::Unknown => self.clients[number].lost += 1,
            _ => performed.return_ns = Some(now),
        }
        if self.healed && matches!(outcome, Outcome::Ok(_)) {
            self.completed_after_heal += 1;
        }
        performed.outcome = outcome;
    }

    /// Whether every operation has begun and none goes on.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0 && self.clients.iter().all(|client| client.at.is_none())
    }

    pub(super) fn into_performed(self) -> Vec<Performed> {
        self.performed
    }
}

/// How long each of so many clients waits on average, for so many operations to fill the time.
fn mean_pause(active_ns: u64, clients: u64, operations: u64) -> u64 {
    let pause = u128::from(active_ns) * u128::from(clients) / u128::from(operations.max(1));
    u64::try_from(pause).map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_fill_the_time_and_never_overflow() {
        assert_eq!(mean_pause(10, 3, 2), 15);
        assert_eq!(mean_pause(10, 3, 0), 30);
        assert_eq!(mean_pause(u64::MAX, 1000, 2000), LONGEST_PAUSE);
        assert_eq!(mean_pause(u64::MAX, u64::MAX, 1), LONGEST_PAUSE);
    }
}
