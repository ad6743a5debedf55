//! `parquet`: our own columns, one row per span, without loss.
//!
//! Plain columns for what people query (ids, times, names, status, service), JSON text for what nests:
//! attributes as an object that any SQL engine can look into, events and links in their OTLP/JSON form.
//! Attributes that a plain object can't tell apart (bytes, maps, missing values, floats without a
//! literal, repeated keys) are written as OTLP's list of `{"key", "value"}` instead, so that reading
//! back gives exactly what went in.

use super::json::{AnyValue, At, KeyValue, List, Scalar, Seed, Text};
use super::json_write::{Events, KeyValues, Links, Plain, span_hex, trace_hex};
use super::otlp_json_decode::{ResourceFields, ScopeFields, Sink, SpanFields};
use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::frames::{Column, ParquetSource, Table, read_parquet, write_parquet};
use crate::store::{Any, ResourceId, Rows, ScopeId, SpanRef, SpanStore, Sym};
use foldhash::{HashMap, HashMapExt};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell;
use std::fmt;
use std::io::{self, Read, Write};

/// The format.
pub struct Parquet;

const MAGIC: &[u8] = b"PAR1";
/// Rows per row group, and per piece when reading.
const PIECE: usize = 50_000;

impl Format for Parquet {
    fn entry(&self) -> Entry {
        Entry {
            id: "parquet",
            summary: "Traces as Parquet: our own columns, one row per span, for SQL engines and for keeping",
            documentation: include_str!("docs/parquet.md"),
            example: "causet convert traces.jsonl --to parquet=traces.parquet && causet analyze traces.parquet",
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(MAGIC)
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let input = match source.plain_file() {
            Some(file) => ParquetSource::File(file?),
            None => {
                let mut bytes = Vec::new();
                source.read_to_end(&mut bytes)?;
                ParquetSource::Memory(bytes)
            }
        };
        let mut reader = Rowwise { into, resources: HashMap::new(), scopes: HashMap::new(), row: 0 };
        let result = read_parquet(&input, &columns(), PIECE, |row, table| {
            reader.row = row as u64;
            match table {
                Ok(table) => reader.take(&table),
                Err(error) => reader.into.skipped.push(format!("row {row}"), error),
            }
        });
        if let Err(error) = result {
            into.skipped.push("byte 0", error);
        }
        Ok(())
    }

    fn writes(&self) -> Writes {
        Writes::Spans
    }

    fn write_spans(&self, spans: &SpanStore, to: &mut (dyn Write + Send)) -> io::Result<()> {
        // A file of no spans still is a Parquet file with our columns.
        let pieces = (0..spans.len().max(1)).step_by(PIECE).map(|start| {
            let end = (start + PIECE).min(spans.len());
            piece(spans, start..end)
        });
        write_parquet(pieces, to)
    }
}

fn text(store: &SpanStore, sym: Sym) -> Option<String> {
    (sym != Sym::EMPTY).then(|| store.text(sym).to_owned())
}

fn json(value: &impl Serialize) -> Option<String> {
    Some(serde_json::to_string(value).expect("plain data becomes JSON"))
}

/// Attributes as text: a plain object where that says everything.
fn attributes(store: &SpanStore, rows: Rows) -> Option<String> {
    if rows.is_empty() {
        None
    } else if is_plain(store, rows) {
        json(&Plain(store, Any::Map(rows)))
    } else {
        json(&KeyValues(store, rows))
    }
}

fn is_plain(store: &SpanStore, rows: Rows) -> bool {
    let scalar = |value| match value {
        Any::Str(_) | Any::Bool(_) | Any::Int(_) => true,
        Any::Double(value) => value.is_finite(),
        _ => false,
    };
    let mut keys: Vec<Sym> = store.attributes().pairs(rows).map(|(key, _)| key).collect();
    keys.sort_unstable();
    let distinct = keys.windows(2).all(|pair| pair[0] != pair[1]);
    distinct
        && store.attributes().pairs(rows).all(|(_, value)| match value {
            Any::List(items) => store.attributes().pairs(items).all(|(_, item)| scalar(item)),
            value => scalar(value),
        })
}

/// One column: its name, its type (as an empty column), and what it says of a span.
type Definition = (&'static str, fn(&SpanStore, SpanRef<'_>) -> Cell);

