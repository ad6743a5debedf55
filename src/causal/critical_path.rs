//! The critical path of a span: what its end waited for.
//!
//! Walking back from the end: the child that ended last before the point where we are is what the span
//! waited for; before that child started, the next one that had ended by then; what no child covers is the
//! span's own. Children that end after their parent are left out, since the parent did not wait
//! for them. (The rule of CRISP, Zhang et al., USENIX ATC 2022, but without quadratic rescans.)

use super::graph::Family;
use crate::store::SpanStore;

/// A stretch of time that the path spends in one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Position of the span.
    pub span: usize,
    /// Nanoseconds since the Unix epoch.
    pub from: u64,
    /// Nanoseconds since the Unix epoch.
    pub to: u64,
}

/// A span on the way back: how far we are in it, and which of its children are still to be looked at.
struct Frame {
    span: usize,
    now: u64,
    /// The span's start, or that of the span that waits for it if that is later.
    start: u64,
    /// Children in ascending order of end; the last ones are looked at first.
    children: Vec<usize>,
}

impl Frame {
    fn new(store: &SpanStore, family: &Family, span: usize, now: u64, floor: u64) -> Self {
        let mut children: Vec<usize> = family.children(span).iter().map(|&child| child as usize).collect();
        let end = |&child: &usize| (end(store, child), store.span(child).start(), child);
        children.sort_unstable_by_key(end);
        Self { span, now, start: store.span(span).start().max(floor), children }
    }
}

fn end(store: &SpanStore, span: usize) -> u64 {
    let span = store.span(span);
    span.start() + span.duration()
}

/// The critical path of a span, in order of time. O(n log n) in its descendants.
pub fn critical_path(store: &SpanStore, family: &Family, root: usize) -> Vec<Segment> {
    let mut path = Vec::new();
    let mut stack = vec![Frame::new(store, family, root, end(store, root), 0)];
    while let Some(frame) = stack.last_mut() {
        let start = frame.start;
        let waited_for = loop {
            match frame.children.pop() {
                Some(child) if end(store, child) <= frame.now && end(store, child) > start => break Some(child),
                Some(_) => {}
                None => break None,
            }
        };
        let from = waited_for.map_or(start, |child| end(store, child));
        if from < frame.now {
            path.push(Segment { span: frame.span, from, to: frame.now });
        }
        match waited_for {
            Some(child) => {
                frame.now = store.span(child).start().max(start);
                stack.push(Frame::new(store, family, child, from, start));
            }
            None => {
                stack.pop();
            }
        }
    }
    path.reverse();
    path
}
