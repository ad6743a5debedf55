//! The order that a trace states itself: exact causal events, as the simulator and careful instrumentation record
//! them.
//!
//! These span events alone are the order. A *lane* is an incarnation of a process; the edges are program order in a
//! lane (by `causet.seq`), `causet.peer` (send → receive, timer-set → timer-fire, persist → durable) and
//! `causet.recovered` (the persist whose data an incarnation started from). Nothing else orders: no span, no
//! timestamp, and no incarnation after another one unless it recovered something.
//!
//! **What is unknown.** Let events be missing: not exported, sampled away, unreadable. What is left still proves
//! "before" (a path is a path, and program order holds across a gap). But a pair without a path may have had one
//! through missing events. Follow such a path from `a` to `b` backwards: the last event before it runs in known
//! edges alone is missing, and what comes after it says so: a hole in `b`'s known past, which is a gap in `seq`, or
//! a peer or a recovered persist that is not there. Follow it forwards: it leaves `a`'s lane at or after `a`'s
//! *outlet*, the first event from `a` on that can leave it (a send, a persist, anything before a gap, or the last
//! one seen, for the lane's tail may be lost). So `a` can be before `b` only if `b` knows of a hole that `a`'s
//! outlet does not know of: a hole that the outlet knows is before the outlet, and so not after it. The order
//! is unknown exactly where this can't be excluded, in either direction. Complete data has no holes, and
//! data whose only loss is the tail of a lane that nobody refers to has none that matter.

mod order;
mod path;
mod read;
mod recorded;
mod sources;
mod tree;

#[cfg(test)]
mod tests;

pub use path::ExactEdge;
pub use read::Id;
pub use recorded::{Disagreement, disagreements};
pub(super) use tree::Tree;

use super::diagnose::Diagnosis;
use super::relation::Relation;
use crate::store::{EventName, OrderedEvent, SpanStore};
use order::Hole;

/// Names an event of an [`ExactOrder`]. Events of a lane are consecutive, in program order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExactEvent(u32);

impl ExactEvent {
    /// The event with this number.
    pub(super) fn numbered(number: u32) -> Self {
        Self(number)
    }

    /// Its number: dense from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What happened at an exact event, as `causet.event.kind` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExactKind {
    Start,
    Send,
    Receive,
    TimerSet,
    TimerFire,
    Persist,
    Durable,
    Invoke,
    Complete,
    Local,
    /// None of these, or nothing said.
    Other,
}

impl ExactKind {
    /// Every kind that has a name.
    pub const NAMED: [Self; 10] = [
        Self::Start,
        Self::Send,
        Self::Receive,
        Self::TimerSet,
        Self::TimerFire,
        Self::Persist,
        Self::Durable,
        Self::Invoke,
        Self::Complete,
        Self::Local,
    ];

    /// The word in traces.
    pub fn id(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::TimerSet => "timer-set",
            Self::TimerFire => "timer-fire",
            Self::Persist => "persist",
            Self::Durable => "durable",
            Self::Invoke => "invoke",
            Self::Complete => "complete",
            Self::Local => "local",
            Self::Other => "other",
        }
    }

    /// Whether its peer is in its own lane, so that program order implies the edge.
    fn peer_is_local(self) -> bool {
        matches!(self, Self::TimerFire | Self::Durable)
    }

    /// Whether an event of another lane may name it as what it came from.
    fn leaves_lane(self) -> bool {
        matches!(self, Self::Send | Self::Persist | Self::Other)
    }
}

/// An incarnation of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// `service.instance.id`, else `service.name`.
    pub process: String,
    /// 0, then 1 after the first restart …
    pub incarnation: u64,
    /// `process.incarnation`, the key in vector clocks.
    pub name: String,
}

/// Edges by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExactEdges {
    /// Neighbours in a lane.
    pub program: u64,
    /// Send → receive.
    pub message: u64,
    /// Timer-set → timer-fire and persist → durable, which program order implies.
    pub local: u64,
    /// Persist → first event of the incarnation that started from it.
    pub recovery: u64,
}

/// How many pairs of events have an unknown order, out of how many that were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnknownPairs {
    pub unknown: u64,
    /// All pairs of different events, or as many as are looked at where there are more.
    pub of: u64,
}

/// So many pairs are looked at, if there are more.
const PAIRS: u64 = 500_000;

/// The order of all exact events of some traces.
#[derive(Clone, Debug)]
pub struct ExactOrder {
    lanes: Vec<Lane>,
    events: Vec<read::Event>,
    /// By lane: its first event. One more at the end.
    first: Vec<u32>,
    /// By event: its peers, and the persist that its incarnation recovered.
    sources: sources::Sources,
    /// By event: the row of what it knows of other lanes.
    row: Vec<u32>,
    rows: Tree,
    lamport: Vec<u64>,
    /// By event: the first event of its lane, from itself on, from which a path can leave the lane.
    outlet: Vec<u32>,
    /// Places where something is missing, ascending by the event that says so.
    holes: Vec<Hole>,
    /// By lane: its first hole. One more at the end.
    first_hole: Vec<u32>,
    /// Lanes that have holes.
    torn: Vec<u32>,
    /// By missing event that was referred to: who refers to it.
    referrers: Vec<Vec<u32>>,
    edges: ExactEdges,
    problems: Vec<Diagnosis>,
}

