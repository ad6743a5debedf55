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
    holds_for(history, model, &|_| true)
}

/// The same where, of the operations that ended, only some have to have happened; the others did in
/// their intervals, or not.
pub fn holds_for<M: Model>(history: &History, model: &M, wanted: &dyn Fn(usize) -> bool) -> bool {
    let ops: Vec<M::Op> = (0..history.len())
        .map(|index| {
            let op = &history.operations()[index];
            let output = (op.status == Status::Ok).then_some(&op.output);
            let call = Call { function: history.function(index), input: &op.input, output, process: op.process };
            model.parse(&call).expect("generated histories are of the model")
        })
        .collect();
    let pair = |a: usize, b: usize| precedes((a, &history.operations()[a]), (b, &history.operations()[b]));
    let order = (0..ops.len()).map(|a| (0..ops.len()).map(|b| a != b && pair(a, b)).collect()).collect();
    let must = (0..ops.len()).map(|i| history.operations()[i].status == Status::Ok && wanted(i)).collect();
    Orders { model, ops, order, must }.extend(&mut vec![false; history.len()], &model.initial())
}

struct Orders<'m, M: Model> {
    model: &'m M,
    ops: Vec<M::Op>,
    /// Whether one (row) must precede another (column).
    order: Vec<Vec<bool>>,
    must: Vec<bool>,
}

impl<M: Model> Orders<'_, M> {
    fn extend(&self, placed: &mut Vec<bool>, state: &M::State) -> bool {
        let all = 0..self.ops.len();
        if all.clone().all(|i| placed[i] || !self.must[i]) {
            return true;
        }
        for i in all.clone().filter(|&i| !placed[i]).collect::<Vec<_>>() {
            let waits = all.clone().any(|j| !placed[j] && self.must[j] && self.order[j][i]);
            let late = all.clone().any(|j| placed[j] && self.order[i][j]);
            if waits || late {
                continue;
            }
            let mut next = Vec::new();
            self.model.step(state, &self.ops[i], &mut next);
            placed[i] = true;
            let found = next.iter().any(|state| self.extend(placed, state));
            placed[i] = false;
            if found {
                return true;
            }
        }
        false
    }
}
