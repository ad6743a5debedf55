//! What was left out because less was asked for, as a sentence and as JSON.

use super::numbers::{count, counted, moment};
use crate::outcome::{Extent, Filtered};
use serde_json::{Map, Value, json};

/// What was asked for and what that left out, rows too; nothing if it left out nothing.
pub(super) fn sentence(filtered: &Filtered) -> Option<String> {
    let rows = |(table, rows): &(&str, u64)| format!("{} of {}", count(*rows), table.replace('_', " "));
    let rows: Vec<String> = filtered.rows.iter().map(rows).collect();
    let rows = (!rows.is_empty()).then(|| format!("rows cut off by the limit: {}", rows.join(", ")));
    let parts: Vec<String> = choice(filtered).into_iter().chain(rows).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The same without rows, for reports whose tables say it themselves.
pub(super) fn choice(filtered: &Filtered) -> Option<String> {
    let Filtered { asked, read, matching, context_spans, reference, findings, .. } = filtered;
    if asked.is_empty() {
        return None;
    }
    let asked: Vec<String> = asked.iter().map(|(flag, value)| format!("{flag} {}", shown(flag, value))).collect();
    let mut parts = vec![format!(
        "{}: {} of {} in {} of {}",
        asked.join(", "),
        count(matching.spans),
        counted(read.spans, "span"),
        count(matching.traces),
        counted(read.traces, "trace"),
    )];
    if *context_spans > 0 {
        parts.push(format!("{} of these traces not told", counted(*context_spans, "other span")));
    }
    if reference.traces > 0 {
        parts.push(format!("compared with {}", counted(reference.traces, "trace")));
    }
    if *findings > 0 {
        parts.push(format!("{} about others left out", counted(*findings, "finding")));
    }
    Some(parts.join("; "))
}

fn shown(flag: &str, value: &str) -> String {
    let time = |text: &str| text.parse().map_or_else(|_| text.to_owned(), moment);
    match flag {
        "since" | "until" => time(value),
        "reference-window" => value.split("..").map(time).collect::<Vec<_>>().join(" to "),
        _ => value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
    }
}

pub(super) fn json(filtered: &Filtered) -> Value {
    let extent = |extent: &Extent| json!({"traces": extent.traces, "spans": extent.spans});
    let asked = |(flag, value): &(&str, String)| json!({"flag": flag, "value": value});
    let rows: Map<String, Value> =
        filtered.rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
    json!({
        "asked": filtered.asked.iter().map(asked).collect::<Value>(),
        "read": extent(&filtered.read),
        "matching": extent(&filtered.matching),
        "context_spans": filtered.context_spans,
        "reference": extent(&filtered.reference),
        "findings": filtered.findings,
        "rows": rows,
    })
}
