//! Events in their causal order, as plain rows: what the causal order says, and a format writes.

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
