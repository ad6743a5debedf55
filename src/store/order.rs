//! The causal order as plain rows, and as something to draw: what the causal order says, and a format writes.

/// The name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventName<'a> {
    Number(i64),
    Text(&'a str),
}

/// An event with its clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedEvent<'a> {
    pub name: EventName<'a>,
    /// What it says to people: what is recorded as its name, or its span's name and what it is of it.
    pub text: String,
    pub node: &'a str,
    pub incarnation: u64,
    /// Its position in its incarnation, from 1.
    pub seq: u64,
    /// By incarnation (`node.incarnation`), the last event that is before this one, or is it, by its position.
    pub vector: Vec<(&'a str, u64)>,
    pub lamport: u64,
    /// Whether all that is before it is there. If not, the clocks are lower bounds.
    pub complete: bool,
}

/// A causal order as something to draw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// The names of processes or incarnations.
    pub lanes: Vec<String>,
    /// Lane and label of each event; nothing for a point in time that is no event.
    pub vertices: Vec<Option<(u32, String)>>,
    pub edges: Vec<DrawnEdge>,
}

/// An edge between two vertices, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnEdge {
    pub from: u32,
    pub to: u32,
    pub kind: &'static str,
    pub certain: bool,
}
