//! Spans that carry operations (`causet.op.…` attributes), as a history.
//!
//! An operation is the interval from the span's start to its end; a span without an end, or with status
//! `info`, is open. Values are JSON text or native attributes.

use crate::store::{Any, Rows, SpanRef, SpanStore, StatusCode, Sym};
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use foldhash::{HashMap, HashMapExt};

/// A history made of spans.
#[derive(Clone, Debug, Default)]
pub struct Extracted {
    pub history: History,
    /// By operation: the position of its span.
    pub spans: Vec<u32>,
    /// Spans that should be an operation but can't: position and reason.
    pub refused: Vec<(usize, String)>,
}

/// How many spans carry an operation. O(attributes).
pub fn count(store: &SpanStore) -> u64 {
    match store.strings().find("causet.op.f") {
        Some(key) => {
            store.iter().filter(|span| store.attributes().find(span.attributes(), key).is_some()).count() as u64
        }
        None => 0,
    }
}

/// The operations of a store, in order of its spans. Failed ones are left out, as in any history.
/// O(attributes). `parse` turns JSON text into a value; text that is not JSON stands for itself.
pub fn extract(store: &SpanStore, parse: impl Fn(&str) -> Option<Value>) -> Extracted {
    let mut out = Extracted::default();
    let Some(names) = Names::find(store) else { return out };
    let mut builder = HistoryBuilder::new();
    let mut first: HashMap<(usize, u64), usize> = HashMap::new();
    for span in store.iter() {
        let find = |key: Option<Sym>| key.and_then(|key| store.attributes().find(span.attributes(), key));
        let Some(function) = find(Some(names.function)) else { continue };
        match first.insert((span.trace(), span.id()), span.index()) {
            None => {}
            // Exporters deliver at least once: the same span again is the same operation.
            Some(earlier) if same(store, store.span(earlier), span) => continue,
            Some(_) => {
                out.refused.push((span.index(), "another operation has the same span id".to_owned()));
                continue;
            }
        }
        let value = |key| find(key).map_or(Value::Nil, |any| value(store, any, &parse));
        let completion = match status(store, span, find(names.status)) {
            Ok(Status::Fail) => continue,
            Ok(Status::Info) => Completion::Info,
            Ok(Status::Ok) => Completion::Ok(value(names.output)),
            Err(reason) => {
                out.refused.push((span.index(), reason));
                continue;
            }
        };
        let time = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX - 1);
        let result = builder.operation(Complete {
            process: &process(store, span, &names),
            function: &text(store, function),
            key: value(names.key),
            input: value(names.input),
            call: time(span.start()),
            ret: (span.end() != 0).then(|| time(span.end())),
            completion,
        });
        match result {
            Ok(()) => out.spans.push(span.index() as u32),
            Err(malformed) => out.refused.push((span.index(), malformed.to_string())),
        }
    }
    out.history = builder.finish();
    out
}

/// Whether two spans with the same ids say the same.
fn same(store: &SpanStore, a: SpanRef<'_>, b: SpanRef<'_>) -> bool {
    let plain = |span: SpanRef<'_>| (span.start(), span.end(), span.name(), span.status_number(), span.resource_id());
    plain(a) == plain(b) && store.attributes().same(a.attributes(), b.attributes())
}

/// The attribute keys, as this store names them.
struct Names {
    function: Sym,
    key: Option<Sym>,
    input: Option<Sym>,
    output: Option<Sym>,
    status: Option<Sym>,
    process: Option<Sym>,
    thread: Option<Sym>,
}

impl Names {
    fn find(store: &SpanStore) -> Option<Self> {
        let find = |name: &str| store.strings().find(name);
        Some(Self {
            function: find("causet.op.f")?,
            key: find("causet.op.key"),
            input: find("causet.op.input"),
            output: find("causet.op.output"),
            status: find("causet.op.status"),
            process: find("causet.op.process"),
            thread: find("thread.id"),
        })
    }
}

enum Status {
    Ok,
    Fail,
    Info,
}

fn status(store: &SpanStore, span: SpanRef<'_>, recorded: Option<Any>) -> Result<Status, String> {
    match recorded.map(|any| text(store, any)).as_deref() {
        Some("ok") => Ok(Status::Ok),
        Some("fail") => Ok(Status::Fail),
        Some("info") => Ok(Status::Info),
        Some(other) => Err(format!("causet.op.status is {other:?}, expected ok, fail or info")),
        None if span.end() == 0 || span.status() == StatusCode::Error => Ok(Status::Info),
        None => Ok(Status::Ok),
    }
}

fn process(store: &SpanStore, span: SpanRef<'_>, names: &Names) -> String {
    let find = |key: Option<Sym>| key.and_then(|key| store.attributes().find(span.attributes(), key));
    if let Some(process) = find(names.process) {
        return text(store, process);
    }
    let resource = span.resource();
    let own = if resource.instance == Sym::EMPTY { resource.service } else { resource.instance };
    match find(names.thread) {
        Some(thread) => format!("{}/{}", store.text(own), text(store, thread)),
        None => store.text(own).to_owned(),
    }
}

fn text(store: &SpanStore, any: Any) -> String {
    match any {
        Any::Str(sym) => store.text(sym).to_owned(),
        Any::Int(value) => value.to_string(),
        Any::Bool(value) => value.to_string(),
        Any::Double(value) => value.to_string(),
        _ => String::new(),
    }
}

/// An attribute as a value. Depth was bounded when the span was read.
fn value(store: &SpanStore, any: Any, parse: &impl Fn(&str) -> Option<Value>) -> Value {
    let pairs = |rows: Rows| store.attributes().pairs(rows);
    match any {
        Any::Empty => Value::Nil,
        Any::Str(sym) => parse(store.text(sym)).unwrap_or_else(|| Value::str(store.text(sym))),
        Any::Bool(value) => Value::Bool(value),
        Any::Int(value) => Value::Int(value),
        Any::Double(value) => Value::float(value),
        Any::Bytes(id) => Value::list(store.attributes().bytes(id).iter().map(|&byte| Value::Int(byte.into()))),
        Any::List(rows) => Value::list(pairs(rows).map(|(_, item)| value(store, item, parse))),
        Any::Map(rows) => {
            Value::map(pairs(rows).map(|(key, item)| (Value::str(store.text(key)), value(store, item, parse))))
        }
    }
}
