//! `otlp-proto`: traces as OTLP protobuf: one message, or many with a length before each.
//!
//! The outer messages are walked field by field, so that a file is streamed and a damaged span costs
//! only itself; `Span`, `Resource` and `InstrumentationScope` are decoded by prost. Messages with a 4-byte length
//! before each are taken apart in `frames.rs`; those with a varint here.
//!
//! A protobuf message does not say what it is. Logs and metrics are told from spans by what fits:
//! a group in which nothing is a span, but which is well-formed as logs or metrics, is counted as that.

use super::frames::{self, Encoding};
use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::{
    Any, NewEvent, NewLink, NewResource, NewScope, NewSpan, Pair, ResourceId, Rows, ScopeId, SpanStore, StoreBuilder,
    Sym,
};
use crate::trace_context::not_zero;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use std::io::{self, BufReader, Read, Write};
use std::ops::Range;

/// The format.
pub struct OtlpProto;

impl Format for OtlpProto {
    fn entry(&self) -> Entry {
        Entry {
            id: "otlp-proto",
            summary: "OTLP traces as protobuf: one message, or length-framed ones as the Collector writes them",
            documentation: include_str!("docs/otlp-proto.md"),
            example: "causet convert traces.jsonl --to otlp-proto=traces.binpb",
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        Packaging::of(head).is_some() || frames::recognise(head) == Some(Encoding::Proto)
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let head = source.peek(super::HEAD)?;
        // Named by the user, but damaged from the start: a length of four bytes mostly begins with a zero.
        let guess = if head.first() == Some(&0) { Packaging::BigEndian } else { Packaging::Message };
        let packaging = Packaging::of(&head).unwrap_or(guess);
        if packaging == Packaging::BigEndian || frames::recognise(&head).is_some() {
            return frames::read(source, into);
        }
        let offset = source.offset();
        let mut input = Input { inner: BufReader::with_capacity(1 << 18, source), offset };
        let mut groups = Groups::default();
        match packaging {
            Packaging::Message => message(&mut input, u64::MAX, &mut groups, into)?,
            _ => framed(&mut input, &mut groups, into)?,
        }
        groups.decode(into);
        Ok(())
    }

    fn writes(&self) -> Writes {
        Writes::Spans
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        super::otlp_proto_write::write(spans, to)
    }
}

/// How messages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packaging {
    Message,
    BigEndian,
    Varint,
}

/// The key of field 1 with a length, which is all that `TracesData` has.
const FIELD_1: u8 = 0x0a;

impl Packaging {
    /// The packaging that makes sense of the most of `head`: of all of it, or at least of the first two messages,
    /// so that damage further on does not hide what the file is.
    fn of(head: &[u8]) -> Option<Self> {
        let fits = [Self::Message, Self::BigEndian, Self::Varint].map(|packaging| (packaging, packaging.fits(head)));
        let whole = fits.iter().find(|(_, (units, whole))| *whole && *units > 0);
        let most = fits.iter().rev().max_by_key(|(_, (units, _))| *units).filter(|(_, (units, _))| *units >= 2);
        whole.or(most).map(|(packaging, _)| *packaging)
    }

    /// How many messages (or groups of one message) from the start make sense, and whether all of `head` does.
    fn fits(self, head: &[u8]) -> (usize, bool) {
        let (mut at, mut units) = (0, 0);
        while at < head.len() {
            let mut rest = &head[at..];
            let length = match self {
                Self::Message if rest[0] == FIELD_1 => decode_varint(&mut &rest[1..]).ok(),
                Self::Message => return (units, false),
                Self::BigEndian => rest.first_chunk().map(|bytes| u64::from(u32::from_be_bytes(*bytes))),
                Self::Varint => decode_varint(&mut rest).ok(),
            };
            // A length that is cut short ends a cut file.
            let Some(length) = length else { return (units, head.len() - at < 10) };
            let header = match self {
                Self::BigEndian => 4,
                Self::Message => 1 + prost::length_delimiter_len(length as usize),
                Self::Varint => prost::length_delimiter_len(length as usize),
            };
            let body = head.get(at + header..).unwrap_or_default();
            if length > LONGEST || (length > 0 && !self.plausible(body, length)) {
                return (units, false);
            }
            units += usize::from(length > 0);
            at += header + length as usize;
        }
        (units, true)
    }

