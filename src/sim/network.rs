//! The network: when a message arrives, how often, or never.

use super::conditions::{Conditions, Link};
use super::schedule::WindowId;
use super::{MILLISECOND, SECOND};
use crate::node::{NodeId, Random};

/// One way takes between these, when all is well.
const FASTEST: u64 = 3 * MILLISECOND / 10;
const SLOWEST: u64 = MILLISECOND;
/// A message that is overtaken is late by up to this, …
const OVERTAKEN: u64 = 20 * MILLISECOND;
/// … and one in so many of them by up to that: it meets a world that has moved on.
const STRAGGLERS: u64 = 10;
const STRAGGLES: u64 = SECOND / 2;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives(u64),
    /// It waits on a clogged link.
    Waits,
    Lost,
}

/// The paths between nodes. Each keeps the order of its messages unless a fault says otherwise.
#[derive(Debug)]
pub struct Network {
    random: Random,
    nodes: usize,
    /// By path: when the last message on it arrives.
    last: Vec<u64>,
}

impl Network {
    /// Paths between so many nodes.
    pub fn new(nodes: usize, random: Random) -> Self {
        Self { random, nodes, last: vec![0; nodes * nodes] }
    }

    /// Decides on a message sent now; and on its double, if there is one. `acted` is told of each fault
    /// that did something.
    pub fn send(
        &mut self,
        now: u64,
        (from, to): (NodeId, NodeId),
        conditions: &Conditions,
        mut acted: impl FnMut(WindowId),
    ) -> (Fate, Option<u64>) {
        // Always the same number of draws, so that a fault that is taken away shifts nothing.
        let (delay, lost, doubled, late) =
            (self.random.between(FASTEST, SLOWEST), self.random.unit(), self.random.unit(), self.random.next());
        let link = *conditions.link(from, to);
        if link == Link::default() {
            return (Fate::Arrives(self.in_order(now + delay, from, to)), None);
        }
        if let Some(window) = link.cut {
            acted(window);
            return (Fate::Lost, None);
        }
        if let Some((window, probability)) = link.drop
            && lost < probability
        {
            acted(window);
            return (Fate::Lost, None);
        }
        if let Some(window) = link.clogged {
            acted(window);
            return (Fate::Waits, None);
        }
        let mut time = now + delay;
        if let Some((window, more)) = link.delay {
            acted(window);
            time += more + late % (more / 4 + 1);
        }
        let mut draws = Random::new(late);
        let arrives = match link.reorder {
            Some((window, probability)) if draws.chance(probability) => {
                acted(window);
                let late = if draws.below(STRAGGLERS) == 0 { STRAGGLES } else { OVERTAKEN };
                time + draws.below(late)
            }
            _ => self.in_order(time, from, to),
        };
        let double = link.duplicate.filter(|(_, probability)| doubled < *probability).map(|(window, _)| {
            acted(window);
            arrives + draws.below(SECOND / 20)
        });
        (Fate::Arrives(arrives), double)
    }

    /// A message that waited goes on its way.
    pub fn release(&mut self, now: u64, from: NodeId, to: NodeId) -> u64 {
        let delay = self.random.between(FASTEST, SLOWEST);
        self.in_order(now + delay, from, to)
    }

    fn in_order(&mut self, time: u64, from: NodeId, to: NodeId) -> u64 {
        let last = &mut self.last[from.index() * self.nodes + to.index()];
        *last = time.max(*last + 1);
        *last
    }
}
