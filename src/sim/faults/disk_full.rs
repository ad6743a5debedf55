//! `disk-full`: nothing more can be written.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct DiskFull;

impl Fault for DiskFull {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "disk-full",
            summary: "writes fail because the disk is full",
            documentation: "Every write fails while the window is open, and leaves nothing behind. What is on disk already can be read.",
            example: "causet simulate raft --faults disk-full=1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 1.0, range: (0.001, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        plan.windows_on_servers("disk-full", 2, longest / 10, longest);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.disk.full = Some(id));
    }
}
