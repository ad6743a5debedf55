//! The exact methods that argue from answers alone: counters, locks, logs and growing sets. Judged by
//! the oracle on small histories and by the general search on longer ones, on runs of clients that do
//! one thing after the other, whose intervals were then shortened until some no longer fit.

use crate::agree::{NIL, Use, answers, calls, cases, int, judge, pair, values};
use crate::generate::{Random, pick};
use causet_checkers::budget::Budget;
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use causet_checkers::models::*;
use causet_checkers::properties::linearizability::{Engine, decide_with};
use causet_checkers::verdict::Verdict;

/// How a run goes; chances in percent.
#[derive(Clone, Copy)]
struct Run {
    clients: usize,
    operations: usize,
    crash: u64,
    wrong: u64,
    /// How many intervals are shortened.
    shortened: usize,
    /// Whether time may stand still.
    ties: bool,
}

struct Row {
    process: String,
    picked: (&'static str, Value, Value),
    call: i64,
    ret: Option<i64>,
}

/// Whether a process may do any of these.
fn fits<M: Model>(model: &M, state: &M::State, process: u32, uses: &[Use]) -> bool {
    uses.iter().any(|(function, input, output)| {
        let op =
            model.parse(&Call { function, input, output: Some(output), process }).expect("the domain is the model's");
        let mut next = Vec::new();
        model.step(state, &op, &mut next);
        !next.is_empty()
    })
}

/// Clients that call one operation after the other; one that crashed goes on under a new name.
fn run<M: Model>(random: &mut Random, model: &M, run: Run, domain: &dyn Fn(usize, usize) -> Vec<Use>) -> History {
    let mut state = model.initial();
    let mut names: Vec<u32> = (0..run.clients as u32).collect();
    let mut busy: Vec<Option<(i64, Option<usize>)>> = vec![None; run.clients];
    let mut rows: Vec<Row> = Vec::new();
    let (mut now, mut fresh) = (0, run.clients as u32);
    while rows.len() < run.operations || busy.iter().any(Option::is_some) {
        now += i64::from(!run.ties || random.chance(60));
        let client = random.below(run.clients);
        match busy[client] {
            None if rows.len() < run.operations => busy[client] = Some((now, None)),
            None => {}
            Some((call, None)) => {
                let uses = domain(rows.len(), run.operations);
                if !fits(model, &state, names[client], &uses) && random.below(1000) > 4 {
                    if rows.len() >= run.operations {
                        busy[client] = None; // It was never called.
                    }
                    continue; // It waits.
                }
                let (function, input, output, next) = pick(random, model, &state, names[client], &uses, run.wrong);
                let crashed = random.chance(run.crash);
                if !crashed || random.chance(50) {
                    state = next;
                }
                busy[client] = if crashed { None } else { Some((call, Some(rows.len()))) };
                let process = names[client].to_string();
                rows.push(Row { process, picked: (function, input, output), call, ret: None });
                if crashed {
                    (names[client], fresh) = (fresh, fresh + 1);
                }
            }
            Some((_, Some(row))) => {
                rows[row].ret = Some(now);
                busy[client] = None;
            }
        }
    }
    for _ in 0..run.shortened {
        let at = random.below(rows.len());
        if let Some(ret) = rows[at].ret {
            let by = random.below((ret - rows[at].call + 1) as usize) as i64;
            if random.chance(50) { rows[at].call += by } else { rows[at].ret = Some(ret - by) }
        }
    }
    let mut builder = HistoryBuilder::new();
    rows.sort_by_key(|row| row.call);
    for Row { process, picked: (function, input, output), call, ret } in &rows {
        let completion = if ret.is_some() { Completion::Ok(output.clone()) } else { Completion::Info };
        let (key, input) = (NIL, input.clone());
        let complete = Complete { process, function, key, input, call: *call, ret: *ret, completion };
        builder.operation(complete).expect("returns come after calls");
    }
    builder.finish()
}

/// Small runs by the oracle, longer ones by both searches; the method has to be used, and to be right.
fn exact<M: Model>(name: &str, method: &str, model: &M, domain: &dyn Fn(usize, usize) -> Vec<Use>) {
    let count = cases() as u64 / 40;
    let (mut used, mut held) = (0, 0);
    for seed in 0..count {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9) ^ 0x0E8A_C700);
        let long = seed % 4 == 3;
        let (crash, wrong) = ([0, 0, 15][seed as usize % 3], [0, 0, 0, 8][seed as usize / 4 % 4]);
        let (shortened, ties) = ([0, 0, 1, 4][seed as usize / 8 % 4], seed.is_multiple_of(5));
        let (clients, operations) = if long { (2 + random.below(6), 10 + random.below(25)) } else { (3, 7) };
        let shape = Run { clients, operations, crash, wrong, shortened, ties };
        let history = run(&mut random, model, shape, domain);
        let every: Vec<u32> = (0..history.len() as u32).collect();
        let decide = |engine| decide_with(model, &history, &NIL, &every, engine, &Budget::default());
        let verdict = decide(Engine::Auto);
        if long {
            let searched = decide([Engine::DepthFirst, Engine::Frontier, Engine::Impatient][seed as usize / 4 % 3]);
            assert_eq!(verdict.id(), searched.id(), "{name}, case {seed}: {verdict:?}\n{searched:?}\n{history:#?}");
        } else {
            judge(name, model, &history, seed);
        }
        let engine = match &verdict {
            Verdict::Holds(witness) => witness.engine,
            Verdict::Violated(found) => found[0].engine,
            Verdict::Unknown(cause) => panic!("{name}, case {seed}: {cause}"),
        };
        used += u64::from(engine == method);
        held += u64::from(verdict.id() == "holds");
    }
    assert!(used > count / 2, "{name}: {method} decided {used} of {count} only");
    assert!(held > count / 10 && held < count - count / 20, "{name}: {held} of {count} hold, which tests too little");
}

