//! The systems that can be run, one folder each.

mod clocks;
pub mod common;
mod multi_paxos;
mod paxos;
pub mod raft;
mod zab;

use crate::node::System;

/// All systems.
pub static ALL: &[&dyn System] = &[&raft::Raft, &paxos::Paxos, &multi_paxos::MultiPaxos, &zab::Zab, &clocks::Causal];

/// The system of an id.
pub fn by_id(id: &str) -> Option<&'static dyn System> {
    ALL.iter().copied().find(|system| system.about().entry.id == id)
}
