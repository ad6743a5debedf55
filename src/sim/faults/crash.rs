//! `crash`: a node stops, and starts again with what is on its disk.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Crash;

impl Fault for Crash {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "crash",
            summary: "a server loses its memory and starts again",
            documentation: "The server stops at once. What it had written without waiting for the disk is there or not, in the order of writing. It starts again when the window closes. Half of the windows are opened by an event of the server itself, right after it.",
            example: "causet simulate raft --faults crash=1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time down in seconds", default: 1.0, range: (0.001, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        plan.windows_on_servers("crash", 4, longest / 50, longest);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.down = Some(id));
    }
}
