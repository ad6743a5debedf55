//! `pause`: a node stands still and does not notice.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Pause;

impl Fault for Pause {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "pause",
            summary: "a server stands still, then goes on as if nothing had been",
            documentation: "The server takes no step; what arrives waits and is taken in order afterwards. Its clock goes on. A long garbage collection, a suspended virtual machine, SIGSTOP.",
            example: "causet simulate raft --faults pause=1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 1.0, range: (0.001, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        plan.windows_on_servers("pause", 4, longest / 20, longest);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.paused = Some(id));
    }
}
