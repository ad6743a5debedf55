//! The operations that are open at a moment: what the general engines see of a history.
//!
//! Both engines walk over the *returns* of a history, in order. An order of operations can be cut at
//! each of them without loss: nothing needs to be linearized before some return asks for it
//! (just-in-time linearization, G. Lowe 2017). A configuration between two returns is
//!
//! - a mask over the operations that are open: which of them took effect already,
//! - a state,
//! - how many of each class of *crashed* operations were used up (see [`super::crashed`]).
//!
//! An open operation has a *slot*, a bit in the mask, from its call to its return. Slots are reused,
//! so that a mask is as wide as the history is concurrent, however long it is.
//!
//! Three reductions keep configurations few. They lose nothing:
//!
//! - A *pure* operation that may happen takes effect at once ([`Window::settle`]): it changes nothing,
//!   and what it asked for is done.
//! - Of open operations of one class the one with the earliest return goes first: in any order in
//!   which it does not, the two can change places.
//! - A crashed operation waits while an open one of its class is there, for the same reason.
//!
//! The second and third are off when some operations are ordered beyond their ranks
//! ([`Problem::before`]), because then operations of one class can't always change places.

use super::problem::{Item, NEVER, Problem};
use super::space::Table;
use std::hash::Hash;

/// A set of slots.
pub(crate) trait Mask: Clone + Eq + Hash {
    fn empty(slots: usize) -> Self;
    fn has(&self, slot: u32) -> bool;
    fn set(&mut self, slot: u32);
    fn clear(&mut self, slot: u32);
    /// Bytes that one for so many slots holds elsewhere.
    fn elsewhere(_slots: usize) -> usize {
        0
    }
}

impl<const WORDS: usize> Mask for [u64; WORDS] {
    fn empty(slots: usize) -> Self {
        assert!(slots <= 64 * WORDS, "the mask is wide enough");
        [0; WORDS]
    }
    fn has(&self, slot: u32) -> bool {
        self[slot as usize / 64] >> (slot % 64) & 1 == 1
    }
    fn set(&mut self, slot: u32) {
        self[slot as usize / 64] |= 1 << (slot % 64);
    }
    fn clear(&mut self, slot: u32) {
        self[slot as usize / 64] &= !(1 << (slot % 64));
    }
}

impl Mask for Box<[u64]> {
    fn elsewhere(slots: usize) -> usize {
        // The allocator's own 16 included.
        8 * slots.div_ceil(64) + 16
    }
    fn empty(slots: usize) -> Self {
        vec![0; slots.div_ceil(64)].into()
    }
    fn has(&self, slot: u32) -> bool {
        self[slot as usize / 64] >> (slot % 64) & 1 == 1
    }
    fn set(&mut self, slot: u32) {
        self[slot as usize / 64] |= 1 << (slot % 64);
    }
    fn clear(&mut self, slot: u32) {
        self[slot as usize / 64] &= !(1 << (slot % 64));
    }
}

/// A step that a configuration may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// An open operation takes effect.
    Open(u32),
    /// A crashed operation of this class (an index into [`Layout::crashed`]) takes effect.
    Crashed(u32),
}

/// What crashed has no slot; its class is in the lower bits.
const CRASHED: u32 = 1 << 31;

impl Candidate {
    /// In four bytes.
    pub(crate) fn pack(self) -> u32 {
        match self {
            Self::Open(item) => item,
            Self::Crashed(place) => CRASHED | place,
        }
    }

    pub(crate) fn unpack(packed: u32) -> Self {
        match packed {
            open if open & CRASHED == 0 => Self::Open(open),
            crashed => Self::Crashed(crashed & !CRASHED),
        }
    }
}

/// A problem with its slots and classes of crashed operations.
pub(crate) struct Layout<'p> {
    pub(crate) problem: &'p Problem,
    /// For each item its slot, or `CRASHED` and its place in `crashed`.
    slots: Vec<u32>,
    pub(crate) slot_count: usize,
    /// The classes of crashed operations, and the items of each in order of their calls.
    pub(crate) crashed: Vec<(u32, Vec<u32>)>,
    /// For each class its place in `crashed`, if any.
    place_of: Vec<u32>,
    classes: usize,
}

