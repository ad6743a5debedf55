//! `wipe`: a node loses its disk.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Act, Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Wipe;

impl Fault for Wipe {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "wipe",
            summary: "a server crashes and comes back with an empty disk",
            documentation: "The server stops, its disk is erased, and it starts again as if it had never run. No protocol that counts on what a server remembers tolerates that, unless the server is replaced by the protocol's own rules.",
            example: "causet simulate raft --faults wipe=1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time down in seconds", default: 1.0, range: (0.001, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        for _ in 0..plan.random.between(1, 2) {
            let node = plan.server();
            plan.window("wipe", vec![node], longest / 50, longest);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.down = Some(id));
    }

    fn begin(&self, window: &Window) -> Vec<Act> {
        window.nodes.iter().map(|node| Act::Wipe(*node)).collect()
    }
}
