//! For the invariants of systems with a log: who has what on disk, what was committed, and whether it agrees.

use super::log::{Index, Log, Payload, Term};
use crate::node::NodeId;
use std::collections::{BTreeMap, BTreeSet};

static NOBODY: BTreeSet<NodeId> = BTreeSet::new();

/// What is known of all servers' logs.
#[derive(Debug, Default)]
pub struct Agreement {
    /// Who ever had an entry on disk. A wiped disk or a lie of it is not taken back.
    stored: BTreeMap<(Index, Term), BTreeSet<NodeId>>,
    /// The term of each committed entry, and the term in which it was committed.
    committed: BTreeMap<Index, (Term, Term)>,
    /// By server: how far it has committed, and how far its log is on disk.
    seen: BTreeMap<NodeId, (Index, Index)>,
}

impl Agreement {
    /// Looks at what a server has on disk; its log has changed from an index on, if at all.
    pub fn store<P: Clone + Payload>(&mut self, node: NodeId, log: &Log<P>, changed_from: Option<Index>) {
        let (_, seen) = self.seen.entry(node).or_default();
        let from = changed_from.unwrap_or(Index::MAX).min(*seen + 1);
        *seen = log.durable();
        for index in from.max(1)..=log.durable() {
            if let Some(term) = log.term(index) {
                self.stored.entry((index, term)).or_default().insert(node);
            }
        }
    }

    /// Who ever had an entry on disk.
    pub fn holders(&self, index: Index, term: Term) -> &BTreeSet<NodeId> {
        self.stored.get(&(index, term)).unwrap_or(&NOBODY)
    }

    /// A server takes everything up to an index for committed, in a term. Whether that is more than before.
    ///
    /// # Errors
    /// An index, the term of what was committed there before, and of what is now.
    pub fn commit<P: Clone + Payload>(
        &mut self,
        node: NodeId,
        log: &Log<P>,
        commit: Index,
        when: Term,
    ) -> Result<bool, (Index, Term, Term)> {
        let (seen, _) = self.seen.entry(node).or_default();
        let from = commit.min(*seen) + 1;
        *seen = commit;
        for index in from..=commit {
            let Some(term) = log.term(index) else { continue };
            let (first, _) = *self.committed.entry(index).or_insert((term, when));
            if first != term {
                return Err((index, first, term));
            }
        }
        Ok(commit >= from)
    }

    /// The last index that anybody has committed.
    pub fn committed(&self) -> Index {
        self.committed.last_key_value().map_or(0, |(index, _)| *index)
    }

    /// What the leader of a term lacks of what was committed before: the index, the term of the entry there, and
    /// of what it has instead. Somebody may still be elected in a term when a later one has long begun; it can do no
    /// harm.
    pub fn lacking<P: Clone + Payload>(&self, log: &Log<P>, leads: Term) -> Option<(Index, Term, Option<Term>)> {
        let since = self.committed.range(log.base().0.max(1)..);
        let mut lacking = since.filter(|(index, (term, when))| log.term(**index) != Some(*term) && *when < leads);
        lacking.next().map(|(index, (term, _))| (*index, *term, log.term(*index)))
    }
}
