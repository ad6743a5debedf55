//! `causet order`: how two spans stand to each other, and why; or what is concurrent with one.

use crate::causal::{CausalGraph, EdgeKind, EventId, EventKind, Relation, RestsOn};
use crate::cli::args::{self, Global};
use crate::cli::exit;
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::complain;
use crate::formats::Reading;
use crate::outcome::Report;
use crate::store::SpanStore;
use std::fmt::Write as _;
use std::io::{self, Write as _};

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet order traces.jsonl --from eee19b7ec3c1b174 --to aaa19b7ec3c1b174
  causet order traces.jsonl --concurrent-with eee19b7ec3c1b174

A span is named by its id, or by trace and span as TRACE:SPAN where the id is not unique.")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    inputs: args::Inputs,
    /// The span that may be before the other
    #[arg(long, value_name = "SPAN", requires = "to", required_unless_present = "concurrent_with")]
    from: Option<String>,
    /// The span that may be after it
    #[arg(long, value_name = "SPAN", requires = "from")]
    to: Option<String>,
    /// List the spans that are neither before nor after this one, concurrent or of unknown order
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["from", "to"])]
    concurrent_with: Option<String>,
    /// List so many; 0 for all
    #[arg(long, default_value_t = 15, value_name = "N")]
    limit: usize,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> u8 {
    match try_run(args, global) {
        Ok(code) => code,
        Err(message) => {
            complain(&message);
            exit::USAGE
        }
    }
}

fn try_run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let mut report = Report { command: "order", ..Report::default() };
    let inputs = Inputs::new(&args.inputs, !global.quiet, &mut report)?;
    let limits = Limits::new(global);
    let watch = limits.watch(|kind, detail| {
        complain(&format!("{kind}: {detail}"));
        3
    });
    let mut reading = Reading::default();
    for place in inputs.places() {
        inputs.load(place, &mut reading, &limits, &mut report);
    }
    for error in &report.errors {
        complain(&format!("{}: {}", error.path, error.message));
    }
    if let Some((kind, detail)) = limits.hit() {
        complain(&format!("{kind}: {detail}"));
        return Ok(3);
    }
    let store = reading.spans.finish();
    if store.is_empty() {
        complain("no span was read");
        return Ok(if report.errors.is_empty() { 4 } else { exit::USAGE });
    }
    let graph = CausalGraph::new(&store);
    let (text, code) = match (&args.from, &args.to, &args.concurrent_with) {
        (Some(from), Some(to), _) => relation(&store, &graph, find(&store, from)?, find(&store, to)?),
        (_, _, Some(span)) => (concurrent(&store, &graph, find(&store, span)?, args.limit), 0),
        _ => return Err("name two spans with --from and --to, or one with --concurrent-with".to_owned()),
    };
    drop(watch);
    // A closed pipe ends quietly.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(if report.errors.is_empty() { code } else { exit::USAGE })
}

/// The span that is named so.
fn find(store: &SpanStore, name: &str) -> Result<usize, String> {
    let (trace, span) = match name.split_once(':') {
        Some((trace, span)) => (Some(trace), span),
        None => (None, name),
    };
    let expected = || format!("`{name}` is no span: expected up to 16 hexadecimal digits, or TRACE:SPAN");
    let id = u64::from_str_radix(span, 16).map_err(|_| expected())?;
    let trace = trace.map(|trace| u128::from_str_radix(trace, 16).map_err(|_| expected())).transpose()?;
    let fits = |span: &crate::store::SpanRef<'_>| span.id() == id && trace.is_none_or(|trace| span.trace_id() == trace);
    let mut found = store.iter().filter(fits);
    let first = found.next().ok_or_else(|| format!("no span {name} in the input"))?;
    match found.find(|other| other.trace_id() != first.trace_id()) {
        Some(_) => Err(format!("several traces have a span {name}; name it as TRACE:SPAN")),
        None => Ok(first.index()),
    }
}

fn named(store: &SpanStore, span: usize) -> String {
    let span = store.span(span);
    format!("{} {} ({:016x})", span.service_text(), span.name_text(), span.id())
}

fn relation(store: &SpanStore, graph: &CausalGraph, from: usize, to: usize) -> (String, u8) {
    let explained = graph.explain(store, graph.start(from), graph.start(to));
    let (a, b) = (named(store, from), named(store, to));
    let rests = match explained.answer.rests_on {
        RestsOn::Certain => "certain: it holds whatever the clocks say",
        RestsOn::Assumed => "assumed: at least one step is read off timestamps",
    };
    let mut out = String::new();
    let (line, code) = match explained.answer.relation {
        Relation::Before => (format!("before: {a} starts before {b} starts; {rests}"), 0),
        Relation::After => (format!("after: {a} starts after {b} starts; {rests}"), 0),
        Relation::Equal => (format!("equal: both are {a}"), 0),
        Relation::Concurrent => (format!("concurrent: nothing orders the starts of {a} and {b}"), 0),
        Relation::Unknown => {
            let why = "a parent or linked span that is not in the data may order them";
            (format!("unknown: nothing seen orders the starts of {a} and {b}, but {why}"), 3)
        }
    };
    let _ = writeln!(out, "{line}");
    for (event, edge) in explained.path {
        let _ = writeln!(out, "  {}{}", edge.map_or("", step), what(store, graph, event));
    }
    (out, code)
}

fn step(edge: EdgeKind) -> &'static str {
    match edge {
        EdgeKind::Program => "→ (same span) ",
        EdgeKind::Parent => "→ (parent to child) ",
        EdgeKind::Link => "→ (link) ",
        EdgeKind::ChildEnd => "⇢ (assumed: the child ended inside its parent) ",
        EdgeKind::Local => "⇢ (assumed: later by the clock of their process) ",
    }
}

fn what(store: &SpanStore, graph: &CausalGraph, event: EventId) -> String {
    let span = graph.span_of(event);
    let what = match graph.kind_of(event) {
        EventKind::Start => "start".to_owned(),
        EventKind::End => "end".to_owned(),
        EventKind::Recorded(at) => {
            let name = store.span(span).events().nth(at as usize).map_or("", |event| store.text(event.name));
            format!("event `{name}`")
        }
    };
    format!("{what} of {}", named(store, span))
}

fn concurrent(store: &SpanStore, graph: &CausalGraph, span: usize, limit: usize) -> String {
    let mut found = graph.concurrent_with(span);
    let trace = store.span(span).trace();
    found.sort_by_key(|&other| store.span(other).trace() != trace);
    let same = found.iter().filter(|&&other| store.span(other).trace() == trace).count();
    let torn = graph.misses_something(store, graph.start(span));
    let is_unknown = |&other: &usize| torn || graph.misses_something(store, graph.start(other));
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} of {} spans are neither before nor after {}, {same} of them in its trace",
        found.len(),
        store.len(),
        named(store, span)
    );
    let shown = if limit == 0 { found.len() } else { limit };
    for other in found.iter().take(shown) {
        let known = if is_unknown(other) { "unknown   " } else { "concurrent" };
        let _ = writeln!(out, "  {known} {} of trace {:032x}", named(store, *other), store.span(*other).trace_id());
    }
    if found.iter().take(shown).any(is_unknown) {
        let _ = writeln!(out, "  unknown: a parent or linked span that is not in the data may order the two");
    }
    if found.len() > shown {
        let _ = writeln!(out, "  … and {} more (--limit 0 lists all)", found.len() - shown);
    }
    out
}
