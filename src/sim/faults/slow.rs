//! `slow`: a node takes its time.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, MILLISECOND, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Slow;

impl Fault for Slow {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "slow",
            summary: "each step of a server takes time",
            documentation: "Each step of the server takes so long, and inputs queue up. An overloaded processor, or a node that swaps, keeps its place in the cluster and delays everybody.",
            example: "causet simulate raft --faults slow=3",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "milliseconds a step", default: 3.0, range: (0.0, 60000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.windows_on_servers("slow", 3, SECOND / 4, 2 * SECOND);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        let each = (window.amount * MILLISECOND as f64) as u64;
        conditions.nodes_mut(&window.nodes, |node| node.slow = Some((id, each)));
    }
}