fn reads(sums: impl IntoIterator<Item = i64>) -> impl Iterator<Item = Use> {
    answers("read", sums.into_iter().map(int))
}

fn sums(amount: i64, range: std::ops::Range<i64>) -> impl Iterator<Item = Use> {
    range.map(move |sum| ("add-and-get", int(amount), int(sum)))
}

#[test]
fn counters_by_equal_steps() {
    exact("increments", "counting", &Counter::default(), &|_, n| {
        reads(0..n as i64).chain((0..2 + n / 2).map(|_| ("add", int(1), NIL))).collect()
    });
    exact("answered increments", "counting", &Counter { initial: 5 }, &|_, n| {
        let changes = (0..1 + n / 3).map(|_| ("add", int(-2), NIL));
        let sum = |k: i64| 5 - 2 * k;
        let answered = (1..=n as i64).map(|k| ("add-and-get", int(-2), int(sum(k))));
        reads((0..n as i64).map(sum)).chain(changes).chain(answered).collect()
    });
}

#[test]
fn counters_by_sums() {
    exact("sums", "counting", &Counter::default(), &|i, n| {
        let amount = 1 + (i % 3) as i64;
        reads(0..2 * n as i64).chain(sums(amount, 1..2 * n as i64 + 1)).chain([("add", int(0), NIL)]).collect()
    });
}

#[test]
fn locks_by_sections() {
    let lock = |_: usize, _: usize| -> Vec<Use> { vec![("acquire", NIL, NIL), ("release", NIL, NIL)] };
    exact("mutex", "lock-sections", &Mutex { kind: MutexKind::Anyone }, &lock);
    exact("owner-mutex", "lock-sections", &Mutex { kind: MutexKind::Owner }, &lock);
    exact("reentrant-mutex", "lock-sections", &Mutex { kind: MutexKind::Reentrant }, &lock);
    exact("fenced-lock", "lock-sections", &FencedLock { last: 0 }, &|i, _| {
        let token = i as i64;
        answers("acquire", [int(token + 1)]).chain(calls("release", (1..token + 1).map(int))).collect()
    });
}

#[test]
fn logs_of_different_values() {
    exact("distinct append-log", "log-offsets", &AppendLog { first: 3 }, &|i, n| {
        // Value i is at some offset; a read sees what was appended before it, in some order.
        let offsets = (3..3 + n as i64).map(int).chain((i % 4 == 0).then_some(NIL));
        let append = offsets.map(move |at| ("append", int(i as i64), at));
        let log = |order: &[i64]| Value::list((3..).zip(order).map(|(at, &v)| pair(at, v)));
        let mut orders: Vec<Vec<i64>> = vec![vec![]];
        for v in 0..i as i64 {
            let longer: Vec<Vec<i64>> = orders.iter().rev().take(4).map(|order| [&order[..], &[v]].concat()).collect();
            orders.extend(longer);
        }
        let read = orders.iter().rev().take(24).map(|order| ("read", NIL, log(order)));
        let tail = (2..3 + n as i64).map(|from| ("read", int(from), Value::list([])));
        append.chain(read.collect::<Vec<_>>()).chain(tail).collect()
    });
}

#[test]
fn growing_sets() {
    let domain = |i: usize, n: usize| -> Vec<Use> {
        let add = [NIL, Value::Bool(true)].map(|new| ("add", int(i as i64), new));
        let contains =
            values(n).into_iter().flat_map(|v| [true, false].map(|there| ("contains", v.clone(), Value::Bool(there))));
        let some: Vec<i64> = (0..i as i64).collect();
        let mut reads = vec![("read", NIL, Value::list([]))];
        for skipped in 0..=i.min(4) {
            let all = some.iter().filter(|&&v| v + 1 != skipped as i64).map(|&v| int(v));
            reads.push(("read", NIL, Value::list(all.clone())));
            reads.push(("read", NIL, Value::list(all.rev().skip(1))));
        }
        add.clone().into_iter().chain(add).chain(contains.take(6)).chain(reads).collect()
    };
    exact("distinct g-set", "growing-set", &Set { grow_only: true }, &domain);
    exact("distinct set", "growing-set", &Set { grow_only: false }, &domain);
}
