//! What there is to know of Raft before it runs.

use super::{invariants, mutants};
use crate::algorithms::common::{
    APPEND, CLOCK_RATIO, MIXED, MOST_UNCOMMITTED, PIECE, READS, SNAPSHOT_AFTER, TOLERATED_WITH_MEMBERSHIP,
};
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
        CLOCK_RATIO,
        Knob {
            name: "membership",
            summary: "whether any set of servers can follow another (joint consensus), or one server at a time changes",
            default: "joint",
            allowed: Allowed::Words(&["joint", "single"]),
            tries: &["single"],
        },
        SNAPSHOT_AFTER,
        PIECE,
        MOST_UNCOMMITTED,
    ],
    workloads: &[MIXED, APPEND, READS],
    invariants: invariants::ALL,
    mutants: mutants::ALL,
    tolerates: TOLERATED_WITH_MEMBERSHIP,
    triggers: &["vote", "elected", "append", "ack", "commit", "snapshot", "installed", "members"],
    settles: &["elected"],
    milestones: &["elected", "step-down", "members", "installed", "transfer"],
};
