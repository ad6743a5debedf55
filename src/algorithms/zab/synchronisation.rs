//! Phase 2: synchronisation. The leader brings its history to each follower that has accepted its epoch: the
//! difference (DIFF) to where the follower's ends, or to where the two part, behind which the follower cuts off what
//! it has (TRUNC), or a snapshot (SNAP) if the leader has forgotten what the follower lacks. NEWLEADER ends it.
//!
//! A follower takes the history and the epoch in one write, as in the paper, where they are one step, and
//! acknowledges NEWLEADER when they are on disk. ZooKeeper writes the one, then the other: there the history has
//! to come before the epoch, and the acknowledgement after both; what happens otherwise is among the mutants.
//! Once a quorum has acknowledged, the leader's initial history is committed, and broadcast begins.

use super::connections::{LearnerStep, Stage};
use super::message::Packet;
use super::snapshots::Snapshot;
use super::{BATCH, Epoch, Index, Out, Payload, Phase, Record, Server, Txn, Zxid, mutants};
use crate::algorithms::common::{Incoming, Outgoing, Piece, Taken};
use crate::node::{Barrier, NodeId};

/// What a follower has received of its leader's history, until NEWLEADER says that it is all.
#[derive(Debug, Default)]
pub struct Received {
    /// What follows takes the place of everything behind this.
    after: Zxid,
    snapshot: Option<Box<Snapshot>>,
    pieces: Incoming<Index>,
    txns: Vec<Txn>,
}

/// History that a bug has made wait.
#[derive(Debug)]
pub struct Late {
    after: Zxid,
    txns: Vec<Txn>,
    /// With this on disk, it is written at last.
    behind: Option<Barrier>,
}

impl Server {
    /// Brings a follower the leader's history, from where its own agrees with it.
    pub(super) fn synchronise(&mut self, to: NodeId, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        let Some(learner) = leading.learners.get_mut(&to) else { return };
        let last = learner.last;
        // The follower has whatever the leader has up to its own end: of an epoch it has the beginning, and an
        // epoch in which anything was proposed began with a history that every later leader has.
        let (base, end) = (super::base(&self.log), super::last(&self.log));
        let agreed = (base.counter..=end.counter).rev().filter_map(|at| super::zxid(&self.log, at));
        let Some(agreed) = agreed.into_iter().find(|zxid| *zxid <= last) else {
            let snapshot = self.snapshot.zxid;
            learner.step = LearnerStep::Snapshot(Outgoing::new(snapshot.counter, &self.snapshot), snapshot);
            out.note("synchronise", [("to", to.into()), ("by", "snap".into()), ("counter", snapshot.counter.into())]);
            return self.send_piece(to, out);
        };
        let by = if agreed == last { "diff" } else { "trunc" };
        out.note("synchronise", [("to", to.into()), ("by", by.into()), ("counter", agreed.counter.into())]);
        self.tell_learner(to, if agreed == last { Packet::Diff } else { Packet::Trunc { to: agreed } }, out);
        self.send_history(to, agreed.counter + 1, out);
    }

    /// Sends a follower what the history has from here on, and NEWLEADER. From now on it gets proposals too.
    fn send_history(&mut self, to: NodeId, from: Index, out: &mut Out<'_>) {
        let end = self.last().counter;
        for from in (from..=end).step_by(BATCH) {
            let mut txns = self.log.from(from, BATCH);
            if self.setup.has(&mutants::DIFF_HOLE) {
                let lost = txns.iter_mut().filter(|txn| self.uncached.contains(&txn.index));
                lost.for_each(|txn| txn.payload = Payload::Sync);
            }
            self.tell_learner(to, Packet::History(txns), out);
        }
        let Phase::Leading(leading) = &mut self.phase else { return };
        let (epoch, learner) = (leading.epoch.unwrap_or(0), leading.learners.get_mut(&to));
        if let Some(learner) = learner {
            learner.step = LearnerStep::History(end);
        }
        self.tell_learner(to, Packet::NewLeader { epoch }, out);
    }

