//! Depth-first search over linearizations: the reference.
//!
//! J. Wing and C. Gong, "Testing and verifying concurrent objects" (1993), with G. Lowe's cache of
//! configurations, "Testing for linearizability" (2017), in the form that Knossos and Porcupine made
//! common: calls and returns in one linked list; taking an operation lifts both out; a return that
//! comes up before its operation was taken sends the search back. Differences: open operations have
//! no return at all and may be left out; a model may have several next states; a cache entry holds
//! only the words of the bit set after the completed prefix.
//!
//! Complexity: exponential in concurrency at worst. It is here to be obviously right, and the other
//! engines are compared with it.

use super::problem::{Item, NEVER, Problem};
use super::space::{HASHER, Next, Table};
use super::{Answer, Failure};
use crate::budget::Meter;
use crate::verdict::CauseKind;
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// A step taken: which operation, in which state, and which of its next states.
struct Taken {
    item: u32,
    state: u32,
    choice: usize,
}

struct Search<'p> {
    problem: &'p Problem,
    /// Doubly linked list over ranks 1…, with 0 as its head; `end` ends it.
    next: Vec<u32>,
    prev: Vec<u32>,
    /// The item of each rank, and whether the rank is its return.
    events: Vec<(u32, bool)>,
    taken: Vec<u64>,
    /// All words before this one are full of taken operations.
    low: usize,
    stack: Vec<Taken>,
    cache: HashSet<Box<[u64]>, FixedState>,
    cache_bytes: u64,
    open_musts: usize,
}

/// Decides `problem`.
///
/// # Errors
/// The limit that was reached.
pub(crate) fn decide(problem: &Problem, table: &mut Table<'_>, meter: &mut Meter<'_>) -> Result<Answer, CauseKind> {
    debug_assert!(problem.items.iter().all(|item| item.must == (item.ret != NEVER)));
    Search::new(problem).run(table, meter)
}

impl<'p> Search<'p> {
    fn new(problem: &'p Problem) -> Self {
        let count = problem.items.len() + problem.returns.len();
        let mut events = vec![(0, false); count + 1];
        for (i, item) in problem.items.iter().enumerate() {
            events[item.call as usize + 1] = (i as u32, false);
            if item.ret != NEVER {
                events[item.ret as usize + 1] = (i as u32, true);
            }
        }
        Self {
            problem,
            next: (1..=count as u32 + 1).collect(),
            prev: (0..=count as u32 + 1).map(|rank| rank.saturating_sub(1)).collect(),
            events,
            taken: vec![0; problem.items.len().div_ceil(64)],
            low: 0,
            stack: Vec::new(),
            cache: HashSet::with_hasher(HASHER),
            cache_bytes: 0,
            open_musts: problem.returns.len(),
        }
    }

    fn run(mut self, table: &mut Table<'_>, meter: &mut Meter<'_>) -> Result<Answer, CauseKind> {
        let end = self.events.len() as u32;
        let (mut state, mut at, mut choice) = (0, self.next[0], 0);
        let mut failure = Failure { item: None, states: Vec::new() };
        while self.open_musts > 0 {
            meter.step(1)?;
            debug_assert_ne!(at, end, "an operation that must happen has a return in the list");
            let (item, is_return) = self.events[at as usize];
            if is_return {
                failure.meet(self.problem, item, state);
                match self.back() {
                    None => return Ok(Answer::Violated(failure)),
                    Some(last) => (state, at, choice) = (last.state, self.call_of(last.item), last.choice + 1),
                }
                continue;
            }
            match self.candidate(table, state, item, choice) {
                None => (at, choice) = (self.next[at as usize], 0),
                Some(_) if self.already_seen(table, state, item, choice, meter)? => choice += 1,
                Some(next) => {
                    self.take(Taken { item, state, choice });
                    (state, at, choice) = (next, self.next[0], 0);
                }
            }
        }
        let order = self.stack.iter().map(|taken| self.problem.items[taken.item as usize].index).collect();
        Ok(Answer::Holds(order))
    }

    fn call_of(&self, item: u32) -> u32 {
        self.problem.items[item as usize].call + 1
    }

    fn has(&self, item: u32) -> bool {
        self.taken[item as usize / 64] >> (item % 64) & 1 == 1
    }

    fn candidate(&self, table: &mut Table<'_>, state: u32, item: u32, choice: usize) -> Option<u32> {
        if self.problem.before(item).iter().any(|&(first, _)| !self.has(first)) {
            return None;
        }
        let next: Next = table.next(state, self.problem.items[item as usize].class);
        table.nth(next, choice)
    }

    /// Whether the configuration after this step was met before; if not, it is noted.
    fn already_seen(
        &mut self,
        table: &mut Table<'_>,
        state: u32,
        item: u32,
        choice: usize,
        meter: &mut Meter<'_>,
    ) -> Result<bool, CauseKind> {
        let next = self.candidate(table, state, item, choice).expect("was a candidate");
        self.taken[item as usize / 64] |= 1 << (item % 64);
        let mut key = vec![u64::from(next)];
        let words = self.taken.iter().enumerate().skip(self.low);
        for (i, &word) in words.filter(|&(_, &word)| word != 0) {
            key.extend([i as u64, word]);
        }
        key.push(self.low as u64);
        self.taken[item as usize / 64] &= !(1 << (item % 64));
        let bytes = 24 + 8 * key.len() as u64;
        let new = self.cache.insert(key.into_boxed_slice());
        self.cache_bytes += if new { bytes } else { 0 };
        meter.hold(self.cache_bytes + table.bytes())?;
        Ok(!new)
    }

    fn take(&mut self, taken: Taken) {
        let item = taken.item;
        self.taken[item as usize / 64] |= 1 << (item % 64);
        while self.taken.get(self.low) == Some(&u64::MAX) {
            self.low += 1;
        }
        let Item { call, ret, must, .. } = self.problem.items[item as usize];
        self.unlink(call + 1);
        if ret != NEVER {
            self.unlink(ret + 1);
        }
        self.open_musts -= usize::from(must);
        self.stack.push(taken);
    }

    fn back(&mut self) -> Option<Taken> {
        let taken = self.stack.pop()?;
        let item = taken.item;
        self.taken[item as usize / 64] &= !(1 << (item % 64));
        self.low = self.low.min(item as usize / 64);
        let Item { call, ret, must, .. } = self.problem.items[item as usize];
        if ret != NEVER {
            self.relink(ret + 1);
        }
        self.relink(call + 1);
        self.open_musts += usize::from(must);
        Some(taken)
    }

    fn unlink(&mut self, rank: u32) {
        let (prev, next) = (self.prev[rank as usize], self.next[rank as usize]);
        self.next[prev as usize] = next;
        self.prev[next as usize] = prev;
    }

    fn relink(&mut self, rank: u32) {
        let (prev, next) = (self.prev[rank as usize], self.next[rank as usize]);
        self.next[prev as usize] = rank;
        self.prev[next as usize] = rank;
    }
}
