//! Building a history, from events or from complete operations.
//!
//! Events: the order of the calls of `invoke` and `complete` is the order of the history, whatever
//! their times say. Complete operations: their `call` and `ret` are. One history uses one of the two.

use super::{History, OPEN, Operation, Status, Value};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::fmt;
use std::sync::Arc;

/// How an invoked operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// With this output.
    Ok(Value),
    /// It certainly did not happen.
    Fail,
    /// Nobody knows.
    Info,
}

/// A complete operation, as [`HistoryBuilder::operation`] takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete<'a> {
    pub process: &'a str,
    pub function: &'a str,
    pub key: Value,
    pub input: Value,
    pub call: i64,
    /// `None` if it never returned.
    pub ret: Option<i64>,
    pub completion: Completion,
}

/// Why an event or operation could not be part of the history. Whoever meets one knows the line it
/// came from; a history that lost an event can't be trusted to accuse or to acquit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A process called while its previous operation was still open.
    StillOpen { process: String, function: String },
    /// A completion without a call.
    NotCalled { process: String, function: String },
    /// A completion whose function is not that of the call.
    OtherFunction { process: String, called: String, completed: String },
    /// A return before the call.
    ReturnBeforeCall { process: String, function: String },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillOpen { process, function } => {
                write!(f, "process {process} calls `{function}` while its previous operation is still open")
            }
            Self::NotCalled { process, function } => {
                write!(f, "process {process} completes `{function}`, which it never called")
            }
            Self::OtherFunction { process, called, completed } => {
                write!(f, "process {process} completes `{completed}`, but its open operation is `{called}`")
            }
            Self::ReturnBeforeCall { process, function } => {
                write!(f, "`{function}` of process {process} returns before it was called")
            }
        }
    }
}

impl std::error::Error for Malformed {}

#[derive(Clone, Copy, PartialEq)]
enum Slot {
    Open,
    Done,
    Failed,
}

/// Collects events or operations into a [`History`].
///
/// ```
/// use causet_checkers::history::{Completion, HistoryBuilder, Value};
/// let mut builder = HistoryBuilder::new();
/// builder.invoke("c1", "write", Value::Nil, Value::Int(3), None)?;
/// builder.complete("c1", "write", Completion::Ok(Value::Nil), None)?;
/// assert_eq!(builder.finish().len(), 1);
/// # Ok::<(), causet_checkers::history::Malformed>(())
/// ```
#[derive(Default)]
pub struct HistoryBuilder {
    history: History,
    slots: Vec<Slot>,
    function_ids: HashMap<Arc<str>, u32, FixedState>,
    process_ids: HashMap<Arc<str>, u32, FixedState>,
    /// By process: the index of its open operation.
    open: Vec<Option<usize>>,
    events: i64,
    untimed: bool,
    /// By process: when its last operation that returned did.
    returned: Vec<i64>,
    /// Whether times are not plain.
    tangled: bool,
}

