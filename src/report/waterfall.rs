//! One trace as a waterfall, for people and as JSON.

use super::Look;
use super::numbers::{count, counted, duration, moment};
use super::text::{BAD, DIM, GOOD, HEAD, ODD, shortened};
use crate::outcome::{Report, Waterfall, WaterfallLink, WaterfallRow};
use serde_json::{Value, json};
use std::fmt::Write;

/// Columns of the two times.
const TIMES: usize = 22;

/// Lines for spans, at least.
const LINES: usize = 4;

/// The waterfall in `room` lines, if it has to fit.
pub(super) fn text(out: &mut String, report: &Report, trace: &Waterfall, look: &Look, room: Option<usize>) {
    let mut head = String::new();
    let timed = timed(trace);
    let [size, begin] = facts(trace);
    let _ = writeln!(head, "{HEAD}Trace {}{HEAD:#}  {size}\n{begin}", trace.trace_id);
    super::overview::account(&mut head, report, look);
    let mut path = String::new();
    let steps = match room {
        None => look.limit.unwrap_or(usize::MAX),
        Some(..20) => 2,
        Some(_) => 5,
    };
    if timed {
        critical_path(&mut path, trace, steps, look.width.into());
    }
    let taken = head.lines().count() + path.lines().count() + 3;
    out.push_str(&head);
    if look.verbosity >= 0 {
        let lines = room.map(|room| room.saturating_sub(taken).max(LINES));
        rows(out, trace, look, lines.unwrap_or(usize::MAX));
        out.push_str(&path);
    }
}

/// How long and how large it is, and when it began.
pub(super) fn facts(trace: &Waterfall) -> [String; 2] {
    let errors = if trace.errors > 0 { format!(", {}", counted(trace.errors, "error")) } else { String::new() };
    let size = format!("{}{errors}", counted(trace.spans, "span"));
    match timed(trace) {
        true => {
            [format!("{}, {size}", duration(trace.end_ns - trace.start_ns)), format!("{} UTC", moment(trace.start_ns))]
        }
        false => [size, "no times of day: what stands for them only tells the order in each process".to_owned()],
    }
}

/// Whether its times are times of day: later than a second after 1970.
pub(super) fn timed(trace: &Waterfall) -> bool {
    trace.end_ns >= 1_000_000_000
}

fn rows(out: &mut String, trace: &Waterfall, look: &Look, lines: usize) {
    let limit = look.waterfall.unwrap_or(usize::MAX);
    let rows = &trace.rows[..trace.rows.len().min(limit).min(lines)];
    let width = usize::from(look.width);
    let longest = rows.iter().map(|row| indent(row) + name(row).chars().count() + 2).max().unwrap_or(0);
    let names = longest.clamp(16, (width * 45 / 100).max(16));
    let bars = width.saturating_sub(names + TIMES + 2).clamp(10, 80);
    let timed = timed(trace);
    let [took, own, from, to] = match timed {
        true => ["duration", "self", "0", &duration(trace.end_ns - trace.start_ns)],
        false => ["", "", "first", "last"],
    };
    let ends = bars.saturating_sub(from.len());
    let _ = writeln!(out, "\n {DIM}{:names$}{took:>10}{own:>10}  {from}{to:>ends$}{DIM:#}", "");
    let (mut shown, mut used) = (0, 0);
    for row in rows {
        let mut line = String::new();
        let indent = indent(row).min(names / 2);
        let mark = if row.error { " ✗" } else { "" };
        let name = shortened(&name(row), names - indent - 2);
        let pad = names - indent - name.chars().count() - mark.chars().count();
        let [took, own] = if timed { times(row) } else { Default::default() };
        let _ = write!(line, " {:indent$}{name}{BAD}{mark}{BAD:#}{:pad$}", "", "");
        let _ = write!(line, "{took:>10}{own:>10}");
        let bar = bar(row, trace, bars);
        let _ = writeln!(line, "{}{bar}", if bar.is_empty() { "" } else { "  " });
        for (style, text) in details(row, trace) {
            let text = shortened(&text, width.saturating_sub(indent + 3).max(32));
            let _ = writeln!(line, "   {:indent$}{style}{text}{style:#}", "");
        }
        used += line.lines().count();
        if used > lines {
            break;
        }
        out.push_str(&line);
        shown += 1;
    }
    if trace.spans > shown {
        let more = count(trace.spans - shown);
        let _ = writeln!(out, " {DIM}… and {more} more spans (--limit 0 shows all){DIM:#}");
    }
}

fn critical_path(out: &mut String, trace: &Waterfall, limit: usize, width: usize) {
    let _ = writeln!(out, "\n{HEAD}Critical path{HEAD:#}  {DIM}{GOOD}█{GOOD:#} above{DIM:#}");
    for step in trace.critical_path.iter().take(limit) {
        let percent = format!("{:.0} %", step.share * 100.0);
        let name = format!("{} {}", step.span.service, step.span.operation);
        let name = shortened(&name, width.saturating_sub(18));
        let _ = writeln!(out, " {:>8} {percent:>6}  {name}", duration(step.self_ns));
    }
    if trace.critical_path.len() > limit {
        let more = count((trace.critical_path.len() - limit) as u64);
        let _ = writeln!(out, " {DIM}… and {more} more (--limit 0 shows all){DIM:#}");
    }
}

fn indent(row: &WaterfallRow) -> usize {
    usize::try_from(row.depth).unwrap_or(usize::MAX).min(1 << 16) * 2
}

/// How long a span took, with its children and without.
pub(super) fn times(row: &WaterfallRow) -> [String; 2] {
    let took = if row.end_ns == 0 { "open".to_owned() } else { duration(row.duration_ns) };
    [took, duration(row.self_ns)]
}

pub(super) fn name(row: &WaterfallRow) -> String {
    format!("{} {}", row.span.service, row.span.operation)
}

/// What does not fit on the line of a span, and how it looks: errors, a missing parent, links.
pub(super) fn details(row: &WaterfallRow, trace: &Waterfall) -> Vec<(anstyle::Style, String)> {
    let mut lines = Vec::new();
    if row.error && !row.message.is_empty() {
        lines.push((BAD, row.message.clone()));
    }
    if !row.parent_id.is_empty() && !row.has_parent {
        let why = if row.in_cycle { "left out: the span would be its own ancestor" } else { "not in the data" };
        lines.push((ODD, format!("parent {} is {why}", row.parent_id)));
    }
    for WaterfallLink { outgoing, trace_id, other, present } in &row.links {
        let direction = if *outgoing { "→ link to" } else { "← link from" };
        let named = if *present { format!("{} {}, ", other.service, other.operation) } else { String::new() };
        let place = if *trace_id == trace.trace_id { String::new() } else { format!(" of trace {trace_id}") };
        let missing = if *present { "" } else { ", not in the data" };
        lines.push((DIM, format!("{direction} {named}span {}{place}{missing}", other.span_id)));
    }
    lines
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
