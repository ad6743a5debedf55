//! Writing OTLP protobuf from the store: one `TracesData`, group by group.
//!
//! Repeated fields of protobuf messages concatenate, so that writing one `TracesData` per run of spans
//! with the same resource gives one valid message without ever holding all of it.

use crate::store::{Any, Rows, SpanRef, SpanStore};
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, TracesData, span};
use prost::Message;
use std::io::{self, Write};

/// At most so many spans are held as messages at once.
const GROUP: usize = 10_000;

/// Writes all spans.
pub(super) fn write(store: &SpanStore, to: &mut dyn Write) -> io::Result<()> {
    let mut spans = store.iter().peekable();
    while let Some(first) = spans.peek().copied() {
        let mut group = ResourceSpans {
            resource: Some(resource(store, first)),
            scope_spans: Vec::new(),
            schema_url: store.text(first.resource().schema_url).to_owned(),
        };
        let mut scope_id = None;
        let last = first.index() + GROUP;
        let belongs = |next: &SpanRef<'_>| next.resource_id() == first.resource_id() && next.index() < last;
        while let Some(next) = spans.next_if(belongs) {
            if scope_id != Some(next.scope_id()) {
                group.scope_spans.push(scope(store, next));
                scope_id = Some(next.scope_id());
            }
            if let Some(scope) = group.scope_spans.last_mut() {
                scope.spans.push(span(store, next));
            }
        }
        to.write_all(&TracesData { resource_spans: vec![group] }.encode_to_vec())?;
    }
    Ok(())
}

fn resource(store: &SpanStore, span: SpanRef<'_>) -> Resource {
    let resource = span.resource();
    let entities = store.attributes().pairs(resource.entities).map(|(_, entity)| entity_ref(store, entity));
    Resource {
        attributes: attributes(store, resource.attributes),
        dropped_attributes_count: resource.dropped_attributes,
        entity_refs: entities.collect(),
    }
}

fn entity_ref(store: &SpanStore, entity: Any) -> EntityRef {
    let mut out = EntityRef::default();
    let Any::Map(rows) = entity else { return out };
    let strings = |value| match value {
        Any::List(rows) => store.attributes().pairs(rows).map(|(_, item)| text(store, item)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in store.attributes().pairs(rows) {
        match store.text(key) {
            "schemaUrl" => out.schema_url = text(store, value),
            "type" => out.r#type = text(store, value),
            "idKeys" => out.id_keys = strings(value),
            "descriptionKeys" => out.description_keys = strings(value),
            _ => {}
        }
    }
    out
}

fn text(store: &SpanStore, value: Any) -> String {
    match value {
        Any::Str(sym) => store.text(sym).to_owned(),
        _ => String::new(),
    }
}

fn scope(store: &SpanStore, span: SpanRef<'_>) -> ScopeSpans {
    let scope = span.scope();
    ScopeSpans {
        scope: Some(InstrumentationScope {
            name: store.text(scope.name).to_owned(),
            version: store.text(scope.version).to_owned(),
            attributes: attributes(store, scope.attributes),
            dropped_attributes_count: scope.dropped_attributes,
        }),
        spans: Vec::new(),
        schema_url: store.text(scope.schema_url).to_owned(),
    }
}

fn span(store: &SpanStore, span: SpanRef<'_>) -> Span {
    let [dropped_attributes_count, dropped_events_count, dropped_links_count] = span.dropped();
    let status = Status { message: store.text(span.status_message()).to_owned(), code: span.status_number() };
    Span {
        trace_id: span.trace_id().to_be_bytes().to_vec(),
        span_id: span.id().to_be_bytes().to_vec(),
        trace_state: store.text(span.trace_state()).to_owned(),
        parent_span_id: if span.parent() == 0 { Vec::new() } else { span.parent().to_be_bytes().to_vec() },
        flags: span.flags(),
        name: span.name_text().to_owned(),
        kind: span.kind_number(),
        start_time_unix_nano: span.start(),
        end_time_unix_nano: span.end(),
        attributes: attributes(store, span.attributes()),
        dropped_attributes_count,
        events: span.events().map(|event| span_event(store, event)).collect(),
        dropped_events_count,
        links: span.links().map(|link| span_link(store, link)).collect(),
        dropped_links_count,
        status: (status != Status::default()).then_some(status),
    }
}

fn span_event(store: &SpanStore, event: crate::store::Event) -> span::Event {
    span::Event {
        time_unix_nano: event.time,
        name: store.text(event.name).to_owned(),
        attributes: attributes(store, event.attributes),
        dropped_attributes_count: event.dropped_attributes,
    }
}

fn span_link(store: &SpanStore, link: crate::store::Link) -> span::Link {
    span::Link {
        trace_id: link.trace_id.to_be_bytes().to_vec(),
        span_id: link.span_id.to_be_bytes().to_vec(),
        trace_state: store.text(link.trace_state).to_owned(),
        attributes: attributes(store, link.attributes),
        dropped_attributes_count: link.dropped_attributes,
        flags: link.flags,
    }
}

fn attributes(store: &SpanStore, rows: Rows) -> Vec<KeyValue> {
    let pairs = store.attributes().pairs(rows);
    pairs
        .map(|(key, value)| KeyValue {
            key: store.text(key).to_owned(),
            value: Some(any_value(store, value)),
            ..KeyValue::default()
        })
        .collect()
}

/// A value; its depth was bounded by the reader.
fn any_value(store: &SpanStore, value: Any) -> AnyValue {
    use any_value::Value;
    let value = match value {
        Any::Empty => None,
        Any::Str(sym) => Some(Value::StringValue(store.text(sym).to_owned())),
        Any::Bool(value) => Some(Value::BoolValue(value)),
        Any::Int(value) => Some(Value::IntValue(value)),
        Any::Double(value) => Some(Value::DoubleValue(value)),
        Any::Bytes(id) => Some(Value::BytesValue(store.attributes().bytes(id).to_vec())),
        Any::List(rows) => {
            let values = store.attributes().pairs(rows).map(|(_, item)| any_value(store, item)).collect();
            Some(Value::ArrayValue(ArrayValue { values }))
        }
        Any::Map(rows) => Some(Value::KvlistValue(KeyValueList { values: attributes(store, rows) })),
    };
    AnyValue { value }
}
