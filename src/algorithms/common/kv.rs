//! The state machine: a key-value store that performs each client's requests exactly once.
//!
//! Sessions follow Ongaro's thesis (2014), §6.3: clients number their requests and have one at a time, so the
//! last answer of each is all that has to be remembered. Sessions begin with the first request and do not
//! expire; a real system would have to say when they do.

use causet_checkers::history::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a key holds, and what is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Datum {
    /// The key is absent.
    #[default]
    Nil,
    Bool(bool),
    Int(i64),
    Text(String),
}

impl Datum {
    /// As in a history.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number) => Value::Int(*number),
            Self::Text(text) => Value::str(text),
        }
    }

    /// As in a history; what a store can't hold is nothing.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(*truth),
            value => match (value.as_int(), value.as_str()) {
                (Some(number), _) => Self::Int(number),
                (_, Some(text)) => Self::Text(text.to_owned()),
                _ => Self::Nil,
            },
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 8,
        }
    }
}

/// A change of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Write {
    Put(Datum),
    Append(String),
    Delete,
    Cas(Datum, Datum),
}

/// A change, and who wants it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    pub client: u16,
    /// Counts the client's requests.
    pub sequence: u64,
    pub key: String,
    pub write: Write,
}

impl Command {
    /// Bytes, roughly: what limits are measured in.
    pub fn size(&self) -> usize {
        let write = match &self.write {
            Write::Put(datum) => datum.size(),
            Write::Append(text) => text.len(),
            Write::Delete => 0,
            Write::Cas(old, new) => old.size() + new.size(),
        };
        16 + self.key.len() + write
    }
}

/// What came of applying a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was performed.
    Now(Datum),
    /// It had been performed before; this was the answer.
    Before(Datum),
    /// The client has gone on to a later request: nobody waits for this one.
    Stale,
}

/// The data and the sessions. Both go into snapshots: a store without its sessions would perform a retried
/// request a second time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    pub data: BTreeMap<String, Datum>,
    /// By client: its last request and the answer to it.
    pub sessions: BTreeMap<u16, (u64, Datum)>,
}

impl Store {
    /// What goes into a snapshot; with a bug, without the sessions.
    pub fn snapshot(&self, without_sessions: bool) -> Self {
        let sessions = if without_sessions { BTreeMap::new() } else { self.sessions.clone() };
        Self { data: self.data.clone(), sessions }
    }

    /// The value of a key.
    pub fn read(&self, key: &str) -> Datum {
        self.data.get(key).cloned().unwrap_or_default()
    }

    /// What the session of a client says of its request of this number; nothing if it is new.
    pub fn known(&self, client: u16, sequence: u64) -> Option<Applied> {
        match self.sessions.get(&client) {
            Some((last, answer)) if *last == sequence => Some(Applied::Before(answer.clone())),
            Some((last, _)) if *last > sequence => Some(Applied::Stale),
            _ => None,
        }
    }

    /// Performs a command, unless its session says that it was performed.
    pub fn apply(&mut self, command: &Command) -> Applied {
        if let Some(applied) = self.known(command.client, command.sequence) {
            return applied;
        }
        let answer = self.perform(command);
        self.sessions.insert(command.client, (command.sequence, answer.clone()));
        Applied::Now(answer)
    }

    /// Performs a command, whatever the session says.
    pub fn perform(&mut self, command: &Command) -> Datum {
        let key = &command.key;
        match &command.write {
            Write::Put(datum) => {
                self.data.insert(key.clone(), datum.clone());
            }
            Write::Append(text) => match self.data.get_mut(key) {
                Some(Datum::Text(known)) => known.push_str(text),
                _ => {
                    self.data.insert(key.clone(), Datum::Text(text.clone()));
                }
            },
            Write::Delete => {
                self.data.remove(key);
            }
            Write::Cas(old, new) => {
                let swaps = self.read(key) == *old;
                if swaps {
                    self.data.insert(key.clone(), new.clone());
                }
                return Datum::Bool(swaps);
            }
        }
        Datum::Nil
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_performed_once() {
        let mut store = Store::default();
        let append = |client, sequence| Command { client, sequence, key: "k".into(), write: Write::Append("x".into()) };
        assert_eq!(store.apply(&append(1, 1)), Applied::Now(Datum::Nil));
        assert_eq!(store.apply(&append(1, 1)), Applied::Before(Datum::Nil));
        assert_eq!(store.apply(&append(2, 1)), Applied::Now(Datum::Nil));
        assert_eq!(store.apply(&append(1, 2)), Applied::Now(Datum::Nil));
        assert_eq!(store.apply(&append(1, 1)), Applied::Stale);
        assert_eq!(store.read("k"), Datum::Text("xxx".into()));
    }

    #[test]
    fn cas_swaps_only_what_is_there() {
        let mut store = Store::default();
        let cas = |sequence, old, new| Command { client: 1, sequence, key: "k".into(), write: Write::Cas(old, new) };
        assert_eq!(store.apply(&cas(1, Datum::Int(1), Datum::Int(2))), Applied::Now(Datum::Bool(false)));
        assert_eq!(store.apply(&cas(2, Datum::Nil, Datum::Int(2))), Applied::Now(Datum::Bool(true)));
        assert_eq!(store.read("k"), Datum::Int(2));
    }
}
