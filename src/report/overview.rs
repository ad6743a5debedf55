//! The overview of traces, for people: tables that share the rows of a screen.

use super::markup::shorten;
use super::numbers::{count, counted, duration, moment, share};
use super::text::{BAD, DIM, GOOD, HEAD, ODD, shortened};
use super::{Look, filtered};
use crate::outcome::{Analysis, CausalSummary, ExactSummary, Filtered, Finding, Report, Severity, SlowTrace};
use std::fmt::Write;

/// The whole of it. `used` lines of the screen are taken already.
pub(super) fn overview(out: &mut String, report: &Report, analysis: &Analysis, look: &Look) {
    head(out, report, analysis, look);
    if look.verbosity < 0 {
        findings(out, report, look, usize::MAX);
        return;
    }
    let plan = Plan::new(report, analysis, look, out.lines().count());
    operations(out, report, analysis, look, plan.operations);
    dependencies(out, report, analysis, look, plan.dependencies);
    slowest(out, analysis, look, plan.slowest);
    causal(out, analysis, look, plan.causal);
    findings(out, report, look, plan.findings);
}

/// What one trace has beside its waterfall.
pub(super) fn beside(out: &mut String, report: &Report, analysis: &Analysis, look: &Look) {
    let (problems, most) = match look.height {
        None => (Some(usize::MAX), look.limit.unwrap_or(usize::MAX)),
        Some(..30) => (None, 1),
        Some(_) => (Some(2), 3),
    };
    if look.verbosity >= 0 {
        causal(out, analysis, look, problems);
    }
    findings(out, report, look, most);
}

fn head(out: &mut String, report: &Report, analysis: &Analysis, look: &Look) {
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
    if summary.timed {
        let (from, to) = (moment(summary.start_ns), moment(summary.end_ns));
        let _ = writeln!(out, "{from} to {to} UTC ({})", duration(summary.end_ns.saturating_sub(summary.start_ns)));
    } else {
        let _ = writeln!(out, "no times of day: what stands for them only tells the order in each process");
    }
    account(out, report, look);
    if summary.operations > 0 {
        let number = counted(summary.operations, "operation");
        let _ = writeln!(out, "{number} on objects recorded: `causet check` judges them");
    }
}

/// What the filters left out.
pub(super) fn account(out: &mut String, report: &Report, look: &Look) {
    if let Some(text) = report.filtered.as_ref().and_then(filtered::choice) {
        for line in wrapped(&text, usize::from(look.width)) {
            let _ = writeln!(out, "{DIM}{line}{DIM:#}");
        }
    }
}

/// A text in lines of at most so many characters, broken at spaces where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if line.is_empty() {
            *line = shorten(word, width);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(shorten(word, width));
        }
    }
    lines
}

// ---- the screen ------------------------------------------------------------------------------------------------

/// How many rows each part gets. A part with none is left out, with its title.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    operations: usize,
    dependencies: usize,
    slowest: usize,
    /// Problems; the part is left out if there is nothing.
    causal: Option<usize>,
    findings: usize,
}

