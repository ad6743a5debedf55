//! The world: the loop that takes the next happening, lets a node take its step, and does what it asks.

use super::clients::{Clients, Performed};
use super::clock::LocalClock;
use super::conditions::Conditions;
use super::disk::{Disk, Found};
use super::network::{Fate, Network};
use super::queue::Queue;
use super::record::{About, EventId, EventKind, Recorder, Recording};
use super::schedule::{Schedule, When, Window, WindowId};
use super::{MILLISECOND, SECOND, faults};
use crate::node::{
    AnyNode, AnyWatch, Barrier, Broken, Bytes, Cluster, Effect, Hand, Mutant, NodeId, Note, Operation, Random,
    RawInput, Role, Setup, SpanToken, System, Timer, Workload,
};
use std::collections::VecDeque;

mod effects;
mod faulty;
mod steps;

/// So many of [`crate::node::About::settles`] may still be noted from 0.3 s after everything healed.
const MOST_UNREST: u64 = 10;

/// Everything that a run depends on.
#[derive(Clone, Debug)]
pub struct Config {
    pub cluster: Cluster,
    pub seed: u64,
    pub mutant: Option<&'static Mutant>,
    pub options: Vec<(String, String)>,
    pub workload: Workload,
    pub keys: u64,
    pub operations: u64,
    /// Clients do so many operations in a row, on average, and then pause all the longer; 1: evenly.
    pub burst: u64,
    /// Faults may act, and most operations begin, within this time; then everything heals.
    pub active_ns: u64,
    /// How long the cluster has after that to perform the rest of the operations.
    pub settle_ns: u64,
    pub schedule: Schedule,
    pub recording: Recording,
    /// A run that has more events than this ends: a broken protocol can storm.
    pub most_events: u64,
    /// Whether the run ends as soon as an invariant is broken.
    pub stop_when_broken: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every operation came to an end.
    Done,
    /// Time was up before.
    Time,
    /// There were too many events.
    Events,
    /// An invariant was broken, and the run was to end with that.
    Broken,
}

/// Why a run counts as not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Not one operation succeeded after everything healed.
    Nothing,
    /// The budget of events ran out.
    Storm,
    /// It did not come to rest.
    Restless,
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    pub end: End,
    /// The knobs that were set.
    pub options: Vec<(String, String)>,
    pub performed: Vec<Performed>,
    /// The first invariant that was broken, when, and by whose step.
    pub broken: Option<(Broken, u64, NodeId)>,
    pub stuck: Option<Stuck>,
    /// The windows as they were: whom they hit, when they opened and closed, how often they acted.
    pub faults: Vec<FaultRecord>,
    /// Milestones: when, who, what.
    pub story: Vec<(u64, NodeId, Note)>,
    pub events: u64,
    pub messages: u64,
    pub ended_ns: u64,
    pub record: Option<Recorder>,
}

/// What came of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRecord {
    pub fault: &'static str,
    pub nodes: Vec<NodeId>,
    /// Nothing if it never opened.
    pub start_ns: Option<u64>,
    pub end_ns: u64,
    pub activations: u64,
    pub amount: f64,
}

/// A message on its way.
#[derive(Clone, Debug)]
struct Parcel {
    from: NodeId,
    to: NodeId,
    /// See [`crate::node::envelope`]; empty, if nothing is recorded.
    context: Bytes,
    frame: Bytes,
    sent: EventId,
}

/// Something that is going to happen.
#[derive(Debug)]
enum Happening {
    Deliver(Parcel),
    Timer { node: NodeId, incarnation: u32, timer: Timer, generation: u64 },
    Synced { node: NodeId, incarnation: u32, barrier: Barrier, failed: bool },
    ReadBack { node: NodeId, incarnation: u32, barrier: Barrier },
    Invoke(NodeId),
    Reconfigure(Operation),
    Wake(NodeId),
    Revive { node: NodeId, incarnation: u32 },
    Open(WindowId),
    Close(WindowId),
    Heal,
}

/// Something for a node to do, now or when it can.
#[derive(Debug)]
enum Work {
    Start(Found),
    Message(Parcel),
    Timer { timer: Timer, generation: u64 },
    Invoke { operation: Operation, process: String },
    Durable(Barrier),
    DiskFailed(Barrier),
    Read { barrier: Barrier, frame: Option<Bytes> },
}

/// A message that waits for the disk.
#[derive(Debug)]
struct Held {
    barrier: Barrier,
    to: NodeId,
    frame: Bytes,
    span: SpanToken,
}

/// A persist of the present incarnation that is under way.
#[derive(Clone, Copy, Debug)]
struct Persist {
    barrier: Barrier,
    event: EventId,
}

