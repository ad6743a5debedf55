//! A semaphore.
//!
//! Rule: `acquire n` succeeds when n permits are free, `release n` when n are taken; without n, 1. Who
//! calls doesn't matter. Unknown outcome: it happened or not. Pure: n = 0.

use super::values::{bad_input, bad_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// A number of permits.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore {
    /// How many there are.
    pub permits: i64,
}

impl Default for Semaphore {
    fn default() -> Self {
        Self { permits: 1 }
    }
}

/// An operation of a [`Semaphore`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Acquire(i64),
    Release(i64),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "semaphore",
    summary: "a number of permits: acquire, release",
    documentation: "`acquire n` succeeds when n permits are free, `release n` gives back n that were taken; without n, 1. The option \
        `permits` says how many there are. Without a known outcome, each may have happened, or not.",
    example: Example {
        history: r#"{"process":"a","f":"acquire","input":1,"call":0,"return":1,"status":"ok"}
{"process":"b","f":"acquire","input":1,"call":2,"return":3,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "acquire", shape: "how many, 1 if null" },
        FunctionDoc { name: "release", shape: "how many, 1 if null" },
    ],
    options: &[OptionDoc { name: "permits", summary: "how many permits there are", default: "1" }],
    per_key: true,
    family: "semaphore",
    build: |options| match options.int("permits", 1)? {
        permits @ 0.. => Ok(erase(Semaphore { permits })),
        _ => Err(("permits", "an integer of at least 0")),
    },
};

impl Model for Semaphore {
    /// How many permits are free.
    type State = i64;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        if call.output == Some(&Value::Bool(false)) {
            return Err(bad_output(call, "nothing, or true (one that did not happen is a failed operation)"));
        }
        let count = match call.input {
            Value::Nil => 1,
            Value::Int(count @ 0..) => *count,
            _ => return Err(bad_input(call, "how many permits")),
        };
        match call.function {
            "acquire" => Ok(Op::Acquire(count)),
            "release" => Ok(Op::Release(count)),
            _ => Err(unknown_function(call, "acquire, release")),
        }
    }

    fn initial(&self) -> i64 {
        self.permits
    }

    fn step(&self, free: &i64, op: &Op, next: &mut Vec<i64>) {
        match op {
            Op::Acquire(count) if count <= free => next.push(free - count),
            Op::Release(count) if *count <= self.permits - free => next.push(free + count),
            _ => {}
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Acquire(0) | Op::Release(0))
    }

    fn describe(&self, free: &i64) -> String {
        format!("{free} of {} permits free", self.permits)
    }
}
