//! `text`: for people at a terminal.

use super::cases::meanwhile;
use super::numbers::{count, counted};
use super::printable::printable;
use super::timeline::timeline;
use super::{Look, Renderer, laboratory, order, overview, text_gate, waterfall};
use crate::outcome::{Answer, CheckResult, Counterexample, ExcuseKind, Report};
use crate::registry::Entry;
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

/// The renderer.
pub struct Text;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();
pub(super) const HEAD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();

/// How many counterexamples are told in full; the others are named.
const TOLD: usize = 3;

impl Renderer for Text {
    fn entry(&self) -> Entry {
        Entry {
            id: "text",
            summary: "For people at a terminal: an overview that fits a screen, violations explained",
            documentation: "# text\n\nThe default report. Tables are cut to `--limit` rows and say how many they leave out; `-v` tells \
                            every counterexample and every skipped piece of input, `-q` only the verdicts.\n",
            example: "causet analyze traces.jsonl",
        }
    }

    fn render(&self, report: &Report, look: &Look) -> String {
        let report = &printable(report);
        let mut out = String::new();
        skipped(&mut out, report, look);
        if let Some(gate) = &report.gate {
            if !report.results.is_empty() {
                results(&mut out, report, look);
            }
            text_gate::gate(&mut out, report, gate, look);
            cause(&mut out, report);
            return out;
        }
        if let Some(analysis) = &report.analysis
            && analysis.summary.traces > 0
        {
            match &analysis.trace {
                Some(trace) => {
                    let mut below = String::new();
                    overview::beside(&mut below, report, analysis, look);
                    let taken = out.lines().count() + below.lines().count() + overview::next_lines(report, look) + 1;
                    let room = look.height.map(|height| usize::from(height).saturating_sub(taken));
                    waterfall::text(&mut out, report, trace, look, room);
                    out.push_str(&below);
                }
                None => overview::overview(&mut out, report, analysis, look),
            }
            laboratory::afterwards(&mut out, &[], &report.next, look);
        }
        if let Some(order) = &report.order {
            order::text(&mut out, order, look);
        }
        if let Some(simulation) = &report.simulation {
            laboratory::simulation(&mut out, simulation, look);
        }
        if let Some(search) = &report.search {
            laboratory::search(&mut out, search, look);
        }
        if !report.mutants.is_empty() {
            laboratory::mutants(&mut out, &report.mutants);
        }
        if !report.results.is_empty() {
            results(&mut out, report, look);
        }
        if let Some(simulation) = &report.simulation {
            laboratory::afterwards(&mut out, &simulation.files, &simulation.next, look);
        }
        if let Some(search) = &report.search {
            laboratory::afterwards(&mut out, &search.files, &search.next, look);
        }
        if report.results.is_empty() && report.answer() == Answer::Empty {
            overview::account(&mut out, report, look);
            let _ = writeln!(out, "{DIM}∅{DIM:#} nothing to {}", report.command);
        }
        cause(&mut out, report);
        out
    }
}

fn cause(out: &mut String, report: &Report) {
    if let Some((kind, detail)) = &report.cause {
        let _ = writeln!(out, "{ODD}? unknown{ODD:#}: {kind}: {detail}");
    }
}

fn skipped(out: &mut String, report: &Report, look: &Look) {
    // An overview leaves room for more than this.
    let height = look.height.filter(|_| report.analysis.is_some());
    let inputs: Vec<_> = report.inputs.iter().filter(|input| input.skipped_total > 0).collect();
    let (told, shown) = match height {
        Some(height) if inputs.len() == 1 => (usize::from(height / 12).min(3), 1),
        Some(_) => (0, 3),
        None => (if look.verbosity > 0 { usize::MAX } else { 3 }, usize::MAX),
    };
    for input in inputs.iter().take(shown) {
        let _ = writeln!(out, "{ODD}! {}{ODD:#}: {} skipped", input.path, counted(input.skipped_total, "piece"));
        if look.verbosity < 0 {
            continue;
        }
        for (position, reason) in input.skipped.iter().take(told) {
            let line = format!("    {position}: {reason}");
            let width = if height.is_some() { usize::from(look.width) } else { usize::MAX };
            let _ = writeln!(out, "{}", shortened(&line, width));
        }
        let rest = input.skipped_total - (input.skipped.len().min(told) as u64);
        if rest > 0 && told > 0 {
            let _ = writeln!(out, "    {DIM}… and {} more (-v tells the first 1,000){DIM:#}", count(rest));
        }
    }
    if inputs.len() > shown {
        let more = counted((inputs.len() - shown) as u64, "more input");
        let _ = writeln!(out, "{ODD}!{ODD:#} {more} with pieces skipped {DIM}(-v tells which){DIM:#}");
    }
}

/// A name cut in its middle: both ends tell names apart.
pub(super) fn shortened(name: &str, width: usize) -> String {
    let length = name.chars().count();
    if length <= width {
        return name.to_owned();
    }
    let (head, tail) = ((width - 1) / 2, width - 1 - (width - 1) / 2);
    name.chars().take(head).chain(['…']).chain(name.chars().skip(length - tail)).collect()
}

// ---- check -----------------------------------------------------------------------------------------------------

pub(super) fn mark(answer: Answer) -> (Style, char) {
    match answer {
        Answer::Holds => (GOOD, '✓'),
        Answer::Violated | Answer::Error => (BAD, '✗'),
        Answer::Unknown => (ODD, '?'),
        Answer::Empty => (DIM, '∅'),
    }
}

