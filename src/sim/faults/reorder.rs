//! `reorder`: messages overtake each other.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Reorder;

impl Fault for Reorder {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "reorder",
            summary: "each message is overtaken with some probability",
            documentation: "Paths keep the order of messages, as TCP does; with this, a message is late by up to 20 ms, one in ten of them by up to half a second, and later ones overtake it, as on several connections or with UDP.",
            example: "causet simulate raft --faults reorder=0.2",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the probability", default: 0.2, range: (0.0, 1.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, 3) {
            plan.window("reorder", Vec::new(), SECOND / 2, 4 * SECOND);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.links_of(&window.nodes, |link| link.reorder = Some((id, window.amount)));
    }
}
