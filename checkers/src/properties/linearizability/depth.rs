//! Depth-first search over configurations.
//!
//! Where an order exists, this finds it in about as many steps as there are operations, and crashed
//! operations that nobody needs cost nothing. Where none exists, it has to see every configuration.
//! The cache holds configurations (mask over open operations, state, crashed operations used) and
//! not sets of all operations, so that an entry is a few words however long the history. A configuration
//! goes there when it is known to lead nowhere: those on the way here can't be met again, since every step
//! goes forward, but by crashed operations alone, and those few are compared one by one. So a search that
//! finds its way at once caches nothing.
//!
//! The search can be paused after any number of steps, which is how it races the frontier engine.

use super::crashed::{Seen, UsedSets};
use super::problem::Problem;
use super::space::Table;
use super::window::{Candidate, Layout, Mask, Window};
use super::{Answer, Failure, Progress};
use crate::budget::Meter;
use crate::verdict::CauseKind;

/// A configuration with steps left to try.
struct Frame<M> {
    /// The return that comes next, and whether it may be passed by.
    at: u32,
    state: u32,
    used: u32,
    mask: M,
    /// Length of the order up to here.
    order: u32,
    /// Its candidates, `candidates[from..]` of the search, and the next one to try.
    from: u32,
    next: u32,
    choice: u32,
}

pub(crate) struct Depth<'l, 'p, M> {
    window: Window<'l, 'p>,
    frames: Vec<Frame<M>>,
    candidates: Vec<Candidate>,
    order: Vec<u32>,
    seen: Seen<M>,
    used: UsedSets,
    failure: Failure,
    started: bool,
}

impl<'l, 'p, M: Mask> Depth<'l, 'p, M> {
    pub(crate) fn new(layout: &'l Layout<'p>) -> Self {
        let room = layout.problem.items.len().min(256);
        Self {
            window: Window::new(layout),
            frames: Vec::with_capacity(room),
            candidates: Vec::with_capacity(2 * room),
            order: Vec::with_capacity(room),
            seen: Seen::new(),
            used: UsedSets::new(),
            failure: Failure::default(),
            started: false,
        }
    }

    fn problem(&self) -> &'p Problem {
        self.window.layout.problem
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        let frames = self.frames.capacity() * size_of::<Frame<M>>() + self.candidates.capacity() * 8;
        self.seen.bytes() + self.used.bytes() + (frames + self.order.capacity() * 4) as u64
    }

    /// The item whose return no order has got past yet.
    pub(crate) fn stuck_at(&self) -> Option<u32> {
        self.failure.item
    }

    /// Searches for about `fuel` steps, or until it has not come further than ever for `patience`.
    ///
    /// # Errors
    /// The limit that was reached.
    pub(crate) fn run(
        &mut self,
        table: &mut Table<'_>,
        meter: &mut Meter<'_>,
        fuel: u64,
        patience: u64,
    ) -> Result<Progress, CauseKind> {
        let (until, mark) = (meter.steps() + fuel, table.bytes());
        let (mut furthest, mut progress) = (self.failure.item, meter.steps());
        if !self.started {
            self.started = true;
            let mask = M::empty(self.window.layout.slot_count);
            debug_assert_eq!(self.problem().starts, [0], "only breadth first begins in several states");
            if self.enter(table, mask, 0, 0, true) {
                return Ok(Progress::Done(self.holds()));
            }
        }
        while meter.steps() < until && !table.has_grown(mark) {
            if furthest != self.failure.item {
                (furthest, progress) = (self.failure.item, meter.steps());
            } else if meter.steps() > progress + patience {
                break;
            }
            let Some(frame) = self.frames.last_mut() else {
                return Ok(Progress::Done(Answer::Violated(std::mem::take(&mut self.failure))));
            };
            let Some(&candidate) = self.candidates.get(frame.next as usize) else {
                self.candidates.truncate(frame.from as usize);
                if let Some(dead) = self.frames.pop() {
                    self.seen.insert(&self.used, dead.at, &dead.mask, dead.state, dead.used);
                }
                continue;
            };
            let choice = frame.choice as usize;
            frame.choice += 1;
            let (state, used, event, order) = (frame.state, frame.used, frame.at / 2, frame.order);
            let Some(next) = self.step(table, candidate, state, choice) else {
                let frame = self.frames.last_mut().expect("is there");
                (frame.next, frame.choice) = (frame.next + 1, 0);
                meter.step(1)?;
                continue;
            };
            meter.step(1 + self.window.width() as u64 / 4)?;
            let mask = self.frames.last().expect("is there").mask.clone();
            self.window.back_to(event as usize);
            self.order.truncate(order as usize);
            if self.apply(table, candidate, mask, next, used) {
                return Ok(Progress::Done(self.holds()));
            }
        }
        Ok(Progress::Paused)
    }

    fn holds(&self) -> Answer {
        Answer::Holds(self.order.iter().map(|&item| self.problem().items[item as usize].index).collect())
    }

    /// The `choice`-th state that a candidate leads to.
    fn step(&self, table: &mut Table<'_>, candidate: Candidate, state: u32, choice: usize) -> Option<u32> {
        let class = match candidate {
            Candidate::Pass => return (choice == 0).then_some(state),
            Candidate::Open(item) => self.problem().items[item as usize].class,
            Candidate::Crashed(place) => self.window.layout.crashed[place as usize].0,
        };
        let next = table.next(state, class);
        table.nth(next, choice)
    }

    /// Takes a step; whether that completes an order.
    fn apply(&mut self, table: &mut Table<'_>, candidate: Candidate, mut mask: M, state: u32, mut used: u32) -> bool {
        let layout = self.window.layout;
        let fresh = candidate == Candidate::Pass;
        match candidate {
            Candidate::Pass => self.window.forward(),
            Candidate::Open(item) => {
                mask.set(layout.slot(item));
                self.order.push(item);
            }
            Candidate::Crashed(place) => {
                let item = layout.crashed[place as usize].1[self.used.count(used, place) as usize];
                used = self.used.add(used, place);
                self.order.push(item);
            }
        }
        self.enter(table, mask, state, used, fresh)
    }

    /// Goes on from a configuration past all returns that ask for nothing; whether that was all.
    fn enter(&mut self, table: &mut Table<'_>, mut mask: M, state: u32, used: u32, mut fresh: bool) -> bool {
        let layout = self.window.layout;
        loop {
            if self.window.is_done() {
                return true;
            }
            self.window.settle(table, &mut mask, state, |item| self.order.push(item));
            let slot = layout.slot(self.window.returning());
            if !mask.has(slot) {
                break;
            }
            mask.clear(slot);
            self.window.forward();
            fresh = true;
        }
        let event = self.window.event as u32;
        fresh &= self.window.may_pass();
        // A configuration that took a step since the last return can do less.
        let at = 2 * event + u32::from(fresh);
        let mut around = self.frames.iter().rev().take_while(|frame| frame.at / 2 == event && frame.mask == mask);
        if around.any(|frame| frame.state == state && frame.at >= at)
            || self.seen.has(&self.used, at, &mask, state, used)
        {
            return false;
        }
        self.failure.meet(layout.problem, self.window.returning(), state);
        let from = self.candidates.len() as u32;
        let sets = &self.used;
        self.window.candidates(table, &mask, fresh, |place| sets.count(used, place), &mut self.candidates);
        let order = self.order.len() as u32;
        self.frames.push(Frame { at, state, used, mask, order, from, next: from, choice: 0 });
        false
    }
}
