//! `lost-write`: the disk says that data is safe when it is not.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Act, Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct LostWrite;

impl Fault for LostWrite {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "lost-write",
            summary: "fsync returns although nothing was written, then the power fails",
            documentation: "While the window is open the disk reports writes as safe that are only in its cache; when it closes the server crashes, and loses some end of them. Disks without a flush, and file systems in the wrong mode, do that.",
            example: "causet simulate raft --faults lost-write=1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 1.0, range: (0.001, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        plan.windows_on_servers("lost-write", 3, longest / 20, longest);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.disk.lying = Some(id));
    }

    fn end(&self, window: &Window) -> Vec<Act> {
        window.nodes.iter().map(|node| Act::Restart(*node)).collect()
    }
}
