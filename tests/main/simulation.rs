//! Every system under the simulator: repeatable to the byte, rebuilt from its traces without a mistake, and never
//! accused when it is right.

use causet::algorithms;
use causet::causal::{ExactOrder, Relation};
use causet::formats::{self, json_text};
use causet::lab::{self, Experiment, FaultChoice, files};
use causet::node::{Random, System};
use causet::sim::record::EventRow;
use causet::sim::{Recording, Run, faults, simulate};
use causet::store::{SpanStore, StoreBuilder};
use causet_checkers::Shrink;
use causet_checkers::budget::Stop;
use std::collections::BTreeMap;

/// A run short enough for a debug build.
fn experiment(system: &'static dyn System, seed: u64) -> Experiment {
    Experiment { operations: 120, active_ns: 3 * causet::sim::SECOND, ..Experiment::new(system, seed) }
}

fn record(experiment: &Experiment) -> Run {
    simulate(experiment.system, &experiment.config(Recording::Full))
}

fn traces(experiment: &Experiment, run: &Run) -> SpanStore {
    let mut store = StoreBuilder::new();
    let record = run.record.as_ref().expect("everything was recorded");
    record.export(experiment.system.about().entry.id, json_text, &mut store);
    store.finish()
}

/// All files of a run, one after the other.
fn bytes(experiment: &Experiment) -> Vec<u8> {
    let (run, judgement) = lab::perform(experiment, Recording::Full, Shrink::Off);
    let mut bytes = Vec::new();
    files::write_history(&run.performed, experiment.cluster(), &mut bytes).unwrap();
    files::write_truth(experiment, &run, &judgement, &mut bytes).unwrap();
    formats::by_id("otlp-json").unwrap().write_spans(&traces(experiment, &run), &mut bytes).unwrap();
    bytes.extend(files::run_file(experiment).into_bytes());
    bytes
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for system in algorithms::ALL {
        for seed in 1..=3 {
            let experiment = experiment(*system, seed);
            assert!(bytes(&experiment) == bytes(&experiment), "{} seed {seed}", system.about().entry.id);
        }
    }
}

/// Numbers that no run can have are refused; the largest that it can have make no trouble.
#[test]
fn absurd_runs_are_refused() {
    let original = Experiment { operations: 3, ..experiment(algorithms::ALL[0], 1) };
    let text = files::run_file(&Experiment { faults: FaultChoice::Kinds(Vec::new()), ..original });
    let with = |line: &str| {
        let name = line.split('=').next().unwrap();
        let kept = text.lines().filter(|line| !line.starts_with(name)).collect::<Vec<_>>().join("\n");
        files::read_run_file(&format!("{line}\n{kept}"), algorithms::by_id)
    };
    for (line, expected) in [
        ("duration-ns = 8640000000000001", "duration-ns: expected a hundred days (2400h) at most"),
        ("nodes = 0", "nodes = 0: expected a number from 1 to 64"),
        ("spare = 65535", "spare = 65535: expected a number from 0 to 64"),
        ("clients = 65535", "clients = 65535: expected a number from 1 to 1000"),
    ] {
        assert_eq!(with(line).err().as_deref(), Some(expected));
    }
    let fault = "[[fault]]\nkind = 'crash'\nstart-ns = 1\nduration-ns = 9223372036854775807\namount = 0.0";
    let expected = "fault 1: it comes too late or lasts too long: expected a hundred days at most";
    let read = files::read_run_file(&format!("{}\n{fault}", text.replace("fault = []", "")), algorithms::by_id);
    assert_eq!(read.err().as_deref(), Some(expected));
    let mut longest = with("duration-ns = 8640000000000000").unwrap();
    longest.operations = u64::MAX;
    let config = longest.config(Recording::History);
    assert_eq!(config.most_events, u64::MAX);
    let run = simulate(longest.system, &causet::sim::Config { most_events: 10_000, ..config });
    assert!((10_000..10_100).contains(&run.events), "{} events", run.events);
}

/// A run.toml says everything: a run of it has the same events.
#[test]
fn a_run_can_be_repeated_from_its_file() {
    for system in algorithms::ALL {
        for seed in 11..=14 {
            let original = experiment(*system, seed);
            let text = files::run_file(&original);
            let replayed = files::read_run_file(&text, algorithms::by_id).unwrap();
            let (one, two) = (record(&original), record(&replayed));
            assert_eq!(format!("{:?}", one.record), format!("{:?}", two.record), "{} {seed}", system.about().entry.id);
            assert_eq!(files::run_file(&replayed), text);
        }
    }
}

/// The order that is rebuilt from the spans alone is the simulator's own, for every pair of events: equal vector
/// clocks say so for all pairs at once, and a sample of pairs is asked one by one.
#[test]
fn the_rebuilt_order_is_the_truth() {
    for system in algorithms::ALL {
        let ids = faults::ALL.iter().map(|fault| (*fault, fault.knob().default));
        let all = FaultChoice::Kinds(ids.collect());
        for seed in 1..=6 {
            let mut experiment = experiment(*system, seed);
            if seed % 2 == 0 {
                // Also what the system does not tolerate: lost, torn and wiped disks leave odd orders behind.
                experiment.faults = all.clone();
            }
            let run = record(&experiment);
            let store = traces(&experiment, &run);
            let order = ExactOrder::new(&store).expect("the traces carry exact events");
            let name = format!("{} seed {seed}", system.about().entry.id);
            assert!(order.is_complete() && order.problems().is_empty(), "{name}: {:?}", order.problems());
            compare(&run, &order, &name);
        }
    }
}

