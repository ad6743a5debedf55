//! Histories with known answers: clients that call a correct object, and ways to break what they saw.
//!
//! Every client is in one of three places: idle, called, or taken effect; each step moves a random one on.
//! So about two thirds of the clients are inside an operation at any time. One seed, one history.

use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use std::collections::VecDeque;

/// A small generator of pseudo-random numbers (xorshift64*), the same everywhere.
pub struct Rng(u64);

impl Rng {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

/// The objects that clients call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// Writes of values below the bound, or all different (`None`).
    Register(Option<u64>),
    /// Registers with compare-and-set of values below the bound.
    Cas(u64),
    /// This many keys, each a register of different values.
    Kv(u64),
    Queue,
    Stack,
}

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    pub object: Object,
    pub clients: usize,
    pub operations: usize,
    /// Of 1000 operations, how many never return.
    pub crashed: u64,
    pub seed: u64,
}

/// How to break a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// A read (or a take) in the last quarter answers with a value that was replaced long ago.
    Stale,
    /// A value is taken twice.
    Twice,
    /// Two values are taken in the wrong order, far apart.
    Order,
    /// A take answers "empty" where there were values all the time.
    Empty,
    /// A value is taken that nobody put.
    Invented,
    /// In the last quarter, 25 answers are others of the values, of which there are five.
    Changed,
}

/// One operation, before it becomes part of a history.
#[derive(Clone, Debug)]
pub struct Row {
    pub process: usize,
    pub function: &'static str,
    pub key: Option<u64>,
    pub input: Value,
    pub output: Value,
    pub call: i64,
    pub ret: Option<i64>,
}

struct State {
    values: Vec<Option<i64>>,
    items: VecDeque<i64>,
    fresh: i64,
}

impl State {
    fn apply(&mut self, object: Object, row: &mut Row) {
        let slot = row.key.unwrap_or(0) as usize;
        match row.function {
            "read" | "get" => row.output = self.values[slot].map_or(Value::Nil, Value::Int),
            "write" | "put" => self.values[slot] = row.input.as_int(),
            "cas" => {
                let (old, new) = row.input.as_pair().expect("a cas has a pair");
                let swap = self.values[slot] == old.as_int();
                row.output = Value::Bool(swap);
                if swap {
                    self.values[slot] = new.as_int();
                }
            }
            "enqueue" | "push" => self.items.push_back(row.input.as_int().expect("an integer")),
            _ => {
                let taken = if object == Object::Queue { self.items.pop_front() } else { self.items.pop_back() };
                row.output = taken.map_or(Value::Nil, Value::Int);
            }
        }
    }

    fn next(&mut self, object: Object, rng: &mut Rng) -> (&'static str, Option<u64>, Value) {
        self.fresh += 1;
        let fresh = Value::Int(self.fresh);
        match object {
            Object::Register(bound) => match rng.below(2) {
                0 => ("read", None, Value::Nil),
                _ => ("write", None, bound.map_or(fresh, |bound| Value::Int(rng.below(bound) as i64))),
            },
            Object::Cas(bound) => {
                let mut value = || Value::Int(rng.below(bound) as i64);
                let (a, b) = (value(), value());
                match rng.below(3) {
                    0 => ("read", None, Value::Nil),
                    1 => ("write", None, a),
                    _ => ("cas", None, Value::list([a, b])),
                }
            }
            Object::Kv(keys) => {
                let key = Some(rng.below(keys));
                if rng.below(2) == 0 { ("get", key, Value::Nil) } else { ("put", key, fresh) }
            }
            Object::Queue if rng.below(2) == 0 => ("dequeue", None, Value::Nil),
            Object::Queue => ("enqueue", None, fresh),
            Object::Stack if rng.below(2) == 0 => ("pop", None, Value::Nil),
            Object::Stack => ("push", None, fresh),
        }
    }
}

