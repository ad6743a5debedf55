//! `clock-jump`: a clock is set.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Act, MILLISECOND, Plan, Window};

/// See [`Fault`].
pub struct ClockJump;

impl Fault for ClockJump {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "clock-jump",
            summary: "a server's clock is moved, for good",
            documentation: "The server's clock is moved by up to so much, forwards or backwards, at one instant: what a time daemon or an operator does. Timers that run are not moved.",
            example: "causet simulate raft --faults clock-jump=2000",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "milliseconds at most", default: 2000.0, range: (0.0, 86400000.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        for _ in 0..plan.random.between(1, 4) {
            let node = plan.server();
            plan.window("clock-jump", vec![node], 0, 0);
            super::either_way(plan);
        }
    }

    fn begin(&self, window: &Window) -> Vec<Act> {
        let by = (window.amount * MILLISECOND as f64) as i64;
        window.nodes.iter().map(|node| Act::Jump(*node, by)).collect()
    }
}
