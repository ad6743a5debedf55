//! Counters: `counter` and `pn-counter`, which differ in name only.
//!
//! Rule: `add n` adds, `read` answers the sum, `add-and-get n` adds and answers the sum after it.
//! Unknown outcome: an addition happened or not. Pure: `read`, and adding 0.

use super::values::{int_input, int_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Unsupported};
use crate::properties::linearizability::erase;

/// A sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// The sum before all operations.
    pub initial: i64,
}

/// An operation of a [`Counter`]; outputs are `None` when unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Add(i64),
    AddAndGet(i64, Option<i64>),
    Read(Option<i64>),
}

const FUNCTIONS: &[FunctionDoc] = &[
    FunctionDoc { name: "add", shape: "an integer, negative to subtract" },
    FunctionDoc { name: "read", shape: "→ the sum" },
    FunctionDoc { name: "add-and-get", shape: "an integer → the sum after it" },
];
const OPTIONS: &[OptionDoc] = &[OptionDoc { name: "initial", summary: "the sum before all operations", default: "0" }];
const DOCUMENTATION: &str = "`add n` adds n (which may be negative), `read` answers the sum, `add-and-get n` adds and answers \
    the sum after it. An addition without a known outcome may have happened, or not. Reads are pure.";

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "counter",
    summary: "a sum: add, read, add-and-get",
    documentation: DOCUMENTATION,
    example: Example {
        history: r#"{"process":"a","f":"add","input":2,"call":0,"return":1,"status":"ok"}
{"process":"b","f":"add","input":3,"call":2,"return":9,"status":"ok"}
{"process":"a","f":"read","output":5,"call":3,"return":4,"status":"ok"}
{"process":"a","f":"read","output":2,"call":5,"return":6,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: FUNCTIONS,
    options: OPTIONS,
    per_key: true,
    family: "counter",
    build: |options| Ok(erase(Counter { initial: options.int("initial", 0)? })),
};

pub(super) static PN_ENTRY: ModelEntry = ModelEntry {
    id: "pn-counter",
    summary: "a sum that goes up and down: add, read, add-and-get",
    documentation: DOCUMENTATION,
    example: Example {
        history: r#"{"process":"a","f":"add","input":2,"call":0,"return":5,"status":"ok"}
{"process":"b","f":"add","input":-3,"call":1,"return":4,"status":"ok"}
{"process":"c","f":"read","output":-3,"call":2,"return":3,"status":"ok"}
"#,
        verdict: "holds",
    },
    functions: FUNCTIONS,
    options: OPTIONS,
    per_key: true,
    family: "counter",
    build: |options| Ok(erase(Counter { initial: options.int("initial", 0)? })),
};

impl Model for Counter {
    /// Wide enough that no history can make it overflow.
    type State = i128;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "add" => int_input(call).map(Op::Add),
            "add-and-get" => Ok(Op::AddAndGet(int_input(call)?, int_output(call)?)),
            "read" => int_output(call).map(Op::Read),
            _ => Err(unknown_function(call, "add, read, add-and-get")),
        }
    }

    fn initial(&self) -> i128 {
        self.initial.into()
    }

    fn step(&self, sum: &i128, op: &Op, next: &mut Vec<i128>) {
        let (after, answer) = match op {
            Op::Add(n) => (sum + i128::from(*n), None),
            Op::AddAndGet(n, answer) => (sum + i128::from(*n), *answer),
            Op::Read(answer) => (*sum, *answer),
        };
        if answer.is_none_or(|answer| i128::from(answer) == after) {
            next.push(after);
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Read(_) | Op::Add(0) | Op::AddAndGet(0, _))
    }
}
