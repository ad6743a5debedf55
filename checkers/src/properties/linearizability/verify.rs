//! Replays a witness.
//!
//! Shares nothing with the engines: it reads the history itself, asks the model itself, and is short
//! enough to be checked by eye. O(n) model steps (times the states of a nondeterministic model).

use crate::history::{History, Status};
use crate::models::{Call, Model};
use std::collections::BTreeMap;

/// Whether `order` is a linearization of the operations at `indices`.
///
/// # Errors
/// What is wrong with it.
pub fn verify<M: Model>(model: &M, history: &History, indices: &[u32], order: &[u32]) -> Result<(), String> {
    let ops = history.operations();
    let mut left: BTreeMap<u32, bool> =
        indices.iter().map(|&index| (index, ops[index as usize].status == Status::Ok)).collect();
    let mut states = vec![model.initial()];
    let mut latest_call = i64::MIN;
    let mut latest_of_process: BTreeMap<u32, (i64, u32)> = BTreeMap::new();
    for &index in order {
        let op = &ops.get(index as usize).ok_or(format!("there is no operation {index}"))?;
        let known = left.remove(&index).ok_or(format!("operation {index} is not to be placed, or placed already"))?;
        if known && op.ret < latest_call {
            return Err(format!("operation {index} returned before one that precedes it was called"));
        }
        if let Some(&latest) = latest_of_process.get(&op.process)
            && known
            && op.ret <= latest.0
            && (op.call, index) < latest
        {
            return Err(format!("operation {index} comes after a later one of its process"));
        }
        latest_call = latest_call.max(op.call);
        let latest = latest_of_process.entry(op.process).or_insert((op.call, index));
        *latest = (*latest).max((op.call, index));
        let call = Call {
            function: history.function(index as usize),
            input: &op.input,
            output: known.then_some(&op.output),
            process: op.process,
        };
        let op = model.parse(&call).map_err(|refusal| refusal.0)?;
        let mut next = Vec::new();
        states.iter().for_each(|state| model.step(state, &op, &mut next));
        next.dedup();
        if next.is_empty() {
            return Err(format!("operation {index} can't happen in {states:?}"));
        }
        states = next;
    }
    match left.iter().find(|(_, must)| **must) {
        Some((index, _)) => Err(format!("operation {index} is missing")),
        None => Ok(()),
    }
}
