//! Recorded clocks of ordinary spans: right ones, of starts and of ends, are never accused; broken ones are.

use super::*;
use crate::store::{Any, NewEvent, NewResource, NewSpan, SpanStore, StoreBuilder};
use std::collections::BTreeMap;

type Vector = BTreeMap<usize, u64>;

/// How the processes of a made-up system keep their clocks.
#[derive(Clone, Copy, PartialEq)]
enum Breaks {
    Nothing,
    /// This process takes no notice of the clocks it receives.
    Merging(usize),
    /// This process starts its clock anew every few events.
    Memory(usize),
}

/// When a span's clock is written.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    AtStart,
    AtEnd,
}

/// How it is written.
#[derive(Clone, Copy, PartialEq)]
enum Spelling {
    Object,
    Texts,
    Numbers,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}

struct World {
    vectors: Vec<Vector>,
    lamports: Vec<u64>,
    breaks: Breaks,
    events: u64,
}

impl World {
    fn tick(&mut self, process: usize) {
        self.events += 1;
        if self.breaks == Breaks::Memory(process) && self.events.is_multiple_of(7) {
            self.vectors[process].clear();
            self.lamports[process] = 0;
        }
        *self.vectors[process].entry(process).or_default() += 1;
        self.lamports[process] += 1;
    }

    fn hear(&mut self, process: usize, vector: &Vector, lamport: u64) {
        if self.breaks != Breaks::Merging(process) {
            for (key, count) in vector {
                let own = self.vectors[process].entry(*key).or_default();
                *own = (*own).max(*count);
            }
            self.lamports[process] = self.lamports[process].max(lamport);
        }
        self.tick(process);
    }
}

/// Calls of four processes that wait for their answers, one after another, each with the clocks of its process.
fn calls(seed: u64, breaks: Breaks, written: Written, spelling: Spelling) -> SpanStore {
    let mut random = Random(seed);
    let mut world = World { vectors: vec![Vector::new(); 4], lamports: vec![0; 4], breaks, events: 0 };
    let mut builder = StoreBuilder::new();
    let mut next_id = 1;
    for trace in 1..=12 {
        let root = random.below(4) as usize;
        world.tick(root);
        call(&mut builder, &mut world, &mut random, (trace, 0, root, 0), &mut next_id, (written, spelling));
    }
    builder.finish()
}

fn call(
    builder: &mut StoreBuilder,
    world: &mut World,
    random: &mut Random,
    (trace, parent, process, depth): (u128, u64, usize, u64),
    next_id: &mut u64,
    how: (Written, Spelling),
) {
    let id = *next_id;
    *next_id += 1;
    let start = world.events;
    let at_start = (world.vectors[process].clone(), world.lamports[process]);
    let mut noted = Vec::new();
    for _ in 0..random.below(3) {
        world.tick(process);
        noted.push((world.vectors[process].clone(), world.lamports[process]));
        let to = random.below(4) as usize;
        if depth < 3 && to != process {
            world.tick(process);
            let (vector, lamport) = (world.vectors[process].clone(), world.lamports[process]);
            world.hear(to, &vector, lamport);
            call(builder, world, random, (trace, id, to, depth + 1), next_id, how);
            world.tick(to);
            let (vector, lamport) = (world.vectors[to].clone(), world.lamports[to]);
            world.hear(process, &vector, lamport);
        }
    }
    let (vector, lamport) =
        if how.0 == Written::AtStart { at_start } else { (world.vectors[process].clone(), world.lamports[process]) };
    let name = Any::Str(builder.string(&format!("p{process}")));
    let pairs = ["service.name", "service.instance.id"].map(|key| (builder.string(key), name));
    let attributes = builder.rows(&pairs);
    let resource = builder.resource(NewResource { attributes, ..NewResource::default() });
    for (vector, lamport) in noted {
        let attributes = clocks(builder, &vector, lamport, how.1);
        let name = builder.string("noted");
        builder.event(NewEvent { time: 0, name, attributes, dropped_attributes: 0 });
    }
    let attributes = clocks(builder, &vector, lamport, how.1);
    let (start, end) = (start + 1, world.events + 2);
    builder.span(NewSpan { trace_id: trace, id, parent, start, end, attributes, resource, ..NewSpan::default() });
}

