//! Consistency checkers for operation histories.

pub mod budget;
pub mod history;
pub mod verdict;
