//! The same schedules by this Raft and by another one (the `raft` crate, tikv/raft-rs): the same leaders, and
//! the same commands committed in the same order at every server.

use super::{Message, Raft, Record, Role, Server};
use crate::algorithms::common::{Ask, Datum, Request, Write};
use crate::node::{
    Algorithm, Barrier, Cluster, Effect, Effects, Hand, Input, NodeId, Process, Random, Recovered, Setup, SpanToken,
    Timer,
};
use raft::eraftpb::{EntryType, MessageType};
use raft::storage::MemStorage;
use raft::{RawNode, StateRole};
use std::collections::VecDeque;

const NODES: usize = 5;

/// What is done to both.
trait Driven {
    fn campaign(&mut self, node: usize);
    fn propose(&mut self, node: usize, command: u64);
    fn heartbeat(&mut self, node: usize);
    /// Messages among these arrive until there are none; all others are lost.
    fn flush(&mut self, group: &[usize]);
    fn leads(&self, node: usize) -> bool;
    fn committed(&self, node: usize) -> &[u64];
}

struct Ours {
    servers: Vec<Server>,
    barriers: Vec<Barrier>,
    random: Random,
    elapsed: u64,
    flying: VecDeque<(usize, usize, Message)>,
    committed: Vec<Vec<u64>>,
}

impl Ours {
    fn new() -> Self {
        let setup = |me: usize| Setup {
            me: NodeId(me as u16),
            cluster: Cluster::new(NODES as u16, 0),
            mutant: None,
            options: vec![("snapshot-after".to_owned(), "1000000".to_owned())],
        };
        let mut ours = Self {
            servers: (0..NODES).map(|me| Raft.server(&setup(me))).collect(),
            barriers: vec![Barrier(0); NODES],
            random: Random::new(1),
            elapsed: 0,
            flying: VecDeque::new(),
            committed: vec![Vec::new(); NODES],
        };
        (0..NODES).for_each(|node| ours.step(node, Input::Start(Recovered::default())));
        ours
    }

    fn step(&mut self, node: usize, input: Input<Message, Record>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let hand = Hand {
                now: self.elapsed,
                elapsed: self.elapsed,
                span: SpanToken(0),
                random: &mut self.random,
                next_barrier: &mut self.barriers[node],
            };
            let mut effects = Effects::new(hand);
            self.servers[node].step(input, &mut effects);
            let executed = self.servers[node].step.executed.iter().map(|(_, client, _)| u64::from(*client) - 1000);
            self.committed[node].extend(executed);
            for effect in effects.into_list() {
                match effect {
                    Effect::Send { to, message, .. } if to.index() < NODES => {
                        self.flying.push_back((node, to.index(), message));
                    }
                    Effect::Persist { barrier, .. } => inputs.push_back(Input::Durable(barrier)),
                    _ => {}
                }
            }
        }
    }
}

impl Driven for Ours {
    fn campaign(&mut self, node: usize) {
        self.elapsed += 1_000_000_000;
        self.step(node, Input::Timer(Timer::new("election")));
    }

    fn propose(&mut self, node: usize, command: u64) {
        let request = Request::Write("k".to_owned(), Write::Put(Datum::Int(command as i64)));
        let from = NodeId(1000 + command as u16);
        self.step(node, Input::Message { from, message: Message::Ask(Ask { sequence: 1, request }) });
    }

    fn heartbeat(&mut self, node: usize) {
        self.step(node, Input::Timer(Timer::new("heartbeat")));
    }

    fn flush(&mut self, group: &[usize]) {
        while let Some((from, to, message)) = self.flying.pop_front() {
            if group.contains(&from) && group.contains(&to) {
                self.step(to, Input::Message { from: NodeId(from as u16), message });
            }
        }
    }

    fn leads(&self, node: usize) -> bool {
        matches!(self.servers[node].role, Role::Leader(_))
    }

    fn committed(&self, node: usize) -> &[u64] {
        &self.committed[node]
    }
}

struct Theirs {
    nodes: Vec<RawNode<MemStorage>>,
    flying: VecDeque<raft::eraftpb::Message>,
    committed: Vec<Vec<u64>>,
}

impl Theirs {
    fn new() -> Self {
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let voters: Vec<u64> = (1..=NODES as u64).collect();
        let node = |id: &u64| {
            let config = raft::Config { id: *id, pre_vote: true, ..raft::Config::default() };
            let storage = MemStorage::new_with_conf_state((voters.clone(), vec![]));
            RawNode::new(&config, storage, &logger).unwrap()
        };
        Self { nodes: voters.iter().map(node).collect(), flying: VecDeque::new(), committed: vec![Vec::new(); NODES] }
    }

    fn commit(&mut self, node: usize, entries: &[raft::eraftpb::Entry]) {
        for entry in entries.iter().filter(|entry| entry.get_entry_type() == EntryType::EntryNormal) {
            if let Ok(bytes) = entry.get_data().try_into() {
                self.committed[node].push(u64::from_le_bytes(bytes));
            }
        }
    }

