//! `delay`: messages take longer.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, MILLISECOND, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Delay;

impl Fault for Delay {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "delay",
            summary: "messages to and from a server take longer",
            documentation: "Every message from and to the servers named takes so much longer, and up to a quarter more at random.",
            example: "causet simulate raft --faults delay=50",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "milliseconds", default: 50.0, range: (0.0, 3600000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, 3) {
            let side = plan.side();
            plan.window("delay", side, SECOND / 2, 4 * SECOND);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        let more = (window.amount * MILLISECOND as f64) as u64;
        conditions.links_of(&window.nodes, |link| link.delay = Some((id, more)));
    }
}