fn results(out: &mut String, report: &Report, look: &Look) {
    let width = report.results.iter().map(|result| result.input.chars().count()).max().unwrap_or(0);
    let mut told = 0;
    for result in &report.results {
        let excuse = report.excuse_of(result);
        // What is suppressed is hidden; the last line counts it.
        if look.verbosity <= 0 && excuse.is_some_and(|excuse| excuse.kind == ExcuseKind::Suppressed) {
            continue;
        }
        let (style, sign) = if excuse.is_some() || result.tolerated { (DIM, '~') } else { mark(result.answer) };
        let check = if result.check.is_empty() { String::new() } else { format!("{}: ", result.check) };
        let known = excuse.map_or_else(String::new, |excuse| format!(", {}: {}", excuse.kind.id(), excuse.reason));
        let pending = if result.pending > 0 { format!(", {} pending", count(result.pending)) } else { String::new() };
        let partitions =
            if result.partitions > 1 { format!(", {}", counted(result.partitions, "key")) } else { String::new() };
        let took = if look.verbosity > 0 { format!(", {:.1} ms", result.elapsed_ms) } else { String::new() };
        let question = format!("{} {}", result.property, result.model);
        let about = match result.operations {
            0 if result.model.is_empty() && result.answer != Answer::Empty => result.property.to_owned(),
            number => format!("{}, {}", question.trim_end(), counted(number, "operation")),
        };
        let undecided =
            if result.undecided > 0 { format!(", {} undecided", count(result.undecided)) } else { String::new() };
        let _ = writeln!(
            out,
            "{style}{sign} {:<8}{style:#} {:<width$}  {DIM}{check}{about}{pending}{partitions}{undecided}{took}{known}{DIM:#}",
            result.answer.id(),
            result.input,
        );
        if let Some((kind, detail)) = &result.cause {
            let _ = writeln!(out, "    {kind}: {detail}");
        }
        if look.verbosity >= 0 && result.answer == Answer::Empty && is_of_traces(report, result) {
            let _ = writeln!(
                out,
                "    no span carries an operation (`causet.op.f`); [extract] in causet.toml makes some of others"
            );
        }
        if look.verbosity < 0 || result.counterexamples.is_empty() {
            continue;
        }
        if told < TOLD || look.verbosity > 0 {
            told += 1;
            explain(out, report, result, look);
        }
    }
    totals(out, report, look, told);
}

/// Whether a result is of the operations that spans carry: of one file, or of all traces of a gate together.
fn is_of_traces(report: &Report, result: &CheckResult) -> bool {
    let input = report.inputs.iter().find(|input| input.path == result.input);
    input.map_or(report.analysis.is_some(), |input| input.spans > 0)
}

fn totals(out: &mut String, report: &Report, look: &Look, told: usize) {
    let number = |answer| report.results.iter().filter(|result| result.answer == answer).count();
    let violated = number(Answer::Violated);
    if violated > told && look.verbosity >= 0 {
        let _ = writeln!(out, "{DIM}{} of {violated} violations explained; -v explains all{DIM:#}", told);
    }
    if report.results.len() > 1 {
        let words = [Answer::Holds, Answer::Violated, Answer::Unknown, Answer::Empty, Answer::Error];
        let parts: Vec<String> = (words.into_iter())
            .filter(|answer| number(*answer) > 0)
            .map(|answer| {
                let (style, _) = mark(answer);
                format!("{style}{} {}{style:#}", number(answer), answer.id())
            })
            .collect();
        let _ = writeln!(out, "{HEAD}{}{HEAD:#}: {}", counted(report.results.len() as u64, "result"), parts.join(", "));
    }
}

fn explain(out: &mut String, report: &Report, result: &CheckResult, look: &Look) {
    let limit = if look.verbosity > 0 { usize::MAX } else { TOLD };
    // What counts comes before what is known; what is suppressed is hidden.
    let excuse = |example: &Counterexample| report.excuse(&example.fingerprint).map(|excuse| excuse.kind);
    let hidden = |kind: Option<ExcuseKind>| look.verbosity <= 0 && kind == Some(ExcuseKind::Suppressed);
    let mut shown: Vec<&Counterexample> =
        result.counterexamples.iter().filter(|example| !hidden(excuse(example))).collect();
    shown.sort_by_key(|example| excuse(example).is_some());
    for example in shown.iter().take(limit) {
        explain_one(out, report, example, report.excuse_of(result).is_some(), look);
    }
    if shown.len() > limit {
        let keys: Vec<String> = (shown[limit..].iter())
            .take(10)
            .filter_map(|example| example.partition.as_ref().map(ToString::to_string))
            .collect();
        let more = shown.len() - limit;
        let _ = writeln!(out, "    {DIM}… and {more} more keys: {}{DIM:#}", keys.join(", "));
    }
}

/// One key. Where the `whole` result is excused, its line has said so.
fn explain_one(out: &mut String, report: &Report, example: &Counterexample, whole: bool, look: &Look) {
    if let Some(key) = &example.partition {
        let excuse = report.excuse(&example.fingerprint).filter(|_| !whole);
        let known = excuse.map_or_else(String::new, |excuse| format!("  {DIM}{}{DIM:#}", excuse.kind.id()));
        let _ = writeln!(out, "    key {key}{known}");
    }
    for step in &example.because {
        let _ = writeln!(out, "    • {}", step.text);
    }
    // The story of a run has told its faults.
    for line in meanwhile(example).iter().filter(|_| report.simulation.is_none()) {
        let _ = writeln!(out, "    {ODD}⚡{ODD:#} {line}");
    }
    // A picture of more operations than this is no picture.
    if example.operations.len() <= 24 {
        out.push_str(&timeline(&example.operations, example.failed_at, usize::from(look.width)));
    }
}