    fn ready(&mut self, node: usize) {
        while self.nodes[node].has_ready() {
            let mut ready = self.nodes[node].ready();
            self.flying.extend(ready.take_messages());
            let committed = ready.take_committed_entries();
            self.commit(node, &committed);
            let store = self.nodes[node].raft.raft_log.store.clone();
            store.wl().append(ready.entries()).unwrap();
            if let Some(state) = ready.hs() {
                store.wl().set_hardstate(state.clone());
            }
            self.flying.extend(ready.take_persisted_messages());
            let mut light = self.nodes[node].advance(ready);
            self.flying.extend(light.take_messages());
            let committed = light.take_committed_entries();
            self.commit(node, &committed);
            self.nodes[node].advance_apply();
        }
    }
}

impl Driven for Theirs {
    fn campaign(&mut self, node: usize) {
        self.nodes[node].campaign().unwrap();
        self.ready(node);
    }

    fn propose(&mut self, node: usize, command: u64) {
        self.nodes[node].propose(vec![], command.to_le_bytes().to_vec()).unwrap();
        self.ready(node);
    }

    fn heartbeat(&mut self, node: usize) {
        self.nodes[node].raft.step(beat(node)).unwrap();
        self.ready(node);
    }

    fn flush(&mut self, group: &[usize]) {
        while let Some(message) = self.flying.pop_front() {
            let (from, to) = (message.from as usize - 1, message.to as usize - 1);
            if group.contains(&from) && group.contains(&to) {
                let _ = self.nodes[to].step(message);
                self.ready(to);
            }
        }
    }

    fn leads(&self, node: usize) -> bool {
        self.nodes[node].raft.state == StateRole::Leader
    }

    fn committed(&self, node: usize) -> &[u64] {
        &self.committed[node]
    }
}

fn beat(node: usize) -> raft::eraftpb::Message {
    let mut message = raft::eraftpb::Message::default();
    message.set_msg_type(MessageType::MsgBeat);
    message.from = node as u64 + 1;
    message.to = node as u64 + 1;
    message
}

#[test]
fn another_raft_commits_the_same() {
    let mut all = 0;
    for seed in 1..=200 {
        let mut random = Random::new(seed);
        let (mut ours, mut theirs) = (Ours::new(), Theirs::new());
        let mut next = 0;
        for step in 0..40 {
            let mut group: Vec<usize> = (0..NODES).collect();
            random.shuffle(&mut group);
            group.truncate(random.between(2, NODES as u64) as usize);
            // A leader that was replaced may still send something before it hears so, and how much is its own
            // affair: it hears so first.
            let newest = group.iter().copied().max_by_key(|node| ours.servers[*node].term).unwrap_or(0);
            let old = |node: &usize| ours.leads(*node) && ours.servers[*node].term < ours.servers[newest].term;
            let replaced: Vec<usize> = group.iter().copied().filter(old).collect();
            let both: [&mut dyn Driven; 2] = [&mut ours, &mut theirs];
            let [first, second] = both;
            for driven in [&mut *first, &mut *second] {
                for node in &replaced {
                    driven.heartbeat(*node);
                    driven.flush(&[*node, newest]);
                }
            }
            let both = [first, second];
            let leader = group.iter().copied().find(|node| both[0].leads(*node));
            let proposals = random.below(4);
            for driven in both {
                match leader {
                    None => driven.campaign(group[0]),
                    Some(leader) => (0..proposals).for_each(|more| driven.propose(leader, next + more)),
                }
                driven.flush(&group);
                for _ in 0..4 {
                    let leaders: Vec<usize> = group.iter().copied().filter(|node| driven.leads(*node)).collect();
                    leaders.into_iter().for_each(|node| driven.heartbeat(node));
                    driven.flush(&group);
                }
            }
            next += if leader.is_some() { proposals } else { 0 };
            for node in 0..NODES {
                let name = format!("seed {seed}, step {step}, group {group:?}, server {node}");
                assert_eq!(ours.leads(node), theirs.leads(node), "{name}");
                let log = &theirs.nodes[node].raft.raft_log;
                assert_eq!(ours.servers[node].log.last(), (log.last_index(), log.last_term()), "{name}");
                // When a server hears that something is committed may differ, but not what.
                let both = ours.committed(node).iter().zip(theirs.committed(node));
                assert!(both.into_iter().all(|(ours, theirs)| ours == theirs), "{name}");
            }
        }
        // In the end everybody hears of everything.
        let all_of_them: Vec<usize> = (0..NODES).collect();
        let both: [&mut dyn Driven; 2] = [&mut ours, &mut theirs];
        for driven in both {
            for _ in 0..8 {
                (0..NODES)
                    .filter(|node| driven.leads(*node))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|node| driven.heartbeat(node));
                driven.flush(&all_of_them);
            }
        }
        for node in 0..NODES {
            assert_eq!(ours.committed(node), theirs.committed(node), "seed {seed}, server {node}, in the end");
        }
        all += ours.committed.iter().map(Vec::len).sum::<usize>();
    }
    assert!(all > 10_000, "only {all} commits were compared");
}
