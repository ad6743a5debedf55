//! What an object promises when it is used by one client at a time.
//!
//! A [`Model`] is a sequential rule: from a state, an operation with its recorded output either may
//! happen (and leads to one or more next states) or may not. Everything else, concurrency, crashes,
//! partitions, is the checkers' business, so that a model stays one page. A model also says which of
//! its operations are *pure* (never change the state): engines take those at the first chance.
//!
//! [`all`] is the registry. Adding a model is one file, one `mod` line and one line in the list.

mod append_log;
mod bank;
mod cas_register;
mod consensus;
mod counter;
mod entry;
mod fenced_lock;
mod fifo_queue;
mod kv;
mod multi_register;
mod mutex;
mod priority_queue;
mod register;
mod semaphore;
mod set;
mod stack;
mod unique_ids;
mod values;

pub use append_log::AppendLog;
pub use bank::Bank;
pub use cas_register::CasRegister;
pub use consensus::Consensus;
pub use counter::Counter;
pub use entry::{BadOption, Example, FunctionDoc, ModelEntry, OptionDoc, Options};
pub use fenced_lock::FencedLock;
pub use fifo_queue::FifoQueue;
pub use kv::Kv;
pub use multi_register::MultiRegister;
pub use mutex::{Kind as MutexKind, Mutex};
pub use priority_queue::PriorityQueue;
pub use register::Register;
pub use semaphore::Semaphore;
pub use set::Set;
pub use stack::Stack;
pub use unique_ids::UniqueIds;

use crate::history::Value;
use std::fmt;
use std::hash::Hash;

/// One operation as a model sees it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The function's name.
    pub function: &'a str,
    /// What went in.
    pub input: &'a Value,
    /// What came out; `None` when nobody knows (the operation crashed or is still running).
    pub output: Option<&'a Value>,
    /// A number for the process that called, for objects that care who calls (locks).
    pub process: u32,
}

/// A function or value that a model has no rule for; the text says what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(pub String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsupported {}

/// The sequential rule of an object. At most five methods, three of them required.
///
/// ```
/// use causet_checkers::history::{HistoryBuilder, Completion, Value};
/// use causet_checkers::models::{Call, Model, Unsupported};
///
/// /// A coin that shows a side when it is tossed: which one is not determined.
/// struct Coin;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// enum Use { Toss, Look(Option<bool>) }
///
/// impl Model for Coin {
///     type State = bool;
///     type Op = Use;
///     fn parse(&self, call: &Call<'_>) -> Result<Use, Unsupported> {
///         match call.function {
///             "toss" => Ok(Use::Toss),
///             "look" => Ok(Use::Look(call.output.and_then(Value::as_bool))),
///             other => Err(Unsupported(format!("a coin has toss and look, not {other}"))),
///         }
///     }
///     fn initial(&self) -> bool { false }
///     fn step(&self, side: &bool, op: &Use, next: &mut Vec<bool>) {
///         match op {
///             Use::Toss => next.extend([false, true]),
///             Use::Look(seen) if seen.is_none_or(|seen| seen == *side) => next.push(*side),
///             Use::Look(_) => {}
///         }
///     }
///     fn is_pure(&self, op: &Use) -> bool { matches!(op, Use::Look(_)) }
/// }
///
/// let mut history = HistoryBuilder::new();
/// for (f, output) in [("toss", Value::Nil), ("look", true.into()), ("toss", Value::Nil), ("look", false.into())] {
///     history.invoke("ann", f, Value::Nil, Value::Nil, None)?;
///     history.complete("ann", f, Completion::Ok(output), None)?;
/// }
/// let verdict = causet_checkers::check_model(&history.finish(), &Coin, &Default::default());
/// assert_eq!(verdict.id(), "holds");
/// # Ok::<(), causet_checkers::history::Malformed>(())
/// ```
pub trait Model: Send + Sync + 'static {
    /// What the object remembers.
    type State: Clone + Eq + Hash + fmt::Debug + Send;
    /// An operation with its input and, where known, its output. Two equal ones must be
    /// interchangeable: engines treat them as one class.
    type Op: Clone + Eq + Hash + fmt::Debug + Send;

    /// Reads an operation of a history.
    ///
    /// # Errors
    /// [`Unsupported`], for what the model has no rule for; the whole verdict is then unknown.
    fn parse(&self, call: &Call<'_>) -> Result<Self::Op, Unsupported>;

    /// The state before all operations.
    fn initial(&self) -> Self::State;

    /// Pushes every state in which `op`, with its output, may leave the object; none if `op` can't
    /// happen in `state`. An operation without known output may happen with any output.
    fn step(&self, state: &Self::State, op: &Self::Op, next: &mut Vec<Self::State>);

    /// Whether `op` never changes any state. Must not claim more than is true.
    fn is_pure(&self, op: &Self::Op) -> bool {
        let _ = op;
        false
    }

    /// The state in words.
    fn describe(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }
}

/// The registry: every model there is.
pub fn all() -> &'static [&'static ModelEntry] {
    static ALL: &[&ModelEntry] = &[
        &register::ENTRY,
        &cas_register::ENTRY,
        &consensus::ENTRY,
        &multi_register::ENTRY,
        &kv::ENTRY,
        &counter::ENTRY,
        &counter::PN_ENTRY,
        &set::ENTRY,
        &set::G_ENTRY,
        &fifo_queue::ENTRY,
        &stack::ENTRY,
        &priority_queue::ENTRY,
        &mutex::ENTRY,
        &mutex::OWNER_ENTRY,
        &mutex::REENTRANT_ENTRY,
        &fenced_lock::ENTRY,
        &semaphore::ENTRY,
        &unique_ids::ENTRY,
        &append_log::ENTRY,
        &bank::ENTRY,
    ];
    ALL
}

/// The model with this id.
pub fn find(id: &str) -> Option<&'static ModelEntry> {
    all().iter().copied().find(|entry| entry.id == id)
}
