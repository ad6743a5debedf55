//! A generator of unique ids.
//!
//! Rule: `generate` answers an id that it never answered before. Unknown outcome: no id was seen, so
//! that nothing follows from it. An operation without known output changes nothing that anyone can
//! see, which makes it pure.

use super::values::{bad_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// Ids, each given out once.
#[derive(Clone, Copy, Debug, Default)]
pub struct UniqueIds;

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "unique-ids",
    summary: "ids that are never repeated: generate",
    documentation: "`generate` answers an id (any value but null) that was never answered before. One without a known outcome says nothing.",
    example: Example {
        history: r#"{"process":"a","f":"generate","output":"x","call":0,"return":3,"status":"ok"}
{"process":"b","f":"generate","output":"x","call":1,"return":2,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[FunctionDoc { name: "generate", shape: "→ id" }],
    options: &[],
    per_key: true,
    family: "unique-ids",
    build: |_| Ok(erase(UniqueIds)),
};

impl Model for UniqueIds {
    /// The ids given out, in order.
    type State = Vec<Value>;
    /// The id, if known.
    type Op = Option<Value>;

    fn parse(&self, call: &Call<'_>) -> Result<Option<Value>, Unsupported> {
        match (call.function, call.output) {
            ("generate", Some(Value::Nil)) => Err(bad_output(call, "an id")),
            ("generate", id) => Ok(id.cloned()),
            _ => Err(unknown_function(call, "generate")),
        }
    }

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn step(&self, given: &Vec<Value>, op: &Option<Value>, next: &mut Vec<Vec<Value>>) {
        let Some(id) = op else { return next.push(given.clone()) };
        if let Err(at) = given.binary_search(id) {
            next.push([&given[..at], std::slice::from_ref(id), &given[at..]].concat());
        }
    }

    fn is_pure(&self, op: &Option<Value>) -> bool {
        op.is_none()
    }

    fn describe(&self, given: &Vec<Value>) -> String {
        format!("{} ids given out", given.len())
    }
}
