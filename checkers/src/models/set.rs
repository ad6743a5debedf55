//! Sets: `set`, and `g-set`, which only grows.
//!
//! Rule: `add v` and `remove v` answer whether they changed the set (null: not said); `contains v`
//! answers whether v is in it; `read` answers all values in any order, each once. Unknown outcome: a
//! change happened or not. Pure: `contains`, `read`, and changes that answered false.

use super::values::{bad_output, bool_output, optional_bool_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// A set of values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set {
    /// Whether `remove` is not an operation of it.
    pub grow_only: bool,
}

/// An operation of a [`Set`]; outputs are `None` when unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Add(Value, Option<bool>),
    Remove(Value, Option<bool>),
    Contains(Value, Option<bool>),
    /// The values in order.
    Read(Option<Vec<Value>>),
}

const ADD: FunctionDoc = FunctionDoc { name: "add", shape: "value → whether it is new, or null" };
const REMOVE: FunctionDoc = FunctionDoc { name: "remove", shape: "value → whether it was there, or null" };
const CONTAINS: FunctionDoc = FunctionDoc { name: "contains", shape: "value → true or false" };
const READ: FunctionDoc = FunctionDoc { name: "read", shape: "→ list of all values, in any order" };

pub(super) static G_ENTRY: ModelEntry = ModelEntry {
    id: "g-set",
    summary: "a set that only grows: add, contains, read",
    documentation: "`add v` answers whether v is new (or null), `contains v` whether it is there; `read` answers all values, in \
        any order, each once. An addition without a known outcome may have happened, or not. Reading is pure, and so is an \
        addition that answered false.",
    example: Example {
        history: r#"{"process":"a","f":"add","input":1,"call":0,"return":1,"status":"ok"}
{"process":"b","f":"add","input":2,"call":2,"return":9,"status":"ok"}
{"process":"a","f":"read","output":[2,1],"call":3,"return":4,"status":"ok"}
{"process":"a","f":"read","output":[1],"call":5,"return":6,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[ADD, CONTAINS, READ],
    options: &[],
    per_key: true,
    family: "set",
    build: |_| Ok(erase(Set { grow_only: true })),
};

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "set",
    summary: "a set: add, remove, contains, read",
    documentation: "`add v` answers whether v is new, `remove v` whether it was there (or null), `contains v` whether it is \
        there; `read` answers all values, in any order, each once. A change without a known outcome may have happened, or \
        not. Reading is pure, and so are changes that answered false.",
    example: Example {
        history: r#"{"process":"a","f":"add","input":1,"output":true,"call":0,"return":1,"status":"ok"}
{"process":"a","f":"remove","input":1,"output":true,"call":2,"return":5,"status":"ok"}
{"process":"b","f":"remove","input":1,"output":true,"call":3,"return":4,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[ADD, REMOVE, CONTAINS, READ],
    options: &[],
    per_key: true,
    family: "set",
    build: |_| Ok(erase(Set { grow_only: false })),
};

impl Model for Set {
    /// The values in order.
    type State = Vec<Value>;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        let value = call.input.clone();
        match call.function {
            "add" => Ok(Op::Add(value, optional_bool_output(call)?)),
            "remove" if !self.grow_only => Ok(Op::Remove(value, optional_bool_output(call)?)),
            "contains" => Ok(Op::Contains(value, bool_output(call)?)),
            "read" => {
                let Some(output) = call.output else { return Ok(Op::Read(None)) };
                let mut values = output.as_list().ok_or_else(|| bad_output(call, "a list"))?.to_vec();
                values.sort_unstable();
                Ok(Op::Read(Some(values)))
            }
            _ if self.grow_only => Err(unknown_function(call, "add, contains, read")),
            _ => Err(unknown_function(call, "add, remove, contains, read")),
        }
    }

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn step(&self, set: &Vec<Value>, op: &Op, next: &mut Vec<Vec<Value>>) {
        let agrees = |said: &Option<bool>, is: bool| said.is_none_or(|said| said == is);
        match op {
            Op::Add(value, new) => match set.binary_search(value) {
                Ok(_) if agrees(new, false) => next.push(set.clone()),
                Err(at) if agrees(new, true) => {
                    next.push([&set[..at], std::slice::from_ref(value), &set[at..]].concat());
                }
                _ => {}
            },
            Op::Remove(value, there) => match set.binary_search(value) {
                Ok(at) if agrees(there, true) => next.push([&set[..at], &set[at + 1..]].concat()),
                Err(_) if agrees(there, false) => next.push(set.clone()),
                _ => {}
            },
            Op::Contains(value, there) if agrees(there, set.binary_search(value).is_ok()) => next.push(set.clone()),
            Op::Read(seen) if seen.as_ref().is_none_or(|seen| seen == set) => next.push(set.clone()),
            Op::Contains(..) | Op::Read(_) => {}
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Contains(..) | Op::Read(_) | Op::Add(_, Some(false)) | Op::Remove(_, Some(false)))
    }

    fn describe(&self, set: &Vec<Value>) -> String {
        let values: Vec<String> = set.iter().map(Value::to_string).collect();
        format!("{{{}}}", values.join(", "))
    }
}
