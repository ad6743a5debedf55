//! An overview of some traces: the tables that `analyze` shows.

use super::graph::CausalGraph;
use super::{Diagnosis, ExactOrder, critical_path, self_times};
use crate::outcome::{
    Analysis, CausalSummary, Dependency, ExactSummary, OperationStats, PathStep, SlowTrace, Summary, TraceSpan,
};
use crate::store::frames::{Aggregate, Observations, aggregate};
use crate::store::{SpanRef, SpanStore, StatusCode, Sym};
use foldhash::{HashMap, HashMapExt};

/// How many of the slowest traces are told.
const SLOWEST: usize = 5;
/// Rates are told of this much time and more; times before a second after 1970 are no times of day.
const SECOND: u64 = 1_000_000_000;
/// Digits of a trace's id that are told at least.
const PREFIX: usize = 12;

/// Whether a span is asked for.
type Asked<'a> = &'a dyn Fn(SpanRef<'_>) -> bool;

/// The overview of a store. O(n log n).
pub fn overview(store: &SpanStore, graph: &CausalGraph) -> Analysis {
    overview_of(store, graph, &|_| true)
}

/// The overview of those spans of a store that are asked for: totals, operations, and the calls that they make or
/// are. Traces and the causal order are told whole. O(n log n).
pub fn overview_of(store: &SpanStore, graph: &CausalGraph, asked: Asked<'_>) -> Analysis {
    let selves = self_times(store, graph.family());
    let summary = summary(store, asked);
    let span_ns = summary.end_ns.saturating_sub(summary.start_ns);
    let seconds = (summary.timed && span_ns >= SECOND).then_some(span_ns as f64 / 1e9);
    let operations = operations(store, &selves, seconds, asked);
    Analysis {
        summary,
        self_total_ns: operations.iter().fold(0, |sum: u64, row| sum.saturating_add(row.self_total_ns)),
        operations,
        dependencies: dependencies(store, graph, asked),
        slowest: slowest(store, graph),
        causal: causal(store, graph),
        trace: None,
    }
}

fn is_error(span: SpanRef<'_>) -> bool {
    span.status() == StatusCode::Error
}

fn summary(store: &SpanStore, asked: Asked<'_>) -> Summary {
    let spans = || store.iter().filter(|span| asked(*span));
    let mut services: Vec<Sym> = spans().map(SpanRef::service).collect();
    services.sort_unstable();
    services.dedup();
    let mut traces = vec![false; store.traces().len()];
    spans().for_each(|span| traces[span.trace()] = true);
    // Unset times say nothing about the time range.
    let times = || spans().flat_map(|span| [span.start(), span.end()]).filter(|&time| time > 0);
    Summary {
        spans: spans().count() as u64,
        traces: traces.into_iter().filter(|seen| *seen).count() as u64,
        services: services.len() as u64,
        operations: 0,
        errors: spans().filter(|span| is_error(*span)).count() as u64,
        start_ns: times().min().unwrap_or(0),
        end_ns: times().max().unwrap_or(0),
        timed: times().max().is_none_or(|end| end >= SECOND),
    }
}

fn operations(store: &SpanStore, selves: &[u64], seconds: Option<f64>, asked: Asked<'_>) -> Vec<OperationStats> {
    let mut observations = Observations::default();
    for span in store.iter().filter(|span| asked(*span)) {
        observations.groups.push((span.service().index() as u32, span.name().index() as u32));
        observations.durations.push(span.duration());
        observations.self_times.push(selves[span.index()]);
        observations.errors.push(is_error(span));
    }
    let text = names(store);
    let mut rows = aggregate(&observations);
    rows.sort_by_key(|row| std::cmp::Reverse(row.self_total));
    let stats = |row: Aggregate| OperationStats {
        service: text(row.group.0),
        operation: text(row.group.1),
        count: row.count,
        rate: seconds.map(|seconds| row.count as f64 / seconds),
        errors: row.errors,
        p50_ns: row.p50,
        p90_ns: row.p90,
        p99_ns: row.p99,
        max_ns: row.max,
        self_total_ns: row.self_total,
    };
    rows.into_iter().map(stats).collect()
}

/// The text of a symbol by its number.
fn names(store: &SpanStore) -> impl Fn(u32) -> String + '_ {
    let all: Vec<Sym> = store.strings().iter().map(|(sym, _)| sym).collect();
    move |number| store.text(all[number as usize]).to_owned()
}

/// Service to service: each span whose parent belongs to another service is a call. Latency is the
/// callee's.
fn dependencies(store: &SpanStore, graph: &CausalGraph, asked: Asked<'_>) -> Vec<Dependency> {
    let mut observations = Observations::default();
    for span in store.iter() {
        let Some(parent) = graph.family().parent(span.index()) else { continue };
        let caller = store.span(parent).service();
        if caller != span.service() && (asked(span) || asked(store.span(parent))) {
            observations.groups.push((caller.index() as u32, span.service().index() as u32));
            observations.durations.push(span.duration());
            observations.self_times.push(0);
            observations.errors.push(is_error(span));
        }
    }
    let text = names(store);
    let mut rows = aggregate(&observations);
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    let dependency = |row: Aggregate| Dependency {
        caller: text(row.group.0),
        callee: text(row.group.1),
        calls: row.count,
        errors: row.errors,
        p50_ns: row.p50,
        p99_ns: row.p99,
    };
    rows.into_iter().map(dependency).collect()
}

