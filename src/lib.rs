//! Causet: did the distributed system do the right thing, and if not, why?
pub mod causal;
pub mod formats;
pub mod registry;
pub mod store;
