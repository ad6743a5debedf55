//! The acceptor: the memory of the system. Two rules, and that nothing is said before it is on disk.

use super::{Ballot, Choice, Key, Message, Out, Record, mutants};
use crate::node::{NodeId, Setup};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    promised: Ballot,
    accepted: Option<(Ballot, Choice)>,
}

/// The acceptor of a server, for all keys.
pub struct Acceptor {
    setup: Setup,
    of: BTreeMap<Key, Memory>,
}

impl Acceptor {
    pub(super) fn new(setup: &Setup) -> Self {
        Self { setup: setup.clone(), of: BTreeMap::new() }
    }

    pub(super) fn recover(&mut self, record: &Record) {
        match *record {
            Record::Promised { key, ballot } if !self.setup.has(&mutants::FORGET_PROMISE) => {
                let memory = self.of.entry(key).or_default();
                memory.promised = memory.promised.max(ballot);
            }
            Record::Accepted { key, ballot, value } if !self.setup.has(&mutants::FORGET_VALUE) => {
                let memory = self.of.entry(key).or_default();
                memory.accepted = Some((ballot, value));
                if !self.setup.has(&mutants::FORGET_PROMISE) {
                    memory.promised = memory.promised.max(ballot);
                }
            }
            _ => {}
        }
    }

    /// P1b: promise not to accept anything below the ballot, and say what was accepted.
    pub(super) fn prepare(&mut self, from: NodeId, key: Key, ballot: Ballot, out: &mut Out<'_>) {
        let memory = self.of.entry(key).or_default();
        if ballot < memory.promised {
            return out.send(from, Message::Refused { key, ballot, promised: memory.promised });
        }
        memory.promised = ballot;
        out.note("promise", [("key", key.into()), ("round", ballot.round.into()), ("to", from.into())]);
        let reply = Message::Promised { key, ballot, accepted: memory.accepted };
        let barrier = out.persist(vec![Record::Promised { key, ballot }]);
        if self.setup.has(&mutants::PROMISE_BEFORE_FSYNC) {
            out.send(from, reply);
        } else {
            out.send_after(barrier, from, reply);
        }
    }

    /// P2b: accept, unless something higher was promised.
    pub(super) fn accept(&mut self, from: NodeId, key: Key, ballot: Ballot, value: Choice, out: &mut Out<'_>) {
        let memory = self.of.entry(key).or_default();
        if ballot < memory.promised && !self.setup.has(&mutants::ACCEPT_LOWER_BALLOT) {
            return out.send(from, Message::Refused { key, ballot, promised: memory.promised });
        }
        memory.promised = memory.promised.max(ballot);
        memory.accepted = Some((ballot, value));
        let by = NodeId(ballot.proposer);
        out.note(
            "accept",
            [("key", key.into()), ("round", ballot.round.into()), ("by", by.into()), ("value", (value as u64).into())],
        );
        let barrier = out.persist(vec![Record::Accepted { key, ballot, value }]);
        let reply = Message::Accepted { key, ballot };
        if self.setup.has(&mutants::ACCEPT_BEFORE_FSYNC) {
            out.send(from, reply);
        } else {
            out.send_after(barrier, from, reply);
        }
    }
}
