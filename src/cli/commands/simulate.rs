//! `causet simulate`: runs an included algorithm under faults and judges what came of it.

use crate::algorithms;
use crate::cli::args::{Global, Reporting};
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, Known};
use crate::cli::progress;
use crate::config::units::duration;
use crate::formats::{self, json_text};
use crate::lab::{self, Experiment, FaultChoice, Judgement, files};
use crate::node::System;
use crate::outcome::{
    Answer, CheckResult, FaultSummary, InputError, Report, SeedFailure, SeedSearch, Simulation, StoryLine, Wrong,
};
use crate::sim::{Recording, Run};
use crate::store::{SpanStore, StoreBuilder};
use causet_checkers::Shrink;
use causet_checkers::history::History;
use std::collections::BTreeMap;
use std::fs;
use std::io::BufWriter;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet simulate raft
  causet simulate raft --nodes 5 --faults partition,crash --mutant local-read
  causet simulate raft --seeds 1..1000 --faults all
  causet simulate --replay causet-simulate/raft-42/run.toml")]
pub(in crate::cli) struct Arguments {
    /// The system (see `causet list systems`)
    #[arg(value_name = "SYSTEM", required_unless_present = "replay")]
    system: Option<String>,
    /// Everything is drawn from this: the same seed gives the same run
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Run all seeds from A to B, on all cores, and tell which fail
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with_all = ["seed", "replay"])]
    seeds: Option<RangeInclusive<u64>>,
    /// How many servers [default: as the system likes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: Option<u16>,
    /// How many clients
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// How many operations they perform
    #[arg(long, default_value_t = 2000, value_name = "N")]
    ops: u64,
    /// How many keys there are
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// What the clients do (see `causet explain SYSTEM`)
    #[arg(long, value_name = "ID")]
    workload: Option<String>,
    /// Simulated time in which faults act
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    duration: Duration,
    /// Kinds of faults (see `causet list faults`), such as partition,drop=0.3; all; none [default: a few, chosen by the seed]
    #[arg(long, value_name = "IDS")]
    faults: Option<String>,
    /// Allow faults that the system does not claim to tolerate
    #[arg(long)]
    beyond: bool,
    /// Switch a known bug on (see `causet list mutants`)
    #[arg(long, value_name = "ID")]
    mutant: Option<String>,
    /// Turn a knob of the system (see `causet explain SYSTEM`); repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    option: Vec<String>,
    /// Let the seed choose nodes, clients, operations, workload, options and many faults at once
    #[arg(long, conflicts_with_all = ["replay", "nodes", "clients", "ops", "keys", "workload", "duration", "faults", "option"])]
    hard: bool,
    /// Repeat the run of a run.toml, with its faults as they stand there
    #[arg(long, value_name = "FILE", conflicts_with_all = ["system", "seed", "nodes", "clients", "ops", "keys", "workload",
        "duration", "faults", "beyond", "mutant", "option"])]
    replay: Option<PathBuf>,
    /// If it goes wrong, look for fewer faults and operations with which it does too, and run these
    #[arg(long)]
    shrink: bool,
    /// Where to write history.jsonl, traces.otlp.jsonl, truth.json and run.toml [default: causet-simulate/SYSTEM-SEED]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    reporting: Reporting,
}

fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wrong = || "expected A..B, such as 1..1000".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim_start_matches('=').parse::<u64>().map_err(|_| wrong());
    let (from, to) = (number(from)?, number(to)?);
    if from > to { Err(format!("{from} is after {to}")) } else { Ok(from..=to) }
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let destinations = Destinations::new(&args.reporting, global)?;
    let report = Report { command: "simulate", ..Report::default() };
    let experiment = match experiment(args) {
        Ok(experiment) => experiment,
        Err(message) => return Ok(destinations.refuse(report, message)),
    };
    let limits = Limits::new(global);
    let watch = limits.watch(destinations.emergency(&Known::new(&report)));
    let report = match &args.seeds {
        Some(seeds) => many(args, &experiment, seeds.clone(), &limits, destinations.talks(), report),
        None => one(args, &experiment, report),
    };
    drop(watch);
    Ok(destinations.deliver(&report))
}

/// A system by its id.
pub(super) fn system(id: &str) -> Result<&'static dyn System, String> {
    algorithms::by_id(id).ok_or_else(|| {
        let ids: Vec<&str> = algorithms::ALL.iter().map(|system| system.about().entry.id).collect();
        let near = ids.iter().find(|known| strsim::damerau_levenshtein(known, id) < 3);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        format!("there is no system `{id}`; there are {}{hint}", ids.join(", "))
    })
}

