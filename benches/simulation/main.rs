//! How fast the simulator is, in events for each second of CPU time, and Raft's core beside the `raft` crate
//! (tikv/raft-rs), in proposals: three nodes in one thread, no I/O, everything in memory.
//!
//!     cargo bench --bench simulation

use causet::algorithms;
use causet::algorithms::common::{Ask, Datum, Request, Write};
use causet::algorithms::raft::{Message, Raft};
use causet::lab::Experiment;
use causet::node::{
    Algorithm, Barrier, Cluster, Effect, Effects, Hand, Input, NodeId, Process, Random, Recovered, Setup, SpanToken,
    Timer,
};
use causet::sim::{Recording, simulate};
use cpu_time::ProcessTime;
use raft::eraftpb::EntryType;
use raft::storage::MemStorage;
use raft::{Config, RawNode, StateRole};
use std::collections::VecDeque;

/// Proposals that are under way at the same time.
const BATCH: usize = 64;
const ROUNDS: usize = 3000;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("events per CPU second         history alone   everything recorded");
    for system in algorithms::ALL {
        let speed = |recording: Recording| {
            let begin = ProcessTime::now();
            let mut events = 0;
            let mut seed = 0;
            while begin.elapsed().as_millis() < 1500 {
                seed += 1;
                let experiment = Experiment::new(*system, seed);
                events += simulate(*system, &experiment.config(recording)).events;
            }
            events as f64 / begin.elapsed().as_secs_f64() / 1e6
        };
        let (history, full) = (speed(Recording::History), speed(Recording::Full));
        println!("{:<28} {history:>11.2} M {full:>15.2} M", system.about().entry.id);
    }
    let (ours, theirs) = (ours(), theirs());
    println!("\nRaft core, proposals per CPU second, 3 nodes, {BATCH} at a time");
    println!("causet {:>12.0}\nraft-rs {:>11.0}\nratio  {:>12.2}", ours, theirs, ours / theirs);
}

struct Ours {
    servers: Vec<<Raft as Algorithm>::Server>,
    barriers: Vec<Barrier>,
    random: Random,
    flying: VecDeque<(u16, u16, Message)>,
    done: usize,
    elapsed: u64,
}

impl Ours {
    fn step(&mut self, node: u16, input: Input<Message, causet::algorithms::raft::Record>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let hand = Hand {
                now: self.elapsed,
                elapsed: self.elapsed,
                span: SpanToken(0),
                random: &mut self.random,
                next_barrier: &mut self.barriers[node as usize],
            };
            let mut effects = Effects::new(hand);
            self.servers[node as usize].step(input, &mut effects);
            for effect in effects.into_list() {
                match effect {
                    Effect::Send { to, message, .. } if to.0 < 3 => self.flying.push_back((node, to.0, message)),
                    Effect::Send { .. } => self.done += 1,
                    Effect::Persist { barrier, .. } => inputs.push_back(Input::Durable(barrier)),
                    _ => {}
                }
            }
        }
    }

    fn flush(&mut self) {
        while let Some((from, to, message)) = self.flying.pop_front() {
            self.step(to, Input::Message { from: NodeId(from), message });
        }
    }
}

fn ours() -> f64 {
    let setup = |me| Setup {
        me: NodeId(me),
        cluster: Cluster::new(3, 0),
        mutant: None,
        options: vec![("snapshot-after".to_owned(), "10000".to_owned())],
    };
    let mut cluster = Ours {
        servers: (0..3).map(|me| Raft.server(&setup(me))).collect(),
        barriers: vec![Barrier(0); 3],
        random: Random::new(1),
        flying: VecDeque::new(),
        done: 0,
        elapsed: 0,
    };
    (0..3).for_each(|node| cluster.step(node, Input::Start(Recovered::default())));
    cluster.elapsed = 1_000_000_000;
    cluster.step(0, Input::Timer(Timer::new("election")));
    cluster.flush();
    let begin = ProcessTime::now();
    for round in 0..ROUNDS as u64 {
        for client in 0..BATCH as u16 {
            let request = Request::Write("key".to_owned(), Write::Put(Datum::Int(round as i64)));
            let message = Message::Ask(Ask { sequence: round + 1, request });
            cluster.step(0, Input::Message { from: NodeId(1000 + client), message });
        }
        cluster.flush();
    }
    assert_eq!(cluster.done, ROUNDS * BATCH);
    cluster.done as f64 / begin.elapsed().as_secs_f64()
}

fn theirs() -> f64 {
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    let node = |id| {
        let config = Config { id, pre_vote: true, ..Config::default() };
        RawNode::new(&config, MemStorage::new_with_conf_state((vec![1, 2, 3], vec![])), &logger).unwrap()
    };
    let mut nodes: Vec<RawNode<MemStorage>> = (1..=3).map(node).collect();
    let mut done = 0;
    nodes[0].campaign().unwrap();
    settle(&mut nodes, &mut done);
    assert_eq!(nodes[0].raft.state, StateRole::Leader);
    done = 0;
    let begin = ProcessTime::now();
    for round in 0..ROUNDS as u64 {
        for _ in 0..BATCH {
            nodes[0].propose(vec![], [&b"key"[..], &round.to_le_bytes()].concat()).unwrap();
        }
        settle(&mut nodes, &mut done);
        if round % 150 == 149 {
            // As ours does: what is applied need not be kept.
            for node in &nodes {
                let applied = node.raft.raft_log.applied;
                node.raft.raft_log.store.wl().compact(applied).unwrap();
            }
        }
    }
    assert_eq!(done, ROUNDS * BATCH);
    done as f64 / begin.elapsed().as_secs_f64()
}

/// Everything arrives, until there is nothing more; `done` counts what the first node applies.
fn settle(nodes: &mut [RawNode<MemStorage>], done: &mut usize) {
    loop {
        let mut flying = Vec::new();
        for (at, node) in nodes.iter_mut().enumerate() {
            while node.has_ready() {
                let mut ready = node.ready();
                flying.extend(ready.take_messages());
                let mut committed = ready.take_committed_entries();
                let store = node.raft.raft_log.store.clone();
                store.wl().append(ready.entries()).unwrap();
                if let Some(state) = ready.hs() {
                    store.wl().set_hardstate(state.clone());
                }
                flying.extend(ready.take_persisted_messages());
                let mut light = node.advance(ready);
                flying.extend(light.take_messages());
                committed.extend(light.take_committed_entries());
                node.advance_apply();
                if at == 0 {
                    let normal = |entry: &&raft::eraftpb::Entry| {
                        entry.get_entry_type() == EntryType::EntryNormal && !entry.get_data().is_empty()
                    };
                    *done += committed.iter().filter(normal).count();
                }
            }
        }
        if flying.is_empty() {
            return;
        }
        for message in flying {
            let to = message.to as usize - 1;
            let _ = nodes[to].step(message);
        }
    }
}
