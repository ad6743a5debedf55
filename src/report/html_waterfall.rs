//! One trace as a waterfall, on the `html` page: a row for each span, its time as a bar, and the critical path.

use super::html::{NAME, left_out};
use super::markup::{escape, shorten};
use super::numbers::duration;
use super::waterfall::{details, facts, name, timed, times};
use crate::outcome::{Waterfall, WaterfallRow};
use std::fmt::Write;

/// Spans are moved to the right by their depth no further than this.
const DEEPEST: u64 = 30;
/// Notes below one span.
const NOTES: usize = 20;
/// Stretches of the critical path in one bar.
const STRETCHES: usize = 200;
/// What a bar's length is counted in.
const WHOLE: u64 = 1000;

/// The first spans of a trace, at most so many, and as many steps of its critical path.
pub(super) fn waterfall(out: &mut String, trace: &Waterfall, most: usize) {
    let [size, begin] = facts(trace);
    let _ = writeln!(out, "<h2>Trace {}</h2>\n<p>{size}<br>{begin}</p>", escape(&trace.trace_id));
    let timed = timed(trace);
    let scale = if timed { format!("0 to {}", duration(trace.end_ns - trace.start_ns)) } else { String::new() };
    let _ = writeln!(
        out,
        "<div class=\"wide\"><table>\n<tr><th>span</th><th>duration</th><th>self</th><th>{scale}</th></tr>"
    );
    let rows = &trace.rows[..trace.rows.len().min(most)];
    for row in rows {
        let [took, own] = if timed { times(row) } else { Default::default() };
        let mark = if row.error { " <span class=\"error\">✗</span>" } else { "" };
        let notes = details(row, trace);
        let more = notes.len().saturating_sub(NOTES);
        let notes = notes.iter().take(NOTES).map(|(_, text)| text.clone());
        let notes = notes.chain((more > 0).then(|| format!("and {more} more")));
        let notes = notes.map(|text| format!("<br><span class=\"dim\">{}</span>", escape(&shorten(&text, NAME))));
        let _ = writeln!(
            out,
            "<tr><td style=\"padding-left:{}em\">{}{mark}{}</td><td class=\"n\">{took}</td><td class=\"n\">{own}</td><td>{}</td></tr>",
            row.depth.min(DEEPEST),
            escape(&shorten(&name(row), NAME)),
            notes.collect::<String>(),
            bar(row, trace)
        );
    }
    out.push_str("</table></div>\n");
    left_out(out, rows.len(), usize::try_from(trace.spans).unwrap_or(usize::MAX));
    if timed {
        critical_path(out, trace, most);
    }
}

/// A span's time, and the stretches of the critical path in it.
fn bar(row: &WaterfallRow, trace: &Waterfall) -> String {
    if row.start_ns == 0 {
        return String::new();
    }
    let whole = u128::from((trace.end_ns - trace.start_ns).max(1));
    let place = |time: u64| {
        let offset = time.clamp(trace.start_ns, trace.end_ns) - trace.start_ns;
        (u128::from(offset) * u128::from(WHOLE) / whole) as u64
    };
    let stretch = |class: &str, from: u64, to: u64| {
        let x = place(from).min(WHOLE - 2);
        let width = place(to).saturating_sub(x).max(2);
        format!("<rect class=\"{class}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"10\"/>")
    };
    let class = if row.error { "wx" } else { "wb" };
    let mut body = stretch(class, row.start_ns, row.start_ns.saturating_add(row.duration_ns));
    body.extend(row.critical.iter().take(STRETCHES).map(|&(from, to)| stretch("wc", from, to)));
    format!(
        "<svg class=\"w\" viewBox=\"0 0 {WHOLE} 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{body}</svg>"
    )
}

fn critical_path(out: &mut String, trace: &Waterfall, most: usize) {
    if trace.critical_path.is_empty() {
        return;
    }
    out.push_str("<h3>Critical path: what the end waited for</h3>\n<div class=\"wide\"><table>\n");
    for step in trace.critical_path.iter().take(most) {
        let name = format!("{} {}", step.span.service, step.span.operation);
        let _ = writeln!(
            out,
            "<tr><td class=\"n\">{}</td><td class=\"n\">{:.0} %</td><td>{}</td></tr>",
            duration(step.self_ns),
            step.share * 100.0,
            escape(&shorten(&name, NAME))
        );
    }
    out.push_str("</table></div>\n");
    left_out(out, trace.critical_path.len().min(most), trace.critical_path.len());
}
