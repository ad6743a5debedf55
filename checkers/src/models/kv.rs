//! One key of a key-value store.
//!
//! Rule: `get` returns the value, null (or the option `initial`) when the key is absent; `put`
//! replaces it; `append` adds text to it, to an absent key as to ""; `delete` makes it absent;
//! `cas [old, new]` as in a cas-register. Unknown outcomes: a change happened or not. Pure: `get`,
//! and a `cas` that answered false.

use super::values::{bad_input, cas, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// One key of a key-value store.
#[derive(Clone, Debug, Default)]
pub struct Kv {
    /// How an absent key reads.
    pub initial: Value,
}

/// An operation of a [`Kv`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Get(Option<Value>),
    Put(Value),
    Append(Value),
    Delete,
    Cas(Value, Value, Option<bool>),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "kv",
    summary: "a key-value store, each key by itself: get, put, append, delete, cas",
    documentation: "`get` returns the key's value, null when it is absent; `put` replaces it; `append` adds text to it (to \
        an absent key as to the empty text, to another value as to its text); `delete` makes it absent; `cas [old, new]` \
        acts as in cas-register. With the option `initial`, an absent key reads as that value: `initial=\"\"` is what \
        Porcupine's kv histories mean. Changes without a known outcome may have happened, or not. Reads and failed \
        cas are pure.",
    example: Example {
        history: concat!(
            r#"{"process":"a","f":"put","key":"x","input":"1","call":0,"return":3,"status":"ok"}"#,
            "\n",
            r#"{"process":"b","f":"append","key":"x","input":"2","call":1,"return":2,"status":"ok"}"#,
            "\n",
            r#"{"process":"b","f":"get","key":"x","output":"12","call":4,"return":5,"status":"ok"}"#,
            "\n",
        ),
        verdict: "holds",
    },
    functions: &[
        FunctionDoc { name: "get", shape: "→ value, or null when absent" },
        FunctionDoc { name: "put", shape: "value" },
        FunctionDoc { name: "append", shape: "text" },
        FunctionDoc { name: "delete", shape: "" },
        FunctionDoc { name: "cas", shape: "[old, new] → true or false" },
    ],
    options: &[OptionDoc { name: "initial", summary: "how an absent key reads", default: "null" }],
    per_key: true,
    family: "kv",
    build: |options| Ok(erase(Kv { initial: options.value("initial") })),
};

impl Model for Kv {
    type State = Value;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "get" => Ok(Op::Get(call.output.cloned())),
            "put" => Ok(Op::Put(call.input.clone())),
            "append" if call.input.as_str().is_some() => Ok(Op::Append(call.input.clone())),
            "append" => Err(bad_input(call, "text")),
            "delete" => Ok(Op::Delete),
            "cas" => cas(call).map(|(old, new, done)| Op::Cas(old, new, done)),
            _ => Err(unknown_function(call, "get, put, append, delete, cas")),
        }
    }

    fn initial(&self) -> Value {
        self.initial.clone()
    }

    fn step(&self, state: &Value, op: &Op, next: &mut Vec<Value>) {
        match op {
            Op::Get(seen) if seen.as_ref().is_none_or(|seen| seen == state) => next.push(state.clone()),
            Op::Get(_) => {}
            Op::Put(value) => next.push(value.clone()),
            Op::Append(tail) => next.push(appended(state, tail)),
            Op::Delete => next.push(self.initial.clone()),
            Op::Cas(old, new, done) => match (old == state, done) {
                (true, Some(true) | None) => next.push(new.clone()),
                (false, Some(false) | None) => next.push(state.clone()),
                _ => {}
            },
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Get(_) | Op::Cas(_, _, Some(false)))
    }

    fn describe(&self, state: &Value) -> String {
        state.to_string()
    }
}

fn appended(state: &Value, tail: &Value) -> Value {
    let tail = tail.as_str().unwrap_or_default();
    let mut text = match state {
        Value::Nil => String::with_capacity(tail.len()),
        Value::Str(text) => String::from(&**text),
        other => other.to_string(),
    };
    text.push_str(tail);
    Value::Str(text.into())
}
