//! What the OTLP/JSON decoder hands over, into the store: ids and numbers are judged here.
//!
//! A span is refused before anything of it is stored; what is wrong inside a span that stands costs only itself
//! and is reported.

use super::Reading;
use super::json::{AnyValue, KeyValue, List, Scalar, Text};
use super::otlp_json_decode::{
    EventFields, LinkFields, OTLP_LISTS, Place, ResourceFields, ScopeFields, Sink, SpanFields,
};
use crate::store::{Any, NewEvent, NewLink, NewResource, NewScope, NewSpan, Pair, ResourceId, Rows, ScopeId};
use crate::trace_context::not_zero;
use std::cell::Cell;

const KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

impl<'a> Sink<'a> {
    /// For a document that begins here.
    pub(super) fn of_document(into: &'a mut Reading, offset: u64, line: u64) -> Self {
        Self { into, place: Place { offset, line, indices: [0; 3], lists: OTLP_LISTS, row: None } }
    }

    /// For a span that is a row of a table.
    pub(super) fn of_row(into: &'a mut Reading, row: u64) -> Self {
        Self { into, place: Place { offset: 0, line: 0, indices: [0; 3], lists: &[], row: Some(row) } }
    }

    /// Reports a value of a wrong type, which was taken for absent.
    pub(super) fn tell(&mut self, fault: &Cell<Option<&'static str>>) {
        if let Some(expected) = fault.take() {
            self.skip(format!("a value of a wrong type, read as absent: expected {expected}"));
        }
    }

    pub(super) fn skip(&mut self, reason: String) {
        self.into.skipped.push(self.place.to_string(), reason);
    }

    /// Interns a text. One that is not UTF-8 (cut inside a character, say) is kept as far as it is, and reported.
    fn text(&mut self, text: &Text<'_>) -> crate::store::Sym {
        match std::str::from_utf8(&text.0) {
            Ok(text) => self.into.spans.string(text),
            Err(_) => {
                self.skip("text that is not UTF-8, kept with replacement characters".to_owned());
                self.into.spans.string(&text.as_str())
            }
        }
    }

