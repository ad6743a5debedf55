//! The judge: enumerates every order of a small history.
//!
//! Knows nothing of ranks, masks, classes, caches or fast paths. An order is built one operation at
//! a time; an operation may come next when no operation that must precede it is left.

use causet_checkers::history::{History, Operation, Status};
use causet_checkers::models::{Call, Model};

/// Whether `a` must precede `b`: it returned before `b` was called, or they are of one process and
/// it was called first and returned by then.
fn precedes(a: (usize, &Operation), b: (usize, &Operation)) -> bool {
    let ended = a.1.status == Status::Ok;
    let same = a.1.process == b.1.process && (a.1.call, a.0) < (b.1.call, b.0) && a.1.ret <= b.1.call;
    ended && (a.1.ret < b.1.call || same)
}

/// Whether the history has an order that the model allows.
pub fn holds<M: Model>(history: &History, model: &M) -> bool {
    let ops: Vec<M::Op> = (0..history.len())
        .map(|index| {
            let op = &history.operations()[index];
            let output = (op.status == Status::Ok).then_some(&op.output);
            let call = Call { function: history.function(index), input: &op.input, output, process: op.process };
            model.parse(&call).expect("generated histories are of the model")
        })
        .collect();
    let before: Vec<Vec<usize>> = (0..history.len())
        .map(|b| {
            let op = |i: usize| (i, &history.operations()[i]);
            (0..history.len()).filter(|&a| a != b && precedes(op(a), op(b))).collect()
        })
        .collect();
    let must = |i: usize| history.operations()[i].status == Status::Ok;
    extend(model, &ops, &before, &must, &mut vec![false; ops.len()], &model.initial())
}

fn extend<M: Model>(
    model: &M,
    ops: &[M::Op],
    before: &[Vec<usize>],
    must: &dyn Fn(usize) -> bool,
    placed: &mut Vec<bool>,
    state: &M::State,
) -> bool {
    if (0..ops.len()).all(|i| placed[i] || !must(i)) {
        return true;
    }
    for i in 0..ops.len() {
        if placed[i] || before[i].iter().any(|&first| !placed[first]) {
            continue;
        }
        let mut next = Vec::new();
        model.step(state, &ops[i], &mut next);
        placed[i] = true;
        let found = next.iter().any(|state| extend(model, ops, before, must, placed, state));
        placed[i] = false;
        if found {
            return true;
        }
    }
    false
}