    /// Whether `body` can begin a unit of this length.
    fn plausible(self, body: &[u8], length: u64) -> bool {
        // A group begins with its resource, its scopes, or its schema URL; a message with a group.
        let keys: &[u8] = if self == Self::Message { &[0x0a, 0x12, 0x1a] } else { &[FIELD_1] };
        match body {
            [] => true,
            [key, rest @ ..] if keys.contains(key) => match decode_varint(&mut &rest[..]) {
                Ok(inner) => inner < length,
                // Cut inside a length that would go on.
                Err(_) => rest.iter().all(|byte| *byte >= 0x80) && !rest.is_empty(),
            },
            _ => false,
        }
    }
}

/// No message is longer than protobuf allows, and so much at most is read of one that says it is.
const LONGEST: u64 = (1 << 31) - 1;

/// The input with a position.
struct Input<R> {
    inner: R,
    offset: u64,
}

impl<R: Read> Input<R> {
    /// Up to `length` bytes: fewer at the end.
    fn take(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.inner).take(length).read_to_end(&mut bytes)?;
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }

    fn drop_until(&mut self, end: u64) -> io::Result<()> {
        self.offset += io::copy(&mut (&mut self.inner).take(end - self.offset), &mut io::sink())?;
        Ok(())
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        Ok(self.take(1)?.first().copied())
    }

    /// A varint; `None` at the end of the input. An overlong one is `u64::MAX`.
    fn varint(&mut self) -> io::Result<Option<u64>> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.byte()? else { return Ok(None) };
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(Some(value));
            }
        }
        Ok(Some(u64::MAX))
    }
}

/// Reads a `TracesData` of at most `limit` bytes, group by group.
fn message(input: &mut Input<impl Read>, limit: u64, groups: &mut Groups, into: &mut Reading) -> io::Result<()> {
    let end = input.offset.saturating_add(limit);
    while input.offset < end {
        let start = input.offset;
        let Some(key) = input.byte()? else { return Ok(()) };
        let length = match input.varint()? {
            Some(length) if key == FIELD_1 => length,
            _ => {
                into.skipped.push(format!("byte {start}"), "not a field of TracesData; the rest can't be delimited");
                input.drop_until(end)?;
                return Ok(());
            }
        };
        let offset = input.offset;
        let bytes = input.take(length.min(end - offset).min(LONGEST))?;
        if (bytes.len() as u64) < length {
            into.skipped.push(format!("byte {}", input.offset), cut(length, bytes.len()));
        }
        groups.push(offset, bytes, into);
        if length > LONGEST {
            return input.drop_until(end);
        }
    }
    Ok(())
}

/// Reads messages with a varint before each; a damaged message costs itself.
fn framed(input: &mut Input<impl Read>, groups: &mut Groups, into: &mut Reading) -> io::Result<()> {
    while let Some(length) = input.varint()? {
        let offset = input.offset;
        let bytes = input.take(length.min(LONGEST))?;
        if (bytes.len() as u64) < length {
            into.skipped.push(format!("byte {}", input.offset), cut(length, bytes.len()));
        }
        let read = bytes.len() as u64;
        message(&mut Input { inner: &bytes[..], offset }, read, groups, into)?;
        if length > LONGEST {
            return input.drop_until(u64::MAX);
        }
    }
    Ok(())
}

/// Why less was read than was announced. After a length that no message has, nothing can be delimited.
fn cut(expected: u64, found: usize) -> String {
    match usize::try_from(expected) {
        Ok(length) if expected <= LONGEST => frames::cut(length, found),
        _ => format!(
            "a message of {expected} bytes is announced, which none can have; what follows its first {found} is left out"
        ),
    }
}

/// Whether a message of this length may begin so: with a group that fits in.
pub(super) fn begins_message(body: &[u8], length: u64) -> bool {
    !body.is_empty() && Packaging::BigEndian.plausible(body, length)
}

/// Whether these bytes are groups, each whole.
pub(super) fn is_whole_message(bytes: &[u8]) -> bool {
    let mut only_groups = true;
    walk(bytes, |tag, _| only_groups &= tag == 1).is_ok() && only_groups
}

