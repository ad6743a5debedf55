//! Edges, holes and clocks of exact events.

use super::super::diagnose::{Diagnoses, Problem};
use super::read::{Event, Events, Id, Reference};
use super::sources::{NONE, Sources};
use super::tree::Tree;
use super::{ExactEdges, ExactKind, ExactOrder, Lane};
use foldhash::{HashMap, HashMapExt};

/// A place where something is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    /// What is missing is directly before this event: in its lane, or as what it names.
    pub(super) event: u32,
    /// The missing event, by a number of its own, if the hole is a name.
    pub(super) missing: Option<u32>,
}

/// Where an event with this id is.
enum Place {
    At(u32),
    /// Several events have the id: it names none of them.
    Ambiguous,
}

impl ExactOrder {
    pub(super) fn build(read: Events) -> Self {
        let Events { lanes, events, references, mut problems } = read;
        let events_in = lane_starts(&lanes, &events);
        let mut missing = Missing::default();
        let mut sources = resolve(&events, &events_in, &references, &mut missing, &mut problems);
        let order = linear(&events, &events_in, &mut sources, |at| {
            problems.note(Problem::PeerCycle, events[at as usize].span as usize);
            missing.note(at, None);
        });
        missing.holes.sort_by_key(|hole| hole.event);
        let (row, rows, lamport) = clocks(&events, &events_in, lanes.len(), &sources, &order);
        let outlet = outlets(&events, &events_in, &sources);
        let lane_of_hole = |hole: &Hole| events[hole.event as usize].lane;
        let first_hole: Vec<u32> = (0..=lanes.len() as u32)
            .map(|lane| missing.holes.partition_point(|hole| lane_of_hole(hole) < lane) as u32)
            .collect();
        let torn = (0..lanes.len()).filter(|&lane| first_hole[lane] < first_hole[lane + 1]).map(|lane| lane as u32);
        Self {
            torn: torn.collect(),
            edges: count_edges(&events, &lanes, &sources),
            lanes,
            first: events_in,
            sources,
            row,
            rows,
            lamport,
            outlet,
            holes: missing.holes,
            first_hole,
            referrers: missing.referrers,
            problems: problems.finish(),
            events,
        }
    }
}

/// By event: where its peer and what it recovered are. What is not there goes into `missing`.
fn resolve(
    events: &[Event],
    first: &[u32],
    references: &[Vec<Reference>],
    missing: &mut Missing,
    problems: &mut Diagnoses,
) -> Sources {
    let places = places(events, problems);
    let mut sources = Sources::default();
    let mut torn_lane = NONE;
    for (at, event) in events.iter().enumerate() {
        let starts_lane = first[event.lane as usize] as usize == at;
        let expected = if starts_lane { 1 } else { events[at - 1].seq + 1 };
        if event.seq != expected {
            problems.note(Problem::SeqGap, event.span as usize);
            missing.holes.push(Hole { event: at as u32, missing: None });
            torn_lane = event.lane;
        }
        // A receive has a send, even if it does not say which.
        if event.kind == ExactKind::Receive && references[at].iter().all(|reference| reference.recovery) {
            problems.note(Problem::MissingPeer, event.span as usize);
            missing.note(at as u32, None);
        }
        for Reference { to, recovery } in &references[at] {
            let local = !recovery && event.kind.peer_is_local();
            let Some(&Place::At(from)) = to.as_ref().and_then(|id| places.get(id)) else {
                problems.note(Problem::MissingPeer, event.span as usize);
                // A timer-set that is not there is in a gap that is noted already.
                if !(local && torn_lane == event.lane) {
                    missing.note(at as u32, to.as_ref());
                }
                continue;
            };
            let implied = events[from as usize].lane == event.lane && (from as usize) < at;
            if local && !implied {
                problems.note(Problem::MisplacedPeer, event.span as usize);
            }
            sources.push(from, *recovery);
        }
        sources.end();
    }
    sources
}

