//! One partition of a history, made ready for the engines.
//!
//! Times become *ranks*: every call and every return gets a place of its own in one line. At equal
//! times calls come before returns, because intervals are closed. Operations of one process are
//! ordered even when they touch (`X.ret == Y.call`). Where only one process does that at a moment,
//! its operations fit between the calls and the returns of the others, and ranks still say it all.
//! Where several do, the order is no interval order any more (two chains side by side), and the
//! extra constraints are listed in `before`.

use super::space::Table;
use crate::history::{History, OPEN, Status};

/// The rank of a return that never comes.
pub(crate) const NEVER: u32 = u32::MAX;

/// One operation. It takes effect between its call and its return, once; those without `must` may
/// also not take effect at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its index in the history.
    pub(crate) index: u32,
    /// What it does, as a number that [`Table`] knows.
    pub(crate) class: u32,
    pub(crate) call: u32,
    pub(crate) ret: u32,
    pub(crate) must: bool,
}

/// Operations of one partition, in order of their calls.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    pub(crate) items: Vec<Item>,
    /// The items that have a return, in order of their returns.
    pub(crate) returns: Vec<u32>,
    /// Pairs of items (first, then) that are ordered though their ranks overlap; by `then`.
    pub(crate) before: Vec<(u32, u32)>,
    /// The states to begin in.
    pub(crate) starts: Vec<u32>,
}

impl Problem {
    /// Orders the operations at `indices`, which have these classes. Open operations that could
    /// have no effect are left out. O(n log n).
    pub(crate) fn new(history: &History, indices: &[u32], classes: &[u32], table: &Table<'_>) -> Self {
        Self::order(history, indices, classes, |class| table.is_pure(class))
    }

    /// The same with classes of the caller's own, of which some are pure.
    pub(crate) fn order(history: &History, indices: &[u32], classes: &[u32], is_pure: impl Fn(u32) -> bool) -> Self {
        let ops = history.operations();
        let mut items = Vec::with_capacity(indices.len());
        items.extend((indices.iter().zip(classes)).filter_map(|(&index, &class)| {
            let must = ops[index as usize].status == Status::Ok;
            (must || !is_pure(class)).then_some(Item { index, class, call: 0, ret: NEVER, must })
        }));
        if !items.is_sorted_by_key(|item| ops[item.index as usize].call) {
            items.sort_by_key(|item| ops[item.index as usize].call);
        }
        let returning = (0..).zip(&items).filter(|(_, item)| item.must);
        let mut returns: Vec<(i64, u32)> = Vec::with_capacity(items.len());
        returns.extend(returning.map(|(i, item)| (ops[item.index as usize].ret, i)));
        returns.sort_unstable();
        let order = returns.iter().map(|&(_, item)| item).collect();
        let mut problem = Self { returns: order, items, before: Vec::new(), starts: vec![0] };
        if history.has_plain_times() {
            problem.rank_plain(history, &returns);
            return problem;
        }
        drop(returns);
        let calls = problem.items.iter().map(|item| ops[item.index as usize].call).collect();
        let returns = problem.items.iter().map(|item| ops[item.index as usize].ret).collect();
        Ranker { history, calls, returns, problem: &mut problem, rank: 0 }.run();
        problem.order_by_rank();
        problem
    }

    /// Ranks where no operation of a process touches the one before: calls come before returns.
    fn rank_plain(&mut self, history: &History, returns: &[(i64, u32)]) {
        let time = |item: &Item| history.operations()[item.index as usize].call;
        let (mut rank, mut calls) = (0, 0);
        for &(ret, item) in returns {
            while calls < self.items.len() && time(&self.items[calls]) <= ret {
                self.items[calls].call = rank;
                (rank, calls) = (rank + 1, calls + 1);
            }
            self.items[item as usize].ret = rank;
            rank += 1;
        }
        for item in &mut self.items[calls..] {
            item.call = rank;
            rank += 1;
        }
    }

    /// Within one moment, ranks may have come out in another order than the operations were given.
    fn order_by_rank(&mut self) {
        if self.items.is_sorted_by_key(|item| item.call) {
            return;
        }
        let mut order: Vec<u32> = (0..self.items.len() as u32).collect();
        order.sort_unstable_by_key(|&old| self.items[old as usize].call);
        let mut new = vec![0; order.len()];
        (0..).zip(&order).for_each(|(place, &old)| new[old as usize] = place);
        self.items = order.iter().map(|&old| self.items[old as usize]).collect();
        self.returns.iter_mut().for_each(|item| *item = new[*item as usize]);
        for (first, then) in &mut self.before {
            (*first, *then) = (new[*first as usize], new[*then as usize]);
        }
        self.before.sort_unstable_by_key(|pair| pair.1);
    }

    /// Some of the items, changed to demand less; ranks stay as they are. Of what is ordered beyond them, what rests
    /// on an operation that need not happen any more is given up: what is left is no stronger.
    pub(crate) fn select(&self, mut choose: impl FnMut(u32, &Item) -> Option<Item>) -> Self {
        let mut new = vec![NEVER; self.items.len()];
        let mut items = Vec::new();
        for (i, item) in (0..).zip(&self.items) {
            if let Some(item) = choose(i, item) {
                new[i as usize] = items.len() as u32;
                items.push(item);
            }
        }
        let kept = self.returns.iter().map(|&old| new[old as usize]).filter(|&item| item != NEVER);
        let returns = kept.filter(|&item| items[item as usize].ret != NEVER).collect();
        let pairs = self.before.iter().map(|pair| (new[pair.0 as usize], new[pair.1 as usize]));
        let before = pairs.filter(|&(a, b)| a != NEVER && b != NEVER && items[a as usize].must).collect();
        Self { items, returns, before, starts: self.starts.clone() }
    }

