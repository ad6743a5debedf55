//! A record as spans of the store: what an OpenTelemetry SDK in each node would have exported.

use super::{About, EventRow, Recorder, SpanRow};
use crate::node::{Field, NodeId, Operation, Outcome, Role, Stamp};
use crate::store::{Any, NewEvent, NewLink, NewResource, NewScope, NewSpan, Pair, ResourceId, ScopeId, StoreBuilder};
use causet_checkers::history::Value;
use std::fmt::Write;

/// The start of simulated time in exported traces: 1 January 2026, 00:00 UTC.
pub const EPOCH_NS: i64 = 1_767_225_600 * 1_000_000_000;

impl Recorder {
    /// Adds all spans to a store. `text` writes a value as JSON.
    pub fn export(&self, system: &str, text: impl Fn(&Value) -> String, store: &mut StoreBuilder) {
        let resources: Vec<ResourceId> = (0..self.lanes.len()).map(|lane| self.resource(lane, system, store)).collect();
        let name = store.string("causet-sim");
        let scope = store.scope(NewScope { name, ..NewScope::default() });
        // Events by span, each span's in the order in which they happened.
        let mut by_span: Vec<u32> = (0..self.events.len() as u32).collect();
        by_span.sort_by_key(|event| self.events[*event as usize].span);
        let mut rest = &by_span[..];
        for (at, span) in self.spans().iter().enumerate() {
            let of_span = rest.iter().take_while(|event| self.events[**event as usize].span as usize == at).count();
            for &event in &rest[..of_span] {
                self.export_event(event, store);
            }
            rest = &rest[of_span..];
            self.export_span(span, resources[span.lane as usize], scope, &text, store);
        }
    }

    fn resource(&self, lane: usize, system: &str, store: &mut StoreBuilder) -> ResourceId {
        let lane = self.lanes[lane];
        let service = match self.cluster.role(lane.node) {
            Role::Server => system.to_owned(),
            Role::Client | Role::Admin => format!("{system}-client"),
        };
        let name = self.name(lane.node);
        let pairs = [
            text_pair(store, "service.name", &service),
            text_pair(store, "service.instance.id", &name),
            int_pair(store, "causet.incarnation", lane.incarnation.into()),
        ];
        let attributes = store.rows(&pairs);
        store.resource(NewResource { attributes, ..NewResource::default() })
    }

    fn export_event(&self, at: u32, store: &mut StoreBuilder) {
        let event = &self.events[at as usize];
        let mut pairs = vec![
            int_pair(store, "causet.event.id", u64::from(at) + 1),
            int_pair(store, "causet.seq", event.seq.into()),
            text_pair(store, "causet.event.kind", event.kind.id()),
        ];
        if event.peer > 0 {
            let name = if event.kind == super::EventKind::Start { "causet.recovered" } else { "causet.peer" };
            pairs.push(int_pair(store, name, event.peer.into()));
        }
        let vector = self.vector_text(&event.own);
        pairs.push(text_pair(store, "causet.clock.vector", &vector));
        pairs.push(int_pair(store, "causet.clock.lamport", event.own.lamport));
        let name = self.about(event, &mut pairs, store);
        let (name, attributes) = (store.string(name), store.rows(&pairs));
        store.event(NewEvent { time: instant(event.local_ns), name, attributes, dropped_attributes: 0 });
    }

    /// The attributes that say what an event was about; returns its name.
    fn about<'a>(&self, event: &'a EventRow, pairs: &mut Vec<Pair>, store: &mut StoreBuilder) -> &'a str {
        match &event.about {
            About::Nothing => return event.kind.id(),
            About::Message(name, node) => {
                let direction = if event.kind == super::EventKind::Send { "to" } else { "from" };
                pairs.push(text_pair(store, "message", name));
                pairs.push(text_pair(store, direction, &self.name(*node)));
            }
            About::Timer(name) => pairs.push(text_pair(store, "timer", name)),
            About::Note(note) => {
                for (name, field) in &note.fields {
                    pairs.push(match field {
                        Field::Int(number) => int_pair(store, name, *number),
                        Field::Node(node) => text_pair(store, name, &self.name(*node)),
                        Field::Word(word) => text_pair(store, name, word),
                    });
                }
                return note.name;
            }
        }
        event.kind.id()
    }

    fn export_span(
        &self,
        span: &SpanRow,
        resource: ResourceId,
        scope: ScopeId,
        text: &impl Fn(&Value) -> String,
        store: &mut StoreBuilder,
    ) {
        let trace_state = store.string(&span.state);
        if let Some(sender) = span.link {
            let none = store.rows(&[]);
            store.link(NewLink {
                trace_id: sender.trace_id,
                span_id: sender.parent_id,
                trace_state,
                attributes: none,
                dropped_attributes: 0,
                flags: 0,
            });
        }
        let mut pairs = Vec::new();
        if let Some(server) = span.server {
            pairs.push(text_pair(store, "server.address", &self.name(server)));
        }
        let mut status_code = 0;
        if let Some(about) = &span.operation {
            let (operation, process, outcome) = &**about;
            status_code = operation_pairs(operation, process, outcome, text, &mut pairs, store);
        }
        let (name, attributes) = (store.string(&span.name), store.rows(&pairs));
        store.span(NewSpan {
            trace_id: span.trace,
            id: span.id,
            parent: span.parent,
            trace_state,
            name,
            kind: span.kind as i32,
            start: instant(span.start),
            end: instant(span.end),
            attributes,
            status_code,
            resource,
            scope,
            ..NewSpan::default()
        });
    }

    fn name(&self, node: NodeId) -> String {
        self.cluster.name(node).to_string()
    }

    /// `{"n1.0": 4}`: a node's own vector clock.
    fn vector_text(&self, stamp: &Stamp) -> String {
        let mut text = String::from("{");
        for (at, (lane, count)) in stamp.vector.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let lane = self.lanes[*lane as usize];
            let _ = write!(text, "{comma}\"{}.{}\":{count}", self.cluster.name(lane.node), lane.incarnation);
        }
        text.push('}');
        text
    }
}

fn instant(local: i64) -> u64 {
    (EPOCH_NS + local).max(1) as u64
}

fn text_pair(store: &mut StoreBuilder, name: &str, value: &str) -> Pair {
    (store.string(name), Any::Str(store.string(value)))
}

fn int_pair(store: &mut StoreBuilder, name: &str, value: u64) -> Pair {
    (store.string(name), Any::Int(value as i64))
}

/// The attributes by which a span is an operation; returns the span's status.
fn operation_pairs(
    operation: &Operation,
    process: &str,
    outcome: &Outcome,
    text: &impl Fn(&Value) -> String,
    pairs: &mut Vec<Pair>,
    store: &mut StoreBuilder,
) -> i32 {
    pairs.push(text_pair(store, "causet.op.f", operation.function));
    if let Some(key) = &operation.key {
        pairs.push(text_pair(store, "causet.op.key", &text(key)));
    }
    pairs.push(text_pair(store, "causet.op.input", &text(&operation.input)));
    let (status, code) = match outcome {
        Outcome::Ok(output) => {
            pairs.push(text_pair(store, "causet.op.output", &text(output)));
            ("ok", 1)
        }
        Outcome::Fail => ("fail", 2),
        Outcome::Unknown => ("info", 2),
    };
    pairs.push(text_pair(store, "causet.op.status", status));
    pairs.push(text_pair(store, "causet.op.process", process));
    code
}
