//! `membership`: servers join and leave.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Act, Plan, Window};

/// See [`Fault`].
pub struct Membership;

impl Fault for Membership {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "membership",
            summary: "servers are added and removed while the cluster works",
            documentation: "The administrator asks for changes of the cluster, as the system knows them: a server joins, leaves, or several are exchanged. Two spare servers stand by.",
            example: "causet simulate raft --faults membership=4",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "how many changes at most", default: 4.0, range: (1.0, 1000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, (plan.amount as u64).max(1)) {
            if plan.random.chance(0.5) {
                plan.triggered("membership", 0, 0);
            } else {
                plan.window("membership", Vec::new(), 0, 0);
            }
        }
    }

    fn begin(&self, _: &Window) -> Vec<Act> {
        vec![Act::Reconfigure]
    }
}