    /// The items that must precede item `then`, beyond what ranks say.
    pub(crate) fn before(&self, then: u32) -> &[(u32, u32)] {
        if self.before.is_empty() {
            return &[];
        }
        let start = self.before.partition_point(|pair| pair.1 < then);
        let end = self.before.partition_point(|pair| pair.1 <= then);
        &self.before[start..end]
    }

    /// Whether the order of operations is what their ranks say, so that arguments about intervals
    /// hold.
    pub(crate) fn is_interval_order(&self) -> bool {
        self.before.is_empty()
    }
}

/// Hands out ranks, one moment after the other.
struct Ranker<'a> {
    history: &'a History,
    /// When each item was called, and when it returned.
    calls: Vec<i64>,
    returns: Vec<i64>,
    problem: &'a mut Problem,
    rank: u32,
}

impl Ranker<'_> {
    fn call_time(&self, item: usize) -> i64 {
        self.calls[item]
    }

    fn ret_time(&self, item: u32) -> i64 {
        self.returns[item as usize]
    }

    fn process(&self, item: u32) -> u32 {
        self.history.operations()[self.problem.items[item as usize].index as usize].process
    }

    fn call(&mut self, item: u32) {
        self.problem.items[item as usize].call = self.rank;
        self.rank += 1;
    }

    fn ret(&mut self, item: u32) {
        self.problem.items[item as usize].ret = self.rank;
        self.rank += 1;
    }

    fn run(mut self) {
        let (mut calls, mut returns) = (0, 0);
        let (all_calls, all_returns) = (self.problem.items.len(), self.problem.returns.len());
        while calls < all_calls || returns < all_returns {
            let next_call = if calls < all_calls { self.call_time(calls) } else { OPEN };
            let next_ret = if returns < all_returns { self.ret_time(self.problem.returns[returns]) } else { OPEN };
            let now = next_call.min(next_ret);
            let (first_call, first_ret) = (calls, returns);
            while calls < all_calls && self.call_time(calls) == now {
                calls += 1;
            }
            while returns < all_returns && self.ret_time(self.problem.returns[returns]) == now {
                returns += 1;
            }
            self.moment(first_call as u32..calls as u32, first_ret..returns);
        }
    }

    /// All that happens at one time.
    fn moment(&mut self, calls: std::ops::Range<u32>, returns: std::ops::Range<usize>) {
        if calls.is_empty() || returns.is_empty() {
            calls.for_each(|item| self.call(item));
            returns.for_each(|at| self.ret(self.problem.returns[at]));
            return;
        }
        let ended = self.problem.returns[returns.clone()].to_vec();
        // An operation whose process has another one end here may be a chain.
        let pairs = self.chains(&calls, &ended);
        let mut tied: Vec<u32> = pairs.iter().map(|pair| self.process(pair.1)).collect();
        tied.sort_unstable();
        tied.dedup();
        match tied[..] {
            [process] => self.one_chain(process, calls, returns, &ended),
            _ => {
                calls.for_each(|item| self.call(item));
                ended.iter().for_each(|&item| self.ret(item));
                self.problem.before.extend(pairs);
            }
        }
    }

    /// The pairs of one process of which one ends when the next begins. Those that follow from
    /// others by transitivity are left out.
    fn chains(&self, calls: &std::ops::Range<u32>, ended: &[u32]) -> Vec<(u32, u32)> {
        let mut by_process: Vec<(u32, u32)> = ended.iter().map(|&item| (self.process(item), item)).collect();
        by_process.sort_unstable();
        let mut pairs = Vec::new();
        for then in calls.clone() {
            let process = self.process(then);
            let start = by_process.partition_point(|pair| pair.0 < process);
            let same = by_process[start..].iter().take_while(|pair| pair.0 == process && pair.1 < then);
            // One that both begins and ends here has everything before it behind it.
            let instant = same.clone().filter(|pair| calls.contains(&pair.1)).last();
            match instant {
                Some(&(_, first)) => pairs.push((first, then)),
                None => pairs.extend(same.map(|&(_, first)| (first, then))),
            }
        }
        pairs
    }

    /// Whether an item ends at the moment at which it begins.
    fn is_instant(&self, item: u32) -> bool {
        self.problem.items[item as usize].must && self.ret_time(item) == self.call_time(item as usize)
    }

    /// The others call; the process's earlier operations end; its new ones begin, each instant one
    /// ending before the next begins; the others end.
    fn one_chain(&mut self, process: u32, calls: std::ops::Range<u32>, returns: std::ops::Range<usize>, ended: &[u32]) {
        let (own_calls, other_calls): (Vec<u32>, Vec<u32>) =
            calls.clone().partition(|&item| self.process(item) == process);
        let (own_ended, other_ended): (Vec<u32>, Vec<u32>) =
            ended.iter().partition(|&&item| self.process(item) == process);
        let mut order = Vec::with_capacity(ended.len());
        other_calls.iter().for_each(|&item| self.call(item));
        order.extend(own_ended.iter().copied().filter(|item| !calls.contains(item)));
        order.iter().for_each(|&item| self.ret(item));
        for &item in &own_calls {
            self.call(item);
            if self.is_instant(item) {
                self.ret(item);
                order.push(item);
            }
        }
        other_ended.iter().for_each(|&item| self.ret(item));
        order.extend(other_ended);
        self.problem.returns[returns].copy_from_slice(&order);
    }
}
