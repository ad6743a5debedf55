//! The state machine takes what is committed, in order, and clients get their answers.

use super::replication::Leader;
use super::{Index, Out, Payload, Result, Role, Server, mutants};
use crate::algorithms::common::{Applied, answer, perform};

impl Server {
    /// Everything up to an index is committed.
    pub(super) fn commit_to(&mut self, index: Index, out: &mut Out<'_>) {
        if index <= self.commit {
            return;
        }
        self.commit = index;
        out.note("commit", [("index", index.into()), ("term", self.term.into())]);
        if let Role::Leader(leader) = &mut self.role {
            leader.proposals.committed(index);
        }
        self.apply(out);
    }

    fn apply(&mut self, out: &mut Out<'_>) {
        let early = self.setup.has(&mutants::SNAPSHOT_OFF_BY_ONE);
        while self.applied < self.commit {
            let index = self.applied + 1;
            if early {
                self.snapshot_if_due(index, out);
            }
            let Some(entry) = self.log.get(index) else { break };
            let done = match &entry.payload {
                Payload::Command(command) => {
                    let once = !self.setup.has(&mutants::NO_DEDUP);
                    Some(perform(&mut self.store, index, command, once, &mut self.step.executed))
                }
                Payload::Noop | Payload::Members(_) => None,
            };
            self.applied = index;
            if let Role::Leader(leader) = &mut self.role
                && let Some(waiting) = leader.proposals.performed(index)
                && let Some(Applied::Now(datum) | Applied::Before(datum)) = done
            {
                answer(waiting, Result::Done(datum), out);
            }
            if !early {
                self.snapshot_if_due(index, out);
            }
        }
        self.answer_reads(out);
    }

    /// A leader no more: whoever waits shall ask the next one. What it asked for may yet be done.
    pub(super) fn send_away(&self, was: Leader, out: &mut Out<'_>) {
        let leader = self.leader.filter(|leader| *leader != self.setup.me);
        for waiting in was.proposals.into_waiting().chain(was.change.map(|change| change.waiting)) {
            answer(waiting, Result::Redirect(leader), out);
        }
        for (_, _, reader) in was.reads {
            if let super::reads::Reader::Client(waiting, _) = reader {
                answer(waiting, Result::Redirect(leader), out);
            }
        }
    }
}
