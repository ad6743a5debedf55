//! `clog`: a path holds its messages back, then lets all of them go.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Clog;

impl Fault for Clog {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "clog",
            summary: "messages to and from a server wait, then all arrive",
            documentation: "What is sent from and to the servers named waits until the window closes, then arrives in order: a stalled connection, or swizzle-clogging as FoundationDB does it. Old messages meet a new state of the cluster.",
            example: "causet simulate raft --faults clog=1",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the longest time in seconds", default: 1.0, range: (0.01, 3600.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let longest = (plan.amount * SECOND as f64) as u64;
        plan.windows_on_servers("clog", 4, longest / 10, longest);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.links_of(&window.nodes, |link| link.clogged = Some(id));
    }
}
