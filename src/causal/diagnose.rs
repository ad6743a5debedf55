//! What is wrong with the data, said once per kind with a count and an example.

use crate::outcome::ProblemCount;
use crate::store::SpanStore;

/// A kind of thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Problem {
    /// The parent is not in the data: it was lost, sampled away, or not exported yet.
    MissingParent,
    /// Two spans of one trace with the same id; children are given to the first.
    DuplicateId,
    /// Spans that are each other's ancestors, by parents or links; those edges are left out.
    Cycle,
    /// A trace in which every span has a parent.
    NoRoot,
    /// A trace with more than one span without a parent.
    SeveralRoots,
    /// A span that ends before it starts.
    NegativeDuration,
    /// A span without an end.
    Unended,
    /// A span that starts before its parent by the clocks: skew, or a wrong parent.
    StartsBeforeParent,
    /// A span event outside its span's interval.
    EventOutsideSpan,
    /// A link to a span that is not in the data.
    MissingLink,
    /// A `tracestate` of a span or a link that W3C Trace Context forbids: whoever propagates it has to drop it.
    InvalidTraceState,
    /// A recorded logical clock (`causet.clock.vector`, `causet.clock.lamport`) that can't be read.
    UnreadableClock,
    /// The order in one process by its clock contradicts the certain order: the clock stepped, or
    /// several processes go by one name. Those edges are left out.
    ContradictoryClock,
    /// An exact event without what it needs: id, `causet.seq` from 1, incarnation; or with a peer that is no name.
    MalformedEvent,
    /// An exact event whose id another one has: exported twice, or a name that names nobody.
    DuplicateEvent,
    /// An exact event in the place of another one; the first is kept.
    DuplicateSeq,
    /// Exact events are missing before one in its incarnation.
    SeqGap,
    /// What an exact event came from is not in the data.
    MissingPeer,
    /// A timer that fires, or data that is durable, before or elsewhere than it was set or written.
    MisplacedPeer,
    /// Exact events that are each other's causes; those edges are left out.
    PeerCycle,
}

impl Problem {
    /// The word used in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::MissingParent => "missing-parent",
            Self::DuplicateId => "duplicate-id",
            Self::Cycle => "cycle",
            Self::NoRoot => "no-root",
            Self::SeveralRoots => "several-roots",
            Self::NegativeDuration => "negative-duration",
            Self::Unended => "unended",
            Self::StartsBeforeParent => "starts-before-parent",
            Self::EventOutsideSpan => "event-outside-span",
            Self::MissingLink => "missing-link",
            Self::InvalidTraceState => "invalid-tracestate",
            Self::UnreadableClock => "unreadable-clock",
            Self::ContradictoryClock => "contradictory-clock",
            Self::MalformedEvent => "malformed-event",
            Self::DuplicateEvent => "duplicate-event",
            Self::DuplicateSeq => "duplicate-seq",
            Self::SeqGap => "seq-gap",
            Self::MissingPeer => "missing-peer",
            Self::MisplacedPeer => "misplaced-peer",
            Self::PeerCycle => "peer-cycle",
        }
    }

    /// What it means, in one line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::MissingParent => "spans whose parent is not in the data",
            Self::DuplicateId => "spans whose id another span of the trace already has",
            Self::Cycle => "spans that are their own ancestors; those edges are left out",
            Self::NoRoot => "traces in which every span has a parent",
            Self::SeveralRoots => "traces with more than one root",
            Self::NegativeDuration => "spans that end before they start",
            Self::Unended => "spans without an end",
            Self::StartsBeforeParent => "spans that start before their parent (clock skew?)",
            Self::EventOutsideSpan => "span events outside their span",
            Self::MissingLink => "links to spans that are not in the data",
            Self::UnreadableClock => "recorded logical clocks that are no counts from 0 on; taken for missing",
            Self::InvalidTraceState => "tracestate values that W3C Trace Context forbids; kept as they are",
            Self::ContradictoryClock => "timestamps in one process that contradict the certain order; not used",
            Self::MalformedEvent => {
                "exact events without a usable id, causet.seq, incarnation or peer; taken for missing"
            }
            Self::DuplicateEvent => "exact events whose id another one has",
            Self::DuplicateSeq => {
                "exact events in the place (process, incarnation, seq) of another one; the first is kept"
            }
            Self::SeqGap => "gaps in the sequence of an incarnation: exact events are missing",
            Self::MissingPeer => "exact events whose peer or recovered persist is not in the data",
            Self::MisplacedPeer => "timer-fire or durable events that do not follow their peer in its incarnation",
            Self::PeerCycle => "exact events that are their own causes; those edges are left out",
        }
    }
}

/// One kind of problem in some data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    pub problem: Problem,
    pub count: u64,
    /// The position of the first span that has it.
    pub example: usize,
    /// What exactly is wrong there, where the problem alone does not say it.
    pub detail: Option<String>,
}

impl Diagnosis {
    /// As reports have it.
    pub(super) fn told(&self, store: &SpanStore) -> ProblemCount {
        let example = store.span(self.example);
        ProblemCount {
            id: self.problem.id(),
            summary: self.problem.summary(),
            count: self.count,
            trace_id: format!("{:032x}", example.trace_id()),
            span_id: format!("{:016x}", example.id()),
            detail: self.detail.clone(),
        }
    }
}

/// Counts problems.
#[derive(Default)]
pub(super) struct Diagnoses(Vec<Diagnosis>);

impl Diagnoses {
    pub(super) fn note(&mut self, problem: Problem, span: usize) {
        self.note_that(problem, span, || None);
    }

    /// With what exactly is wrong, which is asked for once.
    pub(super) fn note_that(&mut self, problem: Problem, span: usize, detail: impl FnOnce() -> Option<String>) {
        match self.0.iter_mut().find(|known| known.problem == problem) {
            Some(known) => known.count += 1,
            None => self.0.push(Diagnosis { problem, count: 1, example: span, detail: detail() }),
        }
    }

    /// Ordered by kind.
    pub(super) fn finish(mut self) -> Vec<Diagnosis> {
        self.0.sort_by_key(|diagnosis| diagnosis.problem);
        self.0
    }
}
