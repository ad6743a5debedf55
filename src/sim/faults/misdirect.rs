//! `misdirect`: a write lands on other data.

use super::{Fault, FaultKnob};
use crate::registry::Entry;
use crate::sim::{Act, Conditions, Plan, SECOND, Window, WindowId};

/// See [`Fault`].
pub struct Misdirect;

impl Fault for Misdirect {
    fn entry(&self) -> &'static Entry {
        &Entry {
            id: "misdirect",
            summary: "a write lands on other data, and is missing where it belongs",
            documentation: "With the probability given, the frames of a write overwrite another frame, with a valid checksum, and are missing at their own place. When the window closes the server restarts and reads them.",
            example: "causet simulate raft --faults misdirect=0.2",
        }
    }

    fn knob(&self) -> FaultKnob {
        FaultKnob { meaning: "the probability", default: 0.2, range: (0.0, 1.0) }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.windows_on_servers("misdirect", 2, SECOND / 10, SECOND);
    }

    fn hold(&self, id: WindowId, window: &Window, conditions: &mut Conditions) {
        conditions.nodes_mut(&window.nodes, |node| node.disk.misdirecting = Some((id, window.amount)));
    }

    fn end(&self, window: &Window) -> Vec<Act> {
        window.nodes.iter().map(|node| Act::Restart(*node)).collect()
    }
}