enum Cell {
    U32(u32),
    U64(u64),
    I32(i32),
    Text(Option<String>),
}

/// The columns. Reading relies on this order.
const COLUMNS: &[Definition] = &[
    ("trace_id", |_, span| Cell::Text(Some(trace_hex(span.trace_id())))),
    ("span_id", |_, span| Cell::Text(Some(span_hex(span.id())))),
    ("parent_span_id", |_, span| Cell::Text((span.parent() != 0).then(|| span_hex(span.parent())))),
    ("trace_state", |store, span| Cell::Text(text(store, span.trace_state()))),
    ("flags", |_, span| Cell::U32(span.flags())),
    ("service_name", |store, span| Cell::Text(text(store, span.service()))),
    ("name", |store, span| Cell::Text(text(store, span.name()))),
    ("kind", |_, span| Cell::I32(span.kind_number())),
    ("start_time_unix_nano", |_, span| Cell::U64(span.start())),
    ("end_time_unix_nano", |_, span| Cell::U64(span.end())),
    ("status_code", |_, span| Cell::I32(span.status_number())),
    ("status_message", |store, span| Cell::Text(text(store, span.status_message()))),
    ("attributes", |store, span| Cell::Text(attributes(store, span.attributes()))),
    ("events", |store, span| Cell::Text((span.events().len() > 0).then(|| json(&Events(store, span))).flatten())),
    ("links", |store, span| Cell::Text((span.links().len() > 0).then(|| json(&Links(store, span))).flatten())),
    ("dropped_attributes_count", |_, span| Cell::U32(span.dropped()[0])),
    ("dropped_events_count", |_, span| Cell::U32(span.dropped()[1])),
    ("dropped_links_count", |_, span| Cell::U32(span.dropped()[2])),
    ("resource_attributes", |store, span| Cell::Text(attributes(store, span.resource().attributes))),
    ("resource_dropped_attributes_count", |_, span| Cell::U32(span.resource().dropped_attributes)),
    ("resource_schema_url", |store, span| Cell::Text(text(store, span.resource().schema_url))),
    ("resource_entities", |store, span| {
        let entities = span.resource().entities;
        Cell::Text((!entities.is_empty()).then(|| json(&Plain(store, Any::List(entities)))).flatten())
    }),
    ("scope_name", |store, span| Cell::Text(text(store, span.scope().name))),
    ("scope_version", |store, span| Cell::Text(text(store, span.scope().version))),
    ("scope_attributes", |store, span| Cell::Text(attributes(store, span.scope().attributes))),
    ("scope_dropped_attributes_count", |_, span| Cell::U32(span.scope().dropped_attributes)),
    ("scope_schema_url", |store, span| Cell::Text(text(store, span.scope().schema_url))),
];

fn piece(store: &SpanStore, spans: std::ops::Range<usize>) -> Table {
    let mut table = columns();
    for ((_, column), (_, cell)) in table.iter_mut().zip(COLUMNS) {
        for at in spans.clone() {
            match (&mut *column, cell(store, store.span(at))) {
                (Column::U32(values), Cell::U32(value)) => values.push(value),
                (Column::U64(values), Cell::U64(value)) => values.push(value),
                (Column::I32(values), Cell::I32(value)) => values.push(value),
                (Column::Text(values), Cell::Text(value)) => values.push(value),
                _ => unreachable!("a column has cells of its own type"),
            }
        }
    }
    table
}

/// The empty table: names and types.
fn columns() -> Table {
    let column = |name: &str| match name {
        "flags" => Column::U32(Vec::new()),
        "kind" | "status_code" => Column::I32(Vec::new()),
        name if name.ends_with("_count") => Column::U32(Vec::new()),
        name if name.ends_with("_unix_nano") => Column::U64(Vec::new()),
        _ => Column::Text(Vec::new()),
    };
    COLUMNS.iter().map(|(name, _)| (*name, column(name))).collect()
}

/// Reads row by row; resources and scopes repeat, so each distinct one is parsed once.
struct Rowwise<'a> {
    into: &'a mut Reading,
    resources: HashMap<[Option<String>; 4], ResourceId>,
    scopes: HashMap<[Option<String>; 5], ScopeId>,
    row: u64,
}

