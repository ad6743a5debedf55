//! What a leader has taken on and not committed: who waits for it, and how much it is. A request that was
//! performed, or is under way, is not taken on again; and there is a limit.

use super::client::{KvMessage, Request};
use super::kv::{Command, Store};
use super::log::Index;
use super::serving::{Waiting, admit};
use crate::node::{Effects, NodeId};
use std::collections::{BTreeMap, VecDeque};

/// The proposals of a leader. They are lost with the office.
#[derive(Debug, Default)]
pub struct Proposals {
    waiting: BTreeMap<Index, Waiting>,
    /// By client: the last request that was proposed here.
    proposed: BTreeMap<NodeId, u64>,
    /// Those that are not committed, with their sizes, and the sum of these.
    uncommitted: VecDeque<(Index, usize)>,
    bytes: usize,
}

impl Proposals {
    /// The command of a request, if it is to be proposed: see [`admit`].
    pub fn admit<M: KvMessage, R>(
        &self,
        store: &Store,
        waiting: Waiting,
        request: Request,
        limits: (bool, usize),
        out: &mut Effects<'_, M, R>,
    ) -> Option<Command> {
        let under_way = self.proposed.get(&waiting.client).copied();
        admit(store, waiting, request, (under_way, self.bytes), limits, out)
    }

    /// A command is proposed at an index.
    pub fn add(&mut self, index: Index, command: &Command) {
        self.uncommitted.push_back((index, command.size()));
        self.bytes += command.size();
        self.proposed.insert(NodeId(command.client), command.sequence);
    }

    /// Somebody waits for what is proposed at an index.
    pub fn wait(&mut self, index: Index, waiting: Waiting) {
        self.waiting.insert(index, waiting);
    }

    /// Everything up to an index is committed.
    pub fn committed(&mut self, index: Index) {
        while let Some((_, size)) = self.uncommitted.pop_front_if(|(at, _)| *at <= index) {
            self.bytes -= size;
        }
    }

    /// Who waits for an index that is performed now.
    pub fn performed(&mut self, index: Index) -> Option<Waiting> {
        self.waiting.remove(&index)
    }

    /// How many bytes are not committed.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Everybody who waits still.
    pub fn into_waiting(self) -> impl Iterator<Item = Waiting> {
        self.waiting.into_values()
    }
}
