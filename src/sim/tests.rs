//! The simulator under test, with the smallest system that has a server, a disk and a client.

use super::faults;
use super::record::{self, Recording};
use super::{Config, Cue, SECOND, Schedule, When, Window, simulate};
use crate::node::*;
use crate::registry::Entry;
use causet_checkers::history::Value;
use serde::{Deserialize, Serialize};

/// Each server keeps a number on its disk; clients add one and are told the sum, at any server. Servers tell
/// each other what they have, for the sake of messages between them.
struct Sums;

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Message {
    Add { request: u64 },
    Sum { request: u64, sum: u64 },
    Gossip(u64),
}

struct Server {
    setup: Setup,
    sum: u64,
}

struct Client {
    setup: Setup,
    request: u64,
}

const TICK: Timer = Timer::new("tick");
const PATIENCE: Timer = Timer::new("patience");

impl Process for Server {
    type Message = Message;
    type Record = u64;

    fn step(&mut self, input: Input<Message, u64>, effects: &mut Effects<Message, u64>) {
        match input {
            Input::Start(found) => {
                self.sum = found.records.last().copied().unwrap_or(0);
                effects.set_timer(TICK, SECOND / 20);
            }
            Input::Message { from, message: Message::Add { request } } => {
                self.sum += 1;
                assert!(!self.setup.has(&FRAGILE) || self.sum < 20, "the sum is {}", self.sum);
                effects.note("add", [("sum", self.sum.into())]);
                let barrier = effects.persist(vec![self.sum]);
                effects.send_after(barrier, from, Message::Sum { request, sum: self.sum });
            }
            Input::Timer(_) => {
                for peer in self.setup.cluster.servers().filter(|peer| *peer != self.setup.me) {
                    effects.send(peer, Message::Gossip(self.sum));
                }
                effects.set_timer(TICK, SECOND / 20);
            }
            Input::DiskFailed(_) => effects.halt("the disk failed"),
            _ => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        match message {
            Message::Add { .. } => "add",
            Message::Sum { .. } => "sum",
            Message::Gossip(_) => "gossip",
        }
    }
}

impl Process for Client {
    type Message = Message;
    type Record = u64;

    fn step(&mut self, input: Input<Message, u64>, effects: &mut Effects<Message, u64>) {
        match input {
            Input::Invoke(operation) if operation.function == "add" => {
                self.request += 1;
                let servers = u64::from(self.setup.cluster.servers);
                let server = NodeId(effects.random().below(servers) as u16);
                effects.attempt(server);
                effects.send(server, Message::Add { request: self.request });
                effects.set_timer(PATIENCE, SECOND / 5);
            }
            Input::Invoke(_) => effects.complete(Outcome::Fail),
            Input::Message { message: Message::Sum { request, sum }, .. } if request == self.request => {
                self.request += 1;
                effects.cancel_timer(PATIENCE);
                effects.complete(Outcome::Ok(Value::Int(sum as i64)));
            }
            Input::Timer(PATIENCE) => {
                self.request += 1;
                effects.complete(Outcome::Unknown);
            }
            _ => {}
        }
    }

    fn message_name(message: &Message) -> &'static str {
        Server::message_name(message)
    }
}

static FRAGILE: Mutant = Mutant { id: "fragile", summary: "", rule: "", anomaly: "", source: "", witness: "" };

static ABOUT: About = About {
    entry: Entry { id: "sums", summary: "", documentation: "", example: "" },
    paper: "",
    servers: 4,
    promise: None,
    options: &[],
    workloads: &[Workload {
        id: "add",
        summary: "",
        next: |_| Operation { function: "add", key: None, input: Value::Nil },
    }],
    invariants: &[],
    mutants: &[],
    tolerates: &[],
    triggers: &["add"],
    settles: &[],
    milestones: &[],
};

