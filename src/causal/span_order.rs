//! The certain order of ordinary traces, as rows. Each span is a lane: nothing certain orders a process's spans.

use super::exact::Tree;
use super::graph::{CausalGraph, EdgeKind, EventId};
use crate::store::{EventName, OrderedEvent, SpanRef, SpanStore};
use foldhash::{HashMap, HashMapExt};

/// Lamport and vector clocks that follow from certain edges alone, for every event of a graph.
pub struct SpanOrder<'a> {
    graph: &'a CausalGraph,
    store: &'a SpanStore,
    /// By span: its process's name, its number among those of that name, and both as one key.
    nodes: Vec<(String, u64, String)>,
    rows: Tree,
    row: Vec<u32>,
    lamport: Vec<u64>,
    /// Whether every parent and link before the event is there.
    complete: Vec<bool>,
}

impl<'a> SpanOrder<'a> {
    /// O(edges × log spans), and O(spans) for an edge that brings much news at once.
    pub fn new(graph: &'a CausalGraph, store: &'a SpanStore) -> Self {
        let mut rows = Tree::new(store.len());
        let mut row = vec![0; graph.len()];
        let mut lamport = vec![0; graph.len()];
        let mut complete = vec![true; graph.len()];
        for event in graph.linear_extension().into_iter().filter(|event| event.index() < graph.len()) {
            let span = graph.span_of(event);
            let (mut known, mut clock) = (0, 0);
            let mut whole = event != graph.start(span) || is_whole(graph, store, span);
            for (from, _) in graph.predecessors(event).filter(|(_, kind)| kind.is_certain()) {
                let other = graph.span_of(from);
                known = match other == span {
                    true => rows.merge(known, row[from.index()]),
                    false => rows.join(known, row[from.index()], other as u32, place(graph, from)),
                };
                whole &= complete[from.index()];
                clock = lamport[from.index()].max(clock);
            }
            complete[event.index()] = whole;
            row[event.index()] = known;
            lamport[event.index()] = clock + 1;
        }
        Self { graph, store, nodes: nodes(store), rows, row, lamport, complete }
    }

    /// All events, each after everything that is before it.
    pub fn rows(&self) -> impl Iterator<Item = OrderedEvent<'_>> {
        let mut order: Vec<EventId> = self.graph.events().collect();
        order.sort_by_key(|event| (self.lamport[event.index()], *event));
        order.into_iter().map(|event| {
            let span = self.graph.span_of(event);
            let seq = place(self.graph, event);
            let mut known = Vec::new();
            self.rows.entries(self.row[event.index()], &mut known);
            let at = known.partition_point(|(lane, _)| (*lane as usize) < span);
            known.insert(at, (span as u32, seq));
            let (node, incarnation, _) = &self.nodes[span];
            OrderedEvent {
                name: EventName::Number(event.index() as i64 + 1),
                text: format!("{} {}", self.store.span(span).name_text(), self.graph.label(self.store, event)),
                node,
                incarnation: *incarnation,
                seq: seq.into(),
                vector: known.into_iter().map(|(lane, seq)| (&*self.nodes[lane as usize].2, seq.into())).collect(),
                lamport: self.lamport[event.index()],
                complete: self.complete[event.index()],
            }
        })
    }
}

/// Whether a span's parent and all that it is linked to are in the graph.
pub(super) fn is_whole(graph: &CausalGraph, store: &SpanStore, span: usize) -> bool {
    let of = |kind: EdgeKind| graph.predecessors(graph.start(span)).filter(|(_, known)| *known == kind).count();
    let row = store.span(span);
    of(EdgeKind::Parent) == usize::from(row.parent() != 0) && of(EdgeKind::Link) == row.links().len()
}

/// The place of an event in its span, from 1.
fn place(graph: &CausalGraph, event: EventId) -> u32 {
    (event.index() - graph.start(graph.span_of(event)).index()) as u32 + 1
}

fn nodes(store: &SpanStore) -> Vec<(String, u64, String)> {
    // Counted by name, not by process: two processes of one name are no two lanes of one key.
    let mut spans_of: HashMap<String, u64> = HashMap::new();
    let name = |span: SpanRef<'_>| {
        let resource = span.resource();
        let mut node = store.text(resource.service).to_owned();
        if !store.text(resource.instance).is_empty() {
            node = format!("{node}/{}", store.text(resource.instance));
        }
        let next = spans_of.entry(node.clone()).or_insert(0);
        let number = *next;
        *next += 1;
        let key = format!("{node}.{number}");
        (node, number, key)
    };
    store.iter().map(name).collect()
}
