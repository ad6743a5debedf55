//! How spans and events stand to each other, as data.

/// The answer to a question about the causal order.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// How one span stands to another.
    Pair(Pair),
    /// What has no order to a span.
    Concurrent(Concurrent),
}

/// How one span, or an event of it, stands to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pair {
    pub from: Place,
    pub to: Place,
    /// `before`, `after`, `overlapping`, `concurrent`, `equal` or `unknown`.
    pub relation: &'static str,
    /// Whether the answer holds whatever the clocks say; nothing if there is no answer.
    pub certain: Option<bool>,
    /// Whether the order is the one that the trace states itself.
    pub exact: bool,
    /// What the answer rests on, and what else is known. Nothing if no event of the one is before any of the other.
    pub facts: Vec<Evidenced>,
}

/// Two events in order, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidenced {
    pub earlier: Place,
    pub later: Place,
    /// Whether each step of the path is.
    pub certain: bool,
    /// A shortest path from the earlier one, with certain steps alone if there is such a path.
    pub path: Vec<Step>,
}

/// A step of a causal path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// The kind of edge that leads here.
    pub edge: &'static str,
    pub certain: bool,
    pub place: Place,
}

/// What has no order to a span, or to an event of it: spans with no event that is before or after any of its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Concurrent {
    pub with: Place,
    pub exact: bool,
    /// Those of the same trace first, then by time.
    pub concurrent: Vec<Place>,
    /// Those whose order can't be known, because spans or events are missing.
    pub unknown: Vec<Place>,
    /// How many are concurrent, and how many unknown, in all.
    pub all_concurrent: u64,
    pub all_unknown: u64,
    /// How many are wholly before it, wholly after it, and neither, though some of their events are.
    pub before: u64,
    pub after: u64,
    pub overlapping: u64,
}

/// A span, or an event of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    pub trace_id: String,
    pub span_id: String,
    pub service: String,
    pub operation: String,
    /// `span` (all of it), `start`, `end`, or what was recorded.
    pub event: String,
    /// Nanoseconds since the Unix epoch, as recorded; of a span its start.
    pub time_ns: u64,
}

impl Order {
    /// Every place in it.
    pub fn places_mut(&mut self) -> Vec<&mut Place> {
        match self {
            Self::Pair(pair) => {
                let mut places = vec![&mut pair.from, &mut pair.to];
                for Evidenced { earlier, later, path, .. } in &mut pair.facts {
                    places.extend([earlier, later]);
                    places.extend(path.iter_mut().map(|step| &mut step.place));
                }
                places
            }
            Self::Concurrent(found) => {
                let lists = found.concurrent.iter_mut().chain(&mut found.unknown);
                lists.chain([&mut found.with]).collect()
            }
        }
    }
}
