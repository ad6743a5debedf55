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
//! The way here is held as configurations, each with the candidate it goes on by. Everything else follows from
//! them: the other candidates are listed again when a search goes back far, and the order of operations
//! is found by walking the way once more when it has come to its end.
//!
//! The search can be paused after any number of steps, which is how it races the frontier engine.

use super::crashed::{Seen, UsedSets};
use super::problem::NEVER;
use super::space::Table;
use super::window::{Candidate, Layout, Mask, Window};
use super::{Answer, Failure, Progress};
use crate::budget::Meter;
use crate::verdict::CauseKind;

/// A configuration on the way here.
struct Frame<M> {
    /// The return that comes next.
    event: u32,
    state: u32,
    used: u32,
    /// The candidate that the way goes on by, packed; `NEVER` if none was tried.
    chosen: u32,
    mask: M,
}

/// Where a walk through the history stands.
struct Walk<'l, 'p> {
    window: Window<'l, 'p>,
    /// The candidates of the last configurations on the way: about so many are `kept`.
    candidates: Vec<Candidate>,
    lists: Vec<List>,
    kept: usize,
}

/// The candidates of one configuration: `candidates[from..]` up to the next list, and which choice of which
/// of them comes next.
struct List {
    from: u32,
    next: u32,
    choice: u32,
}

pub(crate) struct Depth<'l, 'p, M> {
    walk: Walk<'l, 'p>,
    frames: Vec<Frame<M>>,
    seen: Seen<M>,
    used: UsedSets,
    failure: Failure,
    started: bool,
}

impl<'l, 'p> Walk<'l, 'p> {
    fn new(layout: &'l Layout<'p>, kept: usize) -> Self {
        let room = layout.problem.items.len().min(64);
        let (candidates, lists) = (Vec::with_capacity(2 * room), Vec::with_capacity(room));
        Self { window: Window::new(layout), candidates, lists, kept }
    }

    /// Lists the candidates of a configuration, the window being there.
    fn list<M: Mask>(&mut self, table: &mut Table<'_>, used: &UsedSets, frame: &Frame<M>) {
        if self.candidates.len() > self.kept {
            let old = self.lists.len() / 2;
            let cut = self.lists[old].from;
            self.candidates.drain(..cut as usize);
            self.lists.drain(..old);
            self.lists.iter_mut().for_each(|list| (list.from, list.next) = (list.from - cut, list.next - cut));
        }
        let from = self.candidates.len() as u32;
        let count = |place| used.count(frame.used, place);
        self.window.candidates(table, &frame.mask, count, &mut self.candidates);
        let mut next = from;
        if frame.chosen != NEVER {
            // Those before the one that was chosen last were tried.
            let rest = self.candidates[from as usize..].iter();
            next += rest.take_while(|other| other.pack() != frame.chosen).count() as u32;
            debug_assert!((next as usize) < self.candidates.len(), "candidates follow from the configuration");
        }
        self.lists.push(List { from, next, choice: 0 });
    }

    fn unlist(&mut self) {
        if let Some(list) = self.lists.pop() {
            self.candidates.truncate(list.from as usize);
        }
    }

    /// The next step of the last configuration: the candidate, and the state it leads to.
    ///
    /// # Errors
    /// The limit that was reached.
    fn step(
        &mut self,
        table: &mut Table<'_>,
        meter: &mut Meter<'_>,
        state: u32,
    ) -> Result<Option<(Candidate, u32)>, CauseKind> {
        let layout = self.window.layout;
        let list = self.lists.last_mut().expect("is listed");
        while let Some(&candidate) = self.candidates.get(list.next as usize) {
            let class = match candidate {
                Candidate::Open(item) => layout.item(item).class,
                Candidate::Crashed(place) => layout.crashed[place as usize].0,
            };
            let next = table.next(state, class);
            if let Some(state) = table.nth(next, list.choice as usize) {
                list.choice += 1;
                return Ok(Some((candidate, state)));
            }
            (list.next, list.choice) = (list.next + 1, 0);
            meter.step(1)?;
        }
        Ok(None)
    }

    /// Takes a step; `taken` hears which item takes effect.
    fn take<M: Mask>(
        &mut self,
        sets: &mut UsedSets,
        candidate: Candidate,
        (mask, used): (&mut M, &mut u32),
        taken: impl FnOnce(u32),
    ) {
        let layout = self.window.layout;
        match candidate {
            Candidate::Open(item) => {
                mask.set(layout.slot(item));
                taken(item);
            }
            Candidate::Crashed(place) => {
                taken(layout.crashed[place as usize].1[sets.count(*used, place) as usize]);
                *used = sets.add(*used, place);
            }
        }
    }

