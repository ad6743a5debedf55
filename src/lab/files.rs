//! The files of a run: `history.jsonl`, `truth.json`, `run.toml`; the traces are written by their format.
//!
//! Nothing in them depends on the machine, the threads or the wall clock.

use super::{Experiment, FaultChoice, Judgement, active_time};
use crate::formats::json_text;
use crate::node::{Cluster, Outcome, System};
use crate::outcome::FaultWindow;
use crate::sim::record::{EventRow, Recorder};
use crate::sim::{Cue, LONGEST, Performed, Run, Schedule, When, Window, faults};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes the history: an operation a line, in the order of their calls, each with its attempts.
///
/// # Errors
/// What the output says.
pub fn write_history(performed: &[Performed], cluster: Cluster, to: &mut dyn Write) -> io::Result<()> {
    for of in performed {
        let mut line = format!("{{\"process\":{},\"f\":\"{}\"", quoted(&of.process), of.operation.function);
        if let Some(key) = &of.operation.key {
            let _ = write!(line, ",\"key\":{}", json_text(key));
        }
        let _ = write!(line, ",\"input\":{}", json_text(&of.operation.input));
        if let Outcome::Ok(output) = &of.outcome {
            let _ = write!(line, ",\"output\":{}", json_text(output));
        }
        let _ = write!(line, ",\"call\":{}", of.call_ns);
        if let Some(time) = of.return_ns {
            let _ = write!(line, ",\"return\":{time}");
        }
        let status = match of.outcome {
            Outcome::Ok(_) => "ok",
            Outcome::Fail => "fail",
            Outcome::Unknown => "info",
        };
        let _ = write!(line, ",\"status\":\"{status}\"");
        if of.span_id != 0 {
            let _ = write!(line, ",\"span_id\":\"{:016x}\"", of.span_id);
        }
        line.push_str(",\"attempts\":[");
        for (at, attempt) in of.attempts.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ =
                write!(line, "{comma}{{\"server\":\"{}\",\"start\":{}", cluster.name(attempt.server), attempt.start_ns);
            if let Some(end) = attempt.end_ns {
                let _ = write!(line, ",\"end\":{end}");
            }
            line.push('}');
        }
        line.push_str("]}\n");
        to.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes what is known of a run beside what its nodes recorded.
///
/// # Errors
/// What the output says.
pub fn write_truth(experiment: &Experiment, run: &Run, judgement: &Judgement, to: &mut dyn Write) -> io::Result<()> {
    let cluster = experiment.cluster();
    let names: Vec<String> = cluster.nodes().map(|node| cluster.name(node).to_string()).collect();
    let wrong = judgement.wrong.first();
    let verdict = serde_json::json!({
        "verdict": judgement.answer().id(),
        "by": wrong.map(|(kind, _, _)| kind.id()),
        "property": wrong.map(|(_, property, _)| *property),
        "detail": wrong.map(|(_, _, detail)| detail.as_str()),
    });
    let faults: Vec<serde_json::Value> = run
        .faults
        .iter()
        .filter(|fault| fault.start_ns.is_some())
        .map(|fault| {
            let nodes: Vec<String> = fault.nodes.iter().map(|node| cluster.name(*node).to_string()).collect();
            serde_json::json!({
                "kind": fault.fault, "nodes": nodes, "start_ns": fault.start_ns, "end_ns": fault.end_ns,
                "activations": fault.activations,
            })
        })
        .collect();
    writeln!(to, "{{\"system\":\"{}\",\"seed\":{},", experiment.system.about().entry.id, experiment.seed)?;
    writeln!(to, "\"mutant\":{},", serde_json::Value::from(experiment.mutant.map(|mutant| mutant.id)))?;
    writeln!(to, "\"nodes\":{},", serde_json::Value::from(names))?;
    writeln!(to, "\"verdict\":{verdict},")?;
    writeln!(to, "\"faults\":{},", serde_json::Value::from(faults))?;
    writeln!(to, "\"events\":[")?;
    if let Some(record) = &run.record {
        let lanes: Vec<String> = (0..record.lanes().len()).map(|lane| record.lane_name(lane as u32)).collect();
        for (at, event) in record.events().iter().enumerate() {
            let comma = if at + 1 < record.events().len() { "," } else { "" };
            writeln!(to, "{}{comma}", event_line(record, &lanes, at, event))?;
        }
    }
    writeln!(to, "]}}")
}

/// When faults acted in a run, in true time.
pub fn windows(cluster: Cluster, run: &Run) -> Vec<FaultWindow> {
    let began = run.faults.iter().filter_map(|fault| Some((fault, fault.start_ns?)));
    let windows = began.map(|(fault, start_ns)| FaultWindow {
        kind: fault.fault.to_owned(),
        nodes: fault.nodes.iter().map(|node| cluster.name(*node).to_string()).collect(),
        start_ns: start_ns as i64,
        end_ns: Some(fault.end_ns as i64),
    });
    windows.collect()
}

fn event_line(record: &Recorder, lanes: &[String], at: usize, event: &EventRow) -> String {
    let mut line = format!(
        "{{\"id\":{},\"node\":\"{}\",\"incarnation\":{},\"seq\":{},\"kind\":\"{}\",\"time_ns\":{},\"peer\":",
        at + 1,
        record.cluster().name(event.node),
        record.lanes()[event.lane as usize].incarnation,
        event.seq,
        event.kind.id(),
        event.time_ns,
    );
    let _ = match event.peer {
        0 => write!(line, "null"),
        peer => write!(line, "{peer}"),
    };
    let _ = write!(line, ",\"span_id\":\"{:016x}\",\"vector\":{{", record.spans()[event.span as usize].id);
    let mut comma = "";
    for (lane, count) in record.vector(event).iter().enumerate().filter(|(_, count)| **count > 0) {
        let _ = write!(line, "{comma}\"{}\":{count}", lanes[lane]);
        comma = ",";
    }
    let _ = write!(line, "}},\"lamport\":{}}}", event.lamport);
    line
}

/// `run.toml`: everything needed to repeat a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunFile {
    pub system: String,
    pub seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    pub nodes: u16,
    /// Servers that stand by to join.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spare: u16,
    pub clients: u16,
    pub operations: u64,
    /// How many operations clients do in a row, on average; 1, if it is not said.
    #[serde(default, skip_serializing_if = "is_one")]
    pub burst: Option<u64>,
    pub keys: u64,
    pub workload: String,
    pub duration_ns: u64,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub options: std::collections::BTreeMap<String, String>,
    /// The windows in which faults act. Edit them, and the run follows.
    #[serde(default)]
    pub fault: Vec<FaultLine>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_one(number: &Option<u64>) -> bool {
    number.unwrap_or(1) == 1
}

/// A window of the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FaultLine {
    pub kind: String,
    /// Whom it hits; empty for all, or for whoever made the note.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// When it begins …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<u64>,
    /// … or at which note: its name, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// … by which node, if not by any, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// … and the how manieth of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Notes are counted from when this fault of the file begins, the first being 1, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// … and it begins so long after the one that counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lag_ns: u64,
    /// It hits the node that the note is about, not the one that made it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub named: bool,
    pub duration_ns: u64,
    pub amount: f64,
}

