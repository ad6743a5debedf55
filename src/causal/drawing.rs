//! The causal order as vertices and edges with labels, for formats that draw it.

use super::exact::ExactOrder;
use super::graph::{CausalGraph, EventId};
use crate::store::{Drawing, DrawnEdge, SpanStore};

impl CausalGraph {
    /// Framed by process. O(edges).
    pub fn drawing(&self, store: &SpanStore) -> Drawing {
        let mut lanes: Vec<String> = Vec::new();
        for span in store.iter() {
            let process = self.process[span.index()] as usize;
            lanes.resize(lanes.len().max(process + 1), String::new());
            if lanes[process].is_empty() {
                let instance = store.text(span.resource().instance);
                let separator = if instance.is_empty() { "" } else { "/" };
                lanes[process] = format!("{}{separator}{instance}", span.service_text());
            }
        }
        let label = |vertex: u32| {
            let event = EventId(vertex);
            let span = self.span_of(event);
            let text = format!("{}\n{}", store.span(span).name_text(), self.label(store, event));
            (self.process[span], text)
        };
        let events = self.event_span.len();
        let vertices = (0..self.vertices).map(|vertex| (vertex < events).then(|| label(vertex as u32)));
        let edges = (0..self.vertices as u32).flat_map(|from| {
            let edge = move |&(to, kind): &(u32, super::EdgeKind)| DrawnEdge {
                from,
                to,
                kind: kind.id(),
                certain: kind.is_certain(),
            };
            // What is certain need not be assumed.
            let edges = self.forward.of(from);
            let certain = |to: u32| edges.iter().any(|(known, kind)| *known == to && kind.is_certain());
            edges.iter().filter(move |(to, kind)| kind.is_certain() || !certain(*to)).map(edge)
        });
        Drawing { lanes, vertices: vertices.collect(), edges: edges.collect() }
    }
}

impl ExactOrder {
    /// Framed by incarnation. O(edges).
    pub fn drawing(&self, store: &SpanStore) -> Drawing {
        let label = |event| {
            let name = store.span(self.span(event)).name_text();
            Some((self.lane(event) as u32, format!("{name}\n{}", self.label(event))))
        };
        let edge = |(from, to, kind): (super::ExactEvent, super::ExactEvent, super::ExactEdge)| DrawnEdge {
            from: from.index() as u32,
            to: to.index() as u32,
            kind: kind.id(),
            certain: true,
        };
        Drawing {
            lanes: self.lanes().iter().map(|lane| lane.name.clone()).collect(),
            vertices: self.events().map(label).collect(),
            edges: self
                .events()
                .flat_map(|to| self.into(to).map(move |(from, kind)| (from, to, kind)))
                .map(edge)
                .collect(),
        }
    }
}
