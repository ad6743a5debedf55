//! The proposer: gets a value chosen, whoever's it is.

use super::{Ballot, Choice, Key, Message, Out, Record, mutants};
use crate::algorithms::common::enough;
use crate::node::{NodeId, Quorum, Setup, SpanToken, Timer};
use std::collections::{BTreeMap, BTreeSet};

/// A round that has not succeeded after this is given up for a higher one.
const PATIENCE: u64 = 20_000_000;

/// Who waits for a decision.
struct Waiting {
    client: NodeId,
    request: u64,
    /// What it proposes; nothing if it only wants to know.
    value: Option<Choice>,
    span: SpanToken,
}

enum Phase {
    Idle,
    Preparing { promises: BTreeSet<NodeId>, best: Option<(Ballot, Choice)> },
    Accepting { value: Choice, accepted: BTreeSet<NodeId> },
}

struct Instance {
    ballot: Ballot,
    phase: Phase,
    waiting: Vec<Waiting>,
    /// Rounds in a row that failed.
    failures: u32,
}

/// The proposer of a server, for all keys.
pub struct Proposer {
    setup: Setup,
    quorum: Quorum,
    /// The highest round that was used or seen.
    round: u64,
    of: BTreeMap<Key, Instance>,
}

impl Proposer {
    pub(super) fn new(setup: &Setup, quorum: Quorum) -> Self {
        Self { setup: setup.clone(), quorum, round: 0, of: BTreeMap::new() }
    }

    pub(super) fn recover(&mut self, record: &Record) {
        match record {
            Record::Round(round) if !self.setup.has(&mutants::BALLOT_REUSE) => self.round = self.round.max(*round),
            _ => {}
        }
    }

    /// Whether these are enough.
    fn enough(&self, nodes: &BTreeSet<NodeId>) -> bool {
        enough(&self.quorum, self.setup.has(&mutants::HALF_MAJORITY), |node| nodes.contains(&node))
    }

    /// A client wants a decision.
    pub(super) fn request(
        &mut self,
        key: Key,
        (client, request, value): (NodeId, u64, Option<Choice>),
        out: &mut Out<'_>,
    ) {
        let idle = Instance { ballot: Ballot::default(), phase: Phase::Idle, waiting: Vec::new(), failures: 0 };
        let instance = self.of.entry(key).or_insert(idle);
        instance.waiting.retain(|waiting| waiting.client != client);
        instance.waiting.push(Waiting { client, request, value, span: out.keep() });
        if matches!(instance.phase, Phase::Idle) {
            self.begin(key, out);
        }
    }

    /// P1a: a round with a number that nobody has used. It is on disk before it is said.
    fn begin(&mut self, key: Key, out: &mut Out<'_>) {
        self.round += 1;
        let ballot = Ballot { round: self.round, proposer: self.setup.me.0 };
        let Some(instance) = self.of.get_mut(&key) else { return };
        instance.ballot = ballot;
        instance.phase = Phase::Preparing { promises: BTreeSet::new(), best: None };
        out.note("prepare", [("key", key.into()), ("round", ballot.round.into())]);
        let barrier = out.persist(vec![Record::Round(self.round)]);
        for peer in self.quorum.members() {
            out.send_after(barrier, peer, Message::Prepare { key, ballot });
        }
        // Twice as long after each failure, up to 32 times, and never the same for two: else they duel for ever.
        let longest = PATIENCE << instance.failures.min(5);
        let patience = PATIENCE + out.random().below(longest);
        out.set_timer(Timer { name: "round", key }, patience);
    }

