//! Building the graph: family, certain edges, assumed edges, and breaking what goes in circles.
//!
//! A cycle of certain edges is broken data: its parent and link edges go. A cycle that needs assumed
//! edges means that some clock is wrong: the assumed edges inside it go, the certain ones stay. Both are
//! found as strongly connected components (Kosaraju, which petgraph does without recursion).

use super::diagnose::{Diagnoses, Problem};
use super::graph::{CausalGraph, EdgeKind, Family, Rows, TwoWay};
use super::recorded::Reader;
use crate::store::{Any, SpanStore, Sym};
use crate::trace_context::Malformed;
use foldhash::{HashMap, HashMapExt};
use petgraph::algo::{kosaraju_scc, toposort};

type Edge = (u32, u32, EdgeKind);

/// So many characters of a bad text are told.
const SHOWN: usize = 80;

impl CausalGraph {
    /// The causal order of everything in a store. O(n log n) in spans, events and links.
    pub fn new(store: &SpanStore) -> Self {
        let mut problems = Diagnoses::default();
        let by_id = index(store, &mut problems);
        let layout = Layout::new(store);
        let (mut family_edges, mut parent) = certain_edges(store, &layout, &by_id, &mut problems);
        break_cycles(&layout, &mut family_edges, &mut parent, &mut problems);
        let family = family(parent);
        look_at_spans(store, &family, &mut problems);
        look_at_trace_states(store, &mut problems);
        look_at_clocks(store, &mut problems);

        let (process, processes) = processes(store);
        let mut edges = program_edges(&layout);
        edges.append(&mut family_edges);
        child_end_edges(store, &layout, &family, &mut edges);
        let vertices = local_edges(store, &layout, &process, processes, &mut edges);
        drop_contradictions(&layout, vertices, &mut edges, &mut problems);

        let (forward, backward) = both_ways(vertices, &edges);
        let order = toposort(TwoWay { forward: &forward, backward: &backward, vertices }, None)
            .expect("every cycle was broken before");
        let mut rank = vec![0; vertices];
        for (at, vertex) in order.into_iter().enumerate() {
            rank[vertex as usize] = at as u32;
        }
        Self {
            first_event: layout.first_event,
            event_span: layout.event_span,
            unended: layout.unended,
            vertices,
            forward,
            backward,
            rank,
            process,
            family,
            problems: problems.finish(),
        }
    }
}

fn both_ways(vertices: usize, edges: &[Edge]) -> (Rows, Rows) {
    let forward = Rows::new(vertices, edges.iter().copied());
    let backward = Rows::new(vertices, edges.iter().map(|&(from, to, kind)| (to, from, kind)));
    (forward, backward)
}

/// Where each span's events are among the vertices.
struct Layout {
    first_event: Vec<u32>,
    event_span: Vec<u32>,
    unended: Vec<bool>,
}

impl Layout {
    fn new(store: &SpanStore) -> Self {
        let mut layout = Self { first_event: vec![0], event_span: Vec::new(), unended: Vec::new() };
        for span in store.iter() {
            let unended = span.end() == 0;
            let events = 1 + span.events().len() + usize::from(!unended);
            layout.event_span.extend(std::iter::repeat_n(span.index() as u32, events));
            layout.first_event.push(u32::try_from(layout.event_span.len()).expect("fewer than 2^32 events"));
            layout.unended.push(unended);
        }
        layout
    }

    fn start(&self, span: usize) -> u32 {
        self.first_event[span]
    }

    fn end(&self, span: usize) -> Option<u32> {
        (!self.unended[span]).then(|| self.first_event[span + 1] - 1)
    }
}

type ById = HashMap<(u128, u64), u32>;

fn index(store: &SpanStore, problems: &mut Diagnoses) -> ById {
    let mut by_id = HashMap::with_capacity(store.len());
    for span in store.iter() {
        let at = span.index();
        if *by_id.entry((span.trace_id(), span.id())).or_insert(at as u32) != at as u32 {
            problems.note(Problem::DuplicateId, at);
        }
    }
    by_id
}

/// Parent and link edges, between starts, and each span's parent.
fn certain_edges(
    store: &SpanStore,
    layout: &Layout,
    by_id: &ById,
    problems: &mut Diagnoses,
) -> (Vec<Edge>, Vec<Option<u32>>) {
    let mut edges = Vec::new();
    let mut parents = vec![None; store.len()];
    for span in store.iter() {
        let at = span.index();
        if span.parent() != 0 {
            match by_id.get(&(span.trace_id(), span.parent())) {
                Some(&parent) if parent as usize == at => problems.note(Problem::Cycle, at),
                Some(&parent) => {
                    parents[at] = Some(parent);
                    edges.push((layout.start(parent as usize), layout.start(at), EdgeKind::Parent));
                }
                None => problems.note(Problem::MissingParent, at),
            }
        }
        for link in span.links() {
            match by_id.get(&(link.trace_id, link.span_id)) {
                Some(&linked) if linked as usize == at => problems.note(Problem::Cycle, at),
                Some(&linked) => {
                    edges.push((layout.start(linked as usize), layout.start(at), EdgeKind::Link));
                }
                None => problems.note(Problem::MissingLink, at),
            }
        }
    }
    (edges, parents)
}