fn clocks(builder: &mut StoreBuilder, vector: &Vector, lamport: u64, spelling: Spelling) -> crate::store::Rows {
    let mut pairs = vec![(builder.string("causet.clock.lamport"), Any::Int(lamport as i64))];
    if spelling == Spelling::Object {
        let text: Vec<String> = vector.iter().map(|(key, count)| format!("\"p{key}\":{count}")).collect();
        let text = Any::Str(builder.string(&format!("{{{}}}", text.join(","))));
        pairs.push((builder.string("causet.clock.vector"), text));
    }
    for (key, count) in vector.iter().filter(|_| spelling != Spelling::Object) {
        let text = Any::Str(builder.string(&count.to_string()));
        let value = if spelling == Spelling::Texts { text } else { Any::Int(*count as i64) };
        pairs.push((builder.string(&format!("vc.p{key}")), value));
    }
    builder.rows(&pairs)
}

fn found(seed: u64, breaks: Breaks, written: Written, spelling: Spelling) -> Vec<SpanDisagreement> {
    let store = calls(seed, breaks, written, spelling);
    let graph = CausalGraph::new(&store);
    let found = span_disagreements(&graph, &store);
    for pair in &found.pairs {
        let answer = graph.relation(pair.a, pair.b);
        assert_eq!(answer, Answer { relation: Relation::Before, rests_on: RestsOn::Certain });
    }
    assert!(found.compared.values().sum::<u64>() > 0, "seed {seed}");
    found.pairs
}

#[test]
fn right_clocks_are_never_accused() {
    for seed in 0..200 {
        for written in [Written::AtStart, Written::AtEnd] {
            for spelling in [Spelling::Object, Spelling::Texts, Spelling::Numbers] {
                let pairs = found(seed, Breaks::Nothing, written, spelling);
                // Notes are before the end of their span: only clocks of starts can be compared with them.
                assert_eq!(pairs, [], "seed {seed}, at the end: {}", written == Written::AtEnd);
            }
        }
    }
}

#[test]
fn broken_clocks_are_accused() {
    let mut accused = [0; 2];
    for seed in 0..60 {
        for (at, breaks) in [Breaks::Merging(2), Breaks::Memory(2)].into_iter().enumerate() {
            let pairs = found(seed, breaks, Written::AtStart, Spelling::Texts);
            accused[at] += u32::from(!pairs.is_empty());
        }
    }
    // A seed may never call the broken process.
    assert!(accused.iter().all(|seeds| *seeds >= 50), "{accused:?} of 60");
}

#[test]
fn the_pair_and_both_opinions_are_told() {
    let mut builder = StoreBuilder::new();
    let key = builder.string("service.name");
    let mut span = |id: u64, parent: u64, process: &str, clock: &str| {
        let name = Any::Str(builder.string(process));
        let attributes = builder.rows(&[(key, name)]);
        let resource = builder.resource(NewResource { attributes, ..NewResource::default() });
        let clock = (builder.string("causet.clock.vector"), Any::Str(builder.string(clock)));
        let attributes = builder.rows(&[clock]);
        builder.span(NewSpan {
            trace_id: 1,
            id,
            parent,
            start: id,
            end: 99,
            attributes,
            resource,
            ..NewSpan::default()
        });
    };
    span(1, 0, "shop", r#"{"shop":3}"#);
    span(2, 1, "cart", r#"{"cart":8}"#);
    span(3, 1, "cart", r#"{"shop":5,"cart":9}"#);
    span(4, 3, "cart", "no clock at all");
    span(5, 4, "store", r#"{"shop":5,"store":1}"#);
    let store = builder.finish();
    let graph = CausalGraph::new(&store);
    let pairs = span_disagreements(&graph, &store).pairs;
    let told: Vec<_> = pairs.iter().map(|pair| (graph.span_of(pair.a), graph.span_of(pair.b), pair.recorded)).collect();
    // The second knows nothing of its caller; the last knows nothing of its caller's caller, whose child has no clock.
    assert_eq!(told, [(0, 1, Relation::Concurrent), (2, 4, Relation::Concurrent)]);
    assert!(pairs.iter().all(|pair| pair.clock == ClockKind::Vector));
}