    /// Goes on past all returns that ask for nothing; whether that was all.
    fn advance<M: Mask>(
        &mut self,
        table: &mut Table<'_>,
        mask: &mut M,
        state: u32,
        mut taken: impl FnMut(u32),
    ) -> bool {
        let mut passed = false;
        while !self.window.is_done() {
            self.window.settle(table, mask, state, passed, &mut taken);
            let slot = self.window.layout.slot(self.window.returning());
            if !mask.has(slot) {
                return false;
            }
            mask.clear(slot);
            self.window.forward();
            passed = true;
        }
        true
    }
}

impl<'l, 'p, M: Mask> Depth<'l, 'p, M> {
    /// A search that has about so many candidates in memory.
    pub(crate) fn new(layout: &'l Layout<'p>, kept: usize) -> Self {
        let problem = layout.problem;
        debug_assert_eq!(problem.starts, [0], "only breadth first begins in several states");
        debug_assert!(problem.returns.iter().all(|&item| layout.item(item).must), "and passes returns by");
        Self {
            walk: Walk::new(layout, kept),
            frames: Vec::with_capacity(problem.items.len().min(256)),
            seen: Seen::new(),
            used: UsedSets::new(),
            failure: Failure::default(),
            started: false,
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        let Walk { candidates, lists, .. } = &self.walk;
        let listed = candidates.capacity() * size_of::<Candidate>() + lists.capacity() * size_of::<List>();
        let slots = self.walk.window.layout.slot_count;
        let frames = self.frames.capacity() * size_of::<Frame<M>>() + self.frames.len() * M::elsewhere(slots);
        self.seen.bytes(slots) + self.used.bytes() + (listed + frames) as u64
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
            let layout = self.walk.window.layout;
            if self.enter(table, M::empty(layout.slot_count), 0, 0) {
                return Ok(Progress::Done(self.order(table, 0)));
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
            self.walk.window.back_to(frame.event as usize);
            if self.walk.lists.is_empty() {
                self.walk.list(table, &self.used, frame);
            }
            let Some((candidate, state)) = self.walk.step(table, meter, frame.state)? else {
                self.walk.unlist();
                if let Some(dead) = self.frames.pop() {
                    self.seen.insert(&self.used, dead.event, &dead.mask, dead.state, dead.used);
                }
                continue;
            };
            frame.chosen = candidate.pack();
            meter.step(1 + self.walk.window.width() as u64 / 4)?;
            let (mut mask, mut used) = (frame.mask.clone(), frame.used);
            self.walk.take(&mut self.used, candidate, (&mut mask, &mut used), |_| {});
            if self.enter(table, mask, state, used) {
                return Ok(Progress::Done(self.order(table, state)));
            }
        }
        Ok(Progress::Paused)
    }

    /// Goes on from a configuration past all returns that ask for nothing; whether that was all.
    fn enter(&mut self, table: &mut Table<'_>, mut mask: M, state: u32, used: u32) -> bool {
        if self.walk.advance(table, &mut mask, state, |_| {}) {
            return true;
        }
        let window = &self.walk.window;
        let (event, returning) = (window.event as u32, window.returning());
        let mut around = self.frames.iter().rev().take_while(|frame| frame.event == event && frame.mask == mask);
        if around.any(|frame| frame.state == state) || self.seen.has(&self.used, event, &mask, state, used) {
            return false;
        }
        self.failure.meet(window.layout.problem, returning, state);
        if self.frames.len() == self.frames.capacity() {
            // The way may be the largest thing held: no doubling.
            self.frames.reserve_exact(self.frames.len() / 2 + 64);
        }
        let frame = Frame { event, state, used, chosen: NEVER, mask };
        self.walk.list(table, &self.used, &frame);
        self.frames.push(frame);
        false
    }

    /// The order of operations that the way here, which ends in state `last`, stands for.
    fn order(&mut self, table: &mut Table<'_>, last: u32) -> Answer {
        let layout = self.walk.window.layout;
        self.walk = Walk::new(layout, 0);
        let mut order = Vec::with_capacity(layout.problem.items.len());
        let mut taken = |item: u32| order.push(layout.item(item).index);
        self.walk.advance(table, &mut M::empty(layout.slot_count), 0, &mut taken);
        let states = self.frames.iter().skip(1).map(|frame| frame.state).chain([last]);
        for (frame, state) in self.frames.iter().zip(states) {
            let (mut mask, mut used) = (frame.mask.clone(), frame.used);
            let step = Candidate::unpack(frame.chosen);
            self.walk.take(&mut self.used, step, (&mut mask, &mut used), &mut taken);
            self.walk.advance(table, &mut mask, state, &mut taken);
        }
        Answer::Holds(order)
    }
}
