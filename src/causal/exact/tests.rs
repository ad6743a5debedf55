//! Random executions whose order is known by reachability, whole and with parts lost, against the rebuilt order.

use super::*;
use crate::causal::ClockKind;
use crate::causal::Problem;
use crate::store::{Any, SpanStore};
use crate::store::{NewEvent, NewResource, NewSpan, StoreBuilder};
use std::collections::{BTreeMap, BTreeSet};

/// xorshift64*: a seed, and nothing else, makes the test.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

/// An event that happened.
#[derive(Clone, Debug)]
struct Truth {
    process: usize,
    incarnation: u64,
    seq: u64,
    kind: ExactKind,
    peer: Option<usize>,
    recovered: Option<usize>,
    span: usize,
    /// Everything before it.
    past: BTreeSet<usize>,
    clocks: Vec<(&'static str, String)>,
}

#[derive(Default)]
struct Lane {
    incarnation: u64,
    last: Option<usize>,
    seq: u64,
    timers: Vec<usize>,
    writes: Vec<usize>,
    spans: Vec<usize>,
}

/// An execution of some processes: messages that are lost, late or received twice, timers, writes, crashes after
/// which something or nothing is found again.
fn execution(random: &mut Random, processes: usize, steps: usize) -> Vec<Truth> {
    let mut lanes: Vec<Lane> = (0..processes).map(|_| Lane::default()).collect();
    let mut persists: Vec<Vec<usize>> = vec![Vec::new(); processes];
    let mut sends: Vec<usize> = Vec::new();
    let mut events: Vec<Truth> = Vec::new();
    let mut spans = 0;
    for _ in 0..steps {
        let process = random.below(processes);
        let lane = &mut lanes[process];
        let (mut peer, mut recovered, mut kind) = (None, None, ExactKind::Local);
        let pick = |random: &mut Random, from: &[usize]| (!from.is_empty()).then(|| from[random.below(from.len())]);
        match random.below(20) {
            0 => {
                *lane = Lane { incarnation: lane.incarnation + 1, ..Lane::default() };
                recovered = pick(random, &persists[process]).filter(|_| random.below(3) > 0);
                kind = ExactKind::Start;
            }
            1..6 => kind = ExactKind::Send,
            6..13 => {
                let recent = sends.len().saturating_sub(6);
                peer = pick(random, &sends[recent..]);
                kind = if peer.is_some() { ExactKind::Receive } else { ExactKind::Local };
            }
            13 => kind = ExactKind::TimerSet,
            14 if !lane.timers.is_empty() => (kind, peer) = (ExactKind::TimerFire, pick(random, &lane.timers)),
            15 => kind = ExactKind::Persist,
            16 if !lane.writes.is_empty() => (kind, peer) = (ExactKind::Durable, pick(random, &lane.writes)),
            17 => kind = ExactKind::Other,
            _ => {}
        }
        let at = events.len();
        match kind {
            ExactKind::Send => sends.push(at),
            ExactKind::TimerSet => lane.timers.push(at),
            ExactKind::Persist => {
                lane.writes.push(at);
                persists[process].push(at);
            }
            _ => {}
        }
        if lane.spans.is_empty() || random.below(4) == 0 {
            lane.spans.push(spans);
            spans += 1;
        }
        let mut past = BTreeSet::new();
        for from in [lane.last, peer, recovered].into_iter().flatten() {
            past.extend(events[from].past.iter().copied());
            past.insert(from);
        }
        lane.seq += 1;
        lane.last = Some(at);
        let span = lane.spans[random.below(lane.spans.len())];
        let (incarnation, seq) = (lane.incarnation, lane.seq);
        events.push(Truth { process, incarnation, seq, kind, peer, recovered, span, past, clocks: Vec::new() });
    }
    events
}

/// The spans of the events that are kept. Ids are positions plus one, as text where they are odd.
fn store(events: &[Truth], keep: impl Fn(usize) -> bool) -> SpanStore {
    let mut builder = StoreBuilder::new();
    let mut by_span: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    (0..events.len()).filter(|&at| keep(at)).for_each(|at| by_span.entry(events[at].span).or_default().push(at));
    for (span, members) in by_span {
        let of = &events[members[0]];
        let mut pair = |name: &str, value: Result<u64, &str>| {
            let value = match value {
                Ok(number) => Any::Int(number as i64),
                Err(text) => Any::Str(builder.string(text)),
            };
            (builder.string(name), value)
        };
        let process = format!("n{}", of.process);
        let resource = [pair("service.instance.id", Err(&process)), pair("causet.incarnation", Ok(of.incarnation))];
        let mut recorded = Vec::new();
        for &at in &members {
            let event = &events[at];
            let id = at.to_string();
            let mut pairs = vec![
                pair("causet.event.id", if at % 2 == 0 { Ok(at as u64) } else { Err(&id) }),
                pair("causet.seq", Ok(event.seq)),
                pair("causet.event.kind", Err(event.kind.id())),
            ];
            pairs.extend(event.peer.map(|peer| pair("causet.peer", Ok(peer as u64))));
            pairs.extend(event.recovered.map(|from| pair("causet.recovered", Ok(from as u64))));
            pairs.extend(event.clocks.iter().map(|(name, text)| pair(name, Err(text))));
            recorded.push(pairs);
        }
        for pairs in recorded {
            let attributes = builder.rows(&pairs);
            builder.event(NewEvent { time: 0, name: Default::default(), attributes, dropped_attributes: 0 });
        }
        let attributes = builder.rows(&resource);
        let resource = builder.resource(NewResource { attributes, ..Default::default() });
        builder.span(NewSpan { trace_id: 1, id: span as u64 + 1, resource, ..Default::default() });
    }
    builder.finish()
}

/// By event of the order: its position in the truth.
fn positions(order: &ExactOrder) -> Vec<usize> {
    let position = |event| match order.id(event) {
        Id::Number(number) => *number as usize,
        Id::Text(text) => panic!("{text} is a number"),
    };
    order.events().map(position).collect()
}

fn true_relation(events: &[Truth], a: usize, b: usize) -> Relation {
    if a == b {
        Relation::Equal
    } else if events[b].past.contains(&a) {
        Relation::Before
    } else if events[a].past.contains(&b) {
        Relation::After
    } else {
        Relation::Concurrent
    }
}

/// Compares every pair with the truth; returns how many are unknown.
fn compare(events: &[Truth], order: &ExactOrder, story: &str) -> usize {
    let positions = positions(order);
    let mut unknown = 0;
    for a in order.events() {
        for b in order.events() {
            let (at, bt) = (positions[a.index()], positions[b.index()]);
            match order.relation(a, b) {
                Relation::Unknown => unknown += 1,
                relation => assert_eq!(relation, true_relation(events, at, bt), "{story}: {at} and {bt}"),
            }
        }
    }
    unknown
}

fn lane_name(event: &Truth) -> String {
    format!("n{}.{}", event.process, event.incarnation)
}

fn true_vector(events: &[Truth], at: usize) -> BTreeMap<String, u64> {
    let mut vector = BTreeMap::new();
    for event in events[at].past.iter().chain([&at]).map(|&at| &events[at]) {
        let known = vector.entry(lane_name(event)).or_insert(0);
        *known = event.seq.max(*known);
    }
    vector
}

fn true_lamports(events: &[Truth]) -> Vec<u64> {
    let mut lamports: Vec<u64> = Vec::new();
    for event in events {
        lamports.push(1 + event.past.iter().map(|&at| lamports[at]).max().unwrap_or(0));
    }
    lamports
}

fn random(seed: u64) -> Random {
    Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
}

#[test]
fn complete_data_gives_the_true_order_of_every_pair() {
    for seed in 0..150 {
        let mut random = random(seed);
        let processes = 1 + random.below(12);
        let events = execution(&mut random, processes, 120);
        let order = ExactOrder::new(&store(&events, |_| true)).unwrap();
        assert_eq!(order.problems(), []);
        assert!(order.is_complete());
        assert_eq!(compare(&events, &order, &format!("seed {seed}")), 0);
        let positions = positions(&order);
        let lamports = true_lamports(&events);
        for event in order.events() {
            let at = positions[event.index()];
            let vector: BTreeMap<String, u64> =
                order.vector(event).into_iter().map(|(lane, seq)| (order.lanes()[lane].name.clone(), seq)).collect();
            assert_eq!(vector, true_vector(&events, at), "seed {seed}: {at}");
            assert_eq!(order.lamport(event), lamports[at], "seed {seed}: {at}");
        }
    }
}

#[test]
fn sampled_data_is_unknown_but_never_wrong() {
    let (mut unknown, mut pairs) = (0, 0);
    for seed in 0..600 {
        let mut random = random(seed);
        let processes = 2 + random.below(6);
        let events = execution(&mut random, processes, 70);
        let lost: BTreeSet<usize> = (0..1 + random.below(20)).map(|_| random.below(events.len())).collect();
        let cut: Vec<usize> = (0..processes).map(|_| random.below(120)).collect();
        let keep = |at: usize| match seed % 5 {
            0 => !lost.contains(&at),
            1 => !lost.contains(&events[at].span),
            // The tails of lanes.
            2 => at < cut[events[at].process],
            // A process.
            3 => events[at].process > 0,
            _ => at == 7 || !(lost.contains(&at) || at.is_multiple_of(7)),
        };
        let Some(order) = ExactOrder::new(&store(&events, keep)) else { continue };
        unknown += compare(&events, &order, &format!("seed {seed}"));
        pairs += order.len() * order.len();
        let lamports = true_lamports(&events);
        let positions = positions(&order);
        assert!(order.events().all(|event| order.lamport(event) <= lamports[positions[event.index()]]));
    }
    // Something is unknown, and not everything.
    assert!(unknown * 20 > pairs && unknown * 3 < pairs * 2, "{unknown} of {pairs}");
}

#[test]
fn a_lost_tail_that_nobody_refers_to_hides_nothing() {
    for seed in 0..100 {
        let mut random = random(seed);
        let events = execution(&mut random, 4, 80);
        let end = random.below(80);
        // What happened until some moment is a complete execution.
        let order = ExactOrder::new(&store(&events, |at| at <= end)).unwrap();
        assert_eq!(compare(&events, &order, &format!("seed {seed}")), 0);
    }
}

#[test]
fn a_wrong_clock_is_found_if_and_only_if_some_pair_shows_it() {
    let mut found = 0;
    for seed in 0..300 {
        let mut random = random(seed);
        let mut events = execution(&mut random, 3, 40);
        let lamports = true_lamports(&events);
        let mut vectors: Vec<BTreeMap<String, u64>> = (0..events.len()).map(|at| true_vector(&events, at)).collect();
        if seed % 3 > 0 {
            for _ in 0..1 + random.below(3) {
                let at = random.below(events.len());
                let key = lane_name(&events[random.below(events.len())]);
                *vectors[at].entry(key).or_insert(0) += 1 + random.below(3) as u64;
            }
        }
        for (at, event) in events.iter_mut().enumerate() {
            let pairs: Vec<String> = vectors[at].iter().map(|(key, count)| format!("\"{key}\": {count}")).collect();
            if seed % 4 == 0 && random.below(2) == 0 {
                continue;
            }
            event.clocks.push(("causet.clock.vector", format!("{{{}}}", pairs.join(", "))));
            event.clocks.push(("causet.clock.lamport", lamports[at].to_string()));
        }
        let store = store(&events, |_| true);
        let order = ExactOrder::new(&store).unwrap();
        let said = disagreements(&order, &store);
        let within = |a: usize, b: usize| {
            vectors[a].iter().all(|(key, count)| vectors[b].get(key).is_some_and(|other| other >= count))
        };
        let wrong = (0..events.len()).any(|a| {
            (0..events.len()).any(|b| {
                let recorded = match (within(a, b), within(b, a)) {
                    (true, true) => Relation::Equal,
                    (true, false) => Relation::Before,
                    (false, true) => Relation::After,
                    (false, false) => Relation::Concurrent,
                };
                recorded != true_relation(&events, a, b)
            })
        });
        // With clocks missing, what is found is still wrong.
        assert!(wrong || said.is_empty());
        assert!(!wrong || !said.is_empty() || seed % 4 == 0, "seed {seed}: {said:?}");
        found += usize::from(wrong);
        assert!(
            said.iter().all(|pair| pair.clock == ClockKind::Vector && order.relation(pair.a, pair.b) == pair.rebuilt)
        );
    }
    assert!(found > 50);
}

/// One event per line: `id process incarnation seq kind peer`, each in a span of its own.
fn order(lines: &str) -> ExactOrder {
    let mut builder = StoreBuilder::new();
    for (at, line) in lines.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let names = ["causet.event.id", "", "", "causet.seq", "causet.event.kind", "causet.peer"];
        let mut text = |name: &str, text: &str| (builder.string(name), Any::Str(builder.string(text)));
        let pairs: Vec<_> = names
            .iter()
            .zip(&words)
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, word)| text(name, word))
            .collect();
        let resource = [text("service.name", words[1]), text("causet.incarnation", words[2])];
        let attributes = builder.rows(&pairs);
        builder.event(NewEvent { time: 0, name: Default::default(), attributes, dropped_attributes: 0 });
        let attributes = builder.rows(&resource);
        let resource = builder.resource(NewResource { attributes, ..Default::default() });
        builder.span(NewSpan { trace_id: 1, id: at as u64 + 1, resource, ..Default::default() });
    }
    ExactOrder::new(&builder.finish()).unwrap()
}

