//! Small traces with known orders, and the two ways of answering held against each other.

use super::*;
use crate::store::{Any, NewLink};
use crate::store::{NewResource, NewSpan, SpanStore, StoreBuilder};

/// One span per line: `trace id parent service start end`, ids in hexadecimal, `-` for no parent.
fn store(lines: &str) -> SpanStore {
    let mut builder = StoreBuilder::new();
    let key = builder.string("service.name");
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let hex = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        let service = builder.string(words[3]);
        let attributes = builder.rows(&[(key, Any::Str(service))]);
        let resource = builder.resource(NewResource { attributes, ..Default::default() });
        if let Some(link) = words.get(6) {
            builder.link(NewLink {
                trace_id: u128::from(hex(words[0])),
                span_id: hex(link),
                trace_state: Default::default(),
                attributes: Default::default(),
                dropped_attributes: 0,
                flags: 0,
            });
        }
        builder.span(NewSpan {
            trace_id: u128::from(hex(words[0])),
            id: hex(words[1]),
            parent: hex(words[2]),
            start: words[4].parse().unwrap(),
            end: words[5].parse().unwrap(),
            resource,
            ..Default::default()
        });
    }
    builder.finish()
}

fn problems(graph: &CausalGraph) -> Vec<(&'static str, u64)> {
    graph.problems().iter().map(|diagnosis| (diagnosis.problem.id(), diagnosis.count)).collect()
}

#[test]
fn parents_come_before_children_whatever_the_clocks_say() {
    let store = store(
        "1 a - front 100 200
         1 b a back  50  80",
    );
    let graph = CausalGraph::new(&store);
    let answer = graph.relation(graph.start(0), graph.start(1));
    assert_eq!(answer, Answer { relation: Relation::Before, rests_on: RestsOn::Certain });
    // The child does not lie inside its parent, so nothing says that the parent's end waited.
    let ends = graph.relation(graph.end(1).unwrap(), graph.end(0).unwrap());
    assert_eq!(ends.relation, Relation::Concurrent);
    assert_eq!(problems(&graph), [("starts-before-parent", 1)]);
}

#[test]
fn timestamps_order_one_process_and_say_that_they_did() {
    let store = store(
        "1 a - front 100 200
         2 b - front 300 400
         3 c - back  500 600",
    );
    let graph = CausalGraph::new(&store);
    let local = graph.relation(graph.end(0).unwrap(), graph.start(1));
    assert_eq!(local, Answer { relation: Relation::Before, rests_on: RestsOn::Assumed });
    assert_eq!(graph.relation(graph.start(0), graph.start(2)).relation, Relation::Concurrent);
    assert_eq!(graph.relation(graph.start(1), graph.end(0).unwrap()).relation, Relation::After);
    assert_eq!(graph.relation(graph.start(1), graph.start(1)).relation, Relation::Equal);
}

#[test]
fn equal_timestamps_order_nothing() {
    let store = store(
        "1 a - front 100 200
         2 b - front 100 300
         3 c - front 50  60",
    );
    let graph = CausalGraph::new(&store);
    assert_eq!(graph.relation(graph.start(0), graph.start(1)).relation, Relation::Concurrent);
    assert_eq!(graph.relation(graph.start(2), graph.start(1)).relation, Relation::Before);
    assert_eq!(graph.relation(graph.start(0), graph.end(1).unwrap()).relation, Relation::Before);
}

#[test]
fn links_order_across_and_cycles_are_broken() {
    let store = store(
        "1 a c x 10 20
         1 b a x 12 14
         1 c b x 13 13
         1 d - y 1  2
         1 e - y 5  6 d
         1 f f y 7  8",
    );
    let graph = CausalGraph::new(&store);
    assert_eq!(problems(&graph), [("cycle", 4), ("several-roots", 1)]);
    assert_eq!(graph.relation(graph.start(3), graph.start(4)).rests_on, RestsOn::Certain);
    assert_eq!(graph.family().parent(0), None);
}

#[test]
fn a_clock_that_contradicts_the_certain_order_is_not_believed() {
    // b runs in the same process as a's child c's parent, but its clock went back meanwhile.
    let store = store(
        "1 a - x 1000 2000
         1 b a y 1 2
         1 c b x 500 600",
    );
    let graph = CausalGraph::new(&store);
    assert!(problems(&graph).iter().any(|(id, _)| *id == "contradictory-clock"));
    assert_eq!(graph.relation(graph.start(0), graph.start(2)).relation, Relation::Before);
}

#[test]
fn broken_spans_are_told() {
    let store = store(
        "1 a 9 x 10 5
         1 a - x 10 0
         2 b 7 x 10 11 77",
    );
    let graph = CausalGraph::new(&store);
    let expected = [
        ("missing-parent", 2),
        ("duplicate-id", 1),
        ("no-root", 1),
        ("negative-duration", 1),
        ("unended", 1),
        ("missing-link", 1),
    ];
    assert_eq!(problems(&graph), expected);
    assert_eq!(graph.end(1), None);
}

