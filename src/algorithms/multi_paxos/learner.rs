//! The learner: what is chosen, applied in the order of the slots, and how those who miss something get it.

use super::{HEARTBEAT, Message, Out, Role, Server, Slot, Snapshot, Value, mutants};
use crate::algorithms::common::{Applied, Ballot, Result, Store, answer, perform};
use crate::node::{NodeId, Quorum};
use std::collections::{BTreeMap, VecDeque};

/// So many values go into one message.
const BATCH: usize = 64;
/// So many values before the snapshot are kept for those who lag a little.
const TRAIL: Slot = 16;

/// What a learner knows.
#[derive(Debug)]
pub struct Learner {
    /// What is chosen, from after the base on; there may be holes.
    pub log: BTreeMap<Slot, Value>,
    pub base: Slot,
    /// Everything up to here is known and applied.
    pub prefix: Slot,
    pub store: Store,
    /// From which slot on which configuration acts, oldest first; one acts now, others may follow.
    pub configs: VecDeque<(Slot, Quorum)>,
    pub snapshot: Snapshot,
}

impl Learner {
    /// One that begins with a snapshot.
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self {
            log: BTreeMap::new(),
            base: snapshot.slot,
            prefix: snapshot.slot,
            store: snapshot.store.clone(),
            configs: snapshot.configs.clone().into(),
            snapshot,
        }
    }

    /// The configuration of a slot, as far as is known.
    pub(super) fn config(&self, slot: Slot) -> &Quorum {
        let (_, config) = self.configs.iter().rev().find(|(from, _)| *from <= slot).unwrap_or(&self.configs[0]);
        config
    }

    /// The configurations that act in or after the first slot that is not known to be chosen.
    pub(super) fn open(&self) -> impl Iterator<Item = &Quorum> {
        let next = self.prefix + 1;
        let until = |at: usize| self.configs.get(at + 1).map_or(Slot::MAX, |(from, _)| *from);
        self.configs.iter().enumerate().filter(move |(at, _)| until(*at) > next).map(|(_, (_, config))| config)
    }

    /// The last configuration that is known, and from which slot on it acts.
    pub(super) fn latest(&self) -> &(Slot, Quorum) {
        self.configs.back().expect("there is always one")
    }

    /// Forgets what lies long before the snapshot.
    pub(super) fn trim(&mut self) {
        self.base = self.base.max(self.snapshot.slot.saturating_sub(TRAIL));
        let base = self.base;
        self.log.retain(|slot, _| *slot > base);
        let next = self.prefix + 1;
        while self.configs.get(1).is_some_and(|(from, _)| *from <= next) {
            self.configs.pop_front();
        }
    }
}

impl Server {
    /// The leader of a ballot says that everything up to a slot is chosen. What was accepted in that very
    /// ballot is what it proposed, and that is what was chosen; what was accepted before need not be.
    pub(super) fn learn_up_to(&mut self, ballot: Ballot, chosen: Slot, out: &mut Out<'_>) {
        let any = self.setup.has(&mutants::LEARN_ANY_BALLOT);
        for slot in self.learner.prefix + 1..=chosen {
            let known = self.acceptor.accepted.get(&slot).filter(|(of, _)| any || *of == ballot);
            match known {
                Some((_, value)) => drop(self.learner.log.entry(slot).or_insert_with(|| value.clone())),
                None if !self.learner.log.contains_key(&slot) => break,
                None => {}
            }
        }
        self.apply(out);
    }

    /// Performs what is known without a gap, and answers those who wait for it.
    pub(super) fn apply(&mut self, out: &mut Out<'_>) {
        let before = self.learner.prefix;
        loop {
            let slot = self.learner.prefix + 1;
            let gap = self.setup.has(&mutants::APPLY_OVER_HOLES) && !self.learner.log.contains_key(&slot);
            let found = if gap { self.learner.log.range(slot..).next() } else { self.learner.log.get_key_value(&slot) };
            let Some((&slot, value)) = found else { break };
            let value = value.clone();
            match &value {
                Value::Noop => {}
                Value::Members(config) => self.members_chosen(slot, config.clone(), out),
                Value::Commands(commands) => {
                    let once = !self.setup.has(&mutants::NO_DEDUP);
                    for command in commands {
                        let done = perform(&mut self.learner.store, slot, command, once, &mut self.step.executed);
                        self.answer_command(command.client, command.sequence, done, out);
                    }
                }
            }
            self.learner.prefix = slot;
            self.step.applied.push((slot, value));
            self.answer_reads(slot, out);
            self.dismiss(slot, out);
            self.snapshot_if_due(out);
        }
        if self.learner.prefix > before {
            out.note("learn", [("slot", self.learner.prefix.into())]);
            self.change_goes_on(out);
            if matches!(self.role, Role::Candidate(_)) && !self.counts() {
                self.become_follower(None, out);
            }
        }
    }

    fn answer_command(&mut self, client: u16, sequence: u64, done: Applied, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let client = NodeId(client);
        if let Applied::Now(datum) | Applied::Before(datum) = done
            && leader.waiting.get(&client).is_some_and(|waiting| waiting.sequence == sequence)
            && let Some(waiting) = leader.waiting.remove(&client)
        {
            answer(waiting, Result::Done(datum), out);
        }
    }

    /// Asks for what is missing here, but not again at once.
    pub(super) fn fetch(&mut self, from: NodeId, out: &mut Out<'_>) {
        let first = self.learner.prefix + 1;
        let (asked, when) = self.fetched;
        if asked != first || out.elapsed() >= when + HEARTBEAT / 2 {
            self.fetched = (first, out.elapsed());
            out.send(from, Message::Fetch { first });
        }
    }

    /// Somebody is at a slot which, as is known here, is decided: it shall learn that. Whether it is so.
    pub(super) fn inform(&mut self, who: NodeId, at: Slot, out: &mut Out<'_>) -> bool {
        let chosen = self.learner.prefix;
        let behind = at <= chosen && who != self.me();
        if behind {
            out.send(who, Message::Known { chosen });
        }
        behind
    }

    /// Somebody lacks what is chosen from a slot on.
    pub(super) fn serve(&mut self, from: NodeId, first: Slot, out: &mut Out<'_>) {
        let chosen = self.learner.prefix;
        if first <= self.learner.base {
            self.send_snapshot(from, first, out);
        } else if first <= chosen {
            let values = self.learner.log.range(first..=chosen).take(BATCH).map(|(_, value)| value.clone());
            out.send(from, Message::Learned { first, values: values.collect(), chosen });
        }
    }

    /// Somebody else knows what is chosen up to a slot. A leader that proposed something of its own there, and
    /// did not merely repeat what it had found, is deposed.
    pub(super) fn supersede(&mut self, slot: Slot, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let rest = leader.open.split_off(&(slot + 1));
        let open = std::mem::replace(&mut leader.open, rest);
        if open.values().any(|proposal| proposal.fresh) {
            self.step_down(None, out);
        }
    }

    /// What was asked for, or some of it.
    pub(super) fn learned(&mut self, from: NodeId, first: Slot, values: Vec<Value>, chosen: Slot, out: &mut Out<'_>) {
        let prefix = self.learner.prefix;
        for (slot, value) in (first..).zip(values).filter(|(slot, _)| *slot > prefix) {
            self.supersede(slot, out);
            self.learner.log.insert(slot, value);
        }
        self.apply(out);
        if chosen > self.learner.prefix {
            self.fetch(from, out);
        }
        self.propose(out);
    }
}