fn problems(order: &ExactOrder) -> Vec<(Problem, u64)> {
    order.problems().iter().map(|diagnosis| (diagnosis.problem, diagnosis.count)).collect()
}

#[test]
fn broken_data_is_told_and_what_is_left_is_ordered() {
    for (lines, expected) in [
        ("1 a 0 1 send\n1 a 0 1 send", vec![(Problem::DuplicateEvent, 1)]),
        ("1 a 0 1 send\n1 b 0 1 receive 1", vec![(Problem::DuplicateEvent, 1), (Problem::MissingPeer, 1)]),
        ("1 a 0 1 send\n2 a 0 1 local", vec![(Problem::DuplicateSeq, 1)]),
        ("1 a 0 2 send\n2 a 0 5 local", vec![(Problem::SeqGap, 2)]),
        ("1 a 0 1 receive", vec![(Problem::MissingPeer, 1)]),
        ("1 a 0 1 receive 1", vec![(Problem::PeerCycle, 1)]),
        ("1 a 0 1 receive 2\n2 b 0 1 receive 1", vec![(Problem::PeerCycle, 2)]),
        ("1 a 0 1 timer-fire 2\n2 a 0 2 timer-set", vec![(Problem::MisplacedPeer, 1), (Problem::PeerCycle, 1)]),
        ("1 a 0 0 send", vec![(Problem::MalformedEvent, 1)]),
        ("1 a 0 x send", vec![(Problem::MalformedEvent, 1)]),
        ("1 a -1 1 send", vec![(Problem::MalformedEvent, 1)]),
        ("1 a 0 9223372036854775807 send", vec![(Problem::SeqGap, 1)]),
    ] {
        let order = order(lines);
        assert_eq!(problems(&order), expected, "{lines}");
        order.events().for_each(|a| order.events().for_each(|b| drop((order.relation(a, b), order.vector(a)))));
    }
}

