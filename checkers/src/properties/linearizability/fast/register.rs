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
//! Where times are plain ([`History::has_plain_times`]) they are compared as they are, with calls
//! before returns at equal times; elsewhere ranks are. Time O(n log n), to sort the zones.

use super::super::numbers::Numbers;
use super::super::problem::{NEVER, Problem};
use super::{Found, Watch, holds_if_intervals};
use crate::history::{History, OPEN, Operation, Status, Value};

/// An operation's index in the history, and its call or its return.
type Edge = (i64, Option<u32>);

/// A value's operations.
#[derive(Clone, Copy)]
struct Cluster {
    /// The first write.
    write: Option<u32>,
    reads: u32,
    /// Whether the first write happened for certain.
    must: bool,
    /// Whether there are more writes.
    again: bool,
    write_call: i64,
    write_ret: i64,
    /// The earliest return and the latest call, and whose they are.
    min_ret: Edge,
    max_call: Edge,
}

const EMPTY: Cluster = Cluster {
    write: None,
    reads: 0,
    must: false,
    again: false,
    write_call: 0,
    write_ret: 0,
    min_ret: (OPEN, None),
    max_call: (i64::MIN, None),
};

impl Cluster {
    fn add(&mut self, index: u32, call: i64, ret: i64) {
        if ret < self.min_ret.0 || self.min_ret.0 == OPEN {
            self.min_ret = (ret, Some(index));
        }
        if call > self.max_call.0 {
            self.max_call = (call, Some(index));
        }
    }

    fn is_forward(&self) -> bool {
        self.min_ret.0 < self.max_call.0
    }

    fn parts(&self) -> [Option<u32>; 3] {
        [self.write, self.min_ret.1, self.max_call.1]
    }
}

/// A write of a value that was written before.
struct Again {
    number: u32,
    index: u32,
    must: bool,
    call: i64,
    ret: i64,
}

pub(super) fn decide(initial: &Value, history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let functions: Vec<Option<bool>> = (history.functions().iter())
        .map(|name| match name {
            "read" | "get" => Some(true),
            "write" | "put" => Some(false),
            _ => None,
        })
        .collect();
    let ops = history.operations();
    let reads = |index: u32| functions[ops[index as usize].function as usize];
    let mut zones = Zones::new(initial, indices.len());
    if history.has_plain_times() {
        let mut taken = Vec::with_capacity(AHEAD);
        for indices in indices.chunks(AHEAD) {
            watch.go_on(0)?;
            taken.clear();
            for &index in indices {
                let op = &ops[index as usize];
                taken.push(Taken::new(op, index, reads(index)?, op.call, op.ret));
            }
            taken.iter().try_for_each(|taken| zones.take(taken))?;
        }
        return zones.judge(watch, || Some(Found::Holds));
    }
    // Reads of which nobody knows what they read say nothing.
    let mut classes = Vec::with_capacity(indices.len());
    for (i, &index) in indices.iter().enumerate() {
        watch.go_on(i)?;
        classes.push(u32::from(reads(index)?));
    }
    let problem = Problem::order(history, indices, &classes, |class| class == 1);
    for (i, item) in problem.items.iter().enumerate() {
        watch.go_on(i)?;
        let ret = if item.ret == NEVER { OPEN } else { i64::from(item.ret) };
        let op = &ops[item.index as usize];
        zones.take(&Taken::new(op, item.index, item.class == 1, i64::from(item.call), ret))?;
    }
    zones.judge(watch, || holds_if_intervals(&problem))
}

/// Operations of one key lie far apart in memory: so many are fetched at once.
const AHEAD: usize = 64;

/// What matters of an operation.
struct Taken<'h> {
    value: &'h Value,
    /// The value, if it is an integer.
    int: Option<i64>,
    call: i64,
    ret: i64,
    index: u32,
    reads: bool,
    must: bool,
}

impl<'h> Taken<'h> {
    #[inline]
    fn new(op: &'h Operation, index: u32, reads: bool, call: i64, ret: i64) -> Self {
        let value = if reads { &op.output } else { &op.input };
        let int = if let Value::Int(int) = value { Some(*int) } else { None };
        Self { value, int, call, ret, index, reads, must: op.status == Status::Ok }
    }
}

struct Zones<'h> {
    numbers: Numbers<'h>,
    start: u32,
    clusters: Vec<Cluster>,
    again: Vec<Again>,
}

