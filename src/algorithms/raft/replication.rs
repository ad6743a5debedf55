//! Replication: the leader's log becomes everybody's (§5.3), and what a majority has is committed (§5.4.2).

use super::members::Change;
use super::reads::Reader;
use super::{Entry, HEARTBEAT, Index, Message, Out, Payload, Record, Result, Role, Server, Waiting, mutants};
use crate::algorithms::common::{Outgoing, Proposals, answer};
use crate::node::{NodeId, Timer};
use std::collections::{BTreeMap, VecDeque};

/// So many entries go into one message.
const BATCH: usize = 64;
/// So many messages with entries may be on their way to a follower.
const WINDOW: usize = 8;

/// What only a leader knows. It is lost with the office.
pub struct Leader {
    /// Its first entry.
    pub first: Index,
    pub progress: BTreeMap<NodeId, Progress>,
    pub proposals: Proposals,
    /// Rounds of heartbeats: the last begun, the last that a quorum answered, when each was sent.
    pub round: u64,
    pub confirmed: u64,
    pub rounds: VecDeque<(u64, u64)>,
    /// When the last confirmed round was sent.
    pub lease_from: Option<u64>,
    /// It has asked another to stand for election, which then does not heed leases.
    pub lease_off: bool,
    /// Reads, each with the round that must be confirmed and the index that must be applied.
    pub reads: Vec<(u64, Index, Reader)>,
    pub change: Option<Change>,
    pub transfer: Option<NodeId>,
}

/// What the leader knows of a follower.
pub struct Progress {
    /// The next entry to send.
    pub next: Index,
    /// Up to here its log is the leader's, on disk.
    pub matched: Index,
    pub mode: Mode,
    /// The last round that it answered.
    pub round: u64,
    /// It has answered since the last time this was looked at.
    pub active: bool,
}

/// How entries are sent to a follower.
pub enum Mode {
    /// Where its log ends is not known: one message at a time.
    Probe { sent: bool },
    /// One after the other, without waiting for answers: the last index of each message on its way.
    Replicate { sent: VecDeque<Index> },
    /// What it needs next is not in the log any more.
    Snapshot(Outgoing),
}

impl Leader {
    pub(super) fn new(first: Index) -> Self {
        Self {
            first,
            progress: BTreeMap::new(),
            proposals: Proposals::default(),
            round: 0,
            confirmed: 0,
            rounds: VecDeque::new(),
            lease_from: None,
            lease_off: false,
            reads: Vec::new(),
            change: None,
            transfer: None,
        }
    }
}

impl Progress {
    pub(super) fn new(next: Index) -> Self {
        Self { next, matched: 0, mode: Mode::Probe { sent: false }, round: 0, active: true }
    }
}

impl Server {
    /// A command: into the log, unless there are too many that are not committed, or this one has been done.
    pub(super) fn propose_command(&mut self, waiting: Waiting, request: super::Request, out: &mut Out<'_>) {
        let once = !self.setup.has(&mutants::NO_DEDUP);
        let limited = !self.setup.has(&mutants::UNLIMITED_PROPOSALS);
        let most = if limited { self.options.most_uncommitted } else { usize::MAX };
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(command) = leader.proposals.admit(&self.store, waiting, request, (once, most), out) else { return };
        if leader.transfer.is_some() {
            return answer(waiting, Result::Busy, out);
        }
        let index = self.log.last().0 + 1;
        leader.proposals.add(index, &command);
        if self.setup.has(&mutants::ACK_BEFORE_COMMIT) {
            answer(waiting, Result::Done(self.store.clone().perform(&command)), out);
        } else {
            leader.proposals.wait(index, waiting);
        }
        self.propose(Payload::Command(command), out);
    }

    /// Puts an entry at the end of the leader's log and sends it to all.
    pub(super) fn propose(&mut self, payload: Payload, out: &mut Out<'_>) {
        let index = self.log.last().0 + 1;
        let members = matches!(payload, Payload::Members(_));
        let entry = Entry { term: self.term, index, payload };
        self.log.push(entry.clone());
        self.step.appended_from = self.step.appended_from.or(Some(index));
        let barrier = out.persist(vec![Record::Entries(vec![entry])]);
        self.log.written(barrier);
        if members {
            self.follow_members();
        }
        self.send_all(out);
    }