#[test]
fn circles_cost_the_edges_in_them_and_nothing_else() {
    let order =
        order("1 a 0 1 send\n2 b 0 1 receive 1\n3 b 0 2 receive 6\n4 b 0 3 send\n5 c 0 1 receive 4\n6 c 0 2 send");
    let at = |id| order.events().find(|event| *order.id(*event) == Id::Number(id)).unwrap();
    assert_eq!(order.relation(at(1), at(4)), Relation::Before);
    assert_eq!(problems(&order), [(Problem::PeerCycle, 2)]);
    assert_eq!(order.relation(at(4), at(5)), Relation::Unknown);
}

#[test]
fn an_incarnation_does_not_follow_the_former_one_unless_it_recovered_something() {
    let order = order("1 a 0 1 persist\n2 a 1 1 start");
    let [first, second] = [0, 1].map(ExactEvent);
    assert_eq!(order.relation(first, second), Relation::Concurrent);
    assert_eq!(order.lanes()[1].name, "a.1");
}

#[test]
fn ten_thousand_incarnations_share_what_they_know() {
    // Each receives from the one before it: the last one knows them all.
    let mut lines = String::from("0 a 0 1 send\n");
    for at in 1..10_000 {
        lines += &format!("{} a {at} 1 receive {}\n{} a {at} 2 send\n", 2 * at - 1, 2 * (at - 1), 2 * at);
    }
    let order = order(&lines);
    assert_eq!(order.vector(ExactEvent(order.len() as u32 - 1)).len(), 10_000);
    assert!(order.rows.len() < 10 * order.len());
}
