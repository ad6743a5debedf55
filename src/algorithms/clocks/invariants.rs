//! What must hold at every moment.

use super::{Server, Vector};
use crate::node::{Broken, NodeId, Watch, broken};
use std::collections::BTreeMap;

pub(super) static ALL: &[(&str, &str)] = &[
    ("causal-delivery", "a message is delivered after everything that its sender had delivered before it"),
    ("fifo", "the messages of a server are delivered in the order in which it sent them, each once"),
    ("clocks", "the Lamport and vector clocks of every node are those that the order of events gives it"),
];

/// Looks after all servers. The clocks are compared elsewhere, since they are kept elsewhere.
#[derive(Default)]
pub struct Invariants {
    delivered: BTreeMap<NodeId, Vector>,
}

impl Watch<Server> for Invariants {
    fn after(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let delivered = self.delivered.entry(node).or_default();
        if server.step.started {
            // What was delivered and not yet on disk is delivered again: nobody has heard of it.
            delivered.clone_from(&server.delivered);
        }
        for (from, number, after) in &server.step.delivered {
            let count = |of: &NodeId| delivered.get(of).copied().unwrap_or(0);
            if count(from) + 1 != *number {
                let detail = format!("server {} delivers message {number} after {}", node.0 + 1, count(from));
                return broken("fifo", detail);
            }
            if let Some((lacking, _)) = after.iter().find(|(of, least)| count(of) < **least) {
                let detail = format!(
                    "server {} delivers message {number} of server {} before one of server {} that comes before it",
                    node.0 + 1,
                    from.0 + 1,
                    lacking.0 + 1
                );
                return broken("causal-delivery", detail);
            }
            delivered.insert(*from, *number);
        }
        Ok(())
    }
}
