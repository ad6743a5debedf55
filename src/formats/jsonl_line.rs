//! One line of `jsonl`: what it says, without regard to the lines around it.

use super::events::{Kind, brief};
use super::lines::At;
use super::values::{Bad, Json};
use causet_checkers::history::{Complete, Completion, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// What a line says, or what is wrong with it, at a place relative to its chunk.
pub(super) struct Record<'a> {
    pub(super) at: At,
    pub(super) says: Result<Says<'a>, String>,
}

pub(super) enum Says<'a> {
    Event {
        process: Cow<'a, str>,
        function: Cow<'a, str>,
        kind: Kind,
        key: Option<Value>,
        value: Value,
        time: Option<i64>,
    },
    Operation {
        process: Cow<'a, str>,
        function: Cow<'a, str>,
        complete: Complete<'static>,
    },
    Nemesis,
}

/// Texts met lately, by their hashes: most keys have been met before.
pub(super) struct Strings([Option<Arc<str>>; 256]);

impl Default for Strings {
    fn default() -> Self {
        Self([const { None }; 256])
    }
}

impl Strings {
    fn get(&mut self, text: &str) -> Arc<str> {
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let hash = text.bytes().take(32).fold(0x811c_9dc5, mix);
        let slot = &mut self.0[(hash >> 16 ^ hash) as usize % 256];
        match slot {
            Some(known) if **known == *text => known.clone(),
            _ => slot.insert(text.into()).clone(),
        }
    }
}

/// Parses a line; with `tuples`, values are `[key value]` where there is no key.
pub(super) fn parse_line<'a>(at: At, mut json: Json<'a>, tuples: bool, strings: &mut Strings) -> Record<'a> {
    let mut fields = Fields::default();
    let read = json.object(|name, json| fields.read(&name, json, strings)).and_then(|()| Ok(json.end()?));
    match read {
        Ok(()) if tuples => Record { at, says: fields.says().and_then(Says::with_tuples) },
        Ok(()) => Record { at, says: fields.says() },
        Err(Wrong { at: Some(place), reason }) => {
            Record { at: At { byte: at.byte + place as u64, ..at }, says: Err(reason) }
        }
        Err(Wrong { at: None, reason }) => Record { at, says: Err(reason) },
    }
}

impl Says<'_> {
    fn with_tuples(mut self) -> Result<Self, String> {
        let split = |value: &Value| match value.as_pair() {
            Some((key, value)) => Ok((key.clone(), value.clone())),
            None => Err(format!("expected a value `[key value]`, found {}", brief(value))),
        };
        match &mut self {
            Self::Event { kind: Kind::Invoke | Kind::Ok, key: key @ None, value, .. } => {
                let (found, rest) = split(value)?;
                (*key, *value) = (Some(found), rest);
            }
            Self::Operation { complete, .. } if complete.key.is_nil() => {
                (complete.key, complete.input) = split(&complete.input)?;
                if let Completion::Ok(output) = &mut complete.completion
                    && let Some((_, rest)) = output.as_pair().filter(|(key, _)| **key == complete.key)
                {
                    *output = rest.clone();
                }
            }
            _ => {}
        }
        Ok(self)
    }
}

struct Wrong {
    at: Option<usize>,
    reason: String,
}

impl From<Bad> for Wrong {
    fn from(bad: Bad) -> Self {
        Self { at: Some(bad.at), reason: bad.reason.into_owned() }
    }
}

/// The fields of a line.
#[derive(Default)]
struct Fields<'a> {
    process: Option<Cow<'a, str>>,
    function: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    key: Option<Value>,
    value: Option<Value>,
    input: Option<Value>,
    output: Option<Value>,
    time: Option<Value>,
    call: Option<Value>,
    ret: Option<Value>,
}

impl<'a> Fields<'a> {
    #[inline]
    fn read(&mut self, name: &str, json: &mut Json<'a>, strings: &mut Strings) -> Result<(), Wrong> {
        let again = match name {
            "process" => text(json, name)?.and_then(|text| self.process.replace(text)).is_some(),
            "f" => text(json, name)?.and_then(|text| self.function.replace(text)).is_some(),
            "type" => text(json, name)?.and_then(|text| self.kind.replace(text)).is_some(),
            "status" => text(json, name)?.and_then(|text| self.status.replace(text)).is_some(),
            "key" if json.peek() == Some(b'"') => self.key.replace(Value::Str(strings.get(&json.string()?))).is_some(),
            "key" => self.key.replace(json.value()?).is_some(),
            "value" => self.value.replace(json.value()?).is_some(),
            "input" => self.input.replace(json.value()?).is_some(),
            "output" => self.output.replace(json.value()?).is_some(),
            "time" => self.time.replace(json.value()?).is_some(),
            "call" => self.call.replace(json.value()?).is_some(),
            "return" => self.ret.replace(json.value()?).is_some(),
            _ => {
                json.value()?;
                false
            }
        };
        if again {
            return Err(Wrong { at: None, reason: format!("`{name}` is there twice") });
        }
        Ok(())
    }