impl ExactOrder {
    /// The order; `None` when no span event carries `causet.event.id`. O(events × log events), and O(lanes) for an
    /// event into which news flows from another lane, in the worst case.
    pub fn new(store: &SpanStore) -> Option<Self> {
        read::read(store).map(Self::build)
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none of the events that carry an id could be read.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// All events: lane by lane, each in program order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = ExactEvent> + use<> {
        (0..self.events.len() as u32).map(ExactEvent)
    }

    /// All lanes, by process and incarnation.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// `causet.event.id`.
    pub fn id(&self, event: ExactEvent) -> &Id {
        &self.events[event.index()].id
    }

    /// Its lane, as an index into [`lanes`](Self::lanes).
    pub fn lane(&self, event: ExactEvent) -> usize {
        self.events[event.index()].lane as usize
    }

    /// `causet.seq`: its position in its lane, from 1.
    pub fn seq(&self, event: ExactEvent) -> u64 {
        self.events[event.index()].seq
    }

    /// `causet.event.kind`.
    pub fn kind(&self, event: ExactEvent) -> ExactKind {
        self.events[event.index()].kind
    }

    /// The position in the store of the span that it is recorded in.
    pub fn span(&self, event: ExactEvent) -> usize {
        self.events[event.index()].span as usize
    }

    /// The recorded time of an event, in nanoseconds since the Unix epoch.
    pub fn time(&self, store: &SpanStore, event: ExactEvent) -> u64 {
        let attributes = self.events[event.index()].attributes;
        let recorded = store.span(self.span(event)).events().find(|recorded| recorded.attributes == attributes);
        recorded.map_or(0, |recorded| recorded.time)
    }

    /// The Lamport clock: one more than the greatest of its predecessors. Where events are missing, a lower bound.
    pub fn lamport(&self, event: ExactEvent) -> u64 {
        self.lamport[event.index()]
    }

    /// The vector clock, by lane, ascending: `seq` of the last event of the lane that is before the event, or is
    /// it. Lanes of which it knows nothing are left out. Where events are missing, a lower bound. O(entries).
    pub fn vector(&self, event: ExactEvent) -> Vec<(usize, u64)> {
        let mut known = Vec::new();
        self.rows.entries(self.row[event.index()], &mut known);
        let own = self.events[event.index()].lane;
        if let Err(at) = known.binary_search_by_key(&own, |(lane, _)| *lane) {
            known.insert(at, (own, 0));
        }
        let seq = |lane: u32, count: u32| self.events[(self.first[lane as usize] + count - 1) as usize].seq;
        let last = |lane, count| if lane == own { self.seq(event) } else { seq(lane, count) };
        known.into_iter().map(|(lane, count)| (lane as usize, last(lane, count))).collect()
    }

    /// How `a` stands to `b`. O(log lanes), and more only where events are missing.
    pub fn relation(&self, a: ExactEvent, b: ExactEvent) -> Relation {
        if a == b {
            Relation::Equal
        } else if self.reaches(a, b) {
            Relation::Before
        } else if self.reaches(b, a) {
            Relation::After
        } else if self.may_reach(a, b) || self.may_reach(b, a) {
            Relation::Unknown
        } else {
            Relation::Concurrent
        }
    }

    /// Whether `a` is before `b`; nothing if missing events could make it so. Costs as much as a relation.
    pub fn precedes(&self, a: ExactEvent, b: ExactEvent) -> Option<bool> {
        if a == b || self.reaches(b, a) {
            Some(false)
        } else if self.reaches(a, b) {
            Some(true)
        } else {
            (!self.may_reach(a, b)).then_some(false)
        }
    }

    /// Whether nothing is known to be missing: no relation is [`Relation::Unknown`].
    pub fn is_complete(&self) -> bool {
        self.holes.is_empty()
    }

    /// Whether all that is before an event is there: its clocks are exact, not lower bounds.
    pub fn knows_its_past(&self, event: ExactEvent) -> bool {
        self.torn.iter().all(|&lane| {
            let hole = self.holes[self.first_hole[lane as usize] as usize].event;
            self.first[lane as usize] + self.component(event, lane) <= hole
        })
    }

