//! What an analysis of traces found out, as plain numbers.

use super::Waterfall;

/// An overview of some traces.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    pub summary: Summary,
    /// By total self time, descending.
    pub operations: Vec<OperationStats>,
    /// The self time of all operations together.
    pub self_total_ns: u64,
    /// By calls, descending.
    pub dependencies: Vec<Dependency>,
    /// By duration, descending; the first few.
    pub slowest: Vec<SlowTrace>,
    pub causal: CausalSummary,
    /// The one trace that was asked for.
    pub trace: Option<Waterfall>,
}

/// Totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub spans: u64,
    pub traces: u64,
    pub services: u64,
    /// Spans that carry an operation on an object.
    pub operations: u64,
    /// Spans with status error.
    pub errors: u64,
    /// Nanoseconds since the Unix epoch.
    pub start_ns: u64,
    pub end_ns: u64,
    /// Whether the times are times of day, and not just places in an order.
    pub timed: bool,
}

/// One operation of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperationStats {
    pub service: String,
    pub operation: String,
    pub count: u64,
    /// Calls per second over the whole time range, if that is long enough to say.
    pub rate: Option<f64>,
    pub errors: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
    pub self_total_ns: u64,
}

/// One service that calls another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    pub caller: String,
    pub callee: String,
    pub calls: u64,
    pub errors: u64,
    pub p50_ns: u64,
    pub p99_ns: u64,
}

/// A trace that took long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlowTrace {
    pub trace_id: String,
    /// As much of its id as tells it from all the others, and a little more.
    pub prefix: String,
    /// Its root.
    pub root: TraceSpan,
    pub duration_ns: u64,
    pub spans: u64,
    pub errors: u64,
    /// What the root's end waited for, by share of time, descending.
    pub critical_path: Vec<PathStep>,
}

/// A span, named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceSpan {
    pub service: String,
    pub operation: String,
    pub span_id: String,
}

/// How long the critical path stays in one operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathStep {
    pub span: TraceSpan,
    pub self_ns: u64,
    /// Of the root's duration, from 0 to 1.
    pub share: f64,
}

/// The causal graph in numbers, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CausalSummary {
    pub events: u64,
    pub certain_edges: u64,
    pub assumed_edges: u64,
    /// The longest causal chain: the greatest Lamport clock.
    pub depth: u64,
    pub problems: Vec<ProblemCount>,
    /// If the traces state their order exactly: then the numbers above are of that order.
    pub exact: Option<ExactSummary>,
}

/// An exact causal order in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExactSummary {
    pub nodes: u64,
    pub incarnations: u64,
    /// Neighbours in an incarnation.
    pub program_edges: u64,
    /// Send → receive.
    pub message_edges: u64,
    /// Timer set → fired, persist → durable: in one incarnation, implied by program order.
    pub local_edges: u64,
    /// Persist → the incarnation that started from it.
    pub recovery_edges: u64,
    /// Pairs of events whose order can't be known, because others are missing …
    pub unknown_pairs: u64,
    /// … out of so many: all pairs, or as many as are looked at where there are more.
    pub pairs: u64,
}

/// One kind of problem with the data.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemCount {
    pub id: &'static str,
    pub summary: &'static str,
    pub count: u64,
    /// An example.
    pub trace_id: String,
    pub span_id: String,
    /// What exactly is wrong there, where the summary does not say it.
    pub detail: Option<String>,
}
