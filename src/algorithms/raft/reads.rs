//! Reads that are not stale and write nothing to the log (T§6.4).
//!
//! A read may be answered from the store once two things are certain: that the leader was still the leader
//! after the read arrived, and that everything committed by then has been applied. The first is made certain
//! by a round of heartbeats that a quorum answers (*read index*), or by a round that was answered so lately
//! that nobody can have been elected since (*lease*). A follower asks the leader for the index.

use super::{Index, Message, Out, Reads, Result, Role, Server, Waiting, mutants};
use crate::algorithms::common::answer;
use crate::node::NodeId;

/// Who reads.
#[derive(Clone, Debug)]
pub enum Reader {
    /// A client, this key.
    Client(Waiting, String),
    /// A follower, for a client of its own.
    Follower(NodeId, u64),
}

/// A read for which the leader was asked.
#[derive(Debug)]
pub struct Asked {
    waiting: Waiting,
    key: String,
}

impl Server {
    /// Somebody wants to read here.
    pub(super) fn read(&mut self, reader: Reader, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return self.read_at_follower(reader, out) };
        if self.setup.has(&mutants::LOCAL_READ) || self.setup.has(&mutants::FOLLOWER_READ) {
            return self.answer_read(reader, out);
        }
        // What is committed is known from the first entry of the own term on, so that is the least.
        let index = if self.setup.has(&mutants::READ_INDEX_BEFORE_COMMIT) {
            self.commit
        } else {
            self.commit.max(leader.first)
        };
        if self.options.reads == Reads::Lease
            && let Some(from) = leader.lease_from
            && (!leader.lease_off || self.setup.has(&mutants::LEASE_DURING_TRANSFER))
            && out.elapsed() < from + self.options.lease
        {
            self.ready.push((index, reader));
            return self.answer_reads(out);
        }
        // A round that was begun before the read proves nothing about the time after it.
        let round = leader.round + u64::from(!self.setup.has(&mutants::READ_INDEX_STALE_ACK));
        leader.reads.push((round, index, reader));
        if leader.confirmed == leader.round && round > leader.round {
            self.begin_round(out);
        } else {
            self.confirm(out);
        }
    }

    fn read_at_follower(&mut self, reader: Reader, out: &mut Out<'_>) {
        // A follower that asks here is mistaken about who leads; its client will try again.
        let Reader::Client(waiting, key) = reader else { return };
        if self.setup.has(&mutants::FOLLOWER_READ) {
            return self.answer_read(Reader::Client(waiting, key), out);
        }
        let Some(leader) = self.leader else {
            return answer(waiting, Result::Redirect(None), out);
        };
        // The number must be new after a restart too, or the answer to an old read would count for this one.
        let id = out.random().next();
        self.asked.retain(|_, asked| asked.waiting.client != waiting.client);
        self.asked.insert(id, Asked { waiting, key });
        self.tell(leader, Message::ReadIndex { term: self.term, id }, out);
    }

    /// The leader says from which index on a read of ours is not stale. That holds whoever leads by now.
    pub(super) fn read_indexed(&mut self, id: u64, index: Index, out: &mut Out<'_>) {
        if let Some(Asked { waiting, key }) = self.asked.remove(&id) {
            self.ready.push((index, Reader::Client(waiting, key)));
            self.answer_reads(out);
        }
    }

    /// Looks which rounds a quorum has answered, and lets the reads go on that waited for them.
    pub(super) fn confirm(&mut self, out: &mut Out<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let answered = |node: NodeId| match leader.progress.get(&node) {
            _ if node == self.setup.me => leader.round,
            Some(of) => of.round,
            None => 0,
        };
        let confirmed = self.agreed(answered).min(leader.round);
        let Role::Leader(leader) = &mut self.role else { return };
        leader.confirmed = leader.confirmed.max(confirmed);
        while let Some((_, sent)) = leader.rounds.pop_front_if(|(round, _)| *round <= confirmed) {
            leader.lease_from = Some(sent);
        }
        let confirmed = leader.confirmed;
        for (_, index, reader) in leader.reads.extract_if(.., |(round, _, _)| *round <= confirmed) {
            self.ready.push((index, reader));
        }
        let more = leader.confirmed == leader.round && !leader.reads.is_empty();
        self.answer_reads(out);
        if more {
            self.begin_round(out);
        }
    }

    /// Answers the reads whose index has been applied.
    pub(super) fn answer_reads(&mut self, out: &mut Out<'_>) {
        let applied = self.applied;
        if self.ready.iter().any(|(index, _)| *index <= applied) {
            let ready: Vec<_> = self.ready.extract_if(.., |(index, _)| *index <= applied).collect();
            ready.into_iter().for_each(|(_, reader)| self.answer_read(reader, out));
        }
    }

    fn answer_read(&mut self, reader: Reader, out: &mut Out<'_>) {
        match reader {
            Reader::Client(waiting, key) => {
                self.step.answered.push((waiting.client.0, waiting.sequence, self.applied));
                answer(waiting, Result::Done(self.store.read(&key)), out);
            }
            Reader::Follower(node, id) => {
                out.send(node, Message::ReadIndexed { term: self.term, id, index: self.applied });
            }
        }
    }
}
