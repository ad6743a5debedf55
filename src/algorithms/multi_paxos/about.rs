//! What there is to know of Multi-Paxos before it runs.

use super::{invariants, mutants};
use crate::algorithms::common::{APPEND, MIXED};
use crate::node::{About, Allowed, Knob, Promise};
use crate::registry::Entry;

pub(super) static ABOUT: About = About {
    entry: Entry {
        id: "multi-paxos",
        summary: "Multi-Paxos: a log of Paxos instances under a stable leader, and a key-value store fed from it",
        documentation: include_str!("multi_paxos.md"),
        example: "causet simulate multi-paxos --faults partition,crash",
    },
    paper: "Lamport, The Part-Time Parliament (1998), Paxos Made Simple (2001); Lamport, Malkhi and Zhou, \
            Reconfiguring a State Machine (2010); Chandra, Griesemer and Redstone, Paxos Made Live (2007)",
    servers: 5,
    promise: Some(Promise { model: "kv", property: "linearizable" }),
    options: &[
        Knob {
            name: "reads",
            summary: "whether a read takes its place in the log, or is answered at once while the leader has a lease",
            default: "log",
            allowed: Allowed::Words(&["log", "lease"]),
            tries: &["lease"],
        },
        Knob {
            name: "clock-ratio",
            summary: "how many percent as fast as another a clock may run before a lease is unsafe",
            default: "225",
            allowed: Allowed::Number(100, 10_000),
            tries: &[],
        },
        Knob {
            name: "alpha",
            summary: "how many slots may be open at a time; a configuration acts so many slots after it was chosen",
            default: "8",
            allowed: Allowed::Number(1, 1000),
            tries: &["1", "3"],
        },
        Knob {
            name: "snapshot-after",
            summary: "a snapshot is taken after so many slots",
            default: "100",
            allowed: Allowed::Number(1, 1_000_000_000),
            tries: &["5", "20"],
        },
        Knob {
            name: "piece",
            summary: "how many bytes of a snapshot are sent at a time",
            default: "512",
            allowed: Allowed::Number(1, 1 << 30),
            tries: &["32"],
        },
        Knob {
            name: "most-waiting",
            summary: "how many bytes of requests may wait at the leader for a slot",
            default: "65536",
            allowed: Allowed::Number(1, 1 << 40),
            tries: &["150"],
        },
    ],
    workloads: &[MIXED, APPEND],
    invariants: invariants::ALL,
    mutants: mutants::ALL,
    tolerates: &[
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
    ],
    triggers: &["prepare", "promise", "elected", "accept", "chosen", "snapshot", "installed", "members"],
    settles: &["elected"],
    milestones: &["elected", "step-down", "adopt", "fill", "members", "installed", "resign"],
};
