//! Known bugs of Raft implementations, each a rule left out.

use crate::node::Mutant;

pub(super) static LOCAL_READ: Mutant = Mutant {
    id: "local-read",
    summary: "a leader answers reads from its store without making sure that it still leads",
    rule: "before it answers, a leader makes sure that it has not been deposed",
    anomaly: "stale read",
    source: "d-engine#381, redisraft#22; thesis §6.4",
    witness: include_str!("../../../testdata/algorithms/raft/local-read.txt"),
};
pub(super) static FOLLOWER_READ: Mutant = Mutant {
    id: "follower-read",
    summary: "any server answers reads from its store",
    rule: "a follower asks the leader from which index on a read is not stale",
    anomaly: "stale reads that go back and forth",
    source: "thesis §6.4.1",
    witness: include_str!("../../../testdata/algorithms/raft/follower-read.txt"),
};
pub(super) static READ_INDEX_BEFORE_COMMIT: Mutant = Mutant {
    id: "read-index-before-commit",
    summary: "a new leader takes its commit index for a read before it has committed anything",
    rule: "a leader knows what is committed only after it has committed an entry of its own term",
    anomaly: "stale read after an election",
    source: "tikv/tikv#6340; thesis §6.4, step 1",
    witness: include_str!("../../../testdata/algorithms/raft/read-index-before-commit.txt"),
};
pub(super) static READ_INDEX_STALE_ACK: Mutant = Mutant {
    id: "read-index-stale-ack",
    summary: "answers to heartbeats that were sent before the read confirm it",
    rule: "only a round that was begun after the read arrived says that the leader still led then",
    anomaly: "stale read by a deposed leader",
    source: "thesis §6.4, step 3",
    witness: include_str!("../../../testdata/algorithms/raft/read-index-stale-ack.txt"),
};
pub(super) static NO_STICKINESS: Mutant = Mutant {
    id: "lease-without-stickiness",
    summary: "servers vote although they have just heard from a leader",
    rule: "nobody votes within the least election timeout after hearing from a leader",
    anomaly: "stale read under a lease",
    source: "thesis §4.2.3, §6.4.1",
    witness: include_str!("../../../testdata/algorithms/raft/lease-without-stickiness.txt"),
};
pub(super) static LEASE_NO_MARGIN: Mutant = Mutant {
    id: "lease-no-margin",
    summary: "the lease lasts twice the least election timeout, as if nobody would stand for election earlier",
    rule: "a lease ends before anybody can be elected, by any clock",
    anomaly: "stale read under a lease",
    source: "thesis §6.4.1",
    witness: include_str!("../../../testdata/algorithms/raft/lease-no-margin.txt"),
};
pub(super) static LEASE_DURING_TRANSFER: Mutant = Mutant {
    id: "lease-during-transfer",
    summary: "a leader that hands its office over goes on to rely on its lease",
    rule: "an election that the leader asked for does not heed leases, so there is none from then on",
    anomaly: "stale read under a lease",
    source: "etcd-io/raft: lease reads and MsgTimeoutNow",
    witness: include_str!("../../../testdata/algorithms/raft/lease-during-transfer.txt"),
};
pub(super) static COMMIT_EARLIER_TERM: Mutant = Mutant {
    id: "commit-earlier-term",
    summary: "an entry of an earlier term is committed by counting",
    rule: "only entries of the leader's term are committed by counting",
    anomaly: "a committed entry is overwritten (figure 8)",
    source: "§5.4.2; logcabin#44",
    witness: include_str!("../../../testdata/algorithms/raft/commit-earlier-term.txt"),
};
pub(super) static VOTE_NOT_PERSISTED: Mutant = Mutant {
    id: "vote-not-persisted",
    summary: "the vote is not on disk",
    rule: "term and vote are on disk before anybody hears of them",
    anomaly: "a restarted server votes twice; two leaders in a term",
    source: "figure 2",
    witness: include_str!("../../../testdata/algorithms/raft/vote-not-persisted.txt"),
};
pub(super) static VOTE_BEFORE_FSYNC: Mutant = Mutant {
    id: "vote-before-fsync",
    summary: "the answer to a candidate does not wait for the disk",
    rule: "term and vote are on disk before anybody hears of them",
    anomaly: "a restarted server votes twice; two leaders in a term",
    source: "figure 2",
    witness: include_str!("../../../testdata/algorithms/raft/vote-before-fsync.txt"),
};
pub(super) static ACK_BEFORE_FSYNC: Mutant = Mutant {
    id: "ack-before-fsync",
    summary: "a follower acknowledges entries before they are on disk",
    rule: "an acknowledged entry survives a crash",
    anomaly: "an acknowledged write is lost",
    source: "figure 2; thesis §10.2.1",
    witness: include_str!("../../../testdata/algorithms/raft/ack-before-fsync.txt"),
};
pub(super) static IGNORE_PREV_TERM: Mutant = Mutant {
    id: "ignore-prev-term",
    summary: "the term of the entry before the new ones is not compared",
    rule: "entries are taken only if what comes before them agrees in index and term",
    anomaly: "logs diverge",
    source: "figure 2, AppendEntries 2",
    witness: include_str!("../../../testdata/algorithms/raft/ignore-prev-term.txt"),
};
pub(super) static TRUNCATE_ALWAYS: Mutant = Mutant {
    id: "truncate-always",
    summary: "whatever follows the new entries is cut off, conflict or not",
    rule: "only entries that conflict are taken away",
    anomaly: "an old message takes a committed entry away",
    source: "figure 2, AppendEntries 3",
    witness: include_str!("../../../testdata/algorithms/raft/truncate-always.txt"),
};
pub(super) static HALF_MAJORITY: Mutant = Mutant {
    id: "half-majority",
    summary: "half of the servers, rounded down, counts as a majority",
    rule: "any two majorities have a server in common",
    anomaly: "two leaders in a term",
    source: "a classic: n / 2 instead of n / 2 + 1",
    witness: include_str!("../../../testdata/algorithms/raft/half-majority.txt"),
};
pub(super) static NO_UP_TO_DATE_CHECK: Mutant = Mutant {
    id: "no-up-to-date-check",
    summary: "votes are given without a look at the candidate's log",
    rule: "a vote goes only to a candidate whose log is at least as up to date",
    anomaly: "committed entries are lost",
    source: "§5.4.1",
    witness: include_str!("../../../testdata/algorithms/raft/no-up-to-date-check.txt"),
};
pub(super) static COMMIT_TO_LEADER_INDEX: Mutant = Mutant {
    id: "commit-to-leader-index",
    summary: "a follower commits up to the leader's commit index, wherever its own agreement with it ends",
    rule: "a follower commits up to the last new entry at most",
    anomaly: "different entries are committed at an index",
    source: "figure 2, AppendEntries 5",
    witness: include_str!("../../../testdata/algorithms/raft/commit-to-leader-index.txt"),
};
pub(super) static STALE_VOTE_COUNTED: Mutant = Mutant {
    id: "stale-vote-counted",
    summary: "votes of an earlier term are counted",
    rule: "only answers of the present term count",
    anomaly: "two leaders in a term",
    source: "figure 2, rules for candidates",
    witness: include_str!("../../../testdata/algorithms/raft/stale-vote-counted.txt"),
};
pub(super) static STALE_APPEND_COUNTED: Mutant = Mutant {
    id: "stale-append-counted",
    summary: "acknowledgements of an earlier term are counted",
    rule: "only answers of the present term count",
    anomaly: "an entry is committed that no majority has",
    source: "figure 2, rules for leaders",
    witness: include_str!("../../../testdata/algorithms/raft/stale-append-counted.txt"),
};
pub(super) static ACK_BEFORE_COMMIT: Mutant = Mutant {
    id: "ack-before-commit",
    summary: "the client is answered when its command is in the leader's log",
    rule: "an answer follows the commit",
    anomaly: "an acknowledged write is lost",
    source: "§5.3",
    witness: include_str!("../../../testdata/algorithms/raft/ack-before-commit.txt"),
};
pub(super) static NO_DEDUP: Mutant = Mutant {
    id: "no-dedup",
    summary: "the store does not look at sessions",
    rule: "a request that was performed is not performed again",
    anomaly: "a retried request is performed twice",
    source: "thesis §6.3; etcd-io/jetcd",
    witness: include_str!("../../../testdata/algorithms/raft/no-dedup.txt"),
};
pub(super) static SNAPSHOT_OFF_BY_ONE: Mutant = Mutant {
    id: "snapshot-off-by-one",
    summary: "a snapshot lacks the last entry that it claims",
    rule: "a snapshot is the state after the index it names",
    anomaly: "a write is missing after a restart or an installation",
    source: "§7",
    witness: include_str!("../../../testdata/algorithms/raft/snapshot-off-by-one.txt"),
};
pub(super) static SNAPSHOT_WITHOUT_SESSIONS: Mutant = Mutant {
    id: "snapshot-without-sessions",
    summary: "a snapshot leaves the sessions out",
    rule: "sessions are part of the state",
    anomaly: "a retried request is performed twice after a restore",
    source: "thesis §6.3",
    witness: include_str!("../../../testdata/algorithms/raft/snapshot-without-sessions.txt"),
};
pub(super) static SINGLE_WITHOUT_COMMIT: Mutant = Mutant {
    id: "single-change-without-commit",
    summary: "a leader changes the configuration by one server before it has committed anything",
    rule: "a leader commits an entry of its term before it changes the configuration",
    anomaly: "two majorities that do not meet",
    source: "Ongaro, bug in single-server membership changes (2015)",
    witness: include_str!("../../../testdata/algorithms/raft/single-change-without-commit.txt"),
};
pub(super) static CONFIG_AT_COMMIT: Mutant = Mutant {
    id: "config-at-commit",
    summary: "a configuration counts only when it is committed",
    rule: "a server uses the latest configuration in its log",
    anomaly: "two majorities that do not meet",
    source: "§6; thesis §4.1",
    witness: include_str!("../../../testdata/algorithms/raft/config-at-commit.txt"),
};
pub(super) static UNREPLICATED_PROGRESS: Mutant = Mutant {
    id: "unreplicated-progress",
    summary: "a follower is taken to have what was sent to it",
    rule: "only what was acknowledged counts",
    anomaly: "an entry is committed that no majority has",
    source: "databendlabs/openraft#1802",
    witness: include_str!("../../../testdata/algorithms/raft/unreplicated-progress.txt"),
};
pub(super) static SHORT_TIMEOUT: Mutant = Mutant {
    id: "short-election-timeout",
    summary: "election timeouts are about as long as the time between heartbeats",
    rule: "broadcast time is much shorter than the election timeout",
    anomaly: "leaders are deposed all the time; nothing is ever done",
    source: "§5.6",
    witness: include_str!("../../../testdata/algorithms/raft/short-election-timeout.toml"),
};
pub(super) static UNLIMITED_PROPOSALS: Mutant = Mutant {
    id: "unlimited-proposals",
    summary: "a leader takes on proposals without end",
    rule: "proposals that are not committed are limited",
    anomaly: "memory fills while no majority answers",
    source: "etcd-io/raft MaxUncommittedEntriesSize",
    witness: include_str!("../../../testdata/algorithms/raft/unlimited-proposals.txt"),
};
pub(super) static ALL: &[&Mutant] = &[
    &LOCAL_READ,
    &FOLLOWER_READ,
    &READ_INDEX_BEFORE_COMMIT,
    &READ_INDEX_STALE_ACK,
    &NO_STICKINESS,
    &LEASE_NO_MARGIN,
    &LEASE_DURING_TRANSFER,
    &COMMIT_EARLIER_TERM,
    &VOTE_NOT_PERSISTED,
    &VOTE_BEFORE_FSYNC,
    &ACK_BEFORE_FSYNC,
    &IGNORE_PREV_TERM,
    &TRUNCATE_ALWAYS,
    &HALF_MAJORITY,
    &NO_UP_TO_DATE_CHECK,
    &COMMIT_TO_LEADER_INDEX,
    &STALE_VOTE_COUNTED,
    &STALE_APPEND_COUNTED,
    &ACK_BEFORE_COMMIT,
    &NO_DEDUP,
    &SNAPSHOT_OFF_BY_ONE,
    &SNAPSHOT_WITHOUT_SESSIONS,
    &SINGLE_WITHOUT_COMMIT,
    &CONFIG_AT_COMMIT,
    &UNREPLICATED_PROGRESS,
    &SHORT_TIMEOUT,
    &UNLIMITED_PROPOSALS,
];
