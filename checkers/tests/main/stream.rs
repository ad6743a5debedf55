//! A stream comes to what the whole history would, at the operation at which it would.

use crate::agree::{SHAPES, answers, calls, cases, int, or_nil, puts_and_takes, values};
use crate::generate::{Random, Use, history};
use crate::oracle;
use causet_checkers::history::{Completion, History, HistoryBuilder, OPEN, Status, Value};
use causet_checkers::models::*;
use causet_checkers::properties::linearizability::{Settled, Stream};

/// Calls and returns in order of time, a call first: (time, is return, operation).
fn events(history: &History) -> Vec<(i64, bool, usize)> {
    let calls = history.operations().iter().enumerate().map(|(i, op)| (op.call, false, i));
    let returns =
        history.operations().iter().enumerate().filter(|(_, op)| op.ret != OPEN).map(|(i, op)| (op.ret, true, i));
    let mut events: Vec<_> = calls.chain(returns).collect();
    events.sort_unstable();
    events
}

fn agree<M: Model + Clone>(model: &M, domain: &dyn Fn(usize, usize) -> Vec<Use>) {
    for seed in 0..cases() as u64 / 60 {
        let mut random = Random(seed ^ 0xABCD);
        let given = history(&mut random, model, SHAPES[seed as usize % SHAPES.len()], domain);
        let mut stream = Stream::new(model.clone());
        let mut builder = HistoryBuilder::new();
        let mut tickets = vec![None; given.len()];
        for (_, is_return, i) in events(&given) {
            let op = &given.operations()[i];
            // One process for each operation, so that only time orders them.
            let (name, function) = (i.to_string(), given.function(i));
            if is_return {
                stream.ok(tickets[i].expect("was called"), &op.output).unwrap();
                builder.complete(&name, function, Completion::Ok(op.output.clone()), None).unwrap();
            } else {
                tickets[i] = Some(stream.call(i as u32, function, op.input.clone()));
                builder.invoke(&name, function, Value::Nil, op.input.clone(), None).unwrap();
                if op.status == Status::Info && random.chance(50) {
                    stream.crash(tickets[i].expect("was called")).unwrap();
                }
            }
        }
        let expected = oracle::holds(&builder.finish(), model);
        let settled = stream.finish().unwrap();
        assert_eq!(matches!(settled, Settled::Holds(_)), expected, "case {seed}: {settled:?}\n{given:#?}");
    }
}

#[test]
fn streams_agree_with_the_oracle() {
    agree(&CasRegister { initial: int(0) }, &|_, _| {
        let cas = |done: bool| [(0, 1), (1, 2)].map(|(a, b)| ("cas", Value::list([int(a), int(b)]), done.into()));
        answers("read", values(3)).chain(calls("write", values(2))).chain(cas(true)).chain(cas(false)).collect()
    });
    agree(&Register::default(), &|_, _| answers("read", or_nil(values(2))).chain(calls("write", values(2))).collect());
    agree(&FifoQueue, &|i, n| puts_and_takes("enqueue", "dequeue", i, n, false));
}

/// A long history in which a few operations run at once leaves nothing behind.
#[test]
fn memory_follows_concurrency() {
    let mut stream = Stream::new(Register::default());
    for i in 0..20_000 {
        let write = stream.call(0, "write", Value::Int(i));
        let read = stream.call(1, "read", Value::Nil);
        stream.ok(read, &Value::Int(if i % 2 == 0 { i } else { i - 1 })).unwrap();
        stream.ok(write, &Value::Nil).unwrap();
        assert!(stream.width() <= 2, "{} configurations after {i} rounds", stream.width());
    }
    assert_eq!(stream.settled(), Settled::Holds(40_000));
}
