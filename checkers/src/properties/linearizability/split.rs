//! Objects that are many objects.
//!
//! A set on which nobody asks for all values at once is one object for each value: whether that value
//! is in it. `add`, `remove` and `contains` of a value touch no other. Linearizability is local (M.
//! Herlihy and J. Wing 1990, theorem 1): the set's history is linearizable if and only if each value's
//! part is. The parts are small, and each goes to the general engine.

use super::space::HASHER;
use crate::history::{History, Value};
use crate::models::Set;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::any::Any;

/// The operations of each independent part, in order of first appearance; `None` if it is one object.
pub(crate) fn parts(model: &dyn Any, history: &History, indices: &[u32]) -> Option<Vec<Vec<u32>>> {
    let set = model.downcast_ref::<Set>()?;
    let single = |name: &str| matches!(name, "add" | "contains") || (name == "remove" && !set.grow_only);
    let known: Vec<bool> = history.functions().iter().map(single).collect();
    let mut places: HashMap<&Value, usize, FixedState> = HashMap::with_hasher(HASHER);
    let mut parts: Vec<Vec<u32>> = Vec::new();
    for &index in indices {
        let op = &history.operations()[index as usize];
        if !known[op.function as usize] {
            return None;
        }
        let place = *places.entry(&op.input).or_insert_with(|| {
            parts.push(Vec::new());
            parts.len() - 1
        });
        parts[place].push(index);
    }
    (parts.len() > 1).then_some(parts)
}
