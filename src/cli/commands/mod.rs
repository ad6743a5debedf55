//! One file per verb: its arguments and what it does.

pub(super) mod analyze;
pub(super) mod baseline;
pub(super) mod check;
pub(super) mod config;
pub(super) mod convert;
pub(super) mod demo;
pub(super) mod explain;
pub(super) mod gate;
mod gate_plan;
pub(super) mod generate;
pub(super) mod init;
pub(super) mod list;
pub(super) mod mutants;
pub(super) mod order;
mod registries;
pub(super) mod simulate;

pub(super) use registries::rules;
