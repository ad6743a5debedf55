//! `svg`: the timelines of counterexamples alone; and the drawing that `html` shows too.
//!
//! As in the text report, every distinct moment gets one step: what overlaps in the picture overlaps in the
//! history, and nothing else does. A lane for each process; an operation that never returned is open to the right. A fault
//! is a band across the lanes, from between the calls and returns where it began to where it ended.

use super::cases::{FAULTS, fault_text};
use super::markup::{escape, shorten};
use super::timeline::label;
use super::{Look, Renderer, filtered};
use crate::outcome::{Counterexample, Fault, Operation, Report};
use crate::registry::Entry;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The renderer.
pub struct Svg;

/// Pictures in one file, and operations in one picture: beyond, nobody finds anything, and browsers stall.
pub(super) const PICTURES: usize = 20;
const OPERATIONS: usize = 200;

const LANE: usize = 34;
const BAR: usize = 22;
const HEAD: usize = 26;
const FAULT: usize = 20;

impl Renderer for Svg {
    fn entry(&self) -> Entry {
        Entry {
            id: "svg",
            summary: "The timelines of counterexamples as one SVG picture, for documents and issues",
            documentation: "# svg\n\nThe operations of each counterexample as bars in the lanes of their processes, on a common \
                            axis that shows the order of calls and returns, not their distance. An operation that never returned \
                            is open to the right; the one that can't be explained is marked. Faults are bands across the lanes \
                            where they are known: of runs of `causet simulate`, from the `truth.json` beside the history. At \
                            most 20 counterexamples, and 200 operations and 8 faults of each. What \
                            filters left out is said below. It follows the reader's light or dark mode.\n",
            example: "causet check history.jsonl --report svg=why.svg",
        }
    }

    fn render(&self, report: &Report, _: &Look) -> String {
        let mut parts = Vec::new();
        for result in &report.results {
            for example in &result.counterexamples {
                let key = example.partition.as_ref().map_or_else(String::new, |key| format!(", key {key}"));
                parts.push((format!("{} {}: {}{key}", result.property, result.model, result.input), example));
            }
        }
        let all = parts.len();
        parts.truncate(PICTURES);
        let pictures: Vec<Picture> = parts.iter().map(|(title, example)| draw(title, example)).collect();
        let note = match all {
            0 => Some("no counterexample".to_owned()),
            all => (all > PICTURES).then(|| format!("showing {PICTURES} of {all} counterexamples")),
        };
        let account = report.filtered.as_ref().and_then(filtered::sentence);
        let notes: Vec<String> = note.into_iter().chain(account).map(|note| shorten(&note, 300)).collect();
        let widths = notes.iter().map(|note| note.chars().count() * 8 + 16);
        let width = pictures.iter().map(|picture| picture.width).chain(widths).max().unwrap_or(0).max(320);
        let height = pictures.iter().map(|picture| picture.height).sum::<usize>() + notes.len().max(1) * HEAD;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<style>{STYLE}</style>\n"
        );
        let mut top = 0;
        for picture in &pictures {
            let _ = writeln!(out, "<g transform=\"translate(0 {top})\">{}</g>", picture.body);
            top += picture.height;
        }
        for note in notes {
            let _ = writeln!(out, "<text class=\"t\" x=\"8\" y=\"{}\">{}</text>", top + 18, escape(&note));
            top += HEAD;
        }
        out.push_str("</svg>\n");
        out
    }
}

/// A drawing without its frame.
pub(super) struct Picture {
    pub width: usize,
    pub height: usize,
    pub body: String,
}

/// How the drawing looks, in light and dark mode.
pub(super) const STYLE: &str = "\
.t{font:13px system-ui,sans-serif;fill:#222}.h{font-weight:600}.b{fill:#d6e4f5;stroke:#4a7ab5}.o{fill:#f3ead2;stroke:#a8842c;\
stroke-dasharray:4 3}.x{fill:#f9d5d2;stroke:#c0392b;stroke-width:2}.l{stroke:#8884}.f{fill:#8a63d21c}.e{fill:#8a63d2}.n{font-size:12px;fill:#6b46b8}\
@media(prefers-color-scheme:dark){.t{fill:#ddd}.b{fill:#23364d;stroke:#6b9bd6}.o{fill:#40371f;stroke:#c9a44a}\
.x{fill:#5a2320;stroke:#ef6b5e}.n{fill:#bda2f0}}";

