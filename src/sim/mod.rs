//! The simulator: one seed, virtual time, faults, and everything that happened written down.
//!
//! [`simulate`] runs any [`System`](crate::node::System) by a [`Config`] to a [`Run`]. The same
//! config gives the same run, to the last byte, on every machine: there is one queue ordered by time and
//! then by insertion, each purpose draws from a random stream of its own, and nothing depends on
//! addresses, hashes or the wall clock.
//!
//! Faults are data: a [`Schedule`] is planned from the seed (or read from a file), and the [`Conditions`]
//! at any time are what its open windows say. Each kind of fault is a file in [`faults`].

mod ambush;
mod clients;
mod clock;
mod conditions;
mod disk;
pub mod faults;
mod network;
mod queue;
pub mod record;
mod schedule;
#[cfg(test)]
mod tests;
mod world;

pub use ambush::ambushes;
pub use clients::{Attempt, Performed};
pub use conditions::{Act, Conditions, DiskCondition, Link, NodeCondition};
pub use record::Recording;
pub use schedule::{Cue, Plan, Schedule, When, Window, WindowId};
pub use world::{Config, End, Run, Stuck, simulate};

/// A millisecond in the simulator's unit of time, the nanosecond.
pub const MILLISECOND: u64 = 1_000_000;
/// A second in the simulator's unit of time, the nanosecond.
pub const SECOND: u64 = 1_000 * MILLISECOND;
/// Faults act for a hundred days at most: a clock that runs a thousand times as fast still has a number for that.
pub const LONGEST: u64 = 100 * 24 * 3600 * SECOND;