    fn send_piece(&mut self, to: NodeId, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &self.phase else { return };
        if let Some(LearnerStep::Snapshot(outgoing, _)) = leading.learners.get(&to).map(|learner| &learner.step) {
            let packet = Packet::Snap(outgoing.piece(self.options.piece));
            self.tell_learner(to, packet, out);
        }
    }

    pub(super) fn snap_ack(&mut self, from: NodeId, of: Index, received: u64, done: bool, out: &mut Out<'_>) {
        let base = super::base(&self.log);
        let Phase::Leading(leading) = &mut self.phase else { return };
        let Some(learner) = leading.learners.get_mut(&from) else { return };
        let LearnerStep::Snapshot(outgoing, end) = &mut learner.step else { return };
        if outgoing.of() != of {
            return;
        }
        outgoing.received(received);
        if !done {
            return self.send_piece(from, out);
        }
        learner.last = *end;
        if learner.last >= base {
            let next = learner.last.counter + 1;
            self.send_history(from, next, out);
        } else {
            // So much has been done meanwhile that another snapshot is needed.
            self.synchronise(from, out);
        }
    }

    /// DIFF or TRUNC: what follows belongs behind this.
    pub(super) fn receive_from(&mut self, after: Zxid, out: &mut Out<'_>) {
        if super::zxid(&self.log, after.counter) != Some(after) {
            return self.look("the leader's history does not fit", out);
        }
        let kept = if self.setup.has(&mutants::TRUNC_SKIPPED) { self.last() } else { after };
        if let Phase::Following(following) = &mut self.phase {
            following.received = Received { after: kept, ..Received::default() };
        }
    }

    pub(super) fn snap(&mut self, piece: &Piece, out: &mut Out<'_>) {
        let Phase::Following(following) = &mut self.phase else { return };
        let (of, received) = (piece.of, &mut following.received);
        let (there, done) = match received.pieces.take::<Snapshot>(of, piece) {
            Taken::Part(there) => (there, false),
            Taken::Whole(snapshot, there) => {
                (received.after, received.snapshot) = (snapshot.zxid, Some(Box::new(snapshot)));
                (there, true)
            }
            Taken::Damaged => return self.look("a snapshot is damaged", out),
        };
        self.tell_leader(Packet::SnapAck { of, received: there, done }, out);
    }

    pub(super) fn history(&mut self, txns: Vec<Txn>) {
        if let Phase::Following(following) = &mut self.phase {
            following.received.txns.extend(txns);
        }
    }

    /// NEWLEADER: the leader's history takes the place of the follower's, and its epoch that of the current one.
    pub(super) fn new_leader(&mut self, epoch: Epoch, out: &mut Out<'_>) {
        let Phase::Following(following) = &mut self.phase else { return };
        if following.epoch != Some(epoch) {
            return self.look("NEWLEADER of another epoch", out);
        }
        let Received { after, snapshot, mut txns, .. } = std::mem::take(&mut following.received);
        txns.retain(|txn| txn.index > after.counter);
        let diff = snapshot.is_none();
        out.note(
            "history",
            [("epoch", epoch.into()), ("after", after.counter.into()), ("txns", (txns.len() as u64).into())],
        );
        match &snapshot {
            Some(snapshot) => self.restore(snapshot, out),
            None => self.log.truncate(after.counter + 1),
        }
        self.uncached.retain(|counter| *counter <= after.counter);
        if diff && self.setup.has(&mutants::DIFF_HOLE) {
            self.uncached.extend(txns.iter().map(|txn| txn.index));
        }
        self.step.changed(after.counter + 1);
        txns.iter().cloned().for_each(|txn| self.log.push(txn));
        self.current = epoch;
        let acks: Vec<Index> = txns.iter().map(|txn| txn.index).collect();
        let barrier =
            if snapshot.is_some() { self.rewrite(out) } else { self.write_history(epoch, (after, txns), out) };
        if self.setup.has(&mutants::ACK_BEFORE_NEWLEADER) {
            acks.into_iter().for_each(|counter| self.tell_leader(Packet::Ack { counter }, out));
        }
        self.tell_leader_after(barrier, Packet::AckNewLeader, out);
    }

