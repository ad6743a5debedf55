//! Causet: did the distributed system do the right thing, and if not, why?
pub mod algorithms;
pub mod causal;
pub mod cli;
pub mod config;
pub mod detect;
pub mod extract;
pub mod formats;
pub mod gate;
pub mod lab;
pub mod node;
pub mod outcome;
pub mod registry;
pub mod report;
pub mod sim;
pub mod store;
pub mod trace_context;