fn places<'a>(events: &'a [Event], problems: &mut Diagnoses) -> HashMap<&'a Id, Place> {
    let mut places = HashMap::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        if places.insert(&event.id, Place::At(at as u32)).is_some() {
            problems.note(Problem::DuplicateEvent, event.span as usize);
            places.insert(&event.id, Place::Ambiguous);
        }
    }
    places
}

fn count_edges(events: &[Event], lanes: &[Lane], sources: &Sources) -> ExactEdges {
    let mut edges = ExactEdges { program: (events.len() - lanes.len()) as u64, ..ExactEdges::default() };
    for (at, event) in events.iter().enumerate() {
        for source in sources.of(at as u32) {
            let kind = match source.recovery {
                true => &mut edges.recovery,
                false if event.kind.peer_is_local() => &mut edges.local,
                false => &mut edges.message,
            };
            *kind += 1;
        }
    }
    edges
}

fn lane_starts(lanes: &[Lane], events: &[Event]) -> Vec<u32> {
    u32::try_from(events.len()).ok().filter(|len| *len < NONE).expect("fewer than 2^32 events");
    (0..=lanes.len() as u32).map(|lane| events.partition_point(|event| event.lane < lane) as u32).collect()
}

/// Holes, and missing events that were named.
#[derive(Default)]
struct Missing {
    holes: Vec<Hole>,
    numbers: HashMap<Id, u32>,
    referrers: Vec<Vec<u32>>,
}

impl Missing {
    fn note(&mut self, at: u32, named: Option<&Id>) {
        let missing = named.map(|id| {
            let next = self.referrers.len() as u32;
            let number = *self.numbers.entry(id.clone()).or_insert(next);
            if number == next {
                self.referrers.push(Vec::new());
            }
            self.referrers[number as usize].push(at);
            number
        });
        self.holes.push(Hole { event: at, missing });
    }
}

/// All events in an order that extends the causal one (Kahn's algorithm). Edges that go in a circle are taken out
/// and told: those into the first event of each lane at which everything stands still.
fn linear(events: &[Event], first: &[u32], sources: &mut Sources, mut cut: impl FnMut(u32)) -> Vec<u32> {
    let starts_lane = |at: u32| first[events[at as usize].lane as usize] == at;
    // Who waits for an event: lists threaded through the places of `sources`.
    let mut waiter = vec![NONE; events.len()];
    let mut next_waiter = vec![NONE; sources.places()];
    let mut waits = vec![NONE; sources.places()];
    let mut open = vec![0u32; events.len()];
    for at in 0..events.len() as u32 {
        open[at as usize] = u32::from(!starts_lane(at));
        for place in sources.places_of(at) {
            let Some(from) = sources.at(place) else { continue };
            open[at as usize] += 1;
            waits[place] = at;
            next_waiter[place] = waiter[from as usize];
            waiter[from as usize] = place as u32;
        }
    }
    let mut order: Vec<u32> = Vec::with_capacity(events.len());
    let mut ready: Vec<u32> = (0..events.len() as u32).filter(|at| open[*at as usize] == 0).collect();
    let mut done = vec![false; events.len()];
    let lanes = first.len() - 1;
    let mut stuck = Stuck { head: first[..lanes].to_vec(), lane: 0, first_stuck: 0, seen: vec![0; lanes], round: 0 };
    loop {
        while let Some(at) = ready.pop() {
            order.push(at);
            done[at as usize] = true;
            let lane = events[at as usize].lane as usize;
            stuck.head[lane] = at + 1;
            let mut release = |at: u32| {
                open[at as usize] -= 1;
                if open[at as usize] == 0 {
                    ready.push(at);
                }
            };
            if at + 1 < first[lane + 1] {
                release(at + 1);
            }
            let mut place = waiter[at as usize];
            while place != NONE {
                if sources.at(place as usize) == Some(at) {
                    release(waits[place as usize]);
                }
                place = next_waiter[place as usize];
            }
        }
        if order.len() == events.len() {
            return order;
        }
        // Every lane's head that is left waits for another one. Those that wait in a circle are cut.
        for at in circle(events, first, sources, &done, &mut stuck) {
            for place in sources.places_of(at) {
                if sources.at(place).is_some_and(|from| !done[from as usize]) {
                    sources.cut(place);
                    cut(at);
                }
            }
            open[at as usize] = 0;
            ready.push(at);
        }
    }
}

