//! Breadth-first search, one return after the other.
//!
//! Holds all configurations that are possible just before a return, and takes each of them past it
//! in every way. Only one such layer is held, and a history that is violated ends the search at the
//! operation that nobody can explain, however much follows. The cost is about k·2^k per return for k
//! open operations, less what the reductions of [`super::window`] save.
//!
//! Within a layer, configurations go in order of how many crashed operations they used, cheapest
//! first, so that dearer ones with nothing to show for it are recognised at once.
//!
//! The orders themselves are kept as a tree of steps that shares prefixes; branches that died are
//! cleared away when the tree has doubled.

use super::crashed::{Seen, UsedSets};
use super::space::Table;
use super::window::{Candidate, Layout, Mask, Window};
use super::{Answer, Failure, Progress};
use crate::budget::Meter;
use crate::verdict::CauseKind;

#[derive(Clone)]
struct Node<M> {
    state: u32,
    used: u32,
    /// The last step of its order, in `Trail`.
    trail: u32,
    /// Whether it took no step since the last return.
    fresh: bool,
    mask: M,
}

pub(crate) struct Frontier<'l, 'p, M> {
    window: Window<'l, 'p>,
    /// Configurations still to take past the next return, by number of crashed operations used.
    todo: Vec<Vec<Node<M>>>,
    /// The first level of `todo` that may have some.
    level: usize,
    here: Seen<M>,
    /// Configurations past the next return.
    done: Vec<Node<M>>,
    there: Seen<M>,
    used: UsedSets,
    trail: Trail,
    failure: Failure,
    candidates: Vec<Candidate>,
}