pub(super) fn named(store: &SpanStore, span: usize) -> TraceSpan {
    let span = store.span(span);
    TraceSpan {
        service: span.service_text().to_owned(),
        operation: span.name_text().to_owned(),
        span_id: format!("{:016x}", span.id()),
    }
}

/// The longest of some spans that have no parent in the data; of equally long ones the first.
pub(super) fn longest_root(store: &SpanStore, graph: &CausalGraph, spans: impl Iterator<Item = u32>) -> Option<u32> {
    let roots = spans.filter(|&span| graph.family().parent(span as usize).is_none());
    roots.max_by_key(|&span| (store.span(span as usize).duration(), std::cmp::Reverse(span)))
}

/// The traces whose root took longest. A trace's root here is its longest span without a parent in the data.
fn slowest(store: &SpanStore, graph: &CausalGraph) -> Vec<SlowTrace> {
    let by_trace = store.spans_by_trace();
    let root_of = |spans: &Vec<u32>| longest_root(store, graph, spans.iter().copied());
    let mut roots: Vec<u32> = by_trace.iter().filter_map(root_of).collect();
    roots.sort_by_key(|&span| std::cmp::Reverse(store.span(span as usize).duration()));
    roots.truncate(SLOWEST);
    let trace = |root: u32| {
        let span = store.span(root as usize);
        let members = &by_trace[span.trace()];
        SlowTrace {
            trace_id: format!("{:032x}", span.trace_id()),
            prefix: prefix(store, span.trace_id()),
            root: named(store, root as usize),
            duration_ns: span.duration(),
            spans: members.len() as u64,
            errors: members.iter().filter(|&&member| is_error(store.span(member as usize))).count() as u64,
            critical_path: path_steps(store, graph, root as usize),
        }
    };
    roots.into_iter().map(trace).collect()
}

/// As much of a trace's id as tells it from all others, and at least [`PREFIX`] digits. O(traces).
fn prefix(store: &SpanStore, id: u128) -> String {
    let others = store.traces().iter().filter(|other| **other != id);
    let same = others.map(|other| (other ^ id).leading_zeros() as usize / 4).max().unwrap_or(0);
    format!("{id:032x}")[..PREFIX.max(same + 1)].to_owned()
}

/// The critical path by operation: the time that it spends in each, the longest first.
pub(super) fn path_steps(store: &SpanStore, graph: &CausalGraph, root: usize) -> Vec<PathStep> {
    let mut steps: Vec<PathStep> = Vec::new();
    let mut places: HashMap<(Sym, Sym), usize> = HashMap::new();
    for segment in critical_path(store, graph.family(), root) {
        let span = store.span(segment.span);
        let place = *places.entry((span.service(), span.name())).or_insert_with(|| {
            steps.push(PathStep { span: named(store, segment.span), ..PathStep::default() });
            steps.len() - 1
        });
        steps[place].self_ns += segment.to - segment.from;
    }
    let whole = store.span(root).duration().max(1) as f64;
    steps.iter_mut().for_each(|step| step.share = step.self_ns as f64 / whole);
    steps.sort_by_key(|step| std::cmp::Reverse(step.self_ns));
    steps
}

fn causal(store: &SpanStore, graph: &CausalGraph) -> CausalSummary {
    let problem = |diagnosis: &Diagnosis| diagnosis.told(store);
    let (certain, assumed) = graph.edge_counts();
    let mut summary = CausalSummary {
        events: graph.len() as u64,
        certain_edges: certain as u64,
        assumed_edges: assumed as u64,
        depth: u64::from(graph.depth()),
        problems: graph.problems().iter().map(problem).collect(),
        exact: None,
    };
    if let Some(order) = ExactOrder::new(store) {
        let exact = exact(&order);
        summary.events = order.len() as u64;
        summary.certain_edges = exact.program_edges + exact.message_edges + exact.local_edges + exact.recovery_edges;
        summary.assumed_edges = 0;
        summary.depth = order.events().map(|event| order.lamport(event)).max().unwrap_or(0);
        summary.problems.extend(order.problems().iter().map(problem));
        summary.exact = Some(exact);
    }
    summary
}

fn exact(order: &ExactOrder) -> ExactSummary {
    let edges = order.edges();
    let pairs = order.unknown_pairs();
    // Lanes are ordered by process.
    let nodes = order.lanes().chunk_by(|a, b| a.process == b.process).count();
    ExactSummary {
        nodes: nodes as u64,
        incarnations: order.lanes().len() as u64,
        program_edges: edges.program,
        message_edges: edges.message,
        local_edges: edges.local,
        recovery_edges: edges.recovery,
        unknown_pairs: pairs.unknown,
        pairs: pairs.of,
    }
}
