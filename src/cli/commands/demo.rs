//! `causet demo`: the main job on data that is built in. A Raft cluster with a known bug is simulated, cut in two,
//! recorded, its causal order rebuilt from the spans alone, its history judged, and the violation followed to
//! what caused it; then the recorded traces of a web shop are looked at. Nothing is precomputed.

use super::{analyze, simulate};
use crate::algorithms;
use crate::causal::Relation;
use crate::causal::{ExactEvent, ExactKind, ExactOrder};
use crate::cli::args::Global;
use crate::cli::exit;
use crate::cli::limits::Limits;
use crate::cli::output::{complain, print};
use crate::formats::{Reading, Source, by_id};
use crate::lab::{self, Experiment, FaultChoice, Judgement, Kind};
use crate::node::NodeId;
use crate::outcome::Report;
use crate::report::{self, Look};
use crate::sim::{Recording, Run, SECOND, faults};
use causet_checkers::Shrink;
use std::cell::Cell;
use std::fmt::Write as _;

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Arguments {}

const SHOP: &[u8] = include_bytes!("../../../testdata/demo/shop.jsonl.zst");

/// So many seeds are tried at most until the bug shows.
const SEEDS: u64 = 2000;

pub(in crate::cli) fn run(_: &Arguments, global: &Global) -> u8 {
    match try_run(global) {
        Ok(code) => code,
        Err(message) => {
            complain(&format!("the demo did not find what it was to find; this is a bug: {message}"));
            exit::BUG
        }
    }
}

fn try_run(global: &Global) -> Result<u8, String> {
    let limits = Limits::new(global);
    let code = Cell::new(0);
    let say = |text: &str| code.set(code.get().max(print(text)));
    let show = |report: &Report, look: &Look| {
        if let Some(text) = report::by_id("text") {
            say(&text.render(report, look));
        }
    };
    say("Did the distributed system do the right thing, and if not, why?\n\n");
    say("A Raft cluster whose leader answers reads without making sure that it still leads is cut in two.\n\n");
    let experiment = experiment()?;
    let seed = (1..=SEEDS).find(|seed| breaks_history(&Experiment { seed: *seed, ..experiment.clone() }));
    let experiment = Experiment { seed: seed.ok_or("no seed shows the bug")?, ..experiment };
    let (run, judgement) = lab::perform(&experiment, Recording::Full, Shrink::Full);
    let mut report = Report { command: "simulate", ..Report::default() };
    report.simulation = Some(simulate::describe(&experiment, &run, &judgement));
    report.results.clone_from(&judgement.results);
    for result in &mut report.results {
        result.input = "the cluster".to_owned();
    }
    show(&report, &Look::default());
    say(&why(&experiment, &run, &judgement)?);
    say(&format!(
        "\nThe same again, with its files:\n  causet simulate raft --mutant local-read --faults partition --nodes 3 --clients 3 --ops 40 --keys 1 \
         --duration 2s --seed {}\n",
        experiment.seed
    ));

    say("\n$ causet analyze shop.jsonl.zst     (recorded traces of a web shop)\n\n");
    let mut shop = Report { command: "analyze", ..Report::default() };
    let format = by_id("otlp-json").ok_or("the format is gone")?;
    let mut reading = Reading::default();
    format.read(&mut Source::memory(SHOP), &mut reading).map_err(|error| error.to_string())?;
    analyze::analyze(&reading.spans.finish(), &analyze::Question::default(), &limits, &mut shop);
    show(&shop, &Look { limit: Some(5), ..Look::default() });
    say("\nNow with your own: causet analyze traces.jsonl, causet check history.edn, causet --help\n");
    match &shop.analysis {
        Some(analysis) if analysis.summary.spans > 0 => Ok(code.get()),
        _ => Err("the shop has no spans".to_owned()),
    }
}

fn experiment() -> Result<Experiment, String> {
    let raft = algorithms::by_id("raft").ok_or("there is no Raft")?;
    let partition = faults::by_id("partition").ok_or("there are no partitions")?;
    Ok(Experiment {
        mutant: Some(lab::files::mutant_of(raft, "local-read")?),
        servers: 3,
        clients: 3,
        operations: 40,
        keys: 1,
        active_ns: 2 * SECOND,
        faults: FaultChoice::Kinds(vec![(partition, partition.knob().default)]),
        ..Experiment::new(raft, 1)
    })
}

fn breaks_history(experiment: &Experiment) -> bool {
    let (_, judgement) = lab::perform(experiment, Recording::History, Shrink::Off);
    judgement.found(Kind::History)
}

