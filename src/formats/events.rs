//! From Jepsen's operation events to a history: keys, echoed values, transactions, the nemesis.
//!
//! Whether `[3 1]` is a key and a value can only be said of the whole history, so events are held
//! back until the first that decides it; most histories decide at once. Everything that can't
//! become part of the history is told with its place.

use super::lines::At;
use super::{KeyMode, Reading};
use causet_checkers::history::{Complete, Completion, HistoryBuilder, Value};
use foldhash::{HashMap, HashMapExt};
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
pub(super) struct Calls(HashMap<Arc<str>, Option<Call>>);

struct Call {
    function: Option<Arc<str>>,
    key: Value,
}

impl Calls {
    /// A process called. (The name only where completions may leave it out.)
    pub(super) fn called(&mut self, process: &str, function: Option<Arc<str>>, key: Value) {
        let call = Some(Call { function, key });
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
        self.0.get(process)?.as_ref()?.function.clone()
    }

    /// Whether a completion is about the key of the call; most don't say.
    pub(super) fn check_key(&self, process: &str, key: Option<&Value>) -> Result<(), String> {
        match (self.0.get(process), key) {
            (Some(Some(call)), Some(key)) if *key != call.key => {
                Err(format!("expected the key of the call, {}, found {}", brief(&call.key), brief(key)))
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

/// The output of a completion whose value is said to be the output: many repeat the input instead, which is none. What
/// a model could take for an answer stays: whether it was new or there, an offset, a token.
pub(super) fn unless_repeated(function: &str, value: Value, input: Option<&Value>) -> Value {
    let may_answer = matches!(
        (function, &value),
        (_, Value::Bool(_)) | ("append", Value::Int(_) | Value::BigInt(_)) | ("acquire" | "release", _)
    );
    if may_answer || Some(&value) != input { value } else { output(function, value, input) }
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

/// What the tests of the history formats have in common.
#[cfg(test)]
pub(super) mod testing {
    use super::super::{Format, Ignored, KeyMode, Reading, Skipped, Source};
    use causet_checkers::history::{History, OPEN};

    /// A text, how many operations are in it, and the losses by their places and words of their reasons.
    pub(in super::super) type Case<'a> = (String, usize, &'a [(&'a str, &'a str)]);

    pub(in super::super) fn read_as(format: &dyn Format, text: &[u8], mode: KeyMode) -> (History, Skipped, Ignored) {
        let mut reading = Reading { key_mode: mode, ..Reading::default() };
        format.read(&mut Source::memory(text), &mut reading).unwrap();
        (reading.history.finish(), reading.skipped, reading.ignored)
    }

    pub(in super::super) fn read(format: &dyn Format, text: impl AsRef<[u8]>) -> (History, Skipped, Ignored) {
        read_as(format, text.as_ref(), KeyMode::Auto)
    }

    /// Each operation as `process f key: input -> output [call..return]`, where there is something to say.
    pub(in super::super) fn shown(history: &History) -> Vec<String> {
        let show = |(index, op): (usize, &causet_checkers::history::Operation)| {
            let key = if op.key.is_nil() { String::new() } else { format!(" {}:", op.key) };
            let ret = if op.ret == OPEN { "open".to_owned() } else { op.ret.to_string() };
            let (process, function) = (history.process(index), history.function(index));
            format!("{process} {function}{key} {} -> {} [{}..{ret}]", op.input, op.output, op.call)
        };
        history.operations().iter().enumerate().map(show).collect()
    }

    /// Reads a text and expects these operations and nothing skipped.
    pub(in super::super) fn check(format: &dyn Format, text: &str, operations: &[&str]) {
        let (history, skipped, _) = read(format, text);
        assert_eq!(skipped.first(), [], "{text}");
        assert_eq!(shown(&history), operations, "{text}");
        assert!(format.recognises(text.as_bytes()), "{text}");
    }

    /// Reads a text and expects so many operations, and losses at these places for reasons with these words.
    pub(in super::super) fn check_skips(
        format: &dyn Format,
        text: impl AsRef<[u8]>,
        operations: usize,
        losses: &[(&str, &str)],
    ) {
        let text = text.as_ref();
        let (history, skipped, _) = read(format, text);
        let told = skipped.first();
        let shown = String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned();
        assert_eq!(told.len(), losses.len(), "{shown}: {told:?}");
        for (skip, (position, reason)) in told.iter().zip(losses) {
            assert_eq!(skip.position, *position, "{shown}: {told:?}");
            assert!(skip.reason.contains(reason), "{shown}: {told:?}");
        }
        assert_eq!(history.len() + history.failed(), operations, "{shown}: {told:?}");
    }

    /// Reads every prefix of a sample and the sample with every byte changed in many ways: each of its
    /// events, `expected` of the text, is read or told. The sample's completions are all `ok` or `fail`.
    pub(in super::super) fn survives(
        format: &dyn Format,
        sample: &str,
        exact: bool,
        expected: impl Fn(&[u8]) -> usize,
    ) {
        let account = |text: &[u8]| {
            let (history, skipped, ignored) = read(format, text);
            let returned = history.operations().iter().filter(|op| op.ret != OPEN).count();
            let events = history.len() + returned + 2 * history.failed();
            let told = events as u64 + skipped.total() + ignored.nemesis + ignored.logs;
            let right = if exact { told == expected(text) as u64 } else { told >= expected(text) as u64 };
            let shown = String::from_utf8_lossy(text);
            assert!(right, "{told} of {}: {:?}\n{shown}", expected(text), skipped.first());
        };
        let sample = sample.as_bytes();
        (0..=sample.len()).for_each(|end| account(&sample[..end]));
        let odd = b"\0\n\r \"\\{}[]()#:;,^_-/09aN\x80\xff".iter().copied();
        for at in 0..sample.len() {
            let mut text = sample.to_vec();
            for byte in odd.clone().chain([sample[at] ^ 1, sample[at] ^ 0x20]) {
                text[at] = byte;
                account(&text);
            }
            text.remove(at);
            account(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{check, read_as, shown};
    use super::*;
    use crate::formats::jepsen_edn::JepsenEdn;

    fn history(operations: &[(&str, &str, &str)]) -> String {
        let event = |kind, f, value| format!("{{:process 0, :type {kind}, :f {f}, :value {value}}}\n");
        operations.iter().map(|(f, input, output)| event(":invoke", f, input) + &event(":ok", f, output)).collect()
    }

    #[test]
    fn pairs_are_keys_only_when_all_are() {
        type Case<'a> = (&'a [(&'a str, &'a str, &'a str)], &'a [&'a str]);
        let cases: [Case<'_>; 8] = [
            (&[(":read", "[x nil]", "[x 3]")], &["0 read \"'x\": null -> 3 [1..2]"]),
            (&[(":cas", "[3 1]", "[3 1]")], &["0 cas [3, 1] -> true [1..2]"]),
            (&[(":cas", "[7 [3 1]]", "[7 [3 1]]")], &["0 cas 7: [3, 1] -> true [1..2]"]),
            (
                &[(":write", "[7 1]", "[7 1]"), (":cas", "[3 1]", "[3 1]")],
                &["0 write [7, 1] -> null [1..2]", "0 cas [3, 1] -> true [3..4]"],
            ),
            (
                &[(":write", "[7 1]", "[7 1]"), (":read", "nil", "[7 1]")],
                &["0 write [7, 1] -> null [1..2]", "0 read null -> [7, 1] [3..4]"],
            ),
            (
                &[(":txn", "[[:r 1 nil] [:w 2 3]]", "[[:r 1 5] [:w 2 3]]")],
                &[r#"0 txn [["r", 1, null], ["w", 2, 3]] -> [["r", 1, 5], ["w", 2, 3]] [1..2]"#],
            ),
            (
                &[(":txn", "[9 [[:read 1 nil] [:append 2 3]]]", "[9 [[:read 1 [5]] [:append 2 3]]]")],
                &[r#"0 txn 9: [["r", 1, null], ["append", 2, 3]] -> [["r", 1, [5]], ["append", 2, 3]] [1..2]"#],
            ),
            (&[(":txn", "[]", "[]")], &["0 txn [] -> [] [1..2]"]),
        ];
        for (operations, expected) in cases {
            check(&JepsenEdn, &history(operations), expected);
        }
    }

    #[test]
    fn the_mode_overrules() {
        let text = history(&[(":write", "[7 1]", "[7 1]")]);
        let (plain, _, _) = read_as(&JepsenEdn, text.as_bytes(), KeyMode::None);
        assert_eq!(shown(&plain), ["0 write [7, 1] -> null [1..2]"]);
        let text = history(&[(":cas", "[3 1]", "[3 1]"), (":read", "nil", "[3 1]")]);
        let (tuples, skipped, _) = read_as(&JepsenEdn, text.as_bytes(), KeyMode::Tuple);
        assert_eq!(shown(&tuples), ["0 cas 3: 1 -> true [1..2]"]);
        assert!(skipped.first()[0].reason.contains("[key value]"), "{skipped:?}");
        assert_eq!(skipped.total(), 2, "the call of the read and its completion: {skipped:?}");
    }

    #[test]
    fn echoes_are_no_outputs() {
        let cases = [
            ((":write", "3", "3"), "3 -> null"),
            ((":cas", "[1 2]", "[1 2]"), "[1, 2] -> true"),
            ((":cas", "[1 2]", "false"), "[1, 2] -> false"),
            ((":enqueue", "3", "3"), "3 -> null"),
            ((":append", "3", "17"), "3 -> 17"),
            ((":add-and-get", "3", "3"), "3 -> 3"),
            ((":read", "nil", ":timed-out"), "null -> \":timed-out\""),
        ];
        for (operation, expected) in cases {
            let text = history(&[operation]);
            let expected = format!("0 {} {expected} [1..2]", &operation.0[1..]);
            check(&JepsenEdn, &text, &[&expected]);
        }
    }

    #[test]
    fn a_completion_that_contradicts_its_call_is_told() {
        let text = "{:process 0 :type :invoke :f :read :value [1 nil]}{:process 0 :type :ok :f :read :value [2 5]}";
        let (history, skipped, _) = read_as(&JepsenEdn, text.as_bytes(), KeyMode::Auto);
        assert_eq!(shown(&history), ["0 read 1: null -> null [1..open]"]);
        assert!(skipped.first()[0].reason.contains("key of the call, 1, found 2"), "{skipped:?}");
    }

    #[test]
    fn transactions_may_come_without_calls() {
        let text = "{:type :ok, :process 0, :value [[:append x 1]]}\n{:type :ok, :process 1, :value [[:r x [1]]]}\n\
                    {:type :info, :process 1, :value [[:w y 1]]}\n{:type :ok, :process 0, :value [[:r x nil]]}\n";
        let expected = [
            r#"0 txn [["append", "'x", 1]] -> [["append", "'x", 1]] [0..1]"#,
            r#"1 txn [["r", "'x", null]] -> [["r", "'x", [1]]] [0..2]"#,
            r#"1 txn [["w", "'y", 1]] -> null [2..open]"#,
            r#"0 txn [["r", "'x", null]] -> [["r", "'x", null]] [1..4]"#,
        ];
        check(&JepsenEdn, text, &expected);
    }
}
