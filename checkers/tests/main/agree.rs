//! Every engine agrees with the oracle, on every model, and every witness replays.
//!
//! `CAUSET_ORACLE_CASES=10000000 cargo test --release -p causet-checkers agree` judges ten million.

pub use crate::generate::Use;
use crate::generate::{Random, Shape, history};
use crate::oracle;
use causet_checkers::budget::Budget;
use causet_checkers::check_model;
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use causet_checkers::models::*;
use causet_checkers::properties::linearizability::{Engine, decide_with, verify};
use causet_checkers::verdict::Verdict;

const ENGINES: [Engine; 5] = [Engine::Auto, Engine::Reference, Engine::DepthFirst, Engine::Frontier, Engine::Impatient];

pub fn cases() -> usize {
    std::env::var("CAUSET_ORACLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

/// The shapes in turn: many equal times; few; many crashes; nothing unusual.
pub const SHAPES: [Shape; 4] = [
    Shape { operations: 7, moments: 4, crash: 10, open: 10, wrong: 10 },
    Shape { operations: 8, moments: 16, crash: 10, open: 5, wrong: 15 },
    Shape { operations: 7, moments: 8, crash: 35, open: 0, wrong: 15 },
    Shape { operations: 8, moments: 12, crash: 0, open: 0, wrong: 10 },
];

/// Judges one history by everything there is.
pub fn judge<M: Model>(name: &str, model: &M, history: &History, seed: u64) -> bool {
    let expected = oracle::holds(history, model);
    let every: Vec<u32> = (0..history.len() as u32).collect();
    for engine in ENGINES {
        let verdict = decide_with(model, history, &Value::Nil, &every, engine, &Budget::default());
        let agrees = match &verdict {
            Verdict::Holds(witness) => {
                if !witness.order.is_empty()
                    && let Err(wrong) = verify(model, history, &every, &witness.order)
                {
                    panic!("{name}, case {seed}, {engine:?}: {wrong}\n{history:#?}\n{verdict:?}");
                }
                expected
            }
            Verdict::Violated(_) => {
                if engine == Engine::Auto && seed.is_multiple_of(8) && !expected {
                    judge_counterexample(name, model, history, seed);
                }
                !expected
            }
            Verdict::Unknown(_) => false,
        };
        assert!(agrees, "{name}, case {seed}: the oracle says {expected}, {engine:?} says {verdict:?}\n{history:#?}");
    }
    expected
}

/// What a counterexample shows is violated whatever the others did, and by itself; and nothing of it
/// can be left out.
fn judge_counterexample<M: Model>(name: &str, model: &M, history: &History, seed: u64) {
    let Verdict::Violated(found) = check_model(history, model, &Budget::default()) else {
        panic!("{name}, case {seed}: violated, and then not");
    };
    let [found] = &found[..] else { panic!("{name}, case {seed}: one object, several counterexamples") };
    let shown = |i: usize| found.operations.contains(&(i as u32));
    let context = || format!("{name}, case {seed}\n{found:#?}\n{history:#?}");
    assert!(!oracle::holds_for(history, model, &shown), "not violated whatever the others did: {}", context());
    assert!(found.failed_at.is_some_and(|failed| shown(failed as usize)), "the failure is not shown: {}", context());
    if found.minimal {
        for &left_out in &found.operations {
            let holds = oracle::holds_for(history, model, &|i| shown(i) && i != left_out as usize);
            assert!(holds, "{left_out} can be left out: {}", context());
        }
    }
}

/// Random histories of one model; they have to be of both kinds.
fn agree<M: Model>(name: &str, share: usize, model: &M, domain: &dyn Fn(usize, usize) -> Vec<Use>) {
    let (mut held, count) = (0, cases() / share);
    for seed in 0..count as u64 {
        let mut random = Random(seed.wrapping_mul(0x5851_F42D_4C95_7F2D) ^ name.len() as u64);
        let history = history(&mut random, model, SHAPES[seed as usize % SHAPES.len()], domain);
        held += usize::from(judge(name, model, &history, seed));
    }
    assert!(held > count / 10 && held < count - count / 20, "{name}: {held} of {count} hold, which tests too little");
}

pub fn int(value: i64) -> Value {
    Value::Int(value)
}

pub fn pair(a: i64, b: i64) -> Value {
    Value::list([int(a), int(b)])
}

pub const NIL: Value = Value::Nil;

pub fn answers(function: &'static str, outputs: impl IntoIterator<Item = Value>) -> impl Iterator<Item = Use> {
    outputs.into_iter().map(move |output| (function, NIL, output))
}

pub fn calls(function: &'static str, inputs: impl IntoIterator<Item = Value>) -> impl Iterator<Item = Use> {
    inputs.into_iter().map(move |input| (function, input, NIL))
}

pub fn values(n: usize) -> Vec<Value> {
    (0..n as i64).map(int).collect()
}

pub fn or_nil(mut values: Vec<Value>) -> Vec<Value> {
    values.push(NIL);
    values
}

#[test]
fn registers() {
    agree("register", 15, &Register::default(), &|_, _| {
        answers("read", or_nil(values(2))).chain(calls("write", values(2))).collect()
    });
    agree("register from 0", 40, &Register { initial: int(0) }, &|_, _| {
        answers("read", or_nil(values(3))).chain(calls("write", values(3))).collect()
    });
    let cas = |wanted: bool| {
        let pairs = [pair(0, 1), pair(1, 0), pair(1, 2), pair(2, 2)];
        pairs.into_iter().map(move |input| ("cas", input, Value::Bool(wanted)))
    };
    agree("cas-register", 10, &CasRegister { initial: int(0) }, &|_, _| {
        answers("read", values(3)).chain(calls("write", values(2))).chain(cas(true)).chain(cas(false)).collect()
    });
}

/// Each write writes another value, so that the exact method for registers decides.
#[test]
fn registers_with_distinct_writes() {
    let domain = |i: usize, n: usize| -> Vec<Use> {
        let write = ("write", int(i as i64), NIL);
        answers("read", or_nil(values(n))).chain([write.clone(), write.clone(), write]).collect()
    };
    agree("distinct register", 8, &Register::default(), &domain);
    agree("distinct register from 1", 40, &Register { initial: int(1) }, &domain);
    agree("distinct cas-register", 40, &CasRegister::default(), &domain);
}

#[test]
fn consensus() {
    agree("consensus", 40, &Consensus, &|_, _| {
        let propose = (0..3).flat_map(|v| (0..3).map(move |decided| ("propose", int(v), int(decided))));
        answers("learn", or_nil(values(3))).chain(propose).collect()
    });
}

#[test]
fn several_registers() {
    let part = |f: &str, key: &str, value: Value| Value::list([Value::str(f), Value::str(key), value]);
    agree("multi-register", 40, &MultiRegister::default(), &|_, _| {
        let mut uses = Vec::new();
        for v in 0..2 {
            let both = Value::list([part("w", "x", int(v)), part("w", "y", int(v))]);
            uses.push(("txn", both.clone(), both));
            for seen in or_nil(values(2)) {
                let change = |seen| Value::list([part("r", "x", seen), part("w", "y", int(v))]);
                uses.push(("txn", change(NIL), change(seen.clone())));
                let look = |a, b| Value::list([part("r", "x", a), part("r", "y", b)]);
                uses.push(("txn", look(NIL, NIL), look(seen, int(v))));
            }
        }
        uses
    });
}

#[test]
fn key_value() {
    let texts = || ["", "a", "b", "ab", "aa"].map(Value::str).to_vec();
    let domain = |_: usize, _: usize| -> Vec<Use> {
        let cas = [true, false].map(|done| ("cas", Value::list([Value::str("a"), Value::str("b")]), done.into()));
        answers("get", or_nil(texts()))
            .chain(calls("put", ["a", ""].map(Value::str)))
            .chain(calls("append", ["a", "b"].map(Value::str)))
            .chain(calls("delete", [NIL]))
            .chain(cas)
            .collect()
    };
    agree("kv", 30, &Kv::default(), &domain);
    agree("kv from empty text", 60, &Kv { initial: Value::str("") }, &domain);
}

#[test]
fn counters() {
    agree("counter", 30, &Counter::default(), &|_, _| {
        let get = (-1..3).flat_map(|n| (-1..4).map(move |sum| ("add-and-get", int(n), int(sum))));
        answers("read", (-1..4).map(int)).chain(calls("add", (-1..3).map(int))).chain(get).collect()
    });
    agree("adding counter", 30, &Counter { initial: 1 }, &|_, _| {
        answers("read", (0..7).map(int)).chain(calls("add", (1..3).map(int))).collect()
    });
}

fn set_uses(i: usize, n: usize, distinct: bool, read: bool) -> Vec<Use> {
    let n = n as i64;
    let adds = if distinct { vec![i as i64; 2] } else { vec![0, 1] };
    let span = if distinct { n } else { 2 };
    let outputs = || [true.into(), false.into(), NIL];
    let mut uses: Vec<Use> = Vec::new();
    for v in adds {
        uses.extend(outputs().map(|output| ("add", int(v), output)));
    }
    for v in 0..span {
        uses.extend(outputs().map(|output| ("remove", int(v), output)));
        uses.extend([true, false].map(|there| ("contains", int(v), there.into())));
    }
    if read {
        for subset in 0..1 << span.min(3) {
            uses.push(("read", NIL, Value::list((0..span).filter(|v| subset >> v & 1 == 1).map(int))));
        }
    }
    uses
}

#[test]
fn sets() {
    agree("set", 25, &Set { grow_only: false }, &|i, n| set_uses(i, n, false, true));
    agree("distinct set", 15, &Set { grow_only: false }, &|i, n| set_uses(i, n, true, false));
    agree("g-set", 25, &Set { grow_only: true }, &|i, n| {
        let mut uses = set_uses(i, n, true, true);
        uses.retain(|(f, ..)| *f != "remove");
        uses
    });
}

pub fn puts_and_takes(put: &'static str, take: &'static str, i: usize, n: usize, distinct: bool) -> Vec<Use> {
    if distinct {
        let one = (put, int(i as i64), NIL);
        answers(take, or_nil(values(n))).chain((0..1 + n / 2).map(|_| one.clone())).collect()
    } else {
        answers(take, or_nil(values(2))).chain(calls(put, values(2))).collect()
    }
}

#[test]
fn queues() {
    agree("fifo-queue", 25, &FifoQueue, &|i, n| puts_and_takes("enqueue", "dequeue", i, n, false));
    agree("distinct fifo-queue", 10, &FifoQueue, &|i, n| puts_and_takes("enqueue", "dequeue", i, n, true));
}

#[test]
fn stacks() {
    agree("stack", 25, &Stack, &|i, n| puts_and_takes("push", "pop", i, n, false));
    agree("distinct stack", 10, &Stack, &|i, n| puts_and_takes("push", "pop", i, n, true));
}

#[test]
fn priority_queues() {
    agree("priority-queue", 30, &PriorityQueue, &|_, _| {
        let entries = || [pair(1, 1), pair(1, 2), pair(2, 1), int(2)];
        answers("delete-min", entries().into_iter().chain([NIL])).chain(calls("insert", entries())).collect()
    });
    agree("distinct priority-queue", 10, &PriorityQueue, &|i, n| {
        // Priorities against the order of insertion, so that the order matters.
        let of = |i: usize| int(((i * 5 + 3) % 11) as i64);
        let one = ("insert", of(i), NIL);
        answers("delete-min", or_nil((0..n).map(of).collect())).chain((0..1 + n / 2).map(|_| one.clone())).collect()
    });
}

/// Histories too long for the oracle: exact methods against the general search. Few values are
/// pending, many intervals overlap, and the answers are mostly right: what unsound shortcuts need.
#[test]
fn exact_methods_agree_with_the_search_on_longer_histories() {
    fn compare<M: Model>(name: &str, model: &M, domain: &dyn Fn(usize, usize) -> Vec<Use>) {
        // The searches that judge would take for ever on a few of the queues: they may give up, seldom.
        let budget = Budget { steps: Some(200_000), ..Budget::default() };
        let (mut held, mut open) = (0, 0);
        let count = cases() as u64 / 50;
        for seed in 0..count {
            let mut random = Random(seed ^ 0x7777);
            let shapes = [(10, 14), (12, 40), (14, 60), (12, 30)];
            let (operations, moments) = shapes[seed as usize % shapes.len()];
            let wrong = [0, 4, 8][seed as usize % 3];
            let shape = Shape { operations, moments, crash: 0, open: 2, wrong };
            let history = history(&mut random, model, shape, domain);
            let every: Vec<u32> = (0..history.len() as u32).collect();
            let decide = |engine| decide_with(model, &history, &NIL, &every, engine, &budget);
            let verdicts = [Engine::Auto, Engine::DepthFirst, Engine::Impatient].map(decide);
            let decided: Vec<_> = verdicts.iter().map(|verdict| verdict.id()).filter(|&id| id != "unknown").collect();
            assert!(decided.windows(2).all(|two| two[0] == two[1]), "{name}, case {seed}: {verdicts:?}\n{history:#?}");
            open += 3 - decided.len() as u64;
            held += u64::from(decided.first() == Some(&"holds"));
        }
        assert!(open <= count / 50, "{name}: {open} verdicts on {count} histories are not known");
        assert!(held > count / 10 && held < count * 95 / 100, "{name}: {held} of {count} hold");
    }
    compare("register", &Register::default(), &|i, n| {
        let write = ("write", int(i as i64), NIL);
        answers("read", or_nil(values(n))).chain((0..n).map(|_| write.clone())).collect()
    });
    compare("register of few", &Register::default(), &|_, _| {
        answers("read", or_nil(values(3))).chain(calls("write", values(3))).collect()
    });
    compare("cas-register", &CasRegister { initial: int(0) }, &|_, _| {
        let pairs = [pair(0, 1), pair(1, 0), pair(1, 2), pair(2, 2)];
        let cas = pairs.into_iter().map(|input| ("cas", input, Value::Bool(true)));
        answers("read", values(3)).chain(calls("write", values(2))).chain(cas).collect()
    });
    compare("fifo-queue", &FifoQueue, &|i, n| puts_and_takes("enqueue", "dequeue", i, n, true));
    compare("stack", &Stack, &|i, n| puts_and_takes("push", "pop", i, n, true));
    compare("priority-queue", &PriorityQueue, &|i, n| {
        // Some priorities are shared by several values.
        let of = |i: usize| pair(((i * 5 + 3) % 7) as i64, i as i64);
        let one = ("insert", of(i), NIL);
        answers("delete-min", or_nil((0..n).map(of).collect())).chain((0..n).map(|_| one.clone())).collect()
    });
}

#[test]
fn locks() {
    let lock = |_: usize, _: usize| -> Vec<Use> { vec![("acquire", NIL, NIL), ("release", NIL, NIL)] };
    agree("mutex", 30, &Mutex { kind: MutexKind::Anyone }, &lock);
    agree("owner-mutex", 30, &Mutex { kind: MutexKind::Owner }, &lock);
    agree("reentrant-mutex", 30, &Mutex { kind: MutexKind::Reentrant }, &lock);
    agree("fenced-lock", 30, &FencedLock { last: 0 }, &|_, _| {
        answers("acquire", (1..6).map(int)).chain(calls("release", (1..6).map(int))).collect()
    });
    agree("semaphore", 30, &Semaphore { permits: 3 }, &|_, _| {
        calls("acquire", (0..4).map(int)).chain(calls("release", (0..4).map(int))).collect()
    });
}

#[test]
fn ids() {
    agree("unique-ids", 40, &UniqueIds, &|_, _| answers("generate", (0..12).map(int)).collect());
}

#[test]
fn logs() {
    agree("append-log", 30, &AppendLog::default(), &|_, _| {
        let append = (0..2).flat_map(|v| (-1..4).map(move |at| ("append", int(v), if at < 0 { NIL } else { int(at) })));
        let read = (0..3).flat_map(|from| {
            let logs = [vec![], vec![0], vec![1], vec![0, 1], vec![1, 0]];
            logs.map(|log| {
                let entries = log.into_iter().enumerate().map(|(i, v)| pair(from + i as i64, v));
                ("read", int(from), Value::list(entries))
            })
        });
        append.chain(read).collect()
    });
}

#[test]
fn banks() {
    let domain = |_: usize, _: usize| -> Vec<Use> {
        let field = |name: &str, value| (Value::str(name), value);
        let transfer = [("x", "y"), ("y", "x")].into_iter().flat_map(|(from, to)| {
            (1..3).map(move |n| {
                let parts = [field("from", Value::str(from)), field("to", Value::str(to)), field("amount", int(n))];
                ("transfer", Value::map(parts), NIL)
            })
        });
        let read = (-2..4).map(|x| ("read", NIL, Value::map([field("x", int(x)), field("y", int(2 - x))])));
        transfer.chain(read).collect()
    };
    let balances = || [("x".to_string(), 1), ("y".to_string(), 1)].into_iter().collect();
    agree("bank", 40, &Bank { balances: balances(), negative: true }, &domain);
    agree("bank without debts", 40, &Bank { balances: balances(), negative: false }, &domain);
}

/// Two clients whose operations touch, so that only the order of each client's own tells what came first; near the end one
/// reads the new value and then the old. Four operations show it: two writes and two reads.
#[test]
fn violations_by_the_order_of_a_process_are_minimised() {
    const ROUNDS: i64 = 200;
    let mut builder = HistoryBuilder::new();
    for round in 0..ROUNDS {
        let answer = match ROUNDS - round {
            6 => round,
            5 => round - 2,
            _ => round - 1,
        };
        let answer = if answer < 0 { NIL } else { int(answer) };
        let both = [("writer", "write", int(round), NIL), ("reader", "read", NIL, answer)];
        for (process, function, input, output) in both {
            let (call, ret, completion) = (2 * round, Some(2 * round + 2), Completion::Ok(output));
            let complete = Complete { process, function, key: NIL, input, call, ret, completion };
            builder.operation(complete).expect("operations return after their call");
        }
    }
    let Verdict::Violated(found) = check_model(&builder.finish(), &Register { initial: NIL }, &Budget::default())
    else {
        panic!("the reader went back");
    };
    assert!(found[0].operations.len() <= 4, "{:#?}", found[0]);
}
