//! A queue: first in, first out.
//!
//! Rule: `enqueue v` puts v at the end, `dequeue` takes the first one and answers it, or answers null when there
//! is none. Unknown outcome: a `enqueue` happened or not; a `dequeue` took something nobody saw, or
//! happened on an empty queue, or not at all. Pure: a `dequeue` that answered null.

use super::values::{bad_input, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// Values, first in, first out.
#[derive(Clone, Copy, Debug, Default)]
pub struct FifoQueue;

/// An operation of a [`FifoQueue`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Put(Value),
    /// What was taken, null if there was nothing; `None` when unknown.
    Take(Option<Value>),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "fifo-queue",
    summary: "first in, first out: enqueue, dequeue",
    documentation: "`enqueue v` puts a value (not null), `dequeue` takes the oldest one, or answers null when there is none. Without a known \
        outcome, a `enqueue` may have happened, and a `dequeue` may have taken a value. A `dequeue` that answered null is pure. \
        Where all values are different, an exact method decides.",
    example: Example {
        history: r#"{"process":"a","f":"enqueue","input":1,"call":0,"return":1,"status":"ok"}
{"process":"a","f":"enqueue","input":2,"call":2,"return":3,"status":"ok"}
{"process":"b","f":"dequeue","output":2,"call":4,"return":5,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "enqueue", shape: "value" },
        FunctionDoc { name: "dequeue", shape: "→ value, or null when empty" },
    ],
    options: &[],
    per_key: true,
    family: "fifo-queue",
    build: |_| Ok(erase(FifoQueue)),
};

impl Model for FifoQueue {
    type State = Vec<Value>;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "enqueue" if call.input.is_nil() => Err(bad_input(call, "a value")),
            "enqueue" => Ok(Op::Put(call.input.clone())),
            "dequeue" => Ok(Op::Take(call.output.cloned())),
            _ => Err(unknown_function(call, "enqueue, dequeue")),
        }
    }

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn step(&self, queue: &Vec<Value>, op: &Op, next: &mut Vec<Vec<Value>>) {
        match (op, queue.first()) {
            (Op::Put(value), _) => next.push([queue, std::slice::from_ref(value)].concat()),
            (Op::Take(None | Some(Value::Nil)), None) => next.push(Vec::new()),
            (Op::Take(taken), Some(value)) if taken.as_ref().is_none_or(|taken| taken == value) => {
                next.push(queue[1..].to_vec());
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
