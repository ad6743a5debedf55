//! What a check can answer: it holds, it is violated, or nobody can say, and why.
//!
//! Never a bool: a checker that ran out of time has not shown anything.

use crate::history::Value;
use std::fmt;

/// The answer for one property of one history, or of one partition of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The property holds; the witness shows how.
    Holds(Witness),
    /// It does not, and here is why. Never empty.
    Violated(Vec<Counterexample>),
    /// Not known.
    Unknown(Cause),
}

/// Evidence that a property holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// An order of operations (indices into the history) that satisfies the model; open operations
    /// that did not take effect are absent. Empty where the engine argues without one.
    pub order: Vec<u32>,
    /// Which engine decided.
    pub engine: &'static str,
}

/// Evidence that a property is violated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counterexample {
    /// The object it is about; [`Value::Nil`] when there is only one.
    pub partition: Value,
    /// The operations that together violate the property, whatever all others did (indices into the
    /// history), by call. As a history of their own they violate it too.
    pub operations: Vec<u32>,
    /// Whether none of them can be left out: if any one may also not have happened, an order exists.
    pub minimal: bool,
    /// The operation at which every order had died.
    pub failed_at: Option<u32>,
    /// The states that were possible just before it, described; the first few.
    pub states: Vec<String>,
    /// The argument, step by step.
    pub because: Vec<Because>,
    /// Which engine decided.
    pub engine: &'static str,
}

/// One step of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// What kind of step: a stable word such as `returned-before` or `cannot-follow`.
    pub kind: &'static str,
    /// The operation it is about (index into the history).
    pub from: u32,
    /// The other one, where there are two.
    pub to: Option<u32>,
    /// The step in words.
    pub text: String,
}

/// Why a verdict is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseKind,
    /// How far the check got, or what was missing.
    pub detail: String,
}

/// The kinds of [`Cause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseKind {
    /// The deadline passed.
    Timeout,
    /// The memory limit was reached.
    Memory,
    /// The step limit was reached.
    Steps,
    /// The caller cancelled.
    Cancelled,
    /// The model does not know an operation or value.
    Unsupported,
    /// Part of the history could not be read.
    MissingData,
}

impl CauseKind {
    /// The word used in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Steps => "steps",
            Self::Cancelled => "cancelled",
            Self::Unsupported => "unsupported",
            Self::MissingData => "missing-data",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.id(), self.detail)
    }
}

impl Verdict {
    /// The verdict of two parts together: violated if either is, else unknown if either is, else it
    /// holds. Counterexamples add up; of two causes, the first stays.
    ///
    /// ```
    /// use causet_checkers::verdict::*;
    /// let holds = Verdict::Holds(Witness::default());
    /// let unknown = Verdict::Unknown(Cause { kind: CauseKind::Timeout, detail: String::new() });
    /// let violated = Verdict::Violated(vec![Counterexample::default()]);
    /// assert_eq!(holds.clone().and(unknown.clone()), unknown);
    /// assert_eq!(unknown.and(violated.clone()), violated);
    /// ```
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Violated(mut all), Self::Violated(more)) => {
                all.extend(more);
                Self::Violated(all)
            }
            (violated @ Self::Violated(_), _) | (_, violated @ Self::Violated(_)) => violated,
            (unknown @ Self::Unknown(_), _) | (_, unknown @ Self::Unknown(_)) => unknown,
            (Self::Holds(mut first), Self::Holds(second)) => {
                first.order.extend(second.order);
                Self::Holds(first)
            }
        }
    }

    /// The word used in reports.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Holds(_) => "holds",
            Self::Violated(_) => "violated",
            Self::Unknown(_) => "unknown",
        }
    }
}
