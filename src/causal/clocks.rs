//! Lamport and vector clocks for every event.
//!
//! A vector clock needs a chain per component: events that are totally ordered. Chains here are lanes of
//! a process: its events in the order of its clock, with a further lane for each event that is at the
//! same time as another. An event's vector differs from that of its predecessor in the lane only in its
//! own component unless something else flows in, so a row is stored only where something does; and rows share
//! what they have in common.

use super::exact::Tree;
use super::graph::{CausalGraph, EventId};
use super::relation::Relation;

/// The clocks of all events of a graph.
#[derive(Clone, Debug)]
pub struct Clocks {
    lamport: Vec<u32>,
    /// By vertex: its lane (`NO_LANE` for vertices that are not events) and its place in it, from 1.
    lane: Vec<u32>,
    place: Vec<u32>,
    /// By vertex: the row that holds its other components.
    row: Vec<u32>,
    rows: Tree,
    /// By lane: its process.
    lane_process: Vec<u32>,
}

const NO_LANE: u32 = u32::MAX;

impl Clocks {
    /// The clocks, or `None` if they would take more than `bytes` (then ask [`CausalGraph::relation`]).
    /// O(log lanes) for what is new in an event and O(lanes) at worst, in time and memory.
    pub fn new(graph: &CausalGraph, bytes: usize) -> Option<Self> {
        let order = graph.linear_extension();
        let Lanes { lane, place, mut process } = Lanes::assign(graph, &order);
        let mut rows = Tree::new(process.len());
        let mut row = vec![0; graph.vertices];
        let mut lamport = vec![0; graph.vertices];
        for &vertex in &order {
            let at = vertex.index();
            let (mut known, mut clock) = (0, 0);
            for (from, _) in graph.predecessors(vertex) {
                let from = from.index();
                // A vertex that is no event has no component of its own.
                known = match lane[from] == lane[at] || lane[from] == NO_LANE {
                    true => rows.merge(known, row[from]),
                    false => rows.join(known, row[from], lane[from], place[from]),
                };
                clock = lamport[from].max(clock);
            }
            if rows.bytes() > bytes {
                return None;
            }
            row[at] = known;
            // Lamport clocks count events, not the vertices between them.
            lamport[at] = clock + u32::from(at < graph.len());
        }
        lamport.truncate(graph.len());
        process.shrink_to_fit();
        Some(Self { lamport, lane, place, row, rows, lane_process: process })
    }

    /// The Lamport clock of an event: greater than that of every event before it.
    pub fn lamport(&self, event: EventId) -> u32 {
        self.lamport[event.index()]
    }

    /// The vector clock of an event: by lane, how many events of it are before or at the event.
    /// Lanes without any are left out.
    pub fn vector(&self, event: EventId) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut known = Vec::new();
        self.rows.entries(self.row[event.index()], &mut known);
        let own = self.lane[event.index()];
        known.retain(|(lane, _)| *lane != own);
        let at = known.partition_point(|(lane, _)| *lane < own);
        known.insert(at, (own, self.place[event.index()]));
        known.into_iter()
    }

    /// How many bytes the vectors take.
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// The process of a lane, as [`CausalGraph`] numbers processes.
    pub fn process_of(&self, lane: u32) -> u32 {
        self.lane_process[lane as usize]
    }

    fn component(&self, event: EventId, lane: u32) -> u32 {
        let at = event.index();
        if self.lane[at] == lane {
            return self.place[at];
        }
        self.rows.get(self.row[at], lane)
    }

    /// How `a` stands to `b`. O(log lanes).
    pub fn relation(&self, a: EventId, b: EventId) -> Relation {
        let before = |a: EventId, b: EventId| self.component(b, self.lane[a.index()]) >= self.place[a.index()];
        if a == b {
            Relation::Equal
        } else if before(a, b) {
            Relation::Before
        } else if before(b, a) {
            Relation::After
        } else {
            Relation::Concurrent
        }
    }
}

/// A partition of the events into chains.
struct Lanes {
    lane: Vec<u32>,
    place: Vec<u32>,
    /// By lane: its process.
    process: Vec<u32>,
}

impl Lanes {
    /// Gives each event, in linear order, a lane whose last event is one of its direct predecessors
    /// (or only a separating vertex away), else a lane of its own.
    fn assign(graph: &CausalGraph, order: &[EventId]) -> Self {
        let mut lanes =
            Self { lane: vec![NO_LANE; graph.vertices], place: vec![0; graph.vertices], process: Vec::new() };
        let (mut last_of_lane, mut length_of_lane): (Vec<u32>, Vec<u32>) = Default::default();
        for &vertex in order {
            if vertex.index() >= graph.len() {
                continue;
            }
            let process = graph.process[graph.span_of(vertex)];
            let free = |from: u32, lanes: &Self, last: &[u32]| {
                let lane = lanes.lane[from as usize];
                let joins = lane != NO_LANE && last[lane as usize] == from && lanes.process[lane as usize] == process;
                joins.then_some(lane)
            };
            let lane = graph.backward.of(vertex.0).iter().find_map(|&(from, _)| {
                if (from as usize) < graph.len() {
                    return free(from, &lanes, &last_of_lane);
                }
                graph.backward.of(from).iter().find_map(|&(before, _)| free(before, &lanes, &last_of_lane))
            });
            let lane = lane.unwrap_or_else(|| {
                lanes.process.push(process);
                last_of_lane.push(0);
                length_of_lane.push(0);
                last_of_lane.len() as u32 - 1
            });
            length_of_lane[lane as usize] += 1;
            last_of_lane[lane as usize] = vertex.0;
            lanes.lane[vertex.index()] = lane;
            lanes.place[vertex.index()] = length_of_lane[lane as usize];
        }
        lanes
    }
}
