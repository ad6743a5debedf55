//! What agreement costs: messages, round trips and latency of an operation, operations per second of CPU time, and how
//! long nothing is answered after the leader has crashed, for each protocol and size of cluster, under the same
//! network and disks of the simulator.
//!
//!     cargo bench --bench protocols

use causet::algorithms;
use causet::lab::{Experiment, FaultChoice};
use causet::node::{Draw, NodeId, Operation, Outcome, System, Workload};
use causet::sim::record::{EventKind, EventRow, Recorder};
use causet::sim::{Recording, Run, SECOND, Schedule, When, Window, simulate};
use causet_checkers::history::Value;
use cpu_time::ProcessTime;

/// Those that are compared, as far as there are any.
const SYSTEMS: &[&str] = &["raft", "multi-paxos", "zab", "paxos"];
const NODES: &[u16] = &[3, 5, 7];
/// The leader crashes then, and for so long.
const CRASH: (u64, u64) = (5 * SECOND, 3 * SECOND);

/// A write, then a read of the same key.
static STORE: Workload = Workload {
    id: "alternate",
    summary: "put, get, put, get",
    next: |draw: &mut Draw<'_>| {
        let key = Some(Value::str(&draw.key()));
        if draw.unique % 2 == 1 {
            Operation { function: "put", key, input: Value::Int(draw.unique as i64) }
        } else {
            Operation { function: "get", key, input: Value::Nil }
        }
    },
};

/// A decision, then a look at it; each key is decided once.
static DECISIONS: Workload = Workload {
    id: "alternate",
    summary: "propose, learn, propose, learn",
    next: |draw: &mut Draw<'_>| {
        let key = Some(Value::str(&format!("k{}", draw.unique.div_ceil(2))));
        if draw.unique % 2 == 1 {
            Operation { function: "propose", key, input: Value::Int(draw.unique as i64) }
        } else {
            Operation { function: "learn", key, input: Value::Nil }
        }
    },
};

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!(
        "| system | nodes | write: messages | round trips | ms | read: messages | round trips | ms \
         | operations per CPU second | leader change, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for system in SYSTEMS.iter().filter_map(|id| algorithms::by_id(id)) {
        for nodes in NODES {
            let [write, read] = costs(system, *nodes);
            println!(
                "| {} | {nodes} | {:.1} | {:.2} | {:.2} | {:.1} | {:.2} | {:.2} | {:.0} | {:.0} |",
                system.about().entry.id,
                write.messages,
                write.round_trips,
                write.milliseconds,
                read.messages,
                read.round_trips,
                read.milliseconds,
                throughput(system, *nodes),
                leader_change(system, *nodes)
            );
        }
    }
}

fn experiment(system: &'static dyn System, nodes: u16, seed: u64) -> Experiment {
    let decides = system.about().promise.is_some_and(|promise| promise.model == "consensus");
    Experiment {
        servers: nodes,
        workload: if decides { &DECISIONS } else { &STORE },
        faults: FaultChoice::Kinds(Vec::new()),
        ..Experiment::new(system, seed)
    }
}

fn run(experiment: &Experiment, recording: Recording) -> Run {
    simulate(experiment.system, &experiment.config(recording))
}

/// What one operation costs, on average.
#[derive(Clone, Copy, Default)]
struct Cost {
    operations: f64,
    messages: f64,
    round_trips: f64,
    milliseconds: f64,
}

/// Of writes and of reads, one at a time.
fn costs(system: &'static dyn System, nodes: u16) -> [Cost; 2] {
    let mut costs = [Cost::default(); 2];
    for seed in 1..=5 {
        let experiment = Experiment { clients: 1, operations: 400, ..experiment(system, nodes, seed) };
        let run = run(&experiment, Recording::Full);
        let Some(record) = &run.record else { continue };
        let causes = Causes::new(record);
        // The first operations wait for the first leader.
        for (at, of) in run.performed.iter().enumerate().skip(20) {
            let (Some(end), Some(hops)) = (of.return_ns, causes.hops[at]) else { continue };
            let cost = &mut costs[at % 2];
            cost.operations += 1.0;
            cost.messages += causes.messages[at] as f64;
            cost.round_trips += hops as f64 / 2.0;
            cost.milliseconds += (end - of.call_ns) as f64 / 1e6;
        }
    }
    costs.map(|of| Cost {
        operations: of.operations,
        messages: of.messages / of.operations,
        round_trips: of.round_trips / of.operations,
        milliseconds: of.milliseconds / of.operations,
    })
}

