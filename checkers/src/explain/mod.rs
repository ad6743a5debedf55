//! Counterexamples for people: operations in words, and a picture of when they were.
//!
//! The argument itself is data, in [`crate::verdict::Counterexample`]; it is made where the engines
//! are, in [`crate::properties::linearizability`].

mod timeline;

pub use timeline::{Style, timeline};

use crate::history::{History, Status};

/// An operation in words: `write 1`, `read → 2`, `cas [1, 2] → true`, `dequeue → ?` if it is not
/// known what it answered.
pub fn words(history: &History, index: u32) -> String {
    let op = &history.operations()[index as usize];
    let mut words = String::from(history.function(index as usize));
    if !op.input.is_nil() {
        words.push_str(&format!(" {}", op.input));
    }
    match op.status {
        Status::Info => words.push_str(" → ?"),
        // An answer that only repeats the input says nothing.
        Status::Ok if op.output == op.input && !op.input.is_nil() => {}
        Status::Ok if !op.output.is_nil() || op.input.is_nil() => words.push_str(&format!(" → {}", op.output)),
        Status::Ok => {}
    }
    words
}
