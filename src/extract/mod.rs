//! Spans that carry operations, as a history: by `causet.op.…` attributes, or by rules for others.
//!
//! An operation is the interval from the span's start to its end; a span without an end, or with status
//! `info`, is open. Values are JSON text or native attributes. A span with `causet.op.f` is never a rule's.

mod rules;
mod sets;

pub use rules::{Rule, RuleText, TEMPLATES};
pub use sets::{RULE_SETS, RuleSet, rule_set};

use crate::store::{Any, Rows, SpanRef, SpanStore, StatusCode, Sym};
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use foldhash::{HashMap, HashMapExt};
use rules::{Made, Unmade};

/// A history made of spans.
#[derive(Clone, Debug, Default)]
pub struct Extracted {
    pub history: History,
    /// By operation: the position of its span.
    pub spans: Vec<u32>,
    /// Spans that should be an operation but can't: position and reason.
    pub refused: Vec<(usize, String)>,
    /// Rules whose every operation lacks its outcome, so that nothing of what they saw is known: in words.
    pub blind: Vec<String>,
    /// Two rules that make different operations of one span: the span, and the rules.
    pub conflict: Option<(usize, String, String)>,
}

/// How many spans carry an operation by their attributes. O(attributes).
pub fn count(store: &SpanStore, asked: impl Fn(SpanRef<'_>) -> bool) -> u64 {
    match store.strings().find("causet.op.f") {
        Some(key) => {
            let carries = |span: &SpanRef<'_>| store.attributes().find(span.attributes(), key).is_some();
            store.iter().filter(|span| asked(*span) && carries(span)).count() as u64
        }
        None => 0,
    }
}

/// An operation as a span tells it.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    process: String,
    function: String,
    key: Value,
    input: Value,
    /// Nothing: a failed one, which did not happen.
    completion: Option<Completion>,
}

/// The operations of a store, in order of its spans. Failed ones are left out, as in any history.
/// O(spans · rules). `parse` turns JSON text into a value; text that is not JSON stands for itself.
pub fn extract(store: &SpanStore, rules: &[Rule], parse: impl Fn(&str) -> Option<Value>) -> Extracted {
    let mut out = Extracted::default();
    let names = Names::find(store);
    let mut builder = HistoryBuilder::new();
    let mut first: HashMap<(usize, u64), usize> = HashMap::new();
    let mut sight = vec![Sight::default(); rules.len()];
    for span in store.iter() {
        let told = match names.function.and_then(|key| store.attributes().find(span.attributes(), key)) {
            Some(function) => native(store, span, &names, function, &parse),
            None => match ruled(store, span, (rules, &mut sight), &names, &parse, &mut out.conflict) {
                Some(told) => told,
                None => continue,
            },
        };
        match first.insert((span.trace(), span.id()), span.index()) {
            None => {}
            // Exporters deliver at least once: the same span again is the same operation.
            Some(earlier) if same(store, store.span(earlier), span) => continue,
            Some(_) => {
                out.refused.push((span.index(), "another operation has the same span id".to_owned()));
                continue;
            }
        }
        let Told { process, function, key, input, completion } = match told {
            Ok(told) => told,
            Err(reason) => {
                out.refused.push((span.index(), reason));
                continue;
            }
        };
        let Some(completion) = completion else { continue };
        let time = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX - 1);
        let ret = (span.end() != 0).then(|| time(span.end()));
        let call = time(span.start());
        let operation = Complete { process: &process, function: &function, key, input, call, ret, completion };
        match builder.operation(operation) {
            Ok(()) => out.spans.push(span.index() as u32),
            Err(malformed) => out.refused.push((span.index(), malformed.to_string())),
        }
    }
    let blind = sight.iter().zip(rules).filter(|(sight, _)| sight.taken > 0 && sight.taken == sight.blind);
    let tell = |(sight, rule): (&Sight, &Rule)| {
        format!("none of the {} operations of rule `{}` says what it was answered", sight.taken, rule.name)
    };
    out.blind = blind.map(tell).collect();
    out.history = builder.finish();
    out
}

/// How many operations a rule made, and how many of them without the output that it should have.
#[derive(Clone, Copy, Debug, Default)]
struct Sight {
    taken: u64,
    blind: u64,
}

/// The operation of a span with `causet.op.f`.
fn native(
    store: &SpanStore,
    span: SpanRef<'_>,
    names: &Names,
    function: Any,
    parse: &impl Fn(&str) -> Option<Value>,
) -> Result<Told, String> {
    let find = |key: Option<Sym>| key.and_then(|key| store.attributes().find(span.attributes(), key));
    let value = |key| find(key).map_or(Value::Nil, |any| value(store, any, parse));
    let status = status(store, span, find(names.status))?;
    Ok(Told {
        process: process(store, span, names),
        function: text(store, function),
        key: value(names.key),
        input: value(names.input),
        completion: match status {
            Status::Fail => None,
            Status::Info => Some(Completion::Info),
            Status::Ok => Some(Completion::Ok(value(names.output))),
        },
    })
}

