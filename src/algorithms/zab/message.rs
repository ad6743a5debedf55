//! Messages: votes of the election, packets on the channel of a follower and its leader, requests of clients.

use super::{Epoch, Index, Txn, Zxid};
use crate::algorithms::common::{Ask, KvMessage, Piece, Reply, Segment};
use crate::node::NodeId;
use serde::{Deserialize, Serialize};

/// What nodes tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A request of a client that has seen the state after this counter: with local reads it must not see an
    /// earlier one.
    Ask { ask: Ask, seen: Index },
    /// An answer, from the state after this counter; 0 where it does not matter.
    Reply { reply: Reply, position: Index },
    /// A notification of the election: whom its sender votes for, or has decided for.
    Notify { round: u64, vote: Vote, state: State },
    /// Part of the channel between a follower and its leader.
    Segment(Segment<Packet>),
    /// There is no such channel (any more).
    Closed { connection: u64 },
}

/// A vote for a leader, and why: the history that the leader is said to have. The greater one is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vote {
    /// Its current epoch.
    pub epoch: Epoch,
    /// The end of its history.
    pub last: Zxid,
    pub leader: NodeId,
}

/// What a server is doing, as its notifications say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Looking,
    Following,
    Leading,
}

/// What passes between a follower and its leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packet {
    /// CEPOCH: a follower's accepted epoch.
    Cepoch { accepted: Epoch },
    /// NEWEPOCH: the leader's, higher than all that a quorum has accepted.
    NewEpoch { epoch: Epoch },
    /// ACKEPOCH: no earlier epoch will be followed any more; this is the follower's history. It `counts` unless
    /// the epoch was accepted before, perhaps for another leader.
    AckEpoch { current: Epoch, last: Zxid, counts: bool },
    /// The follower's history is the beginning of the leader's: what follows is the difference.
    Diff,
    /// The follower's history is the leader's up to here, and what it has behind that was never committed.
    Trunc { to: Zxid },
    /// The leader does not have what the follower lacks any more: a piece of its snapshot instead.
    Snap(Piece),
    /// So many bytes of the snapshot are here; all, if `done`.
    SnapAck { of: Index, received: u64, done: bool },
    /// Part of the leader's history.
    History(Vec<Txn>),
    /// NEWLEADER: that was all.
    NewLeader { epoch: Epoch },
    /// ACK of NEWLEADER: the leader's history and its epoch are on disk.
    AckNewLeader,
    /// The follower may begin to serve; everything up to here is committed.
    UpToDate { commit: Index },
    /// PROPOSE.
    Propose(Txn),
    /// ACK: everything up to here is on disk.
    Ack { counter: Index },
    /// COMMIT: everything up to here.
    Commit { counter: Index },
}

impl Packet {
    fn name(&self) -> &'static str {
        match self {
            Self::Cepoch { .. } => "cepoch",
            Self::NewEpoch { .. } => "new-epoch",
            Self::AckEpoch { .. } => "ack-epoch",
            Self::Diff => "diff",
            Self::Trunc { .. } => "trunc",
            Self::Snap(_) => "snap",
            Self::SnapAck { .. } => "snap-ack",
            Self::History(_) => "history",
            Self::NewLeader { .. } => "new-leader",
            Self::AckNewLeader => "ack-new-leader",
            Self::UpToDate { .. } => "up-to-date",
            Self::Propose(_) => "propose",
            Self::Ack { .. } => "ack",
            Self::Commit { .. } => "commit",
        }
    }
}

impl KvMessage for Message {
    fn ask(ask: Ask, seen: u64) -> Self {
        Self::Ask { ask, seen }
    }

    fn reply(reply: Reply) -> Self {
        Self::Reply { reply, position: 0 }
    }

    fn into_reply(self) -> Option<(Reply, u64)> {
        if let Self::Reply { reply, position } = self { Some((reply, position)) } else { None }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Ask { ask, .. } => ask.request.name(),
            Self::Reply { .. } => "reply",
            Self::Notify { .. } => "notify",
            Self::Segment(segment) => segment.packet.as_ref().map_or("ping", Packet::name),
            Self::Closed { .. } => "closed",
        }
    }
}