/// The operations of a correct run, by call.
pub fn rows(recipe: Recipe) -> Vec<Row> {
    let Recipe { object, clients, operations, crashed, seed } = recipe;
    let mut rng = Rng::new(seed);
    let keys = if let Object::Kv(keys) = object { keys as usize } else { 1 };
    let mut state = State { values: vec![None; keys], items: VecDeque::new(), fresh: 0 };
    let mut rows: Vec<Row> = Vec::with_capacity(operations);
    // By client: its operation, and whether it took effect.
    let mut busy: Vec<Option<(usize, bool)>> = vec![None; clients];
    let mut names: Vec<usize> = (0..clients).collect();
    let mut now = 0;
    while rows.len() < operations || busy.iter().any(Option::is_some) {
        let client = rng.below(clients as u64) as usize;
        now += 1;
        match busy[client] {
            None if rows.len() < operations => {
                let (function, key, input) = state.next(object, &mut rng);
                busy[client] = Some((rows.len(), false));
                let process = names[client];
                rows.push(Row { process, function, key, input, output: Value::Nil, call: now, ret: None });
            }
            None => {}
            Some((at, false)) if rng.below(1000) < crashed => {
                // Half of those that crash took effect. The client goes on under a new name.
                if rng.below(2) == 0 {
                    state.apply(object, &mut rows[at]);
                }
                rows[at].output = Value::Nil;
                names[client] = names.iter().max().map_or(0, |most| most + 1);
                busy[client] = None;
            }
            Some((at, false)) => {
                state.apply(object, &mut rows[at]);
                busy[client] = Some((at, true));
            }
            Some((at, true)) => {
                rows[at].ret = Some(now);
                busy[client] = None;
            }
        }
    }
    rows
}

/// Breaks a correct run.
pub fn spoil(rows: &mut [Row], flaw: Flaw) {
    let late = rows.len() * 3 / 4;
    let takes = |row: &Row| matches!(row.function, "read" | "get" | "dequeue" | "pop") && row.ret.is_some();
    let taken = |rows: &[Row], from: usize| {
        (from..rows.len()).find(|&at| takes(&rows[at]) && !rows[at].output.is_nil()).expect("somebody took something")
    };
    match flaw {
        Flaw::None => {}
        Flaw::Stale => {
            let at = taken(rows, late);
            let early = (0..at / 2).rev().find(|&before| {
                rows[before].key == rows[at].key
                    && matches!(rows[before].function, "write" | "put")
                    && rows[before].input != rows[at].output
                    && rows[before].ret.is_some()
            });
            rows[at].output = rows[early.expect("an early write")].input.clone();
        }
        Flaw::Twice => {
            let (first, second) = (taken(rows, late / 2), taken(rows, late));
            rows[second].output = rows[first].output.clone();
        }
        Flaw::Order => {
            let (first, second) = (taken(rows, late / 2), taken(rows, late));
            let swapped = std::mem::replace(&mut rows[first].output, Value::Nil);
            rows[first].output = std::mem::replace(&mut rows[second].output, swapped);
        }
        Flaw::Empty => {
            // After so many random puts and takes there is more inside than clients could have taken meanwhile.
            let at = taken(rows, late);
            rows[at].output = Value::Nil;
        }
        Flaw::Invented => {
            let at = taken(rows, late);
            rows[at].output = Value::Int(i64::MAX);
        }
        Flaw::Changed => change(&mut rows[late..], 25, &mut Rng::new(1)),
    }
}

/// Lets that many reads answer any of the values, and cas the other way round.
pub fn change(rows: &mut [Row], changes: usize, rng: &mut Rng) {
    let mut left = changes;
    while left > 0 {
        let at = rng.below(rows.len() as u64) as usize;
        let row = &mut rows[at];
        match (row.function, &row.output) {
            _ if row.ret.is_none() => continue,
            ("cas", output) => row.output = Value::Bool(*output != Value::Bool(true)),
            ("read", Value::Int(_)) => row.output = Value::Int(rng.below(5) as i64),
            _ => continue,
        }
        left -= 1;
    }
}

/// The rows as a history.
pub fn history(rows: &[Row]) -> History {
    let mut builder = HistoryBuilder::new();
    for row in rows {
        let complete = Complete {
            process: &row.process.to_string(),
            function: row.function,
            key: row.key.map_or(Value::Nil, |key| Value::Int(key as i64)),
            input: row.input.clone(),
            call: row.call,
            ret: row.ret,
            completion: if row.ret.is_some() { Completion::Ok(row.output.clone()) } else { Completion::Info },
        };
        builder.operation(complete).expect("operations return after their call");
    }
    builder.finish()
}