impl Rowwise<'_> {
    fn take(&mut self, table: &Table) {
        let columns = Columns(table);
        let rows = match &table[0].1 {
            Column::Text(ids) => ids.len(),
            _ => 0,
        };
        for at in 0..rows {
            let row = self.row;
            self.row += 1;
            if let Err(reason) = self.row(&columns, at, row) {
                self.into.skipped.push(format!("row {row}"), format!("span skipped: {reason}"));
            }
        }
    }

    fn row(&mut self, columns: &Columns<'_>, at: usize, row: u64) -> Result<(), String> {
        let text = |name| Text(Cow::Borrowed(columns.text(name, at).unwrap_or_default().as_bytes()));
        let number = |name| Scalar::Unsigned(columns.number(name, at));
        let signed = |name| Scalar::Signed(columns.signed(name, at));
        let span = SpanFields {
            trace_id: text("trace_id"),
            span_id: text("span_id"),
            trace_state: text("trace_state"),
            parent: text("parent_span_id"),
            flags: number("flags"),
            name: text("name"),
            kind: signed("kind"),
            start: number("start_time_unix_nano"),
            end: number("end_time_unix_nano"),
            attributes: List(parse_attributes(columns.text("attributes", at))?),
            dropped_attributes: number("dropped_attributes_count"),
            events: parse(columns.text("events", at))?,
            dropped_events: number("dropped_events_count"),
            links: parse(columns.text("links", at))?,
            dropped_links: number("dropped_links_count"),
            status: super::otlp_json_decode::StatusFields {
                code: signed("status_code"),
                message: text("status_message"),
                ..Default::default()
            },
            ..Default::default()
        };
        let resource = self.resource(columns, at, row)?;
        let scope = self.scope(columns, at, row)?;
        Sink::of_row(self.into, row).span(&span)?;
        let spans = self.into.spans.len() - 1..self.into.spans.len();
        self.into.spans.set_resource(spans.clone(), resource);
        self.into.spans.set_scope(spans, scope);
        Ok(())
    }

    fn resource(&mut self, columns: &Columns<'_>, at: usize, row: u64) -> Result<ResourceId, String> {
        let own = |name| columns.text(name, at).map(str::to_owned);
        let dropped = columns.number("resource_dropped_attributes_count", at);
        let key = [
            own("resource_attributes"),
            own("resource_schema_url"),
            own("resource_entities"),
            Some(dropped.to_string()),
        ];
        if let Some(known) = self.resources.get(&key) {
            return Ok(*known);
        }
        let fields = ResourceFields {
            attributes: List(parse_attributes(key[0].as_deref())?),
            dropped_attributes: Scalar::Unsigned(dropped),
            entities: parse(key[2].as_deref())?,
            ..Default::default()
        };
        let schema_url = Text(Cow::Borrowed(key[1].as_deref().unwrap_or_default().as_bytes()));
        let id = Sink::of_row(self.into, row).resource(&fields, &schema_url);
        self.resources.insert(key, id);
        Ok(id)
    }

    fn scope(&mut self, columns: &Columns<'_>, at: usize, row: u64) -> Result<ScopeId, String> {
        let own = |name| columns.text(name, at).map(str::to_owned);
        let dropped = columns.number("scope_dropped_attributes_count", at);
        let key = [
            own("scope_name"),
            own("scope_version"),
            own("scope_attributes"),
            own("scope_schema_url"),
            Some(dropped.to_string()),
        ];
        if let Some(known) = self.scopes.get(&key) {
            return Ok(*known);
        }
        let text = |at: usize| Text(Cow::Borrowed(key[at].as_deref().unwrap_or_default().as_bytes()));
        let fields = ScopeFields {
            name: text(0),
            version: text(1),
            attributes: List(parse_attributes(key[2].as_deref())?),
            dropped_attributes: Scalar::Unsigned(dropped),
            ..Default::default()
        };
        let id = Sink::of_row(self.into, row).scope(&fields, &text(3));
        self.scopes.insert(key, id);
        Ok(id)
    }
}

/// Cells by name. The table has all columns, or reading would have failed.
struct Columns<'a>(&'a Table);

