//! Messages.

use super::{Slot, Value};
use crate::algorithms::common::{Ask, Ballot, KvMessage, Piece, Reply};
use serde::{Deserialize, Serialize};

/// What nodes tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    Ask(Ask),
    Reply(Reply),
    /// Phase 1a, for all slots from `first` on; the leader of the ballot `resigned` asked for it, if any.
    Prepare {
        ballot: Ballot,
        first: Slot,
        resigned: Option<Ballot>,
    },
    /// Phase 1b: nothing below the ballot will be accepted any more; this was, before. What was accepted up
    /// to `trimmed` is forgotten, as it is chosen and applied.
    Promise {
        ballot: Ballot,
        accepted: Vec<(Slot, Ballot, Value)>,
        trimmed: Slot,
    },
    /// Phase 2a; and everything up to `chosen` is chosen.
    Accept {
        ballot: Ballot,
        slot: Slot,
        value: Value,
        chosen: Slot,
    },
    /// Phase 2b.
    Accepted {
        ballot: Ballot,
        slot: Slot,
    },
    /// A higher ballot was promised, or a promise is out of the question for now.
    Refused {
        ballot: Ballot,
        promised: Ballot,
    },
    /// I lead; everything up to `chosen` is chosen.
    Heartbeat {
        ballot: Ballot,
        chosen: Slot,
        round: u64,
    },
    /// You do: nobody else gets a promise for a while. Everything up to `learned` is known here.
    Heartbeaten {
        ballot: Ballot,
        round: u64,
        learned: Slot,
    },
    /// Everything up to here is chosen, and known here.
    Known {
        chosen: Slot,
    },
    /// What is chosen from here on?
    Fetch {
        first: Slot,
    },
    /// This, from `first` on; and there is more up to `chosen`.
    Learned {
        first: Slot,
        values: Vec<Value>,
        chosen: Slot,
    },
    /// A piece of a snapshot.
    Install(Piece),
    /// So many bytes are here; all, if `done`.
    Installed {
        slot: Slot,
        received: u64,
        done: bool,
    },
    /// I led, and don't any more: ask for promises now.
    TakeOver {
        resigned: Ballot,
    },
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
            Self::Prepare { .. } => "prepare",
            Self::Promise { .. } => "promise",
            Self::Accept { .. } => "accept",
            Self::Accepted { .. } => "accepted",
            Self::Refused { .. } => "refused",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Heartbeaten { .. } => "heartbeaten",
            Self::Known { .. } => "known",
            Self::Fetch { .. } => "fetch",
            Self::Learned { .. } => "learned",
            Self::Install(_) => "install-snapshot",
            Self::Installed { .. } => "installed",
            Self::TakeOver { .. } => "take-over",
        }
    }
}
