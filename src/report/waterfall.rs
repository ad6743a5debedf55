//! One trace as a waterfall, for people and as JSON.

use super::Look;
use super::numbers::{count, counted, duration, moment};
use super::text::{BAD, DIM, GOOD, HEAD, ODD, shortened};
use crate::outcome::{Waterfall, WaterfallLink, WaterfallRow};
use serde_json::{Value, json};
use std::fmt::Write;

/// Columns of the two times.
const TIMES: usize = 22;

pub(super) fn text(out: &mut String, trace: &Waterfall, look: &Look) {
    let whole = trace.end_ns - trace.start_ns;
    let errors = trace.rows.iter().filter(|row| row.error).count() as u64;
    let errors = if errors > 0 { format!(", {}", counted(errors, "error")) } else { String::new() };
    let _ = writeln!(
        out,
        "{HEAD}Trace {}{HEAD:#}  {}, {}{errors}",
        trace.trace_id,
        duration(whole),
        counted(trace.rows.len() as u64, "span"),
    );
    let _ = writeln!(out, "{} UTC", moment(trace.start_ns));
    if look.verbosity < 0 {
        return;
    }
    let limit = look.waterfall.unwrap_or(usize::MAX);
    let rows = &trace.rows[..trace.rows.len().min(limit)];
    let width = usize::from(look.width);
    let longest = rows.iter().map(|row| indent(row) + name(row).chars().count() + 2).max().unwrap_or(0);
    let names = longest.clamp(16, (width * 45 / 100).max(16));
    let bars = width.saturating_sub(names + TIMES + 2).clamp(10, 80);
    let end = duration(whole);
    let _ =
        writeln!(out, "\n {DIM}{:names$}{:>10}{:>10}  0{:>ends$}{DIM:#}", "", "duration", "self", end, ends = bars - 1);
    for row in rows {
        let indent = indent(row).min(names / 2);
        let mark = if row.error { " ✗" } else { "" };
        let name = shortened(&name(row), names - indent - 2);
        let pad = names - indent - name.chars().count() - mark.chars().count();
        let took = if row.end_ns == 0 { "open".to_owned() } else { duration(row.duration_ns) };
        let _ = write!(out, " {:indent$}{name}{BAD}{mark}{BAD:#}{:pad$}", "", "");
        let _ = write!(out, "{took:>10}{:>10}", duration(row.self_ns));
        let bar = bar(row, trace, bars);
        let _ = writeln!(out, "{}{bar}", if bar.is_empty() { "" } else { "  " });
        details(out, row, trace, indent + 2);
    }
    if trace.rows.len() > limit {
        let more = count((trace.rows.len() - limit) as u64);
        let _ = writeln!(out, " {DIM}… and {more} more spans (--limit 0 shows all){DIM:#}");
    }
    let _ = writeln!(out, "\n{HEAD}Critical path{HEAD:#}  {DIM}{GOOD}█{GOOD:#} above{DIM:#}");
    let limit = look.limit.unwrap_or(usize::MAX);
    for step in trace.critical_path.iter().take(limit) {
        let percent = format!("{:.0} %", step.share * 100.0);
        let _ =
            writeln!(out, " {:>8} {percent:>6}  {} {}", duration(step.self_ns), step.span.service, step.span.operation);
    }
    if trace.critical_path.len() > limit {
        let more = count((trace.critical_path.len() - limit) as u64);
        let _ = writeln!(out, " {DIM}… and {more} more (--limit 0 shows all){DIM:#}");
    }
}

fn indent(row: &WaterfallRow) -> usize {
    usize::try_from(row.depth).unwrap_or(usize::MAX).min(1 << 16) * 2
}

fn name(row: &WaterfallRow) -> String {
    format!("{} {}", row.span.service, row.span.operation)
}