/// The operation that the rules make of a span, if any takes it.
fn ruled(
    store: &SpanStore,
    span: SpanRef<'_>,
    (rules, sight): (&[Rule], &mut [Sight]),
    names: &Names,
    parse: &impl Fn(&str) -> Option<Value>,
    conflict: &mut Option<(usize, String, String)>,
) -> Option<Result<Told, String>> {
    let mut found: Option<(usize, Result<Told, String>)> = None;
    for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.takes(store, span)) {
        let told = apply(rule, store, span, names, parse);
        match &found {
            None => found = Some((at, told)),
            Some((first, other)) if *other != told => {
                conflict.get_or_insert_with(|| (span.index(), rules[*first].name.clone(), rule.name.clone()));
            }
            Some(_) => {}
        }
    }
    let (at, told) = found?;
    if let Ok(Told { completion: Some(completion), .. }) = &told {
        sight[at].taken += 1;
        sight[at].blind += u64::from(rules[at].has(3) && *completion == Completion::Info);
    }
    Some(told)
}

fn apply(
    rule: &Rule,
    store: &SpanStore,
    span: SpanRef<'_>,
    names: &Names,
    parse: &impl Fn(&str) -> Option<Value>,
) -> Result<Told, String> {
    let words = |unmade: Unmade| match unmade {
        Unmade::Missing(what) => format!("rule `{}`: the span has no {what}", rule.name),
        Unmade::Unusable(why) => format!("rule `{}`: {why}", rule.name),
    };
    let plain = |made: Made| match made {
        Made::Native(any) => text(store, any),
        Made::Text(text) => text,
        Made::Nothing => String::new(),
    };
    let read = |made: Made| match made {
        Made::Native(any) => value(store, any, parse),
        Made::Text(text) => parse(&text).unwrap_or_else(|| Value::str(&text)),
        Made::Nothing => Value::Nil,
    };
    let make = |template| rule.make(template, store, span).map_err(words);
    let status = match make(4)? {
        Made::Nothing => status(store, span, None)?,
        made => named_status(&plain(made)).ok_or("expected the status ok, fail or info").map_err(str::to_owned)?,
    };
    let completion = match status {
        Status::Fail => None,
        Status::Info => Some(Completion::Info),
        Status::Ok => match rule.make(3, store, span) {
            Ok(made) => Some(Completion::Ok(read(made))),
            // What it was answered is not known: it may have been anything.
            Err(Unmade::Missing(_)) => Some(Completion::Info),
            Err(unusable) => return Err(words(unusable)),
        },
    };
    let process = if rule.has(5) { plain(make(5)?) } else { process(store, span, names) };
    Ok(Told { process, function: plain(make(0)?), key: read(make(1)?), input: read(make(2)?), completion })
}

/// Whether two spans with the same ids say the same.
fn same(store: &SpanStore, a: SpanRef<'_>, b: SpanRef<'_>) -> bool {
    let plain = |span: SpanRef<'_>| (span.start(), span.end(), span.name(), span.status_number(), span.resource_id());
    plain(a) == plain(b) && store.attributes().same(a.attributes(), b.attributes())
}

/// The attribute keys, as this store names them.
struct Names {
    function: Option<Sym>,
    key: Option<Sym>,
    input: Option<Sym>,
    output: Option<Sym>,
    status: Option<Sym>,
    process: Option<Sym>,
    thread: Option<Sym>,
}

impl Names {
    fn find(store: &SpanStore) -> Self {
        let find = |name: &str| store.strings().find(name);
        Self {
            function: find("causet.op.f"),
            key: find("causet.op.key"),
            input: find("causet.op.input"),
            output: find("causet.op.output"),
            status: find("causet.op.status"),
            process: find("causet.op.process"),
            thread: find("thread.id"),
        }
    }
}

enum Status {
    Ok,
    Fail,
    Info,
}

fn status(store: &SpanStore, span: SpanRef<'_>, recorded: Option<Any>) -> Result<Status, String> {
    match recorded.map(|any| text(store, any)) {
        Some(text) => named_status(&text).ok_or(format!("causet.op.status is {text:?}, expected ok, fail or info")),
        None if span.end() == 0 || span.status() == StatusCode::Error => Ok(Status::Info),
        None => Ok(Status::Ok),
    }
}

fn named_status(text: &str) -> Option<Status> {
    match text {
        "ok" => Some(Status::Ok),
        "fail" => Some(Status::Fail),
        "info" => Some(Status::Info),
        _ => None,
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
