//! Which events each event names as what it came from: rows of different lengths, in one list.

use std::ops::Range;

/// No event.
pub(super) const NONE: u32 = u32::MAX;

/// An event that another one came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// Which; [`NONE`] once the edge is cut.
    pub(super) from: u32,
    /// Whether it is what an incarnation started from, and not a peer.
    pub(super) recovery: bool,
}

/// By event: what it came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    ends: Vec<u32>,
    all: Vec<Source>,
}

impl Sources {
    /// One more of the event that [`Sources::end`] ends next.
    pub(super) fn push(&mut self, from: u32, recovery: bool) {
        self.all.push(Source { from, recovery });
    }

    /// Goes on to the next event.
    pub(super) fn end(&mut self) {
        self.ends.push(u32::try_from(self.all.len()).expect("fewer than 2^32 edges"));
    }

    /// How many places for sources there are, over all events.
    pub(super) fn places(&self) -> usize {
        self.all.len()
    }

    /// The places of an event's sources.
    pub(super) fn places_of(&self, event: u32) -> Range<usize> {
        let start = event.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        start as usize..self.ends[event as usize] as usize
    }

    /// The source at a place, if it was not cut.
    pub(super) fn at(&self, place: usize) -> Option<u32> {
        Some(self.all[place].from).filter(|from| *from != NONE)
    }

    /// Takes the source at a place away.
    pub(super) fn cut(&mut self, place: usize) {
        self.all[place].from = NONE;
    }

    /// What an event came from.
    pub(super) fn of(&self, event: u32) -> impl Iterator<Item = Source> + '_ {
        self.all[self.places_of(event)].iter().copied().filter(|source| source.from != NONE)
    }
}