/// What does not fit on the line of a span: errors, a missing parent, links.
fn details(out: &mut String, row: &WaterfallRow, trace: &Waterfall, indent: usize) {
    if row.error && !row.message.is_empty() {
        let _ = writeln!(out, " {:indent$}{BAD}{}{BAD:#}", "", row.message);
    }
    if !row.parent_id.is_empty() && !row.has_parent {
        let _ = writeln!(out, " {:indent$}{ODD}parent {} is not in the data{ODD:#}", "", row.parent_id);
    }
    for WaterfallLink { outgoing, trace_id, other, present } in &row.links {
        let direction = if *outgoing { "→ link to" } else { "← link from" };
        let named = if *present { format!("{} {}, ", other.service, other.operation) } else { String::new() };
        let place = if *trace_id == trace.trace_id { String::new() } else { format!(" of trace {trace_id}") };
        let missing = if *present { "" } else { ", not in the data" };
        let _ = writeln!(out, " {:indent$}{DIM}{direction} {named}span {}{place}{missing}{DIM:#}", "", other.span_id);
    }
}

/// A span's time as a bar; the stretches on the critical path are full.
fn bar(row: &WaterfallRow, trace: &Waterfall, width: usize) -> String {
    let whole = (trace.end_ns - trace.start_ns).max(1);
    let cell = |time: u64| {
        let offset = u128::from(time.clamp(trace.start_ns, trace.end_ns) - trace.start_ns);
        ((offset * width as u128) / u128::from(whole)).min(width as u128 - 1) as usize
    };
    if row.start_ns == 0 {
        return String::new();
    }
    let mut cells = vec![' '; width];
    let (first, last) = (cell(row.start_ns), cell(row.start_ns + row.duration_ns));
    let instant = row.duration_ns == 0;
    cells[first..=last].fill(if instant { '·' } else { '─' });
    // A stretch has the cells whose middle it covers, and at least the one that its own middle is in.
    let middle =
        |cell: usize| trace.start_ns + (u128::from(whole) * (2 * cell as u128 + 1) / (2 * width as u128)) as u64;
    for &(from, to) in &row.critical {
        cells[cell(from + (to - from) / 2)] = '█';
        let covered = (cell(from)..=cell(to)).filter(|at| (from..to).contains(&middle(*at)));
        covered.for_each(|at| cells[at] = '█');
    }
    let text: String = cells.into_iter().collect();
    let text = text.trim_end();
    let style = if row.error { BAD } else { GOOD };
    format!("{style}{text}{style:#}")
}

pub(super) fn json(trace: &Waterfall) -> Value {
    let span = |span: &crate::outcome::TraceSpan| json!({"service": span.service, "operation": span.operation, "span_id": span.span_id});
    let link = |link: &WaterfallLink| {
        json!({
            "direction": if link.outgoing { "to" } else { "from" }, "trace_id": link.trace_id,
            "span": span(&link.other), "present": link.present,
        })
    };
    let row = |row: &WaterfallRow| {
        json!({
            "service": row.span.service, "operation": row.span.operation, "span_id": row.span.span_id,
            "parent_id": (!row.parent_id.is_empty()).then_some(&row.parent_id), "has_parent": row.has_parent,
            "depth": row.depth, "kind": row.kind, "start_ns": row.start_ns,
            "end_ns": (row.end_ns != 0).then_some(row.end_ns), "duration_ns": row.duration_ns,
            "self_ns": row.self_ns, "critical_ns": row.critical.iter().map(|(from, to)| to - from).sum::<u64>(),
            "critical": row.critical.iter().map(|(from, to)| json!([from, to])).collect::<Value>(),
            "error": row.error, "message": row.message, "events": row.events,
            "links": row.links.iter().map(link).collect::<Value>(),
        })
    };
    let step = |step: &crate::outcome::PathStep| json!({"span": span(&step.span), "self_ns": step.self_ns, "share": step.share});
    json!({
        "trace_id": trace.trace_id, "start_ns": trace.start_ns, "end_ns": trace.end_ns,
        "duration_ns": trace.end_ns - trace.start_ns,
        "spans": trace.rows.iter().map(row).collect::<Value>(),
        "critical_path": trace.critical_path.iter().map(step).collect::<Value>(),
    })
}
