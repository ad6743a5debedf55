//! Causal order: which event of a trace could have influenced which.
//!
//! Events are span starts, span ends and span events. Edges are `certain` (program order within a span,
//! parent start → child start, linked span's start → this span's start) or `assumed` (read off
//! timestamps: a child's end before its parent's end when it lies inside, and the order in one
//! process). Every answer says which of the two it rests on. After Lamport, "Time, Clocks, and the Ordering of
//! Events in a Distributed System" (1978); vector clocks after Fidge and Mattern.
//!
//! Spans are compared by their events: one is before another if its last event is before the other's first, and they are
//! concurrent if no event of one is before any event of the other ([`Comparer`]).
//!
//! Traces that state their order exactly (`causet.event.id`) are read by [`ExactOrder`].
//!
//! Broken data is data: what is wrong with a trace is told by `diagnose.rs`, and the order is built
//! from what is left. Nothing here recurses.

mod build;
mod clocks;
mod compare;
mod critical_path;
mod diagnose;
mod drawing;
mod exact;
mod extent;
mod gaps;
mod graph;
mod names;
mod overview;
mod path;
mod recorded;
mod relation;
mod span_clocks;
mod span_order;
mod timing;
mod waterfall;

pub use clocks::Clocks;
pub use compare::{At, Comparer};
pub use critical_path::{Segment, critical_path};
pub use diagnose::{Diagnosis, Problem};
pub use exact::{
    Disagreement, ExactEdge, ExactEdges, ExactEvent, ExactKind, ExactOrder, Id, Lane, UnknownPairs, disagreements,
};
pub use graph::{CausalGraph, EdgeKind, EventId, EventKind, Family};
pub use overview::{overview, overview_of};
pub use recorded::ClockKind;
pub use relation::{Answer, Relation, RestsOn};
pub use span_clocks::{SpanDisagreement, SpanDisagreements, span_disagreements};
pub use span_order::SpanOrder;
pub use timing::self_times;
pub use waterfall::{LinksOfTrace, links_of_trace, missing_links, waterfall};

#[cfg(test)]
mod span_clocks_tests;
#[cfg(test)]
mod tests;
