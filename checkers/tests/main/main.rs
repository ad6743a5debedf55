//! The checkers' one integration binary: what is tested from outside, on many histories.

mod agree;
mod generate;
mod oracle;
mod registry;
