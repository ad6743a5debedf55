//! `--trace-id`, `--service`, `--operation`, `--since`, `--until`: which spans are looked at.
//!
//! Spans are told from the traces that they are in: a trace is kept whole if one of its spans matches, so that self
//! times, critical paths and parents stay what they are, and only what matches is told.

use crate::outcome::Finding;
use crate::store::{SpanRef, SpanStore};

/// The flags.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filter {
    /// Show this trace span by span; as much of its id as is unique
    #[arg(long, value_name = "ID", value_parser = trace_id)]
    pub trace_id: Option<String>,
    /// Only spans of this service, with the traces that they are in; repeatable
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Only spans with this name; repeatable
    #[arg(long, value_name = "NAME")]
    operation: Vec<String>,
    /// Only spans that start then or later: 2026-01-31, 2026-01-31T12:00:00Z, or nanoseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<u64>,
    /// Only spans that start before then
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,
}

fn trace_id(text: &str) -> Result<String, String> {
    let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(text.to_lowercase()) } else { Err("expected at most 32 hexadecimal digits".to_owned()) }
}

fn time(text: &str) -> Result<u64, String> {
    if let Ok(nanos) = text.parse() {
        return Ok(nanos);
    }
    let utc = |time: jiff::civil::DateTime| time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp());
    let timestamp = text.parse::<jiff::Timestamp>().ok();
    let timestamp = timestamp.or_else(|| text.parse().ok().and_then(utc));
    let nanos = timestamp.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    nanos.ok_or_else(|| {
        "expected a time (UTC) such as 2026-01-31, 2026-01-31T12:00:00Z, or nanoseconds since 1970".to_owned()
    })
}

impl Filter {
    /// Whether everything is looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.trace_id.is_none() && !self.is_partial()
    }

    /// Whether spans of one trace can differ in whether they match.
    fn is_partial(&self) -> bool {
        !self.service.is_empty() || !self.operation.is_empty() || self.since.is_some() || self.until.is_some()
    }

    /// The one trace that is asked for; nothing if there is no such trace, or none is asked for.
    ///
    /// # Errors
    /// A text when several traces match.
    pub(super) fn trace(&self, store: &SpanStore) -> Result<Option<u128>, String> {
        let Some(name) = &self.trace_id else { return Ok(None) };
        let whole = u128::from_str_radix(name, 16).ok();
        if let Some(trace) = store.traces().iter().find(|trace| Some(**trace) == whole) {
            return Ok(Some(*trace));
        }
        let matching = store.traces().iter().filter(|trace| format!("{trace:032x}").starts_with(name));
        let found: Vec<u128> = matching.copied().take(4).collect();
        match found[..] {
            [] => Ok(None),
            [trace] => Ok(Some(trace)),
            _ => {
                let names: Vec<String> = found.iter().take(3).map(|trace| format!("{trace:032x}")).collect();
                let more = if found.len() > 3 { ", …" } else { "" };
                Err(format!("--trace-id: {name} names several traces: {}{more}", names.join(", ")))
            }
        }
    }

    /// Whether a span is told, in a trace that is looked at.
    pub(super) fn matches(&self, span: SpanRef<'_>) -> bool {
        let is_one = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        is_one(&self.service, span.service_text())
            && is_one(&self.operation, span.name_text())
            && self.since.is_none_or(|since| span.start() >= since)
            && self.until.is_none_or(|until| span.start() < until)
    }

    /// Whether a finding is about what is looked at.
    pub(super) fn tells(&self, finding: &Finding) -> bool {
        let is_one = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        is_one(&self.service, &finding.service) && is_one(&self.operation, &finding.operation)
    }

    /// By span: whether its trace has a span that matches.
    pub(super) fn select(&self, store: &SpanStore, trace: Option<u128>) -> Vec<bool> {
        let of_trace = |span: SpanRef<'_>| self.trace_id.is_none() || trace == Some(span.trace_id());
        let mut wanted = vec![false; store.traces().len()];
        for span in store.iter().filter(|span| of_trace(*span) && self.matches(*span)) {
            wanted[span.trace()] = true;
        }
        store.iter().map(|span| wanted[span.trace()]).collect()
    }
}
