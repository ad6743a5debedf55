//! Registers whose read values were each written once: zones.
//!
//! P. Gibbons and E. Korach, "Testing shared memories" (SIAM J. Comput. 26(4), 1997), section 4: when
//! it is known which write each read reads, a register's history is linearizable if and only if
//!
//! 1. no read returned before its write was called,
//! 2. no two *forward zones* overlap,
//! 3. no *backward zone* lies inside a forward zone.
//!
//! A value's *cluster* is its write and the reads of it. Its zone lies between the earliest return and
//! the latest call in the cluster: forward if the return comes first (then the register must hold the
//! value from the one to the other), backward otherwise (then some one moment in it is enough).
//!
//! The value before all operations is a cluster whose write ended before time began. A value that
//! nobody read may be written many times: each such write is a cluster of its own. A write that never
//! returned and that nobody read can be left out; one that somebody read did happen, and its return
//! is no constraint.
//!
//! The core of a violation: of each of the two clusters the write and the operations with the earliest
//! return and the latest call. Leaving out reads, and whole clusters, can't make an order impossible,
//! so that a history whose core has no order has none.
//!
//! Time O(n log n), of which sorting is the most; memory about 60 bytes per operation.

use super::super::problem::{NEVER, Problem};
use super::values::Numbers;
use super::{Found, holds_if_intervals, kinds, known};
use crate::history::{History, Value};

/// A value's operations, in ranks; 0 is before all of them.
#[derive(Clone, Copy)]
struct Cluster {
    /// Item of the write, if there is one.
    write: Option<u32>,
    reads: u32,
    /// The earliest return and the latest call, and whose they are.
    min_ret: (u32, Option<u32>),
    max_call: (u32, Option<u32>),
}

const EMPTY: Cluster = Cluster { write: None, reads: 0, min_ret: (NEVER, None), max_call: (0, None) };

const READ: usize = 0;

pub(super) fn decide(initial: &Value, history: &History, indices: &[u32]) -> Option<Found> {
    let kinds = kinds(history, indices, &[&["read", "get"], &["write", "put"]])?;
    let ops = history.operations();
    let mut numbers = Numbers::with_capacity(indices.len() / 2);
    let start = numbers.of(initial);
    // A class is twice the value's number, plus one for a read.
    let classes: Vec<u32> = (indices.iter().zip(&kinds))
        .map(|(&index, &kind)| {
            let op = &ops[index as usize];
            match (kind == READ, known(history, index)) {
                // Not known what it read: it is dropped below.
                (true, false) => 1,
                (true, true) => 2 * numbers.of(&op.output) + 1,
                (false, _) => 2 * numbers.of(&op.input),
            }
        })
        .collect();
    let problem = Problem::order(history, indices, &classes, |class| class % 2 == 1);
    let mut clusters = vec![EMPTY; numbers.len()];
    clusters[start as usize].min_ret = (0, None);
    for item in problem.items.iter().filter(|item| item.class % 2 == 1) {
        clusters[item.class as usize / 2].reads += 1;
    }
    let mut lonely: Vec<Cluster> = Vec::new();
    for (i, item) in problem.items.iter().enumerate() {
        let value = item.class / 2;
        let is_write = item.class % 2 == 0;
        let cluster = &mut clusters[value as usize];
        if is_write && cluster.reads == 0 {
            if item.must {
                let write = Some(i as u32);
                lonely.push(Cluster {
                    write,
                    reads: 0,
                    min_ret: (end(item.ret), write),
                    max_call: (item.call + 1, write),
                });
            }
            continue;
        }
        if is_write && (cluster.write.is_some() || value == start) {
            return None;
        }
        if is_write {
            cluster.write = Some(i as u32);
        }
        add(cluster, i as u32, item.call + 1, end(item.ret));
    }
    judge(&problem, &clusters, start, lonely)
}

fn end(ret: u32) -> u32 {
    if ret == NEVER { NEVER } else { ret + 1 }
}

fn add(cluster: &mut Cluster, item: u32, call: u32, ret: u32) {
    if ret < cluster.min_ret.0 || cluster.min_ret.0 == NEVER {
        cluster.min_ret = (ret, Some(item));
    }
    if call > cluster.max_call.0 {
        cluster.max_call = (call, Some(item));
    }
}

fn judge(problem: &Problem, clusters: &[Cluster], start: u32, lonely: Vec<Cluster>) -> Option<Found> {
    let violated = |items: &[Option<u32>]| {
        let mut core: Vec<u32> = items.iter().flatten().map(|&item| problem.items[item as usize].index).collect();
        core.sort_unstable();
        core.dedup();
        Some(Found::Violated(core))
    };
    for (value, cluster) in clusters.iter().enumerate() {
        let Some(write) = cluster.write else {
            if cluster.reads > 0 && value as u32 != start {
                return violated(&[cluster.min_ret.1]);
            }
            continue;
        };
        if cluster.min_ret.0 < problem.items[write as usize].call + 1 {
            return violated(&[cluster.write, cluster.min_ret.1]);
        }
    }
    let used = clusters.iter().enumerate().filter(|(value, cluster)| cluster.reads > 0 || *value as u32 == start);
    let zones = used.map(|(_, cluster)| *cluster).chain(lonely);
    let (mut forward, backward): (Vec<Cluster>, Vec<Cluster>) =
        zones.partition(|cluster| cluster.min_ret.0 < cluster.max_call.0);
    forward.sort_unstable_by_key(|zone| zone.min_ret.0);
    let parts = |zone: &Cluster| [zone.write, zone.min_ret.1, zone.max_call.1];
    for pair in forward.windows(2) {
        if pair[1].min_ret.0 < pair[0].max_call.0 {
            return violated(&[parts(&pair[0]), parts(&pair[1])].concat());
        }
    }
    for zone in &backward {
        let around = forward.partition_point(|around| around.min_ret.0 < zone.max_call.0);
        if let Some(around) = around.checked_sub(1).map(|at| &forward[at])
            && zone.min_ret.0 < around.max_call.0
        {
            return violated(&[parts(zone), parts(around)].concat());
        }
    }
    holds_if_intervals(problem)
}
