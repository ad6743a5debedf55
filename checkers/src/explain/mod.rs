//! Counterexamples for people: operations in words, and a picture of when they were.
//!
//! The argument itself is data, in [`crate::verdict::Counterexample`]; it is made where the engines
//! are, in [`crate::properties::linearizability`].

mod timeline;

pub use timeline::{Style, timeline};

use crate::history::{History, Status, Value};
use crate::models::Model;
use crate::verdict::{Counterexample, Verdict};
use std::fmt::Write;

/// An operation in words: `write 1`, `read → 2`, `cas [1, 2] → true`, `dequeue → ?` if it is not
/// known what it answered.
pub fn words(history: &History, index: u32) -> String {
    let op = &history.operations()[index as usize];
    let name = history.function(index as usize);
    let mut words = String::with_capacity(name.len() + 32);
    words.push_str(name);
    let mut add = |before: &str, value: &Value| write!(words, "{before}{value}").expect("a String takes everything");
    if !op.input.is_nil() {
        add(" ", &op.input);
    }
    match op.status {
        Status::Info => words.push_str(" → ?"),
        // An answer that only repeats the input says nothing.
        Status::Ok if op.output == op.input && !op.input.is_nil() => {}
        Status::Ok if !op.output.is_nil() || op.input.is_nil() => add(" → ", &op.output),
        Status::Ok => {}
    }
    words
}

/// A counterexample in words: the argument, and the picture.
pub fn text(history: &History, counterexample: &Counterexample, style: Style) -> String {
    let mut text = String::new();
    for step in &counterexample.because {
        text.push_str(&format!("- {}\n", step.text));
    }
    text.push_str(&timeline(history, counterexample, style));
    text
}

/// What [`crate::assert_linearizable!`] calls.
///
/// # Panics
/// Unless the history is linearizable; the message says why it is not, or why nobody can tell.
#[track_caller]
pub fn assert_linearizable<M: Model>(history: &History, model: &M) {
    match crate::check_model(history, model, &crate::budget::Budget::default()) {
        Verdict::Holds(_) => {}
        Verdict::Unknown(cause) => panic!("not known whether the history is linearizable: {cause}"),
        Verdict::Violated(found) => {
            let texts: Vec<String> = found.iter().map(|found| text(history, found, Style::default())).collect();
            panic!("the history is not linearizable:\n{}", texts.join("\n"));
        }
    }
}
