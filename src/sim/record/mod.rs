//! The recorder: every event of a run with the simulator's own clocks, and the spans it happened in.
//!
//! The vector and Lamport clocks here are the truth: the simulator sees everything. The clocks that nodes
//! keep for themselves ([`Clocks`]) are recorded beside them, to be compared. Vectors are by lane: a
//! node's incarnation; lanes are numbered in the order in which they start.

mod export;
mod spans;

pub use export::EPOCH_NS;
pub use spans::{SpanKind, SpanRow};

use crate::node::{Bytes, ClockRules, Clocks, Cluster, Field, NodeId, Note, SpanToken, Stamp, envelope};
use spans::Spans;
use std::sync::Arc;

/// How much is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recording {
    /// Operations only.
    #[default]
    History,
    /// Every event and span too.
    Full,
}

/// Names an event: its place in the run, from 1; 0 is none.
pub type EventId = u32;

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
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
}

impl EventKind {
    /// As it is called in files.
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
        }
    }
}

/// What an event was about.
#[derive(Clone, Debug, Default)]
pub enum About {
    #[default]
    Nothing,
    /// The name of a message, and the other node.
    Message(&'static str, NodeId),
    Timer(&'static str),
    Note(Box<Note>),
}

/// An event.
#[derive(Clone, Debug)]
pub struct EventRow {
    pub node: NodeId,
    pub lane: u32,
    /// Its position in the lane, from 1.
    pub seq: u32,
    pub kind: EventKind,
    /// True time.
    pub time_ns: u64,
    /// The node's own time.
    pub local_ns: i64,
    /// Of a receive its send, of a timer-fire its timer-set, of a durable its persist, of a start the
    /// persist that it found; 0 if there is none.
    pub peer: EventId,
    /// The place of its span among the spans.
    pub span: u32,
    pub lamport: u32,
    pub about: About,
    /// What the node itself believes.
    pub own: Arc<Stamp>,
    vector: (usize, u32),
}

/// A node's incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub node: NodeId,
    /// 0, then 1 after the first restart, …
    pub incarnation: u32,
}

#[derive(Debug)]
struct NodeRecord {
    lane: u32,
    seq: u32,
    /// By lane; shorter than there are lanes if the last ones are not known.
    vector: Vec<u32>,
    lamport: u32,
    clocks: Clocks,
}

/// Everything that is known of a run.
#[derive(Debug)]
pub struct Recorder {
    cluster: Cluster,
    rules: ClockRules,
    lanes: Vec<Lane>,
    nodes: Vec<NodeRecord>,
    events: Vec<EventRow>,
    vectors: Vec<u32>,
    spans: Spans,
    now: u64,
    local: i64,
}

impl Recorder {
    /// An empty record of the run of a seed, from which the ids of traces and spans are drawn.
    pub fn new(cluster: Cluster, rules: ClockRules, seed: u64) -> Self {
        let node =
            |_| NodeRecord { lane: 0, seq: 0, vector: Vec::new(), lamport: 0, clocks: Clocks::new(rules, 0, None) };
        Self {
            cluster,
            rules,
            lanes: Vec::new(),
            nodes: cluster.nodes().map(node).collect(),
            events: Vec::new(),
            vectors: Vec::new(),
            spans: Spans::new(cluster.len(), seed),
            now: 0,
            local: 0,
        }
    }

    /// All events, in the order in which they happened.
    pub fn events(&self) -> &[EventRow] {
        &self.events
    }

    /// All incarnations, in the order in which they started.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// All spans, in the order in which they began.
    pub fn spans(&self) -> &[SpanRow] {
        self.spans.rows()
    }

    /// Who is who.
    pub fn cluster(&self) -> Cluster {
        self.cluster
    }

    /// The true vector clock of an event: by lane, how many of its events are before or at the event.
    pub fn vector(&self, event: &EventRow) -> &[u32] {
        &self.vectors[event.vector.0..][..event.vector.1 as usize]
    }

    /// Whether one event is before another.
    pub fn before(&self, a: &EventRow, b: &EventRow) -> bool {
        let known = self.vector(b).get(a.lane as usize).copied().unwrap_or(0);
        known >= a.seq && (a.lane, a.seq) != (b.lane, b.seq)
    }

    /// `n1.0`: a lane's name.
    pub fn lane_name(&self, lane: u32) -> String {
        let Lane { node, incarnation } = self.lanes[lane as usize];
        format!("{}.{incarnation}", self.cluster.name(node))
    }

