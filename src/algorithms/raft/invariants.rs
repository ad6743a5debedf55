//! What must hold at every moment: the properties of figure 3 of the paper, and what they rest on.

use super::{Index, Payload, Role, Server, Term};
use crate::algorithms::common::{Agreement, ExactlyOnce};
use crate::node::{Broken, Field, NodeId, Note, Quorum, Watch, broken};
use std::collections::{BTreeMap, BTreeSet};

pub(super) static ALL: &[(&str, &str)] = &[
    ("election-safety", "at most one leader is elected in a term"),
    ("vote-once", "no server's vote counts for two candidates in a term"),
    ("vote-given", "a vote is counted in the term, and for the candidate, in which and to whom it was given"),
    ("vote-kept", "a server that starts again remembers the last of its votes that was counted"),
    ("leader-append-only", "a leader never changes what is in its log"),
    ("log-matching", "entries of the same index and term are the same, and so is everything before them"),
    ("leader-completeness", "a leader has everything in its log that was committed before its term"),
    ("state-machine-safety", "no two servers commit different entries at an index"),
    ("true-progress", "a leader counts for no follower what never was on its disk"),
    ("committed-by-quorum", "what a leader commits is on the disks of a quorum"),
    ("commit-is-final", "no server that lacks what a leader commits could be elected by those whose disks it is up to"),
    ("fresh-reads", "a read is answered from a store with everything that was committed before it arrived"),
    ExactlyOnce::ENTRY,
    ("bounded-proposals", "a leader takes on no more uncommitted proposals than it is allowed"),
];

#[derive(Debug, Default)]
struct Seen {
    /// Its term, and whom it voted for in it.
    vote: (Term, Option<NodeId>),
    /// The term and the index of the last entry on disk.
    last: (Term, Index),
    /// Up to here its log is in a snapshot.
    base: Index,
    /// The last entry and the term of a leader; nothing for others.
    leading: Option<(Term, Index)>,
}

/// Looks after all servers.
pub struct Invariants {
    most_uncommitted: usize,
    leaders: BTreeMap<Term, NodeId>,
    votes: BTreeMap<(NodeId, u64), NodeId>,
    /// By index and term: the term before it and what it is.
    entries: BTreeMap<(Index, Term), (Option<Term>, Payload)>,
    agreement: Agreement,
    executed: ExactlyOnce,
    /// Reads that wait for an answer, by server, client and number: what was committed when they arrived. Of one
    /// that was asked twice the first counts.
    reads: BTreeMap<(NodeId, u16, u64), Index>,
    seen: BTreeMap<NodeId, Seen>,
}

