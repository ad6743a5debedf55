//! The sans-IO contract: what an algorithm is, and what it may ask of the world.
//!
//! A node is a [`Process`]: a state machine that takes an [`Input`] and answers with [`Effects`]. It sees
//! time and randomness only as they are handed in, and does no I/O. Two interpreters drive the same
//! process: the simulator in virtual time, the runtime with sockets and files.
//!
//! [`Algorithm`] says what a whole system is (its servers and clients, its promise, its invariants, its
//! known bugs, the faults it tolerates), with types; [`System`] is the same without them, made of any
//! algorithm, so that a list of systems can be walked. Bytes appear only between the two: [`codec`]. A message
//! travels in an [`envelope`] with the sender's [`trace_context`](crate::trace_context) and clocks.

mod algorithm;
mod clocks;
pub mod codec;
mod effects;
pub mod envelope;
mod erased;
mod guard;
mod ids;
mod operation;
mod quorum;
mod random;

pub use algorithm::{
    About, Algorithm, Allowed, Broken, Draw, Knob, Mutant, NoWatch, PANIC, Promise, Setup, Watch, Workload, broken,
};
pub use clocks::{ClockRules, Clocks, Stamp, merge};
pub use effects::{Barrier, Damage, Effect, Effects, Field, Hand, Input, Note, Process, Recovered, SpanToken, Timer};
pub use erased::{AnyNode, AnyWatch, Bytes, RawInput, System};
pub use guard::{guarded, is_guarded};
pub use ids::{Cluster, Name, NodeId, Role};
pub use operation::{Operation, Outcome};
pub use quorum::{Quorum, majority};
pub use random::Random;
