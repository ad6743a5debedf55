//! Lamport and vector clocks for every event.
//!
//! A vector clock needs a chain per component: events that are totally ordered. Chains here are lanes of
//! a process: its events in the order of its clock, with a further lane for each event that is at the
//! same time as another. An event's vector differs from that of its predecessor in the lane only in its
//! own component unless something else flows in, so a row is stored only where something does.

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
    rows: Vec<u32>,
    lanes: usize,
    /// By lane: its process.
    lane_process: Vec<u32>,
}

const NO_LANE: u32 = u32::MAX;

impl Clocks {
    /// The clocks, or `None` if they would take more than `bytes` (then ask [`CausalGraph::relation`]).
    /// O(rows × lanes), rows being the events into which something flows from outside their lane.
    pub fn new(graph: &CausalGraph, bytes: usize) -> Option<Self> {
        let order = graph.linear_extension();
        let mut lanes = Lanes::assign(graph, &order);
        let count = lanes.process.len();
        let mut rows: Vec<u32> = Vec::new();
        let mut row = vec![0; graph.vertices];
        let mut lamport = vec![0; graph.vertices];
        // Row 0 is all zeroes.
        rows.resize(count, 0);
        for &vertex in &order {
            let at = vertex.index();
            let own_lane = lanes.lane[at];
            // Lamport clocks count events, not the vertices between them.
            lamport[at] = u32::from(at < graph.len())
                + graph.predecessors(vertex).map(|(from, _)| lamport[from.index()]).max().unwrap_or(0);
            let mut flows_in = graph.predecessors(vertex).map(|(from, _)| from.index());
            let first = flows_in.next();
            let only = first.filter(|_| flows_in.next().is_none());
            match (first, only) {
                (None, _) => row[at] = 0,
                // Nothing new but the lane's own predecessor, or a vertex that has no component of its own.
                (_, Some(from)) if lanes.lane[from] == own_lane || lanes.lane[from] == NO_LANE => row[at] = row[from],
                _ => {
                    if (rows.len() + count) * size_of::<u32>() > bytes {
                        return None;
                    }
                    let start = rows.len();
                    rows.resize(start + count, 0);
                    let (known, new) = rows.split_at_mut(start);
                    for (from, _) in graph.predecessors(vertex) {
                        let from = from.index();
                        let old = &known[row[from] as usize * count..][..count];
                        new.iter_mut().zip(old).for_each(|(new, old)| *new = (*new).max(*old));
                        if lanes.lane[from] != NO_LANE {
                            let own = &mut new[lanes.lane[from] as usize];
                            *own = (*own).max(lanes.place[from]);
                        }
                    }
                    row[at] = u32::try_from(start / count).ok()?;
                }
            }
        }
        lamport.truncate(graph.len());
        lanes.process.shrink_to_fit();
        let Lanes { lane, place, process } = lanes;
        Some(Self { lamport, lane, place, row, rows, lanes: count, lane_process: process })
    }

    /// The Lamport clock of an event: greater than that of every event before it.
    pub fn lamport(&self, event: EventId) -> u32 {
        self.lamport[event.index()]
    }

    /// The vector clock of an event: by lane, how many events of it are before or at the event.
    /// Lanes without any are left out.
    pub fn vector(&self, event: EventId) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..self.lanes as u32).map(move |lane| (lane, self.component(event, lane))).filter(|(_, count)| *count > 0)
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
        self.rows[self.row[at] as usize * self.lanes + lane as usize]
    }

    /// How `a` stands to `b`. O(1).
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
