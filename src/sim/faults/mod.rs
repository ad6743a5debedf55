//! The kinds of faults, one file each.
//!
//! A fault plans windows from the seed, says what holds while one of them is open, and what is done once
//! when it opens and closes. What it did is counted where it acts: in the network, on the disk, in the
//! world's loop.

mod bit_rot;
mod clock_jump;
mod clock_offset;
mod clock_rate;
mod clog;
mod crash;
mod delay;
mod disk_full;
mod drop;
mod duplicate;
mod fsync_error;
mod lost_write;
mod membership;
mod misdirect;
mod one_way;
mod partition;
mod pause;
mod reorder;
mod ring;
mod slow;
mod slow_disk;
mod torn_write;
mod wipe;

use super::conditions::{Act, Conditions};
use super::schedule::{Plan, Window, WindowId};
use crate::node::{Cluster, NodeId, Role};
use crate::registry::Entry;

/// A kind of fault.
pub trait Fault: Sync {
    /// Its face.
    fn entry(&self) -> &'static Entry;

    /// What can be turned: `--faults drop=0.3`.
    fn knob(&self) -> FaultKnob;

    /// Adds windows to a plan.
    fn plan(&self, plan: &mut Plan<'_>);

    /// What is wrong while a window is open. Called for each open window, oldest first, whenever one
    /// opens or closes, on conditions that are all well.
    fn hold(&self, _id: WindowId, _window: &Window, _conditions: &mut Conditions) {}

    /// What is done when a window opens.
    fn begin(&self, _window: &Window) -> Vec<Act> {
        Vec::new()
    }

    /// What is done when a window closes.
    fn end(&self, _window: &Window) -> Vec<Act> {
        Vec::new()
    }
}

/// The number that belongs to a kind of fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultKnob {
    /// With its unit.
    pub meaning: &'static str,
    pub default: f64,
    /// The least and the greatest that make sense.
    pub range: (f64, f64),
}

/// All kinds of faults.
pub static ALL: &[&dyn Fault] = &[
    &partition::Partition,
    &one_way::OneWay,
    &ring::Ring,
    &drop::Drop,
    &duplicate::Duplicate,
    &reorder::Reorder,
    &delay::Delay,
    &clog::Clog,
    &crash::Crash,
    &wipe::Wipe,
    &pause::Pause,
    &slow::Slow,
    &lost_write::LostWrite,
    &torn_write::TornWrite,
    &fsync_error::FsyncError,
    &bit_rot::BitRot,
    &misdirect::Misdirect,
    &disk_full::DiskFull,
    &slow_disk::SlowDisk,
    &clock_offset::ClockOffset,
    &clock_rate::ClockRate,
    &clock_jump::ClockJump,
    &membership::Membership,
];

/// The fault of an id.
pub fn by_id(id: &str) -> Option<&'static dyn Fault> {
    ALL.iter().copied().find(|fault| fault.entry().id == id)
}

/// Whether a side that is named keeps two nodes apart: one server is named and the other not, or one is a
/// client that is named and the other a server that is not.
fn apart(cluster: Cluster, side: &[NodeId], a: NodeId, b: NodeId) -> bool {
    let (in_a, in_b) = (side.contains(&a), side.contains(&b));
    match (cluster.role(a), cluster.role(b)) {
        (Role::Server, Role::Server) => in_a != in_b,
        (Role::Client, Role::Server) => in_a && !in_b,
        (Role::Server, Role::Client) => in_b && !in_a,
        _ => false,
    }
}

/// Turns the amount of the last window into any amount up to it, either way.
fn either_way(plan: &mut Plan<'_>) {
    let (forwards, share) = (plan.random.chance(0.5), plan.random.unit());
    if let Some(window) = plan.windows.last_mut() {
        window.amount *= if forwards { share } else { -share };
    }
}
