//! `text`: for people at a terminal.

use super::cases::meanwhile;
use super::numbers::{count, counted, duration, moment, share};
use super::printable::printable;
use super::timeline::timeline;
use super::{Look, Renderer, laboratory, order, text_gate, waterfall};
use crate::outcome::{
    Analysis, Answer, CausalSummary, CheckResult, Counterexample, ExactSummary, ExcuseKind, Finding, Report, Severity,
    SlowTrace,
};
use crate::registry::Entry;
use anstyle::{AnsiColor, Style};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
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
                Some(trace) => waterfall::text(&mut out, trace, look),
                None => overview(&mut out, analysis),
            }
            if analysis.trace.is_some() && look.verbosity >= 0 {
                causal(&mut out, analysis);
            } else if look.verbosity >= 0 {
                operations(&mut out, analysis, look);
                dependencies(&mut out, analysis, look);
                slowest(&mut out, analysis);
                causal(&mut out, analysis);
            }
            findings(&mut out, &report.findings, look);
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
    for input in report.inputs.iter().filter(|input| input.skipped_total > 0) {
        let _ = writeln!(out, "{ODD}! {}{ODD:#}: {} skipped", input.path, counted(input.skipped_total, "piece"));
        if look.verbosity < 0 {
            continue;
        }
        let told = if look.verbosity > 0 { usize::MAX } else { 3 };
        for (position, reason) in input.skipped.iter().take(told) {
            let _ = writeln!(out, "    {position}: {reason}");
        }
        let rest = input.skipped_total - (input.skipped.len().min(told) as u64);
        if rest > 0 {
            let _ = writeln!(out, "    {DIM}… and {} more (-v tells the first 1,000){DIM:#}", count(rest));
        }
    }
}

// ---- analyze ---------------------------------------------------------------------------------------------------

fn overview(out: &mut String, analysis: &Analysis) {
    let summary = &analysis.summary;
    let _ = writeln!(
        out,
        "{HEAD}{} in {} of {}{HEAD:#}, {} ({}) with status error",
        counted(summary.spans, "span"),
        counted(summary.traces, "trace"),
        counted(summary.services, "service"),
        count(summary.errors),
        share(summary.errors, summary.spans),
    );
    let (from, to) = (moment(summary.start_ns), moment(summary.end_ns));
    let _ = writeln!(out, "{from} to {to} UTC ({})", duration(summary.end_ns.saturating_sub(summary.start_ns)));
    if summary.operations > 0 {
        let _ = writeln!(
            out,
            "{} on objects recorded: `causet check` judges them",
            counted(summary.operations, "operation")
        );
    }
}

fn table(look: &Look, columns: &[(&str, CellAlignment)]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(look.width);
    table.set_header(columns.iter().map(|(name, _)| Cell::new(name)));
    for (at, (_, alignment)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(*alignment);
        }
    }
    table
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

/// Prints a titled table of rows, cut to the limit.
fn print_table(
    out: &mut String,
    title: &str,
    look: &Look,
    columns: &[(&str, CellAlignment)],
    rows: impl ExactSizeIterator<Item = Vec<String>>,
) {
    let (total, limit) = (rows.len(), look.limit.unwrap_or(usize::MAX));
    let mut table = table(look, columns);
    table.add_rows(rows.take(limit));
    let _ = writeln!(out, "\n{HEAD}{title}{HEAD:#}");
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if total > limit {
        let _ = writeln!(out, " {DIM}… and {} more (--limit 0 shows all){DIM:#}", count((total - limit) as u64));
    }
}

fn operations(out: &mut String, analysis: &Analysis, look: &Look) {
    use CellAlignment::{Left, Right};
    let columns = [
        ("service", Left),
        ("operation", Left),
        ("calls", Right),
        ("per s", Right),
        ("errors", Right),
        ("p50", Right),
        ("p90", Right),
        ("p99", Right),
        ("max", Right),
        ("self time", Right),
    ];
    let total = analysis.operations.iter().fold(0u64, |sum, row| sum.saturating_add(row.self_total_ns));
    // What the numbers leave of the width is for the names.
    let room = usize::from(look.width).saturating_sub(90).max(24);
    let rows = analysis.operations.iter().map(|row| {
        let service = shortened(&row.service, room * 2 / 5);
        let operation = shortened(&row.operation, room - service.chars().count());
        vec![
            service,
            operation,
            count(row.count),
            format!("{:.2}", row.rate),
            if row.errors == 0 { "–".into() } else { share(row.errors, row.count) },
            duration(row.p50_ns),
            duration(row.p90_ns),
            duration(row.p99_ns),
            duration(row.max_ns),
            share(row.self_total_ns, total),
        ]
    });
    print_table(out, "Operations by self time", look, &columns, rows);
}