/// By operation of the only client: how many messages it set off, whenever they were sent, and how many lay one
/// after the other between its beginning and its end. What a timer sets off belongs to nobody.
struct Causes {
    messages: Vec<u64>,
    hops: Vec<Option<u64>>,
}

impl Causes {
    fn new(record: &Recorder) -> Self {
        let mut causes = Self { messages: Vec::new(), hops: Vec::new() };
        // By lane: the operation that the step belongs to, and how many messages it took to get there.
        let mut now: Vec<Option<(usize, u64)>> = vec![None; record.lanes().len()];
        let mut of: Vec<Option<(usize, u64)>> = Vec::with_capacity(record.events().len());
        let peer = |of: &[Option<(usize, u64)>], row: &EventRow| of.get((row.peer as usize).wrapping_sub(1)).copied();
        for row in record.events() {
            let lane = &mut now[row.lane as usize];
            match row.kind {
                EventKind::Invoke => {
                    *lane = Some((causes.messages.len(), 0));
                    causes.messages.push(0);
                    causes.hops.push(None);
                }
                EventKind::Receive => *lane = peer(&of, row).flatten().map(|(operation, hops)| (operation, hops + 1)),
                EventKind::Durable => *lane = peer(&of, row).flatten(),
                EventKind::Start | EventKind::TimerFire => *lane = None,
                EventKind::Send => {
                    if let Some((operation, _)) = lane {
                        causes.messages[*operation] += 1;
                    }
                }
                EventKind::Complete => {
                    if let Some((operation, hops)) = lane {
                        causes.hops[*operation] = Some(*hops);
                    }
                }
                EventKind::TimerSet | EventKind::Persist | EventKind::Local => {}
            }
            of.push(*lane);
        }
        causes
    }
}

/// Operations per second of CPU time, 64 clients at once: what the protocol's own work and the simulator's take.
fn throughput(system: &'static dyn System, nodes: u16) -> f64 {
    let experiment =
        Experiment { clients: 64, operations: 20_000, active_ns: 5 * SECOND, ..experiment(system, nodes, 1) };
    let best = (0..3).map(|_| {
        let begin = ProcessTime::now();
        let run = run(&experiment, Recording::History);
        let done = run.performed.iter().filter(|of| matches!(of.outcome, Outcome::Ok(_))).count();
        done as f64 / begin.elapsed().as_secs_f64()
    });
    best.fold(0.0, f64::max)
}

/// The longest time without an answer to anybody after the server that answers most has crashed, in milliseconds.
fn leader_change(system: &'static dyn System, nodes: u16) -> f64 {
    let (at, duration) = CRASH;
    let seeds = 1..=20u64;
    let count = seeds.clone().count() as f64;
    let one = |seed| {
        let experiment = Experiment { clients: 10, operations: 5000, ..experiment(system, nodes, seed) };
        let calm = run(&experiment, Recording::History);
        let mut answers = vec![0; nodes.into()];
        for of in calm.performed.iter().filter(|of| (at - SECOND..at).contains(&of.call_ns)) {
            if let Some(last) = of.attempts.last() {
                answers[last.server.index()] += 1;
            }
        }
        let leader = (0..nodes).max_by_key(|node| answers[usize::from(*node)]).unwrap_or(0);
        let crash = Window {
            fault: "crash",
            nodes: vec![NodeId(leader)],
            when: When::At(at),
            duration_ns: duration,
            amount: 1.0,
        };
        let faults = FaultChoice::Windows(Schedule { windows: vec![crash] }, false);
        let crashed = run(&Experiment { faults, ..experiment }, Recording::History);
        let ok = crashed.performed.iter().filter(|of| matches!(of.outcome, Outcome::Ok(_)));
        let mut ends: Vec<u64> = ok.filter_map(|of| of.return_ns).filter(|end| *end <= at + duration).collect();
        ends.push(at + duration);
        ends.sort_unstable();
        let gaps = ends.windows(2).filter(|pair| pair[1] > at).map(|pair| pair[1] - pair[0].max(at));
        gaps.max().unwrap_or(duration) as f64 / 1e6
    };
    seeds.map(one).sum::<f64>() / count
}