/// The `run.toml` of an experiment.
pub fn run_file(experiment: &Experiment) -> String {
    let about = experiment.system.about();
    let cluster = experiment.cluster();
    let name = |node| cluster.name(node).to_string();
    let line = |window: &Window| {
        let (start_ns, on, by, count) = match &window.when {
            When::At(time) => (Some(*time), None, None, None),
            When::On(cue) => (None, Some(cue.note.clone()), cue.node.map(name), Some(cue.count)),
        };
        let cue = if let When::On(cue) = &window.when { Some(cue) } else { None };
        FaultLine {
            kind: window.fault.to_owned(),
            nodes: window.nodes.iter().copied().map(name).collect(),
            start_ns,
            on,
            by,
            count,
            after: cue.and_then(|cue| cue.after).map(|at| at as u64 + 1),
            lag_ns: cue.map_or(0, |cue| cue.lag_ns),
            named: cue.is_some_and(|cue| cue.named),
            duration_ns: window.duration_ns,
            amount: window.amount,
        }
    };
    let file = RunFile {
        system: about.entry.id.to_owned(),
        seed: experiment.seed,
        mutant: experiment.mutant.map(|mutant| mutant.id.to_owned()),
        nodes: cluster.members,
        spare: cluster.servers - cluster.members,
        clients: cluster.clients,
        operations: experiment.operations,
        burst: Some(experiment.burst),
        keys: experiment.keys,
        workload: experiment.workload.id.to_owned(),
        duration_ns: experiment.active_ns,
        options: experiment.options.iter().cloned().collect(),
        fault: experiment.schedule().windows.iter().map(line).collect(),
    };
    let text = toml::to_string(&file).unwrap_or_default();
    format!("# To run this again: causet simulate --replay run.toml\n{text}")
}

