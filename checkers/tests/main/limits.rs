//! Limits end a check with their cause; the number of threads changes nothing.

use causet_checkers::budget::{Budget, Stop};
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use causet_checkers::verdict::{CauseKind, Verdict};
use causet_checkers::{Outcome, Query, check};

/// Writes of few values, all at once, and a read of a value that none of them writes: no order, and
/// a great many to try. On each of several keys.
fn hard(keys: i64) -> History {
    let mut builder = HistoryBuilder::new();
    for key in 0..keys {
        let names: Vec<String> = (0..40).map(|i| format!("{key}-{i}")).collect();
        for (i, name) in names.iter().enumerate() {
            // Sums of different powers: every subset is a state of its own.
            builder.invoke(name, "add", Value::Int(key), Value::Int(1 << i), None).unwrap();
        }
        for name in &names {
            builder.complete(name, "add", Completion::Ok(Value::Nil), None).unwrap();
        }
        builder.invoke("reader", "read", Value::Int(key), Value::Nil, None).unwrap();
        builder.complete("reader", "read", Completion::Ok(Value::Int(-1)), None).unwrap();
    }
    builder.finish()
}

fn ask(history: &History, budget: Budget) -> Outcome {
    check(history, &Query { model: Some("counter"), budget, ..Query::default() }).unwrap()
}

fn cause(budget: Budget) -> CauseKind {
    match ask(&hard(1), budget).verdict {
        Verdict::Unknown(cause) => cause.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_are_obeyed_and_named() {
    assert_eq!(cause(Budget { steps: Some(100_000), ..Budget::default() }), CauseKind::Steps);
    assert_eq!(cause(Budget { bytes: Some(1 << 20), ..Budget::default() }), CauseKind::Memory);
    assert_eq!(cause(Budget { bytes: Some(16), ..Budget::default() }), CauseKind::Memory);
    let stop = Stop::new();
    stop.raise(CauseKind::Timeout);
    assert_eq!(cause(Budget { stop, ..Budget::default() }), CauseKind::Timeout);
}

#[test]
fn threads_change_nothing() {
    let history = hard(12);
    let budget = || Budget { steps: Some(50_000), ..Budget::default() };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| ask(&history, budget()))
    };
    let one = with(1);
    assert_eq!((one.partitions, one.unknown.len()), (12, 12));
    assert_eq!(one, with(4));
}

#[test]
fn the_first_violation_may_be_enough() {
    let mut builder = HistoryBuilder::new();
    for key in [5, 3, 8, 1, 7] {
        let output = Completion::Ok(Value::Int(key % 2));
        let (key, input) = (Value::Int(key), Value::Nil);
        let read = Complete { process: "a", function: "read", key, input, call: 0, ret: Some(1), completion: output };
        builder.operation(read).unwrap();
    }
    let history = builder.finish();
    let ask = |initial: i64, fail_fast| {
        let options = [("initial".to_owned(), Value::Int(initial))];
        let query = Query { model: Some("register"), options: &options, fail_fast, ..Query::default() };
        check(&history, &query).unwrap()
    };
    assert_eq!(ask(0, false).violated, [1, 3, 5, 7].map(Value::Int));
    let first = ask(1, true);
    assert_eq!((first.violated, first.partitions, first.operations), (vec![Value::Int(8)], 5, 5));
    let first = ask(0, true);
    assert_eq!((first.violated, first.partitions), (vec![Value::Int(1)], 1));
}
