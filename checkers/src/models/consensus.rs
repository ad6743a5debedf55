//! Consensus: the first value that is proposed is decided, for ever.
//!
//! Rule: `propose v` decides `v` if nothing was decided, and answers what is decided; `learn` answers
//! it, or null before. Unknown outcome: a proposal was made or not. Pure: `learn`.

use super::values::{bad_input, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// A value that is decided once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consensus;

/// An operation of [`Consensus`]; outputs are `None` when unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Propose(Value, Option<Value>),
    Learn(Option<Value>),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "consensus",
    summary: "one decision: propose, learn",
    documentation: "`propose v` decides `v` if nothing was decided yet, and answers what is decided. `learn` answers what is decided, or null \
        when nothing is. A proposal without a known outcome may have been made, or not. Learning is pure.",
    example: Example {
        history: r#"{"process":"a","f":"propose","input":1,"output":1,"call":0,"return":3,"status":"ok"}
{"process":"b","f":"propose","input":2,"output":2,"call":1,"return":2,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "propose", shape: "value → the decided value" },
        FunctionDoc { name: "learn", shape: "→ the decided value, or null" },
    ],
    options: &[],
    per_key: true,
    family: "consensus",
    build: |_| Ok(erase(Consensus)),
};

impl Model for Consensus {
    type State = Value;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "propose" if call.input.is_nil() => Err(bad_input(call, "a value")),
            "propose" => Ok(Op::Propose(call.input.clone(), call.output.cloned())),
            "learn" => Ok(Op::Learn(call.output.cloned())),
            _ => Err(unknown_function(call, "propose, learn")),
        }
    }

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn step(&self, decided: &Value, op: &Op, next: &mut Vec<Value>) {
        let (after, answer) = match op {
            Op::Propose(value, answer) if decided.is_nil() => (value, answer),
            Op::Propose(_, answer) | Op::Learn(answer) => (decided, answer),
        };
        if answer.as_ref().is_none_or(|answer| answer == after) {
            next.push(after.clone());
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Learn(_))
    }

    fn describe(&self, decided: &Value) -> String {
        if decided.is_nil() { "undecided".into() } else { format!("decided {decided}") }
    }
}
