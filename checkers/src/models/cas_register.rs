//! A register with compare-and-set.
//!
//! Rule: `read` returns the value, `write` replaces it, `cas [old, new]` replaces it by `new` if it
//! is `old` and answers true, else answers false and changes nothing. Unknown outcomes: a `write`
//! happened or not; a `cas` happened (and then acted as the value told it to) or not. Pure: `read`,
//! and a `cas` that answered false.

use super::values::{cas, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// A register with compare-and-set.
#[derive(Clone, Debug, Default)]
pub struct CasRegister {
    /// The value before all operations.
    pub initial: Value,
}

/// An operation of a [`CasRegister`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Read(Option<Value>),
    Write(Value),
    Cas(Value, Value, Option<bool>),
}

pub(super) const INITIAL: OptionDoc =
    OptionDoc { name: "initial", summary: "the value before all operations", default: "null" };

pub(super) const READ: FunctionDoc = FunctionDoc { name: "read", shape: "→ the value, null if it was never written" };
pub(super) const WRITE: FunctionDoc = FunctionDoc { name: "write", shape: "value" };

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "cas-register",
    summary: "one value: read, write, compare-and-set",
    documentation: "`read` returns the value, `write` replaces it. `cas [old, new]` replaces it by `new` when it is `old` \
        and answers true; otherwise it answers false and changes nothing. An output that repeats the input counts as true, \
        as in Jepsen. A cas without a known outcome may have acted, done nothing, or never run. \
        Reads and failed cas are pure.",
    example: Example {
        history: concat!(
            r#"{"process":"a","f":"write","input":1,"call":0,"return":1,"status":"ok"}"#,
            "\n",
            r#"{"process":"a","f":"cas","input":[1,2],"output":true,"call":2,"return":5,"status":"ok"}"#,
            "\n",
            r#"{"process":"b","f":"cas","input":[1,3],"output":true,"call":3,"return":4,"status":"ok"}"#,
            "\n",
        ),
        verdict: "violated",
    },
    functions: &[READ, WRITE, FunctionDoc { name: "cas", shape: "[old, new] → true or false" }],
    options: &[INITIAL],
    per_key: true,
    family: "register",
    build: |options| Ok(erase(CasRegister { initial: options.value("initial") })),
};

impl Model for CasRegister {
    type State = Value;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "read" => Ok(Op::Read(call.output.cloned())),
            "write" => Ok(Op::Write(call.input.clone())),
            "cas" => cas(call).map(|(old, new, done)| Op::Cas(old, new, done)),
            _ => Err(unknown_function(call, "read, write, cas")),
        }
    }

    fn initial(&self) -> Value {
        self.initial.clone()
    }

    fn step(&self, state: &Value, op: &Op, next: &mut Vec<Value>) {
        match op {
            Op::Read(seen) if seen.as_ref().is_none_or(|seen| seen == state) => next.push(state.clone()),
            Op::Read(_) => {}
            Op::Write(value) => next.push(value.clone()),
            Op::Cas(old, new, done) => match (old == state, done) {
                (true, Some(true) | None) => next.push(new.clone()),
                (false, Some(false) | None) => next.push(state.clone()),
                _ => {}
            },
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Read(_) | Op::Cas(_, _, Some(false)))
    }

    fn describe(&self, state: &Value) -> String {
        state.to_string()
    }
}