    pub(super) fn resource(&mut self, fields: &ResourceFields<'_>, schema_url: &Text<'_>) -> ResourceId {
        let dropped_attributes = self.count(&fields.dropped_attributes);
        let attributes = self.attributes(&fields.attributes.0);
        let schema_url = self.text(schema_url);
        let entities: Vec<Pair> = fields
            .entities
            .0
            .iter()
            .map(|entity| {
                let keys = |sink: &mut Self, keys: &List<Text<'_>>| {
                    let items: Vec<Pair> =
                        keys.0.iter().map(|key| (Default::default(), Any::Str(sink.text(key)))).collect();
                    Any::List(sink.into.spans.rows(&items))
                };
                let pairs = [
                    ("schemaUrl", Any::Str(self.text(&entity.schema_url))),
                    ("type", Any::Str(self.text(&entity.kind))),
                    ("idKeys", keys(self, &entity.id_keys)),
                    ("descriptionKeys", keys(self, &entity.description_keys)),
                ];
                let pairs = pairs.map(|(name, value)| (self.into.spans.string(name), value));
                (Default::default(), Any::Map(self.into.spans.rows(&pairs)))
            })
            .collect();
        let entities = self.into.spans.rows(&entities);
        self.into.spans.resource(NewResource { attributes, dropped_attributes, schema_url, entities })
    }

    pub(super) fn scope(&mut self, fields: &ScopeFields<'_>, schema_url: &Text<'_>) -> ScopeId {
        let new = NewScope {
            name: self.text(&fields.name),
            version: self.text(&fields.version),
            attributes: self.attributes(&fields.attributes.0),
            dropped_attributes: self.count(&fields.dropped_attributes),
            schema_url: self.text(schema_url),
        };
        self.into.spans.scope(new)
    }

    pub(super) fn span(&mut self, span: &SpanFields<'_>) -> Result<(), String> {
        // Everything that can refuse the span comes before anything that is stored.
        let mut new = NewSpan {
            trace_id: trace_id("traceId", &span.trace_id)?,
            id: span_id("spanId", &span.span_id)?,
            parent: if is_none(&span.parent) { 0 } else { span_id("parentSpanId", &span.parent)? },
            start: span.start.unsigned().map_err(|reason| format!("startTimeUnixNano: {reason}"))?,
            end: span.end.unsigned().map_err(|reason| format!("endTimeUnixNano: {reason}"))?,
            kind: span.kind.enumeration(KINDS).map_err(|reason| format!("kind: {reason}"))?,
            status_code: span
                .status
                .code
                .enumeration(STATUS_CODES)
                .map_err(|reason| format!("status.code: {reason}"))?,
            ..NewSpan::default()
        };
        new.flags = self.count(&span.flags);
        new.dropped = [&span.dropped_attributes, &span.dropped_events, &span.dropped_links].map(|n| self.count(n));
        new.name = self.text(&span.name);
        new.trace_state = self.text(&span.trace_state);
        new.status_message = self.text(&span.status.message);
        new.attributes = self.attributes(&span.attributes.0);
        for event in &span.events.0 {
            self.event(event);
        }
        for link in &span.links.0 {
            self.link(link);
        }
        self.into.spans.span(new);
        Ok(())
    }

    fn event(&mut self, event: &EventFields<'_>) {
        let time = event.time.unsigned().unwrap_or_else(|reason| {
            self.skip(format!("an event's time, kept as 0: {reason}"));
            0
        });
        let event = NewEvent {
            time,
            name: self.text(&event.name),
            attributes: self.attributes(&event.attributes.0),
            dropped_attributes: self.count(&event.dropped_attributes),
        };
        self.into.spans.event(event);
    }

    fn link(&mut self, link: &LinkFields<'_>) {
        let ids = trace_id("traceId", &link.trace_id).and_then(|t| Ok((t, span_id("spanId", &link.span_id)?)));
        let (trace_id, span_id) = match ids {
            Ok(ids) => ids,
            Err(reason) => return self.skip(format!("link skipped: {reason}")),
        };
        let link = NewLink {
            trace_id,
            span_id,
            trace_state: self.text(&link.trace_state),
            attributes: self.attributes(&link.attributes.0),
            dropped_attributes: self.count(&link.dropped_attributes),
            flags: self.count(&link.flags),
        };
        self.into.spans.link(link);
    }

    /// A count or flags that informs only: a bad one is reported and is 0.
    fn count(&mut self, count: &Scalar<'_>) -> u32 {
        count.unsigned_32().unwrap_or_else(|reason| {
            self.skip(format!("a count or flags, kept as 0: {reason}"));
            0
        })
    }

    fn attributes(&mut self, pairs: &[KeyValue<'_>]) -> Rows {
        let pairs: Vec<Pair> = pairs
            .iter()
            .map(|pair| {
                let key = self.text(&pair.key);
                (key, self.value(&pair.key, &pair.value))
            })
            .collect();
        self.into.spans.rows(&pairs)
    }

    /// Stores a value; its depth was bounded when it was decoded. A value that is none is reported
    /// and stays empty.
    fn value(&mut self, key: &Text<'_>, value: &AnyValue<'_>) -> Any {
        let value = match value {
            AnyValue::Empty => Ok(Any::Empty),
            AnyValue::Str(text) => Ok(Any::Str(self.text(text))),
            AnyValue::Bool(scalar) => scalar.boolean().map(Any::Bool),
            AnyValue::Int(scalar) => scalar.signed().map(Any::Int),
            AnyValue::Double(scalar) => scalar.double().map(Any::Double),
            AnyValue::Bytes(text) => base64(&text.0).map(|bytes| self.into.spans.bytes(&bytes)),
            AnyValue::List(items) => {
                let items: Vec<Pair> = items.iter().map(|item| (Default::default(), self.value(key, item))).collect();
                Ok(Any::List(self.into.spans.rows(&items)))
            }
            AnyValue::Map(pairs) => Ok(Any::Map(self.attributes(pairs))),
            AnyValue::TooDeep => Err(format!("nested deeper than {} levels", super::json::MAX_DEPTH)),
        };
        value.unwrap_or_else(|reason| {
            self.skip(format!("attribute `{}`, kept without its value: {reason}", key.as_str()));
            Any::Empty
        })
    }
}

fn is_none(id: &Text<'_>) -> bool {
    id.0.iter().all(|&byte| byte == b'0')
}

fn trace_id(name: &str, text: &Text<'_>) -> Result<u128, String> {
    id_bytes::<16>(name, text).map(u128::from_be_bytes)
}

fn span_id(name: &str, text: &Text<'_>) -> Result<u64, String> {
    id_bytes::<8>(name, text).map(u64::from_be_bytes)
}

/// An id: hexadecimal as OTLP wants it, or base64 as plain ProtoJSON writers give it.
fn id_bytes<const N: usize>(name: &str, text: &Text<'_>) -> Result<[u8; N], String> {
    let mut id = [0; N];
    if hex::decode_to_slice(&text.0, &mut id).is_err() {
        let wrong = || {
            let shown: String = text.as_str().chars().take(40).collect();
            format!("{name} is {shown:?}, expected {} hexadecimal digits", N * 2)
        };
        if text.is_empty() {
            return Err(format!("no {name}"));
        }
        let bytes = base64(&text.0).map_err(|_| wrong())?;
        id = bytes.try_into().map_err(|_| wrong())?;
    }
    not_zero(id).map_err(|reason| format!("{name} is {reason}"))
}

/// Both alphabets, padding optional.
pub(super) fn base64(text: &[u8]) -> Result<Vec<u8>, String> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    use base64::{Engine, alphabet};
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let standard: Vec<u8> = text
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    STANDARD.decode(standard).map_err(|error| format!("not base64: {error}"))
}
