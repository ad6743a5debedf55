//! `slow-disk`: the disk takes its time.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct SlowDisk;

impl Fault for SlowDisk {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "slow-disk",
            summary: "writes take many times as long",
            documentation: "A write takes so many times as long as usual (0.5 to 2 ms). Whoever waits for the disk before it answers is late; who does not is the one to look at.",
            example: "causet simulate raft --faults slow-disk=30",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "how many times as long", default: 30.0, range: (1.0, 100000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.windows_on_servers("slow-disk", 3, SECOND / 2, 3 * SECOND);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.disk.slow = Some((id, window.amount)));
    }
}
