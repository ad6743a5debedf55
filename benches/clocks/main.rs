//! Vector clocks of many spans over many processes: CPU time on one thread and memory, beside dense clocks.
//!
//!     cargo bench --bench clocks                       # a million spans over a thousand processes
//!     cargo bench --bench clocks -- --spans 100000 --processes 100

use causet::causal::{CausalGraph, Clocks, EventId, SpanOrder};
use causet::store::{Any, NewResource, NewSpan, SpanStore, StoreBuilder};
use cpu_time::ThreadTime;
use std::fs;

/// Clocks by process may take so much.
const BYTES: usize = 2 << 30;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}

/// Traces of ten spans, each called by one of those before it, on any of the processes; a fifth has a link to an
/// earlier trace. A trace begins every 100 µs and takes a few milliseconds.
fn spans(count: u64, processes: u64) -> SpanStore {
    let mut random = Random(7);
    let mut builder = StoreBuilder::new();
    let key = builder.string("service.name");
    let resources: Vec<_> = (0..processes)
        .map(|process| {
            let name = Any::Str(builder.string(&format!("p{process}")));
            let attributes = builder.rows(&[(key, name)]);
            builder.resource(NewResource { attributes, ..NewResource::default() })
        })
        .collect();
    for id in 1..=count {
        let (trace, place) = ((id - 1) / 10, (id - 1) % 10);
        let parent = if place == 0 { 0 } else { trace * 10 + 1 + random.below(place) };
        if place == 0 && trace > 10 && random.below(5) == 0 {
            let earlier = trace - 1 - random.below(10);
            builder.link(causet::store::NewLink {
                trace_id: u128::from(earlier + 1),
                span_id: earlier * 10 + 1 + random.below(10),
                trace_state: Default::default(),
                attributes: Default::default(),
                dropped_attributes: 0,
                flags: 0,
            });
        }
        let start = trace * 100_000 + place * 200_000 + random.below(50_000) + 1;
        let end = trace * 100_000 + 5_000_000 - place * 200_000 + random.below(50_000);
        let resource = resources[random.below(processes) as usize];
        let trace_id = u128::from(trace + 1);
        builder.span(NewSpan { trace_id, id, parent, start, end, resource, ..NewSpan::default() });
    }
    builder.finish()
}

/// What the textbook does: for each event, in an order that extends the causal one, a component per process, the
/// greatest of those before it. Edges by certain or by all kinds. The last sum keeps the work from being left out.
fn dense(graph: &CausalGraph, store: &SpanStore, processes: usize, certain: bool) -> u64 {
    let mut vectors = vec![0u32; graph.len() * processes];
    let mut seen = vec![0u32; processes];
    let mut sum = 0;
    for event in graph.linear_extension().into_iter().filter(|event| event.index() < graph.len()) {
        let (before, rest) = vectors.split_at_mut(event.index() * processes);
        let (own, after) = rest.split_at_mut(processes);
        for (from, kind) in graph.predecessors(event) {
            // Vertices that are no events separate events at equal times, of which there are next to none here.
            if from.index() >= graph.len() || (certain && !kind.is_certain()) {
                continue;
            }
            let from = from.index();
            let row = match from < event.index() {
                true => &before[from * processes..][..processes],
                false => &after[(from - event.index() - 1) * processes..][..processes],
            };
            own.iter_mut().zip(row).for_each(|(own, from)| *own = (*own).max(*from));
        }
        let process = store.span(graph.span_of(event)).resource_id().index() % processes;
        seen[process] += 1;
        own[process] = seen[process];
        sum += u64::from(own[0]);
    }
    sum
}

/// Runs something: its result, CPU milliseconds, and by how many MiB it raised the peak of memory.
fn measured<T>(what: impl FnOnce() -> T) -> (T, f64, f64) {
    // Makes the kernel begin the peak anew.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = memory("VmRSS:");
    let begin = ThreadTime::now();
    let result = what();
    let time = begin.elapsed().as_secs_f64() * 1e3;
    (result, time, (memory("VmHWM:") - before).max(0.0) / 1024.0)
}

fn memory(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0)
}

fn row(what: &str, time: f64, mib: f64, note: &str) {
    println!("| {what} | {time:.0} | {mib:.0} | {note} |");
}

fn all(count: u64, processes: u64, with_dense: bool) {
    let (store, ..) = measured(|| spans(count, processes));
    println!("\n{count} spans, {} events, {processes} processes\n", count * 2);
    println!("| what | CPU ms | MiB | |\n|---|---|---|---|");
    let (graph, time, mib) = measured(|| CausalGraph::new(&store));
    row("the graph", time, mib, "");
    let (order, time, mib) = measured(|| SpanOrder::new(&graph, &store));
    row("certain order, a lane per span: built", time, mib, "");
    let (entries, more, mib_read) = measured(|| order.rows().map(|row| row.vector.len() as u64).sum::<u64>());
    let mean = entries as f64 / (count * 2) as f64;
    row("the same: every vector read", more, mib_read, &format!("{mean:.1} entries each"));
    drop(order);
    let (clocks, with_time, mib_clocks) = measured(|| Clocks::new(&graph, BYTES));
    let known = clocks
        .as_ref()
        .map_or("more than 2 GiB: given up".to_owned(), |clocks| format!("{} MiB of vectors", clocks.bytes() >> 20));
    row("certain and assumed, a lane per process: built", with_time, mib_clocks, &known);
    if let Some(clocks) = &clocks {
        let mut random = Random(3);
        let events: Vec<EventId> = graph.events().collect();
        let mut pick = || events[random.below(graph.len() as u64) as usize];
        let pairs: Vec<_> = (0..1_000_000).map(|_| (pick(), pick())).collect();
        let relations =
            || pairs.iter().filter(|(a, b)| clocks.relation(*a, *b) == causet::causal::Relation::Before).count();
        let (before, time, mib) = measured(relations);
        row("the same: a million pairs asked", time, mib, &format!("{} % before", before / 10_000));
    }
    drop(clocks);
    if !with_dense {
        let bytes = count * 2 * processes * 4;
        println!("| dense | – | {} | not run: what it would take |", bytes >> 20);
        return;
    }
    for (certain, what) in [(true, "dense, certain edges"), (false, "dense, all edges")] {
        let (_, time, mib) = measured(|| dense(&graph, &store, processes as usize, certain));
        row(what, time, mib, "");
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let (count, processes) = (value("--spans", 1_000_000), value("--processes", 1000));
    // Dense clocks of so few spans fit into memory.
    all((count / 20).max(1), processes, true);
    all(count, processes, false);
}
