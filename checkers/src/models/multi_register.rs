//! Several registers, read and written together.
//!
//! Rule: `txn` runs a list of reads and writes of keys, at one moment and in their order. Unknown
//! outcome: it happened or not, whatever it would have read. Pure: a `txn` without writes. All keys are
//! one object, so that a history of them is not split by key.

use super::values::{bad_input, bad_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// Registers by key.
#[derive(Clone, Debug, Default)]
pub struct MultiRegister {
    /// The value of each before all operations.
    pub initial: Value,
}

/// A read or write of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What was read; `None` when unknown.
    Read(Value, Option<Value>),
    Write(Value, Value),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "multi-register",
    summary: "several registers at once: txn of reads and writes",
    documentation: "`txn` takes [[\"r\", key, null], [\"w\", key, value], …] and answers the same with what it read; all of it happens at one \
        moment. A txn without a known outcome may have happened, or not; one without writes is pure. All keys are one \
        object.",
    example: Example {
        history: r#"{"process":"a","f":"txn","input":[["w","x",1],["w","y",1]],"output":[["w","x",1],["w","y",1]],"call":0,"return":3,"status":"ok"}
{"process":"b","f":"txn","input":[["r","x",null],["r","y",null]],"output":[["r","x",1],["r","y",null]],"call":1,"return":2,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[FunctionDoc {
        name: "txn",
        shape: "[[\"r\", key, null], [\"w\", key, value], …] → the same with reads filled in",
    }],
    options: &[OptionDoc {
        name: "initial",
        summary: "the value of each register before all operations",
        default: "null",
    }],
    per_key: false,
    family: "multi-register",
    build: |options| Ok(erase(MultiRegister { initial: options.value("initial") })),
};

/// The name of a micro-operation, its key and its value.
fn micro(value: &Value) -> Option<(bool, &Value, &Value)> {
    match value.as_list()? {
        [Value::Str(name), key, rest @ ..] => {
            let write = match &**name {
                "r" | "read" => false,
                "w" | "write" => true,
                _ => return None,
            };
            match rest {
                [value] => Some((write, key, value)),
                [] if !write => Some((write, key, &Value::Nil)),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Model for MultiRegister {
    /// The registers that were written, in order of key.
    type State = Vec<(Value, Value)>;
    type Op = Vec<Part>;

    fn parse(&self, call: &Call<'_>) -> Result<Vec<Part>, Unsupported> {
        if call.function != "txn" {
            return Err(unknown_function(call, "txn"));
        }
        let wanted = || bad_input(call, r#"a list of ["r", key, null] and ["w", key, value]"#);
        let given = || bad_output(call, "the input with reads filled in");
        let inputs = call.input.as_list().ok_or_else(wanted)?;
        let outputs = call.output.map(|output| output.as_list().ok_or_else(given)).transpose()?;
        if outputs.is_some_and(|outputs| outputs.len() != inputs.len()) {
            return Err(given());
        }
        let mut parts = Vec::with_capacity(inputs.len());
        for (i, input) in inputs.iter().enumerate() {
            let (write, key, value) = micro(input).ok_or_else(wanted)?;
            let seen = match outputs {
                None => None,
                Some(outputs) => Some(micro(&outputs[i]).ok_or_else(given)?),
            };
            if seen.is_some_and(|(other, at, what)| (other, at) != (write, key) || write && what != value) {
                return Err(given());
            }
            parts.push(match write {
                true => Part::Write(key.clone(), value.clone()),
                false => Part::Read(key.clone(), seen.map(|(_, _, value)| value.clone())),
            });
        }
        Ok(parts)
    }

    fn initial(&self) -> Self::State {
        Vec::new()
    }

    fn step(&self, state: &Self::State, op: &Vec<Part>, next: &mut Vec<Self::State>) {
        let mut after = state.clone();
        for part in op {
            match part {
                Part::Read(_, None) => {}
                Part::Read(key, Some(seen)) => {
                    let at = after.binary_search_by(|pair| pair.0.cmp(key));
                    if *seen != *at.map_or(&self.initial, |at| &after[at].1) {
                        return;
                    }
                }
                Part::Write(key, value) => match after.binary_search_by(|pair| pair.0.cmp(key)) {
                    Ok(at) => after[at].1 = value.clone(),
                    Err(at) => after.insert(at, (key.clone(), value.clone())),
                },
            }
        }
        next.push(after);
    }

    fn is_pure(&self, op: &Vec<Part>) -> bool {
        op.iter().all(|part| matches!(part, Part::Read(..)))
    }

    fn describe(&self, state: &Self::State) -> String {
        let parts: Vec<String> = state.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("{{{}}}", parts.join(", "))
    }
}