struct Node {
    /// Nothing while it is down.
    process: Option<Box<dyn AnyNode>>,
    incarnation: u32,
    random: Random,
    next_barrier: Barrier,
    durable: Barrier,
    clock: LocalClock,
    disk: Disk,
    timers: Vec<(Timer, u64, EventId)>,
    held: VecDeque<Held>,
    persists: VecDeque<Persist>,
    /// By barrier, from 1: which persist of the run it is.
    written: Vec<u32>,
    /// A write failed: as a log is written from front to back, none succeeds after that until a restart.
    broken_log: bool,
    backlog: VecDeque<Work>,
    busy_until: u64,
    /// It stopped by itself in its first step: starting it again would do the same.
    hopeless: bool,
}

impl Node {
    fn new(random: Random, clock: LocalClock) -> Self {
        Self {
            process: None,
            incarnation: 0,
            random,
            next_barrier: Barrier(0),
            durable: Barrier(0),
            clock,
            disk: Disk::default(),
            timers: Vec::new(),
            held: VecDeque::new(),
            persists: VecDeque::new(),
            written: Vec::new(),
            broken_log: false,
            backlog: VecDeque::new(),
            busy_until: 0,
            hopeless: false,
        }
    }
}

struct World<'a> {
    system: &'a dyn System,
    config: &'a Config,
    now: u64,
    queue: Queue<Happening>,
    nodes: Vec<Node>,
    network: Network,
    disks: Random,
    conditions: Conditions,
    windows: Vec<Window>,
    records: Vec<FaultRecord>,
    /// In the order in which they opened.
    open: Vec<WindowId>,
    /// Windows that wait for a note, and how many of it have been.
    waiting: Vec<(WindowId, u64)>,
    due: Vec<WindowId>,
    clogged: Vec<Parcel>,
    clients: Clients,
    reconfigurations: u64,
    admin_busy: bool,
    faulty: Random,
    watch: Box<dyn AnyWatch>,
    broken: Option<(Broken, u64, NodeId)>,
    story: Vec<(u64, NodeId, Note)>,
    recorder: Option<Recorder>,
    persist_events: Vec<EventId>,
    generations: u64,
    events: u64,
    messages: u64,
    healed: bool,
    /// Notes that should not be made any more.
    unrest: u64,
    scratch: Vec<Effect<Bytes, Bytes>>,
}

/// Runs a system. The result depends on the arguments and on nothing else.
pub fn simulate(system: &dyn System, config: &Config) -> Run {
    let mut world = World::new(system, config);
    world.begin();
    let end = world.run();
    world.finish(end)
}

impl<'a> World<'a> {
    fn new(system: &'a dyn System, config: &'a Config) -> Self {
        let stream = |label: &str| Random::stream(config.seed, label);
        let cluster = config.cluster;
        let mut skews = stream("clocks");
        let clients_skew = skew(&mut skews);
        let node = |node: NodeId| {
            let skew = if cluster.role(node) == Role::Server { skew(&mut skews) } else { clients_skew };
            Node::new(stream(&format!("node {}", node.0)), LocalClock::new(skew))
        };
        let nodes = cluster.nodes().map(node).collect();
        let windows = config.schedule.windows.clone();
        let record = |window: &Window| FaultRecord {
            fault: window.fault,
            nodes: window.nodes.clone(),
            start_ns: None,
            end_ns: 0,
            activations: 0,
            amount: window.amount,
        };
        let setup = Setup { me: NodeId(0), cluster, mutant: config.mutant, options: config.options.clone() };
        let full = config.recording == Recording::Full;
        Self {
            system,
            config,
            now: 0,
            queue: Queue::default(),
            nodes,
            network: Network::new(cluster.len(), stream("network")),
            disks: stream("disk"),
            conditions: Conditions::new(cluster),
            records: windows.iter().map(record).collect(),
            windows,
            open: Vec::new(),
            waiting: Vec::new(),
            due: Vec::new(),
            clogged: Vec::new(),
            clients: Clients::new(
                cluster,
                config.workload,
                config.keys,
                (config.operations, config.burst),
                config.active_ns,
                stream("workload"),
            ),
            reconfigurations: 0,
            admin_busy: false,
            faulty: stream("faults"),
            watch: system.watch(&setup),
            broken: None,
            story: Vec::new(),
            recorder: full.then(|| Recorder::new(cluster, system.clock_rules(config.mutant), config.seed)),
            persist_events: Vec::new(),
            generations: 0,
            events: 0,
            messages: 0,
            healed: false,
            unrest: 0,
            scratch: Vec::new(),
        }
    }

