//! What must not change a verdict: other names for values, later times, other processes, one more
//! read that agrees, a great many operations that are open all the time, and a cut where nothing is
//! open.

use crate::agree::{SHAPES, answers, calls, cases, int, or_nil, values};
use crate::generate::{Random, Use, history};
use causet_checkers::budget::Budget;
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, OPEN, Status, Value};
use causet_checkers::models::CasRegister;
use causet_checkers::properties::linearizability::{Engine, decide_with};
use causet_checkers::verdict::Verdict;

/// One operation, to be changed.
#[derive(Clone, Debug)]
struct Row {
    process: String,
    function: String,
    input: Value,
    output: Option<Value>,
    call: i64,
    ret: Option<i64>,
}

fn rows(history: &History) -> Vec<Row> {
    (0..history.len())
        .map(|i| {
            let op = &history.operations()[i];
            Row {
                process: history.process(i).into(),
                function: history.function(i).into(),
                input: op.input.clone(),
                output: (op.status == Status::Ok).then(|| op.output.clone()),
                call: op.call,
                ret: (op.ret != OPEN).then_some(op.ret),
            }
        })
        .collect()
}

fn build(rows: &[Row]) -> History {
    let mut builder = HistoryBuilder::new();
    for row in rows {
        let completion = row.output.clone().map_or(Completion::Info, Completion::Ok);
        let (process, function, input) = (&row.process, &row.function, row.input.clone());
        builder
            .operation(Complete { process, function, key: Value::Nil, input, call: row.call, ret: row.ret, completion })
            .unwrap();
    }
    builder.finish()
}

fn holds(rows: &[Row], initial: &Value, engine: Engine) -> bool {
    let history = build(rows);
    let every: Vec<u32> = (0..history.len() as u32).collect();
    let model = CasRegister { initial: initial.clone() };
    matches!(decide_with(&model, &history, &Value::Nil, &every, engine, &Budget::default()), Verdict::Holds(_))
}

fn domain(_: usize, _: usize) -> Vec<Use> {
    let cas = |done: bool| [(0, 1), (1, 2)].map(|(a, b)| ("cas", Value::list([int(a), int(b)]), done.into()));
    answers("read", or_nil(values(3))).chain(calls("write", values(3))).chain(cas(true)).chain(cas(false)).collect()
}

fn renamed(value: &Value) -> Value {
    match value {
        Value::Int(number) => Value::str(&format!("v{number}")),
        Value::List(items) => Value::list(items.iter().map(renamed)),
        other => other.clone(),
    }
}

fn each(check: impl Fn(u64, &mut Random, Vec<Row>, bool)) {
    for seed in 0..cases() as u64 / 100 {
        let mut random = Random(seed ^ 0x5555);
        let model = CasRegister::default();
        let rows = rows(&history(&mut random, &model, SHAPES[seed as usize % SHAPES.len()], &domain));
        let expected = holds(&rows, &Value::Nil, Engine::Auto);
        check(seed, &mut random, rows, expected);
    }
}

#[test]
fn other_names_times_and_processes() {
    each(|seed, _, mut rows, expected| {
        for row in &mut rows {
            row.input = renamed(&row.input);
            row.output = row.output.as_ref().map(renamed);
            row.call = 1000 * row.call - 7;
            row.ret = row.ret.map(|ret| 1000 * ret - 7);
            row.process = row.process.chars().rev().chain("x".chars()).collect();
        }
        assert_eq!(holds(&rows, &Value::Nil, Engine::Auto), expected, "case {seed}: {rows:#?}");
    });
}

/// Masks of every width: operations that are open throughout and can be done at the start.
#[test]
fn many_open_operations() {
    each(|seed, random, mut rows, expected| {
        for i in 0..[60, 100, 150][random.below(3)] {
            rows.push(Row {
                process: format!("open {i}"),
                function: "read".into(),
                input: Value::Nil,
                output: Some(Value::Nil),
                call: -1,
                ret: None,
            });
        }
        for engine in [Engine::Auto, Engine::DepthFirst, Engine::Frontier] {
            assert_eq!(holds(&rows, &Value::Nil, engine), expected, "case {seed}, {engine:?}");
        }
    });
}

/// One history after the other, with nothing open between them, holds if the first does and the
/// second does from a state in which the first may end.
#[test]
fn a_cut_where_nothing_is_open() {
    let closed = |rows: &mut Vec<Row>| rows.retain(|row| row.ret.is_some() && row.output.is_some());
    each(|seed, random, mut first, _| {
        closed(&mut first);
        let mut second = rows(&history(random, &CasRegister::default(), SHAPES[seed as usize % SHAPES.len()], &domain));
        closed(&mut second);
        let read = |value: &Value| Row {
            process: "reader".into(),
            function: "read".into(),
            input: Value::Nil,
            output: Some(value.clone()),
            call: 500,
            ret: Some(500),
        };
        let ends = or_nil(values(3)).into_iter().filter(|value| {
            let with_read: Vec<Row> = first.iter().cloned().chain([read(value)]).collect();
            holds(&with_read, &Value::Nil, Engine::Auto)
        });
        let expected = ends.into_iter().any(|value| holds(&second, &value, Engine::Auto));
        let later =
            second.iter().map(|row| Row { call: row.call + 1000, ret: row.ret.map(|ret| ret + 1000), ..row.clone() });
        let both: Vec<Row> = first.iter().cloned().chain(later).collect();
        assert_eq!(holds(&both, &Value::Nil, Engine::Auto), expected, "case {seed}: {both:#?}");
        assert_eq!(holds(&both, &Value::Nil, Engine::Frontier), expected, "case {seed}: {both:#?}");
    });
}
