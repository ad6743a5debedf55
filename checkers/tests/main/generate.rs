//! Small random histories, most of them nearly right: operations with intervals on a coarse clock
//! (so that times are often equal), each given an answer that fits some order, and then, now and
//! then, one that doesn't.

use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use causet_checkers::models::{Call, Model};

/// SplitMix64 (G. Steele, D. Lea, C. Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

/// An operation as one client alone might see it.
pub type Use = (&'static str, Value, Value);

/// What shape histories have.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many operations at most.
    pub operations: usize,
    /// How many moments there are.
    pub moments: usize,
    /// In percent: how often operations crash, never return though their answer is known, and are
    /// answered at random.
    pub crash: u64,
    pub open: u64,
    pub wrong: u64,
}

/// A random history; `domain(i, n)` is what the `i`-th of `n` operations may be, with all answers.
pub fn history<M: Model>(
    random: &mut Random,
    model: &M,
    shape: Shape,
    domain: &dyn Fn(usize, usize) -> Vec<Use>,
) -> History {
    let n = 1 + random.below(shape.operations);
    let mut spans: Vec<(i64, i64, i64)> = (0..n)
        .map(|_| {
            let call = random.below(shape.moments) as i64;
            let ret = call + random.below(1 + shape.moments / 2) as i64;
            (call, ret, call + random.below((ret - call + 1) as usize) as i64)
        })
        .collect();
    spans.sort_by_key(|span| span.2);
    let mut state = model.initial();
    let mut builder = HistoryBuilder::new();
    let processes = ["a", "b", "c", "d", "e", "f", "g", "h"];
    // Half of the histories are recorded as clients would: one operation after the other.
    let plain = random.chance(50);
    let mut busy: Vec<(usize, i64, i64)> = Vec::new();
    let mut rows = Vec::new();
    for (i, (call, ret, _)) in spans.into_iter().enumerate() {
        let mut process = random.below(4);
        if plain {
            let is_free = |&process: &usize| busy.iter().all(|b| b.0 != process || b.2 < call || ret < b.1);
            process = (process..processes.len()).find(is_free).unwrap_or(process);
            busy.push((process, call, ret));
        }
        let (function, input, output, next) = pick(random, model, &state, process as u32, &domain(i, n), shape.wrong);
        state = next;
        let completion = if random.chance(shape.crash) { Completion::Info } else { Completion::Ok(output) };
        let ret = (!random.chance(shape.open)).then_some(ret);
        rows.push(Complete { process: processes[process], function, key: Value::Nil, input, call, ret, completion });
    }
    // The processes get the numbers that `pick` knew them by; the order of the rest is free.
    rows.sort_by_key(|row| (if plain { 0 } else { random.0 >> (row.call & 31) & 3 }, row.call));
    for row in rows {
        builder.operation(row).expect("returns come after calls");
    }
    builder.finish()
}

pub type Picked<S> = (&'static str, Value, Value, S);

pub fn pick<M: Model>(
    random: &mut Random,
    model: &M,
    state: &M::State,
    process: u32,
    uses: &[Use],
    wrong: u64,
) -> Picked<M::State> {
    let start = random.below(uses.len());
    let strict = !random.chance(wrong);
    for shift in 0..uses.len() {
        let (function, input, output) = &uses[(start + shift) % uses.len()];
        let call = Call { function, input, output: Some(output), process };
        let op = model.parse(&call).expect("the domain is the model's");
        let mut next = Vec::new();
        model.step(state, &op, &mut next);
        if !next.is_empty() {
            let at = random.below(next.len());
            return (*function, input.clone(), output.clone(), next.swap_remove(at));
        }
        if !strict {
            return (*function, input.clone(), output.clone(), state.clone());
        }
    }
    let (function, input, output) = &uses[start];
    (*function, input.clone(), output.clone(), state.clone())
}
