//! Reads that are not stale: through the log, or from the store while a lease lasts (L§5.2).
//!
//! A read that goes through the log belongs to a slot that was proposed after it arrived, and is answered when that
//! slot is applied: whatever was acknowledged before lies in a slot before. The slot need not hold anything.
//!
//! A lease is a round of heartbeats that a quorum answered: none of those promises another server anything within an
//! election timeout. Which quorum? Whoever is to choose something that the leader does not know must first get the
//! slot after the last that the leader knows decided, for which only the leader counts acceptances: so it is
//! the configuration of that slot which matters. What earlier leaders may have chosen must be applied: everything
//! that was found in phase 1, with the promises of a quorum for that very slot.

use super::phase_two::Wanted;
use super::{Out, Result, Role, Server, Slot, Waiting, mutants};
use crate::algorithms::common::answer;
use crate::node::NodeId;

impl Server {
    pub(super) fn read(&mut self, waiting: Waiting, key: String, out: &mut Out<'_>) {
        if self.has_lease(out) || self.setup.has(&mutants::LOCAL_READ) {
            return answer(waiting, Result::Done(self.learner.store.read(&key)), out);
        }
        self.want(Wanted::Read(waiting, key), out);
    }

    /// Whether nobody else can have chosen anything, and everything that was chosen before is applied.
    fn has_lease(&self, out: &Out<'_>) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        let Some(lease) = self.options.lease else { return false };
        let prefix = self.learner.prefix;
        let recovered = prefix >= leader.phase.recovered || self.setup.has(&mutants::LEASE_BEFORE_RECOVERY);
        let config = self.learner.config(prefix + 1);
        if !recovered || !self.enough(config, |node| leader.phase.promises.contains(&node)) {
            return false;
        }
        let answered = |node: NodeId| match leader.peers.get(&node) {
            _ if node == self.setup.me => leader.round,
            Some(peer) => peer.round,
            None => 0,
        };
        let round = config.agreed(answered);
        let sent = leader.sent.iter().find(|(of, _)| *of == round);
        sent.is_some_and(|(_, sent)| out.elapsed() < sent + lease)
    }

    /// Answers the reads of a slot that was applied.
    pub(super) fn answer_reads(&mut self, slot: Slot, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        for (waiting, key) in leader.reads.remove(&slot).unwrap_or_default() {
            answer(waiting, Result::Done(self.learner.store.read(&key)), out);
        }
    }
}