/// Draws the operations of a counterexample.
pub(super) fn draw(title: &str, example: &Counterexample) -> Picture {
    let shown = chosen(example);
    let mut moments: Vec<i64> = shown.iter().flat_map(|op| [Some(op.call), op.ret]).flatten().collect();
    moments.sort_unstable();
    moments.dedup();
    let place = |moment: i64| moments.partition_point(|other| *other < moment);
    let label_width = |op: &Operation| label(op).chars().count() * 8 + 14;
    let marked = |op: &Operation| if Some(op.index) == example.failed_at { 16 } else { 0 };
    let steps = |op: &Operation| op.ret.map_or(moments.len(), place).saturating_sub(place(op.call)).max(1);
    let step =
        shown.iter().map(|op| (label_width(op) + marked(op)).div_ceil(steps(op))).max().unwrap_or(0).clamp(12, 160);
    let rows = rows(&shown);
    let names: Vec<String> = rows.iter().map(|(name, _)| shorten(name, 18)).collect();
    let left = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) * 8 + 20;
    let right = left + moments.len() * step;
    let mut width = (right + 30).max(title.chars().count().min(90) * 8 + 16);
    let (mut body, mut top) = (String::new(), 4);
    if !title.is_empty() {
        let _ = write!(body, "<text class=\"t h\" x=\"8\" y=\"18\">{}</text>", escape(&shorten(title, 90)));
        top = HEAD;
    }
    // Half a step after the last call or return before it.
    let between = |after: Option<i64>| {
        let passed = after.map_or(0, |after| moments.partition_point(|moment| *moment <= after));
        if passed == moments.len() { right + 10 } else { (left + passed * step).saturating_sub(step / 2).max(left - 6) }
    };
    let bottom = top + example.faults.len().min(FAULTS) * FAULT + rows.len() * LANE;
    for fault in example.faults.iter().take(FAULTS) {
        let (from, to) = (between(fault.began_after), between(fault.ended_after));
        width = width.max(band(&mut body, fault, (from, to.max(from + 4)), (top, bottom)));
        top += FAULT;
    }
    for ((_, operations), name) in rows.iter().zip(&names) {
        let middle = top + LANE / 2;
        let _ = write!(
            body,
            "<text class=\"t\" x=\"8\" y=\"{}\">{}</text><line class=\"l\" x1=\"{left}\" x2=\"{right}\" y1=\"{middle}\" y2=\"{middle}\"/>",
            middle + 5,
            escape(name)
        );
        for operation in operations {
            let from = left + place(operation.call) * step;
            let to = operation.ret.map_or(right, |ret| left + place(ret) * step).max(from + 6);
            bar(&mut body, operation, Some(operation.index) == example.failed_at, from, to, top + (LANE - BAR) / 2);
        }
        top += LANE;
    }
    let shown_of = [(shown.len(), example.operations.len(), "operations"), (FAULTS, example.faults.len(), "faults")];
    for (some, all, what) in shown_of.into_iter().filter(|(some, all, _)| some < all) {
        let _ = write!(body, "<text class=\"t\" x=\"8\" y=\"{}\">showing {some} of {all} {what}</text>", top + 16);
        top += 24;
    }
    Picture { width, height: top + 10, body }
}

/// Draws a fault between two places of the axis, from the line that names it down to the bottom. Answers with where its name ends.
fn band(body: &mut String, fault: &Fault, (from, to): (usize, usize), (top, bottom): (usize, usize)) -> usize {
    let nodes = fault.window.nodes.join(", ");
    let name = shorten(format!("{} {nodes}", fault.window.kind).trim_end(), 60);
    let (width, height, about) = (to - from, bottom - top, escape(&shorten(&fault_text(fault), 200)));
    let _ = write!(
        body,
        "<g><title>{about}</title><rect class=\"f\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>\
         <rect class=\"e\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"3\"/>\
         <text class=\"t n\" x=\"{}\" y=\"{}\">{}</text></g>",
        from + 4,
        top + 16,
        escape(&name)
    );
    from + name.chars().count() * 8 + 16
}

/// The operations to show: all, or those that end nearest to where it failed.
fn chosen(example: &Counterexample) -> Vec<&Operation> {
    let mut all: Vec<&Operation> = example.operations.iter().collect();
    if all.len() > OPERATIONS {
        let failed =
            all.iter().find(|op| Some(op.index) == example.failed_at).and_then(|op| op.ret).unwrap_or(i64::MAX);
        all.sort_by_key(|op| failed.abs_diff(op.call));
        all.truncate(OPERATIONS);
        all.sort_by_key(|op| op.call);
    }
    all
}

/// The lanes: a process that overlaps itself gets several.
fn rows<'a>(operations: &[&'a Operation]) -> Vec<(&'a str, Vec<&'a Operation>)> {
    let mut lanes: BTreeMap<&str, Vec<Vec<&Operation>>> = BTreeMap::new();
    for operation in operations {
        let lane = lanes.entry(&operation.process).or_default();
        let is_free =
            |row: &Vec<&Operation>| row.last().is_none_or(|last| last.ret.is_some_and(|ret| ret <= operation.call));
        match lane.iter_mut().find(|row| is_free(row)) {
            Some(row) => row.push(operation),
            None => lane.push(vec![operation]),
        }
    }
    lanes.into_iter().flat_map(|(name, rows)| rows.into_iter().map(move |row| (name, row))).collect()
}