impl Algorithm for Sums {
    type Server = Server;
    type Client = Client;
    type Watch = NoWatch;

    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn server(&self, setup: &Setup) -> Server {
        Server { setup: setup.clone(), sum: 0 }
    }
    fn client(&self, setup: &Setup) -> Client {
        Client { setup: setup.clone(), request: 0 }
    }
    fn watch(&self, _: &Setup) -> NoWatch {
        NoWatch
    }
    fn reconfigure(&self, _: Cluster, _: u64, _: &mut Random) -> Option<Operation> {
        Some(Operation { function: "join", key: None, input: Value::Nil })
    }
}

fn config(seed: u64, schedule: Schedule) -> Config {
    Config {
        cluster: Cluster::new(4, 3),
        seed,
        mutant: None,
        options: Vec::new(),
        workload: ABOUT.workloads[0],
        keys: 1,
        operations: 600,
        burst: 1,
        active_ns: 4 * SECOND,
        settle_ns: 10 * SECOND,
        schedule,
        recording: Recording::Full,
        most_events: 1_000_000,
        stop_when_broken: false,
    }
}

fn plan(fault: &'static dyn faults::Fault, seed: u64) -> Schedule {
    let cluster = Cluster::new(4, 3);
    Schedule::plan(&[(fault, fault.knob().default)], seed, cluster, (SECOND / 2, 4 * SECOND), ABOUT.triggers)
}

#[test]
fn all_goes_well_without_faults() {
    let run = simulate(&Sums, &config(1, Schedule::default()));
    assert_eq!(run.end, super::End::Done);
    assert_eq!(run.performed.len(), 600);
    assert!(run.performed.iter().all(|of| matches!(of.outcome, Outcome::Ok(_)) && of.attempts.len() == 1));
    assert_eq!(run.stuck, None);
}

/// Every kind of fault does something, and each does it twice the same.
#[test]
fn every_fault_acts_and_every_run_can_be_repeated() {
    for fault in faults::ALL {
        let id = fault.entry().id;
        let mut acted = 0;
        for seed in 1..=5 {
            let config = config(seed, plan(*fault, seed));
            let (one, two) = (simulate(&Sums, &config), simulate(&Sums, &config));
            assert_eq!(format!("{one:?}"), format!("{two:?}"), "{id}, seed {seed}");
            acted += one.faults.iter().map(|fault| fault.activations).sum::<u64>();
            assert_eq!(one.stuck, None, "{id}, seed {seed}");
        }
        assert!(acted > 0, "{id} never acted");
    }
}

/// What the nodes count for themselves is what the simulator counts, in spite of everything.
#[test]
fn the_nodes_own_clocks_agree_with_the_truth() {
    for fault in faults::ALL {
        let run = simulate(&Sums, &config(7, plan(*fault, 7)));
        let record = run.record.expect("it was asked for");
        for event in record.events() {
            let own: Vec<(u32, u64)> = event.own.vector.clone();
            let truth = record.vector(event).iter().enumerate().filter(|(_, count)| **count > 0);
            let truth: Vec<(u32, u64)> = truth.map(|(lane, count)| (lane as u32, u64::from(*count))).collect();
            assert_eq!(own, truth, "{}", fault.entry().id);
            assert_eq!(event.own.lamport, u64::from(event.lamport), "{}", fault.entry().id);
        }
    }
}

/// Nobody's acknowledged addition is lost by a crash, as servers answer after the disk.
#[test]
fn crashes_keep_what_was_acknowledged_and_lying_disks_do_not() {
    let worst_fall = |id: &str| {
        let fault = faults::by_id(id).expect("it is there");
        let falls = (1..30).map(|seed| {
            let run = simulate(&Sums, &config(seed, plan(fault, seed)));
            let mut best = [0; 4];
            let mut fall = 0;
            for of in &run.performed {
                if let (Outcome::Ok(Value::Int(sum)), Some(attempt)) = (&of.outcome, of.attempts.last()) {
                    let best = &mut best[attempt.server.index()];
                    // Three clients: answers of one moment may be in any order.
                    fall = fall.max(*best - *sum);
                    *best = (*best).max(*sum);
                }
            }
            fall
        });
        falls.max().unwrap_or(0)
    };
    assert!(worst_fall("crash") <= 3, "{}", worst_fall("crash"));
    assert!(worst_fall("torn-write") <= 3);
    assert!(worst_fall("wipe") > 10);
}

