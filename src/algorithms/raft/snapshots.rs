//! Snapshots: the state instead of the log that led to it (§7), and how they get to those who lag too far.

use super::{Index, Message, Out, Record, Role, Server, Term, mutants, replication::Mode};
use crate::algorithms::common::{Piece, Store, Taken};
use crate::node::{NodeId, Quorum};
use serde::{Deserialize, Serialize};

/// So many entries before the snapshot are kept for followers that lag a little.
const TRAIL: Index = 16;

/// The state after an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub index: Index,
    pub term: Term,
    /// The configuration at the index.
    pub config: Quorum,
    pub store: Store,
}

impl Server {
    /// Takes a snapshot at the index that was applied last, if the log has grown enough since the last one.
    pub(super) fn snapshot_if_due(&mut self, index: Index, out: &mut Out<'_>) {
        if index < self.snapshot.index + self.options.snapshot_after {
            return;
        }
        let store = self.store.snapshot(self.setup.has(&mutants::SNAPSHOT_WITHOUT_SESSIONS));
        let term = self.log.term(index).unwrap_or(0);
        self.snapshot = Snapshot { index, term, config: self.log.config_at(index).clone(), store };
        self.log.forget(index.saturating_sub(TRAIL).max(self.log.base().0));
        out.note("snapshot", [("index", index.into())]);
        self.rewrite(out);
    }

    /// Puts the snapshot, the vote and what follows in the log in the place of all that is on disk.
    fn rewrite(&mut self, out: &mut Out<'_>) {
        let barrier = out.rewrite(vec![
            Record::Snapshot(Box::new(self.snapshot.clone())),
            Record::Vote { term: self.term, voted_for: self.voted_for },
            Record::Entries(self.log.from(self.snapshot.index + 1, usize::MAX)),
        ]);
        self.log.written(barrier);
    }

    /// Sends a follower the next piece of the snapshot that it needs.
    pub(super) fn send_piece(&mut self, to: NodeId, out: &mut Out<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let Some(Mode::Snapshot(outgoing)) = leader.progress.get(&to).map(|of| &of.mode) else { return };
        out.send(to, Message::Install { term: self.term, piece: outgoing.piece(self.options.piece) });
    }

    pub(super) fn install(&mut self, from: NodeId, piece: &Piece, out: &mut Out<'_>) {
        let (term, index) = (self.term, piece.of);
        let reply = |received, done| Message::Installed { term, index, received, done };
        if index <= self.commit {
            return self.tell(from, reply(0, true), out);
        }
        let reply = match self.incoming.take((from, term, index), piece) {
            Taken::Part(received) => reply(received, false),
            Taken::Whole(snapshot, received) => {
                self.restore(snapshot, out);
                reply(received, true)
            }
            Taken::Damaged => reply(0, false),
        };
        self.tell(from, reply, out);
    }

    /// The snapshot takes the place of the log up to its index. What follows stays, if it does follow.
    fn restore(&mut self, snapshot: Snapshot, out: &mut Out<'_>) {
        let (index, term) = (snapshot.index, snapshot.term);
        if self.log.term(index) != Some(term) {
            self.log = super::Log::new((index, term), snapshot.config.clone());
        }
        (self.commit, self.applied) = (index, index);
        self.store = snapshot.store.clone();
        self.snapshot = snapshot;
        out.note("installed", [("index", index.into())]);
        self.rewrite(out);
        self.answer_reads(out);
    }

    pub(super) fn installed(&mut self, from: NodeId, index: Index, received: u64, done: bool, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(of) = leader.progress.get_mut(&from) else { return };
        of.active = true;
        let Mode::Snapshot(outgoing) = &mut of.mode else { return };
        if outgoing.of() != index {
            return;
        }
        if done {
            of.matched = of.matched.max(index);
            self.step.acknowledged = Some(from);
            of.next = of.matched + 1;
            of.mode = Mode::Probe { sent: false };
            self.send_entries(from, out);
            self.go_on_with_change(out);
        } else {
            outgoing.received(received);
            self.send_piece(from, out);
        }
    }
}
