//! Changes of the configuration while the cluster works (R§4): a configuration is chosen like anything else,
//! in slot i say, and acts from slot i + α on. Whoever knows everything up to a slot knows the configurations of
//! the next α slots, and may propose in these and no further; so all agree on who decides which slot.

use super::phase_two::Wanted;
use super::{Message, Out, Result, Role, Server, Slot, Waiting, mutants};
use crate::algorithms::common::{Datum, answer};
use crate::node::{NodeId, Quorum};

/// Servers that lack no more than so many slots may become acceptors.
const CLOSE: Slot = 16;

/// A change that was asked for.
pub struct Change {
    pub waiting: Waiting,
    pub to: Quorum,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Those who join are still catching up.
    CatchingUp,
    Proposed,
    /// It is chosen, and acts from this slot on.
    Chosen(Slot),
}

impl Server {
    pub(super) fn change_members(&mut self, waiting: Waiting, members: Vec<NodeId>, out: &mut Out<'_>) {
        let to = Quorum::new(members);
        let next = self.learner.prefix + 1;
        let (acts, latest) = self.learner.latest();
        let (settled, same) = (*acts <= next, *latest == to);
        let Role::Leader(leader) = &mut self.role else { return };
        if to.voters.is_empty() {
            return answer(waiting, Result::Refused, out);
        }
        if !settled || leader.change.is_some() {
            return answer(waiting, Result::Busy, out);
        }
        if same {
            return answer(waiting, Result::Done(Datum::Nil), out);
        }
        leader.change = Some(Change { waiting, to, stage: Stage::CatchingUp });
        self.change_goes_on(out);
    }

    /// Proposes the change as soon as a quorum of those it names has nearly caught up, else nothing would be
    /// decided until it has; and says that it is done when it acts.
    pub(super) fn change_goes_on(&mut self, out: &mut Out<'_>) {
        let (me, prefix) = (self.me(), self.learner.prefix);
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(change) = &mut leader.change else { return };
        match change.stage {
            Stage::CatchingUp => {
                let close = |node: NodeId| {
                    node == me || leader.peers.get(&node).is_some_and(|peer| peer.learned + CLOSE >= prefix)
                };
                if change.to.reached(close) {
                    change.stage = Stage::Proposed;
                    let config = change.to.clone();
                    self.want(Wanted::Members(config), out);
                }
            }
            Stage::Chosen(acts) if acts <= prefix + 1 => {
                if let Some(change) = leader.change.take() {
                    answer(change.waiting, Result::Done(Datum::Nil), out);
                }
            }
            Stage::Proposed | Stage::Chosen(_) => {}
        }
    }

    /// A configuration was chosen for a slot.
    pub(super) fn members_chosen(&mut self, slot: Slot, config: Quorum, out: &mut Out<'_>) {
        let after = if self.setup.has(&mutants::CONFIG_AT_ONCE) { 1 } else { self.options.alpha };
        let acts = slot + after;
        out.note("members", [("voters", (config.voters.len() as u64).into()), ("from", acts.into())]);
        if let Role::Leader(leader) = &mut self.role
            && let Some(change) = &mut leader.change
            && change.to == config
        {
            change.stage = Stage::Chosen(acts);
        }
        self.learner.configs.push_back((acts, config));
        self.extend_phase_one(out);
    }

    /// Whether this server is in a configuration that counts, as far as is known here.
    pub(super) fn counts(&self) -> bool {
        self.learner.open().any(|config| config.contains(self.setup.me))
    }

    /// A slot was applied: who is in no configuration after it shall know that from the leader, or would think
    /// that it has lost touch, and try to lead.
    pub(super) fn dismiss(&mut self, slot: Slot, out: &mut Out<'_>) {
        let (ends, begins) = (self.learner.config(slot), self.learner.config(slot + 1));
        if matches!(self.role, Role::Leader(_)) && !std::ptr::eq(ends, begins) {
            for node in ends.members().filter(|node| !begins.contains(*node) && *node != self.setup.me) {
                out.send(node, Message::Known { chosen: slot });
            }
        }
    }

    /// A leader that is not in the configuration any more goes, once a quorum of those who are know it.
    pub(super) fn leave(&mut self, out: &mut Out<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let (acts, config) = self.learner.latest();
        let knows = |node: NodeId| leader.peers.get(&node).is_some_and(|peer| peer.learned + 1 >= *acts);
        if config.contains(self.setup.me) || !config.reached(knows) {
            return;
        }
        let best = config.members().max_by_key(|node| leader.peers.get(node).map_or(0, |peer| peer.learned));
        if let Some(best) = best {
            self.resign(best, out);
        }
    }

    /// Hands the office over.
    pub(super) fn transfer(&mut self, waiting: Waiting, to: NodeId, out: &mut Out<'_>) {
        if to == self.me() {
            return answer(waiting, Result::Done(Datum::Nil), out);
        }
        if !self.learner.config(self.learner.prefix + 1).contains(to) {
            return answer(waiting, Result::Refused, out);
        }
        answer(waiting, Result::Done(Datum::Nil), out);
        self.resign(to, out);
    }

    /// Leads no more, and relies on no lease any more; only then another one is asked to take over.
    fn resign(&mut self, to: NodeId, out: &mut Out<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let resigned = leader.phase.ballot;
        out.note("resign", [("to", to.into())]);
        self.step_down(None, out);
        self.tell(to, Message::TakeOver { resigned }, out);
    }
}
