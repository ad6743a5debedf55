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
fn explanations_have_shortest_paths_and_say_what_is_missing() {
    let store = store(
        "1 a - front 100 200
         1 b a back 110 150
         1 c b deep 120 130
         1 d a side 115 190
         2 e f back 115 190",
    );
    let graph = CausalGraph::new(&store);
    let explain = |a, b| graph.explain(&store, graph.start(a), graph.start(b));
    let down = explain(0, 2);
    assert_eq!(down.answer, Answer { relation: Relation::Before, rests_on: RestsOn::Certain });
    let steps: Vec<_> = down.path.iter().map(|(event, edge)| (graph.span_of(*event), *edge)).collect();
    assert_eq!(steps, [(0, None), (1, Some(EdgeKind::Parent)), (2, Some(EdgeKind::Parent))]);
    assert_eq!(explain(2, 0).answer.relation, Relation::After);
    assert_eq!(explain(2, 0).path, down.path);
    assert_eq!(explain(2, 3).answer.relation, Relation::Concurrent);
    assert_eq!(graph.concurrent_with(3), [1, 2, 4]);
    // The parent of `e` is missing: it may be a child of any of them.
    assert_eq!(explain(2, 4).answer.relation, Relation::Unknown);
}
