//! The one integration-test binary; its modules are beside it.

mod cli;
mod collector;
mod configuration;
mod data;
mod docs;
mod gate;
mod looking;
mod pipeline;
mod reports;
mod robustness;
mod round_trips;
mod scripts;
mod simulation;
mod tidy;
mod trace_context;
mod tracers;