/// From the violated history to the spans, the node and the fault that caused it.
fn why(experiment: &Experiment, run: &Run, judgement: &Judgement) -> Result<String, String> {
    let store = simulate::traces(experiment, run);
    let order = ExactOrder::new(&store).ok_or("the traces have no exact events")?;
    let record = run.record.as_ref().ok_or("nothing was recorded")?;
    let rows = record.events();
    let same = order.len() == rows.len()
        && order.events().all(|event| {
            let row = order.id(event).to_string().parse::<usize>().ok().and_then(|id| rows.get(id - 1));
            row.is_some_and(|row| {
                let known: u64 = record.vector(row).iter().map(|count| u64::from(*count)).sum();
                let rebuilt: u64 = order.vector(event).iter().map(|(_, count)| count).sum();
                known == rebuilt && order.lamport(event) == u64::from(row.lamport)
            })
        });
    let mut text = format!(
        "\nThe causal order of {} events was rebuilt from {} spans; it is {} the simulator's own.\n\nWhy:\n",
        order.len(),
        store.len(),
        if same { "exactly" } else { "NOT" }
    );
    let example = judgement.results.iter().find_map(|result| result.counterexamples.first());
    let example = example.ok_or("there is no counterexample")?;
    let read = example.operations.iter().find(|of| Some(of.index) == example.failed_at).ok_or("nothing failed")?;
    let newer =
        example.operations.iter().filter(|of| of.ret.is_some_and(|ret| ret < read.call)).max_by_key(|of| of.ret);
    let ends = |index: u64| {
        let performed = run.performed.get(index as usize)?;
        let name = record.cluster().name(performed.client).to_string();
        let nth = run.performed[..index as usize].iter().filter(|of| of.client == performed.client).count();
        let of = |kind: ExactKind| {
            let mine =
                |event: &ExactEvent| order.lanes()[order.lane(*event)].process == name && order.kind(*event) == kind;
            order.events().filter(mine).nth(nth)
        };
        Some((of(ExactKind::Invoke)?, of(ExactKind::Complete)?))
    };
    let (asked, answered) = ends(read.index).ok_or("the read left no events")?;
    if let Some(newer) = newer {
        let (_, done) = ends(newer.index).ok_or("the write left no events")?;
        let unknown = order.relation(done, answered) == Relation::Concurrent;
        let _ = writeln!(
            text,
            "  • {} {} by {} was done before the read was called, and {} leads from that to the answer.",
            newer.function,
            newer.input,
            newer.process,
            if unknown { "no causal path" } else { "a causal path" }
        );
    }
    let mine =
        |event: &ExactEvent| order.lane(*event) == order.lane(answered) && order.kind(*event) == ExactKind::Receive;
    let heard = order.events().filter(|event| mine(event) && *event < answered).last().ok_or("nothing was heard")?;
    let said = order.sources(heard).next().ok_or("nobody said it")?;
    let mut path = order.path(asked, said).ok_or("the answer has no path")?;
    path.extend([heard, answered]);
    let hop = |event: &ExactEvent| format!("{} {}", order.lanes()[order.lane(*event)].process, order.kind(*event).id());
    let path: Vec<String> = path.iter().map(hop).collect();
    let _ = writeln!(text, "  • The answer came by {}: no other server was asked.", path.join(" → "));
    let performed = &run.performed[read.index as usize];
    let server = performed.attempts.last().map(|attempt| attempt.server).ok_or("nobody was asked")?;
    blame(&mut text, experiment, run, (server, performed.call_ns));
    Ok(text)
}

/// Which fault acted then, and who else led.
fn blame(text: &mut String, experiment: &Experiment, run: &Run, (server, at): (NodeId, u64)) {
    let cluster = experiment.cluster();
    let seconds = |ns: u64| format!("{:.3} s", ns as f64 / 1e9);
    for fault in &run.faults {
        let Some(start) = fault.start_ns.filter(|start| *start <= at && at <= fault.end_ns) else { continue };
        let side: Vec<String> = fault.nodes.iter().map(|node| cluster.name(*node).to_string()).collect();
        let _ = writeln!(
            text,
            "  • From {} to {}, {} and the rest could not hear each other: {} (fault `{}`).",
            seconds(start),
            seconds(fault.end_ns),
            side.join(", "),
            if fault.nodes.contains(&server) {
                format!("{} was among them", cluster.name(server))
            } else {
                format!("{} was on the other side", cluster.name(server))
            },
            fault.fault
        );
    }
    let elected = run.story.iter().rfind(|(time, _, note)| *time <= at && note.name == "elected");
    if let Some((time, leader, _)) = elected.filter(|(_, leader, _)| *leader != server) {
        let _ = writeln!(
            text,
            "  • {} answered at {}, although {} had been elected at {}.",
            cluster.name(server),
            seconds(at),
            cluster.name(*leader),
            seconds(*time)
        );
    }
}
