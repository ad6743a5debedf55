//! `torn-write`: a crash leaves half a record.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Act, Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct TornWrite;

impl Fault for TornWrite {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "torn-write",
            summary: "a crash in the middle of a write leaves a part of it",
            documentation: "When the window opens, mostly at an event that has just begun to write, the server crashes, and the first write that did not reach the disk as a whole is there in part. It was never reported safe, so a protocol that checks what it reads loses nothing.",
            example: "causet simulate raft --faults torn-write=1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 1.0, range: (0.001, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        for _ in 0..plan.random.between(2, 5) {
            plan.triggered("torn-write", longest / 100, longest / 10);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.disk.tearing = Some(id));
    }

    fn begin(&self, window: &Window) -> Vec<Act> {
        window.nodes.iter().map(|node| Act::Restart(*node)).collect()
    }
}