/// Leaves out the parent and link edges inside each cycle of them.
fn break_cycles(layout: &Layout, edges: &mut Vec<Edge>, parents: &mut [Option<u32>], problems: &mut Diagnoses) {
    let vertices = layout.event_span.len();
    let (forward, backward) = both_ways(vertices, edges);
    if is_acyclic(vertices, &forward, &backward) {
        return;
    }
    let component = components(vertices, &forward, &backward);
    let in_cycle = |from: u32, to: u32| component[from as usize] == component[to as usize];
    edges.retain(|&(from, to, kind)| {
        let keep = !in_cycle(from, to);
        let span = layout.event_span[to as usize] as usize;
        if !keep {
            problems.note(Problem::Cycle, span);
            if kind == EdgeKind::Parent {
                parents[span] = None;
            }
        }
        keep
    });
}

fn is_acyclic(vertices: usize, forward: &Rows, backward: &Rows) -> bool {
    toposort(TwoWay { forward, backward, vertices }, None).is_ok()
}

/// By vertex: the number of its strongly connected component.
fn components(vertices: usize, forward: &Rows, backward: &Rows) -> Vec<u32> {
    let mut component = vec![0; vertices];
    for (number, members) in kosaraju_scc(TwoWay { forward, backward, vertices }).into_iter().enumerate() {
        for vertex in members {
            component[vertex as usize] = number as u32;
        }
    }
    component
}

fn family(parent: Vec<Option<u32>>) -> Family {
    let edges = parent.iter().enumerate().filter_map(|(child, parent)| Some(((*parent)? as usize, child as u32)));
    let mut starts = vec![0u32; parent.len() + 1];
    for (parent, _) in edges.clone() {
        starts[parent + 1] += 1;
    }
    for at in 0..parent.len() {
        starts[at + 1] += starts[at];
    }
    let mut next = starts.clone();
    let mut children = vec![0; starts[parent.len()] as usize];
    for (parent, child) in edges {
        children[next[parent] as usize] = child;
        next[parent] += 1;
    }
    Family { parent, starts, children }
}

/// Notes each `tracestate` that can't be propagated; each distinct one is read once.
fn look_at_trace_states(store: &SpanStore, problems: &mut Diagnoses) {
    let mut known: HashMap<Sym, Option<Malformed>> = HashMap::new();
    for span in store.iter() {
        let states = std::iter::once(span.trace_state()).chain(span.links().map(|link| link.trace_state));
        for state in states.filter(|state| *state != Sym::EMPTY) {
            let wrong = *known.entry(state).or_insert_with(|| store.read_trace_state(state).err());
            if let Some(wrong) = wrong {
                let detail = || Some(format!("{wrong}, in {}", quoted(store.text(state))));
                problems.note_that(Problem::InvalidTraceState, span.index(), detail);
            }
        }
    }
}

/// Notes each recorded logical clock that can't be read.
fn look_at_clocks(store: &SpanStore, problems: &mut Diagnoses) {
    let Some(mut reader) = Reader::new(store) else { return };
    for span in store.iter() {
        let recorded = span.events().map(|event| event.attributes);
        for rows in std::iter::once(span.attributes()).chain(recorded) {
            for (name, expected, value) in reader.unreadable(rows) {
                let detail = || Some(format!("{name} is no {expected}: {}", described(store, value)));
                problems.note_that(Problem::UnreadableClock, span.index(), detail);
            }
        }
    }
}

/// An attribute's value in a few words.
fn described(store: &SpanStore, value: Any) -> String {
    match value {
        Any::Str(sym) => quoted(store.text(sym)),
        Any::Int(number) => number.to_string(),
        Any::Map(rows) => {
            let pair = |(key, value)| match value {
                // Counts are no deeper.
                Any::Map(_) => format!("{}: a map", quoted(store.text(key))),
                value => format!("{}: {}", quoted(store.text(key)), described(store, value)),
            };
            let mut pairs: Vec<String> = store.attributes().pairs(rows).take(9).map(pair).collect();
            pairs.extend((pairs.len() == 9).then(|| "…".to_owned()));
            format!("{{{}}}", pairs.join(", "))
        }
        _ => "a value of another type".to_owned(),
    }
}

/// The beginning of a text.
fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}