    fn says(self) -> Result<Says<'a>, String> {
        let Some(process) = self.process else { return Err("expected `process`, text or a number".into()) };
        if matches!(&*process, "nemesis" | ":nemesis") {
            return Ok(Says::Nemesis);
        }
        let Some(function) = self.function else { return Err("expected `f`, the name of the operation".into()) };
        match (self.kind, self.call) {
            (Some(kind), None) => {
                let (kind, value) = match (word(&kind), self.value, self.input, self.output) {
                    (Some(Kind::Invoke), Some(_), Some(_), _) | (Some(Kind::Ok), Some(_), _, Some(_)) => {
                        return Err("an event with two values: expected `value` alone".into());
                    }
                    (Some(Kind::Invoke), value, input, _) => (Kind::Invoke, value.or(input)),
                    (Some(Kind::Ok), value, _, output) => (Kind::Ok, value.or(output)),
                    (Some(kind), ..) => (kind, None),
                    (None, ..) => return Err(format!("expected invoke, ok, fail or info as `type`, found {kind}")),
                };
                let time = self.time.map_or(Ok(None), |time| nanoseconds("time", &time))?;
                Ok(Says::Event { process, function, kind, key: self.key, value: value.unwrap_or_default(), time })
            }
            (None, Some(call)) => {
                let Some(call) = nanoseconds("call", &call)? else { return Err("expected a number as `call`".into()) };
                let ret = self.ret.map_or(Ok(None), |ret| nanoseconds("return", &ret))?;
                if self.value.is_some() {
                    return Err("expected `input` and `output` in a complete operation, not `value`".into());
                }
                let completion = match (self.status.as_deref().map(|status| (word(status), status)), self.output) {
                    (Some((Some(Kind::Ok), _)), output) => Completion::Ok(output.unwrap_or_default()),
                    (Some((Some(Kind::Fail), _)), _) => Completion::Fail,
                    (Some((Some(Kind::Info), _)), _) => Completion::Info,
                    (Some((_, status)), _) => {
                        return Err(format!("expected ok, fail or info as `status`, found {status}"));
                    }
                    (None, Some(output)) => Completion::Ok(output),
                    (None, None) if ret.is_some() => Completion::Ok(Value::Nil),
                    (None, None) => Completion::Info,
                };
                let (key, input) = (self.key.unwrap_or_default(), self.input.unwrap_or_default());
                let complete = Complete { process: "", function: "", key, input, call, ret, completion };
                Ok(Says::Operation { process, function, complete })
            }
            (Some(_), Some(_)) => Err("expected `type` (an event) or `call` (a complete operation), found both".into()),
            (None, None) => Err("expected `type` (an event) or `call` (a complete operation)".into()),
        }
    }
}

fn word(word: &str) -> Option<Kind> {
    Kind::of(word).filter(|_| !word.starts_with(':'))
}

/// Text, or a number as its text; `None` for null.
fn text<'a>(json: &mut Json<'a>, name: &str) -> Result<Option<Cow<'a, str>>, Wrong> {
    if json.peek() == Some(b'"') {
        return Ok(Some(json.string()?));
    }
    match json.value()? {
        Value::Nil => Ok(None),
        number @ (Value::Int(_) | Value::BigInt(_)) => Ok(Some(number.to_string().into())),
        other => Err(Wrong { at: None, reason: format!("expected text as `{name}`, found {}", brief(&other)) }),
    }
}

/// Nanoseconds, also as text; `None` for null.
fn nanoseconds(name: &str, value: &Value) -> Result<Option<i64>, String> {
    match value {
        Value::Nil => Ok(None),
        Value::Int(time) => Ok(Some(*time)),
        Value::Str(text) if text.parse::<i64>().is_ok() => Ok(text.parse().ok()),
        other => Err(format!("expected nanoseconds, an integer of 64 bits, as `{name}`, found {}", brief(other))),
    }
}
