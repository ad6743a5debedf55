//! Phase 1: discovery. The leader learns which epochs its followers have accepted, and takes one that is higher;
//! a quorum accepts it, and will follow no earlier one any more. So at most one leader gets through in an epoch.
//!
//! As in ZooKeeper, and unlike the paper, the leader does not fetch the best history of a quorum: it must have it.
//! If a follower's is better, by current epoch and then by its end, the leader gives up.

use super::connections::{LearnerStep, Stage};
use super::message::Packet;
use super::{Epoch, Out, Phase, Record, Server, Zxid, mutants};
use crate::node::{Barrier, NodeId};

impl Server {
    /// Step 1.1: a follower says which epoch it has accepted.
    pub(super) fn cepoch(&mut self, from: NodeId, accepted: Epoch, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        match leading.epoch {
            // It would never follow; in a higher epoch it will.
            Some(epoch) if accepted > epoch => self.look("a follower has accepted a later epoch", out),
            Some(epoch) => self.tell_learner(from, Packet::NewEpoch { epoch }, out),
            None => {
                leading.infos.insert(from, accepted);
                self.choose_epoch(out);
            }
        }
    }

    /// Step 1.2: an epoch that is higher than all that a quorum has accepted.
    pub(super) fn choose_epoch(&mut self, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &self.phase else { return };
        if leading.epoch.is_some() || !self.enough(|node| leading.infos.contains_key(&node)) {
            return;
        }
        let epoch = leading.infos.values().max().map_or(1, |last| last + 1);
        let saved = self.accept(epoch, out);
        out.note("new-epoch", [("epoch", epoch.into())]);
        if let Phase::Leading(leading) = &mut self.phase {
            (leading.epoch, leading.saved) = (Some(epoch), saved);
        }
        self.tell_learners(|_| true, &Packet::NewEpoch { epoch }, out);
    }

    /// From now on no earlier epoch counts.
    fn accept(&mut self, epoch: Epoch, out: &mut Out<'_>) -> Barrier {
        self.accepted = epoch;
        out.note("accept-epoch", [("epoch", epoch.into())]);
        let kept = !self.setup.has(&mutants::ACCEPTED_NOT_PERSISTED);
        out.persist(if kept { vec![Record::Accepted(epoch)] } else { Vec::new() })
    }

    /// Step 1.3: a follower accepts the epoch if it is new, and says so once that is on disk. One that it has
    /// accepted before may have been another leader's: it follows, but does not count.
    pub(super) fn new_epoch(&mut self, epoch: Epoch, out: &mut Out<'_>) {
        let Phase::Following(following) = &mut self.phase else { return };
        if epoch < self.accepted {
            return self.look("the leader's epoch is too old", out);
        }
        following.epoch = Some(epoch);
        let counts = epoch > self.accepted;
        if counts {
            self.accept(epoch, out);
        }
        let packet = Packet::AckEpoch { current: self.current, last: self.last(), counts };
        self.tell_leader(packet, out);
    }

    /// A follower has accepted the epoch, and says what history it has.
    pub(super) fn ack_epoch(&mut self, from: NodeId, history: (Epoch, Zxid), counts: bool, out: &mut Out<'_>) {
        let better = history > (self.current, self.last());
        let Phase::Leading(leading) = &mut self.phase else { return };
        let stage = leading.stage;
        if stage == Stage::Discovery && better && !self.setup.has(&mutants::NO_HISTORY_CHECK) {
            return self.look("a follower's history is better", out);
        }
        let Some(learner) = leading.learners.get_mut(&from) else { return };
        learner.last = history.1;
        learner.step = LearnerStep::Accepted;
        if stage != Stage::Discovery {
            return self.synchronise(from, out);
        }
        if counts {
            self.count_acceptance(from, out);
        }
    }

    /// The leader's own acceptance is on disk.
    pub(super) fn accepted_itself(&mut self, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &self.phase else { return };
        let saved = leading.epoch.is_some() && leading.saved <= self.durable;
        if leading.stage == Stage::Discovery && saved {
            self.count_acceptance(self.me(), out);
        }
    }

    /// Once a quorum has accepted the epoch, this leader is the only one in it. It takes its own history for that
    /// of the epoch, and brings it to the others.
    fn count_acceptance(&mut self, of: NodeId, out: &mut Out<'_>) {
        let (me, last) = (self.me(), self.last());
        let Phase::Leading(leading) = &mut self.phase else { return };
        let epoch = leading.epoch.unwrap_or(0);
        if leading.accepted.insert(of) {
            out.note("acceptance-counted", [("epoch", epoch.into()), ("of", of.into())]);
        }
        let Phase::Leading(leading) = &self.phase else { return };
        if !self.enough(|node| leading.accepted.contains(&node)) {
            return;
        }
        out.note("established", [("epoch", epoch.into()), ("leader", me.into())]);
        self.current = epoch;
        self.step.established = true;
        let saved = out.persist(vec![Record::Current(epoch)]);
        let Phase::Leading(leading) = &mut self.phase else { return };
        (leading.stage, leading.initial, leading.saved) = (Stage::Synchronisation, last, saved);
        let ready = |step: &LearnerStep| matches!(step, LearnerStep::Accepted);
        let learners = leading.learners.iter().filter(|(_, learner)| ready(&learner.step));
        let learners: Vec<NodeId> = learners.map(|(node, _)| *node).collect();
        for learner in learners {
            self.synchronise(learner, out);
        }
        if self.setup.has(&mutants::UNSYNCHRONISED_BROADCAST) {
            self.begin_broadcast(out);
        }
    }
}