/// A window that waits for a note opens at it.
#[test]
fn events_open_windows() {
    let when = When::On(Cue { node: Some(NodeId(2)), ..Cue::new("add", 5) });
    let window = Window { fault: "crash", nodes: vec![], when, duration_ns: SECOND, amount: 1.0 };
    let run = simulate(&Sums, &config(3, Schedule { windows: vec![window] }));
    assert_eq!((run.faults[0].nodes.clone(), run.faults[0].activations), (vec![NodeId(2)], 1));
    assert_eq!(run.faults[0].end_ns - run.faults[0].start_ns.expect("it opened"), SECOND);
}

/// A panic in a step is the algorithm's fault: it is reported like a broken invariant, and the node crashes.
#[test]
fn a_panic_is_a_broken_invariant() {
    let config = Config { mutant: Some(&FRAGILE), ..config(5, Schedule::default()) };
    let run = simulate(&Sums, &config);
    let (broken, _, node) = run.broken.expect("sums grow");
    assert_eq!(broken.invariant, PANIC);
    let name = config.cluster.name(node).to_string();
    assert!(broken.detail.starts_with(&format!("{name} of seed 5: the sum is 20")), "{}", broken.detail);
    let incarnations = run.record.expect("all is recorded").lanes().iter().filter(|lane| lane.node == node).count();
    assert!(incarnations > 1, "it starts again");
}

/// The span that takes a message hangs below the one that sent it, or is linked to it, and is of its trace state:
/// all of which it has from the bytes that came with the message.
#[test]
fn what_arrives_says_whose_doing_it_is() {
    let run = simulate(&Sums, &config(6, plan(faults::by_id("duplicate").expect("it is there"), 6)));
    let record = run.record.expect("all is recorded");
    let (events, spans) = (record.events(), record.spans());
    let (mut parents, mut links) = (0, 0);
    for event in events.iter().filter(|event| event.kind == record::EventKind::Receive) {
        let span = &spans[event.span as usize];
        let sender = &spans[events[event.peer as usize - 1].span as usize];
        assert_eq!(&*span.state, "causet=seed:6");
        match span.kind {
            record::SpanKind::Server => {
                assert_eq!((span.trace, span.parent), (sender.trace, sender.id));
                parents += 1;
            }
            record::SpanKind::Consumer => {
                let link = span.link.expect("a peer's message has a context");
                assert_eq!((link.trace_id, link.parent_id), (sender.trace, sender.id));
                links += 1;
            }
            _ => assert!(span.link.is_none()),
        }
    }
    assert!(parents > 100 && links > 100, "{parents} {links}");
}

/// A link of a chain can be left out, and comes after nothing but what stands before it.
#[test]
fn chains_are_taken_apart_and_checked() {
    let link = |after| {
        let when = When::On(Cue { after, ..Cue::new("add", 1) });
        Window { fault: "crash", nodes: vec![], when, duration_ns: SECOND, amount: 1.0 }
    };
    let chain = |links: &[Option<usize>]| Schedule { windows: links.iter().copied().map(link).collect() };
    let whole = chain(&[None, Some(0), Some(1), Some(0)]);
    assert_eq!(whole.check(Cluster::new(4, 3)), Ok(()));
    assert_eq!(whole.without(1), chain(&[None, Some(0), Some(0)]));
    assert_eq!(whole.without(0), chain(&[None, Some(0), None]));
    assert!(chain(&[Some(0)]).check(Cluster::new(4, 3)).is_err());
    assert!(chain(&[None, Some(7)]).check(Cluster::new(4, 3)).is_err());
}
