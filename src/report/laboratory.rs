//! The parts of the text report that tell of runs: the story, the seeds, the kill matrix.

use super::Look;
use super::numbers::{count, counted, duration};
use crate::outcome::{FaultSummary, MutantRow, SeedSearch, Simulation, StoryLine, Wrong};
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();
const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// One run.
pub(super) fn simulation(out: &mut String, of: &Simulation, look: &Look) {
    let bug = of.mutant.map_or_else(String::new, |mutant| format!(", with the bug `{mutant}` in it"));
    let (servers, clients) = (counted(of.servers, "server"), counted(of.clients, "client"));
    let _ = writeln!(out, "{HEAD}{}{HEAD:#} on {servers} with {clients}, seed {}{bug}", of.system, of.seed);
    if look.verbosity >= 0 {
        let time = duration(of.virtual_ns);
        let _ = writeln!(
            out,
            "{} and {} in {time} of simulated time",
            counted(of.events, "event"),
            counted(of.messages, "message")
        );
        faults(out, &of.faults, "window");
        story(out, &of.story, look);
    }
    let total = of.ok + of.failed + of.unknown;
    let parts = format!("{} ok, {} failed, {} unknown", count(of.ok), count(of.failed), count(of.unknown));
    let _ = writeln!(out, "\n{}: {parts}", counted(total, "operation"));
    wrong(out, &of.wrong, "");
    if let Some(why) = &of.unjudged {
        let _ = writeln!(out, "{ODD}? history{ODD:#}: not judged: {why}");
    }
}

/// What to do with a run.
pub(super) fn afterwards(out: &mut String, files: &[String], next: &[String], look: &Look) {
    if look.verbosity < 0 {
        return;
    }
    if !files.is_empty() {
        let _ = writeln!(out, "\n{DIM}written:{DIM:#} {}", files.join("  "));
    }
    for (at, command) in next.iter().enumerate() {
        let _ = writeln!(out, "{DIM}{}{DIM:#} {command}", if at == 0 { "next:" } else { "     " });
    }
}

fn faults(out: &mut String, faults: &[FaultSummary], unit: &str) {
    if faults.is_empty() {
        let _ = writeln!(out, "no faults");
        return;
    }
    let each = |fault: &FaultSummary| {
        format!("{} ({}, acted {} times)", fault.kind, counted(fault.windows, unit), count(fault.activations))
    };
    let _ = writeln!(out, "faults: {}", faults.iter().map(each).collect::<Vec<_>>().join(", "));
}

fn story(out: &mut String, lines: &[StoryLine], look: &Look) {
    if lines.is_empty() {
        return;
    }
    out.push('\n');
    let told = if look.verbosity > 0 { usize::MAX } else { look.limit.map_or(usize::MAX, |limit| limit * 2) };
    let width = lines.iter().map(|line| line.node.len()).max().unwrap_or(0);
    for line in lines.iter().take(told) {
        let time = format!("{:.3} s", line.time_ns as f64 / 1e9);
        let (style, mark) = if line.fault { (ODD, "⚡") } else { (Style::new(), " ") };
        let _ = writeln!(out, "{DIM}{time:>10}{DIM:#} {style}{mark} {:width$}  {}{style:#}", line.node, line.text);
    }
    if lines.len() > told {
        let _ = writeln!(out, "{DIM}{:>10}   and {} more (-v tells all){DIM:#}", "…", lines.len() - told);
    }
}

fn wrong(out: &mut String, wrong: &[Wrong], indent: &str) {
    for Wrong { by, property, detail } in wrong {
        let _ = writeln!(out, "{indent}{BAD}✗ {by}{BAD:#}: {property}: {detail}");
    }
}

/// A range of seeds.
pub(super) fn search(out: &mut String, of: &SeedSearch, look: &Look) {
    let bug = of.mutant.map_or_else(String::new, |mutant| format!(" with the bug `{mutant}`"));
    let (seeds, operations) = (counted(of.seeds, "seed"), counted(of.operations, "operation"));
    let _ = writeln!(out, "{HEAD}{}{HEAD:#}{bug}: {seeds}, {operations}, {}", of.system, counted(of.events, "event"));
    if look.verbosity >= 0 {
        faults(out, &of.faults, "seed");
    }
    match of.failures.len() {
        0 => {
            let _ = writeln!(out, "{GOOD}✓{GOOD:#} no seed went wrong");
        }
        failed => {
            let _ = writeln!(out, "{BAD}✗ {} of {seeds} went wrong{BAD:#}", count(failed as u64));
        }
    }
    let told = look.limit.unwrap_or(usize::MAX);
    for failure in of.failures.iter().take(told) {
        let _ = writeln!(out, "  seed {}", failure.seed);
        wrong(out, &failure.wrong, "    ");
    }
    if of.failures.len() > told {
        let _ = writeln!(out, "  {DIM}… and {} more (--limit 0 tells all){DIM:#}", of.failures.len() - told);
    }
    if !of.unknown.is_empty() {
        let seeds: Vec<String> = of.unknown.iter().take(10).map(u64::to_string).collect();
        let _ = writeln!(out, "{ODD}?{ODD:#} {} undecided: {}", of.unknown.len(), seeds.join(", "));
    }
    if let Some((seeds, why)) = &of.unjudged {
        let _ = writeln!(out, "{ODD}?{ODD:#} the history of {} was not judged: {why}", counted(*seeds, "seed"));
    }
}

/// The kill matrix.
pub(super) fn mutants(out: &mut String, rows: &[MutantRow]) {
    let width = rows.iter().map(|row| row.system.len() + row.mutant.len() + 1).max().unwrap_or(0);
    let head = format!("{:width$}  {:>8} {:>8} {:>9} {:>8}", "mutant", "witness", "history", "invariant", "liveness");
    let _ = writeln!(out, "{HEAD}{head} {:>7} {:>9}{HEAD:#}", "seeds", "CPU");
    for row in rows {
        let name = format!("{} {}", row.system, row.mutant);
        let witness = match row.witness {
            None => "–",
            Some(true) => "✓",
            Some(false) => "✗",
        };
        let seeds = |kill: Option<u64>| kill.map_or_else(|| "–".to_owned(), |seeds| format!("#{seeds}"));
        let (history, invariant, liveness) = (seeds(row.history), seeds(row.invariant), seeds(row.liveness));
        let style = if row.found() || row.witness == Some(true) { Style::new() } else { BAD };
        let _ = writeln!(
            out,
            "{style}{name:width$}{style:#}  {witness:>8} {history:>8} {invariant:>9} {liveness:>8} {:>7} {:>9}",
            row.seeds,
            duration((row.cpu_ms * 1e6) as u64),
        );
    }
    let found = rows.iter().filter(|row| row.found()).count();
    let witnessed = rows.iter().filter(|row| row.witness == Some(true)).count();
    let cpu = duration((rows.iter().map(|row| row.cpu_ms).sum::<f64>() * 1e6) as u64);
    let _ = writeln!(
        out,
        "\n{} of {} found by search in {cpu} of CPU time, {} shown by a witness; `#n`: found in the n-th seed",
        found,
        rows.len(),
        witnessed
    );
}