/// Reads a message that is in memory; `offset` is where it stands in the input.
pub(super) fn decode_message(offset: u64, bytes: &[u8], into: &mut Reading) {
    let mut groups = Groups::default();
    let all = bytes.len() as u64;
    message(&mut Input { inner: bytes, offset }, all, &mut groups, into).expect("memory can be read");
    if bytes.len() > 1 << 20 {
        return groups.decode(into);
    }
    groups.waiting.iter().for_each(|(offset, bytes)| group(*offset, bytes, into));
}

/// `ResourceSpans` messages waiting to be decoded together.
#[derive(Default)]
struct Groups {
    waiting: Vec<(u64, Vec<u8>)>,
    bytes: usize,
}

impl Groups {
    fn push(&mut self, offset: u64, bytes: Vec<u8>, into: &mut Reading) {
        self.bytes += bytes.len();
        self.waiting.push((offset, bytes));
        if self.bytes > 8 << 20 {
            self.decode(into);
        }
    }

    fn decode(&mut self, into: &mut Reading) {
        into.append_all(&self.waiting, |(offset, bytes), part| group(*offset, bytes, part));
        self.waiting.clear();
        self.bytes = 0;
    }
}

/// One group: spans of a resource, or logs, or metrics.
fn group(offset: u64, bytes: &[u8], into: &mut Reading) {
    let mut part = Reading::default();
    resource_spans(offset, bytes, &mut part);
    if part.spans.is_empty() && !part.skipped.is_empty() {
        if let Ok(logs) = ResourceLogs::decode(bytes) {
            into.ignored.logs += logs.scope_logs.iter().map(|scope| scope.log_records.len() as u64).sum::<u64>();
            return;
        }
        if let Ok(metrics) = ResourceMetrics::decode(bytes)
            && metrics.scope_metrics.iter().flat_map(|scope| &scope.metrics).all(|metric| !metric.name.is_empty())
        {
            into.ignored.metrics += metrics.scope_metrics.iter().map(|scope| scope.metrics.len() as u64).sum::<u64>();
            return;
        }
    }
    into.append(part);
}

/// The fields of a message that have a length: number and place of each. Other fields are stepped over.
fn walk(bytes: &[u8], mut field: impl FnMut(u32, Range<usize>)) -> Result<(), (usize, String)> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let start = bytes.len() - rest.len();
        let fail = |error: prost::DecodeError| (start, format!("damaged protobuf: {error}"));
        let (tag, wire_type) = decode_key(&mut rest).map_err(fail)?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default()).map_err(fail)?;
            continue;
        }
        let length = decode_varint(&mut rest).map_err(fail)?;
        let at = bytes.len() - rest.len();
        if length > rest.len() as u64 {
            // Cut short: what is inside may still have whole parts.
            field(tag, at..bytes.len());
            return Err((start, format!("damaged protobuf: a field of {length} bytes where {} are left", rest.len())));
        }
        field(tag, at..at + length as usize);
        rest = &rest[length as usize..];
    }
    Ok(())
}

fn resource_spans(offset: u64, bytes: &[u8], into: &mut Reading) {
    let first = into.spans.len();
    let (mut resource, mut schema_url) = (Resource::default(), Sym::EMPTY);
    let end = walk(bytes, |tag, range| match tag {
        1 => match Resource::decode(&bytes[range.clone()]) {
            Ok(decoded) => resource = decoded,
            Err(error) => skip(into, offset + range.start as u64, format!("resource skipped: {error}")),
        },
        2 => scope_spans(offset + range.start as u64, &bytes[range], into),
        3 => schema_url = into.spans.string(&String::from_utf8_lossy(&bytes[range])),
        _ => {}
    });
    if let Err((at, reason)) = end {
        skip(into, offset + at as u64, reason);
    }
    let resource = store_resource(&mut into.spans, &resource, schema_url);
    let spans = first..into.spans.len();
    into.spans.set_resource(spans, resource);
}

