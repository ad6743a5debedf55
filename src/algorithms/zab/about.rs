//! What there is to know of Zab before it runs.

use super::{invariants, mutants};
use crate::algorithms::common::{APPEND, MIXED, MOST_UNCOMMITTED, PIECE, SNAPSHOT_AFTER, TOLERATED};
use crate::node::{About, Allowed, Knob, Promise};
use crate::registry::Entry;

pub(super) static ABOUT: About = About {
    entry: Entry {
        id: "zab",
        summary: "Zab, ZooKeeper's atomic broadcast: a primary's changes in its own order, and a key-value store fed from them",
        documentation: include_str!("zab.md"),
        example: "causet simulate zab --faults partition,crash",
    },
    paper: "Junqueira, Reed and Serafini, Zab: High-performance broadcast for primary-backup systems (DSN 2011); Medeiros, ZooKeeper's atomic broadcast protocol (2012)",
    servers: 5,
    promise: Some(Promise { model: "kv", property: "linearizable" }),
    options: &[
        Knob {
            name: "reads",
            summary: "whether a read goes after a broadcast sync, or any server answers from its own store (sequential consistency only)",
            default: "sync",
            allowed: Allowed::Words(&["sync", "local"]),
            tries: &["sync", "sync", "local"],
        },
        Knob { summary: "a snapshot is taken after so many transactions", ..SNAPSHOT_AFTER },
        PIECE,
        MOST_UNCOMMITTED,
    ],
    workloads: &[MIXED, APPEND],
    invariants: invariants::ALL,
    mutants: mutants::ALL,
    tolerates: TOLERATED,
    triggers: &[
        "accept-epoch",
        "established",
        "synchronise",
        "history",
        "ack-new-leader",
        "elected",
        "up-to-date",
        "propose",
        "append",
        "ack",
        "commit",
        "snapshot",
        "installed",
    ],
    settles: &["elected"],
    milestones: &["established", "elected", "step-down", "installed"],
};
