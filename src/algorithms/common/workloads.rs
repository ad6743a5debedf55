//! What clients of a key-value store do.

use crate::node::{Draw, Operation, Workload};
use causet_checkers::history::Value;

/// A bit of everything, with values that can be told apart.
pub const MIXED: Workload =
    Workload { id: "mixed", summary: "get, put, cas and delete; each value is written at most once", next: mixed };

/// Text that grows, in which each thing done twice or lost can be seen.
pub const APPEND: Workload =
    Workload { id: "append", summary: "appends and gets: whatever is lost or done twice shows", next: append };

/// For what serves reads without writing anything down: leases, followers, caches.
pub const READS: Workload =
    Workload { id: "reads", summary: "mostly gets; now and then a put, of a value of its own", next: reads };

fn reads(draw: &mut Draw<'_>) -> Operation {
    let key = Some(Value::str(&draw.key()));
    if draw.random.chance(0.95) {
        Operation { function: "get", key, input: Value::Nil }
    } else {
        Operation { function: "put", key, input: Value::Int(draw.unique as i64) }
    }
}

fn mixed(draw: &mut Draw<'_>) -> Operation {
    let key = Some(Value::str(&draw.key()));
    let unique = draw.unique as i64;
    match draw.random.below(100) {
        0..45 => Operation { function: "get", key, input: Value::Nil },
        45..80 => Operation { function: "put", key, input: Value::Int(unique) },
        80..95 => {
            // A guess at what is there: some of them are right.
            let old = unique - 1 - draw.random.below(draw.keys.clamp(1, 1000) * 2) as i64;
            Operation { function: "cas", key, input: Value::list([Value::Int(old), Value::Int(unique)]) }
        }
        _ => Operation { function: "delete", key, input: Value::Nil },
    }
}

fn append(draw: &mut Draw<'_>) -> Operation {
    let key = Some(Value::str(&draw.key()));
    if draw.random.chance(0.5) {
        Operation { function: "get", key, input: Value::Nil }
    } else {
        Operation { function: "append", key, input: Value::str(&format!("{} ", draw.unique)) }
    }
}
