//! What systems say of themselves alike, before they run: faults that they tolerate, and knobs.

use crate::node::{About, Allowed, Knob, Setup};

/// What any system for crashes and an asynchronous network tolerates, and changes of its members.
pub const TOLERATED_WITH_MEMBERSHIP: &[&str] = &[
    "partition",
    "one-way",
    "ring",
    "drop",
    "duplicate",
    "reorder",
    "delay",
    "clog",
    "crash",
    "pause",
    "slow",
    "torn-write",
    "fsync-error",
    "disk-full",
    "slow-disk",
    "clock-offset",
    "clock-rate",
    "clock-jump",
    "membership",
];

/// The same for systems whose members stay.
pub const TOLERATED: &[&str] = match TOLERATED_WITH_MEMBERSHIP {
    [all @ .., _] => all,
    [] => &[],
};

/// The ratio that leases allow for.
pub const CLOCK_RATIO: Knob = Knob {
    name: "clock-ratio",
    summary: "how many percent as fast as another a clock may run before a lease is unsafe",
    default: "225",
    allowed: Allowed::Number(100, 10_000),
    tries: &[],
};

/// How long a leader may rely on a round of heartbeats, since nobody who answered it helps another one to lead within
/// an election timeout. With a bug, as if all clocks ran alike, and longer.
pub fn lease(setup: &Setup, about: &About, election: u64, no_margin: bool) -> u64 {
    if no_margin { 2 * election } else { election * 100 / setup.number(about, CLOCK_RATIO.name).max(100) }
}

/// When a snapshot is taken.
pub const SNAPSHOT_AFTER: Knob = Knob {
    name: "snapshot-after",
    summary: "a snapshot is taken after so many entries",
    default: "100",
    allowed: Allowed::Number(1, 1_000_000_000),
    tries: &["5", "20"],
};

/// How a snapshot is sent.
pub const PIECE: Knob = Knob {
    name: "piece",
    summary: "how many bytes of a snapshot are sent at a time",
    default: "512",
    allowed: Allowed::Number(1, 1 << 30),
    tries: &["32"],
};

/// The limit of [`super::Proposals`].
pub const MOST_UNCOMMITTED: Knob = Knob {
    name: "most-uncommitted",
    summary: "how many bytes of proposals a leader takes on before any of them is committed",
    default: "65536",
    allowed: Allowed::Number(1, 1 << 40),
    tries: &["150"],
};
