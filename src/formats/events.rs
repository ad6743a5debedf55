//! From Jepsen's operation events to a history: keys, echoed values, transactions, the nemesis.
//!
//! Whether `[3 1]` is a key and a value can only be said of the whole history, so events are held
//! back until the first that decides it; most histories decide at once. Everything that can't
//! become part of the history is told with its place.

use super::lines::At;
use super::{KeyMode, Reading};
use causet_checkers::history::{Complete, Completion, HistoryBuilder, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// What an event says of its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl Kind {
    /// By its word, with or without colon.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word.strip_prefix(':').unwrap_or(word) {
            "invoke" => Self::Invoke,
            "ok" => Self::Ok,
            "fail" => Self::Fail,
            "info" => Self::Info,
            _ => return None,
        })
    }
}

/// One event of a client.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: At,
    pub(super) kind: Kind,
    pub(super) process: Arc<str>,
    /// `None` if it is not named: transactions often are not.
    pub(super) function: Option<Arc<str>>,
    /// The key, where the format has a place of its own for it.
    pub(super) key: Option<Value>,
    pub(super) value: Value,
    pub(super) time: Option<i64>,
}

/// Takes events in the order of the history.
pub(super) struct Events {
    /// `None` while it is open whether values are `[key value]`.
    tuples: Option<bool>,
    /// A history of transactions may consist of completions alone.
    invoked: bool,
    held: Vec<Event>,
    calls: Calls,
}

impl Events {
    pub(super) fn new(mode: KeyMode) -> Self {
        let tuples = match mode {
            KeyMode::Auto => None,
            KeyMode::Tuple => Some(true),
            KeyMode::None => Some(false),
        };
        Self { tuples, invoked: false, held: Vec::new(), calls: Calls::default() }
    }

    /// The next event.
    pub(super) fn push(&mut self, mut event: Event, into: &mut Reading) {
        let transaction = name_micro_operations(&mut event);
        if event.function.is_none() && transaction {
            event.function = Some("txn".into());
        }
        if self.tuples.is_none() && (transaction || !may_be_tuple(&event)) {
            self.tuples = Some(false);
        }
        self.invoked |= event.kind == Kind::Invoke;
        if self.tuples.is_none() || !self.invoked {
            self.held.push(event);
            return;
        }
        self.release(into);
        self.feed(event, into);
    }

    /// The end of the history.
    pub(super) fn finish(mut self, into: &mut Reading) {
        if !self.invoked && !self.held.is_empty() && self.held.iter().all(|event| is_transaction(&event.value)) {
            return completions_alone(std::mem::take(&mut self.held), into);
        }
        self.tuples.get_or_insert(true);
        self.release(into);
    }

    fn release(&mut self, into: &mut Reading) {
        for event in std::mem::take(&mut self.held) {
            self.feed(event, into);
        }
    }

    fn feed(&mut self, event: Event, into: &mut Reading) {
        let at = event.at;
        if let Err(reason) = self.take(event, &mut into.history) {
            into.skipped.push(at, reason);
        }
    }

    fn take(&mut self, event: Event, history: &mut HistoryBuilder) -> Result<(), String> {
        let Event { at: _, kind, process, function, key, value, time } = event;
        let named = function.or_else(|| self.calls.function(&process));
        let Some(function) = named else { return Err("expected `:f`, the name of the operation".into()) };
        let (key, value) = match (key, kind) {
            (None, Kind::Invoke | Kind::Ok) if self.tuples == Some(true) => match value.as_pair() {
                Some((key, value)) => (Some(key.clone()), value.clone()),
                None => return Err(format!("expected a value `[key value]`, found {}", brief(&value))),
            },
            (key, _) => (key, value),
        };
        if kind == Kind::Invoke {
            let key = key.unwrap_or_default();
            history.invoke(&process, &function, key.clone(), value, time).map_err(|bad| bad.to_string())?;
            self.calls.called(&process, Some(function), key);
            return Ok(());
        }
        let completion = match kind {
            Kind::Ok => Completion::Ok(output(&function, value, history.open_input(&process))),
            Kind::Fail => Completion::Fail,
            _ => Completion::Info,
        };
        self.calls.check_key(&process, key.as_ref())?;
        history.complete(&process, &function, completion, time).map_err(|bad| bad.to_string())?;
        self.calls.completed(&process);
        Ok(())
    }
}

/// The open call of each process: what a completion may leave out, or must not contradict.
#[derive(Default)]
pub(super) struct Calls(HashMap<Arc<str>, Option<(Option<Arc<str>>, Value)>>);