/// The heads of the lanes of one circle: from a stuck head on to the head of the lane it waits for, until one comes
/// again. Starts where the last circle was, and then at the first lane that is stuck, so that nothing is searched twice.
fn circle(
    events: &[Event],
    first: &[u32],
    sources: &Sources,
    done: &[bool],
    Stuck { head, lane, first_stuck, seen, round }: &mut Stuck,
) -> Vec<u32> {
    let stuck = |lane: usize| head[lane] < first[lane + 1];
    while !stuck(*first_stuck) {
        *first_stuck += 1;
    }
    *round += 1;
    let mut at = if stuck(*lane) { *lane } else { *first_stuck };
    let mut path = Vec::new();
    while seen[at] != *round {
        seen[at] = *round;
        path.push(head[at]);
        let waits_for = sources.of(head[at]).find(|source| !done[source.from as usize]);
        let source = waits_for.expect("the head of a lane waits only for other events");
        at = events[source.from as usize].lane as usize;
    }
    *lane = at;
    let start = path.iter().position(|&event| event == head[at]).expect("the path came back to it");
    path.split_off(start)
}

/// Where each lane stands when nothing moves.
struct Stuck {
    head: Vec<u32>,
    /// Where the last circle was.
    lane: usize,
    first_stuck: usize,
    /// By lane: the round in which it was last seen.
    seen: Vec<u32>,
    round: u32,
}

/// By event: its row; the rows; by event: its Lamport clock.
fn clocks(
    events: &[Event],
    first: &[u32],
    lanes: usize,
    sources: &Sources,
    order: &[u32],
) -> (Vec<u32>, Tree, Vec<u64>) {
    let mut rows = Tree::new(lanes);
    let mut row = vec![0; events.len()];
    let mut lamport = vec![0u64; events.len()];
    for &at in order {
        let event = &events[at as usize];
        let before = at > first[event.lane as usize];
        let previous = before.then(|| at as usize - 1);
        let mut known = previous.map_or(0, |previous| row[previous]);
        // A gap is so many events at least.
        let gap = event.seq - previous.map_or(0, |previous| events[previous].seq);
        let mut clock = previous.map_or(0, |previous| lamport[previous]).saturating_add(gap);
        for from in sources.of(at).map(|source| source.from) {
            clock = clock.max(lamport[from as usize].saturating_add(1));
            let lane = events[from as usize].lane;
            if lane != event.lane {
                let count = from - first[lane as usize] + 1;
                known = rows.join(known, row[from as usize], lane, count);
            }
        }
        row[at as usize] = known;
        lamport[at as usize] = clock;
    }
    (row, rows, lamport)
}

fn outlets(events: &[Event], first: &[u32], sources: &Sources) -> Vec<u32> {
    // Named from another lane, whatever its kind says.
    let mut leaves: Vec<bool> = events.iter().map(|event| event.kind.leaves_lane()).collect();
    for (at, event) in events.iter().enumerate() {
        for source in sources.of(at as u32) {
            leaves[source.from as usize] |= events[source.from as usize].lane != event.lane;
        }
    }
    let mut outlet: Vec<u32> = (0..events.len() as u32).collect();
    for at in (0..events.len()).rev() {
        let last = first[events[at].lane as usize + 1] as usize == at + 1;
        if !last && !leaves[at] && events[at + 1].seq == events[at].seq + 1 {
            outlet[at] = outlet[at + 1];
        }
    }
    outlet
}
