//! Known bugs of Paxos implementations, each a rule left out.

use crate::node::Mutant;

const SIMPLE: &str = "Lamport, Paxos Made Simple (2001), §2.2";

pub(super) static IGNORE_ACCEPTED: Mutant = Mutant {
    id: "ignore-accepted",
    summary: "the proposer proposes its own value although promises told of an accepted one",
    rule: "P2c: propose the value of the highest-numbered proposal among the promises",
    anomaly: "two values are chosen",
    source: SIMPLE,
    witness: include_str!("../../../testdata/algorithms/paxos/ignore-accepted.toml"),
};
pub(super) static LOWEST_ACCEPTED: Mutant = Mutant {
    id: "lowest-accepted",
    summary: "of several accepted values the one of the lowest ballot is proposed",
    rule: "P2c: the value of the highest ballot counts",
    anomaly: "two values are chosen",
    source: SIMPLE,
    witness: include_str!("../../../testdata/algorithms/paxos/lowest-accepted.toml"),
};
pub(super) static ACCEPT_LOWER_BALLOT: Mutant = Mutant {
    id: "accept-lower-ballot",
    summary: "the acceptor accepts although it has promised a higher ballot",
    rule: "P1a: accept only if nothing higher was promised",
    anomaly: "two values are chosen",
    source: SIMPLE,
    witness: include_str!("../../../testdata/algorithms/paxos/accept-lower-ballot.toml"),
};
pub(super) static BALLOT_REUSE: Mutant = Mutant {
    id: "ballot-reuse",
    summary: "a restarted proposer begins to count its rounds anew",
    rule: "ballots are unique, also across restarts",
    anomaly: "one ballot stands for two values; two values are chosen",
    source: "Chandra et al., Paxos Made Live (2007)",
    witness: include_str!("../../../testdata/algorithms/paxos/ballot-reuse.txt"),
};
pub(super) static FORGET_PROMISE: Mutant = Mutant {
    id: "forget-promise",
    summary: "a restarted acceptor forgets what it promised",
    rule: "an acceptor remembers its promise across restarts",
    anomaly: "two values are chosen",
    source: SIMPLE,
    witness: include_str!("../../../testdata/algorithms/paxos/forget-promise.txt"),
};
pub(super) static FORGET_VALUE: Mutant = Mutant {
    id: "forget-value",
    summary: "a restarted acceptor forgets what it accepted",
    rule: "an acceptor remembers the highest-numbered proposal it accepted across restarts",
    anomaly: "two values are chosen",
    source: SIMPLE,
    witness: include_str!("../../../testdata/algorithms/paxos/forget-value.toml"),
};
pub(super) static PROMISE_BEFORE_FSYNC: Mutant = Mutant {
    id: "promise-before-fsync",
    summary: "the acceptor promises before the promise is on disk",
    rule: "an acceptor records its response in stable storage before it sends it",
    anomaly: "after a crash it breaks its promise; two values are chosen",
    source: "Lamport, Paxos Made Simple (2001), §2.5",
    witness: include_str!("../../../testdata/algorithms/paxos/promise-before-fsync.txt"),
};
pub(super) static ACCEPT_BEFORE_FSYNC: Mutant = Mutant {
    id: "accept-before-fsync",
    summary: "the acceptor says that it accepted before that is on disk",
    rule: "an acceptor records its response in stable storage before it sends it",
    anomaly: "a chosen value is forgotten by a crash; two values are chosen",
    source: "Lamport, Paxos Made Simple (2001), §2.5",
    witness: include_str!("../../../testdata/algorithms/paxos/accept-before-fsync.toml"),
};
pub(super) static READ_NOT_COMPLETED: Mutant = Mutant {
    id: "read-not-completed",
    summary: "a learn answers with what somebody accepted, without a round that chooses it",
    rule: "what is read must be chosen: the read completes the proposal that it finds",
    anomaly: "a value is read that another one then replaces",
    source: "scylladb/scylladb#6299",
    witness: include_str!("../../../testdata/algorithms/paxos/read-not-completed.toml"),
};
pub(super) static HALF_MAJORITY: Mutant = Mutant {
    id: "half-majority",
    summary: "half of the servers, rounded down, counts as a majority",
    rule: "any two quorums have a member in common",
    anomaly: "two values are chosen",
    source: "a classic: n / 2 instead of n / 2 + 1",
    witness: include_str!("../../../testdata/algorithms/paxos/half-majority.toml"),
};
pub(super) static STALE_ACCEPTED: Mutant = Mutant {
    id: "stale-accepted",
    summary: "acceptances of an earlier ballot are counted for the present one",
    rule: "a value is chosen when a majority accepts it in one ballot",
    anomaly: "a value is learned that was not chosen",
    source: SIMPLE,
    witness: include_str!("../../../testdata/algorithms/paxos/stale-accepted.txt"),
};

pub(super) static ALL: &[&Mutant] = &[
    &IGNORE_ACCEPTED,
    &LOWEST_ACCEPTED,
    &ACCEPT_LOWER_BALLOT,
    &BALLOT_REUSE,
    &FORGET_PROMISE,
    &FORGET_VALUE,
    &PROMISE_BEFORE_FSYNC,
    &ACCEPT_BEFORE_FSYNC,
    &READ_NOT_COMPLETED,
    &HALF_MAJORITY,
    &STALE_ACCEPTED,
];
