//! Known bugs of Multi-Paxos implementations, each a rule left out.

use crate::node::Mutant;

pub(super) static IGNORE_FOUND: Mutant = Mutant {
    id: "ignore-found",
    summary: "a new leader proposes its own values in slots of which promises told an accepted one",
    rule: "phase 2 repeats the value of the highest ballot that phase 1 found in the slot",
    anomaly: "two values are chosen for a slot",
    source: "Paxos Made Simple, §2.2, P2c; phase 1 skipped for recovered slots",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/ignore-found.txt"),
};
pub(super) static LOWEST_ACCEPTED: Mutant = Mutant {
    id: "lowest-accepted",
    summary: "of several accepted values the one of the lowest ballot is adopted",
    rule: "the value of the highest ballot counts",
    anomaly: "two values are chosen for a slot",
    source: "Paxos Made Simple, §2.2, P2c",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/lowest-accepted.txt"),
};
pub(super) static HOLES_LEFT: Mutant = Mutant {
    id: "holes-left",
    summary: "a new leader repeats what it found, and leaves the slots between alone",
    rule: "a hole below a slot that was found is filled with a no-op",
    anomaly: "nothing is applied any more",
    source: "Paxos Made Simple, §3",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/holes-left.txt"),
};
pub(super) static APPLY_OVER_HOLES: Mutant = Mutant {
    id: "apply-over-holes",
    summary: "a slot is applied as soon as it is known to be chosen, whatever lies before",
    rule: "slots are applied in order",
    anomaly: "servers apply commands in different orders",
    source: "Paxos Made Simple, §3; a classic of pipelined implementations",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/apply-over-holes.txt"),
};
pub(super) static BALLOT_REUSE: Mutant = Mutant {
    id: "ballot-reuse",
    summary: "a restarted server counts its rounds from the beginning",
    rule: "ballots are unique, also across restarts",
    anomaly: "one ballot stands for two values",
    source: "Paxos Made Live, §4",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/ballot-reuse.txt"),
};
pub(super) static FORGET_PROMISE: Mutant = Mutant {
    id: "forget-promise",
    summary: "a promise is not there any more after a restart",
    rule: "a promise outlives a crash",
    anomaly: "two values are chosen for a slot",
    source: "Paxos Made Simple, §2.5",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/forget-promise.txt"),
};
pub(super) static PROMISE_BEFORE_FSYNC: Mutant = Mutant {
    id: "promise-before-fsync",
    summary: "a promise is given before it is on disk",
    rule: "nothing is said before it is on disk",
    anomaly: "two values are chosen for a slot",
    source: "Paxos Made Live, §4",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/promise-before-fsync.txt"),
};
pub(super) static ACCEPT_BEFORE_FSYNC: Mutant = Mutant {
    id: "accept-before-fsync",
    summary: "an acceptance is reported before it is on disk",
    rule: "nothing is said before it is on disk",
    anomaly: "an acknowledged write is lost",
    source: "Paxos Made Live, §4",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/accept-before-fsync.txt"),
};
pub(super) static ACCEPT_LOWER_BALLOT: Mutant = Mutant {
    id: "accept-lower-ballot",
    summary: "an acceptor accepts although it has promised a higher ballot",
    rule: "below a promise nothing is accepted",
    anomaly: "two values are chosen for a slot",
    source: "Paxos Made Simple, §2.2, P1a",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/accept-lower-ballot.txt"),
};
pub(super) static STALE_ACCEPTED: Mutant = Mutant {
    id: "stale-accepted",
    summary: "acceptances of an earlier ballot of the same leader are counted",
    rule: "only acceptances of the present ballot count",
    anomaly: "a value is taken for chosen that no quorum has accepted",
    source: "Paxos Made Simple, §2.2",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/stale-accepted.txt"),
};
pub(super) static HALF_MAJORITY: Mutant = Mutant {
    id: "half-majority",
    summary: "half of the acceptors, rounded down, counts as a quorum",
    rule: "any two quorums have an acceptor in common",
    anomaly: "two values are chosen for a slot",
    source: "a classic: n / 2 instead of n / 2 + 1",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/half-majority.toml"),
};
pub(super) static LEARN_ANY_BALLOT: Mutant = Mutant {
    id: "learn-any-ballot",
    summary: "who hears that a slot is chosen takes whatever it has accepted there for the value",
    rule: "only what was accepted in the leader's ballot is known to be chosen",
    anomaly: "servers apply different values in a slot",
    source: "The Part-Time Parliament, §3.1; Paxos Made Live, §4.1",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/learn-any-ballot.txt"),
};
pub(super) static TRIMMED_AS_EMPTY: Mutant = Mutant {
    id: "trimmed-as-empty",
    summary: "slots that an acceptor has forgotten after a snapshot are taken for empty",
    rule: "what was forgotten is chosen, and has to be learned",
    anomaly: "two values are chosen for a slot",
    source: "Paxos Made Live, §5.1",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/trimmed-as-empty.txt"),
};
pub(super) static ACK_BEFORE_CHOSEN: Mutant = Mutant {
    id: "ack-before-chosen",
    summary: "the client is answered when its command is proposed",
    rule: "an answer follows the choice",
    anomaly: "an acknowledged write is lost",
    source: "Paxos Made Simple, §3",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/ack-before-chosen.txt"),
};
pub(super) static NO_DEDUP: Mutant = Mutant {
    id: "no-dedup",
    summary: "the store does not look at sessions",
    rule: "a request that was performed is not performed again",
    anomaly: "a retried request is performed twice",
    source: "etcd-io/jetcd; Ongaro's thesis, §6.3",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/no-dedup.txt"),
};
pub(super) static SNAPSHOT_WITHOUT_SESSIONS: Mutant = Mutant {
    id: "snapshot-without-sessions",
    summary: "a snapshot leaves the sessions out",
    rule: "sessions are part of the state",
    anomaly: "a retried request is performed twice after a restore",
    source: "Ongaro's thesis, §6.3",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/snapshot-without-sessions.txt"),
};
pub(super) static SNAPSHOT_WITHOUT_PENDING: Mutant = Mutant {
    id: "snapshot-without-pending",
    summary: "a snapshot leaves out the configurations that are chosen and do not act yet",
    rule: "configurations are part of the state, from the slot on in which they are chosen",
    anomaly: "two quorums that do not meet",
    source: "Reconfiguring a State Machine, §4",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/snapshot-without-pending.txt"),
};
pub(super) static CONFIG_AT_ONCE: Mutant = Mutant {
    id: "config-at-once",
    summary: "a configuration acts from the next slot on",
    rule: "a configuration that is chosen in slot i acts from slot i + α on",
    anomaly: "two quorums that do not meet",
    source: "Reconfiguring a State Machine, §4",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/config-at-once.toml"),
};
pub(super) static BEYOND_ALPHA: Mutant = Mutant {
    id: "beyond-alpha",
    summary: "a leader proposes however far ahead, with the last configuration that it knows",
    rule: "slot i is proposed only when all slots up to i - α are known",
    anomaly: "two quorums that do not meet",
    source: "Reconfiguring a State Machine, §4",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/beyond-alpha.toml"),
};
pub(super) static PHASE_ONE_NOT_EXTENDED: Mutant = Mutant {
    id: "phase-one-not-extended",
    summary: "a leader asks those who join for no promise",
    rule: "a slot is proposed with the promises of a quorum of its own configuration",
    anomaly: "two values are chosen for a slot",
    source: "Reconfiguring a State Machine, §4",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/phase-one-not-extended.txt"),
};
pub(super) static LOCAL_READ: Mutant = Mutant {
    id: "local-read",
    summary: "a leader answers reads from its store without making sure that it still leads",
    rule: "a read goes through the log or rests on a lease",
    anomaly: "stale read by a deposed leader",
    source: "Paxos Made Live, §5.2",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/local-read.txt"),
};
pub(super) static LEASE_NO_MARGIN: Mutant = Mutant {
    id: "lease-no-margin",
    summary: "the lease lasts twice as long as acceptors keep from promising others",
    rule: "a lease ends before anybody else can lead, by any clock",
    anomaly: "stale read under a lease",
    source: "Paxos Made Live, §5.2",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/lease-no-margin.txt"),
};
pub(super) static NO_STICKINESS: Mutant = Mutant {
    id: "lease-without-stickiness",
    summary: "acceptors give promises although they have just heard from a leader",
    rule: "nobody gives a promise within the election timeout after hearing from a leader",
    anomaly: "stale read under a lease",
    source: "Paxos Made Live, §5.2",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/lease-without-stickiness.txt"),
};
pub(super) static LEASE_BEFORE_RECOVERY: Mutant = Mutant {
    id: "lease-before-recovery",
    summary: "a new leader reads under its lease before it has applied what it found",
    rule: "a lease counts when everything that may have been chosen before is applied",
    anomaly: "stale read after a takeover",
    source: "Paxos Made Live, §5.2; tikv/tikv#6340",
    witness: include_str!("../../../testdata/algorithms/multi-paxos/lease-before-recovery.txt"),
};
pub(super) static ALL: &[&Mutant] = &[
    &IGNORE_FOUND,
    &LOWEST_ACCEPTED,
    &HOLES_LEFT,
    &APPLY_OVER_HOLES,
    &BALLOT_REUSE,
    &FORGET_PROMISE,
    &PROMISE_BEFORE_FSYNC,
    &ACCEPT_BEFORE_FSYNC,
    &ACCEPT_LOWER_BALLOT,
    &STALE_ACCEPTED,
    &HALF_MAJORITY,
    &LEARN_ANY_BALLOT,
    &TRIMMED_AS_EMPTY,
    &ACK_BEFORE_CHOSEN,
    &NO_DEDUP,
    &SNAPSHOT_WITHOUT_SESSIONS,
    &SNAPSHOT_WITHOUT_PENDING,
    &CONFIG_AT_ONCE,
    &BEYOND_ALPHA,
    &PHASE_ONE_NOT_EXTENDED,
    &LOCAL_READ,
    &LEASE_NO_MARGIN,
    &NO_STICKINESS,
    &LEASE_BEFORE_RECOVERY,
];
