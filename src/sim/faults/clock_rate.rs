//! `clock-rate`: a clock runs too fast or too slow.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct ClockRate;

impl Fault for ClockRate {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "clock-rate",
            summary: "a server's clock runs fast or slow",
            documentation: "The server's clock, and with it its timers, runs up to so many times as fast, or as slow. A lease that counts on clocks of about the same rate must allow for the difference, and beyond it promises nothing.",
            example: "causet simulate raft --faults clock-rate=1.5",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "how many times as fast or slow at most", default: 1.5, range: (1.0, 1000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, 3) {
            let node = plan.server();
            plan.window("clock-rate", vec![node], SECOND / 2, 4 * SECOND);
            let (fast, share) = (plan.random.chance(0.5), plan.random.unit());
            if let Some(window) = plan.windows.last_mut() {
                let rate = 1.0 + (window.amount - 1.0) * (0.5 + share / 2.0);
                window.amount = if fast { rate } else { 1.0 / rate };
            }
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.clock_rate = Some((id, window.amount)));
    }
}