    /// Starts all nodes and sets everything going.
    fn begin(&mut self) {
        for node in self.config.cluster.nodes() {
            self.start(node);
        }
        for (id, window) in self.windows.iter().enumerate() {
            match &window.when {
                When::At(time) => self.queue.push(*time, Happening::Open(id)),
                When::On(_) => self.waiting.push((id, 0)),
            }
        }
        self.queue.push(self.config.active_ns, Happening::Heal);
        for client in self.config.cluster.clients() {
            // A cluster has a moment to elect itself before the first operation.
            if let Some(pause) = self.clients.pause() {
                self.queue.push(300 * MILLISECOND + pause, Happening::Invoke(client));
            }
        }
    }

    fn run(&mut self) -> End {
        let until = self.config.active_ns + self.config.settle_ns;
        while let Some((time, happening)) = self.queue.pop() {
            if time > until {
                return End::Time;
            }
            debug_assert!(time >= self.now, "time goes forwards");
            self.now = time;
            self.happen(happening);
            while let Some(window) = self.due.pop() {
                self.open(window);
            }
            if self.broken.is_some() && self.config.stop_when_broken {
                return End::Broken;
            }
            if self.events > self.config.most_events {
                return End::Events;
            }
            // A second at least, to see whether it comes to rest.
            if self.healed && self.clients.is_done() && self.now >= self.config.active_ns + SECOND {
                return End::Done;
            }
        }
        End::Time
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver(parcel) => {
                let to = parcel.to;
                self.give(to, Work::Message(parcel));
            }
            Happening::Timer { node, incarnation, timer, generation } => {
                let of = &self.nodes[node.index()];
                let runs = of.timers.iter().any(|(set, number, _)| *set == timer && *number == generation);
                if of.incarnation == incarnation && runs {
                    self.give(node, Work::Timer { timer, generation });
                }
            }
            Happening::Synced { node, incarnation, barrier, failed } => self.synced(node, incarnation, barrier, failed),
            Happening::ReadBack { node, incarnation, barrier } => {
                let of = &self.nodes[node.index()];
                if of.incarnation == incarnation {
                    let id = (barrier.0 as usize).checked_sub(1).and_then(|at| of.written.get(at));
                    let frame = id.and_then(|id| of.disk.read(*id));
                    self.give(node, Work::Read { barrier, frame });
                }
            }
            Happening::Invoke(client) => {
                if let Some((operation, process)) = self.clients.next(client, self.now) {
                    self.give(client, Work::Invoke { operation, process });
                }
            }
            Happening::Reconfigure(operation) if self.admin_busy => {
                self.queue.push(self.now + SECOND / 5, Happening::Reconfigure(operation));
            }
            Happening::Reconfigure(operation) => {
                self.admin_busy = true;
                let admin = self.config.cluster.admin();
                self.give(admin, Work::Invoke { operation, process: "admin".to_owned() });
            }
            Happening::Wake(node) => self.wake(node),
            Happening::Revive { node, incarnation } => {
                let of = &self.nodes[node.index()];
                if of.incarnation == incarnation && of.process.is_none() && self.conditions.node(node).down.is_none() {
                    self.start(node);
                }
            }
            Happening::Open(window) => self.open(window),
            Happening::Close(window) => self.close(window),
            Happening::Heal => self.heal(),
        }
    }

    /// A write reached the disk, or failed to.
    fn synced(&mut self, node: NodeId, incarnation: u32, barrier: Barrier, failed: bool) {
        let lying = self.conditions.node(node).disk.lying;
        let of = &mut self.nodes[node.index()];
        if of.incarnation != incarnation || of.process.is_none() {
            return;
        }
        if failed {
            return self.give(node, Work::DiskFailed(barrier));
        }
        of.disk.sync(barrier, lying);
        self.give(node, Work::Durable(barrier));
    }

    fn finish(mut self, end: End) -> Run {
        for node in self.config.cluster.nodes() {
            self.end_spans(node);
        }
        for record in self.records.iter_mut().filter(|record| record.start_ns.is_some() && record.end_ns == 0) {
            record.end_ns = self.now;
        }
        let stuck = match end {
            End::Events => Some(Stuck::Storm),
            End::Time | End::Done
                if self.healed && self.clients.completed_after_heal == 0 && self.config.operations > 0 =>
            {
                Some(Stuck::Nothing)
            }
            _ if self.unrest > MOST_UNREST => Some(Stuck::Restless),
            _ => None,
        };
        Run {
            end,
            options: self.config.options.clone(),
            performed: self.clients.into_performed(),
            broken: self.broken,
            stuck,
            faults: self.records,
            story: self.story,
            events: self.events,
            messages: self.messages,
            ended_ns: self.now,
            record: self.recorder,
        }
    }
}

/// Clocks are off by up to 20 ms, and nothing may depend on it.
fn skew(random: &mut Random) -> i64 {
    random.below(40 * MILLISECOND) as i64 - 20 * MILLISECOND as i64
}
