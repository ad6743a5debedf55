//! A register: one value, read and written.
//!
//! Rule: `read` returns what the last `write` wrote. Unknown outcome: a `write` happened or not.
//! Pure: `read`.

use super::cas_register::{INITIAL, READ, WRITE};
use super::values::unknown_function;
use super::{Call, Example, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// One value, read and written.
#[derive(Clone, Debug, Default)]
pub struct Register {
    /// The value before all operations.
    pub initial: Value,
}

/// An operation of a [`Register`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Read(Option<Value>),
    Write(Value),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "register",
    summary: "one value: read, write",
    documentation: "`read` returns what the last `write` wrote, or the option `initial` (null) if nothing was written. \
        A write without a known outcome may have happened, or not. Reads are pure. Where every written value is \
        different, an exact method in O(n log n) decides.",
    example: Example {
        history: concat!(
            r#"{"process":"a","f":"write","input":1,"call":0,"return":1,"status":"ok"}"#,
            "\n",
            r#"{"process":"a","f":"write","input":2,"call":2,"return":3,"status":"ok"}"#,
            "\n",
            r#"{"process":"b","f":"read","output":1,"call":4,"return":5,"status":"ok"}"#,
            "\n",
        ),
        verdict: "violated",
    },
    functions: &[READ, WRITE],
    options: &[INITIAL],
    per_key: true,
    family: "register",
    build: |options| Ok(erase(Register { initial: options.value("initial") })),
};

impl Model for Register {
    type State = Value;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "read" => Ok(Op::Read(call.output.cloned())),
            "write" => Ok(Op::Write(call.input.clone())),
            _ => Err(unknown_function(call, "read, write")),
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
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Read(_))
    }

    fn describe(&self, state: &Value) -> String {
        state.to_string()
    }
}
