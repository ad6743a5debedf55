//! Phase 3: broadcast. The leader, now the primary, gives each change the next zxid, writes it down and proposes it
//! to all followers, one after the other without waiting; a follower writes it down and acknowledges. What is on
//! the disks of a quorum is committed, in order, and everybody delivers it: the store takes it.

use super::connections::{Learner, LearnerStep, Stage};
use super::message::{Message, Packet};
use super::{Index, Out, Payload, Phase, Record, Server, Txn, Waiting, mutants};
use crate::algorithms::common::{Applied, Datum, Reply, Request, Result, perform};
use crate::node::NodeId;

impl Server {
    /// A client's change: proposed, unless there are too many that are not committed, or this one has been done.
    pub(super) fn propose_command(&mut self, waiting: Waiting, request: Request, out: &mut Out<'_>) {
        let limits = (!self.setup.has(&mutants::NO_DEDUP), self.options.most_uncommitted);
        let Phase::Leading(leading) = &mut self.phase else { return };
        let Some(command) = leading.proposals.admit(&self.store, waiting, request, limits, out) else { return };
        let counter = super::last(&self.log).counter + 1;
        leading.proposals.add(counter, &command);
        leading.proposals.wait(counter, waiting);
        self.propose(Payload::Command(command), out);
    }

    /// Step 3.1: the next zxid, to everybody who has the history before it or is getting it.
    pub(super) fn propose(&mut self, payload: Payload, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        let counter = super::last(&self.log).counter + 1;
        let txn = Txn { term: leading.epoch.unwrap_or(0), index: counter, payload };
        leading.reads.ride(counter);
        out.note("propose", [("epoch", txn.term.into()), ("counter", counter.into())]);
        self.append(txn.clone(), out);
        self.tell_learners(Learner::is_forwarded, &Packet::Propose(txn), out);
        if self.setup.has(&mutants::COMMIT_WITHOUT_QUORUM) {
            self.advance_commit(out);
        }
    }

    fn append(&mut self, txn: Txn, out: &mut Out<'_>) {
        self.write_late(true, out);
        self.step.changed(txn.index);
        self.log.push(txn.clone());
        let barrier = out.persist(vec![Record::Txn(txn)]);
        self.log.written(barrier);
    }

    /// Step 3.2: a follower takes the proposals of the epoch that it follows, and of no other.
    pub(super) fn proposed(&mut self, txn: Txn, out: &mut Out<'_>) {
        let Phase::Following(following) = &self.phase else { return };
        let counter = txn.index;
        if self.setup.has(&mutants::OLD_EPOCH_ACCEPTED) && counter <= self.last().counter {
            self.log.truncate(counter);
        } else if following.epoch != Some(txn.term) || counter != self.last().counter + 1 {
            return self.look("a proposal does not fit", out);
        }
        out.note("append", [("epoch", txn.term.into()), ("counter", counter.into())]);
        let before = out.last_barrier();
        self.append(txn, out);
        let barrier = if self.setup.has(&mutants::ACK_BEFORE_FSYNC) { before } else { out.last_barrier() };
        self.tell_leader_after(barrier, Packet::Ack { counter }, out);
    }

    /// A follower has everything up to here on disk.
    pub(super) fn ack(&mut self, from: NodeId, counter: Index, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        let epoch = leading.epoch.unwrap_or(0);
        let Some(learner) = leading.learners.get(&from) else { return };
        out.note("ack", [("epoch", epoch.into()), ("of", from.into()), ("counter", counter.into())]);
        if !matches!(learner.step, LearnerStep::Synced | LearnerStep::UpToDate) {
            return self.look("NEWLEADER is not acknowledged first", out);
        }
        let acked = leading.acked.entry(from).or_default();
        *acked = counter.max(*acked);
        self.advance_commit(out);
    }

    /// What a quorum has on disk is committed.
    pub(super) fn advance_commit(&mut self, out: &mut Out<'_>) {
        let (me, durable) = (self.me(), self.log.durable());
        let Phase::Leading(leading) = &self.phase else { return };
        let has = |node| if node == me { durable } else { leading.acked.get(&node).copied().unwrap_or(0) };
        let agreed =
            if self.setup.has(&mutants::COMMIT_WITHOUT_QUORUM) { self.last().counter } else { self.agreed(has) };
        if leading.stage == Stage::Broadcast && agreed > self.commit {
            self.commit_to(agreed, out);
            let ready = |learner: &Learner| matches!(learner.step, LearnerStep::UpToDate);
            self.tell_learners(ready, &Packet::Commit { counter: agreed }, out);
        }
    }

    /// Everything up to here is committed.
    pub(super) fn commit_to(&mut self, counter: Index, out: &mut Out<'_>) {
        let counter = counter.min(self.last().counter);
        if counter <= self.commit {
            return;
        }
        self.commit = counter;
        out.note("commit", [("epoch", self.current.into()), ("counter", counter.into())]);
        if let Phase::Leading(leading) = &mut self.phase {
            leading.proposals.committed(counter);
        }
        self.deliver(out);
    }

    /// Step 3.4: the store takes what is committed, in order, and clients get their answers.
    pub(super) fn deliver(&mut self, out: &mut Out<'_>) {
        let once = !self.setup.has(&mutants::NO_DEDUP);
        while self.applied < self.commit {
            let counter = self.applied + 1;
            let Some(txn) = self.log.get(counter) else { break };
            let done = match &txn.payload {
                Payload::Command(command) => {
                    Some(perform(&mut self.store, counter, command, once, &mut self.step.executed))
                }
                Payload::Sync => None,
            };
            self.applied = counter;
            if let Phase::Leading(leading) = &mut self.phase
                && let Some(waiting) = leading.proposals.performed(counter)
                && let Some(Applied::Now(datum) | Applied::Before(datum)) = done
            {
                self.answer(waiting, datum, out);
            }
            self.snapshot_if_due(counter, out);
        }
        self.answer_reads(out);
    }

    /// Answers a client from the state as it is here and now.
    pub(super) fn answer(&self, waiting: Waiting, datum: Datum, out: &mut Out<'_>) {
        out.resume(waiting.span);
        let reply = Reply { sequence: waiting.sequence, result: Result::Done(datum) };
        out.send(waiting.client, Message::Reply { reply, position: self.applied });
    }
}
