//! What Jaeger's and Zipkin's JSON have in common: a list of items that are decoded one by one, ids, times in
//! microseconds, and attributes from loosely typed JSON.
//!
//! Damage costs the item in which it is and what comes after it; what came before is kept.

use super::{Reading, Source};
use crate::store::{Any, Pair, Rows, SpanStore, StoreBuilder};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, Read};

/// What is done with an item, and where it stands.
type Each<'a> = &'a mut dyn FnMut(Value, &str, &mut Reading);

/// Reads a source item by item: the elements of a list at the top, or of the list called `list` in an object at the top;
/// an object without it is an item itself. Several documents may follow each other.
pub(super) fn each_item(source: &mut Source, list: &str, into: &mut Reading, each: Each<'_>) -> io::Result<()> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes)?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let (mut at, mut items) = (bytes.len() - text.len(), 0);
    loop {
        at += bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if at == bytes.len() {
            return Ok(());
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<serde::de::IgnoredAny>();
        let whole = json.next().is_some_and(|document| document.is_ok());
        let end = if whole { at + json.byte_offset() } else { bytes.len() };
        let mut json = serde_json::Deserializer::from_slice(&bytes[at..end]);
        let document = Items { list, items: &mut items, offset: at, into: &mut *into, each: &mut *each };
        if let Err(error) = document.deserialize(&mut json) {
            let lines = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
            let place = format!("line {}, column {}", lines + error.line(), error.column());
            into.skipped.push(place, format!("the JSON is damaged here; {items} items before it were read: {error}"));
        }
        at = end;
    }
}

/// A document.
struct Items<'a> {
    list: &'a str,
    items: &'a mut u64,
    offset: usize,
    into: &'a mut Reading,
    each: Each<'a>,
}

impl Items<'_> {
    fn item(&mut self, item: Value) {
        *self.items += 1;
        let place = format!("item {} of the document at byte {}", self.items, self.offset);
        match item {
            Value::Array(items) => items.into_iter().for_each(|item| (self.each)(item, &place, self.into)),
            item => (self.each)(item, &place, self.into),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of traces or spans")
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            self.item(item);
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        let (mut alone, mut listed) = (Map::new(), false);
        while let Some(name) = fields.next_key::<String>()? {
            if name == self.list {
                listed = true;
                let Items { list, items, offset, into, each } = &mut self;
                fields.next_value_seed(Items { list, items, offset: *offset, into, each: &mut **each })?;
            } else {
                alone.insert(name, fields.next_value()?);
            }
        }
        if !listed {
            self.item(Value::Object(alone));
        }
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// An id of up to `digits` hexadecimal digits.
pub(super) fn id(value: &Value, name: &str, digits: usize) -> Result<u128, String> {
    let text = value.as_str().ok_or_else(|| format!("no {name}"))?;
    let right = (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        format!("{name} is {shown:?}, expected up to {digits} hexadecimal digits")
    };
    let id = right.then(|| u128::from_str_radix(text, 16).ok()).flatten().ok_or_else(wrong)?;
    if id == 0 { Err(format!("{name} is all zeroes, which is invalid")) } else { Ok(id) }
}

/// Microseconds, also fractions and numbers as text, as nanoseconds; 0 where there are none.
pub(super) fn micros(value: &Value, name: &str) -> Result<u64, String> {
    let wrong = || format!("{name} is {value}, expected microseconds from 0 on");
    let whole = match value {
        Value::Null => Some(0),
        Value::String(text) => Some(text.parse::<u64>().map_err(|_| wrong())?),
        number => number.as_u64(),
    };
    let nanos = match whole {
        Some(whole) => whole.checked_mul(1000),
        None => value.as_f64().filter(|us| (0.0..1.8e16).contains(us)).map(|us| (us * 1000.0) as u64),
    };
    nanos.ok_or_else(wrong)
}

/// Any JSON value in the store; nested ones as lists and maps. The decoder has bounded the depth.
pub(super) fn any(store: &mut StoreBuilder, value: &Value) -> Any {
    match value {
        Value::Null => Any::Empty,
        Value::Bool(value) => Any::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Any::Int(number),
            None => Any::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Any::Str(store.string(text)),
        Value::Array(items) => {
            let pairs: Vec<Pair> = items.iter().map(|item| (Default::default(), any(store, item))).collect();
            Any::List(store.rows(&pairs))
        }
        Value::Object(fields) => {
            let pairs: Vec<Pair> = fields.iter().map(|(key, item)| (store.string(key), any(store, item))).collect();
            Any::Map(store.rows(&pairs))
        }
    }
}

/// A value of the store as JSON; bytes as base64 text, numbers that JSON does not know as text.
pub(super) fn json(store: &SpanStore, value: Any) -> Value {
    use base64::Engine;
    match value {
        Any::Empty => Value::Null,
        Any::Str(sym) => store.text(sym).into(),
        Any::Bool(value) => value.into(),
        Any::Int(value) => value.into(),
        Any::Double(value) if value.is_finite() => value.into(),
        Any::Double(value) => value.to_string().into(),
        Any::Bytes(id) => base64::engine::general_purpose::STANDARD.encode(store.attributes().bytes(id)).into(),
        Any::List(rows) => store.attributes().pairs(rows).map(|(_, value)| json(store, value)).collect(),
        Any::Map(rows) => Value::Object(fields(store, rows)),
    }
}

/// Attributes as the fields of an object.
pub(super) fn fields(store: &SpanStore, rows: Rows) -> Map<String, Value> {
    store.attributes().pairs(rows).map(|(key, value)| (store.text(key).to_owned(), json(store, value))).collect()
}

/// A value as text: strings as they are, everything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
