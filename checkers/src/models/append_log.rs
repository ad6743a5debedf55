//! An append-only log.
//!
//! Rule: `append v` puts v at the end and answers its offset (null: not said); `read from` answers all
//! entries from that offset on, as [offset, value] pairs. The first offset is 0. Unknown outcome: an
//! `append` happened or not. Pure: `read`.

use super::values::{bad_input, bad_output, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// A log.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppendLog {
    /// The offset of the first entry.
    pub first: i64,
}

/// An operation of an [`AppendLog`]; outputs are `None` when unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Append(Value, Option<i64>),
    /// From which offset, and the entries.
    Read(i64, Option<Vec<(i64, Value)>>),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "append-log",
    summary: "a log: append, read",
    documentation: "`append v` puts v at the end and answers its offset, or null. `read from` answers every entry from that offset on, as \
        [[offset, v], …] in order; without `from`, all. Offsets count from the option `first` (0) without gaps. An append \
        without a known outcome may have happened, or not. Reads are pure.",
    example: Example {
        history: r#"{"process":"a","f":"append","input":"x","output":0,"call":0,"return":1,"status":"ok"}
{"process":"b","f":"append","input":"y","output":1,"call":2,"return":3,"status":"ok"}
{"process":"a","f":"read","input":0,"output":[[0,"x"]],"call":4,"return":5,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "append", shape: "value → offset, or null" },
        FunctionDoc { name: "read", shape: "offset → [[offset, value], …]" },
    ],
    options: &[OptionDoc { name: "first", summary: "the offset of the first entry", default: "0" }],
    per_key: true,
    family: "append-log",
    build: |options| Ok(erase(AppendLog { first: options.int("first", 0)? })),
};

fn entries(value: &Value) -> Option<Vec<(i64, Value)>> {
    let entry = |entry: &Value| entry.as_pair().and_then(|(offset, value)| Some((offset.as_int()?, value.clone())));
    value.as_list()?.iter().map(entry).collect()
}

impl Model for AppendLog {
    type State = Vec<Value>;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match (call.function, call.output) {
            ("append", None | Some(Value::Nil)) => Ok(Op::Append(call.input.clone(), None)),
            ("append", Some(Value::Int(offset))) => Ok(Op::Append(call.input.clone(), Some(*offset))),
            ("append", Some(_)) => Err(bad_output(call, "an offset or null")),
            ("read", output) => {
                let from = match call.input {
                    Value::Nil => self.first,
                    Value::Int(from) => *from,
                    _ => return Err(bad_input(call, "an offset")),
                };
                let pairs = || bad_output(call, "a list of [offset, value]");
                Ok(Op::Read(from, output.map(|output| entries(output).ok_or_else(pairs)).transpose()?))
            }
            _ => Err(unknown_function(call, "append, read")),
        }
    }

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn step(&self, log: &Vec<Value>, op: &Op, next: &mut Vec<Vec<Value>>) {
        let end = self.first.saturating_add_unsigned(log.len() as u64);
        match op {
            Op::Append(value, offset) if offset.is_none_or(|offset| offset == end) => {
                next.push([log, std::slice::from_ref(value)].concat());
            }
            Op::Append(..) => {}
            Op::Read(from, seen) => {
                let skipped = usize::try_from(from.saturating_sub(self.first)).unwrap_or(0).min(log.len());
                let there = log.iter().enumerate().skip(skipped).map(|(i, value)| (self.first + i as i64, value));
                if seen.as_ref().is_none_or(|seen| there.eq(seen.iter().map(|(offset, value)| (*offset, value)))) {
                    next.push(log.clone());
                }
            }
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Read(..))
    }

    fn describe(&self, log: &Vec<Value>) -> String {
        Value::list(log.iter().cloned()).to_string()
    }
}