    /// Sends everybody what it lacks.
    pub(super) fn send_all(&mut self, out: &mut Out<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let peers: Vec<NodeId> = leader.progress.keys().copied().collect();
        for peer in peers {
            self.send_entries(peer, out);
        }
    }

    /// Sends a follower what it lacks, as far as it may be sent now.
    pub(super) fn send_entries(&mut self, to: NodeId, out: &mut Out<'_>) {
        let (base, last) = (self.log.base().0, self.log.last().0);
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(of) = leader.progress.get_mut(&to) else { return };
        if of.next <= base {
            if !matches!(of.mode, Mode::Snapshot(_)) {
                of.mode = Mode::Snapshot(Outgoing::new(self.snapshot.index, &self.snapshot));
                self.send_piece(to, out);
            }
            return;
        }
        let entries = match &mut of.mode {
            Mode::Probe { sent: true } | Mode::Snapshot(_) => return,
            Mode::Probe { sent } => {
                *sent = true;
                self.log.from(of.next, BATCH)
            }
            Mode::Replicate { sent } if of.next > last || sent.len() >= WINDOW => return,
            Mode::Replicate { sent } => {
                let entries = self.log.from(of.next, BATCH);
                sent.push_back(of.next + entries.len() as Index - 1);
                entries
            }
        };
        let prev = of.next - 1;
        if matches!(of.mode, Mode::Replicate { .. }) {
            of.next += entries.len() as Index;
        }
        let prev = (prev, self.log.term(prev).unwrap_or(0));
        out.send(to, Message::Append { term: self.term, prev, entries, commit: self.commit });
        if self.setup.has(&mutants::UNREPLICATED_PROGRESS) {
            self.advance_commit(out);
        }
    }

    /// Shows everybody that the leader is there, and finds out what got lost.
    pub(super) fn heartbeat(&mut self, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        out.set_timer(Timer::new("heartbeat"), HEARTBEAT);
        let peers: Vec<NodeId> = leader.progress.keys().copied().collect();
        for peer in peers {
            let Role::Leader(leader) = &mut self.role else { return };
            let Some(of) = leader.progress.get_mut(&peer) else { continue };
            match &mut of.mode {
                Mode::Probe { sent } => {
                    *sent = false;
                    self.send_entries(peer, out);
                }
                Mode::Snapshot(_) => self.send_piece(peer, out),
                // Whoever lacks what was sent will say so.
                Mode::Replicate { .. } if of.matched + 1 < of.next => {
                    let prev = of.next - 1;
                    let prev = (prev, self.log.term(prev).unwrap_or(0));
                    let (term, commit) = (self.term, self.commit);
                    out.send(peer, Message::Append { term, prev, entries: Vec::new(), commit });
                }
                Mode::Replicate { .. } => {}
            }
        }
        self.begin_round(out);
    }

    /// A heartbeat to each follower, that it must answer with the number of the round.
    pub(super) fn begin_round(&mut self, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        leader.round += 1;
        leader.rounds.push_back((leader.round, out.elapsed()));
        for (peer, of) in &leader.progress {
            // Not beyond what it is known to have: it may have something else there.
            let known = if self.setup.has(&mutants::COMMIT_TO_LEADER_INDEX) { self.commit } else { of.matched };
            let message = Message::Heartbeat { term: self.term, commit: self.commit.min(known), round: leader.round };
            out.send(*peer, message);
        }
        self.confirm(out);
    }

    pub(super) fn heard_beat(&mut self, from: NodeId, commit: Index, round: u64, out: &mut Out<'_>) {
        self.commit_to(commit.min(self.log.last().0), out);
        out.send_after(self.vote_saved, from, Message::Heartbeaten { term: self.term, round });
    }

    pub(super) fn heartbeaten(&mut self, from: NodeId, round: u64, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(of) = leader.progress.get_mut(&from) else { return };
        of.active = true;
        of.round = of.round.max(round);
        self.confirm(out);
    }

