//! What there is to know of Multi-Paxos before it runs.

use super::{invariants, mutants};
use crate::algorithms::common::{
    APPEND, CLOCK_RATIO, MIXED, MOST_UNCOMMITTED, PIECE, SNAPSHOT_AFTER, TOLERATED_WITH_MEMBERSHIP,
};
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
        CLOCK_RATIO,
        Knob {
            name: "alpha",
            summary: "how many slots may be open at a time; a configuration acts so many slots after it was chosen",
            default: "8",
            allowed: Allowed::Number(1, 1000),
            tries: &["1", "3"],
        },
        Knob { summary: "a snapshot is taken after so many slots", ..SNAPSHOT_AFTER },
        PIECE,
        Knob {
            name: "most-waiting",
            summary: "how many bytes of requests may wait at the leader for a slot",
            ..MOST_UNCOMMITTED
        },
    ],
    workloads: &[MIXED, APPEND],
    invariants: invariants::ALL,
    mutants: mutants::ALL,
    tolerates: TOLERATED_WITH_MEMBERSHIP,
    triggers: &["prepare", "promise", "elected", "accept", "chosen", "snapshot", "installed", "members"],
    settles: &["elected"],
    milestones: &["elected", "step-down", "adopt", "fill", "members", "installed", "resign"],
};
