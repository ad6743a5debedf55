//! Consistency checkers for operation histories: linearizability first.
//!
//! A *history* says what clients asked of a system, what they were told, and when. A *model* says
//! what one client alone would be told. A *property* says how far a system with many clients may
//! stray from that. [`check`] answers with a verdict of three values, and with evidence.
//!
//! ```
//! use causet_checkers::history::{Complete, Completion, HistoryBuilder, Value};
//! use causet_checkers::{Query, check};
//!
//! let mut history = HistoryBuilder::new();
//! for (process, function, input, output, call, ret) in [
//!     ("ann", "write", Value::Int(1), Value::Nil, 0, 10),
//!     ("ann", "write", Value::Int(2), Value::Nil, 20, 30),
//!     ("bob", "read", Value::Nil, Value::Int(1), 40, 50), // too late for 1
//! ] {
//!     let completion = Completion::Ok(output);
//!     history.operation(Complete { process, function, key: Value::Nil, input, call, ret: Some(ret), completion })?;
//! }
//! let outcome = check(&history.finish(), &Query { model: Some("register"), ..Query::default() })?;
//! assert_eq!(outcome.verdict.id(), "violated");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A map: [`history`] is the input, [`verdict`] the output, [`budget`] the limits; [`models`] and
//! [`properties`] are registries, one file for each entry; [`explain`] turns evidence into words.
//!
//! Nothing here reads a file or a clock, starts a thread of its own (partitions run on rayon's), or
//! depends on the number of threads.

pub mod budget;
pub mod explain;
pub mod history;
pub mod models;
pub mod properties;
mod query;
pub mod verdict;

pub use query::{Outcome, Query, QueryError, Shrink};

/// Judges a history. Partitions are decided in parallel; the answer does not depend on that.
///
/// An operation that the model does not know makes the verdict unknown, and so does a limit; a
/// history without operations holds.
///
/// # Errors
/// [`QueryError`], when the question itself makes no sense.
pub fn check(history: &history::History, query: &Query<'_>) -> Result<Outcome, QueryError> {
    query::run(history, query)
}

/// Judges a history by a rule of your own, each key as an object of its own.
pub fn check_model<M: models::Model>(
    history: &history::History,
    model: &M,
    budget: &budget::Budget,
) -> verdict::Verdict {
    query::run_model(model, history, budget)
}

/// Panics, readably, unless a history is linearizable: `assert_linearizable!(history, Register)`.
///
/// The model is a type that has a default, or an expression (a variable in parentheses).
///
/// ```should_panic
/// use causet_checkers::{assert_linearizable, history::{Completion, HistoryBuilder, Value}, models::Register};
///
/// let mut history = HistoryBuilder::new();
/// history.invoke("ann", "read", Value::Nil, Value::Nil, None).unwrap();
/// history.complete("ann", "read", Completion::Ok(Value::Int(2)), None).unwrap();
/// let history = history.finish();
/// assert_linearizable!(history, Register { initial: Value::Int(2) }); // fine
/// assert_linearizable!(history, Register); // `read → 2` can't happen in null
/// ```
#[macro_export]
macro_rules! assert_linearizable {
    ($history:expr, $model:path $(,)?) => {
        $crate::explain::assert_linearizable(
            ::core::borrow::Borrow::borrow(&$history),
            &<$model as ::core::default::Default>::default(),
        )
    };
    ($history:expr, $model:expr $(,)?) => {
        $crate::explain::assert_linearizable(::core::borrow::Borrow::borrow(&$history), &$model)
    };
}
