//! The edges between exact events, by kind, and shortest paths of them.

use super::super::path::shortest;
use super::{ExactEvent, ExactOrder};

/// Why an exact event is before another. All are certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExactEdge {
    /// Later in the same incarnation.
    Program,
    /// Send → receive.
    Message,
    /// Timer-set → timer-fire, persist → durable.
    Peer,
    /// Persist → what started from it.
    Recovery,
}

impl ExactEdge {
    /// The word used in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Message => "message",
            Self::Peer => "peer",
            Self::Recovery => "recovery",
        }
    }
}

impl ExactOrder {
    /// The edges that lead to an event.
    pub fn into(&self, event: ExactEvent) -> impl Iterator<Item = (ExactEvent, ExactEdge)> + '_ {
        let by_peer = if self.kind(event).peer_is_local() { ExactEdge::Peer } else { ExactEdge::Message };
        let previous = self.previous(event).map(|before| (before, ExactEdge::Program));
        let named = self
            .sources
            .of(event.0)
            .map(move |source| (ExactEvent(source.from), if source.recovery { ExactEdge::Recovery } else { by_peer }));
        previous.into_iter().chain(named)
    }

    /// The steps of a path from one event to a later one, as few as possible if program order is one step however far.
    /// O(events between the two).
    pub fn steps(&self, from: ExactEvent, to: ExactEvent) -> Option<Vec<(ExactEvent, ExactEdge)>> {
        let before = |at: u32| {
            let edges = self.into(ExactEvent(at)).filter(|(source, _)| self.reaches(from, *source));
            edges.map(|(source, edge)| (source.0, edge))
        };
        let path = shortest(from.0, to.0, before, |kind| kind == ExactEdge::Program)?;
        Some(path.into_iter().map(|(at, kind)| (ExactEvent(at), kind)).collect())
    }
}
