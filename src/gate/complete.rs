//! Whether the traces are all there: a trace is whole when it has a root, and the root has ended.

use crate::store::SpanStore;

/// What is missing of some traces, in words; nothing if nothing is.
pub fn missing(store: &SpanStore) -> Option<String> {
    let (mut rootless, mut open) = (Vec::new(), Vec::new());
    for (trace, spans) in store.spans_by_trace().iter().enumerate() {
        let mut roots = spans.iter().map(|&span| store.span(span as usize)).filter(|span| span.parent() == 0);
        match roots.next() {
            None => rootless.push(trace),
            Some(first) if first.end() == 0 || roots.any(|root| root.end() == 0) => open.push(trace),
            Some(_) => {}
        }
    }
    let all = store.traces().len();
    let tell = |traces: &[usize], what: &str| {
        let first = traces.first().map(|&trace| store.traces()[trace])?;
        let have = if traces.len() == 1 { "has" } else { "have" };
        Some(format!("{} of {all} traces {have} {what} (the first: {first:032x})", traces.len()))
    };
    let parts = [tell(&rootless, "no root"), tell(&open, "a root that has not ended")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", and "))
}