impl HistoryBuilder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many events and operations were taken so far.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing was taken so far.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn function_id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.function_ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        let id = self.history.functions.push(name.clone());
        self.function_ids.insert(name, id);
        id
    }

    fn process_id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.process_ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        let id = self.history.processes.push(name.clone());
        self.process_ids.insert(name, id);
        self.open.push(None);
        self.returned.push(i64::MIN);
        id
    }

    fn tick(&mut self, time: Option<i64>) -> (i64, i64) {
        self.untimed |= time.is_none();
        self.events += 1;
        (self.events, time.unwrap_or(0))
    }

    fn note_call(&mut self, process: u32, call: i64) {
        let last = self.history.operations.last().map_or(i64::MIN, |last| last.call);
        self.tangled |= call <= self.returned[process as usize] || call < last;
    }

    /// A process calls `function`.
    ///
    /// # Errors
    /// [`Malformed::StillOpen`] when its previous operation has not completed; nothing is changed.
    pub fn invoke(
        &mut self,
        process: &str,
        function: &str,
        key: Value,
        input: Value,
        time: Option<i64>,
    ) -> Result<(), Malformed> {
        let process_id = self.process_id(process);
        if self.open[process_id as usize].is_some() {
            return Err(Malformed::StillOpen { process: process.into(), function: function.into() });
        }
        let function = self.function_id(function);
        let (call, time) = self.tick(time);
        self.note_call(process_id, call);
        self.open[process_id as usize] = Some(self.slots.len());
        self.slots.push(Slot::Open);
        self.history.times.push((time, OPEN));
        self.history.operations.push(Operation {
            key,
            input,
            output: Value::Nil,
            call,
            ret: OPEN,
            function,
            process: process_id,
            status: Status::Info,
        });
        Ok(())
    }

    /// The open operation of a process ends.
    ///
    /// # Errors
    /// [`Malformed::NotCalled`] and [`Malformed::OtherFunction`]; nothing is changed.
    pub fn complete(
        &mut self,
        process: &str,
        function: &str,
        completion: Completion,
        time: Option<i64>,
    ) -> Result<(), Malformed> {
        let process_id = self.process_id(process) as usize;
        let Some(index) = self.open[process_id] else {
            return Err(Malformed::NotCalled { process: process.into(), function: function.into() });
        };
        let called = self.history.function(index);
        if called != function {
            return Err(Malformed::OtherFunction {
                process: process.into(),
                called: called.into(),
                completed: function.into(),
            });
        }
        let (ret, time) = self.tick(time);
        self.open[process_id] = None;
        match completion {
            Completion::Ok(output) => {
                let op = &mut self.history.operations[index];
                (op.output, op.ret, op.status) = (output, ret, Status::Ok);
                self.history.times[index].1 = time;
                self.returned[process_id] = ret;
                self.slots[index] = Slot::Done;
            }
            Completion::Fail => self.slots[index] = Slot::Failed,
            Completion::Info => {}
        }
        Ok(())
    }

    /// States what objects hold before any operation.
    pub fn set_initial(&mut self, value: Value) {
        self.history.initial = Some(value);
    }

    /// The input of the open operation of a process, for readers whose completions repeat it.
    pub fn open_input(&self, process: &str) -> Option<&Value> {
        let id = *self.process_ids.get(process)?;
        self.open[id as usize].map(|index| &self.history.operations[index].input)
    }

    /// A complete operation. Its times are the order.
    ///
    /// # Errors
    /// [`Malformed::ReturnBeforeCall`]; nothing is changed.
    pub fn operation(&mut self, complete: Complete<'_>) -> Result<(), Malformed> {
        let Complete { process, function, key, input, call, ret, completion } = complete;
        if ret.is_some_and(|ret| ret < call) {
            return Err(Malformed::ReturnBeforeCall { process: process.into(), function: function.into() });
        }
        let (ret, output, status, slot) = match (completion, ret) {
            (Completion::Fail, _) => (OPEN, Value::Nil, Status::Info, Slot::Failed),
            (Completion::Ok(output), ret) => (ret.unwrap_or(OPEN), output, Status::Ok, Slot::Done),
            (Completion::Info, _) => (OPEN, Value::Nil, Status::Info, Slot::Open),
        };
        let (function, process) = (self.function_id(function), self.process_id(process));
        self.note_call(process, call);
        if slot == Slot::Done {
            self.returned[process as usize] = ret;
        }
        self.slots.push(slot);
        self.history.times.push((call, ret));
        self.history.operations.push(Operation { key, input, output, call, ret, function, process, status });
        Ok(())
    }

    /// The history: failed operations are left out, open ones stay open.
    pub fn finish(mut self) -> History {
        let failed = self.slots.iter().filter(|slot| **slot == Slot::Failed).count();
        if failed > 0 {
            let mut slots = self.slots.iter();
            self.history.operations.retain(|_| slots.next() != Some(&Slot::Failed));
            let mut slots = self.slots.iter();
            self.history.times.retain(|_| slots.next() != Some(&Slot::Failed));
        }
        if self.untimed {
            self.history.times = Vec::new();
        }
        self.history.failed = failed;
        self.history.pending = self.slots.iter().filter(|slot| **slot == Slot::Open).count();
        self.history.plain = !self.tangled;
        self.history.operations.shrink_to_fit();
        self.history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoke(builder: &mut HistoryBuilder, process: &str, f: &str) -> Result<(), Malformed> {
        builder.invoke(process, f, Value::Nil, Value::Nil, None)
    }

    #[test]
    fn events_pair_up_and_failures_leave() {
        let mut builder = HistoryBuilder::new();
        invoke(&mut builder, "a", "read").unwrap();
        invoke(&mut builder, "b", "write").unwrap();
        builder.complete("b", "write", Completion::Fail, None).unwrap();
        builder.complete("a", "read", Completion::Ok(Value::Int(1)), None).unwrap();
        invoke(&mut builder, "b", "write").unwrap();
        let history = builder.finish();
        assert_eq!((history.len(), history.failed(), history.pending()), (2, 1, 1));
        assert_eq!((history.operations()[0].call, history.operations()[0].ret), (1, 4));
        assert_eq!(history.operations()[1].ret, OPEN);
        assert_eq!(history.time_ns(0), None);
    }

    #[test]
    fn what_does_not_pair_up_is_refused() {
        let mut builder = HistoryBuilder::new();
        invoke(&mut builder, "a", "read").unwrap();
        assert!(matches!(invoke(&mut builder, "a", "read"), Err(Malformed::StillOpen { .. })));
        let other = builder.complete("a", "write", Completion::Info, None);
        assert!(matches!(other, Err(Malformed::OtherFunction { .. })));
        let never = builder.complete("b", "read", Completion::Info, None);
        assert!(matches!(never, Err(Malformed::NotCalled { .. })));
    }
}
