//! What a gate adds to a report: expectations, gaps in the data, and what is known and accepted.

use super::Answer;
use std::collections::BTreeMap;

/// The gate's part of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gate {
    /// The configuration's path.
    pub config: String,
    pub expectations: Vec<Expectation>,
    /// Why what was judged is not all there.
    pub gaps: Vec<Gap>,
    /// What does not count, by fingerprint.
    pub excuses: BTreeMap<String, Excuse>,
    /// What should be looked at and does not count.
    pub warnings: Vec<Warning>,
}

/// An expectation, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    pub name: String,
    pub expression: String,
    /// Its line in the configuration.
    pub line: u64,
    pub answer: Answer,
    /// What was found, in words.
    pub detail: String,
    /// Where it can be seen, if it is violated.
    pub exemplars: Vec<Exemplar>,
    pub fingerprint: String,
}

/// A place in a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exemplar {
    pub trace_id: String,
    pub span_id: String,
    pub service: String,
    pub operation: String,
}

/// Data that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub answer: Answer,
    /// Where it was asked for: `causet.toml, line 5, column 11`.
    pub place: String,
    pub message: String,
}

/// Why something that was found does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excuse {
    pub kind: ExcuseKind,
    pub reason: String,
}

/// The ways to accept something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExcuseKind {
    /// Known debt: still shown.
    Baseline,
    /// Hidden, for a reason.
    Suppressed,
}

impl ExcuseKind {
    /// The word used in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Suppressed => "suppressed",
        }
    }
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub place: String,
    pub message: String,
}
