//! What there is to know of Raft before it runs.

use super::{invariants, mutants};
use crate::algorithms::common::{APPEND, MIXED, READS};
use crate::node::{About, Allowed, Knob, Promise};
use crate::registry::Entry;

pub(super) static ABOUT: About = About {
    entry: Entry {
        id: "raft",
        summary: "Raft: a replicated log with one leader at a time, and a key-value store fed from it",
        documentation: include_str!("raft.md"),
        example: "causet simulate raft --faults partition,crash",
    },
    paper: "Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm (2014); Ongaro's thesis (2014)",
    servers: 5,
    promise: Some(Promise { model: "kv", property: "linearizable" }),
    options: &[
        Knob {
            name: "reads",
            summary: "how a read makes sure that it is not stale",
            default: "read-index",
            allowed: Allowed::Words(&["read-index", "lease", "follower"]),
            tries: &["lease", "follower"],
        },
        Knob {
            name: "clock-ratio",
            summary: "how many percent as fast as another a clock may run before a lease is unsafe",
            default: "225",
            allowed: Allowed::Number(100, 10_000),
            tries: &[],
        },
        Knob {
            name: "membership",
            summary: "whether any set of servers can follow another (joint consensus), or one server at a time changes",
            default: "joint",
            allowed: Allowed::Words(&["joint", "single"]),
            tries: &["single"],
        },
        Knob {
            name: "snapshot-after",
            summary: "a snapshot is taken after so many entries",
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
            name: "most-uncommitted",
            summary: "how many bytes of proposals a leader takes on before any of them is committed",
            default: "65536",
            allowed: Allowed::Number(1, 1 << 40),
            tries: &["150"],
        },
    ],
    workloads: &[MIXED, APPEND, READS],
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
    triggers: &["vote", "elected", "append", "ack", "commit", "snapshot", "installed", "members"],
    settles: &["elected"],
    milestones: &["elected", "step-down", "members", "installed", "transfer"],
};
