//! Mutexes: `mutex`, which anyone may release; `owner-mutex`, which only its holder may; and
//! `reentrant-mutex`, whose holder may acquire it again.
//!
//! Rule: `acquire` succeeds when nobody else holds it, `release` when the right one does. Who calls is
//! the operation's process. Unknown outcome: it happened or not. Nothing is pure.

use super::values::{bad_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// Who may do what with a [`Mutex`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anyone may release it.
    #[default]
    Anyone,
    /// Only the holder may.
    Owner,
    /// Only the holder may, as often as it acquired.
    Reentrant,
}

/// A lock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex {
    /// Who may do what with it.
    pub kind: Kind,
}

/// An operation of a [`Mutex`], and who does it (0 where that doesn't matter).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Acquire(u32),
    Release(u32),
}

const FUNCTIONS: &[FunctionDoc] =
    &[FunctionDoc { name: "acquire", shape: "" }, FunctionDoc { name: "release", shape: "" }];

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "mutex",
    summary: "a lock that anyone may release: acquire, release",
    documentation: "`acquire` succeeds when the lock is free, `release` when it is held, whoever holds it. Without a known \
        outcome, each may have happened, or not.",
    example: Example {
        history: r#"{"process":"a","f":"acquire","call":0,"return":1,"status":"ok"}
{"process":"b","f":"acquire","call":2,"return":3,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: FUNCTIONS,
    options: &[],
    per_key: true,
    family: "mutex",
    build: |_| Ok(erase(Mutex { kind: Kind::Anyone })),
};

pub(super) static OWNER_ENTRY: ModelEntry = ModelEntry {
    id: "owner-mutex",
    summary: "a lock that only its holder may release: acquire, release",
    documentation: "`acquire` succeeds when the lock is free, `release` when the process that calls it holds it. Without a \
        known outcome, each may have happened, or not.",
    example: Example {
        history: r#"{"process":"a","f":"acquire","call":0,"return":1,"status":"ok"}
{"process":"b","f":"release","call":2,"return":3,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: FUNCTIONS,
    options: &[],
    per_key: true,
    family: "owner-mutex",
    build: |_| Ok(erase(Mutex { kind: Kind::Owner })),
};

pub(super) static REENTRANT_ENTRY: ModelEntry = ModelEntry {
    id: "reentrant-mutex",
    summary: "a lock that its holder may acquire again: acquire, release",
    documentation: "`acquire` succeeds when the lock is free or held by the process that calls; `release` when that process \
        holds it, and the lock is free after as many of them. Without a known outcome, each may have happened, or not.",
    example: Example {
        history: r#"{"process":"a","f":"acquire","call":0,"return":1,"status":"ok"}
{"process":"a","f":"acquire","call":2,"return":3,"status":"ok"}
{"process":"a","f":"release","call":4,"return":5,"status":"ok"}
{"process":"b","f":"acquire","call":6,"return":7,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: FUNCTIONS,
    options: &[],
    per_key: true,
    family: "reentrant-mutex",
    build: |_| Ok(erase(Mutex { kind: Kind::Reentrant })),
};

impl Model for Mutex {
    /// Who holds it, and how often.
    type State = Option<(u32, u32)>;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        if call.output == Some(&Value::Bool(false)) {
            return Err(bad_output(call, "nothing, or true (one that did not happen is a failed operation)"));
        }
        let who = if self.kind == Kind::Anyone { 0 } else { call.process };
        match call.function {
            "acquire" => Ok(Op::Acquire(who)),
            "release" => Ok(Op::Release(who)),
            _ => Err(unknown_function(call, "acquire, release")),
        }
    }

    fn initial(&self) -> Self::State {
        None
    }

    fn step(&self, state: &Self::State, op: &Op, next: &mut Vec<Self::State>) {
        match (op, *state) {
            (Op::Acquire(who), None) => next.push(Some((*who, 1))),
            (Op::Acquire(who), Some((holder, times))) if self.kind == Kind::Reentrant && *who == holder => {
                next.push(Some((holder, times + 1)));
            }
            (Op::Release(who), Some((holder, times))) if *who == holder => {
                next.push((times > 1).then(|| (holder, times - 1)));
            }
            _ => {}
        }
    }

    fn describe(&self, state: &Self::State) -> String {
        match (self.kind, state) {
            (_, None) => "free".into(),
            (Kind::Reentrant, Some((_, times))) => format!("held {times} times"),
            _ => "held".into(),
        }
    }
}