    /// A promise: with a majority of them, the value of the highest ballot among them has to be proposed.
    pub(super) fn promised(
        &mut self,
        from: NodeId,
        key: Key,
        ballot: Ballot,
        accepted: Option<(Ballot, Choice)>,
        out: &mut Out<'_>,
    ) {
        let Some(instance) = self.of.get_mut(&key).filter(|instance| instance.ballot == ballot) else { return };
        let Phase::Preparing { promises, best } = &mut instance.phase else { return };
        promises.insert(from);
        *best = if self.setup.has(&mutants::LOWEST_ACCEPTED) {
            match (*best, accepted) {
                (Some(old), Some(new)) => Some(old.min(new)),
                (old, new) => old.or(new),
            }
        } else {
            (*best).max(accepted)
        };
        let (promises, best) = (promises.clone(), *best);
        if !self.enough(&promises) {
            return;
        }
        let Some(instance) = self.of.get_mut(&key) else { return };
        let found = best.map(|(_, value)| value);
        if found.is_some()
            && self.setup.has(&mutants::READ_NOT_COMPLETED)
            && instance.waiting.iter().all(|of| of.value.is_none())
        {
            // What was accepted by somebody is taken for chosen.
            answer(instance, found, |_| true, out);
            instance.phase = Phase::Idle;
            return out.cancel_timer(Timer { name: "round", key });
        }
        let own = instance.waiting.iter().find_map(|waiting| waiting.value);
        let value = if self.setup.has(&mutants::IGNORE_ACCEPTED) { own.or(found) } else { found.or(own) };
        match value {
            Some(value) => {
                instance.phase = Phase::Accepting { value, accepted: BTreeSet::new() };
                for peer in self.quorum.members() {
                    out.send(peer, Message::Accept { key, ballot, value });
                }
            }
            None => {
                // A majority has accepted nothing, and now never will below this ballot: nothing is chosen.
                answer(instance, None, |waiting| waiting.value.is_none(), out);
                instance.phase = Phase::Idle;
                out.cancel_timer(Timer { name: "round", key });
            }
        }
    }

    /// An acceptance: the value, if it is now chosen.
    pub(super) fn accepted(&mut self, from: NodeId, key: Key, ballot: Ballot) -> Option<Choice> {
        let stale = self.setup.has(&mutants::STALE_ACCEPTED);
        let instance = self.of.get_mut(&key).filter(|instance| instance.ballot == ballot || stale)?;
        let Phase::Accepting { value, accepted } = &mut instance.phase else { return None };
        accepted.insert(from);
        let (value, accepted) = (*value, accepted.clone());
        self.enough(&accepted).then_some(value)
    }

    /// Somebody promised a higher ballot: step back, and come again later with a higher one.
    pub(super) fn refused(&mut self, key: Key, ballot: Ballot, promised: Ballot, out: &mut Out<'_>) {
        self.round = self.round.max(promised.round);
        let Some(instance) = self.of.get_mut(&key).filter(|instance| instance.ballot == ballot) else { return };
        if !matches!(instance.phase, Phase::Idle) {
            instance.phase = Phase::Idle;
            instance.failures += 1;
            let pause = out.random().below(PATIENCE << instance.failures.min(5));
            out.set_timer(Timer { name: "round", key }, pause);
        }
    }

    /// A round took too long, or a pause is over.
    pub(super) fn timer(&mut self, key: Key, out: &mut Out<'_>) {
        let Some(instance) = self.of.get_mut(&key) else { return };
        if instance.waiting.is_empty() {
            instance.phase = Phase::Idle;
        } else {
            instance.failures += 1;
            self.begin(key, out);
        }
    }

    /// A value was chosen: whoever waits is told.
    pub(super) fn decided(&mut self, key: Key, value: Choice, out: &mut Out<'_>) {
        if let Some(mut instance) = self.of.remove(&key) {
            answer(&mut instance, Some(value), |_| true, out);
            out.cancel_timer(Timer { name: "round", key });
        }
    }
}

/// Answers those who wait.
fn answer(instance: &mut Instance, chosen: Option<Choice>, whom: impl Fn(&Waiting) -> bool, out: &mut Out<'_>) {
    for waiting in instance.waiting.extract_if(.., |waiting| whom(waiting)) {
        out.resume(waiting.span);
        out.send(waiting.client, Message::Reply { request: waiting.request, chosen });
    }
}