impl Plan {
    /// Parts grow in turn as long as everything fits on the screen.
    fn new(report: &Report, analysis: &Analysis, look: &Look, used: usize) -> Self {
        let limit = look.limit.unwrap_or(usize::MAX);
        let all = Self {
            operations: analysis.operations.len().min(limit),
            dependencies: analysis.dependencies.len().min(limit),
            slowest: if analysis.summary.timed { analysis.slowest.len() } else { 0 },
            causal: Some(analysis.causal.problems.len()),
            findings: report.findings.len().min(limit),
        };
        let Some(height) = look.height else { return all };
        // The commands that lead on, and the line at which the next one is typed.
        let budget = usize::from(height).saturating_sub(used + next_lines(report, look) + 1);
        let exact = if analysis.causal.exact.is_some() { 2 } else { 0 };
        let cost = |plan: &Self| {
            let table = |rows: usize, total: usize| if rows == 0 { 0 } else { 3 + rows + usize::from(rows < total) };
            let problems = analysis.causal.problems.len();
            table(plan.operations, analysis.operations.len())
                + table(plan.dependencies, analysis.dependencies.len())
                + if plan.slowest == 0 { 0 } else { 2 + plan.slowest }
                + plan.causal.map_or(0, |rows| 3 + exact + rows + usize::from(rows < problems))
                + 2
                + (2 * plan.findings).max(1)
                + usize::from(plan.findings < report.findings.len())
        };
        let mut plan = Self {
            operations: all.operations.min(3),
            slowest: all.slowest.min(1),
            findings: all.findings.min(1),
            ..Self::default()
        };
        let steps: [fn(Self, Self) -> Self; 5] = [
            |plan, all| Self { findings: (plan.findings + 1).min(all.findings), ..plan },
            |plan, all| Self { operations: (plan.operations + 1).min(all.operations), ..plan },
            |plan, all| Self { slowest: (plan.slowest + 1).min(all.slowest), ..plan },
            |plan, all| Self {
                causal: plan.causal.map_or(Some(0), |rows| all.causal.map(|all| all.min(rows + 1))),
                ..plan
            },
            |plan, all| {
                let rows = if plan.dependencies == 0 { 3 } else { plan.dependencies + 1 };
                Self { dependencies: rows.min(all.dependencies), ..plan }
            },
        ];
        loop {
            let before = cost(&plan);
            let mut grew = false;
            for step in steps {
                let more = step(plan, all);
                let same = [more.operations, more.dependencies, more.slowest, more.findings]
                    == [plan.operations, plan.dependencies, plan.slowest, plan.findings]
                    && more.causal == plan.causal;
                if !same && cost(&more) <= budget {
                    (plan, grew) = (more, true);
                }
            }
            if !grew {
                debug_assert!(before >= cost(&plan));
                return plan;
            }
        }
    }
}

// ---- tables ----------------------------------------------------------------------------------------------------

/// Lines that the commands take which lead on: they may be wider than the screen.
pub(super) fn next_lines(report: &Report, look: &Look) -> usize {
    let lines =
        report.next.iter().map(|command| ("next: ".len() + command.chars().count()).div_ceil(usize::from(look.width)));
    lines.sum()
}

/// A titled table. The first columns are names, which are shortened to fit; the others are numbers.
struct Table<'a> {
    title: &'a str,
    names: usize,
    columns: &'a [&'a str],
    rows: Vec<Vec<String>>,
    /// How many rows there are beside these.
    more: u64,
}

impl Table<'_> {
    fn print(mut self, out: &mut String, look: &Look) {
        if self.rows.is_empty() {
            return;
        }
        let widest = |rows: &[Vec<String>], at: usize| {
            let cells = rows.iter().map(|row| row[at].chars().count());
            cells.chain([self.columns[at].chars().count()]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|at| widest(&self.rows, at)).collect();
        let numbers: usize = widths[self.names..].iter().map(|width| width + 2).sum();
        let mut room = usize::from(look.width).saturating_sub(1 + numbers + 2 * (self.names - 1)).max(8 * self.names);
        for at in 0..self.names {
            let others: usize = widths[at + 1..self.names].iter().sum();
            // The last names say the most.
            let fair = if at + 1 == self.names { room } else { (room * 2 / 5).max(room.saturating_sub(others)) };
            widths[at] = widths[at].min(fair);
            room -= widths[at];
            self.rows.iter_mut().for_each(|row| row[at] = shortened(&row[at], widths[at]));
        }
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for (at, cell) in cells.enumerate() {
                let (width, gap) = (widths[at], if at == 0 { 1 } else { 2 });
                let _ = match at < self.names {
                    true => write!(line, "{:gap$}{cell:<width$}", ""),
                    false => write!(line, "{:gap$}{cell:>width$}", ""),
                };
            }
            line.trim_end().to_owned()
        };
        let _ = writeln!(out, "\n{HEAD}{}{HEAD:#}", self.title);
        let _ = writeln!(out, "{}", line(&mut self.columns.iter().copied()));
        for row in &self.rows {
            let _ = writeln!(out, "{}", line(&mut row.iter().map(String::as_str)));
        }
        more(out, self.more);
    }
}