fn scope_spans(offset: u64, bytes: &[u8], into: &mut Reading) {
    let first = into.spans.len();
    let (mut scope, mut schema_url) = (InstrumentationScope::default(), Sym::EMPTY);
    let end = walk(bytes, |tag, range| match tag {
        1 => match InstrumentationScope::decode(&bytes[range.clone()]) {
            Ok(decoded) => scope = decoded,
            Err(error) => skip(into, offset + range.start as u64, format!("scope skipped: {error}")),
        },
        2 => {
            let stored = Span::decode(&bytes[range.clone()])
                .map_err(|error| error.to_string())
                .and_then(|span| store_span(into, offset + range.start as u64, &span));
            if let Err(reason) = stored {
                skip(into, offset + range.start as u64, format!("span skipped: {reason}"));
            }
        }
        3 => schema_url = into.spans.string(&String::from_utf8_lossy(&bytes[range])),
        _ => {}
    });
    if let Err((at, reason)) = end {
        skip(into, offset + at as u64, reason);
    }
    let scope = store_scope(&mut into.spans, &scope, schema_url);
    let spans = first..into.spans.len();
    into.spans.set_scope(spans, scope);
}

fn skip(into: &mut Reading, offset: u64, mut reason: String) {
    // prost names every level on the way to the fault.
    if let Some((cut, _)) = reason.char_indices().nth(200) {
        reason.replace_range(cut.., "…");
    }
    into.skipped.push(format!("byte {offset}"), reason);
}

