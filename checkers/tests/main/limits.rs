//! Limits end a check with their cause; the number of threads changes nothing.

use causet_checkers::budget::{Budget, Stop};
use causet_checkers::history::{Completion, History, HistoryBuilder, Value};
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