impl<'l, 'p, M: Mask> Frontier<'l, 'p, M> {
    pub(crate) fn new(layout: &'l Layout<'p>) -> Self {
        let mask = M::empty(layout.slot_count);
        let start = |&state: &u32| Node { state, used: 0, trail: Trail::ROOT, fresh: true, mask: mask.clone() };
        let starts = layout.problem.starts.iter().rev().map(start).collect();
        Self {
            window: Window::new(layout),
            todo: vec![starts],
            level: 0,
            here: Seen::new(),
            done: Vec::new(),
            there: Seen::new(),
            used: UsedSets::new(),
            trail: Trail::default(),
            failure: Failure::default(),
            candidates: Vec::new(),
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        let nodes: usize = self.todo.iter().map(Vec::capacity).sum::<usize>() + self.done.capacity();
        let slots = self.window.layout.slot_count;
        let masks = (self.todo.iter().map(Vec::len).sum::<usize>() + self.done.len()) * M::elsewhere(slots);
        self.here.bytes(slots)
            + self.there.bytes(slots)
            + self.used.bytes()
            + (nodes * size_of::<Node<M>>() + masks + self.trail.steps.capacity() * 8) as u64
    }

    /// Which return is next.
    pub(crate) fn event(&self) -> usize {
        self.window.event
    }

    /// Searches for about `fuel` steps.
    ///
    /// # Errors
    /// The limit that was reached.
    pub(crate) fn run(
        &mut self,
        table: &mut Table<'_>,
        meter: &mut Meter<'_>,
        fuel: u64,
    ) -> Result<Progress, CauseKind> {
        let (until, mark) = (meter.steps() + fuel, table.bytes());
        while meter.steps() < until && !table.has_grown(mark) {
            if self.window.is_done() {
                let best = self.todo.iter().flatten().next().expect("an order is left");
                let items = &self.window.layout.problem.items;
                let order = self.trail.order(best.trail).into_iter().map(|item| items[item as usize].index).collect();
                return Ok(Progress::Done(Answer::Holds(order)));
            }
            match self.todo.get_mut(self.level) {
                Some(level) => match level.pop() {
                    Some(node) => self.visit(table, meter, node)?,
                    None => self.level += 1,
                },
                None if self.done.is_empty() => {
                    return Ok(Progress::Done(Answer::Violated(std::mem::take(&mut self.failure))));
                }
                None => self.advance(),
            }
        }
        Ok(Progress::Paused)
    }

    /// Takes one configuration a step further.
    fn visit(&mut self, table: &mut Table<'_>, meter: &mut Meter<'_>, mut node: Node<M>) -> Result<(), CauseKind> {
        let layout = self.window.layout;
        meter.step(1 + self.window.width() as u64 / 4)?;
        let (trail, head) = (&mut self.trail, &mut node.trail);
        let only_passed = node.fresh && self.window.event > 0;
        let taken = |item| *head = trail.push(*head, item);
        self.window.settle(table, &mut node.mask, node.state, only_passed, taken);
        let event = self.window.event as u32;
        let slot = layout.slot(self.window.returning());
        if node.mask.has(slot) {
            self.pass(node, slot);
            return Ok(());
        }
        // Leaving out the operation that returns now could have come before a step taken since the last return.
        let fresh = node.fresh && self.window.may_pass();
        if !self.here.insert(&self.used, 2 * event + u32::from(fresh), &node.mask, node.state, node.used) {
            return Ok(());
        }
        self.failure.meet(layout.problem, self.window.returning(), node.state);
        if fresh {
            self.pass(node.clone(), slot);
        }
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        let sets = &self.used;
        self.window.candidates(table, &node.mask, |place| sets.count(node.used, place), &mut candidates);
        for &candidate in &candidates {
            self.apply(table, meter, &node, candidate)?;
        }
        self.candidates = candidates;
        Ok(())
    }

    fn apply(
        &mut self,
        table: &mut Table<'_>,
        meter: &mut Meter<'_>,
        node: &Node<M>,
        candidate: Candidate,
    ) -> Result<(), CauseKind> {
        let layout = self.window.layout;
        let (item, used, class) = match candidate {
            Candidate::Open(item) => (item, node.used, layout.item(item).class),
            Candidate::Crashed(place) => {
                let (class, items) = &layout.crashed[place as usize];
                let item = items[self.used.count(node.used, place) as usize];
                (item, self.used.add(node.used, place), *class)
            }
        };
        let next = table.next(node.state, class);
        let mut choice = 0;
        while let Some(state) = table.nth(next, choice) {
            choice += 1;
            meter.step(1)?;
            let mut mask = node.mask.clone();
            if let Candidate::Open(item) = candidate {
                mask.set(layout.slot(item));
            }
            let trail = self.trail.push(node.trail, item);
            self.push(Node { state, used, trail, fresh: false, mask });
        }
        Ok(())
    }

    fn push(&mut self, node: Node<M>) {
        let level = self.used.total(node.used);
        if level >= self.todo.len() {
            self.todo.resize_with(level + 1, Vec::new);
        }
        debug_assert!(level >= self.level);
        self.todo[level].push(node);
    }

    /// A configuration is past the return.
    fn pass(&mut self, mut node: Node<M>, slot: u32) {
        node.mask.clear(slot);
        node.fresh = true;
        let event = self.window.event as u32 + 1;
        if self.there.insert(&self.used, event, &node.mask, node.state, node.used) {
            self.done.push(node);
        }
    }

    /// All configurations are past the return: on to the next.
    fn advance(&mut self) {
        self.window.forward();
        self.here.clear();
        self.there.clear();
        self.todo.clear();
        self.level = 0;
        let mut done = std::mem::take(&mut self.done);
        self.trail.clear_away(&mut done);
        // Levels are popped from the end: the first found, tried first.
        for node in done.drain(..).rev() {
            self.push(node);
        }
        self.done = done;
    }
}

/// Orders that share prefixes: each step knows the one before it.
#[derive(Default)]
struct Trail {
    steps: Vec<(u32, u32)>,
    /// How many were alive after the last clearing.
    alive: usize,
}

impl Trail {
    const ROOT: u32 = u32::MAX;

    fn push(&mut self, before: u32, item: u32) -> u32 {
        self.steps.push((before, item));
        (self.steps.len() - 1) as u32
    }

    fn order(&self, mut last: u32) -> Vec<u32> {
        let mut order = Vec::new();
        while last != Self::ROOT {
            let (before, item) = self.steps[last as usize];
            order.push(item);
            last = before;
        }
        order.reverse();
        order
    }

    /// Drops the steps that no node stands on, once they may be as many as the others.
    fn clear_away<M>(&mut self, nodes: &mut [Node<M>]) {
        if self.steps.len() < 2 * self.alive + (1 << 14) {
            return;
        }
        let mut new = vec![Self::ROOT; self.steps.len()];
        for node in nodes.iter() {
            let mut at = node.trail;
            while at != Self::ROOT && new[at as usize] == Self::ROOT {
                new[at as usize] = 0;
                at = self.steps[at as usize].0;
            }
        }
        let mut kept = 0;
        for old in 0..self.steps.len() {
            if new[old] != Self::ROOT {
                let (before, item) = self.steps[old];
                let before = if before == Self::ROOT { before } else { new[before as usize] };
                self.steps[kept] = (before, item);
                new[old] = kept as u32;
                kept += 1;
            }
        }
        self.steps.truncate(kept);
        self.alive = kept;
        for node in nodes {
            node.trail = if node.trail == Self::ROOT { Self::ROOT } else { new[node.trail as usize] };
        }
    }
}