    /// What follows happens at this time, true and by the node's clock.
    pub(super) fn at(&mut self, now: u64, local: i64) {
        (self.now, self.local) = (now, local);
    }

    /// A node starts, from data that an earlier persist left (0: none).
    pub(super) fn start(&mut self, node: NodeId, incarnation: u32, found: EventId, saved: Option<&Stamp>) -> SpanToken {
        let lane = self.lanes.len() as u32;
        self.lanes.push(Lane { node, incarnation });
        self.nodes[node.index()] =
            NodeRecord { lane, seq: 0, vector: Vec::new(), lamport: 0, clocks: Clocks::new(self.rules, lane, saved) };
        let root = self.spans.root(node, lane, self.local);
        self.event(node, EventKind::Start, found, About::Nothing, root);
        root
    }

    /// The spans, to open and close them.
    pub(super) fn spans_mut(&mut self) -> (&mut Spans, i64) {
        (&mut self.spans, self.local)
    }

    /// Writes down that a message arrived, with which its sender said this of its own clocks. O(lanes).
    pub(super) fn receive(&mut self, node: NodeId, sent: EventId, stamp: &Stamp, about: About, span: SpanToken) {
        self.nodes[node.index()].clocks.receive(stamp);
        self.write(node, EventKind::Receive, sent, about, span);
    }

    /// Writes down any other event. O(lanes).
    pub(super) fn event(
        &mut self,
        node: NodeId,
        kind: EventKind,
        peer: EventId,
        about: About,
        span: SpanToken,
    ) -> EventId {
        self.nodes[node.index()].clocks.tick();
        self.write(node, kind, peer, about, span)
    }

    fn write(&mut self, node: NodeId, kind: EventKind, peer: EventId, about: About, span: SpanToken) -> EventId {
        let of = &mut self.nodes[node.index()];
        let known = if matches!(kind, EventKind::Start | EventKind::Receive) { peer } else { 0 };
        if known > 0 {
            let peer = &self.events[known as usize - 1];
            let theirs = &self.vectors[peer.vector.0..][..peer.vector.1 as usize];
            if of.vector.len() < theirs.len() {
                of.vector.resize(theirs.len(), 0);
            }
            of.vector.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            of.lamport = of.lamport.max(peer.lamport);
        }
        of.seq += 1;
        of.lamport += 1;
        let lane = of.lane as usize;
        if of.vector.len() <= lane {
            of.vector.resize(lane + 1, 0);
        }
        of.vector[lane] = of.seq;
        let vector = (self.vectors.len(), of.vector.len() as u32);
        self.vectors.extend_from_slice(&of.vector);
        self.events.push(EventRow {
            node,
            lane: of.lane,
            seq: of.seq,
            kind,
            time_ns: self.now,
            local_ns: self.local,
            peer,
            span: (span.0 as u32).saturating_sub(1),
            lamport: of.lamport,
            about,
            own: Arc::new(of.clocks.stamp().clone()),
            vector,
        });
        self.events.len() as EventId
    }

    /// What goes with a message that a node sends now, in this span.
    pub(super) fn context(&self, node: NodeId, span: SpanToken) -> Bytes {
        let stamp = self.nodes[node.index()].clocks.stamp();
        self.spans.context(span).map_or_else(Bytes::default, |(parent, state)| envelope::encode(&parent, state, stamp))
    }

    /// The node's own clocks now.
    pub(super) fn stamp(&self, node: NodeId) -> Stamp {
        self.nodes[node.index()].clocks.stamp().clone()
    }

    /// The span of an event.
    pub(super) fn span_of(&self, event: EventId) -> SpanToken {
        match event {
            0 => SpanToken(0),
            _ => SpanToken(u64::from(self.events[event as usize - 1].span) + 1),
        }
    }

    /// The id of a span, as in the exported traces.
    pub fn span_id(&self, span: SpanToken) -> u64 {
        (span.0 as usize).checked_sub(1).map_or(0, |at| self.spans.rows()[at].id)
    }

    /// The text of a note: `commit index=7 term=2`.
    pub fn note_text(&self, note: &Note) -> String {
        let mut text = note.name.to_owned();
        for (name, field) in &note.fields {
            text.push_str(&format!(" {name}={}", self.field_text(*field)));
        }
        text
    }

    fn field_text(&self, field: Field) -> String {
        match field {
            Field::Int(number) => number.to_string(),
            Field::Node(node) => self.cluster.name(node).to_string(),
            Field::Word(word) => word.to_owned(),
        }
    }
}