    /// A follower gets entries. It takes them if it has what comes before them: then by induction its log
    /// is the leader's up to there (the log matching property).
    pub(super) fn append(
        &mut self,
        from: NodeId,
        prev: (Index, super::Term),
        entries: Vec<Entry>,
        commit: Index,
        out: &mut Out<'_>,
    ) {
        let term = self.term;
        if prev.0 < self.log.base().0 {
            // What was forgotten is committed, and so in the leader's log.
            let reply = Message::Appended { term, matched: self.commit };
            return self.tell(from, reply, out);
        }
        let known = self.log.term(prev.0);
        if known.is_none_or(|known| known != prev.1 && !self.setup.has(&mutants::IGNORE_PREV_TERM)) {
            let mut hint = self.log.last().0.min(prev.0.saturating_sub(1));
            while hint > self.log.base().0 && self.log.term(hint).is_some_and(|known| known > prev.1) {
                hint -= 1;
            }
            return self.tell(from, Message::Rejected { term, prev: prev.0, hint }, out);
        }
        if self.setup.has(&mutants::TRUNCATE_ALWAYS) {
            self.log.truncate(prev.0 + 1);
        }
        let matched = prev.0 + entries.len() as Index;
        let news: Vec<Entry> = entries
            .into_iter()
            .skip_while(|entry| entry.index <= self.log.base().0 || self.log.term(entry.index) == Some(entry.term))
            .collect();
        if let Some(first) = news.first().map(|entry| entry.index) {
            self.log.truncate(first);
            news.iter().cloned().for_each(|entry| self.log.push(entry));
            self.step.appended_from = Some(first);
            out.note("append", [("from", first.into()), ("to", matched.into())]);
            let barrier = out.persist(vec![Record::Entries(news)]);
            self.log.written(barrier);
        }
        // Not the leader's commit index as it is: what lies behind the last new entry may yet be replaced.
        let known = if self.setup.has(&mutants::COMMIT_TO_LEADER_INDEX) { self.log.last().0 } else { matched };
        self.commit_to(commit.min(known), out);
        let reply = Message::Appended { term, matched };
        if self.setup.has(&mutants::ACK_BEFORE_FSYNC) {
            out.send(from, reply);
        } else {
            self.tell(from, reply, out);
        }
    }

    pub(super) fn appended(&mut self, from: NodeId, matched: Index, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(of) = leader.progress.get_mut(&from) else { return };
        of.active = true;
        of.matched = of.matched.max(matched);
        self.step.acknowledged = Some(from);
        match &mut of.mode {
            Mode::Probe { .. } => {
                of.next = of.matched + 1;
                of.mode = Mode::Replicate { sent: VecDeque::new() };
            }
            Mode::Replicate { sent } => {
                sent.retain(|last| *last > matched);
                of.next = of.next.max(of.matched + 1);
            }
            Mode::Snapshot(outgoing) if of.matched >= outgoing.of() => {
                of.next = of.matched + 1;
                of.mode = Mode::Probe { sent: false };
            }
            Mode::Snapshot(_) => {}
        }
        out.note("ack", [("from", from.into()), ("index", matched.into())]);
        self.advance_commit(out);
        self.go_on_with_change(out);
        self.go_on_with_transfer(out);
        self.send_entries(from, out);
    }

    pub(super) fn rejected(&mut self, from: NodeId, prev: Index, hint: Index, out: &mut Out<'_>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(of) = leader.progress.get_mut(&from) else { return };
        of.active = true;
        // An old answer says nothing: it has what it has acknowledged.
        if prev > of.matched {
            match &mut of.mode {
                Mode::Replicate { .. } => {
                    of.next = of.matched + 1;
                    of.mode = Mode::Probe { sent: false };
                }
                Mode::Probe { sent } if prev + 1 == of.next => {
                    of.next = prev.min(hint + 1).max(of.matched + 1);
                    *sent = false;
                }
                _ => {}
            }
        }
        self.send_entries(from, out);
    }

    /// What a quorum has on disk is committed, if it is of this term; what comes before it, with it. An entry
    /// of an earlier term that a majority has can still be overwritten (figure 8 of the paper).
    pub(super) fn advance_commit(&mut self, out: &mut Out<'_>) {
        let Role::Leader(leader) = &self.role else { return };
        let optimistic = self.setup.has(&mutants::UNREPLICATED_PROGRESS);
        let has = |node: NodeId| match leader.progress.get(&node) {
            _ if node == self.setup.me => self.log.durable(),
            Some(of) if optimistic => of.next - 1,
            Some(of) => of.matched,
            None => 0,
        };
        let agreed = self.agreed(has);
        let of_this_term = self.log.term(agreed) == Some(self.term) || self.setup.has(&mutants::COMMIT_EARLIER_TERM);
        if agreed > self.commit && of_this_term {
            self.commit_to(agreed, out);
            self.members_committed(out);
        }
    }
}
