//! What events are called.

use super::exact::{ExactEvent, ExactOrder};
use super::graph::{CausalGraph, EventId, EventKind};
use crate::store::SpanStore;

impl CausalGraph {
    /// What an event of a span is called: start, end, or its number and name.
    pub fn label(&self, store: &SpanStore, event: EventId) -> String {
        match self.kind_of(event) {
            EventKind::Start => "start".to_owned(),
            EventKind::End => "end".to_owned(),
            EventKind::Recorded(at) => {
                let recorded = store.span(self.span_of(event)).events().nth(at as usize);
                let name = recorded.map_or("", |event| store.text(event.name));
                format!("event {} {name}", at + 1).trim_end().to_owned()
            }
        }
    }
}

impl ExactOrder {
    /// What an exact event is called: its kind and its id.
    pub fn label(&self, event: ExactEvent) -> String {
        format!("{} {}", self.kind(event).id(), self.id(event))
    }
}
