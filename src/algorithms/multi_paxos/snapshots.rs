//! Snapshots: the state instead of the slots that led to it (L§5.1), and how they get to those who lag too far.

use super::{Message, Out, Record, Server, Slot, mutants};
use crate::algorithms::common::{Outgoing, Piece, Store, Taken};
use crate::node::{NodeId, Quorum};
use serde::{Deserialize, Serialize};

/// The state after a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub slot: Slot,
    /// The configuration of the next slot, and those that are chosen and do not act yet: from which slot on.
    pub configs: Vec<(Slot, Quorum)>,
    pub store: Store,
}

impl Snapshot {
    /// Before anything was chosen.
    pub(super) fn first(config: Quorum) -> Self {
        Self { slot: 0, configs: vec![(1, config)], store: Store::default() }
    }
}

impl Server {
    /// Takes a snapshot of what was applied, if there is enough since the last one; then the slots are forgotten.
    pub(super) fn snapshot_if_due(&mut self, out: &mut Out<'_>) {
        let slot = self.learner.prefix;
        if slot < self.learner.snapshot.slot + self.options.snapshot_after {
            return;
        }
        let store = self.learner.store.snapshot(self.setup.has(&mutants::SNAPSHOT_WITHOUT_SESSIONS));
        self.learner.trim();
        let mut configs: Vec<(Slot, Quorum)> = self.learner.configs.iter().cloned().collect();
        if self.setup.has(&mutants::SNAPSHOT_WITHOUT_PENDING) {
            configs.truncate(1);
        }
        self.learner.snapshot = Snapshot { slot, configs, store };
        out.note("snapshot", [("slot", slot.into())]);
        self.learner.trim();
        self.rewrite(out);
    }

    /// Puts the snapshot, and what the acceptor must not forget beyond it, in the place of all that is on disk.
    fn rewrite(&mut self, out: &mut Out<'_>) {
        self.acceptor.trim(self.learner.snapshot.slot);
        let mut records = vec![
            Record::Snapshot(Box::new(self.learner.snapshot.clone())),
            Record::Round(self.round),
            Record::Promised(self.acceptor.promised),
        ];
        let accepted = self.acceptor.accepted.iter();
        records.extend(accepted.map(|(slot, (ballot, value))| Record::Accepted {
            slot: *slot,
            ballot: *ballot,
            value: value.clone(),
        }));
        out.rewrite(records);
    }

    /// Sends the next piece of a snapshot to somebody who lacks what is chosen from a slot on.
    pub(super) fn send_snapshot(&mut self, to: NodeId, first: Slot, out: &mut Out<'_>) {
        let snapshot = &self.learner.snapshot;
        let sending = self.outgoing.entry(to).or_insert_with(|| Outgoing::new(snapshot.slot, snapshot));
        if sending.of() < first {
            *sending = Outgoing::new(snapshot.slot, snapshot);
        }
        out.send(to, Message::Install(sending.piece(self.options.piece)));
    }

    pub(super) fn install(&mut self, from: NodeId, piece: &Piece, out: &mut Out<'_>) {
        let slot = piece.of;
        if slot <= self.learner.prefix {
            return out.send(from, Message::Installed { slot, received: 0, done: true });
        }
        match self.incoming.take((from, slot), piece) {
            Taken::Part(received) => out.send(from, Message::Installed { slot, received, done: false }),
            Taken::Damaged => out.send(from, Message::Installed { slot, received: 0, done: false }),
            Taken::Whole(snapshot, received) => {
                self.restore(snapshot, out);
                self.tell(from, Message::Installed { slot, received, done: true }, out);
                self.propose(out);
            }
        }
    }

    pub(super) fn installed(&mut self, from: NodeId, slot: Slot, received: u64, done: bool, out: &mut Out<'_>) {
        let Some(sending) = self.outgoing.get_mut(&from).filter(|sending| sending.of() == slot) else { return };
        if done {
            self.outgoing.remove(&from);
        } else {
            sending.received(received);
            let piece = sending.piece(self.options.piece);
            out.send(from, Message::Install(piece));
        }
    }

    /// The snapshot takes the place of everything up to its slot; what is known beyond stays.
    fn restore(&mut self, snapshot: Snapshot, out: &mut Out<'_>) {
        let mut learner = super::Learner::new(snapshot);
        learner.log = std::mem::take(&mut self.learner.log).split_off(&(learner.prefix + 1));
        self.learner = learner;
        self.step.restored = Some(self.learner.prefix);
        self.supersede(self.learner.prefix, out);
        out.note("installed", [("slot", self.learner.prefix.into())]);
        self.rewrite(out);
        self.apply(out);
    }
}