impl<'p> Layout<'p> {
    pub(crate) fn new(problem: &'p Problem) -> Self {
        let count = problem.items.len();
        let classes = problem.items.iter().map(|item| item.class as usize + 1).max().unwrap_or(0);
        let mut layout = Self {
            problem,
            slots: vec![CRASHED; count],
            slot_count: 0,
            crashed: Vec::new(),
            place_of: Vec::new(),
            classes,
        };
        let mut returns = problem.returns.iter().copied().peekable();
        let mut free: Vec<u32> = Vec::new();
        for (i, item) in problem.items.iter().enumerate() {
            while let Some(gone) = returns.next_if(|&gone| problem.items[gone as usize].ret < item.call) {
                free.push(layout.slots[gone as usize]);
            }
            if item.ret == NEVER && problem.before(i as u32).is_empty() {
                layout.add_crashed(i as u32, item);
                continue;
            }
            layout.slots[i] = free.pop().unwrap_or_else(|| {
                layout.slot_count += 1;
                layout.slot_count as u32 - 1
            });
        }
        layout
    }

    fn add_crashed(&mut self, i: u32, item: &Item) {
        debug_assert!(!item.must, "what must happen has a return");
        if self.place_of.is_empty() {
            self.place_of = vec![NEVER; self.classes];
        }
        let place = &mut self.place_of[item.class as usize];
        if *place == NEVER {
            *place = self.crashed.len() as u32;
            self.crashed.push((item.class, Vec::new()));
        }
        self.crashed[*place as usize].1.push(i);
        self.slots[i as usize] = CRASHED | *place;
    }

    pub(crate) fn slot(&self, item: u32) -> u32 {
        self.slots[item as usize]
    }

    /// The place in `crashed` of an item that crashed.
    fn crashed_place(&self, item: usize) -> Option<usize> {
        let slot = self.slots[item];
        (slot & CRASHED != 0).then_some((slot & !CRASHED) as usize)
    }

    pub(crate) fn item(&self, item: u32) -> &'p Item {
        &self.problem.items[item as usize]
    }
}

/// The open operations just before one return.
pub(crate) struct Window<'l, 'p> {
    pub(crate) layout: &'l Layout<'p>,
    /// Which return comes next, as an index into [`Problem::returns`].
    pub(crate) event: usize,
    /// Open items that have slots, the one that returns first last.
    open: Vec<u32>,
    /// The first item that is not called yet, and the first that was not before the last return passed.
    uncalled: usize,
    newest: usize,
    /// How many crashed operations of each class were called.
    pub(crate) called: Vec<u32>,
    /// For each class and kind, when it was last seen as a candidate.
    seen: Vec<u32>,
    now: u32,
}

impl<'l, 'p> Window<'l, 'p> {
    pub(crate) fn new(layout: &'l Layout<'p>) -> Self {
        let called = vec![0; layout.crashed.len()];
        let mut window = Self {
            layout,
            event: 0,
            open: Vec::new(),
            uncalled: 0,
            newest: 0,
            called,
            seen: vec![0; 2 * layout.classes],
            now: 0,
        };
        window.call();
        window
    }

    /// Whether every return is past.
    pub(crate) fn is_done(&self) -> bool {
        self.event == self.layout.problem.returns.len()
    }

    /// The item that returns next.
    pub(crate) fn returning(&self) -> u32 {
        self.layout.problem.returns[self.event]
    }

    /// How many operations with slots are open.
    pub(crate) fn width(&self) -> usize {
        self.open.len()
    }

    fn rank(&self) -> u32 {
        let returns = &self.layout.problem.returns;
        returns.get(self.event).map_or(NEVER, |&item| self.layout.item(item).ret)
    }

    fn call(&mut self) {
        let rank = self.rank();
        self.newest = self.uncalled;
        while let Some(item) = self.layout.problem.items.get(self.uncalled)
            && item.call < rank
        {
            let i = self.uncalled as u32;
            if let Some(place) = self.layout.crashed_place(self.uncalled) {
                self.called[place] += 1;
            } else {
                let at = self.open.partition_point(|&other| self.layout.item(other).ret > item.ret);
                self.open.insert(at, i);
            }
            self.uncalled += 1;
        }
    }

