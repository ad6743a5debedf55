//! The gate: whether traces and histories are what `causet.toml` asks for.
//!
//! An expectation is text ([`syntax`]), then a tree whose names are all known (`names.rs`), then an
//! answer (`judge.rs`, `measure.rs`). What is known and accepted is in [`baseline`] and [`suppress`];
//! `rules.rs` turns configured extraction rules into those of [`crate::extract`]. All of it is pure: whoever
//! has files and a clock brings them.

pub mod baseline;
pub mod complete;
mod condition;
pub mod judge;
mod measure;
pub mod rules;
pub mod suppress;
pub mod syntax;

pub use judge::{Expectation, contradictions, judge, parse};

/// The documentation of the expression language and the file, for `causet explain gate`.
pub const DOCUMENTATION: &str = include_str!("documentation.md");