fn bar(body: &mut String, operation: &Operation, failed: bool, from: usize, to: usize, top: usize) {
    let class = match (failed, operation.ret) {
        (true, _) => "x",
        (false, None) => "o",
        (false, Some(_)) => "b",
    };
    let (width, text) = (to - from, label(operation));
    let bottom = top + BAR;
    // Without a return there is no right edge.
    let _ = match operation.ret {
        Some(_) => write!(
            body,
            "<g><title>{}</title><rect class=\"{class}\" x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"{BAR}\" rx=\"3\"/>",
            escape(&about(operation))
        ),
        None => write!(
            body,
            "<g><title>{}</title><path class=\"{class}\" d=\"M{to} {top}H{from}V{bottom}H{to}\"/>",
            escape(&about(operation))
        ),
    };
    let mark = if failed { " ✗" } else { "" };
    let fits = (width / 8).max(2);
    let _ = write!(
        body,
        "<text class=\"t\" x=\"{}\" y=\"{}\">{}{mark}</text></g>",
        from + 6,
        top + 16,
        escape(&shorten(&text, fits))
    );
}

/// What it says when pointed at.
fn about(operation: &Operation) -> String {
    let Operation { index, process, call_ns, return_ns, span_id, .. } = operation;
    let mut text = format!("operation {index} of {process}: {}", label(operation));
    if let Some(call) = call_ns {
        let _ = write!(text, ", called at {call} ns");
    }
    if let Some(ret) = return_ns {
        let _ = write!(text, ", returned at {ret} ns");
    }
    if let Some(span) = span_id {
        let _ = write!(text, ", span {span}");
    }
    shorten(&text, 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{FaultWindow, Value};

    fn operation(index: u64, process: &str, call: i64, ret: Option<i64>) -> Operation {
        Operation {
            index,
            process: process.into(),
            function: "read".into(),
            key: None,
            input: Value::Nil,
            output: ret.map(Value::Int),
            call,
            ret,
            call_ns: None,
            return_ns: None,
            status: "ok",
            span_id: None,
        }
    }

    fn example(operations: Vec<Operation>) -> Counterexample {
        Counterexample { operations, minimal: true, failed_at: Some(1), ..Counterexample::default() }
    }

    #[test]
    fn open_operations_are_open_and_huge_counterexamples_small() {
        let three = vec![operation(0, "<a>", 1, Some(4)), operation(1, "b", 2, Some(3)), operation(2, "b", 5, None)];
        let picture = draw("t", &example(three));
        assert_eq!(picture.body.matches("<rect").count(), 2);
        assert_eq!(picture.body.matches("<path class=\"o\"").count(), 1);
        assert_eq!(picture.body.matches("class=\"x\"").count(), 1);
        assert!(picture.body.contains("&lt;a&gt;") && !picture.body.contains("<a>"));
        assert!(!picture.body.contains("class=\"f\""));
        let many = (0..10_000).map(|at| operation(at, "c", at as i64 * 2, Some(at as i64 * 2 + 1))).collect();
        let picture = draw("t", &example(many));
        assert!(picture.body.contains("showing 200 of 10000 operations") && picture.body.len() < 200_000);
    }

    #[test]
    fn faults_are_bands_between_calls_and_returns() {
        let window = |kind: &str| FaultWindow {
            kind: kind.into(),
            nodes: vec!["<n1>".into()],
            start_ns: 5_000_000,
            end_ns: None,
        };
        let fault = |kind: &str, began_after, ended_after| Fault { window: window(kind), began_after, ended_after };
        let mut example = example(vec![operation(0, "a", 1, Some(2)), operation(1, "a", 3, Some(4))]);
        example.faults = vec![fault("crash", Some(2), Some(3)), fault("partition", None, Some(4))];
        let body = draw("", &example).body;
        let bands: Vec<(usize, usize)> = (body.split("<rect class=\"f\" x=\"").skip(1))
            .map(|rest| {
                let (x, rest) = rest.split_once('"').unwrap();
                let width = rest.split_once("width=\"").unwrap().1.split_once('"').unwrap().0;
                (x.parse().unwrap(), width.parse().unwrap())
            })
            .collect();
        let bars: Vec<usize> = (body.split("<rect class=\"").skip(1))
            .filter(|rest| rest.starts_with("b\"") || rest.starts_with("x\""))
            .map(|rest| rest.split_once("x=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap())
            .collect();
        // The crash began after the first had returned, and ended after the second was called.
        assert!(
            bands[0].0 > bars[0] && bands[0].0 < bars[1] && bands[0].0 + bands[0].1 > bars[1],
            "{bands:?} {bars:?}"
        );
        assert!(bands[1].0 < bars[0] && bands[1].0 + bands[1].1 > bars[1], "{bands:?} {bars:?}");
        assert!(body.contains("crash of &lt;n1&gt; from 5.00 ms on") && !body.contains("<n1>"));
        example.faults = vec![fault("crash", None, None); 30];
        assert!(draw("", &example).body.contains("showing 8 of 30 faults"));
    }
}
