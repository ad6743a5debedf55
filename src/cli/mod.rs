//! The command line: the only place that prints and the only place that exits.
//!
//! One file per verb in `commands/`. A verb makes a [`Report`](crate::outcome::Report); `output.rs` renders
//! it wherever `--report` says, and `exit.rs` turns its answer into the exit code. Limits are watched here,
//! because nothing below the command line reads a clock.

#![expect(clippy::disallowed_methods, reason = "the command line is where clocks and threads are")]

mod args;
mod commands;
mod exit;
mod faults;
mod filter;
mod inputs;
mod limits;
mod locate;
mod output;
mod progress;

use args::{Cli, Command};
use clap::{CommandFactory, FromArgMatches};
use std::panic::UnwindSafe;
use std::process::ExitCode;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    limit_frame_threads(cli.global.threads);
    output::choose_color(cli.global.color);
    install_panic_hook();
    if let Err(error) = ctrlc::set_handler(limits::interrupt) {
        output::note(&format!("causet: interrupts are not handled: {error}"));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(cli.global.threads.map_or(0, usize::from))
        // Debug builds need room for the nesting that readers allow.
        .stack_size(16 << 20);
    if let Err(error) = pool.build_global() {
        output::note(&format!("causet: can't start threads: {error}"));
        return ExitCode::from(exit::USAGE);
    }
    ExitCode::from(limits::code(unless_bug(|| run(&cli))))
}

/// The exit code of a verb; a panic in it is a bug of ours, and has one of its own.
fn unless_bug(verb: impl FnOnce() -> u8 + UnwindSafe) -> u8 {
    std::panic::catch_unwind(verb).unwrap_or(exit::BUG)
}

/// Carries out a verb; one that can't even begin to report says why.
fn run(cli: &Cli) -> u8 {
    let global = &cli.global;
    let code = match &cli.command {
        Command::Demo(args) => Ok(commands::demo::run(args, global)),
        Command::Analyze(args) => commands::analyze::run(args, global),
        Command::Check(args) => commands::check::run(args, global),
        Command::Simulate(args) => commands::simulate::run(args, global),
        Command::Mutants(args) => commands::mutants::run(args, global),
        Command::Order(args) => commands::order::run(args, global),
        Command::Convert(args) => commands::convert::run(args, global),
        Command::Gate(args) => commands::gate::run(args, global),
        Command::Init(args) => commands::init::run(args),
        Command::Config(args) => commands::config::run(args),
        Command::Baseline(args) => commands::baseline::run(args, global),
        Command::List(args) => commands::list::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Generate(args) => Ok(commands::generate::run(args)),
    };
    code.unwrap_or_else(|message| {
        output::complain(&message);
        exit::USAGE
    })
}

/// The frame library has a pool of its own, which only its environment variable limits.
fn limit_frame_threads(threads: Option<u16>) {
    if let Some(threads) = threads {
        #[expect(unsafe_code, reason = "there is no other way to tell it")]
        // SAFETY: called at the very beginning, before there is a second thread that could read the environment.
        unsafe {
            std::env::set_var("POLARS_MAX_THREADS", threads.to_string());
        }
    }
}

/// A panic is a bug of ours, and says so; the place helps whoever mends it.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        // The Parquet decoder panics on damaged files; that is caught and reported as damage.
        if place.contains("polars") && crate::store::frames::is_decoding() {
            return;
        }
        // So is a panic of a simulated node: as an invariant that does not hold.
        if crate::node::is_guarded(|| place.trim_start_matches(" at ").to_owned()) {
            return;
        }
        let payload = panic.payload();
        let message = payload.downcast_ref::<&str>().copied().map(str::to_owned);
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        output::note(&format!(
            "causet: this is a bug in causet{place}: {message}\n\
             Please report it, with the command and, if you can, the input."
        ));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Runs itself as a process of its own that has a bug, as `main` would.
    #[test]
    fn a_bug_of_ours_says_so_and_ends_with_its_own_code() {
        const INSIDE: &str = "CAUSET_TEST_OF_A_BUG";
        if std::env::var_os(INSIDE).is_some() {
            install_panic_hook();
            std::process::exit(unless_bug(|| panic!("on purpose")).into());
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cli::tests::a_bug_of_ours_says_so_and_ends_with_its_own_code", "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(70), "{said}");
        assert!(said.contains("causet: this is a bug in causet at ") && said.contains(": on purpose\n"), "{said}");
        assert!(said.contains("Please report it"), "{said}");
    }
}
