//! Operation histories: what clients asked of a system, what they were told, and when.
//!
//! A [`History`] is a list of [`Operation`]s with interned function and process names. It is made by
//! a [`HistoryBuilder`], from events (`invoke`, then `ok`, `fail` or `info`) or from complete
//! operations, and never changes afterwards. Nothing here reads files or clocks; the values are
//! [`Value`]s, filled by whoever parsed the input.

mod builder;
mod operation;
mod value;

pub use builder::{Complete, Completion, HistoryBuilder, Malformed};
pub use operation::{History, Names, OPEN, Operation, Status};
pub use value::{Float, Value};