/// With spans sampled away, what is said of the events that are left is true, or `unknown`.
#[test]
fn the_order_of_sampled_spans_is_unknown_or_true() {
    let (mut unknown, mut known) = (0, 0);
    for system in algorithms::ALL {
        for seed in 1..=6 {
            let experiment = experiment(*system, seed);
            let run = record(&experiment);
            let mut random = Random::new(seed);
            let lost = [0.01, 0.1, 0.5][seed as usize % 3];
            let Some(order) = ExactOrder::new(&sample(&traces(&experiment, &run), &mut random, lost)) else { continue };
            let rows = run.record.as_ref().unwrap().events();
            let events: Vec<(usize, _)> =
                order.events().map(|event| (order.id(event).to_string().parse::<usize>().unwrap(), event)).collect();
            for _ in 0..5_000 {
                let (a, one) = *random.pick(&events).unwrap();
                let (b, two) = *random.pick(&events).unwrap();
                match order.relation(one, two) {
                    Relation::Unknown => unknown += 1,
                    relation => {
                        known += 1;
                        let truth = truth(&run, &rows[a - 1], &rows[b - 1]);
                        assert_eq!(relation, truth, "{} seed {seed}: {a} {b}", system.about().entry.id);
                    }
                }
            }
        }
    }
    assert!(unknown > 1000 && known > 1000, "{unknown} unknown, {known} known");
}

/// The spans that are left when some are lost.
fn sample(store: &SpanStore, random: &mut Random, lost: f64) -> SpanStore {
    let format = formats::by_id("otlp-json").unwrap();
    let mut bytes = Vec::new();
    format.write_spans(store, &mut bytes).unwrap();
    let mut left = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let mut line: serde_json::Value = serde_json::from_slice(line).unwrap();
        for resource in line["resourceSpans"].as_array_mut().unwrap() {
            for scope in resource["scopeSpans"].as_array_mut().unwrap() {
                scope["spans"].as_array_mut().unwrap().retain(|_| !random.chance(lost));
            }
        }
        left.extend(serde_json::to_vec(&line).unwrap());
        left.push(b'\n');
    }
    let mut reading = formats::Reading::default();
    format.read(&mut formats::Source::memory(left), &mut reading).unwrap();
    reading.spans.finish()
}

fn truth(run: &Run, a: &EventRow, b: &EventRow) -> Relation {
    let record = run.record.as_ref().unwrap();
    if std::ptr::eq(a, b) {
        return Relation::Equal;
    }
    match (record.before(a, b), record.before(b, a)) {
        (true, _) => Relation::Before,
        (_, true) => Relation::After,
        _ => Relation::Concurrent,
    }
}

fn compare(run: &Run, order: &ExactOrder, name: &str) {
    let record = run.record.as_ref().unwrap();
    let rows = record.events();
    assert_eq!(order.len(), rows.len(), "{name}");
    let lanes: Vec<String> = (0..record.lanes().len()).map(|lane| record.lane_name(lane as u32)).collect();
    let mut by_id = BTreeMap::new();
    for event in order.events() {
        let id: usize = order.id(event).to_string().parse().unwrap();
        let row = &rows[id - 1];
        let truth: BTreeMap<&str, u64> = record
            .vector(row)
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(lane, count)| (&*lanes[lane], u64::from(*count)))
            .collect();
        let vector = order.vector(event);
        let rebuilt: BTreeMap<&str, u64> =
            vector.iter().map(|(lane, count)| (&*order.lanes()[*lane].name, *count)).collect();
        assert_eq!(rebuilt, truth, "{name}, event {id}");
        assert_eq!(order.lamport(event), u64::from(row.lamport), "{name}, event {id}");
        by_id.insert(id, event);
    }
    let mut random = Random::new(rows.len() as u64);
    for _ in 0..20_000 {
        let (a, b) = (random.between(1, rows.len() as u64) as usize, random.between(1, rows.len() as u64) as usize);
        let truth = truth(run, &rows[a - 1], &rows[b - 1]);
        assert_eq!(order.relation(by_id[&a], by_id[&b]), truth, "{name}, events {a} and {b}");
    }
}

/// Correct systems under the faults that they tolerate are never accused; a longer run is one command:
/// `causet simulate SYSTEM --hard --seeds 1..10000`.
#[test]
fn correct_systems_are_not_accused() {
    for system in algorithms::ALL {
        let of = |seed| if seed % 2 == 0 { experiment(*system, seed) } else { Experiment::hard(*system, seed, None) };
        let found = lab::search(of, 1..=60, &Stop::new(), || {});
        assert_eq!(found.seeds, 60);
        let failures: Vec<_> = found.failures.iter().map(|failure| (failure.seed, &failure.wrong)).collect();
        assert!(failures.is_empty(), "{}: {failures:?}", system.about().entry.id);
        assert_eq!(found.unknown, Vec::<u64>::new(), "{}", system.about().entry.id);
    }
}

/// What a system claims to tolerate does act on it.
#[test]
fn tolerated_faults_act() {
    for system in algorithms::ALL {
        for id in system.about().tolerates {
            let fault = faults::by_id(id).unwrap_or_else(|| panic!("there is no fault {id}"));
            let faults = FaultChoice::Kinds(vec![(fault, fault.knob().default)]);
            let of = |seed| Experiment { faults: faults.clone(), ..experiment(*system, seed) };
            let found = lab::search(of, 1..=6, &Stop::new(), || {});
            let (_, acted) = found.faults[id];
            assert!(acted > 0, "{}: {id} never acted", system.about().entry.id);
        }
    }
}