#[test]
fn the_critical_path_covers_the_root_without_gaps() {
    let store = store(
        "1 a - x 100 200
         1 b a y 110 140
         1 c a y 120 160
         1 d c z 125 155
         1 e a y 190 240
         1 f a y 162 162",
    );
    let graph = CausalGraph::new(&store);
    let path: Vec<_> =
        critical_path(&store, graph.family(), 0).iter().map(|step| (step.span, step.from, step.to)).collect();
    assert_eq!(path, [(0, 100, 120), (2, 120, 125), (3, 125, 155), (2, 155, 160), (0, 160, 162), (0, 162, 200)]);
    assert_eq!(self_times(&store, graph.family()), [40, 30, 10, 30, 50, 0]);
}

#[test]
fn the_critical_path_never_leaves_its_root() {
    let store = store(
        "1 a - x 100 200
         1 b a y 10 150
         1 c b z 20 140",
    );
    let graph = CausalGraph::new(&store);
    let path: Vec<_> =
        critical_path(&store, graph.family(), 0).iter().map(|step| (step.span, step.from, step.to)).collect();
    assert_eq!(path, [(2, 100, 140), (1, 140, 150), (0, 150, 200)]);
}

/// A pseudo-random trace: few processes, many equal times, some skew, lost parents and links.
fn random_store(seed: u64) -> SpanStore {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut lines = String::new();
    for span in 1..=12 {
        let parent = next(span + 2);
        let (start, length) = (next(20) + 1, next(6));
        let link = if next(3) == 0 { format!("{:x}", next(12) + 1) } else { String::new() };
        lines += &format!("1 {span:x} {parent:x} p{} {start} {} {link}\n", next(3), start + length);
    }
    store(&lines)
}

#[test]
fn clocks_agree_with_the_search_and_with_petgraph() {
    for seed in 0..300 {
        let store = random_store(seed);
        let graph = CausalGraph::new(&store);
        let clocks = Clocks::new(&graph, usize::MAX).unwrap();
        let mut space = petgraph::algo::DfsSpace::new(graph.petgraph());
        for a in graph.events() {
            for b in graph.events() {
                let relation = graph.relation(a, b).relation;
                assert_eq!(clocks.relation(a, b), relation, "seed {seed}: {a:?} {b:?}");
                let path = petgraph::algo::has_path_connecting(graph.petgraph(), a.0, b.0, Some(&mut space));
                assert_eq!(path, matches!(relation, Relation::Before | Relation::Equal), "seed {seed}");
                if relation == Relation::Before {
                    assert!(clocks.lamport(a) < clocks.lamport(b));
                }
            }
        }
    }
}

#[test]
fn a_chain_of_fifty_thousand_spans_is_no_problem() {
    let mut lines = String::new();
    for span in 1..=50_000u64 {
        lines += &format!("1 {span:x} {:x} p{} {span} {}\n", span - 1, span % 3, 200_000 - span);
    }
    let store = store(&lines);
    let graph = CausalGraph::new(&store);
    assert_eq!(problems(&graph), []);
    assert_eq!(graph.relation(graph.start(0), graph.start(49_999)).relation, Relation::Before);
    assert_eq!(critical_path(&store, graph.family(), 0).len(), 99_999);
}

#[test]
fn a_shortest_path_rests_on_certain_edges_where_it_can() {
    let store = store(
        "1 a - front 100 900
         1 b a front 200 300
         1 c b back  210 220
         1 d a front 400 500
         2 e - front 600 700 a",
    );
    let graph = CausalGraph::new(&store);
    let path = |a, b| {
        let path = graph.path(a, b).unwrap();
        path.into_iter().map(|(event, kind)| (graph.span_of(event), kind)).collect::<Vec<_>>()
    };
    use EdgeKind::{Local, Parent};
    // By the clock of `front` it would be one step.
    assert_eq!(path(graph.start(0), graph.start(2)), [(1, Parent), (2, Parent)]);
    // Events between two of one process are one step.
    assert_eq!(path(graph.start(1), graph.start(4)), [(4, Local)]);
    assert_eq!(graph.path(graph.start(3), graph.start(1)), None);
}

/// The relation of two spans by the definition, over all their events, with no help from their ends.
fn by_definition(graph: &CausalGraph, a: usize, b: usize) -> &'static str {
    let pairs = |a, b| graph.events_of(a).flat_map(move |x| graph.events_of(b).map(move |y| (x, y)));
    let is_before = |(x, y)| graph.relation(x, y).relation == Relation::Before;
    match () {
        () if a == b => "equal",
        () if pairs(a, b).all(is_before) => "before",
        () if pairs(b, a).all(is_before) => "after",
        () if pairs(a, b).chain(pairs(b, a)).any(is_before) => "overlapping",
        () => "concurrent",
    }
}