fn experiment(args: &Arguments) -> Result<Experiment, String> {
    if let Some(path) = &args.replay {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        return files::read_run_file(&text, algorithms::by_id).map_err(|error| format!("{}: {error}", path.display()));
    }
    let found = system(args.system.as_deref().unwrap_or_default())?;
    let about = found.about();
    let mut experiment = Experiment::new(found, args.seed);
    if let Some(id) = &args.mutant {
        experiment.mutant = Some(files::mutant_of(found, id)?);
    }
    if let Some(id) = &args.workload {
        experiment.workload = files::workload_of(found, id)?;
    }
    if args.hard {
        return Ok(Experiment::hard(found, args.seed, experiment.mutant));
    }
    experiment.servers = args.nodes.unwrap_or(about.servers);
    experiment.clients = args.clients;
    experiment.operations = args.ops;
    experiment.keys = args.keys;
    experiment.active_ns =
        lab::active_time(args.duration.as_nanos()).map_err(|error| format!("--duration: {error}"))?;
    for option in &args.option {
        let (name, value) = option.split_once('=').ok_or_else(|| format!("--option {option}: expected NAME=VALUE"))?;
        about.check_option(name, value)?;
        experiment.options.push((name.to_owned(), value.to_owned()));
    }
    if let Some(text) = &args.faults {
        experiment.faults = lab::fault_choice(text, found, args.beyond)?;
    }
    Ok(experiment)
}

fn one(args: &Arguments, experiment: &Experiment, mut report: Report) -> Report {
    let smaller = args.shrink.then(|| lab::shrink(experiment));
    let experiment = smaller.as_ref().unwrap_or(experiment);
    let (run, judgement) = lab::perform(experiment, Recording::Full, Shrink::Auto);
    let id = experiment.system.about().entry.id;
    let place = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("causet-simulate/{id}-{}", experiment.seed)));
    let mut simulation = describe(experiment, &run, &judgement);
    match write(&place, experiment, &run, &judgement) {
        Ok(written) => simulation.files = written,
        Err(error) => report.errors.push(error),
    }
    let file = |name: &str| place.join(name).display().to_string();
    if let Some(promise) = lab::promise(experiment.system, &experiment.options) {
        let property = match promise.property {
            "linearizable" => String::new(),
            other => format!(" --property {other}"),
        };
        simulation.next.push(format!("causet check {} --model {}{property}", file("history.jsonl"), promise.model));
    }
    simulation.next.push(format!("causet analyze {}", file("traces.otlp.jsonl")));
    simulation.next.push(format!("causet simulate --replay {}", file("run.toml")));
    report.results = judgement.results;
    for result in &mut report.results {
        result.input = format!("{id} seed {}", experiment.seed);
    }
    inert(experiment, &simulation.faults, &mut report);
    report.simulation = Some(simulation);
    report
}

/// A fault that was asked for and never acted would make a pass mean nothing.
fn inert(experiment: &Experiment, acted: &[FaultSummary], report: &mut Report) {
    let FaultChoice::Kinds(kinds) = &experiment.faults else { return };
    let never: Vec<&str> = kinds
        .iter()
        .map(|(fault, _)| fault.entry().id)
        .filter(|id| acted.iter().all(|fault| fault.kind != *id || fault.activations == 0))
        .collect();
    if !never.is_empty() {
        let detail =
            format!("never acted: {}; try more operations, a longer --duration or other seeds", never.join(", "));
        report.cause = Some(("inert-fault".to_owned(), detail));
    }
}

pub(super) fn describe(experiment: &Experiment, run: &Run, judgement: &Judgement) -> Simulation {
    use crate::node::Outcome;
    let cluster = experiment.cluster();
    let count = |wanted: fn(&Outcome) -> bool| run.performed.iter().filter(|of| wanted(&of.outcome)).count() as u64;
    let mut kinds: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
    let mut story = Vec::new();
    for fault in &run.faults {
        let (windows, activations) = kinds.entry(fault.fault).or_default();
        let Some(start) = fault.start_ns else { continue };
        *windows += 1;
        *activations += fault.activations;
        let nodes: Vec<String> = fault.nodes.iter().map(|node| cluster.name(*node).to_string()).collect();
        let lasts = fault.end_ns.saturating_sub(start) as f64 / 1e9;
        let text = format!("{} for {lasts:.3} s", fault.fault);
        story.push(StoryLine { time_ns: start, node: nodes.join(" "), text, fault: true });
    }
    for (time, node, note) in &run.story {
        let text = match &run.record {
            Some(record) => record.note_text(note),
            None => note.name.to_owned(),
        };
        story.push(StoryLine { time_ns: *time, node: cluster.name(*node).to_string(), text, fault: false });
    }
    story.sort_by_key(|line| line.time_ns);
    Simulation {
        system: experiment.system.about().entry.id,
        seed: experiment.seed,
        mutant: experiment.mutant.map(|mutant| mutant.id),
        servers: cluster.members.into(),
        clients: cluster.clients.into(),
        events: run.events,
        messages: run.messages,
        virtual_ns: run.ended_ns,
        ok: count(|outcome| matches!(outcome, Outcome::Ok(_))),
        failed: count(|outcome| *outcome == Outcome::Fail),
        unknown: count(|outcome| *outcome == Outcome::Unknown),
        faults: kinds
            .into_iter()
            .map(|(kind, (windows, activations))| FaultSummary { kind, windows, activations })
            .collect(),
        story,
        wrong: wrong(&judgement.wrong),
        unjudged: judgement.unjudged.clone(),
        files: Vec::new(),
        next: Vec::new(),
    }
}