impl Invariants {
    pub(super) fn new(most_uncommitted: usize) -> Self {
        Self {
            most_uncommitted,
            leaders: BTreeMap::new(),
            votes: BTreeMap::new(),
            entries: BTreeMap::new(),
            agreement: Agreement::default(),
            executed: ExactlyOnce::default(),
            reads: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    fn log_matching(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let Some(from) = server.step.appended_from else { return Ok(()) };
        if let Some((term, last)) = self.seen.entry(node).or_default().leading
            && term == server.term
            && !server.step.started
            && from <= last
        {
            return broken("leader-append-only", format!("leader {} of term {term} changed entry {from}", node.0 + 1));
        }
        for index in from..=server.log.last().0 {
            let Some(entry) = server.log.get(index) else { continue };
            let before = server.log.term(index - 1);
            let known = self.entries.entry((index, entry.term)).or_insert_with(|| (before, entry.payload.clone()));
            known.0 = known.0.or(before);
            if known.1 != entry.payload || before.is_some_and(|before| known.0 != Some(before)) {
                let detail = format!("entry {index} of term {} is not the same at server {}", entry.term, node.0 + 1);
                return broken("log-matching", detail);
            }
        }
        Ok(())
    }

    fn elected(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        if !server.step.elected {
            return Ok(());
        }
        let first = *self.leaders.entry(server.term).or_insert(node);
        if first != node {
            let detail = format!("servers {} and {} both lead in term {}", first.0 + 1, node.0 + 1, server.term);
            return broken("election-safety", detail);
        }
        if let Some((index, term, has)) = self.agreement.lacking(&server.log, server.term) {
            let lacks = has.map_or_else(|| "nothing".to_owned(), |has| format!("one of term {has}"));
            let detail = format!(
                "leader {} of term {} has {lacks} where entry {index} of term {term} was committed",
                node.0 + 1,
                server.term
            );
            return broken("leader-completeness", detail);
        }
        Ok(())
    }

    fn stored(&mut self, node: NodeId, server: &Server) {
        self.agreement.store(node, &server.log, server.step.appended_from);
        let seen = self.seen.entry(node).or_default();
        let durable = server.log.durable();
        seen.last = (server.log.term(durable).unwrap_or(0), durable);
        seen.base = server.log.base().0;
    }

    fn committed(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let more = match self.agreement.commit(node, &server.log, server.commit, server.term) {
            Ok(more) => more,
            Err((index, first, term)) => {
                let detail = format!(
                    "entry {index} was committed as one of term {first} and, by server {}, of {term}",
                    node.0 + 1
                );
                return broken("state-machine-safety", detail);
            }
        };
        if !more || !matches!(server.role, Role::Leader(_)) {
            return Ok(());
        }
        if server.log.term(server.commit) == Some(server.term) {
            let have = self.agreement.holders(server.commit, server.term);
            if !is_quorum(server.log.config_at(server.commit), have) && !is_quorum(server.log.config().1, have) {
                let detail = format!(
                    "server {} committed entry {} of term {}, which is on {} disks",
                    node.0 + 1,
                    server.commit,
                    server.term,
                    have.len()
                );
                return broken("committed-by-quorum", detail);
            }
        }
        self.final_commit(node, server)
    }

    /// Whether a server has an entry, or a snapshot with it.
    fn has(&self, node: NodeId, index: Index, term: Term) -> bool {
        self.agreement.holders(index, term).contains(&node)
            || self.seen.get(&node).is_some_and(|seen| seen.base >= index)
    }

    /// The argument of §5.4.3 as a question to the disks: if all servers restarted now, could one that lacks the
    /// entry get the votes of a quorum, as its log is up to date beside theirs?
    fn final_commit(&self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let (index, term) = (server.commit, server.log.term(server.commit).unwrap_or(0));
        let last = |node: NodeId| self.seen.get(&node).map_or((0, 0), |seen| seen.last);
        let elects = |config: &Quorum| {
            let lacks = |node: &NodeId| !self.has(*node, index, term);
            config.members().filter(lacks).find(|one| config.reached(|voter| last(voter) <= last(*one)))
        };
        match (elects(server.log.config().1), elects(server.log.config_at(index))) {
            (Some(one), Some(_)) => {
                let detail = format!(
                    "server {} committed entry {index} of term {term}, and server {} without it could be elected",
                    node.0 + 1,
                    one.0 + 1
                );
                broken("commit-is-final", detail)
            }
            _ => Ok(()),
        }
    }

    /// A server that forgot a vote might give it again.
    fn remembers(&self, node: NodeId, server: &Server) -> Result<(), Broken> {
        if !server.step.started {
            return Ok(());
        }
        let Some(((_, term), to)) = self.votes.range((node, 0)..=(node, Term::MAX)).next_back() else { return Ok(()) };
        if server.term < *term || server.term == *term && server.voted_for != Some(*to) {
            let detail =
                format!("server {} does not know any more that it voted for {} in term {term}", node.0 + 1, to.0 + 1);
            return broken("vote-kept", detail);
        }
        Ok(())
    }

    /// What a leader just learned of a follower is so.
    fn progress(&self, node: NodeId, server: &Server) -> Result<(), Broken> {
        let Role::Leader(leader) = &server.role else { return Ok(()) };
        let Some(follower) = server.step.acknowledged else { return Ok(()) };
        let Some(matched) = leader.progress.get(&follower).map(|of| of.matched) else { return Ok(()) };
        let has = match server.log.term(matched) {
            Some(term) => self.has(follower, matched, term),
            None => matched < server.log.base().0,
        };
        if matched > 0 && !has {
            let detail = format!(
                "leader {} of term {} takes server {} to have its entry {matched}",
                node.0 + 1,
                server.term,
                follower.0 + 1
            );
            return broken("true-progress", detail);
        }
        Ok(())
    }

    fn reads(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        if let Some((client, sequence)) = server.step.asked {
            self.reads.entry((node, client, sequence)).or_insert(self.agreement.committed());
        }
        for (client, sequence, index) in &server.step.answered {
            let Some(committed) = self.reads.remove(&(node, *client, *sequence)) else { continue };
            if *index < committed {
                let detail = format!(
                    "server {} answered a read as of entry {index}, after entry {committed} had been committed",
                    node.0 + 1
                );
                return broken("fresh-reads", detail);
            }
        }
        Ok(())
    }
}

fn is_quorum(config: &Quorum, have: &BTreeSet<NodeId>) -> bool {
    config.reached(|node| have.contains(&node))
}

impl Watch<Server> for Invariants {
    fn after(&mut self, node: NodeId, server: &Server) -> Result<(), Broken> {
        self.remembers(node, server)?;
        self.log_matching(node, server)?;
        self.elected(node, server)?;
        self.stored(node, server);
        self.progress(node, server)?;
        self.reads(node, server)?;
        self.committed(node, server)?;
        self.executed.check(&server.step.executed)?;
        let leading = match &server.role {
            Role::Leader(leader) => {
                if leader.proposals.bytes() > self.most_uncommitted {
                    let detail = format!(
                        "{} bytes of proposals are not committed, {} are allowed",
                        leader.proposals.bytes(),
                        self.most_uncommitted
                    );
                    return broken("bounded-proposals", detail);
                }
                Some((server.term, server.log.last().0))
            }
            _ => None,
        };
        let seen = self.seen.entry(node).or_default();
        (seen.leading, seen.vote) = (leading, (server.term, server.voted_for));
        Ok(())
    }

    fn noted(&mut self, node: NodeId, note: &Note) -> Result<(), Broken> {
        if note.name != "vote-counted" {
            return Ok(());
        }
        if let [("term", Field::Int(term)), ("of", Field::Node(voter))] = note.fields[..] {
            let first = *self.votes.entry((voter, term)).or_insert(node);
            if first != node {
                let detail =
                    format!("server {} voted for {} and for {} in term {term}", voter.0 + 1, first.0 + 1, node.0 + 1);
                return broken("vote-once", detail);
            }
            // The note of a candidate's own vote comes before the end of the step in which it took it.
            let (now, given) = self.seen.get(&voter).map_or((0, None), |seen| seen.vote);
            if voter != node && (now < term || now == term && given != Some(node)) {
                let detail = format!("server {} counts a vote of server {} in term {term}", node.0 + 1, voter.0 + 1);
                return broken("vote-given", detail);
            }
        }
        Ok(())
    }
}
