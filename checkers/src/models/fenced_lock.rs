//! A lock that hands out fencing tokens.
//!
//! Rule: `acquire` succeeds when the lock is free and answers a token larger than all before; `release
//! token` succeeds when the lock is held under that token. Unknown outcome: it happened or not; a token
//! that nobody saw is larger than those before, and no more is known of it. Nothing is pure.
//!
//! M. Kleppmann, "How to do distributed locking" (2016).

use super::values::{int_input, int_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Unsupported};
use crate::properties::linearizability::erase;

/// A lock with tokens.
#[derive(Clone, Copy, Debug)]
pub struct FencedLock {
    /// All tokens are larger.
    pub last: i64,
}

impl Default for FencedLock {
    fn default() -> Self {
        Self { last: i64::MIN }
    }
}

/// An operation of a [`FencedLock`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Acquire(Option<i64>),
    Release(i64),
}

/// Whether a [`FencedLock`] is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    Free,
    Under(i64),
    /// By one whose token nobody saw; it is larger than the last.
    Unseen,
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "fenced-lock",
    summary: "a lock with growing tokens: acquire, release",
    documentation: "`acquire` succeeds when the lock is free and answers an integer token, larger than every token before. `release token` \
        succeeds when the lock is held under that token. Without a known outcome, each may have happened, or not; the token \
        of such an `acquire` may be any larger one.",
    example: Example {
        history: r#"{"process":"a","f":"acquire","output":7,"call":0,"return":1,"status":"ok"}
{"process":"a","f":"release","input":7,"call":2,"return":3,"status":"ok"}
{"process":"b","f":"acquire","output":7,"call":4,"return":5,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "acquire", shape: "→ token, an integer" },
        FunctionDoc { name: "release", shape: "token" },
    ],
    options: &[OptionDoc { name: "initial", summary: "a number that all tokens exceed", default: "none" }],
    per_key: true,
    family: "fenced-lock",
    build: |options| Ok(erase(FencedLock { last: options.int("initial", i64::MIN)? })),
};

impl Model for FencedLock {
    /// Whether it is held, and a number that all later tokens exceed.
    type State = (Held, i64);
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "acquire" => int_output(call).map(Op::Acquire),
            "release" => int_input(call).map(Op::Release),
            _ => Err(unknown_function(call, "acquire, release")),
        }
    }

    fn initial(&self) -> Self::State {
        (Held::Free, self.last)
    }

    fn step(&self, &(held, last): &Self::State, op: &Op, next: &mut Vec<Self::State>) {
        match (op, held) {
            (Op::Acquire(None), Held::Free) => next.push((Held::Unseen, last)),
            (Op::Acquire(Some(token)), Held::Free) if *token > last => next.push((Held::Under(*token), *token)),
            (Op::Release(token), Held::Under(holder)) if *token == holder => next.push((Held::Free, last)),
            (Op::Release(token), Held::Unseen) if *token > last => next.push((Held::Free, *token)),
            _ => {}
        }
    }

    fn describe(&self, (held, _): &Self::State) -> String {
        match held {
            Held::Free => "free".into(),
            Held::Under(token) => format!("held under token {token}"),
            Held::Unseen => "held under a token that nobody saw".into(),
        }
    }
}
