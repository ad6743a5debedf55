//! `causet order`: how one span stands to another, and the path that shows it.

use crate::causal::{At, Comparer};
use crate::cli::args::{self, Global};
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, Known};
use crate::formats::Reading;
use crate::outcome::{Extent, Filtered, Order, Report};
use crate::store::SpanStore;
use crate::trace_context::TraceParent;

#[derive(Clone, Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("question").required(true).args(["from", "concurrent_with"]),
    after_help = "SPAN is a span id in hexadecimal, or as much of it as is unique; TRACE:SPAN where several traces have it;
or a W3C `traceparent`.
SPAN@start, SPAN@end or SPAN@2 (the second event recorded in it) is that event alone.

Events are before, after or concurrent. Of spans, all events are compared:
  before       the end of the one is before the start of the other (after: the other way round)
  overlapping  neither is wholly before the other, but an event of one is before an event of the other
  concurrent   no event of one is before any event of the other
  unknown      a span that is not in the data could make it one or another of these

Examples:
  causet order traces.jsonl --from eee19b7ec3c1b174 --to fff19b7ec3c1b174
  causet order traces.jsonl --from eee1@start --to fff1@end
  causet order traces/ --concurrent-with eee19b7ec3c1b174"
)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    inputs: args::Inputs,
    /// How this span stands …
    #[arg(long, value_name = "SPAN", requires = "to", value_parser = name)]
    from: Option<Name>,
    /// … to this one
    #[arg(long, value_name = "SPAN", requires = "from", value_parser = name)]
    to: Option<Name>,
    /// List the spans of which nothing is before or after anything of this one
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["from", "to"], value_parser = name)]
    concurrent_with: Option<Name>,
    #[command(flatten)]
    reporting: args::Reporting,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let destinations = Destinations::new(&args.reporting, global)?;
    let mut report = Report { command: "order", ..Report::default() };
    let inputs = match Inputs::new(&args.inputs, destinations.talks(), &mut report) {
        Ok(inputs) => inputs,
        Err(message) => return Ok(destinations.refuse(report, message)),
    };
    let limits = Limits::new(global);
    let watch = limits.watch(destinations.emergency(&Known::new(&report)));
    let mut reading = Reading::default();
    for place in inputs.places() {
        inputs.load(place, &mut reading, &limits, &mut report);
    }
    let store = reading.spans.finish();
    report.cause = limits.hit().map(|(kind, detail)| (kind, format!("{detail} after reading {} spans", store.len())));
    if report.cause.is_none() && !store.is_empty() {
        match answer(args, &store) {
            Ok((mut order, why)) => {
                if let Some(limit) = args.reporting.limit.filter(|limit| *limit > 0) {
                    cut(&store, &mut report, &mut order, limit);
                }
                report.order = Some(order);
                report.cause = why.map(|why| ("missing-data".to_owned(), why));
            }
            Err(message) => {
                drop(watch);
                return Ok(destinations.refuse(report, message));
            }
        }
    }
    drop(watch);
    Ok(destinations.deliver(&report))
}

/// Takes off the lists of an answer what goes beyond the limit that was asked for.
fn cut(store: &SpanStore, report: &mut Report, order: &mut Order, limit: usize) {
    let Order::Concurrent(found) = order else { return };
    let mut cut = Vec::new();
    for (name, list) in [("concurrent", &mut found.concurrent), ("unknown", &mut found.unknown)] {
        if list.len() > limit {
            cut.push((name, (list.len() - limit) as u64));
            list.truncate(limit);
        }
    }
    if !cut.is_empty() {
        let all = Extent { traces: store.traces().len() as u64, spans: store.len() as u64 };
        report.filtered = Some(Filtered { read: all, matching: all, rows: cut, ..Filtered::default() });
    }
}

/// The answer, and why it is unknown if it is.
fn answer(args: &Arguments, store: &SpanStore) -> Result<(Order, Option<String>), String> {
    let find = |flag: &str, name: &Name| name.find(store).map_err(|message| format!("{flag}: {message}"));
    if let (Some(from), Some(to)) = (&args.from, &args.to) {
        let (from, to) = (find("--from", from)?, find("--to", to)?);
        let (pair, why) = Comparer::new(store).pair(from, to)?;
        return Ok((Order::Pair(pair), why));
    }
    let with = args.concurrent_with.as_ref().ok_or("expected --from and --to, or --concurrent-with")?;
    let with = find("--concurrent-with", with)?;
    Ok((Order::Concurrent(Comparer::new(store).concurrent(with)?), None))
}

/// What a user calls an event.
#[derive(Clone, Debug)]
struct Name {
    text: String,
    trace: String,
    /// The beginning of the span id, in lower case.
    span: String,
    at: At,
}

fn name(text: &str) -> Result<Name, String> {
    let (ids, at) = match text.split_once('@') {
        None => (text, At::Whole),
        Some((ids, "start")) => (ids, At::Start),
        Some((ids, "end")) => (ids, At::End),
        Some((ids, number)) => {
            let number = number.parse().ok().filter(|number| *number > 0);
            (ids, At::Recorded(number.ok_or("expected start, end or a number from 1 after @")?))
        }
    };
    if let Ok(TraceParent { trace_id, parent_id, .. }) = TraceParent::parse(ids) {
        let (trace, span) = (format!("{trace_id:032x}"), format!("{parent_id:016x}"));
        return Ok(Name { text: ids.to_owned(), trace, span, at });
    }
    let (trace, span) = ids.split_once([':', '/']).unwrap_or(("", ids));
    let is_hexadecimal = |id: &str, digits| id.len() <= digits && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if span.is_empty() || !is_hexadecimal(span, 16) || !is_hexadecimal(trace, 32) {
        return Err("expected a span id of at most 16 hexadecimal digits, TRACE:SPAN, or a traceparent".to_owned());
    }
    Ok(Name { text: ids.to_owned(), trace: trace.to_lowercase(), span: span.to_lowercase(), at })
}

impl Name {
    /// The span that it names: of several with one id in one trace the first.
    fn find(&self, store: &SpanStore) -> Result<(usize, At), String> {
        let whole = u64::from_str_radix(&self.span, 16).ok();
        let mut found = self.matches(store, |id| Some(id) == whole);
        if found.is_empty() {
            found = self.matches(store, |id| format!("{id:016x}").starts_with(&self.span));
        }
        match found[..] {
            [] => Err(format!("no span {} in {} spans", self.text, store.len())),
            [only] => Ok((only, self.at)),
            _ => {
                let name = |&at: &usize| format!("{:032x}:{:016x}", store.span(at).trace_id(), store.span(at).id());
                let more = if found.len() > 3 { ", …" } else { "" };
                let names: Vec<String> = found.iter().take(3).map(name).collect();
                Err(format!("{} names several spans: {}{more}", self.text, names.join(", ")))
            }
        }
    }

    /// The first spans whose ids match; of those with the same ids one.
    fn matches(&self, store: &SpanStore, matches: impl Fn(u64) -> bool) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let in_trace = |id: u128| self.trace.is_empty() || format!("{id:032x}").starts_with(&self.trace);
        for span in store.iter().filter(|span| matches(span.id()) && in_trace(span.trace_id())) {
            let known = |&at: &usize| (store.span(at).trace(), store.span(at).id()) == (span.trace(), span.id());
            if !found.iter().any(known) {
                found.push(span.index());
            }
            if found.len() > 3 {
                break;
            }
        }
        found
    }
}
