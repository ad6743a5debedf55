//! The checkers' one integration binary: what is tested from outside, on many histories.

mod agree;
mod exact;
mod generate;
mod limits;
mod metamorphic;
mod oracle;
mod registry;
mod stream;