/// Complete traces with spans taken out: whatever the rest says must be true of the whole.
#[test]
fn what_is_left_of_a_trace_never_denies_an_order() {
    let mut state = 7u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for round in 0..400 {
        let size = 2 + below(7);
        let span = |at: u64, below: &mut dyn FnMut(u64) -> u64| {
            let parent = if at == 0 || below(6) == 0 { "-".to_owned() } else { format!("{:x}", 1 + below(at)) };
            let link = if at > 1 && below(3) == 0 { format!("{:x}", 1 + below(at)) } else { String::new() };
            // Every span in a process of its own, so that nothing is assumed; each fourth one never ends.
            let end = if below(4) == 0 { 0 } else { 100 };
            format!("1 {:x} {parent} p{at} {} {end} {link}", at + 1, 100 + at)
        };
        let lines: Vec<String> = (0..size).map(|at| span(at, &mut below)).collect();
        let whole = store(&lines.join("\n"));
        let graph = CausalGraph::new(&whole);
        // All of some, and a part of the others.
        let kept: Vec<usize> = (0..lines.len()).filter(|_| round % 4 == 0 || below(4) > 0).collect();
        let rest = store(&kept.iter().map(|&at| lines[at].clone()).collect::<Vec<_>>().join("\n"));
        let comparer = Comparer::new(&rest);
        for (a, &whole_a) in kept.iter().enumerate() {
            let list = comparer.concurrent((a, At::Whole)).unwrap();
            for (b, &whole_b) in kept.iter().enumerate() {
                let context = || format!("{lines:?} {kept:?} {a} {b}");
                let truth = by_definition(&graph, whole_a, whole_b);
                let (pair, why) = comparer.pair((a, At::Whole), (b, At::Whole)).unwrap();
                assert_eq!(why.is_some(), pair.relation == "unknown", "{}", context());
                assert!(why.is_none_or(|why| !why.is_empty()), "{}", context());
                assert!(pair.relation == truth || pair.relation == "unknown", "{}: {pair:?}, {truth}", context());
                let ended = whole.span(whole_a).end() > 0 && whole.span(whole_b).end() > 0;
                assert!(round % 4 > 0 || !ended || pair.relation == truth, "{}: {pair:?}, {truth}", context());
                let listed = |places: &[crate::outcome::Place]| places.contains(&pair.to);
                assert_eq!(listed(&list.unknown), pair.relation == "unknown", "{}", context());
                assert_eq!(listed(&list.concurrent), pair.relation == "concurrent", "{}", context());
                let (start, _) = comparer.pair((a, At::Start), (b, At::Start)).unwrap();
                let truth = graph.relation(graph.start(whole_a), graph.start(whole_b)).relation.id();
                assert!(start.relation == truth || start.relation == "unknown", "{}: {start:?}, {truth}", context());
                *seen.entry(pair.relation).or_default() += 1;
            }
        }
    }
    for relation in ["before", "after", "overlapping", "concurrent", "unknown"] {
        let least = if ["before", "after"].contains(&relation) { 0 } else { 100 };
        assert!(seen.get(relation).copied().unwrap_or(0) >= least, "{relation}: {seen:?}");
    }
}

#[test]
fn spans_are_compared_from_start_to_end() {
    let store = store(
        "1 a - front 100 900
         1 b a front 200 300
         1 c a back  210 950
         1 d a front 400 500
         2 e - other 600 700
         3 f 9 lost  600 700
         1 7 a slow  100 0",
    );
    let comparer = Comparer::new(&store);
    let pair = |a, b| comparer.pair(a, b).unwrap();
    let of = |a, b| {
        let pair = pair((a, At::Whole), (b, At::Whole)).0;
        (pair.relation, pair.certain)
    };
    assert_eq!(of(0, 0), ("equal", Some(true)));
    assert_eq!(of(0, 1), ("overlapping", Some(true)));
    // One after the other by the clock of their process.
    assert_eq!(of(1, 3), ("before", Some(false)));
    assert_eq!(of(3, 1), ("after", Some(false)));
    assert_eq!(of(1, 2), ("concurrent", Some(true)));
    assert_eq!(of(0, 4), ("concurrent", Some(true)));
    // What `f` came from may have come from any of them.
    assert_eq!(of(0, 5), ("unknown", None));
    // The last one never ended; it may have, before anything that is not before it.
    assert_eq!(of(6, 0), ("overlapping", Some(true)));
    let (facts, why) = pair((0, At::Whole), (2, At::Whole));
    let told: Vec<_> =
        facts.facts.iter().map(|fact| (&*fact.earlier.event, &*fact.later.event, fact.certain)).collect();
    assert_eq!((told, why), (vec![("start", "start", true)], None));
    assert_eq!(pair((0, At::Start), (2, At::End)).0.relation, "before");
    assert_eq!(pair((0, At::End), (2, At::End)).0.relation, "concurrent");
    assert!(comparer.pair((6, At::End), (0, At::Start)).unwrap_err().contains("never ended"));
    assert!(comparer.pair((0, At::Recorded(1)), (0, At::Start)).is_err());
}