    /// Past the next return.
    pub(crate) fn forward(&mut self) {
        let gone = self.open.pop();
        debug_assert_eq!(gone, Some(self.returning()));
        self.event += 1;
        self.call();
    }

    /// Back to an earlier return.
    pub(crate) fn back_to(&mut self, event: usize) {
        while self.event > event {
            self.event -= 1;
            let rank = self.rank();
            while let Some(i) = self.uncalled.checked_sub(1)
                && self.layout.problem.items[i].call > rank
            {
                self.uncalled = i;
                if let Some(place) = self.layout.crashed_place(i) {
                    self.called[place] -= 1;
                } else {
                    let ret = self.layout.problem.items[i].ret;
                    let at = self.open.partition_point(|&other| self.layout.item(other).ret > ret);
                    let at = (at..).find(|&at| self.open[at] == i as u32).expect("was open");
                    self.open.remove(at);
                }
            }
            self.open.push(self.returning());
        }
    }

    /// Whether everything that must precede `item`, beyond what ranks say, took effect.
    fn is_free<M: Mask>(&self, mask: &M, item: u32) -> bool {
        let before = self.layout.problem.before(item);
        before.iter().all(|&(first, _)| self.layout.item(first).ret < self.rank() || mask.has(self.layout.slot(first)))
    }

    /// Lets every pure operation that can happen take effect; `taken` hears of each. In a configuration that
    /// is settled and `only passed` a return since then, the operations called since are all there is to see.
    pub(crate) fn settle<M: Mask>(
        &self,
        table: &mut Table<'_>,
        mask: &mut M,
        state: u32,
        only_passed: bool,
        mut taken: impl FnMut(u32),
    ) {
        let mut happens = |i: u32| {
            let item = self.layout.item(i);
            let can = table.is_pure(item.class)
                && !mask.has(self.layout.slot(i))
                && !table.next(state, item.class).is_none()
                && self.is_free(mask, i);
            if can {
                mask.set(self.layout.slot(i));
                taken(i);
            }
            can
        };
        if self.layout.problem.is_interval_order() {
            match only_passed {
                true => (self.newest as u32..self.uncalled as u32).for_each(|i| _ = happens(i)),
                false => self.open.iter().rev().for_each(|&i| _ = happens(i)),
            }
            return;
        }
        // One may have been waiting for another.
        while self.open.iter().rev().filter(|&&i| happens(i)).count() > 0 {}
    }

    /// Whether the operation that returns next may be left out.
    pub(crate) fn may_pass(&self) -> bool {
        !self.layout.item(self.returning()).must
    }

    /// Appends the steps that may be worth trying from a settled configuration, the most urgent
    /// first. Whether the model allows them is for the caller to see.
    pub(crate) fn candidates<M: Mask>(
        &mut self,
        table: &Table<'_>,
        mask: &M,
        used: impl Fn(u32) -> u32,
        out: &mut Vec<Candidate>,
    ) {
        self.now = self.now.wrapping_add(1);
        if self.now == 0 {
            // Billions of configurations later.
            self.seen.fill(0);
            self.now = 1;
        }
        let swappable = self.layout.problem.is_interval_order();
        for &i in self.open.iter().rev() {
            let item = self.layout.item(i);
            if mask.has(self.layout.slot(i)) || table.is_pure(item.class) {
                continue;
            }
            let seen = &mut self.seen[2 * item.class as usize + usize::from(item.must)];
            if swappable && *seen == self.now {
                continue;
            }
            *seen = self.now;
            if self.is_free(mask, i) {
                out.push(Candidate::Open(i));
            }
        }
        for (place, (class, _)) in self.layout.crashed.iter().enumerate() {
            let open_one = self.seen[2 * *class as usize..][..2].contains(&self.now);
            if !(swappable && open_one) && used(place as u32) < self.called[place] {
                out.push(Candidate::Crashed(place as u32));
            }
        }
    }
}