impl<'h> Zones<'h> {
    fn new(initial: &'h Value, operations: usize) -> Self {
        let mut numbers = Numbers::with_capacity(operations / 2);
        let start = numbers.of(initial);
        let mut clusters = Vec::with_capacity(operations / 2 + 1);
        clusters.push(Cluster { min_ret: (i64::MIN, None), ..EMPTY });
        Self { numbers, start, clusters, again: Vec::new() }
    }

    /// Adds an operation to its value's cluster; `None` if it can't be known which write a read reads.
    #[inline]
    fn take(&mut self, taken: &Taken<'h>) -> Option<()> {
        let Taken { index, reads, must, call, ret, .. } = *taken;
        if reads && !must {
            return Some(());
        }
        let number = match taken.int {
            Some(int) => self.numbers.of_int(int),
            None => self.numbers.of(taken.value),
        };
        if number as usize == self.clusters.len() {
            self.clusters.push(EMPTY);
        }
        let cluster = &mut self.clusters[number as usize];
        if reads {
            cluster.reads += 1;
            cluster.add(index, call, ret);
        } else if cluster.write.is_some() {
            cluster.again = true;
            self.again.push(Again { number, index, must, call, ret });
        } else {
            (cluster.write, cluster.must, cluster.write_call, cluster.write_ret) = (Some(index), must, call, ret);
        }
        let twice = cluster.again || (number == self.start && cluster.write.is_some());
        (cluster.reads == 0 || !twice).then_some(())
    }

    fn judge(mut self, watch: &Watch<'_>, holds: impl Fn() -> Option<Found>) -> Option<Found> {
        let (mut forward, mut backward): (Vec<Cluster>, Vec<Cluster>) = (Vec::new(), Vec::new());
        let mut put = |zone: Cluster| if zone.is_forward() { forward.push(zone) } else { backward.push(zone) };
        let mut violated = None;
        for (number, cluster) in self.clusters.iter_mut().enumerate() {
            watch.go_on(number)?;
            let is_start = number as u32 == self.start;
            match cluster.write {
                None if cluster.reads > 0 && !is_start => violated = violated.or(found(&[cluster.min_ret.1])),
                None if cluster.reads > 0 || is_start => put(*cluster),
                // Nobody read it: that was seen when they were taken.
                Some(_) if is_start => put(Cluster { min_ret: (i64::MIN, None), ..EMPTY }),
                _ => {}
            }
            let Some(write) = cluster.write.filter(|_| cluster.reads > 0 || cluster.must) else { continue };
            if cluster.reads > 0 && cluster.min_ret.0 < cluster.write_call {
                violated = violated.or(found(&[cluster.write, cluster.min_ret.1]));
            }
            let mut zone = if cluster.reads > 0 { *cluster } else { Cluster { write: Some(write), ..EMPTY } };
            zone.add(write, cluster.write_call, cluster.write_ret);
            put(zone);
        }
        for Again { number, index, must, call, ret } in self.again {
            if must && self.clusters[number as usize].reads == 0 {
                let mut zone = Cluster { write: Some(index), ..EMPTY };
                zone.add(index, call, ret);
                put(zone);
            }
        }
        violated.or_else(|| overlapping(forward, &backward)).or_else(holds)
    }
}

fn found(operations: &[Option<u32>]) -> Option<Found> {
    let mut core: Vec<u32> = operations.iter().flatten().copied().collect();
    core.sort_unstable();
    core.dedup();
    Some(Found::Violated(core))
}

/// Zones that leave no order.
fn overlapping(mut forward: Vec<Cluster>, backward: &[Cluster]) -> Option<Found> {
    if !forward.is_sorted_by_key(|zone| zone.min_ret.0) {
        forward.sort_unstable_by_key(|zone| zone.min_ret.0);
    }
    for pair in forward.windows(2) {
        if pair[1].min_ret.0 < pair[0].max_call.0 {
            return found(&[pair[0].parts(), pair[1].parts()].concat());
        }
    }
    for zone in backward {
        let around = forward.partition_point(|around| around.min_ret.0 < zone.max_call.0);
        if let Some(around) = around.checked_sub(1).map(|at| &forward[at])
            && zone.min_ret.0 < around.max_call.0
        {
            return found(&[zone.parts(), around.parts()].concat());
        }
    }
    None
}
