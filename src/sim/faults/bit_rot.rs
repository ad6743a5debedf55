//! `bit-rot`: a bit on disk flips.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Act, Plan, SECOND, Window};

/// See [`Fault`].
pub struct BitRot;

impl Fault for BitRot {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "bit-rot",
            summary: "a bit on disk flips, and the server starts again",
            documentation: "A random bit of what is safely on disk flips, and the server restarts and reads it. Only a checksum that is verified when reading tells, and then what was lost must come from elsewhere.",
            example: "causet simulate raft --faults bit-rot=2",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "how often at most", default: 2.0, range: (1.0, 1000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, (plan.amount as u64).max(1)) {
            let node = plan.server();
            plan.window("bit-rot", vec![node], SECOND / 100, SECOND / 10);
        }
    }

    fn begin(&self, window: &Window) -> Vec<Act> {
        window.nodes.iter().flat_map(|node| [Act::Rot(*node), Act::Restart(*node)]).collect()
    }
}
