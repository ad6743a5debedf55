//! Counters that only go one way: by counting, or by following the sums.
//!
//! **All changes by the same amount d** (increments, mostly). The sum says how many changes there were,
//! so that a read is of a *count*, and a change that was answered has a *place* among the changes. The
//! others are interchangeable. Go through the returns in order, with as few changes as possible at every
//! moment: when an operation returns that did not take effect yet, let changes take effect until it
//! can; the one whose place is next if there is one, else of those that were called the one that
//! returns first (crashed ones last: they need not happen at all).
//!
//! This finds an order if there is one. Take any order, and delay each operation until just before the
//! first return, in time, among its own and those of the operations behind it; that is an order still. So at a
//! return of x nothing happens behind x in the order. If x is a change without a place and other such
//! changes would come before it, it can change places with the first of them: all are open now, and
//! none returns before x. If it has a place, or is a read, the order needs just so many changes before
//! it, and of those without a place any two that are called can change places, so that the one that
//! returns first may go first. A read whose count was passed while it was open happened then.
//!
//! **All changes answered, with amounts of one sign.** Sums only grow (or only fall), so that each is
//! left once: every change starts at the sum that it was answered less its amount. The changes form a
//! chain by their sums, or one of them can't have happened; a read lies between two links. The rest is
//! [`super::moments`]. A change that crashed can be left out: inside the chain it would leave a sum that a
//! link starts from, and at the end nobody needs it.
//!
//! Time O(n log n).

use super::super::problem::{NEVER, Problem};
use super::moments::{Moment, place, place_all, verdict};
use super::{Found, Watch, argued, holds_if_intervals, kinds, known};
use crate::explain::words;
use crate::history::{History, Value};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What an operation says; sums are distances from the initial one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Changes the sum, and did not say to what.
    Change,
    /// Changes it to this.
    ChangeTo(i128),
    /// The sum is this.
    Read(i128),
    /// Nothing.
    Idle,
}

struct Counted<'h> {
    history: &'h History,
    problem: Problem,
    /// By class: what it says, and by how much it changes the sum.
    whats: Vec<(What, i128)>,
}

impl Counted<'_> {
    fn what(&self, item: u32) -> (What, i128) {
        self.whats[self.problem.items[item as usize].class as usize]
    }

    fn quote(&self, item: u32) -> String {
        format!("`{}`", words(self.history, self.problem.items[item as usize].index))
    }

    /// Operations that can't have happened whatever others did.
    fn impossible(&self, items: &[u32], text: String) -> Option<Found> {
        argued(&self.problem, items, "refused", text)
    }
}

pub(super) fn decide(initial: i64, history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let kinds = kinds(history, indices, &[&["add"], &["read"], &["add-and-get"]])?;
    let mut whats = Vec::with_capacity(indices.len());
    for (i, (&index, &kind)) in indices.iter().zip(&kinds).enumerate() {
        watch.go_on(i)?;
        let op = &history.operations()[index as usize];
        let sum = |output: &Value| Some(i128::from(output.as_int()?) - i128::from(initial));
        let answer = if kind > 0 && known(history, index) { Some(sum(&op.output)?) } else { None };
        let amount = if kind == 1 { 0 } else { i128::from(op.input.as_int()?) };
        let what = match (amount, answer) {
            (0, None) => What::Idle,
            (0, Some(sum)) => What::Read(sum),
            (_, None) => What::Change,
            (_, Some(sum)) => What::ChangeTo(sum),
        };
        whats.push((what, amount));
    }
    let mut amounts = whats.iter().map(|what| what.1).filter(|&amount| amount != 0);
    let first = amounts.next().unwrap_or(1);
    let equal = amounts.clone().all(|amount| amount == first);
    if !equal && !amounts.all(|amount| amount.signum() == first.signum()) {
        return None;
    }
    let classes: Vec<u32> = (0..indices.len() as u32).collect();
    let problem = Problem::order(history, indices, &classes, |class| whats[class as usize].1 == 0);
    let counted = Counted { history, problem, whats };
    if equal { by_counting(&counted, first, watch) } else { by_sums(&counted, first.signum(), watch) }
}

/// Changes that were called and did not happen yet, and how many did.
struct Sweep<'c> {
    counted: &'c Counted<'c>,
    /// Changes that have a place, by place.
    places: HashMap<i128, u32, FixedState>,
    /// The others that are open, by return.
    open: BinaryHeap<Reverse<(u32, u32)>>,
    happened: Vec<bool>,
    count: i128,
}

impl Sweep<'_> {
    /// One more change, before the moment `now`; whether there is one.
    fn advance(&mut self, now: u32) -> bool {
        match self.places.get(&self.count) {
            Some(&item) if self.counted.problem.items[item as usize].call > now => return false,
            Some(_) => {}
            None => match self.open.pop() {
                None => return false,
                Some(Reverse((_, item))) => self.happened[item as usize] = true,
            },
        }
        self.count += 1;
        true
    }
}