/// How many rows are not shown.
fn more(out: &mut String, rows: u64) {
    if rows > 0 {
        let _ = writeln!(out, " {DIM}… and {} more (--limit 0 shows all){DIM:#}", count(rows));
    }
}

/// How many rows of a table are not shown, or were cut off before.
fn rest(report: &Report, table: &str, total: usize, shown: usize) -> u64 {
    total.saturating_sub(shown) as u64 + report.filtered.as_ref().map_or(0, |filtered: &Filtered| filtered.cut(table))
}

fn operations(out: &mut String, report: &Report, analysis: &Analysis, look: &Look, rows: usize) {
    let more = rest(report, "operations", analysis.operations.len(), rows);
    let errors = |errors, calls| if errors == 0 { "–".into() } else { share(errors, calls) };
    let shown = analysis.operations.iter().take(rows);
    if !analysis.summary.timed {
        let rows = shown.map(|row| {
            vec![row.service.clone(), row.operation.clone(), count(row.count), errors(row.errors, row.count)]
        });
        let columns = &["service", "operation", "spans", "errors"];
        Table { title: "Operations", names: 2, columns, rows: rows.collect(), more }.print(out, look);
        return;
    }
    // The narrower, the fewer numbers.
    let wide = look.width >= 110;
    let mut columns = vec!["service", "operation", "calls", "per s", "errors", "p50", "p90", "p99", "max", "self time"];
    let narrow = |name: &&str| wide || !["per s", "p90", "max"].contains(name);
    let kept: Vec<bool> = columns.iter().map(narrow).collect();
    let rows = shown.map(|row| {
        let cells = vec![
            row.service.clone(),
            row.operation.clone(),
            count(row.count),
            row.rate.map_or("–".into(), |rate| format!("{rate:.2}")),
            errors(row.errors, row.count),
            duration(row.p50_ns),
            duration(row.p90_ns),
            duration(row.p99_ns),
            duration(row.max_ns),
            share(row.self_total_ns, analysis.self_total_ns),
        ];
        cells.into_iter().zip(&kept).filter(|(_, kept)| **kept).map(|(cell, _)| cell).collect()
    });
    let rows = rows.collect();
    columns.retain(narrow);
    Table { title: "Operations by self time", names: 2, columns: &columns, rows, more }.print(out, look);
}

fn dependencies(out: &mut String, report: &Report, analysis: &Analysis, look: &Look, rows: usize) {
    let timed = analysis.summary.timed;
    let shown = analysis.dependencies.iter().take(rows).map(|row| {
        let mut cells = vec![
            row.caller.clone(),
            format!("→ {}", row.callee),
            count(row.calls),
            if row.errors == 0 { "–".into() } else { share(row.errors, row.calls) },
        ];
        if timed {
            cells.extend([duration(row.p50_ns), duration(row.p99_ns)]);
        }
        cells
    });
    let columns = ["caller", "callee", "calls", "errors", "p50", "p99"];
    let columns = if timed { &columns[..] } else { &columns[..4] };
    let more = rest(report, "dependencies", analysis.dependencies.len(), rows);
    Table { title: "Who calls whom", names: 2, columns, rows: shown.collect(), more }.print(out, look);
}

/// One line for each trace, with what it waited for the longest; with `-v`, the first three of that.
fn slowest(out: &mut String, analysis: &Analysis, look: &Look, rows: usize) {
    if rows == 0 {
        return;
    }
    let width = usize::from(look.width);
    let _ = writeln!(out, "\n{HEAD}Slowest traces, and what they waited for{HEAD:#}");
    for trace in analysis.slowest.iter().take(rows) {
        let SlowTrace { prefix, root, duration_ns, spans, errors, critical_path, .. } = trace;
        let errors = if *errors > 0 { format!(", {}", counted(*errors, "error")) } else { String::new() };
        let waited = critical_path.first().filter(|_| look.verbosity == 0).map_or_else(String::new, |step| {
            format!("  {:.0} % {} {}", step.share * 100.0, step.span.service, step.span.operation)
        });
        let facts = format!("{}{errors}", counted(*spans, "span"));
        let fixed = 1 + 8 + 2 + 2 + facts.chars().count() + 2 + prefix.len();
        let room = width.saturating_sub(fixed).max(16);
        let name = format!("{} {}", root.service, root.operation);
        let name = shortened(
            &name,
            if waited.is_empty() { room } else { (room / 2).max(room.saturating_sub(waited.chars().count())) },
        );
        let waited = cut_middle(&waited, room.saturating_sub(name.chars().count()));
        let took = duration(*duration_ns);
        let _ = writeln!(out, " {took:>8}  {DIM}{prefix}{DIM:#}  {name}  {DIM}{facts}{DIM:#}{waited}");
        for step in critical_path.iter().take(3).filter(|_| look.verbosity > 0) {
            let percent = format!("{:.0} %", step.share * 100.0);
            let _ = writeln!(out, "   {percent:>6}  {} {}", step.span.service, step.span.operation);
        }
    }
}

