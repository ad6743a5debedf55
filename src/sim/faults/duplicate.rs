//! `duplicate`: messages arrive twice.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Duplicate;

impl Fault for Duplicate {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "duplicate",
            summary: "each message arrives twice with some probability",
            documentation: "A message arrives a second time, up to 50 ms after the first: what a sender that repeats after a lost acknowledgement does.",
            example: "causet simulate raft --faults duplicate=0.1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the probability", default: 0.1, range: (0.0, 1.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, 3) {
            plan.window("duplicate", Vec::new(), SECOND / 2, 4 * SECOND);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.links_of(&window.nodes, |link| link.duplicate = Some((id, window.amount)));
    }
}
