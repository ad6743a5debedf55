//! `causet convert`: one format into another.

use crate::causal::{CausalGraph, ExactOrder, SpanOrder};
use crate::cli::args::{self, Global, Key};
use crate::cli::exit;
use crate::cli::inputs::Inputs;
use crate::cli::limits::Limits;
use crate::cli::output::{complain, note};
use crate::extract;
use crate::formats::{self, Format, Reading, Writes};
use crate::outcome::Report;
use crate::store::SpanStore;
use causet_checkers::history::History;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet convert traces.jsonl.zst --to parquet=traces.parquet
  causet convert history.edn --to jsonl
  causet convert traces.jsonl --to causal-jsonl=order.jsonl
  causet convert traces.jsonl --to perfetto=trace.json --to dot=order.dot
  causet convert a.jsonl b.jsonl --to otlp-proto=both.binpb --to otlp-json=both.jsonl")]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    inputs: args::Inputs,
    /// Write this format, to a file or (without a path, or with -) to standard output; repeatable
    #[arg(long, required = true, value_name = "FORMAT[=PATH]")]
    to: Vec<String>,
    /// Whether Jepsen values that are pairs are [key value]
    #[arg(long, value_enum, default_value_t = Key::Auto, value_name = "HOW")]
    key: Key,
    /// Nothing to convert is fine
    #[arg(long)]
    allow_empty: bool,
}

