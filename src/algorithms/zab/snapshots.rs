//! Snapshots: the state instead of the history that led to it.
//!
//! ZooKeeper's snapshots are fuzzy, taken while changes go on, and made whole by replaying the log from where they
//! began. These are exact: the state after a zxid.

use super::{Index, Log, Out, Record, Server, Zxid, mutants};
use crate::algorithms::common::Store;
use crate::node::Barrier;
use serde::{Deserialize, Serialize};

/// So many transactions before the snapshot are kept for followers that lag a little.
const TRAIL: Index = 16;

/// The state after a zxid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub zxid: Zxid,
    pub store: Store,
}

impl Server {
    /// Takes a snapshot of what was delivered, if the history has grown enough since the last one.
    pub(super) fn snapshot_if_due(&mut self, counter: Index, out: &mut Out<'_>) {
        if counter < self.snapshot.zxid.counter + self.options.snapshot_after {
            return;
        }
        let Some(zxid) = super::zxid(&self.log, counter) else { return };
        let store = self.store.snapshot(self.setup.has(&mutants::SNAPSHOT_WITHOUT_SESSIONS));
        self.snapshot = Snapshot { zxid, store };
        self.log.forget(counter.saturating_sub(TRAIL).max(self.log.base().0));
        out.note("snapshot", [("epoch", zxid.epoch.into()), ("counter", counter.into())]);
        self.rewrite(out);
    }

    /// Puts everything that matters in the place of all that is on disk, at once or not at all.
    pub(super) fn rewrite(&mut self, out: &mut Out<'_>) -> Barrier {
        let txns = self.log.from(self.snapshot.zxid.counter + 1, usize::MAX);
        let barrier = out.rewrite(vec![
            Record::Snapshot(Box::new(self.snapshot.clone())),
            Record::Accepted(self.accepted),
            Record::History { after: self.snapshot.zxid, txns, epoch: self.current },
        ]);
        self.log.written(barrier);
        barrier
    }

    /// A leader's snapshot takes the place of everything.
    pub(super) fn restore(&mut self, snapshot: &Snapshot, out: &mut Out<'_>) {
        let Zxid { epoch, counter } = snapshot.zxid;
        self.log = Log::new((counter, epoch), self.quorum.clone());
        (self.commit, self.applied) = (counter, counter);
        self.store = snapshot.store.clone();
        self.snapshot = snapshot.clone();
        out.note("installed", [("epoch", epoch.into()), ("counter", counter.into())]);
    }
}
