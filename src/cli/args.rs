//! The arguments, as clap reads them. What they mean is in `commands/`.

use super::commands;
use crate::config::units::{duration, size};
use crate::formats::KeyMode;
use crate::outcome::Severity;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::time::Duration;

/// Did the distributed system do the right thing, and if not, why?
#[derive(Debug, Parser)]
#[command(name = "causet", version, about, after_help = super::exit::HELP, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// See the main job done on data that is built in
    Demo(commands::demo::Arguments),
    /// Look at traces: overview, causal order, critical paths, findings
    Analyze(commands::analyze::Arguments),
    /// Judge histories, or traces that carry operations: a verdict per property
    Check(commands::check::Arguments),
    /// Run an included algorithm under faults: history, traces, ground truth, verdict
    Simulate(commands::simulate::Arguments),
    /// The kill matrix: which known bug is found by what, and how fast
    Mutants(commands::mutants::Arguments),
    /// How two spans stand to each other in the causal order, and why; or what is concurrent with one
    Order(commands::order::Arguments),
    /// Turn one format into another
    Convert(commands::convert::Arguments),
    /// Do what causet.toml asks for, and exit with the verdict: for CI
    Gate(commands::gate::Arguments),
    /// Write a commented causet.toml
    Init(commands::init::Arguments),
    /// Show the configuration as it is understood
    Config(commands::config::Arguments),
    /// Keep what is known to be wrong in causet-baseline.json
    Baseline(commands::baseline::Arguments),
    /// List a registry: formats, models, systems, mutants, faults, detectors …
    List(commands::list::Arguments),
    /// Print the documentation of any registry entry
    Explain(commands::explain::Arguments),
    /// Print what is generated from the program itself: man page, completions, JSON Schema
    Generate(commands::generate::Arguments),
}

/// For every verb.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Say less
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How many threads, up to 1024 [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Give up after this long, such as 500ms, 30s or 5m; what is not finished is `unknown`
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Give up beyond this much memory, such as 512MiB or 4GB; what is not finished is `unknown`
    #[arg(long, global = true, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// For verbs that read something.
#[derive(Clone, Debug, Args)]
pub(super) struct Inputs {
    /// Files, folders, globs, or - for standard input; .gz and .zst are read as they are
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// Read as this format instead of recognising it (see `causet list formats`)
    #[arg(long, value_name = "ID")]
    pub input_format: Option<String>,
    /// How a log with vector clocks looks (`shiviz`): a regex with groups (?<host>…), (?<clock>…) and (?<event>…)
    #[arg(long, value_name = "REGEX", value_parser = crate::formats::log_regex)]
    pub log_regex: Option<regex::Regex>,
    /// Treat anything that can't be read as an error
    #[arg(long)]
    pub strict: bool,
}

/// For verbs that look at causet.toml.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Configuration {
    /// This file, instead of the nearest causet.toml in the working folder or above
    #[arg(long, value_name = "PATH")]
    pub config: Option<std::path::PathBuf>,
    /// No file at all
    #[arg(long, conflicts_with = "config")]
    pub no_config: bool,
}

/// For verbs that report and gate.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Reports and exit code")]
pub(super) struct Reporting {
    /// Write this report (see `causet list reports`), to a file or to standard output; repeatable
    #[arg(long, value_name = "FORMAT[=PATH]")]
    pub report: Vec<String>,
    /// Rows of each table, in every report of analyze and in the text of others, and findings in text; 0 for all
    /// [default: what fits the screen, else 15]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// What an unknown verdict means
    #[arg(long, value_enum, default_value_t = Inconclusive::Fail, value_name = "WHAT")]
    pub inconclusive: Inconclusive,
    /// Nothing to check is fine
    #[arg(long)]
    pub allow_empty: bool,
    /// Report, but exit with 0 whatever was found
    #[arg(long)]
    pub exit_zero: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub(super) enum Inconclusive {
    /// Exit with 3
    Fail,
    /// Exit with 0
    Pass,
}

/// `--key`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Key {
    /// Pairs are [key value] when every operation's value is one
    Auto,
    /// Values are [key value]
    Tuple,
    /// Values are values
    None,
}

impl From<Key> for KeyMode {
    fn from(key: Key) -> Self {
        match key {
            Key::Auto => Self::Auto,
            Key::Tuple => Self::Tuple,
            Key::None => Self::None,
        }
    }
}

/// A severity by name.
pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let found = Severity::ALL.into_iter().find(|severity| severity.id() == text);
    found.ok_or_else(|| "expected low, medium, high or critical".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