fn store_resource(store: &mut StoreBuilder, resource: &Resource, schema_url: Sym) -> ResourceId {
    let attributes = store_attributes(store, &resource.attributes);
    let entities: Vec<Pair> = resource
        .entity_refs
        .iter()
        .map(|entity| {
            let list = |store: &mut StoreBuilder, keys: &[String]| {
                let items: Vec<Pair> = keys.iter().map(|key| (Sym::EMPTY, Any::Str(store.string(key)))).collect();
                Any::List(store.rows(&items))
            };
            let pairs = [
                ("schemaUrl", Any::Str(store.string(&entity.schema_url))),
                ("type", Any::Str(store.string(&entity.r#type))),
                ("idKeys", list(store, &entity.id_keys)),
                ("descriptionKeys", list(store, &entity.description_keys)),
            ];
            let pairs = pairs.map(|(name, value)| (store.string(name), value));
            (Sym::EMPTY, Any::Map(store.rows(&pairs)))
        })
        .collect();
    let entities = store.rows(&entities);
    let dropped_attributes = resource.dropped_attributes_count;
    store.resource(NewResource { attributes, dropped_attributes, schema_url, entities })
}

fn store_scope(store: &mut StoreBuilder, scope: &InstrumentationScope, schema_url: Sym) -> ScopeId {
    let new = NewScope {
        name: store.string(&scope.name),
        version: store.string(&scope.version),
        attributes: store_attributes(store, &scope.attributes),
        dropped_attributes: scope.dropped_attributes_count,
        schema_url,
    };
    store.scope(new)
}

fn store_span(into: &mut Reading, offset: u64, span: &Span) -> Result<(), String> {
    let (trace_id, id) = (trace_id(&span.trace_id)?, span_id("span id", &span.span_id)?);
    let no_parent = span.parent_span_id.iter().all(|byte| *byte == 0);
    let parent = if no_parent { 0 } else { span_id("parent span id", &span.parent_span_id)? };
    let store = &mut into.spans;
    let status = span.status.clone().unwrap_or_default();
    let new = NewSpan {
        trace_id,
        id,
        parent,
        trace_state: store.string(&span.trace_state),
        flags: span.flags,
        name: store.string(&span.name),
        kind: span.kind,
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        attributes: store_attributes(store, &span.attributes),
        status_code: status.code,
        status_message: store.string(&status.message),
        dropped: [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count],
        ..NewSpan::default()
    };
    for event in &span.events {
        let event = NewEvent {
            time: event.time_unix_nano,
            name: store.string(&event.name),
            attributes: store_attributes(store, &event.attributes),
            dropped_attributes: event.dropped_attributes_count,
        };
        store.event(event);
    }
    for link in &span.links {
        let ids = self::trace_id(&link.trace_id).and_then(|trace| Ok((trace, span_id("span id", &link.span_id)?)));
        let (trace_id, span_id) = match ids {
            Ok(ids) => ids,
            Err(reason) => {
                into.skipped.push(format!("byte {offset}"), format!("link skipped: {reason}"));
                continue;
            }
        };
        let link = NewLink {
            trace_id,
            span_id,
            trace_state: store.string(&link.trace_state),
            attributes: store_attributes(store, &link.attributes),
            dropped_attributes: link.dropped_attributes_count,
            flags: link.flags,
        };
        store.link(link);
    }
    store.span(new);
    Ok(())
}

fn trace_id(bytes: &[u8]) -> Result<u128, String> {
    id_bytes::<16>("trace id", bytes).map(u128::from_be_bytes)
}

fn span_id(name: &str, bytes: &[u8]) -> Result<u64, String> {
    id_bytes::<8>(name, bytes).map(u64::from_be_bytes)
}

fn id_bytes<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], String> {
    match <[u8; N]>::try_from(bytes) {
        Ok(id) => not_zero(id).map_err(|reason| format!("the {name} is {reason}")),
        Err(_) => Err(format!("the {name} has {} bytes, expected {N}", bytes.len())),
    }
}

fn store_attributes(store: &mut StoreBuilder, pairs: &[KeyValue]) -> Rows {
    let pairs: Vec<Pair> =
        pairs.iter().map(|pair| (store.string(&pair.key), store_value(store, pair.value.as_ref()))).collect();
    store.rows(&pairs)
}

/// Stores a value. prost bounds how deep it can be.
fn store_value(store: &mut StoreBuilder, value: Option<&AnyValue>) -> Any {
    use any_value::Value;
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => Any::Str(store.string(text)),
        Some(Value::BoolValue(value)) => Any::Bool(*value),
        Some(Value::IntValue(value)) => Any::Int(*value),
        Some(Value::DoubleValue(value)) => Any::Double(*value),
        Some(Value::BytesValue(bytes)) => store.bytes(bytes),
        Some(Value::ArrayValue(list)) => {
            let items: Vec<Pair> =
                list.values.iter().map(|item| (Sym::EMPTY, store_value(store, Some(item)))).collect();
            Any::List(store.rows(&items))
        }
        Some(Value::KvlistValue(list)) => Any::Map(store_attributes(store, &list.values)),
        // Indices into a profile's string table mean nothing outside profiles.
        Some(Value::StringValueStrindex(_)) | None => Any::Empty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{by_id, otlp_json::OtlpJson};

    fn sample() -> SpanStore {
        let mut reading = Reading::default();
        let text = crate::formats::OTLP_SAMPLE;
        OtlpJson.read(&mut Source::memory(text), &mut reading).unwrap();
        assert!(reading.skipped.is_empty(), "{:?}", reading.skipped);
        reading.spans.finish()
    }

    fn json(store: &SpanStore) -> String {
        let mut bytes = Vec::new();
        OtlpJson.write_spans(store, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn proto(store: &SpanStore) -> Vec<u8> {
        let mut bytes = Vec::new();
        by_id("otlp-proto").unwrap().write_spans(store, &mut bytes).unwrap();
        bytes
    }

    fn message_with_length(message: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        prost::encode_length_delimiter(message.len(), &mut bytes).unwrap();
        bytes.extend_from_slice(message);
        bytes
    }

    #[test]
    fn every_packaging_round_trips() {
        let store = sample();
        let message = proto(&store);
        let big_endian = [&(message.len() as u32).to_be_bytes()[..], &message].concat();
        let varint = message_with_length(&message);
        let twice = |bytes: &[u8]| [bytes, bytes].concat();
        for (bytes, packaging) in [
            (twice(&message), Packaging::Message),
            (twice(&big_endian), Packaging::BigEndian),
            (twice(&varint), Packaging::Varint),
        ] {
            assert_eq!(Packaging::of(&bytes), Some(packaging));
            let mut reading = Reading::default();
            OtlpProto.read(&mut Source::memory(bytes), &mut reading).unwrap();
            assert!(reading.skipped.is_empty(), "{:?}", reading.skipped);
            let back = json(&reading.spans.finish());
            assert_eq!(back, json(&store).repeat(2));
        }
    }

    #[test]
    fn a_cut_file_keeps_its_whole_spans() {
        let store = sample();
        let message = proto(&store);
        let first_group = 3 + usize::from(message[1] & 0x7f) + (usize::from(message[2]) << 7);
        for cut in 1..message.len() {
            let mut reading = Reading::default();
            OtlpProto.read(&mut Source::memory(&message[..cut]), &mut reading).unwrap();
            // Only a cut between two groups leaves nothing damaged.
            let between = cut == first_group;
            assert_eq!(reading.skipped.is_empty(), between, "cut at {cut}");
            // What follows the last span may be what is missing.
            assert!(reading.spans.len() <= store.len());
        }
    }
}