fn dependencies(out: &mut String, analysis: &Analysis, look: &Look) {
    use CellAlignment::{Left, Right};
    if analysis.dependencies.is_empty() {
        return;
    }
    let columns =
        [("caller", Left), ("callee", Left), ("calls", Right), ("errors", Right), ("p50", Right), ("p99", Right)];
    let rows = analysis.dependencies.iter().map(|row| {
        vec![
            row.caller.clone(),
            format!("→ {}", row.callee),
            count(row.calls),
            if row.errors == 0 { "–".into() } else { share(row.errors, row.calls) },
            duration(row.p50_ns),
            duration(row.p99_ns),
        ]
    });
    print_table(out, "Who calls whom", look, &columns, rows);
}

fn slowest(out: &mut String, analysis: &Analysis) {
    let _ = writeln!(out, "\n{HEAD}Slowest traces, and what they waited for{HEAD:#}");
    for trace in &analysis.slowest {
        let SlowTrace { trace_id, root, duration_ns, spans, errors, critical_path } = trace;
        let errors = if *errors > 0 { format!(", {}", counted(*errors, "error")) } else { String::new() };
        let _ = writeln!(
            out,
            " {:>8}  {} {}  {DIM}{}{errors}, trace {trace_id}{DIM:#}",
            duration(*duration_ns),
            root.service,
            root.operation,
            counted(*spans, "span"),
        );
        for step in critical_path.iter().take(3) {
            let percent = format!("{:.0} %", step.share * 100.0);
            let _ = writeln!(out, "   {percent:>6}  {} {}", step.span.service, step.span.operation);
        }
    }
}

fn causal(out: &mut String, analysis: &Analysis) {
    let causal = &analysis.causal;
    let _ = writeln!(out, "\n{HEAD}Causal order{HEAD:#}");
    match &causal.exact {
        Some(exact) => exact_order(out, causal, exact),
        None => {
            let _ = writeln!(
                out,
                " {}, {} certain and {} assumed from timestamps; longest chain {}",
                counted(causal.events, "event"),
                counted(causal.certain_edges, "edge"),
                count(causal.assumed_edges),
                count(causal.depth),
            );
        }
    }
    for problem in &causal.problems {
        let _ = writeln!(
            out,
            " {ODD}!{ODD:#} {} {}: {}  {DIM}span {} of trace {}{DIM:#}",
            count(problem.count),
            problem.id,
            problem.summary,
            problem.span_id,
            problem.trace_id,
        );
    }
}

fn exact_order(out: &mut String, causal: &CausalSummary, exact: &ExactSummary) {
    let _ = writeln!(
        out,
        " exact, as recorded: {} of {} in {}; longest chain {}",
        counted(causal.events, "event"),
        counted(exact.nodes, "node"),
        counted(exact.incarnations, "incarnation"),
        count(causal.depth),
    );
    let _ = writeln!(
        out,
        " {}: {} in program order, {} by message, {} by timer or disk, {} by recovery",
        counted(causal.certain_edges, "edge"),
        count(exact.program_edges),
        count(exact.message_edges),
        count(exact.local_edges),
        count(exact.recovery_edges),
    );
    if exact.unknown_pairs > 0 {
        let _ = writeln!(
            out,
            " {ODD}!{ODD:#} events are missing: of {} looked at, the order of {} ({}) can't be known",
            counted(exact.pairs, "pair"),
            count(exact.unknown_pairs),
            share(exact.unknown_pairs, exact.pairs),
        );
    }
}

fn findings(out: &mut String, findings: &[Finding], look: &Look) {
    let _ = writeln!(out, "\n{HEAD}Findings{HEAD:#}");
    if findings.is_empty() {
        let _ = writeln!(out, " {GOOD}✓{GOOD:#} none");
    }
    let limit = look.limit.unwrap_or(usize::MAX);
    for (at, finding) in findings.iter().enumerate().take(limit) {
        let style = if finding.severity >= Severity::High { BAD } else { ODD };
        let _ = writeln!(
            out,
            " F-{} {style}{}{style:#} {}: {} {}: {}",
            at + 1,
            finding.severity,
            finding.rule,
            finding.service,
            finding.operation,
            finding.title,
        );
        let _ = writeln!(out, "     {DIM}for example span {} of trace {}{DIM:#}", finding.span_id, finding.trace_id);
    }
    if findings.len() > limit {
        let _ = writeln!(out, " {DIM}… and {} more (--limit 0 shows all){DIM:#}", findings.len() - limit);
    }
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