impl Calls {
    /// A process called. (The name only where completions may leave it out.)
    pub(super) fn called(&mut self, process: &str, function: Option<Arc<str>>, key: Value) {
        let call = Some((function, key));
        match self.0.get_mut(process) {
            Some(slot) => *slot = call,
            None => drop(self.0.insert(process.into(), call)),
        }
    }

    /// Its call completed.
    pub(super) fn completed(&mut self, process: &str) {
        if let Some(call) = self.0.get_mut(process) {
            *call = None;
        }
    }

    fn function(&self, process: &str) -> Option<Arc<str>> {
        self.0.get(process)?.as_ref()?.0.clone()
    }

    /// Whether a completion is about the key of the call; most don't say.
    pub(super) fn check_key(&self, process: &str, key: Option<&Value>) -> Result<(), String> {
        match (self.0.get(process), key) {
            (Some(Some((_, called))), Some(key)) if key != called => {
                Err(format!("expected the key of the call, {}, found {}", brief(called), brief(key)))
            }
            _ => Ok(()),
        }
    }
}

/// The beginning of a value, for a message.
pub(super) fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Jepsen's completions repeat the input where there is no output.
fn output(function: &str, value: Value, input: Option<&Value>) -> Value {
    match function {
        "cas" => Value::Bool(value.as_bool().unwrap_or(true)),
        "write" => Value::Nil,
        "add" | "append" | "put" | "remove" | "delete" | "enqueue" | "push" | "insert" | "transfer" | "acquire"
        | "release"
            if Some(&value) == input =>
        {
            Value::Nil
        }
        _ => value,
    }
}

fn may_be_tuple(event: &Event) -> bool {
    if matches!(event.kind, Kind::Fail | Kind::Info) {
        return true;
    }
    match event.value.as_pair() {
        Some((_, value)) => event.function.as_deref() != Some("cas") || value.as_pair().is_some(),
        None => false,
    }
}

/// The name of a micro-operation, in the words of the models.
fn micro_name(item: &Value) -> Option<&str> {
    let [name, _, ..] = item.as_list()? else { return None };
    match name.as_str()?.trim_start_matches(':') {
        "r" | "read" => Some("r"),
        "w" | "write" => Some("w"),
        "append" => Some("append"),
        _ => None,
    }
}

fn is_transaction(value: &Value) -> bool {
    value.as_list().is_some_and(|items| !items.is_empty() && items.iter().all(|item| micro_name(item).is_some()))
}

/// Renames the micro-operations of a value, or of the value of a `[key value]`, and says whether the
/// value is a transaction.
fn name_micro_operations(event: &mut Event) -> bool {
    let named = event.function.as_deref() == Some("txn");
    if is_transaction(&event.value) {
        event.value = renamed(&event.value);
        return true;
    }
    if let Some((key, inner)) = event.value.as_pair()
        && is_transaction(inner)
    {
        event.value = Value::list([key.clone(), renamed(inner)]);
        return false;
    }
    // A transaction of other micro-operations, or of none, is no tuple either.
    named && event.value.as_list().is_some_and(|items| items.iter().all(|item| item.as_list().is_some()))
}

fn renamed(transaction: &Value) -> Value {
    let items = transaction.as_list().unwrap_or_default();
    Value::list(items.iter().map(|item| {
        let parts = item.as_list().unwrap_or_default();
        let name = micro_name(item).map_or_else(|| parts[0].clone(), Value::str);
        Value::list(std::iter::once(name).chain(parts[1..].iter().cloned()))
    }))
}

/// A history of transactions without their calls, as Elle's examples are written: each was called
/// at some time after the one before it in its process returned.
fn completions_alone(events: Vec<Event>, into: &mut Reading) {
    let mut returned: HashMap<Arc<str>, i64> = HashMap::new();
    for (now, event) in (1_i64..).zip(events) {
        let items = event.value.as_list().unwrap_or_default();
        let input = Value::list(items.iter().map(|item| match item.as_list() {
            Some([name, key, _]) if name.as_str() == Some("r") => Value::list([name.clone(), key.clone(), Value::Nil]),
            _ => item.clone(),
        }));
        let completion = match event.kind {
            Kind::Ok => Completion::Ok(event.value),
            Kind::Fail => Completion::Fail,
            _ => Completion::Info,
        };
        let call = returned.insert(event.process.clone(), now).unwrap_or(0);
        let function = event.function.as_deref().unwrap_or("txn");
        let ret = Some(now);
        let complete = Complete { process: &event.process, function, key: Value::Nil, input, call, ret, completion };
        if let Err(bad) = into.history.operation(complete) {
            into.skipped.push(event.at, bad.to_string());
        }
    }
}
