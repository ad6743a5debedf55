//! `ring`: each server reaches only its two neighbours.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Ring;

impl Fault for Ring {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "ring",
            summary: "each server reaches only its two neighbours in a circle",
            documentation: "Servers stand in a circle and reach only the ones beside them, so that every server sees a majority of five and no two see the same one. Clients reach all. Fewer than four servers are all neighbours: nothing happens.",
            example: "causet simulate raft --faults ring=2",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 2.0, range: (0.01, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        for _ in 0..plan.random.between(1, 3) {
            plan.window("ring", Vec::new(), longest / 10, longest);
        }
    }

    fn hold(&self, id: WindowId, _: &Window, conditions: &mut Conditions) {
        let cluster = conditions.cluster();
        let count = usize::from(cluster.servers);
        for from in cluster.servers() {
            for to in cluster.servers() {
                let distance = from.index().abs_diff(to.index());
                if distance > 1 && distance < count - 1 {
                    conditions.link_mut(from, to).cut = Some(id);
                }
            }
        }
    }
}
