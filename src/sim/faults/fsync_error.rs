//! `fsync-error`: the disk reports that a write failed.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct FsyncError;

impl Fault for FsyncError {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "fsync-error",
            summary: "fsync fails, and what is on disk is unknown",
            documentation: "A sync fails with the probability given. Whether its data is on disk is not known: it may be there after a restart or not. Trying the fsync again reports success without writing, on most systems (fsyncgate, 2018).",
            example: "causet simulate raft --faults fsync-error=0.3",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the probability", default: 0.3, range: (0.0, 1.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.windows_on_servers("fsync-error", 3, SECOND / 10, SECOND);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.disk.failing = Some((id, window.amount)));
    }
}