impl<'a> Columns<'a> {
    fn find(&self, name: &str) -> &'a Column {
        let found = self.0.iter().find(|(known, _)| *known == name);
        &found.expect("columns are asked for by the names in COLUMNS").1
    }

    fn text(&self, name: &str, at: usize) -> Option<&'a str> {
        match self.find(name) {
            Column::Text(values) => values[at].as_deref(),
            _ => None,
        }
    }

    fn number(&self, name: &str, at: usize) -> u64 {
        match self.find(name) {
            Column::U32(values) => u64::from(values[at]),
            Column::U64(values) => values[at],
            _ => 0,
        }
    }

    fn signed(&self, name: &str, at: usize) -> i64 {
        match self.find(name) {
            Column::I32(values) => i64::from(values[at]),
            _ => 0,
        }
    }
}

fn parse<'a, T: super::json::Decode<'a>>(text: Option<&'a str>) -> Result<List<T>, String> {
    let Some(text) = text else { return Ok(List::default()) };
    let mut json = serde_json::Deserializer::from_str(text);
    json.disable_recursion_limit();
    let fault = cell::Cell::new(None);
    let list = Seed::at(At::top(&fault)).deserialize(&mut json).map_err(|error| error.to_string())?;
    fault.take().map_or(Ok(list), |expected| Err(format!("a value of a wrong type: expected {expected}")))
}

/// Attributes from either of their two forms.
fn parse_attributes(text: Option<&str>) -> Result<Vec<KeyValue<'_>>, String> {
    match text {
        Some(object) if object.starts_with('{') => {
            let mut json = serde_json::Deserializer::from_str(object);
            json.deserialize_map(PlainObject).map_err(|error| error.to_string())
        }
        list => Ok(parse(list)?.0),
    }
}

/// `{"key": plain value, …}` in order.
struct PlainObject;

impl<'de> Visitor<'de> for PlainObject {
    type Value = Vec<KeyValue<'de>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let key = Text(Cow::Owned(key.into_owned().into_bytes()));
            pairs.push(KeyValue { key, value: map.next_value_seed(PlainValue)? });
        }
        Ok(pairs)
    }
}

struct PlainValue;

impl<'de> DeserializeSeed<'de> for PlainValue {
    type Value = AnyValue<'de>;
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<AnyValue<'de>, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PlainValue {
    type Value = AnyValue<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, a boolean or a list of them")
    }
    fn visit_bool<E>(self, value: bool) -> Result<AnyValue<'de>, E> {
        Ok(AnyValue::Bool(Scalar::Bool(value)))
    }
    fn visit_u64<E>(self, value: u64) -> Result<AnyValue<'de>, E> {
        Ok(AnyValue::Int(Scalar::Unsigned(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<AnyValue<'de>, E> {
        Ok(AnyValue::Int(Scalar::Signed(value)))
    }
    fn visit_f64<E>(self, value: f64) -> Result<AnyValue<'de>, E> {
        Ok(AnyValue::Double(Scalar::Float(value)))
    }
    fn visit_str<E>(self, text: &str) -> Result<AnyValue<'de>, E> {
        Ok(AnyValue::Str(Text(Cow::Owned(text.as_bytes().to_vec()))))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<AnyValue<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(PlainValue)? {
            list.push(item);
        }
        Ok(AnyValue::List(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::otlp_json::OtlpJson;

    #[test]
    fn nothing_is_lost_on_the_way_through() {
        let mut reading = Reading::default();
        OtlpJson.read(&mut Source::memory(crate::formats::OTLP_SAMPLE), &mut reading).unwrap();
        let store = reading.spans.finish();
        let json = |store: &SpanStore| {
            let mut bytes = Vec::new();
            OtlpJson.write_spans(store, &mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let mut bytes = Vec::new();
        Parquet.write_spans(&store, &mut bytes).unwrap();
        assert!(Parquet.recognises(&bytes));
        let mut back = Reading::default();
        Parquet.read(&mut Source::memory(bytes), &mut back).unwrap();
        assert!(back.skipped.is_empty(), "{:?}", back.skipped);
        assert_eq!(json(&back.spans.finish()), json(&store));
    }

    #[test]
    fn a_file_of_no_spans_round_trips() {
        let mut bytes = Vec::new();
        Parquet.write_spans(&SpanStore::default(), &mut bytes).unwrap();
        let mut back = Reading::default();
        Parquet.read(&mut Source::memory(bytes), &mut back).unwrap();
        assert!(back.skipped.is_empty() && back.spans.is_empty());
    }
}
