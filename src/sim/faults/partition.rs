//! `partition`: some servers can't talk to the others, in either direction.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Partition;

impl Fault for Partition {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "partition",
            summary: "a split of the servers into two sides that can't talk",
            documentation: "The servers named are cut off from all others, both ways. Clients named with them reach only their side; clients not named reach both. Half of the windows are opened by an event (a vote, a commit, …) and cut off the one node that made it.",
            example: "causet simulate raft --faults partition=2",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 2.0, range: (0.01, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        for _ in 0..plan.random.between(1, 4) {
            if plan.random.chance(0.5) {
                plan.triggered("partition", longest / 10, longest);
            } else {
                let side = plan.side();
                plan.window("partition", side, longest / 10, longest);
            }
        }
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        let cluster = conditions.cluster();
        for from in cluster.nodes() {
            for to in cluster.nodes() {
                if super::apart(cluster, &window.nodes, from, to) {
                    conditions.link_mut(from, to).cut = Some(id);
                }
            }
        }
    }
}