fn wrong(of: &[(lab::Kind, &'static str, String)]) -> Vec<Wrong> {
    of.iter().map(|(by, property, detail)| Wrong { by: by.id(), property, detail: detail.clone() }).collect()
}

/// The traces of a run.
pub(super) fn traces(experiment: &Experiment, run: &Run) -> SpanStore {
    let mut store = StoreBuilder::new();
    if let Some(record) = &run.record {
        record.export(experiment.system.about().entry.id, json_text, &mut store);
    }
    store.finish()
}

/// Writes the files of a run; their paths.
fn write(place: &Path, experiment: &Experiment, run: &Run, judgement: &Judgement) -> Result<Vec<String>, InputError> {
    let failed = |path: &Path, error: std::io::Error| InputError {
        path: path.display().to_string(),
        position: None,
        message: error.to_string(),
    };
    fs::create_dir_all(place).map_err(|error| failed(place, error))?;
    type Writing<'a> = Box<dyn FnOnce(&mut (dyn std::io::Write + Send)) -> std::io::Result<()> + 'a>;
    let write_traces = |to: &mut (dyn std::io::Write + Send)| match formats::by_id("otlp-json") {
        Some(format) => format.write_spans(&traces(experiment, run), to),
        None => Ok(()),
    };
    let files: [(&str, Writing<'_>); 4] = [
        ("history.jsonl", Box::new(|to| files::write_history(&run.performed, experiment.cluster(), to))),
        ("traces.otlp.jsonl", Box::new(write_traces)),
        ("truth.json", Box::new(|to| files::write_truth(experiment, run, judgement, to))),
        ("run.toml", Box::new(|to| to.write_all(files::run_file(experiment).as_bytes()))),
    ];
    let mut written = Vec::new();
    for (name, writing) in files {
        let path = place.join(name);
        let file = fs::File::create(&path).map_err(|error| failed(&path, error))?;
        let mut to = BufWriter::with_capacity(1 << 20, file);
        writing(&mut to).and_then(|()| std::io::Write::flush(&mut to)).map_err(|error| failed(&path, error))?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn many(
    args: &Arguments,
    experiment: &Experiment,
    seeds: RangeInclusive<u64>,
    limits: &Limits,
    talks: bool,
    mut report: Report,
) -> Report {
    let id = experiment.system.about().entry.id;
    let range = format!("{id} seeds {}..{}", seeds.start(), seeds.end());
    let asked = seeds.end() - seeds.start() + 1;
    let bar = progress::items(asked, "simulating", talks);
    let of = |seed: u64| match args.hard {
        true => Experiment::hard(experiment.system, seed, experiment.mutant),
        false => Experiment { seed, ..experiment.clone() },
    };
    let found = lab::search(of, seeds, &limits.stop, || bar.inc(1));
    bar.finish_and_clear();
    report.cause = limits.hit();
    let faults: Vec<FaultSummary> = found
        .faults
        .iter()
        .map(|(kind, (windows, activations))| FaultSummary { kind, windows: *windows, activations: *activations })
        .collect();
    let mut search = SeedSearch {
        system: id,
        mutant: experiment.mutant.map(|mutant| mutant.id),
        seeds: found.seeds,
        events: found.events,
        operations: found.operations,
        failures: found.failures.iter().map(|one| SeedFailure { seed: one.seed, wrong: wrong(&one.wrong) }).collect(),
        unknown: found.unknown.clone(),
        unjudged: found.unjudged.clone(),
        faults,
        files: Vec::new(),
        next: Vec::new(),
    };
    if let Some(first) = found.failures.first() {
        // Once more, with everything written down.
        let experiment = of(first.seed);
        let experiment = if args.shrink { lab::shrink(&experiment) } else { experiment };
        let (run, judgement) = lab::perform(&experiment, Recording::Full, Shrink::Auto);
        let place = args.out.clone().unwrap_or_else(|| PathBuf::from("causet-simulate").join(id));
        match write(&place.join(format!("seed-{}", first.seed)), &experiment, &run, &judgement) {
            Ok(written) => search.files = written,
            Err(error) => report.errors.push(error),
        }
        if let Some(path) = search.files.last() {
            search.next.push(format!("causet simulate --replay {path}"));
        }
    }
    let complete = found.seeds == asked;
    let decided = if found.unknown.is_empty() && complete { Answer::Holds } else { Answer::Unknown };
    let answer = if found.failures.is_empty() { decided } else { Answer::Violated };
    // What was not judged can't be said to hold.
    let unjudged = found.unjudged.is_some() && found.failures.is_empty();
    let property = if unjudged { "invariants and liveness" } else { "promise" };
    let about = crate::outcome::Circumstances { input: &range, property, ..Default::default() };
    let cause = (answer == Answer::Unknown).then(|| match complete {
        true => ("steps", "histories that could not be decided".to_owned()),
        false => ("stopped", format!("{} of {asked} seeds were run", found.seeds)),
    });
    report.results.push(CheckResult::unchecked(&History::default(), answer, cause, &about));
    if report.cause.is_none() {
        inert(experiment, &search.faults, &mut report);
    }
    report.search = Some(search);
    report
}
