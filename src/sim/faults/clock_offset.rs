//! `clock-offset`: a clock is off for a while.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, MILLISECOND, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct ClockOffset;

impl Fault for ClockOffset {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "clock-offset",
            summary: "a server's clock is ahead or behind for a while",
            documentation: "The server's clock shows up to so much more or less than it should, then is right again. Timers that run are not moved; what compares times of several nodes, or trusts one, breaks.",
            example: "causet simulate raft --faults clock-offset=500",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "milliseconds at most", default: 500.0, range: (0.0, 86400000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, 3) {
            let node = plan.server();
            plan.window("clock-offset", vec![node], SECOND / 2, 3 * SECOND);
            super::either_way(plan);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        let offset = (window.amount * MILLISECOND as f64) as i64;
        conditions.nodes_mut(&window.nodes, |node| node.clock_offset = Some((id, offset)));
    }
}
