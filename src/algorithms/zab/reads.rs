//! Reads. By default a read goes after a `sync`: a transaction without content that is broadcast after the read
//! arrived. Once it is delivered, so is everything that was answered before the read began, and it is certain
//! that the leader still leads: such reads are linearizable.
//!
//! ZooKeeper's own `sync` is not broadcast: its leader answers it without asking anybody, so that it may come from a
//! deposed one (ZOOKEEPER-1675). And ZooKeeper's reads are local: any server answers from its store. With
//! `reads=local` so they are here. That is sequentially consistent: a client tells how much it has seen, and a
//! server that has not come so far does not answer it, as ZooKeeper's servers turn such a session away.

use super::connections::Stage;
use super::{Index, Message, Out, Payload, Phase, Server, Waiting, mutants};
use crate::algorithms::common::{Reply, Result, answer};
use crate::node::NodeId;

/// A read, and who wants it.
type Reader = (Waiting, String);

/// Reads at a leader.
#[derive(Debug, Default)]
pub struct Reads {
    /// They wait for the next transaction of any kind.
    next: Vec<Reader>,
    /// They wait for this one to be delivered.
    after: Vec<(Index, Reader)>,
}

impl Reads {
    /// A transaction is proposed: everybody who waits for one goes after it.
    pub fn ride(&mut self, counter: Index) {
        self.after.extend(self.next.drain(..).map(|reader| (counter, reader)));
    }

    /// Everybody who waits.
    pub fn into_waiting(self) -> impl Iterator<Item = Waiting> {
        let after = self.after.into_iter().map(|(_, (waiting, _))| waiting);
        after.chain(self.next.into_iter().map(|(waiting, _)| waiting))
    }
}

impl Server {
    /// A client wants to read.
    pub(super) fn read(&mut self, waiting: Waiting, key: String, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        if self.setup.has(&mutants::LOCAL_READ) {
            return self.answer(waiting, self.store.read(&key), out);
        }
        leading.reads.next.push((waiting, key));
        // One sync at a time: those who come meanwhile share the next one.
        if leading.reads.after.is_empty() {
            self.propose(Payload::Sync, out);
        }
    }

    /// Answers the reads whose transaction has been delivered.
    pub(super) fn answer_reads(&mut self, out: &mut Out<'_>) {
        let Phase::Leading(leading) = &mut self.phase else { return };
        let due = leading.reads.after.extract_if(.., |(counter, _)| *counter <= self.applied);
        let due: Vec<(Index, Reader)> = due.collect();
        let more = leading.reads.after.is_empty() && !leading.reads.next.is_empty();
        for (_, (waiting, key)) in due {
            self.answer(waiting, self.store.read(&key), out);
        }
        if more {
            self.propose(Payload::Sync, out);
        }
    }

    /// A read of the state as it is here, for a client that has seen so much.
    pub(super) fn read_locally(&mut self, client: NodeId, sequence: u64, key: &str, seen: Index, out: &mut Out<'_>) {
        let serves = match &self.phase {
            Phase::Looking(_) => false,
            Phase::Following(following) => following.serving,
            Phase::Leading(leading) => leading.stage == Stage::Broadcast,
        };
        if serves && (self.applied >= seen || self.setup.has(&mutants::READ_GOES_BACK)) {
            let (seen, shown) = (seen.into(), self.applied.into());
            out.note("local-read", [("client", client.into()), ("seen", seen), ("shown", shown)]);
            let reply = Reply { sequence, result: Result::Done(self.store.read(key)) };
            out.send(client, Message::Reply { reply, position: self.applied });
        } else {
            answer(Waiting::new(client, sequence, out), Result::Busy, out);
        }
    }
}
