//! The graph: events as vertices, edges in compressed rows both ways, and petgraph's traits on it.

use crate::store::SpanStore;
use petgraph::visit;
use petgraph::{Directed, Direction};

/// Names an event of a [`CausalGraph`]: a vertex. Events of one span are consecutive, the start first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub(super) u32);

impl EventId {
    /// Its number.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What happened at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    Start,
    /// The n-th event recorded in the span, from 0.
    Recorded(u32),
    End,
}

/// Why one event is before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EdgeKind {
    /// Both are in one span. Certain.
    Program,
    /// Parent start → child start. Certain.
    Parent,
    /// Linked span's start → this span's start. Certain.
    Link,
    /// A child that lies inside its parent ends before it. Assumed.
    ChildEnd,
    /// Earlier by the clock of their common process. Assumed.
    Local,
}

impl EdgeKind {
    /// The word used in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Parent => "parent",
            Self::Link => "link",
            Self::ChildEnd => "child-end",
            Self::Local => "local",
        }
    }

    /// Whether it holds whatever the clocks say.
    pub fn is_certain(self) -> bool {
        matches!(self, Self::Program | Self::Parent | Self::Link)
    }
}

/// Who is whose child.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// By span: its parent's position, if it is there.
    pub(super) parent: Vec<Option<u32>>,
    /// Children of span `s`: `children[starts[s]..starts[s + 1]]`.
    pub(super) starts: Vec<u32>,
    pub(super) children: Vec<u32>,
}

impl Family {
    /// The position of a span's parent, if it is in the store (and not part of a cycle).
    pub fn parent(&self, span: usize) -> Option<usize> {
        self.parent[span].map(|parent| parent as usize)
    }

    /// The positions of a span's children, ascending.
    pub fn children(&self, span: usize) -> &[u32] {
        &self.children[self.starts[span] as usize..self.starts[span + 1] as usize]
    }
}

/// One direction of the edges, in compressed rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    starts: Vec<u32>,
    targets: Vec<(u32, EdgeKind)>,
}

impl Rows {
    /// Counting sort by source: O(vertices + edges).
    pub(super) fn new(vertices: usize, edges: impl Iterator<Item = (u32, u32, EdgeKind)> + Clone) -> Self {
        let mut starts = vec![0u32; vertices + 1];
        for (from, _, _) in edges.clone() {
            starts[from as usize + 1] += 1;
        }
        for at in 0..vertices {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut targets = vec![(0, EdgeKind::Program); starts[vertices] as usize];
        for (from, to, kind) in edges {
            let slot = &mut next[from as usize];
            targets[*slot as usize] = (to, kind);
            *slot += 1;
        }
        Self { starts, targets }
    }

    pub(super) fn of(&self, vertex: u32) -> &[(u32, EdgeKind)] {
        &self.targets[self.starts[vertex as usize] as usize..self.starts[vertex as usize + 1] as usize]
    }
}

/// The causal order of all events of a store. Acyclic; vertices beyond the events are points in time
/// that separate groups of events of one process with equal timestamps.
#[derive(Clone, Debug)]
pub struct CausalGraph {
    /// By span: its first event. One more at the end.
    pub(super) first_event: Vec<u32>,
    pub(super) event_span: Vec<u32>,
    pub(super) vertices: usize,
    pub(super) forward: Rows,
    pub(super) backward: Rows,
    /// By vertex: its place in one linear extension.
    pub(super) rank: Vec<u32>,
    /// By span: its process.
    pub(super) process: Vec<u32>,
    pub(super) family: Family,
    pub(super) unended: Vec<bool>,
    pub(super) problems: Vec<super::Diagnosis>,
}

impl CausalGraph {
    /// How many events.
    pub fn len(&self) -> usize {
        self.event_span.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.event_span.is_empty()
    }

    /// The start of a span.
    pub fn start(&self, span: usize) -> EventId {
        EventId(self.first_event[span])
    }

    /// The end of a span, if it ended.
    pub fn end(&self, span: usize) -> Option<EventId> {
        (!self.unended[span]).then(|| EventId(self.first_event[span + 1] - 1))
    }

    /// All events of a span, in program order.
    pub fn events_of(&self, span: usize) -> impl ExactSizeIterator<Item = EventId> {
        (self.first_event[span]..self.first_event[span + 1]).map(EventId)
    }

    /// All events.
    pub fn events(&self) -> impl ExactSizeIterator<Item = EventId> {
        (0..self.event_span.len() as u32).map(EventId)
    }

    /// The span of an event.
    pub fn span_of(&self, event: EventId) -> usize {
        self.event_span[event.index()] as usize
    }

    /// What happened at an event.
    pub fn kind_of(&self, event: EventId) -> EventKind {
        let span = self.span_of(event);
        let place = event.0 - self.first_event[span];
        if place == 0 {
            EventKind::Start
        } else if self.end(span) == Some(event) {
            EventKind::End
        } else {
            EventKind::Recorded(place - 1)
        }
    }

    /// The recorded time of an event, in nanoseconds since the Unix epoch.
    pub fn time_of(&self, store: &SpanStore, event: EventId) -> u64 {
        let span = store.span(self.span_of(event));
        match self.kind_of(event) {
            EventKind::Start => span.start(),
            EventKind::Recorded(at) => span.events().nth(at as usize).map_or(0, |event| event.time),
            EventKind::End => span.end(),
        }
    }

