//! Operations as bars on a common time axis, one lane per process, for a terminal.
//!
//! The axis shows the order of calls and returns, not their distance: every distinct moment gets one
//! step, so that what overlaps in the picture overlaps in the history, and nothing else does.

use super::markup::shorten;
use crate::outcome::Operation;
use std::collections::BTreeMap;

/// Draws the operations. `mark` is the one (by index) to point at. Each line ends with a line feed.
pub(super) fn timeline(operations: &[Operation], mark: Option<u64>, width: usize) -> String {
    let moments: BTreeMap<i64, usize> = {
        let mut all: Vec<i64> = operations.iter().flat_map(|op| [Some(op.call), op.ret]).flatten().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().enumerate().map(|(at, moment)| (moment, at)).collect()
    };
    let mut lanes: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        lanes.entry(&operation.process).or_default().push(operation);
    }
    let name_width = lanes.keys().map(|name| name.chars().count()).max().unwrap_or(0).min(16);
    let step = step_width(operations, &moments, width.saturating_sub(name_width + 6));
    let mut out = String::new();
    for (name, lane) in lanes {
        let mut line = String::new();
        let mut rest = Vec::new();
        for operation in lane {
            let from = moments[&operation.call] * step;
            let to = operation.ret.map_or(moments.len() * step, |ret| moments[&ret] * step);
            let bar = bar(operation, to - from + 1);
            let used = line.chars().count();
            if used > from {
                // A process that overlaps itself gets another line.
                rest.push((from, bar));
                continue;
            }
            line.extend(std::iter::repeat_n(' ', from - used));
            line.push_str(&bar);
            if Some(operation.index) == mark {
                line.push_str(" ✗");
            }
        }
        let short: String = name.chars().take(16).collect();
        out.push_str(&format!("  {short:<name_width$}  {line}\n"));
        for (from, bar) in rest {
            out.push_str(&format!("  {:<name_width$}  {}{bar}\n", "", " ".repeat(from)));
        }
    }
    out
}

/// What a bar says.
pub(super) fn label(operation: &Operation) -> String {
    let mut text = operation.function.clone();
    if !operation.input.is_nil() {
        text.push_str(&format!(" {}", operation.input));
    }
    match &operation.output {
        Some(output) if !output.is_nil() || operation.input.is_nil() => text.push_str(&format!(" → {output}")),
        Some(_) => {}
        None => text.push_str(" → ?"),
    }
    shorten(&text, 40)
}

fn bar(operation: &Operation, width: usize) -> String {
    let label = label(operation);
    let inner = width.saturating_sub(2);
    let pad = inner.saturating_sub(label.chars().count() + 2);
    let (left, right) = (pad / 2, pad - pad / 2);
    let end = if operation.ret.is_some() { '┤' } else { '…' };
    format!("├{} {label} {}{end}", "─".repeat(left), "─".repeat(right))
}

/// How many columns a step takes: enough for each label to fit its bar, if the width allows.
fn step_width(operations: &[Operation], moments: &BTreeMap<i64, usize>, width: usize) -> usize {
    let needed = operations.iter().map(|operation| {
        let steps = operation.ret.map_or(moments.len(), |ret| moments[&ret]) - moments[&operation.call];
        (label(operation).chars().count() + 5).div_ceil(steps.max(1))
    });
    let fits = width / moments.len().max(1);
    needed.max().unwrap_or(1).min(fits.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Value;

    fn operation(index: u64, process: &str, f: &str, output: Option<i64>, call: i64, ret: Option<i64>) -> Operation {
        Operation {
            index,
            process: process.into(),
            function: f.into(),
            key: None,
            input: if f == "write" { Value::Int(1) } else { Value::Nil },
            output: ret.map(|_| output.map_or(Value::Nil, Value::Int)),
            call,
            ret,
            call_ns: None,
            return_ns: None,
            status: "ok",
            span_id: None,
        }
    }

    #[test]
    fn bars_overlap_as_operations_do() {
        let operations = [
            operation(0, "c1", "write", None, 1, Some(3)),
            operation(1, "c2", "read", Some(2), 2, Some(4)),
            operation(2, "c3", "write", None, 3, None),
        ];
        let expected =
            "  c1  ├─── write 1 ───┤\n  c2          ├── read → 2 ───┤ ✗\n  c3                  ├─ write 1 → ? ─…\n";
        assert_eq!(timeline(&operations, Some(1), 80), expected);
    }
}
