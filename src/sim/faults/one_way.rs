//! `one-way`: what some servers send does not arrive, but they hear everything.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct OneWay;

impl Fault for OneWay {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "one-way",
            summary: "messages from some servers are lost, those to them arrive",
            documentation: "Messages from the servers named to all others are lost; the other direction works. This is what a full send queue or a one-sided firewall rule does, and what heartbeat-based failure detectors get wrong.",
            example: "causet simulate raft --faults one-way=2",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 2.0, range: (0.01, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        for _ in 0..plan.random.between(1, 4) {
            let side = plan.side();
            plan.window("one-way", side, longest / 10, longest);
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        let cluster = conditions.cluster();
        for from in cluster.nodes().filter(|node| window.nodes.contains(node)) {
            for to in cluster.nodes() {
                if super::apart(cluster, &window.nodes, from, to) {
                    conditions.link_mut(from, to).cut = Some(id);
                }
            }
        }
    }
}