    /// Who is whose child.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// What is wrong with the data.
    pub fn problems(&self) -> &[super::Diagnosis] {
        &self.problems
    }

    /// How many edges of each certainty: (certain, assumed).
    pub fn edge_counts(&self) -> (usize, usize) {
        let certain = self.forward.targets.iter().filter(|(_, kind)| kind.is_certain()).count();
        (certain, self.forward.targets.len() - certain)
    }

    /// The length of the longest causal chain, in events: the greatest Lamport clock. O(edges).
    pub fn depth(&self) -> u32 {
        let mut lamport = vec![0u32; self.vertices];
        for vertex in self.linear_extension() {
            let before = self.predecessors(vertex).map(|(from, _)| lamport[from.index()]).max().unwrap_or(0);
            lamport[vertex.index()] = before + u32::from(vertex.index() < self.len());
        }
        lamport.into_iter().max().unwrap_or(0)
    }

    /// Edges that leave a vertex.
    pub fn successors(&self, vertex: EventId) -> impl ExactSizeIterator<Item = (EventId, EdgeKind)> + '_ {
        self.forward.of(vertex.0).iter().map(|&(to, kind)| (EventId(to), kind))
    }

    /// Edges that enter a vertex.
    pub fn predecessors(&self, vertex: EventId) -> impl ExactSizeIterator<Item = (EventId, EdgeKind)> + '_ {
        self.backward.of(vertex.0).iter().map(|&(from, kind)| (EventId(from), kind))
    }

    /// Vertices in an order that extends the causal one.
    pub fn linear_extension(&self) -> Vec<EventId> {
        let mut order = vec![EventId(0); self.vertices];
        for (vertex, &rank) in self.rank.iter().enumerate() {
            order[rank as usize] = EventId(vertex as u32);
        }
        order
    }
}

// ---- petgraph --------------------------------------------------------------------------------------------------
// Its algorithms run on any type with these traits; `TwoWay` (both directions of the edges) is the part
// that both a graph under construction and a finished one have.

/// Both directions of some edges: what petgraph's algorithms need.
#[derive(Clone, Copy)]
pub(super) struct TwoWay<'a> {
    pub(super) forward: &'a Rows,
    pub(super) backward: &'a Rows,
    pub(super) vertices: usize,
}

impl visit::GraphBase for TwoWay<'_> {
    type EdgeId = (u32, u32);
    type NodeId = u32;
}

impl visit::GraphRef for TwoWay<'_> {}

impl visit::GraphProp for TwoWay<'_> {
    type EdgeType = Directed;
}

impl visit::NodeCount for TwoWay<'_> {
    fn node_count(&self) -> usize {
        self.vertices
    }
}

impl visit::NodeIndexable for TwoWay<'_> {
    fn node_bound(&self) -> usize {
        self.vertices
    }
    fn to_index(&self, vertex: u32) -> usize {
        vertex as usize
    }
    fn from_index(&self, index: usize) -> u32 {
        index as u32
    }
}

impl visit::NodeCompactIndexable for TwoWay<'_> {}

impl visit::IntoNodeIdentifiers for TwoWay<'_> {
    type NodeIdentifiers = std::ops::Range<u32>;
    fn node_identifiers(self) -> Self::NodeIdentifiers {
        0..self.vertices as u32
    }
}

/// Neighbours of a vertex.
pub struct Neighbors<'a>(std::slice::Iter<'a, (u32, EdgeKind)>);

impl Iterator for Neighbors<'_> {
    type Item = u32;
    fn next(&mut self) -> Option<u32> {
        self.0.next().map(|(vertex, _)| *vertex)
    }
}

impl<'a> visit::IntoNeighbors for TwoWay<'a> {
    type Neighbors = Neighbors<'a>;
    fn neighbors(self, vertex: u32) -> Neighbors<'a> {
        Neighbors(self.forward.of(vertex).iter())
    }
}

impl<'a> visit::IntoNeighborsDirected for TwoWay<'a> {
    type NeighborsDirected = Neighbors<'a>;
    fn neighbors_directed(self, vertex: u32, direction: Direction) -> Neighbors<'a> {
        let rows = if direction == Direction::Outgoing { self.forward } else { self.backward };
        Neighbors(rows.of(vertex).iter())
    }
}

impl visit::Visitable for TwoWay<'_> {
    type Map = fixedbitset::FixedBitSet;
    fn visit_map(&self) -> Self::Map {
        fixedbitset::FixedBitSet::with_capacity(self.vertices)
    }
    fn reset_map(&self, map: &mut Self::Map) {
        map.clear();
        map.grow(self.vertices);
    }
}

impl CausalGraph {
    /// A view of the graph on which petgraph's algorithms run. Vertices are numbers; the first
    /// [`CausalGraph::len`] are the events.
    pub fn petgraph(
        &self,
    ) -> impl visit::IntoNeighborsDirected<NodeId = u32, EdgeId = (u32, u32)>
    + visit::NodeIndexable
    + visit::NodeCount
    + visit::IntoNodeIdentifiers
    + visit::Visitable
    + visit::GraphProp
    + '_ {
        TwoWay { forward: &self.forward, backward: &self.backward, vertices: self.vertices }
    }
}