/// Shortened, or nothing where there is no room for anything that says something.
fn cut_middle(text: &str, width: usize) -> String {
    if width < 16 { String::new() } else { shortened(text, width) }
}

fn causal(out: &mut String, analysis: &Analysis, look: &Look, rows: Option<usize>) {
    let Some(rows) = rows else { return };
    let causal = &analysis.causal;
    let _ = writeln!(out, "\n{HEAD}Causal order{HEAD:#}");
    match &causal.exact {
        Some(exact) => exact_order(out, causal, exact),
        None => {
            let _ = writeln!(
                out,
                " {}, {} certain and {} assumed; longest chain {}",
                counted(causal.events, "event"),
                counted(causal.certain_edges, "edge"),
                count(causal.assumed_edges),
                count(causal.depth),
            );
        }
    }
    for problem in causal.problems.iter().take(rows) {
        let what = problem.detail.as_deref().unwrap_or(problem.summary);
        let text = format!("{} {}: {what}", count(problem.count), problem.id);
        let place = format!("  span {} of trace {}", problem.span_id, problem.trace_id);
        let fits = 3 + text.chars().count() + place.len() <= usize::from(look.width) || look.height.is_none();
        let place = if fits { place } else { format!("  span {}", problem.span_id) };
        let room = usize::from(look.width).saturating_sub(3);
        let text = if fits { text } else { shorten(&text, room.saturating_sub(place.len())) };
        let _ = writeln!(out, " {ODD}!{ODD:#} {text}{DIM}{place}{DIM:#}");
    }
    if causal.problems.len() > rows {
        more(out, (causal.problems.len() - rows) as u64);
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
        " {}: {} in program order, {} by message, {} local, {} by recovery",
        counted(causal.certain_edges, "edge"),
        count(exact.program_edges),
        count(exact.message_edges),
        count(exact.local_edges),
        count(exact.recovery_edges),
    );
    if exact.unknown_pairs > 0 {
        let _ = writeln!(
            out,
            " {ODD}!{ODD:#} events are missing: of {} the order of {} ({}) can't be known",
            counted(exact.pairs, "pair"),
            count(exact.unknown_pairs),
            share(exact.unknown_pairs, exact.pairs),
        );
    }
}

fn findings(out: &mut String, report: &Report, look: &Look, rows: usize) {
    let _ = writeln!(out, "\n{HEAD}Findings{HEAD:#}");
    if report.findings.is_empty() {
        let _ = writeln!(out, " {GOOD}✓{GOOD:#} none");
    }
    for (at, finding) in report.findings.iter().enumerate().take(rows) {
        let Finding { severity, rule, service, operation, title, span_id, trace_id, .. } = finding;
        let style = if *severity >= Severity::High { BAD } else { ODD };
        let start = format!(" F-{} {severity} ", at + 1);
        let text = format!("{rule}: {service} {operation}: {title}");
        let room = usize::from(look.width).saturating_sub(start.chars().count());
        let text = if look.height.is_some() { shorten(&text, room) } else { text };
        let _ = writeln!(out, " F-{} {style}{severity}{style:#} {text}", at + 1);
        let _ = writeln!(out, "     {DIM}for example span {span_id} of trace {trace_id}{DIM:#}");
    }
    more(out, report.findings.len().saturating_sub(rows) as u64);
}
