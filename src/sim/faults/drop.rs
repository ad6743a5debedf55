//! `drop`: messages are lost.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Drop;

impl Fault for Drop {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "drop",
            summary: "each message is lost with some probability",
            documentation: "Each message on any path is lost with the probability given, independently of the others. Protocols must send again; and what is sent again may have arrived the first time.",
            example: "causet simulate raft --faults drop=0.1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the probability", default: 0.1, range: (0.0, 1.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, 3) {
            plan.window("drop", Vec::new(), SECOND / 2, 4 * SECOND);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.links_of(&window.nodes, |link| link.drop = Some((id, window.amount)));
    }
}
