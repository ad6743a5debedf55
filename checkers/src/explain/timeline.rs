//! A counterexample as a picture of characters: one operation per line, time to the right.
//!
//! ```text
//! x   c1  ├─ write 1 ─┤
//!     c2        ├──── read → 2 ────┤   ✗ can't happen in 1
//! ```
//!
//! Only the order of calls and returns is drawn, not durations: moments are as far apart as the
//! labels need. Where that gets too wide for the terminal, labels stand behind the bars.

use super::words;
use crate::history::{History, OPEN, Operation, Status};
use crate::verdict::Counterexample;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns to use, if possible.
    pub width: usize,
    /// Whether to keep to ASCII.
    pub ascii: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 100, ascii: false }
    }
}

struct Strokes {
    call: char,
    line: char,
    ret: char,
    open: char,
    failed: &'static str,
}

const UNICODE: Strokes = Strokes { call: '├', line: '─', ret: '┤', open: '┄', failed: "✗" };
const ASCII: Strokes = Strokes { call: '|', line: '-', ret: '|', open: '.', failed: "X" };

/// The operations of a counterexample over time. Lines end with a line feed; nothing is coloured.
pub fn timeline(history: &History, counterexample: &Counterexample, style: Style) -> String {
    let strokes = if style.ascii { &ASCII } else { &UNICODE };
    let ops = history.operations();
    let mut rows: Vec<u32> = counterexample.operations.clone();
    rows.sort_by_key(|&index| (ops[index as usize].call, index));
    let labels: Vec<String> = rows.iter().map(|&index| plain(words(history, index), style.ascii)).collect();
    let key = if counterexample.partition.is_nil() { String::new() } else { bare(&counterexample.partition) };
    let names: Vec<&str> = rows.iter().map(|&index| history.process(index as usize)).collect();
    let margin = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let moments = Moments::new(rows.iter().map(|&index| &ops[index as usize]));
    let lengths: Vec<usize> = labels.iter().map(|label| label.chars().count()).collect();
    let mut at = moments.columns(&rows, ops, |row| lengths[row] + 6);
    let inside = at.last().is_none_or(|end| end + key.len() + margin + 6 <= style.width);
    if !inside {
        at = moments.columns(&rows, ops, |_| 2);
    }
    let mut picture = String::new();
    for (row, &index) in rows.iter().enumerate() {
        let op = &ops[index as usize];
        let lead = if row == 0 { key.as_str() } else { "" };
        picture.push_str(&format!("{lead:width$}  {:margin$}  ", names[row], width = key.chars().count()));
        let (from, to) = (at[moments.find(op.call)], at[moments.end(op)]);
        picture.push_str(&" ".repeat(from));
        picture.push_str(&bar(if inside { &labels[row] } else { "" }, to - from + 1, op.ret == OPEN, strokes));
        if !inside {
            picture.push_str(&format!(" {}", labels[row]));
        }
        if counterexample.failed_at == Some(index) {
            let reason = counterexample.because.iter().find(|step| step.from == index && step.kind == "refused");
            let reason = reason.map_or("no order gets past this", |step| step.text.as_str());
            picture.push_str(&format!("   {} {}", strokes.failed, plain(reason.into(), style.ascii)));
        }
        picture.truncate(picture.trim_end_matches(' ').len());
        picture.push('\n');
    }
    picture
}

fn bare(value: &crate::history::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

fn plain(text: String, ascii: bool) -> String {
    if ascii { text.replace('→', "->") } else { text }
}

/// `├── label ──┤`, so many characters wide.
fn bar(label: &str, width: usize, open: bool, strokes: &Strokes) -> String {
    let label = if label.is_empty() { String::new() } else { format!(" {label} ") };
    let room = width.saturating_sub(2 + label.chars().count());
    let line = |count: usize, stroke: char| stroke.to_string().repeat(count);
    let last = if open { strokes.open } else { strokes.ret };
    let tail = if open { strokes.open } else { strokes.line };
    format!("{}{}{label}{}{last}", strokes.call, line(room / 2, strokes.line), line(room - room / 2, tail))
}

/// The distinct times of a few operations.
struct Moments(Vec<i64>);

impl Moments {
    fn new<'h>(ops: impl Iterator<Item = &'h Operation>) -> Self {
        let mut times: Vec<i64> = ops.flat_map(|op| [op.call, op.ret]).collect();
        times.sort_unstable();
        times.dedup();
        Self(times)
    }

    fn find(&self, time: i64) -> usize {
        self.0.binary_search(&time).expect("every time is there")
    }

    fn end(&self, op: &Operation) -> usize {
        let ret = if op.status == Status::Info { OPEN } else { op.ret };
        self.find(ret)
    }

    /// The column of each moment, so that the bar of each row is at least so wide.
    fn columns(&self, rows: &[u32], ops: &[Operation], wide: impl Fn(usize) -> usize) -> Vec<usize> {
        let mut at = vec![0; self.0.len()];
        for moment in 1..at.len() {
            at[moment] = at[moment - 1] + 2;
            for (row, &index) in rows.iter().enumerate() {
                let op = &ops[index as usize];
                if self.end(op) == moment {
                    at[moment] = at[moment].max(at[self.find(op.call)] + wide(row) - 1);
                }
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Complete, Completion, HistoryBuilder, Value};

    #[test]
    fn bars_hold_their_labels() {
        let mut history = HistoryBuilder::new();
        let rows = [
            ("c1", "write", Value::Int(1), Completion::Ok(Value::Nil), 0, Some(5)),
            ("c2", "read", Value::Nil, Completion::Ok(Value::Int(2)), 3, Some(9)),
            ("c3", "write", Value::Int(3), Completion::Info, 4, None),
        ];
        for (process, function, input, completion, call, ret) in rows {
            history.operation(Complete { process, function, key: "x".into(), input, call, ret, completion }).unwrap();
        }
        let counterexample = Counterexample {
            partition: "x".into(),
            operations: vec![0, 1, 2],
            failed_at: Some(1),
            ..Counterexample::default()
        };
        let wide = timeline(&history.finish(), &counterexample, Style { width: 100, ascii: true });
        let expected = "\
x  c1  |- write 1 -|
   c2    |- read -> 2 -|   X no order gets past this
   c3      |- write 3 -> ? ..
";
        assert_eq!(wide, expected, "\n{wide}");
    }
}
