//! A stack: last in, first out.
//!
//! Rule: `push v` puts v on top, `pop` takes the top one and answers it, or answers null when there
//! is none. Unknown outcome: a `push` happened or not; a `pop` took something nobody saw, or
//! happened on an empty stack, or not at all. Pure: a `pop` that answered null.

use super::values::{bad_input, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// Values, last in, first out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack;

/// An operation of a [`Stack`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Put(Value),
    /// What was taken, null if there was nothing; `None` when unknown.
    Take(Option<Value>),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "stack",
    summary: "last in, first out: push, pop",
    documentation: "`push v` puts a value (not null), `pop` takes the newest one, or answers null when there is none. Without a known \
        outcome, a `push` may have happened, and a `pop` may have taken a value. A `pop` that answered null is pure. \
        Where all values are different, an exact method decides.",
    example: Example {
        history: r#"{"process":"a","f":"push","input":1,"call":0,"return":1,"status":"ok"}
{"process":"a","f":"push","input":2,"call":2,"return":3,"status":"ok"}
{"process":"b","f":"pop","output":1,"call":4,"return":5,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "push", shape: "value" },
        FunctionDoc { name: "pop", shape: "→ value, or null when empty" },
    ],
    options: &[],
    per_key: true,
    family: "stack",
    build: |_| Ok(erase(Stack)),
};

impl Model for Stack {
    type State = Vec<Value>;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "push" if call.input.is_nil() => Err(bad_input(call, "a value")),
            "push" => Ok(Op::Put(call.input.clone())),
            "pop" => Ok(Op::Take(call.output.cloned())),
            _ => Err(unknown_function(call, "push, pop")),
        }
    }

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn step(&self, queue: &Vec<Value>, op: &Op, next: &mut Vec<Vec<Value>>) {
        match (op, queue.last()) {
            (Op::Put(value), _) => next.push([queue, std::slice::from_ref(value)].concat()),
            (Op::Take(None | Some(Value::Nil)), None) => next.push(Vec::new()),
            (Op::Take(taken), Some(value)) if taken.as_ref().is_none_or(|taken| taken == value) => {
                next.push(queue[..queue.len() - 1].to_vec());
            }
            (Op::Take(_), _) => {}
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Take(Some(Value::Nil)))
    }

    fn describe(&self, queue: &Vec<Value>) -> String {
        Value::list(queue.iter().cloned()).to_string()
    }
}
