//! `--trace-id`, `--service`, `--operation`, `--since`, `--until`, `--reference-window`: what is looked at.
//!
//! Traces are looked at whole or not at all, so that self times, critical paths and parents stay what they are. By time
//! and id, traces are chosen; a service and an operation choose the traces that have such a span, and of these only
//! such spans are told. What is left out is counted.

use crate::outcome::{Extent, Filtered, Finding};
use crate::store::{SpanRef, SpanStore};
use crate::trace_context::TraceParent;
use std::collections::BTreeSet;

/// The flags.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filter {
    /// Show this trace span by span; as much of its id as is unique, or a `traceparent`
    #[arg(long, value_name = "ID", value_parser = trace_id)]
    pub trace_id: Option<String>,
    /// Tell only spans of this service, and findings about it; repeatable
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Tell only spans with this name, and findings about them; repeatable
    #[arg(long, value_name = "NAME")]
    operation: Vec<String>,
    /// Only traces that start then or later: 2026-01-31, 2026-01-31T12:00:00Z, or nanoseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<u64>,
    /// Only traces that start before then
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,
    /// Compare with the traces that start in this window, which are left out themselves
    #[arg(long, value_name = "START..END", value_parser = window, conflicts_with = "reference")]
    reference_window: Option<(u64, u64)>,
}

fn trace_id(text: &str) -> Result<String, String> {
    if let Ok(header) = TraceParent::parse(text) {
        return Ok(format!("{:032x}", header.trace_id));
    }
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

fn window(text: &str) -> Result<(u64, u64), String> {
    let (start, end) = text.split_once("..").ok_or("expected two times with .. between them")?;
    let (start, end) = (time(start)?, time(end)?);
    if start < end { Ok((start, end)) } else { Err("the window ends before it starts".to_owned()) }
}

/// What of a store is looked at: by span, whether it is.
pub(super) struct Chosen {
    pub keep: Vec<bool>,
    pub reference: Vec<bool>,
    /// The one trace that is asked for by id.
    pub trace: Option<u128>,
    pub account: Filtered,
}

impl Filter {
    /// Whether everything is looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.asked().is_empty()
    }

    /// Whether there is a window to compare with.
    pub(super) fn has_reference(&self) -> bool {
        self.reference_window.is_some()
    }

    /// The flags that were given.
    fn asked(&self) -> Vec<(&'static str, String)> {
        let mut asked: Vec<(&'static str, String)> = Vec::new();
        asked.extend(self.trace_id.iter().map(|id| ("trace-id", id.clone())));
        asked.extend(self.service.iter().map(|name| ("service", name.clone())));
        asked.extend(self.operation.iter().map(|name| ("operation", name.clone())));
        asked.extend(self.since.iter().map(|time| ("since", time.to_string())));
        asked.extend(self.until.iter().map(|time| ("until", time.to_string())));
        asked.extend(self.reference_window.iter().map(|(from, to)| ("reference-window", format!("{from}..{to}"))));
        asked
    }

    /// Chooses from everything that was read.
    ///
    /// # Errors
    /// A text when several traces have the id, or nothing that was read has a service or a name that is asked for.
    pub(super) fn choose(&self, store: &SpanStore) -> Result<Chosen, String> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err("--until: expected a time after that of --since".to_owned());
        }
        self.known("--service", &self.service, store, SpanRef::service_text)?;
        self.known("--operation", &self.operation, store, SpanRef::name_text)?;
        let trace = self.trace(store)?;
        let starts = store.trace_starts();
        let in_reference = |trace: usize| {
            self.reference_window.is_some_and(|(from, to)| starts[trace].is_some_and(|at| (from..to).contains(&at)))
        };
        let in_time = |trace: usize| {
            (self.since.is_none() || starts[trace] >= self.since)
                && self.until.is_none_or(|until| starts[trace].is_some_and(|start| start < until))
        };
        let of_id = |span: SpanRef<'_>| self.trace_id.is_none() || trace == Some(span.trace_id());
        let mut wanted = vec![false; store.traces().len()];
        let mut matching = Extent::default();
        for span in store.iter().filter(|span| of_id(*span) && self.matches(*span)) {
            if in_time(span.trace()) && !in_reference(span.trace()) {
                matching.spans += 1;
                matching.traces += u64::from(!std::mem::replace(&mut wanted[span.trace()], true));
            }
        }
        let keep: Vec<bool> = store.iter().map(|span| wanted[span.trace()]).collect();
        let reference: Vec<bool> = store.iter().map(|span| in_reference(span.trace())).collect();
        let count = |spans: &[bool]| spans.iter().filter(|kept| **kept).count() as u64;
        let account = Filtered {
            asked: self.asked(),
            read: Extent { traces: store.traces().len() as u64, spans: store.len() as u64 },
            matching,
            context_spans: count(&keep) - matching.spans,
            reference: Extent {
                traces: (0..starts.len()).filter(|trace| in_reference(*trace)).count() as u64,
                spans: count(&reference),
            },
            ..Filtered::default()
        };
        Ok(Chosen { keep, reference, trace, account })
    }

    /// That there are such names.
    fn known<'a>(
        &self,
        flag: &str,
        asked: &[String],
        store: &'a SpanStore,
        name: impl Fn(SpanRef<'a>) -> &'a str,
    ) -> Result<(), String> {
        if asked.is_empty() || store.is_empty() {
            return Ok(());
        }
        let known: BTreeSet<&str> = store.iter().map(name).collect();
        let Some(unknown) = asked.iter().find(|asked| !known.contains(asked.as_str())) else { return Ok(()) };
        let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &unknown.to_lowercase());
        // A part of a name is near it, however long the name is.
        let is_part = |name: &str| name.to_lowercase().contains(&unknown.to_lowercase());
        let mut near: Vec<(bool, f64, &str)> =
            known.iter().map(|name| (is_part(name), likeness(name), *name)).collect();
        near.sort_by(|a, b| (b.0, b.1).partial_cmp(&(a.0, a.1)).unwrap_or(std::cmp::Ordering::Equal));
        let near: Vec<String> = near.iter().take(3).map(|(_, _, name)| format!("`{}`", name.escape_debug())).collect();
        Err(format!("{flag}: none of {} spans has `{unknown}`; near it are {}", store.len(), near.join(", ")))
    }

    /// The one trace that is asked for; nothing if there is no such trace, or none is asked for.
    fn trace(&self, store: &SpanStore) -> Result<Option<u128>, String> {
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
        is_one(&self.service, span.service_text()) && is_one(&self.operation, span.name_text())
    }

    /// Whether a finding is about what is looked at.
    pub(super) fn tells(&self, finding: &Finding) -> bool {
        let is_one = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        is_one(&self.service, &finding.service) && is_one(&self.operation, &finding.operation)
    }
}