    /// How many pairs are unknown. Of more than a thousand events, pairs spread over all of them are looked at, the
    /// same ones each time.
    pub fn unknown_pairs(&self) -> UnknownPairs {
        let events = self.len() as u64;
        let all = events * events.saturating_sub(1) / 2;
        if self.is_complete() {
            return UnknownPairs { unknown: 0, of: all };
        }
        let is_unknown =
            |a: u64, b: u64| u64::from(self.relation(ExactEvent(a as u32), ExactEvent(b as u32)) == Relation::Unknown);
        if all <= PAIRS {
            let pairs = (0..events).flat_map(|a| (0..a).map(move |b| (a, b)));
            let unknown = pairs.map(|(a, b)| is_unknown(a, b)).sum();
            return UnknownPairs { unknown, of: all };
        }
        // A generator with a full period is random enough to spread pairs.
        let mut state = 1u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((u128::from(state) * u128::from(bound)) >> 64) as u64
        };
        let mut pair = || {
            let (a, b) = (next(events), next(events - 1));
            (a, b + u64::from(b >= a))
        };
        let unknown = (0..PAIRS).map(|_| pair()).map(|(a, b)| is_unknown(a, b)).sum();
        UnknownPairs { unknown, of: PAIRS }
    }

    /// All events with their clocks, each after everything that is before it.
    pub fn rows<'a>(&'a self, store: &'a SpanStore) -> impl Iterator<Item = OrderedEvent<'a>> {
        let mut order: Vec<ExactEvent> = self.events().collect();
        order.sort_by_key(|event| (self.lamport(*event), *event));
        order.into_iter().map(|event| {
            let lane = &self.lanes[self.lane(event)];
            OrderedEvent {
                name: match self.id(event) {
                    Id::Number(number) => EventName::Number(*number),
                    Id::Text(text) => EventName::Text(text),
                },
                text: match store.text(self.events[event.index()].name) {
                    "" => self.label(event),
                    name => name.to_owned(),
                },
                node: &lane.process,
                incarnation: lane.incarnation,
                seq: self.seq(event),
                vector: self.vector(event).into_iter().map(|(lane, seq)| (&*self.lanes[lane].name, seq)).collect(),
                lamport: self.lamport(event),
                complete: self.knows_its_past(event),
            }
        })
    }

    /// A shortest causal path from one event to another, both included; nothing if there is none. O(events).
    pub fn path(&self, from: ExactEvent, to: ExactEvent) -> Option<Vec<ExactEvent>> {
        let mut next = vec![None; self.events.len()];
        let mut queue = std::collections::VecDeque::from([to]);
        while let Some(event) = queue.pop_front().filter(|event| *event != from) {
            for before in self.sources(event).chain(self.previous(event)) {
                if before != to && next[before.index()].is_none() {
                    next[before.index()] = Some(event);
                    queue.push_back(before);
                }
            }
        }
        let mut path = vec![from];
        while let Some(event) = path.last().filter(|event| **event != to) {
            path.push(next[event.index()]?);
        }
        Some(path)
    }

    /// Edges by kind.
    pub fn edges(&self) -> ExactEdges {
        self.edges
    }

    /// What is wrong with the data.
    pub fn problems(&self) -> &[Diagnosis] {
        &self.problems
    }

    /// The events with an edge to this one that is not program order: the send of a receive, say.
    pub fn sources(&self, event: ExactEvent) -> impl Iterator<Item = ExactEvent> + '_ {
        self.sources.of(event.0).map(|source| ExactEvent(source.from))
    }

    /// The event before it in its lane, as far as is known.
    fn previous(&self, event: ExactEvent) -> Option<ExactEvent> {
        let first = self.first[self.lane(event)];
        (event.0 > first).then(|| ExactEvent(event.0 - 1))
    }

    /// How many events of a lane are known to be before an event, or to be it.
    fn component(&self, event: ExactEvent, lane: u32) -> u32 {
        let own = self.events[event.index()].lane;
        if own == lane {
            return event.0 - self.first[own as usize] + 1;
        }
        self.rows.get(self.row[event.index()], lane)
    }

    /// Whether `a` is `b`, or a path leads from `a` to `b`.
    fn reaches(&self, a: ExactEvent, b: ExactEvent) -> bool {
        let lane = self.events[a.index()].lane;
        self.component(b, lane) > a.0 - self.first[lane as usize]
    }

    /// Whether missing events could make a path from `a` to `b`; see the head of this file.
    fn may_reach(&self, a: ExactEvent, b: ExactEvent) -> bool {
        let outlet = ExactEvent(self.outlet[a.index()]);
        let told = |&from: &u32| self.reaches(ExactEvent(from), outlet);
        self.torn.iter().any(|&lane| {
            let [low, high] = [outlet, b].map(|event| self.first[lane as usize] + self.component(event, lane));
            let in_lane =
                &self.holes[self.first_hole[lane as usize] as usize..self.first_hole[lane as usize + 1] as usize];
            // Holes of which `b` knows and the outlet does not.
            let from = in_lane.partition_point(|hole| hole.event < low);
            let news = in_lane[from..].iter().take_while(|hole| hole.event < high);
            news.map(|hole| hole.missing).any(|missing| match missing {
                // The same missing send can have reached the outlet by a second receive.
                Some(number) => !self.referrers[number as usize].iter().any(told),
                None => true,
            })
        })
    }
}