/// Notes what is wrong with single spans and with traces.
fn look_at_spans(store: &SpanStore, family: &Family, problems: &mut Diagnoses) {
    let mut roots = vec![0u32; store.traces().len()];
    let mut first_span = vec![None; store.traces().len()];
    for span in store.iter() {
        let at = span.index();
        first_span[span.trace()].get_or_insert(at);
        if span.parent() == 0 {
            roots[span.trace()] += 1;
        }
        if span.end() == 0 {
            problems.note(Problem::Unended, at);
        } else if span.end() < span.start() {
            problems.note(Problem::NegativeDuration, at);
        }
        if span.start() > 0 && family.parent(at).is_some_and(|parent| span.start() < store.span(parent).start()) {
            problems.note(Problem::StartsBeforeParent, at);
        }
        let outside = |time: u64| time < span.start() || (span.end() >= span.start() && time > span.end());
        for event in span.events() {
            if outside(event.time) {
                problems.note(Problem::EventOutsideSpan, at);
            }
        }
    }
    for (trace, &count) in roots.iter().enumerate() {
        let Some(span) = first_span[trace] else { continue };
        match count {
            0 => problems.note(Problem::NoRoot, span),
            1 => {}
            _ => problems.note(Problem::SeveralRoots, span),
        }
    }
}

/// By span: its process, as far as its resource tells: service and instance.
fn processes(store: &SpanStore) -> (Vec<u32>, usize) {
    let mut numbers: HashMap<(Sym, Sym), u32> = HashMap::new();
    let of_resource: Vec<u32> = store
        .resources()
        .iter()
        .map(|resource| {
            let next = numbers.len() as u32;
            *numbers.entry((resource.service, resource.instance)).or_insert(next)
        })
        .collect();
    (store.iter().map(|span| of_resource[span.resource_id().index()]).collect(), numbers.len())
}

fn program_edges(layout: &Layout) -> Vec<Edge> {
    let same_span = |&at: &u32| layout.event_span[at as usize] == layout.event_span[at as usize + 1];
    let last = (layout.event_span.len() as u32).saturating_sub(1);
    (0..last).filter(same_span).map(|at| (at, at + 1, EdgeKind::Program)).collect()
}

fn child_end_edges(store: &SpanStore, layout: &Layout, family: &Family, edges: &mut Vec<Edge>) {
    for span in store.iter() {
        let Some(parent) = family.parent(span.index()) else { continue };
        let (Some(end), Some(parent_end)) = (layout.end(span.index()), layout.end(parent)) else { continue };
        let outer = store.span(parent);
        let inside = outer.start() <= span.start() && span.start() <= span.end() && span.end() <= outer.end();
        if inside {
            edges.push((end, parent_end, EdgeKind::ChildEnd));
        }
    }
}

/// Orders the events of each process by its clock. Events at the same time stay unordered; where there
/// are several, a vertex of its own separates them from the next ones, so that edges stay linear.
/// Returns the number of vertices.
fn local_edges(store: &SpanStore, layout: &Layout, process: &[u32], processes: usize, edges: &mut Vec<Edge>) -> usize {
    let mut by_process: Vec<Vec<(u64, u32)>> = vec![Vec::new(); processes];
    for span in store.iter() {
        // A span whose own times make no sense says nothing about the order in its process.
        if span.start() == 0 || (span.end() != 0 && span.end() < span.start()) {
            continue;
        }
        let events = &mut by_process[process[span.index()] as usize];
        let first = layout.start(span.index());
        let mut latest = span.start();
        events.push((latest, first));
        for (at, event) in span.events().enumerate() {
            // Program order wins over an event's own idea of its time.
            if event.time >= latest {
                latest = event.time;
                events.push((latest, first + 1 + at as u32));
            }
        }
        if let Some(end) = layout.end(span.index())
            && span.end() >= latest
        {
            events.push((span.end(), end));
        }
    }
    let mut vertices = layout.event_span.len() as u32;
    for events in &mut by_process {
        events.sort_unstable();
        let mut groups = events.chunk_by(|a, b| a.0 == b.0).peekable();
        while let Some(group) = groups.next() {
            let Some(next) = groups.peek() else { break };
            if let ([(_, from)], [(_, to)]) = (group, *next) {
                edges.push((*from, *to, EdgeKind::Local));
                continue;
            }
            let between = vertices;
            vertices += 1;
            edges.extend(group.iter().map(|(_, from)| (*from, between, EdgeKind::Local)));
            edges.extend(next.iter().map(|(_, to)| (between, *to, EdgeKind::Local)));
        }
    }
    vertices as usize
}

/// Leaves out the assumed edges inside each cycle that needs them.
fn drop_contradictions(layout: &Layout, vertices: usize, edges: &mut Vec<Edge>, problems: &mut Diagnoses) {
    let (forward, backward) = both_ways(vertices, edges);
    if is_acyclic(vertices, &forward, &backward) {
        return;
    }
    let component = components(vertices, &forward, &backward);
    edges.retain(|&(from, to, kind)| {
        let keep = kind.is_certain() || component[from as usize] != component[to as usize];
        if !keep {
            let event = [from, to].into_iter().find_map(|vertex| layout.event_span.get(vertex as usize));
            problems.note(Problem::ContradictoryClock, event.map_or(0, |span| *span as usize));
        }
        keep
    });
}
