//! How spans stand to each other, defined by how their events do.
//!
//! Events are before, after or concurrent. A span is several events in a row, so that there is more to say of two
//! spans (Lamport, "On interprocess communication", 1986): `a` *precedes* `b` if all events of `a` are before
//! all of `b`, that is, the last of `a` before the first of `b`; and `a` *can affect* `b` if some event of `a`
//! is before some event of `b`, that is, the first of `a` before the last of `b`.

/// The events that are compared, as one: all of a span, or a single event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The position of the span.
    pub span: usize,
    pub first: u32,
    pub last: u32,
    /// Whether events after the last one are not in the data: the span has no recorded end.
    pub open: bool,
}

/// Whether one event is before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Unknown,
}

/// How two extents stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Before,
    After,
    /// Neither precedes the other, but one can affect the other.
    Overlapping,
    Concurrent,
    Equal,
    Unknown,
}

impl Standing {
    /// The word used in reports.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Overlapping => "overlapping",
            Self::Concurrent => "concurrent",
            Self::Equal => "equal",
            Self::Unknown => "unknown",
        }
    }
}

/// How `a` stands to `b`, from whether one event is before another. That is asked only of events at the ends of the two.
pub(super) fn stand(a: Extent, b: Extent, before: impl Fn(u32, u32) -> Truth) -> Standing {
    use Truth::{No, Unknown, Yes};
    let whole = |x: Extent, y: Extent| match before(x.last, y.first) {
        Yes if x.open => Unknown,
        truth => truth,
    };
    if a == b {
        return Standing::Equal;
    }
    let (a_whole, b_whole) = (whole(a, b), whole(b, a));
    if a_whole == Yes {
        return Standing::Before;
    }
    if b_whole == Yes {
        return Standing::After;
    }
    let (a_affects, b_affects) = (before(a.first, b.last), before(b.first, a.last));
    // Of which nothing is after any event of the other, that may be wholly before it.
    let may_be_whole = (a_whole == Unknown && b_affects != Yes) || (b_whole == Unknown && a_affects != Yes);
    match (a_affects, b_affects) {
        (Yes, _) | (_, Yes) if may_be_whole => Standing::Unknown,
        (Yes, _) | (_, Yes) => Standing::Overlapping,
        (No, No) => Standing::Concurrent,
        _ => Standing::Unknown,
    }
}
