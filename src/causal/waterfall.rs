//! One trace, span by span: who called whom, when, what the end waited for, and what is linked.

use super::overview::{longest_root, named, path_steps};
use super::{CausalGraph, Diagnosis, Problem, critical_path, self_times};
use crate::outcome::{ProblemCount, TraceSpan, Waterfall, WaterfallLink, WaterfallRow};
use crate::store::{SpanId, SpanRef, SpanStore, StatusCode};
use foldhash::{HashMap, HashMapExt, HashSet};

/// The links that leave or enter the spans of a trace, by the id of its span. O(spans + links) of the whole store.
pub type LinksOfTrace = HashMap<SpanId, Vec<WaterfallLink>>;

/// Finds them, in a store that also has the other traces.
pub fn links_of_trace(store: &SpanStore, trace: u128) -> LinksOfTrace {
    let mut links = LinksOfTrace::new();
    // By the ids of a linked span: where it is wanted.
    let mut wanted: HashMap<(u128, SpanId), Vec<(SpanId, usize)>> = HashMap::new();
    for span in store.iter() {
        for link in span.links() {
            if span.trace_id() == trace {
                let list = links.entry(span.id()).or_default();
                wanted.entry((link.trace_id, link.span_id)).or_default().push((span.id(), list.len()));
                let other = TraceSpan { span_id: format!("{:016x}", link.span_id), ..TraceSpan::default() };
                let trace_id = format!("{:032x}", link.trace_id);
                list.push(WaterfallLink { outgoing: true, trace_id, other, present: false });
            }
            if link.trace_id == trace {
                let trace_id = format!("{:032x}", span.trace_id());
                let other = named(store, span.index());
                let incoming = WaterfallLink { outgoing: false, trace_id, other, present: true };
                links.entry(link.span_id).or_default().push(incoming);
            }
        }
    }
    for span in store.iter() {
        for (owner, at) in wanted.remove(&(span.trace_id(), span.id())).into_iter().flatten() {
            if let Some(link) = links.get_mut(&owner).and_then(|list| list.get_mut(at)) {
                link.other = named(store, span.index());
                link.present = true;
            }
        }
    }
    links
}

/// What is wrong with the links of some spans of a store: those to spans that are not in it. Of a part of the store it
/// can't be told. O(spans + links).
pub fn missing_links(store: &SpanStore, asked: impl Fn(SpanRef<'_>) -> bool) -> Option<ProblemCount> {
    let links = || {
        let spans = store.iter().filter(|span| asked(*span));
        spans.flat_map(|span| span.links().map(move |link| (span, (link.trace_id, link.span_id))))
    };
    let mut missing: HashSet<(u128, SpanId)> = links().map(|(_, to)| to).collect();
    for span in store.iter() {
        missing.remove(&(span.trace_id(), span.id()));
    }
    let mut dangling = links().filter(|(_, to)| missing.contains(to)).map(|(span, _)| span);
    let example = dangling.next()?;
    let (problem, count) = (Problem::MissingLink, 1 + dangling.count() as u64);
    Some(Diagnosis { problem, count, example: example.index(), detail: None }.told(store))
}

/// The waterfall of a store that has one trace. O(n log n).
pub fn waterfall(store: &SpanStore, graph: &CausalGraph, mut links: LinksOfTrace) -> Waterfall {
    let selves = self_times(store, graph.family());
    let mut critical: Vec<Vec<(u64, u64)>> = vec![Vec::new(); store.len()];
    let root = longest_root(store, graph, 0..store.len() as u32);
    if let Some(root) = root {
        for segment in critical_path(store, graph.family(), root as usize) {
            critical[segment.span].push((segment.from, segment.to));
        }
    }
    let ids: HashSet<SpanId> = store.iter().map(|span| span.id()).collect();
    let mut rows = Vec::with_capacity(store.len());
    for (at, depth) in preorder(store, graph) {
        let span = store.span(at);
        rows.push(WaterfallRow {
            span: named(store, at),
            parent_id: if span.parent() == 0 { String::new() } else { format!("{:016x}", span.parent()) },
            has_parent: graph.family().parent(at).is_some(),
            in_cycle: graph.family().parent(at).is_none() && ids.contains(&span.parent()),
            depth,
            kind: span.kind().id(),
            start_ns: span.start(),
            end_ns: span.end(),
            duration_ns: span.duration(),
            self_ns: selves[at],
            critical: std::mem::take(&mut critical[at]),
            error: span.status() == StatusCode::Error,
            message: store.text(span.status_message()).to_owned(),
            events: span.events().len() as u64,
            links: links.remove(&span.id()).unwrap_or_default(),
        });
    }
    let times = || store.iter().flat_map(|span| [span.start(), span.end()]).filter(|&time| time > 0);
    Waterfall {
        trace_id: store.traces().first().map_or_else(String::new, |trace| format!("{trace:032x}")),
        start_ns: times().min().unwrap_or(0),
        end_ns: times().max().unwrap_or(0),
        spans: rows.len() as u64,
        errors: rows.iter().filter(|row| row.error).count() as u64,
        rows,
        critical_path: root.map_or_else(Vec::new, |root| path_steps(store, graph, root as usize)),
    }
}

/// All spans with their depths: parents before their children, siblings by start.
fn preorder(store: &SpanStore, graph: &CausalGraph) -> Vec<(usize, u64)> {
    let by_start_descending = |spans: &mut Vec<usize>| {
        spans.sort_by_key(|&span| std::cmp::Reverse((store.span(span).start(), span)));
    };
    let mut roots: Vec<usize> = (0..store.len()).filter(|&span| graph.family().parent(span).is_none()).collect();
    by_start_descending(&mut roots);
    let mut todo: Vec<(usize, u64)> = roots.into_iter().map(|root| (root, 0)).collect();
    let mut order = Vec::with_capacity(store.len());
    while let Some((span, depth)) = todo.pop() {
        order.push((span, depth));
        let mut children: Vec<usize> = graph.family().children(span).iter().map(|&child| child as usize).collect();
        by_start_descending(&mut children);
        todo.extend(children.into_iter().map(|child| (child, depth + 1)));
    }
    order
}