    /// History and epoch, on disk before NEWLEADER is acknowledged. Gives what the acknowledgement waits for.
    fn write_history(&mut self, epoch: Epoch, (after, txns): (Zxid, Vec<Txn>), out: &mut Out<'_>) -> Barrier {
        if self.setup.has(&mutants::EPOCH_BEFORE_HISTORY) {
            out.persist(vec![Record::Current(epoch)]);
        }
        if self.setup.has(&mutants::HISTORY_AFTER_UPTODATE) || self.setup.has(&mutants::DIFF_LOGGED_LATE) {
            let barrier = out.persist(vec![Record::Current(epoch)]);
            let behind = self.setup.has(&mutants::DIFF_LOGGED_LATE).then_some(barrier);
            self.late = Some(Late { after, txns, behind });
            return barrier;
        }
        let before = out.last_barrier();
        let barrier = out.persist(vec![Record::History { after, txns, epoch }]);
        self.log.written(barrier);
        if self.setup.has(&mutants::NEWLEADER_ACK_BEFORE_FSYNC) { before } else { barrier }
    }

    /// History that a bug has made wait is written.
    pub(super) fn write_late(&mut self, now: bool, out: &mut Out<'_>) {
        let due = |late: &mut Late| now || late.behind.is_some_and(|barrier| barrier <= self.durable);
        if let Some(Late { after, txns, .. }) = self.late.take_if(due) {
            let barrier = out.persist(vec![Record::History { after, txns, epoch: self.current }]);
            self.log.written(barrier);
        }
    }

    /// A follower has the leader's history on disk.
    pub(super) fn ack_new_leader(&mut self, from: NodeId, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        let epoch = leading.epoch.unwrap_or(0);
        let Some(learner) = leading.learners.get_mut(&from) else { return };
        let LearnerStep::History(end) = learner.step else { return };
        learner.step = LearnerStep::Synced;
        leading.synced.insert(from);
        let acked = leading.acked.entry(from).or_default();
        *acked = end.max(*acked);
        out.note("ack-new-leader", [("epoch", epoch.into()), ("of", from.into())]);
        match leading.stage {
            Stage::Broadcast => {
                self.advance_commit(out);
                self.tell_up_to_date(out);
            }
            _ => self.check_synchronised(out),
        }
    }

    /// Is the history of the epoch on the disks of a quorum, the leader's own among them or not?
    pub(super) fn check_synchronised(&mut self, out: &mut Out<'_>) {
        let me = self.me();
        let Phase::Leading(leading) = &self.phase else { return };
        let saved = leading.saved <= self.durable;
        let has = |node: NodeId| leading.synced.contains(&node) || node == me && saved;
        if leading.stage == Stage::Synchronisation && self.enough(has) {
            self.begin_broadcast(out);
        }
    }

    /// The initial history is committed, and the leader is the primary of its epoch.
    pub(super) fn begin_broadcast(&mut self, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        leading.stage = Stage::Broadcast;
        let (epoch, initial) = (leading.epoch.unwrap_or(0), leading.initial);
        self.step.elected = true;
        out.note("elected", [("epoch", epoch.into())]);
        self.commit_to(initial.counter, out);
        self.tell_up_to_date(out);
    }

    fn tell_up_to_date(&mut self, out: &mut Out<'_>) {
        let commit = self.commit;
        let synced = |step: &LearnerStep| matches!(step, LearnerStep::Synced);
        self.tell_learners(|learner| synced(&learner.step), &Packet::UpToDate { commit }, out);
        let Phase::Leading(leading) = &mut self.phase else { return };
        for learner in leading.learners.values_mut().filter(|learner| synced(&learner.step)) {
            learner.step = LearnerStep::UpToDate;
        }
    }

    /// UPTODATE: the follower may serve.
    pub(super) fn up_to_date(&mut self, commit: Index, out: &mut Out<'_>) {
        self.write_late(true, out);
        let Phase::Following(following) = &mut self.phase else { return };
        following.serving = true;
        out.note("up-to-date", [("epoch", self.current.into())]);
        self.commit_to(commit, out);
    }
}
