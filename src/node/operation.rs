//! What clients are asked to do, and what came of it.

use causet_checkers::history::Value;

/// An operation for a client: a line of the history to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// As the model of the system's promise calls it: `put`, `cas`, …
    pub function: &'static str,
    pub key: Option<Value>,
    pub input: Value,
}

/// How an operation ended, as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened and returned this.
    Ok(Value),
    /// It certainly did not happen.
    Fail,
    /// It may have happened, may still happen, or never: the operation stays open.
    Unknown,
}