/// A format to write, and where.
type Target = (&'static dyn Format, Option<PathBuf>);

fn target(text: &str) -> Result<Target, String> {
    let (id, path) = match text.split_once('=') {
        Some((id, path)) => (id, (path != "-").then(|| PathBuf::from(path))),
        None => (text, None),
    };
    let writers = || {
        let writers = formats::ALL.iter().filter(|format| format.writes() != Writes::Nothing);
        writers.map(|format| format.entry().id).collect::<Vec<_>>().join(", ")
    };
    let format = formats::by_id(id).ok_or_else(|| format!("no format `{id}`; these can be written: {}", writers()))?;
    if format.writes() == Writes::Nothing {
        return Err(format!("format `{id}` is only read; these can be written: {}", writers()));
    }
    Ok((format, path))
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let targets: Vec<Target> = args.to.iter().map(|text| target(text)).collect::<Result<_, _>>()?;
    if targets.iter().filter(|(_, path)| path.is_none()).count() > 1 {
        return Err("only one format can go to standard output; give the others a path: --to parquet=FILE".to_owned());
    }
    let mut report = Report { command: "convert", ..Report::default() };
    let inputs = Inputs::new(&args.inputs, !global.quiet, &mut report)?;
    let limits = Limits::new(global);
    let watch = limits.watch(|kind, detail| {
        complain(&format!("{kind}: {detail}"));
        3
    });
    let mut reading = Reading { key_mode: args.key.into(), ..Reading::default() };
    let mut history = History::default();
    for place in inputs.places() {
        let input = inputs.load(place, &mut reading, &limits, &mut report);
        if input.is_some_and(|input| input.operations > 0) {
            if !history.is_empty() {
                return Err("several histories do not make one; convert them one by one".to_owned());
            }
            history = std::mem::take(&mut reading.history).finish();
        }
    }
    tell(&report);
    let spans = reading.spans.finish();
    if let Some((kind, detail)) = limits.hit() {
        complain(&format!("{kind}: {detail}; nothing was written"));
        return Ok(3);
    }
    if spans.is_empty() && history.is_empty() {
        if !report.errors.is_empty() {
            return Ok(exit::USAGE);
        }
        complain("nothing to convert: no span and no operation");
        return Ok(if args.allow_empty { 0 } else { 4 });
    }
    let mut refused = 0;
    let read = history.len();
    if history.is_empty() && targets.iter().any(|(format, _)| format.writes() == Writes::History) {
        let extracted = extract::extract(&spans, &[], formats::json_value);
        refused = extracted.refused.len();
        for (span, reason) in extracted.refused.iter().take(5) {
            note(&format!("warning: span {:016x} skipped: {reason}", spans.span(*span).id()));
        }
        history = extracted.history;
    }
    for target in &targets {
        write(target, &spans, &history)?;
        tell_left_out(target.0, spans.len(), read);
    }
    drop(watch);
    let lost = args.inputs.strict && refused > 0;
    Ok(if report.errors.is_empty() && !lost { 0 } else { exit::USAGE })
}

/// What was read beside what the format holds: spans of traces, or operations of a history.
fn tell_left_out(format: &dyn Format, spans: usize, operations: usize) {
    let (what, left_out) = match format.writes() {
        // Without a history, operations are those of the spans.
        Writes::History if operations == 0 => return,
        Writes::History => ("span", spans),
        _ => ("operation", operations),
    };
    if left_out > 0 {
        let (s, id) = (if left_out == 1 { "" } else { "s" }, format.entry().id);
        note(&format!("note: {id} has no place for {what}s: {left_out} {what}{s} left out"));
    }
}

fn tell(report: &Report) {
    for error in &report.errors {
        let place = error.position.as_ref().map_or_else(String::new, |position| format!(", {position}"));
        complain(&format!("{}{place}: {}", error.path, error.message));
    }
    for input in report.inputs.iter().filter(|input| input.skipped_total > 0) {
        note(&format!("warning: {}: {} skipped", input.path, input.skipped_total));
        for (position, reason) in input.skipped.iter().take(5) {
            note(&format!("  {position}: {reason}"));
        }
    }
}

fn write((format, path): &Target, spans: &SpanStore, history: &History) -> Result<(), String> {
    // Known before anything is opened: a target is not destroyed for nothing.
    let id = format.entry().id;
    match format.writes() {
        Writes::Spans | Writes::Order | Writes::Picture | Writes::Graph if spans.is_empty() => {
            return Err(format!("`{id}` holds traces, but the input is a history"));
        }
        Writes::History if history.is_empty() => {
            return Err(format!("`{id}` holds a history, but no span carries an operation (causet.op.f)"));
        }
        _ => {}
    }
    let name = path.as_ref().map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
    let outcome = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| format!("{name}: {error}")),
    };
    let mut to: Box<dyn Write + Send> = match path {
        Some(path) => Box::new(File::create(path).map_err(|error| format!("{name}: {error}"))?),
        None => Box::new(io::stdout()),
    };
    let mut to = BufWriter::with_capacity(1 << 20, &mut *to);
    match format.writes() {
        Writes::Spans | Writes::Picture => outcome(format.write_spans(spans, &mut to))?,
        Writes::Graph => outcome(write_graph(*format, spans, &mut to))?,
        Writes::Order => outcome(write_order(*format, spans, &mut to))?,
        Writes::History => outcome(format.write_history(history, &mut to))?,
        Writes::Nothing => unreachable!("targets were checked to be writable"),
    }
    outcome(to.flush())?;
    if !format.loses().is_empty() {
        note(&format!("note: {id} has no place for {}", format.loses().join("; ")));
    }
    Ok(())
}

fn write_graph(format: &dyn Format, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
    let drawing = match ExactOrder::new(spans) {
        Some(order) => order.drawing(spans),
        None => CausalGraph::new(spans).drawing(spans),
    };
    format.write_graph(&drawing, to)
}

fn write_order(format: &dyn Format, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
    let warn = |problem: &crate::causal::Diagnosis| {
        note(&format!("warning: {} {}: {}", problem.count, problem.problem.id(), problem.problem.summary()));
    };
    match ExactOrder::new(spans) {
        Some(order) => {
            order.problems().iter().for_each(warn);
            if order.is_empty() {
                return Err(io::Error::other("none of the exact events (causet.event.id) could be read"));
            }
            format.write_order(&mut order.rows(spans), to)
        }
        None => {
            let graph = CausalGraph::new(spans);
            format.write_order(&mut SpanOrder::new(&graph, spans).rows(), to)
        }
    }
}
