//! Messages.

use super::{Entry, Index, Term};
use crate::algorithms::common::{Ask, KvMessage, Piece, Reply};
use serde::{Deserialize, Serialize};

/// What nodes tell each other. Every message between servers carries its sender's term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    Ask(Ask),
    Reply(Reply),
    /// Would you vote for me in this term? Nothing changes by being asked.
    PreVote {
        term: Term,
        last: (Index, Term),
    },
    /// The term that was asked for, if granted; else the present one.
    PreVoted {
        term: Term,
        granted: bool,
    },
    /// RequestVote; `transfer` if the leader itself asked for the election.
    Vote {
        term: Term,
        last: (Index, Term),
        transfer: bool,
    },
    Voted {
        term: Term,
        granted: bool,
    },
    /// I lead; everything up to `commit`, which you have, is committed.
    Heartbeat {
        term: Term,
        commit: Index,
        round: u64,
    },
    /// You do. It does not wait for the disk as other answers do, and so confirms reads at once.
    Heartbeaten {
        term: Term,
        round: u64,
    },
    /// AppendEntries.
    Append {
        term: Term,
        prev: (Index, Term),
        entries: Vec<Entry>,
        commit: Index,
    },
    /// The log agrees with the leader's up to `matched`, on disk.
    Appended {
        term: Term,
        matched: Index,
    },
    /// It does not have what came before, but perhaps something up to the hint.
    Rejected {
        term: Term,
        prev: Index,
        hint: Index,
    },
    /// InstallSnapshot, a piece of it.
    Install {
        term: Term,
        piece: Piece,
    },
    /// So many bytes are here; all, if `done`.
    Installed {
        term: Term,
        index: Index,
        received: u64,
        done: bool,
    },
    /// A follower wants to read.
    ReadIndex {
        term: Term,
        id: u64,
    },
    /// It may, once it has applied up to the index.
    ReadIndexed {
        term: Term,
        id: u64,
        index: Index,
    },
    /// Stand for election now.
    TimeoutNow {
        term: Term,
    },
}

impl Message {
    /// The term of its sender; nothing for clients.
    pub(super) fn term(&self) -> Option<Term> {
        match *self {
            Self::Ask(_) | Self::Reply(_) => None,
            Self::PreVote { term, .. }
            | Self::PreVoted { term, .. }
            | Self::Vote { term, .. }
            | Self::Voted { term, .. }
            | Self::Heartbeat { term, .. }
            | Self::Heartbeaten { term, .. }
            | Self::Append { term, .. }
            | Self::Appended { term, .. }
            | Self::Rejected { term, .. }
            | Self::Install { term, .. }
            | Self::Installed { term, .. }
            | Self::ReadIndex { term, .. }
            | Self::ReadIndexed { term, .. }
            | Self::TimeoutNow { term } => Some(term),
        }
    }
}

impl KvMessage for Message {
    fn ask(ask: Ask, _: u64) -> Self {
        Self::Ask(ask)
    }

    fn reply(reply: Reply) -> Self {
        Self::Reply(reply)
    }

    fn into_reply(self) -> Option<(Reply, u64)> {
        if let Self::Reply(reply) = self { Some((reply, 0)) } else { None }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Ask(ask) => ask.request.name(),
            Self::Reply(_) => "reply",
            Self::PreVote { .. } => "pre-vote",
            Self::PreVoted { .. } => "pre-voted",
            Self::Vote { .. } => "request-vote",
            Self::Voted { .. } => "voted",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Heartbeaten { .. } => "heartbeaten",
            Self::Append { entries, .. } if entries.is_empty() => "append-nothing",
            Self::Append { .. } => "append-entries",
            Self::Appended { .. } => "appended",
            Self::Rejected { .. } => "rejected",
            Self::Install { .. } => "install-snapshot",
            Self::Installed { .. } => "installed",
            Self::ReadIndex { .. } => "read-index",
            Self::ReadIndexed { .. } => "read-indexed",
            Self::TimeoutNow { .. } => "timeout-now",
        }
    }
}
