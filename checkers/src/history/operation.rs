//! One operation, and the history that holds them all.

use super::Value;
use std::sync::Arc;

/// The return of an operation that never returned: later than every other moment.
pub const OPEN: i64 = i64::MAX;

/// How an operation ended. Failed operations certainly did not happen, so a history has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It happened, and its output is known. (Its return may still be [`OPEN`]: a span without an end.)
    Ok,
    /// It may have happened at any moment after its call, or never: timed out, crashed, or still
    /// running when the recording ended. Its output is not known and its return is [`OPEN`].
    Info,
}

/// One call on an object, by one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The object; [`Value::Nil`] when all operations are on one.
    pub key: Value,
    /// What went in.
    pub input: Value,
    /// What came out; [`Value::Nil`] when nothing did, or when it is not known.
    pub output: Value,
    /// When it was called. Only the order of calls and returns counts; intervals are closed, so a
    /// call at the moment of a return is concurrent with it (but operations of one process are ordered).
    pub call: i64,
    /// When it returned, or [`OPEN`].
    pub ret: i64,
    /// Index of the function's name in [`History::functions`].
    pub function: u32,
    /// Index of the process's name in [`History::processes`].
    pub process: u32,
    /// How it ended.
    pub status: Status,
}

/// A list of distinct names, found by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<Arc<str>>);

impl Names {
    /// The name at an index that came from this list.
    pub fn get(&self, index: u32) -> &str {
        &self.0[index as usize]
    }

    /// The index of a name.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.0.iter().position(|known| &**known == name).map(|index| index as u32)
    }

    /// All names, in order of first appearance.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, name: Arc<str>) -> u32 {
        self.0.push(name);
        (self.0.len() - 1) as u32
    }
}

/// Operations in the order in which they were given (for events: of their calls), immutable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub(super) operations: Vec<Operation>,
    pub(super) functions: Names,
    pub(super) processes: Names,
    pub(super) times: Vec<(i64, i64)>,
    pub(super) failed: usize,
    pub(super) initial: Option<Value>,
    pub(super) plain: bool,
    pub(super) pending: usize,
}

impl History {
    /// The operations. An operation's index here is its name in verdicts.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Function names (`read`, `write`, …).
    pub fn functions(&self) -> &Names {
        &self.functions
    }

    /// Process names.
    pub fn processes(&self) -> &Names {
        &self.processes
    }

    /// The function's name of an operation.
    pub fn function(&self, index: usize) -> &str {
        self.functions.get(self.operations[index].function)
    }

    /// The process's name of an operation.
    pub fn process(&self, index: usize) -> &str {
        self.processes.get(self.operations[index].process)
    }

    /// Recorded nanoseconds of call and return, where the recording had them. They inform; the
    /// order is in [`Operation::call`] and [`Operation::ret`]. An open return is [`OPEN`].
    pub fn time_ns(&self, index: usize) -> Option<(i64, i64)> {
        self.times.get(index).copied()
    }

    /// How many operations there are, without the failed ones.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there is nothing to check.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// How many operations never returned.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// What objects hold before any operation, where the recording's format says so.
    pub fn initial(&self) -> Option<&Value> {
        self.initial.as_ref()
    }

    /// Whether operations are in order of their calls, and each process called later than its operation
    /// before had returned; then equal times need no thought.
    pub(crate) fn has_plain_times(&self) -> bool {
        self.plain
    }

    /// How many operations failed and were left out.
    pub fn failed(&self) -> usize {
        self.failed
    }
}
