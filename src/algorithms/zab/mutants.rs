//! Known bugs of Zab and of ZooKeeper, each a rule left out.

use crate::node::Mutant;

pub(super) static NEWLEADER_ACK_BEFORE_FSYNC: Mutant = Mutant {
    id: "newleader-ack-before-fsync",
    summary: "a follower acknowledges NEWLEADER before the leader's history is on its disk",
    rule: "the history and its epoch are on disk before NEWLEADER is acknowledged",
    anomaly: "a committed transaction is lost when followers crash",
    source: "ZOOKEEPER-4646: transactions are logged by another thread while the acknowledgement goes out",
    witness: include_str!("../../../testdata/algorithms/zab/newleader-ack-before-fsync.txt"),
};
pub(super) static HISTORY_AFTER_UPTODATE: Mutant = Mutant {
    id: "history-after-uptodate",
    summary: "a follower writes the leader's history down only when UPTODATE comes",
    rule: "the history and its epoch are on disk before NEWLEADER is acknowledged",
    anomaly: "the leader counts on a history that no disk but its own has",
    source: "ZOOKEEPER-3911: data inconsistency caused by DIFF sync of the uncommitted log",
    witness: include_str!("../../../testdata/algorithms/zab/history-after-uptodate.txt"),
};
pub(super) static EPOCH_BEFORE_HISTORY: Mutant = Mutant {
    id: "epoch-before-history",
    summary: "a follower writes the new epoch down, and then the history that belongs to it",
    rule: "the current epoch on disk says that the history of that epoch is there too",
    anomaly: "a crash between the two leaves a short history with a high epoch, which wins elections",
    source: "ZOOKEEPER-4643",
    witness: include_str!("../../../testdata/algorithms/zab/epoch-before-history.txt"),
};
pub(super) static DIFF_LOGGED_LATE: Mutant = Mutant {
    id: "diff-logged-late",
    summary: "after a DIFF, the epoch is written and NEWLEADER acknowledged, and the transactions are left to another thread",
    rule: "the history and its epoch are on disk before NEWLEADER is acknowledged",
    anomaly: "a follower that crashes then wins by its epoch, and makes others cut off what they had written",
    source: "ZOOKEEPER-4785: a race in Learner.syncWithLeader",
    witness: include_str!("../../../testdata/algorithms/zab/diff-logged-late.txt"),
};
pub(super) static ACK_BEFORE_NEWLEADER: Mutant = Mutant {
    id: "ack-before-newleader",
    summary: "a follower acknowledges the transactions of a DIFF one by one, before NEWLEADER",
    rule: "NEWLEADER is the first thing that a follower acknowledges",
    anomaly: "the leader takes it for an error and steps down, again and again",
    source: "ZOOKEEPER-4685",
    witness: include_str!("../../../testdata/algorithms/zab/ack-before-newleader.txt"),
};
pub(super) static DIFF_HOLE: Mutant = Mutant {
    id: "diff-hole",
    summary: "what a server got by DIFF is missing in what it sends to others when it leads",
    rule: "a leader sends its whole history",
    anomaly: "followers lack transactions that were committed",
    source: "ZOOKEEPER-4925: transactions of a DIFF are not put into committedLog",
    witness: include_str!("../../../testdata/algorithms/zab/diff-hole.txt"),
};
pub(super) static OLD_EPOCH_ACCEPTED: Mutant = Mutant {
    id: "old-epoch-accepted",
    summary: "a follower takes proposals of a leader that it does not follow any more",
    rule: "a follower takes proposals of the epoch that it follows, and of no other",
    anomaly: "histories diverge",
    source: "step 3.2 of the paper; its channels lose what an old leader sent",
    witness: include_str!("../../../testdata/algorithms/zab/old-epoch-accepted.txt"),
};
pub(super) static ACCEPTED_NOT_PERSISTED: Mutant = Mutant {
    id: "accepted-not-persisted",
    summary: "the accepted epoch is not on disk",
    rule: "an accepted epoch survives a crash",
    anomaly: "two leaders are established in an epoch",
    source: "step 1.3 of the paper; ZooKeeper's acceptedEpoch file",
    witness: include_str!("../../../testdata/algorithms/zab/accepted-not-persisted.txt"),
};
pub(super) static NO_HISTORY_CHECK: Mutant = Mutant {
    id: "no-history-check",
    summary: "histories are compared neither in the election nor in discovery",
    rule: "the history of an epoch is the best one of a quorum",
    anomaly: "committed transactions are cut off",
    source: "step 2.1 of the paper; ZooKeeper compares twice, in totalOrderPredicate and in Leader.waitForEpochAck",
    witness: include_str!("../../../testdata/algorithms/zab/no-history-check.txt"),
};
pub(super) static VOTE_BY_NUMBER: Mutant = Mutant {
    id: "vote-by-number",
    summary: "the server with the highest number is elected, whatever its history; discovery finds that out",
    rule: "the better vote is the one with the later epoch, then the longer history",
    anomaly: "a server that lags is elected and gives up, again and again: nothing is ever done",
    source: "ZooKeeper's fast leader election, totalOrderPredicate",
    witness: include_str!("../../../testdata/algorithms/zab/vote-by-number.toml"),
};
pub(super) static UNSYNCHRONISED_BROADCAST: Mutant = Mutant {
    id: "unsynchronised-broadcast",
    summary: "a leader begins to broadcast when a quorum has accepted its epoch, before it has acknowledged NEWLEADER",
    rule: "broadcast begins when the leader's history is on the disks of a quorum",
    anomaly: "a history counts as committed that only the leader has",
    source: "step 2.3 of the paper",
    witness: include_str!("../../../testdata/algorithms/zab/unsynchronised-broadcast.txt"),
};
pub(super) static TRUNC_SKIPPED: Mutant = Mutant {
    id: "trunc-skipped",
    summary: "a follower keeps what it has where the leader's history differs",
    rule: "what the leader does not have is cut off (TRUNC)",
    anomaly: "histories diverge",
    source: "phase 2 of ZooKeeper; ZOOKEEPER-2845 is one way to it",
    witness: include_str!("../../../testdata/algorithms/zab/trunc-skipped.txt"),
};
pub(super) static ACK_BEFORE_FSYNC: Mutant = Mutant {
    id: "ack-before-fsync",
    summary: "a follower acknowledges a proposal before it is on disk",
    rule: "an acknowledged transaction survives a crash",
    anomaly: "a committed transaction is lost",
    source: "step 3.2 of the paper",
    witness: include_str!("../../../testdata/algorithms/zab/ack-before-fsync.txt"),
};
pub(super) static HALF_MAJORITY: Mutant = Mutant {
    id: "half-majority",
    summary: "half of the servers, rounded down, counts as a quorum",
    rule: "any two quorums have a server in common",
    anomaly: "two leaders, two histories",
    source: "a classic: n / 2 instead of n / 2 + 1",
    witness: include_str!("../../../testdata/algorithms/zab/half-majority.txt"),
};
pub(super) static COMMIT_WITHOUT_QUORUM: Mutant = Mutant {
    id: "commit-without-quorum",
    summary: "a leader commits what it proposes at once",
    rule: "what is committed is on the disks of a quorum",
    anomaly: "an acknowledged write is lost with the leader",
    source: "step 3.3 of the paper",
    witness: include_str!("../../../testdata/algorithms/zab/commit-without-quorum.txt"),
};
pub(super) static LOCAL_READ: Mutant = Mutant {
    id: "local-read",
    summary: "a leader answers reads from its store, without a sync",
    rule: "a read goes after a transaction that was broadcast after it arrived",
    anomaly: "stale read by a deposed leader",
    source: "ZOOKEEPER-1675: sync is not a quorum operation",
    witness: include_str!("../../../testdata/algorithms/zab/local-read.txt"),
};
pub(super) static READ_GOES_BACK: Mutant = Mutant {
    id: "read-goes-back",
    summary: "with local reads, a server answers whatever the client has seen elsewhere",
    rule: "a client is not shown an earlier state than it has seen",
    anomaly: "a client does not find what it has just written",
    source: "ZooKeeper's servers turn away a session with a later zxid (ZooKeeperServer.processConnectRequest)",
    witness: include_str!("../../../testdata/algorithms/zab/read-goes-back.txt"),
};
pub(super) static NO_DEDUP: Mutant = Mutant {
    id: "no-dedup",
    summary: "the store does not look at sessions",
    rule: "a request that was performed is not performed again",
    anomaly: "a retried request is performed twice",
    source: "Ongaro's thesis §6.3; etcd-io/jetcd",
    witness: include_str!("../../../testdata/algorithms/zab/no-dedup.txt"),
};
pub(super) static SNAPSHOT_WITHOUT_SESSIONS: Mutant = Mutant {
    id: "snapshot-without-sessions",
    summary: "a snapshot leaves the sessions out",
    rule: "sessions are part of the state",
    anomaly: "a retried request is performed twice after a restore",
    source: "Ongaro's thesis §6.3",
    witness: include_str!("../../../testdata/algorithms/zab/snapshot-without-sessions.txt"),
};
pub(super) static ALL: &[&Mutant] = &[
    &NEWLEADER_ACK_BEFORE_FSYNC,
    &HISTORY_AFTER_UPTODATE,
    &EPOCH_BEFORE_HISTORY,
    &DIFF_LOGGED_LATE,
    &ACK_BEFORE_NEWLEADER,
    &DIFF_HOLE,
    &OLD_EPOCH_ACCEPTED,
    &ACCEPTED_NOT_PERSISTED,
    &NO_HISTORY_CHECK,
    &VOTE_BY_NUMBER,
    &UNSYNCHRONISED_BROADCAST,
    &TRUNC_SKIPPED,
    &ACK_BEFORE_FSYNC,
    &HALF_MAJORITY,
    &COMMIT_WITHOUT_QUORUM,
    &LOCAL_READ,
    &READ_GOES_BACK,
    &NO_DEDUP,
    &SNAPSHOT_WITHOUT_SESSIONS,
];