/// Reads a `run.toml`. `system` finds a system by its id.
///
/// # Errors
/// What is wrong with it, with the line where the file itself is wrong.
pub fn read_run_file(text: &str, system: impl Fn(&str) -> Option<&'static dyn System>) -> Result<Experiment, String> {
    let file: RunFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let found = system(&file.system).ok_or_else(|| format!("there is no system `{}`", file.system))?;
    let about = found.about();
    let mutant = match &file.mutant {
        None => None,
        Some(id) => Some(mutant_of(found, id)?),
    };
    let workload = workload_of(found, &file.workload)?;
    for (name, number, range) in
        [("nodes", file.nodes, 1..=64), ("spare", file.spare, 0..=64), ("clients", file.clients, 1..=1000)]
    {
        if !range.contains(&number) {
            return Err(format!("{name} = {number}: expected a number from {} to {}", range.start(), range.end()));
        }
    }
    let cluster = Cluster { members: file.nodes, servers: file.nodes + file.spare, clients: file.clients };
    let mut windows = Vec::new();
    for (at, line) in file.fault.iter().enumerate() {
        windows.push(window(line, cluster).map_err(|message| format!("fault {}: {message}", at + 1))?);
    }
    let schedule = Schedule { windows };
    schedule.check(cluster)?;
    for (name, value) in &file.options {
        about.check_option(name, value)?;
    }
    Ok(Experiment {
        seed: file.seed,
        mutant,
        servers: file.nodes,
        clients: file.clients,
        operations: file.operations,
        burst: file.burst.unwrap_or(1).max(1),
        keys: file.keys.max(1),
        workload,
        active_ns: active_time(file.duration_ns.into()).map_err(|error| format!("duration-ns: {error}"))?,
        faults: FaultChoice::Windows(schedule, file.spare > 0),
        options: file.options.into_iter().collect(),
        ..Experiment::new(found, file.seed)
    })
}

/// The mutant of an id.
///
/// # Errors
/// A text that says which there are.
pub fn mutant_of(system: &dyn System, id: &str) -> Result<&'static crate::node::Mutant, String> {
    let about = system.about();
    about.mutants.iter().copied().find(|mutant| mutant.id == id).ok_or_else(|| {
        let ids: Vec<&str> = about.mutants.iter().map(|mutant| mutant.id).collect();
        format!("{} has no mutant `{id}`; it has {}", about.entry.id, ids.join(", "))
    })
}

/// The workload of an id.
///
/// # Errors
/// A text that says which there are.
pub fn workload_of(system: &dyn System, id: &str) -> Result<&'static crate::node::Workload, String> {
    let about = system.about();
    about.workloads.iter().find(|workload| workload.id == id).ok_or_else(|| {
        let ids: Vec<&str> = about.workloads.iter().map(|workload| workload.id).collect();
        format!("{} has no workload `{id}`; it has {}", about.entry.id, ids.join(", "))
    })
}

fn window(line: &FaultLine, cluster: Cluster) -> Result<Window, String> {
    let fault = faults::by_id(&line.kind).ok_or_else(|| format!("there is no fault `{}`", line.kind))?;
    let node = |name: &String| cluster.find(name).ok_or_else(|| format!("there is no node `{name}`"));
    let when = match (line.start_ns, &line.on) {
        (Some(time), None) => When::At(time),
        (None, Some(note)) => {
            let by = line.by.as_ref().map(node).transpose()?;
            let after = match line.after {
                None => None,
                Some(0) => return Err("after = 0: faults are counted from 1".to_owned()),
                Some(number) => Some(number as usize - 1),
            };
            let count = line.count.unwrap_or(1);
            When::On(Cue { node: by, after, lag_ns: line.lag_ns, named: line.named, ..Cue::new(note, count) })
        }
        _ => return Err("expected either start-ns or on".to_owned()),
    };
    if line.lag_ns.max(line.duration_ns) > LONGEST {
        return Err("it comes too late or lasts too long: expected a hundred days at most".to_owned());
    }
    let (low, high) = fault.knob().range;
    if !line.amount.is_finite() || line.amount.abs() > high.max(low.abs()) {
        return Err(format!("amount {}: expected {}, up to {high}", line.amount, fault.knob().meaning));
    }
    Ok(Window {
        fault: fault.entry().id,
        nodes: line.nodes.iter().map(node).collect::<Result<_, _>>()?,
        when,
        duration_ns: line.duration_ns,
        amount: line.amount,
    })
}
