//! One trace, span by span.

use super::{PathStep, TraceSpan};

/// A trace as a waterfall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waterfall {
    pub trace_id: String,
    /// From the earliest to the latest recorded time, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    pub end_ns: u64,
    /// How many spans there are, and how many of them have an error.
    pub spans: u64,
    pub errors: u64,
    /// Parents before their children, siblings by start.
    pub rows: Vec<WaterfallRow>,
    /// What the end of the longest root waited for, by operation, the longest first.
    pub critical_path: Vec<PathStep>,
}

/// A span of a waterfall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WaterfallRow {
    pub span: TraceSpan,
    /// Empty if it names no parent.
    pub parent_id: String,
    /// Whether it is under the parent that it names.
    pub has_parent: bool,
    /// Whether the parent that it names is in the data, and left out because the span would be its own ancestor.
    pub in_cycle: bool,
    /// Roots have 0.
    pub depth: u64,
    pub kind: &'static str,
    /// Nanoseconds since the Unix epoch; 0 if not recorded.
    pub start_ns: u64,
    /// 0 if it never ended.
    pub end_ns: u64,
    pub duration_ns: u64,
    /// Without the time in which a child was running.
    pub self_ns: u64,
    /// The stretches of the critical path that lie in it: from and to.
    pub critical: Vec<(u64, u64)>,
    pub error: bool,
    pub message: String,
    pub events: u64,
    pub links: Vec<WaterfallLink>,
}

/// A link from or to a span of a waterfall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WaterfallLink {
    /// Whether the row's span has the link; else the other span has it.
    pub outgoing: bool,
    pub trace_id: String,
    /// The other span; without names if it is not in the data.
    pub other: TraceSpan,
    pub present: bool,
}