fn by_counting(counted: &Counted<'_>, amount: i128, watch: &Watch<'_>) -> Option<Found> {
    let problem = &counted.problem;
    let mut sweep = Sweep {
        counted,
        places: HashMap::with_hasher(super::super::space::HASHER),
        open: BinaryHeap::new(),
        happened: vec![false; problem.items.len()],
        count: 0,
    };
    for item in 0..problem.items.len() as u32 {
        let (What::ChangeTo(sum) | What::Read(sum), change) = counted.what(item) else { continue };
        let count = sum / amount;
        if sum % amount != 0 || count < i128::from(change != 0) {
            return counted
                .impossible(&[item], format!("no number of changes by {amount} explains {}", counted.quote(item)));
        }
        if change != 0
            && let Some(other) = sweep.places.insert(count - 1, item)
        {
            let text =
                format!("{} and {} can't both happen: sums don't repeat", counted.quote(other), counted.quote(item));
            return counted.impossible(&[other, item], text);
        }
    }
    // Of each read, how many changes there were when it was called.
    let mut at_call = vec![0; problem.items.len()];
    let mut called = 0;
    for (i, &item) in problem.returns.iter().enumerate() {
        watch.go_on(i)?;
        let now = problem.items[item as usize].ret;
        while let Some(next) = problem.items.get(called).filter(|next| next.call < now) {
            at_call[called] = sweep.count;
            if counted.whats[next.class as usize].0 == What::Change {
                sweep.open.push(Reverse((next.ret, called as u32)));
            }
            called += 1;
        }
        let fits = loop {
            let (done, waits) = match counted.what(item).0 {
                What::Idle => (true, false),
                What::Change => (sweep.happened[item as usize], true),
                What::ChangeTo(sum) => (sweep.count >= sum / amount, true),
                What::Read(sum) => {
                    let (from, wanted) = (at_call[item as usize], sum / amount);
                    ((from..=sweep.count).contains(&wanted), sweep.count < wanted)
                }
            };
            if done || !waits || !sweep.advance(now) {
                break done;
            }
        };
        if !fits {
            let most = sweep.count;
            let text = format!(
                "just before {} returned, {most} changes had to have happened, and it does not fit",
                counted.quote(item)
            );
            let all = (0..called as u32).filter(|&i| problem.items[i as usize].must);
            let next = sweep.places.get(&most).copied();
            let core: Vec<u32> = [item].into_iter().chain(next).chain(all).collect();
            return argued(problem, &core, "refused", text);
        }
    }
    holds_if_intervals(problem)
}

fn by_sums(counted: &Counted<'_>, sign: i128, watch: &Watch<'_>) -> Option<Found> {
    let problem = &counted.problem;
    let (mut chain, mut reads) = (Vec::new(), Vec::new());
    let mut crashed = false;
    for item in 0..problem.items.len() as u32 {
        match counted.what(item).0 {
            What::ChangeTo(sum) => chain.push((sum * sign, item)),
            What::Read(sum) => reads.push((sum * sign, item)),
            What::Change if problem.items[item as usize].ret != NEVER => return None,
            What::Change => crashed = true,
            What::Idle => {}
        }
    }
    chain.sort_unstable();
    reads.sort_unstable();
    let mut reads = reads.into_iter().peekable();
    let (mut sum, mut before, mut now) = (0, None, Moment::START);
    for (i, link) in chain.into_iter().map(Some).chain([None]).enumerate() {
        watch.go_on(i)?;
        let mut here = Vec::new();
        while let Some((seen, item)) = reads.next_if(|&(seen, _)| seen <= sum || link.is_none()) {
            if seen != sum {
                return unreachable_sum(counted, crashed, item);
            }
            here.push(item);
        }
        now = match place_all(problem, here, now) {
            Ok(now) => now,
            Err(late) => return verdict(counted.history, problem, Err(late), |_, _| Vec::new()),
        };
        let Some((after, item)) = link else { break };
        let start = after - counted.what(item).1 * sign;
        if let Some(other) = before.filter(|_| start < sum) {
            let text = format!(
                "{} and {} can't both happen: no sum comes twice, or is jumped over",
                counted.quote(other),
                counted.quote(item)
            );
            return counted.impossible(&[other, item], text);
        }
        if start != sum {
            return unreachable_sum(counted, crashed, item);
        }
        now = match place(problem, item, now) {
            Ok(now) => now,
            Err(late) => return verdict(counted.history, problem, Err(late), |_, _| Vec::new()),
        };
        (sum, before) = (after, Some(item));
    }
    holds_if_intervals(problem)
}

/// An operation that needs a sum which the answered changes never make.
fn unreachable_sum(counted: &Counted<'_>, crashed: bool, item: u32) -> Option<Found> {
    if crashed {
        return None;
    }
    counted.impossible(&[item], format!("the sums that changes answered leave no place for {}", counted.quote(item)))
}
