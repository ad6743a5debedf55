//! A priority queue.
//!
//! Rule: `insert` puts an integer, or [priority, value]; `delete-min` takes an entry of the lowest
//! priority and answers it, or null when there is none. Of several with that priority, any: the model
//! is nondeterministic. Unknown outcome: an `insert` happened or not; a `delete-min` took something
//! nobody saw, or nothing. Pure: a `delete-min` that answered null.

use super::values::{bad_input, unknown_function};
use super::{Call, Example, FunctionDoc, Model, ModelEntry, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::erase;

/// Values with priorities, lowest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorityQueue;

/// An operation of a [`PriorityQueue`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Insert(i64, Value),
    Take(Taken),
}

/// What a `delete-min` answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Taken {
    Unknown,
    Nothing,
    /// The value, and its priority where it was said.
    Entry(Option<i64>, Value),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "priority-queue",
    summary: "lowest first: insert, delete-min",
    documentation: "`insert` puts an integer, which is its own priority, or [priority, value]. `delete-min` takes an entry of the lowest \
        priority and answers it in either form, or null when there is none. Of entries with equal priority any may be \
        taken. Without a known outcome, an `insert` may have happened, and a `delete-min` may have taken an entry. A \
        `delete-min` that answered null is pure.",
    example: Example {
        history: r#"{"process":"a","f":"insert","input":2,"call":0,"return":1,"status":"ok"}
{"process":"a","f":"insert","input":1,"call":2,"return":3,"status":"ok"}
{"process":"b","f":"delete-min","output":2,"call":4,"return":5,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "insert", shape: "an integer, or [priority, value]" },
        FunctionDoc { name: "delete-min", shape: "→ what was put in, or null when empty" },
    ],
    options: &[],
    per_key: true,
    family: "priority-queue",
    build: |_| Ok(erase(PriorityQueue)),
};

/// An entry as it is put in: its priority and value.
fn entry(value: &Value) -> Option<(i64, Value)> {
    match value.as_pair() {
        Some((priority, value)) => Some((priority.as_int()?, value.clone())),
        None => Some((value.as_int()?, value.clone())),
    }
}

impl Model for PriorityQueue {
    /// Entries in order.
    type State = Vec<(i64, Value)>;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "insert" => match entry(call.input) {
                Some((priority, value)) => Ok(Op::Insert(priority, value)),
                None => Err(bad_input(call, "an integer or [priority, value]")),
            },
            "delete-min" => Ok(Op::Take(match call.output {
                None => Taken::Unknown,
                Some(Value::Nil) => Taken::Nothing,
                Some(output) => match entry(output) {
                    Some((priority, value)) if output.as_pair().is_some() => Taken::Entry(Some(priority), value),
                    _ => Taken::Entry(None, output.clone()),
                },
            })),
            _ => Err(unknown_function(call, "insert, delete-min")),
        }
    }

    fn initial(&self) -> Self::State {
        Vec::new()
    }

    fn step(&self, entries: &Self::State, op: &Op, next: &mut Vec<Self::State>) {
        let taken = match op {
            Op::Insert(priority, value) => {
                let entry = (*priority, value.clone());
                let at = entries.partition_point(|other| *other < entry);
                return next.push([&entries[..at], &[entry], &entries[at..]].concat());
            }
            Op::Take(taken) => taken,
        };
        let Some(lowest) = entries.first().map(|entry| entry.0) else {
            if matches!(taken, Taken::Unknown | Taken::Nothing) {
                next.push(Vec::new());
            }
            return;
        };
        for (at, (priority, value)) in entries.iter().enumerate().take_while(|(_, entry)| entry.0 == lowest) {
            let fits = match taken {
                Taken::Unknown => true,
                Taken::Nothing => false,
                Taken::Entry(said, taken) => taken == value && said.is_none_or(|said| said == *priority),
            };
            if fits && (at == 0 || entries[at - 1] != entries[at]) {
                next.push([&entries[..at], &entries[at + 1..]].concat());
            }
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Take(Taken::Nothing))
    }

    fn describe(&self, entries: &Self::State) -> String {
        let entries: Vec<String> = entries.iter().map(|(priority, value)| format!("{priority}: {value}")).collect();
        format!("[{}]", entries.join(", "))
    }
}
