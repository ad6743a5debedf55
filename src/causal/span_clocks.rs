//! What processes believed, in traces without exact events: recorded clocks held against the certain order of spans.
//!
//! A clock on a span event is of that event. A clock on a span is of its start, unless the spans of the service tell
//! otherwise: some write it when the span is done, and then it says nothing of what followed the start. So such a
//! clock accuses only where most of its service's read as clocks of starts, or where whoever looks from the start
//! or from the end alike sees that it is wrong: a span knows nothing of the process that called it.
//!
//! Only edges are judged that hold whatever the wall clocks say: parent → child, linked span → span, program order in a
//! span. A pair without a path is not accused of knowing each other, since a message may have gone untraced; and equal
//! clocks are not accused, since not every clock ticks at every event.

use super::graph::{CausalGraph, EdgeKind, EventId};
use super::recorded::{ClockKind, Reader, Vector, of_lamports, of_vectors};
use super::relation::Relation;
use crate::store::{Any, Rows, SpanStore, Sym};
use foldhash::{HashMap, HashMapExt, HashSet};

/// Two events of which the recorded clocks deny that the first is before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanDisagreement {
    pub clock: ClockKind,
    /// By certain edges before `b`.
    pub a: EventId,
    pub b: EventId,
    /// How `a` stands to `b` by the recorded clocks.
    pub recorded: Relation,
}

/// What the comparison found.
#[derive(Clone, Debug, Default)]
pub struct SpanDisagreements {
    /// In the order of `b`.
    pub pairs: Vec<SpanDisagreement>,
    /// By service: how many pairs of events were compared, of which the second is the service's.
    pub compared: HashMap<Sym, u64>,
}

/// Every pair of neighbours with recorded clocks that deny the certain order. Spans of traces with exact events are
/// left to [`super::disagreements`]. Where spans have no clock, a path is followed back to the nearest one that has, by
/// parents first: what is found is wrong, but not all that is wrong is found. O(spans × entries of a vector).
pub fn span_disagreements(graph: &CausalGraph, store: &SpanStore) -> SpanDisagreements {
    let Some(reader) = Reader::new(store) else { return SpanDisagreements::default() };
    let clocks = Clocks::read(graph, store, reader);
    let pairs = clocks.pairs(graph, store);
    let of_start = services_of_starts(graph, store, &clocks, &pairs);
    let mut found = SpanDisagreements::default();
    for pair in pairs {
        *found.compared.entry(service(graph, store, pair.b)).or_insert(0) += 1;
        let contradicts = !matches!(pair.recorded, Relation::Before | Relation::Equal);
        let sure = !pair.from_span || pair.ignorant || of_start.contains(&service(graph, store, pair.a));
        if contradicts && sure {
            let Pair { clock, a, b, recorded, .. } = pair;
            found.pairs.push(SpanDisagreement { clock, a, b, recorded });
        }
    }
    found.pairs.sort_by_key(|pair| (pair.b, pair.a, pair.clock == ClockKind::Lamport));
    found
}

fn service(graph: &CausalGraph, store: &SpanStore, event: EventId) -> Sym {
    store.span(graph.span_of(event)).service()
}

/// Two neighbours with clocks.
struct Pair {
    clock: ClockKind,
    a: EventId,
    b: EventId,
    recorded: Relation,
    /// Whether the clock of `a` is the one on its span.
    from_span: bool,
    /// Whether `b` knows nothing of the process of `a`.
    ignorant: bool,
}

/// Services of whose spans' clocks at least two thirds read as clocks of starts, by what came after them.
fn services_of_starts(graph: &CausalGraph, store: &SpanStore, clocks: &Clocks, pairs: &[Pair]) -> HashSet<Sym> {
    let mut counts: HashMap<Sym, [u64; 2]> = HashMap::new();
    for pair in pairs.iter().filter(|pair| pair.from_span && !pair.ignorant) {
        // Where there is a vector, the Lamport clock of the same pair is no second witness.
        if pair.clock == ClockKind::Lamport && clocks.has_vectors(pair) {
            continue;
        }
        let agrees = matches!(pair.recorded, Relation::Before | Relation::Equal);
        counts.entry(service(graph, store, pair.a)).or_default()[usize::from(agrees)] += 1;
    }
    counts.retain(|_, [against, in_favour]| *in_favour >= *against * 2 && *in_favour > 0);
    counts.into_keys().collect()
}

/// A recorded clock.
#[derive(Clone, Debug, Default)]
struct Clock {
    lamport: Option<u64>,
    vector: Option<Vector>,
}

/// The recorded clocks, by event.
struct Clocks {
    of: HashMap<EventId, Clock>,
    /// By resource: the keys in vectors that may be its process.
    own: Vec<Vec<u32>>,
    /// By span: whether its trace has exact events.
    exact: Vec<bool>,
}

impl Clocks {
    fn read(graph: &CausalGraph, store: &SpanStore, mut reader: Reader<'_>) -> Self {
        let exact = exact_traces(store);
        let mut of = HashMap::new();
        let mut read = |event: EventId, rows: Rows| {
            let clock = Clock { lamport: reader.lamport(rows), vector: reader.vector(rows) };
            if clock.lamport.is_some() || clock.vector.is_some() {
                of.insert(event, clock);
            }
        };
        for span in store.iter().filter(|span| !exact[span.trace()]) {
            let events = graph.events_of(span.index());
            read(graph.start(span.index()), span.attributes());
            events.skip(1).zip(span.events()).for_each(|(event, recorded)| read(event, recorded.attributes));
        }
        let instance = store.strings().find("service.instance.id");
        let own = store.resources().iter().map(|resource| {
            let instance = instance.and_then(|name| store.attributes().find(resource.attributes, name));
            let names = [Some(resource.service), Some(resource.instance), instance.and_then(text)];
            let names = names.into_iter().flatten().filter(|name| *name != Sym::EMPTY).map(|name| store.text(name));
            names.flat_map(|name| [reader.key(name), reader.key(&format!("{name}.0"))]).flatten().collect()
        });
        let own = own.collect();
        Self { of, own, exact: store.iter().map(|span| exact[span.trace()]).collect() }
    }

    fn has_vectors(&self, pair: &Pair) -> bool {
        [pair.a, pair.b].iter().all(|event| self.of.get(event).is_some_and(|clock| clock.vector.is_some()))
    }

    /// All pairs to compare, by span.
    fn pairs(&self, graph: &CausalGraph, store: &SpanStore) -> Vec<Pair> {
        let mut pairs = Vec::new();
        // By span without a clock: the nearest one before it that has one.
        let mut nearest: Vec<Option<u32>> = vec![None; store.len()];
        let starts = graph.linear_extension().into_iter().filter(|vertex| vertex.index() < graph.len());
        for event in starts {
            let span = graph.span_of(event);
            if self.exact[span] {
                continue;
            }
            if event != graph.start(span) {
                if self.of.contains_key(&event) {
                    let before = (graph.start(span).index()..event.index()).rev().map(|at| EventId(at as u32));
                    let before = before.into_iter().find(|before| self.of.contains_key(before));
                    pairs.extend(before.into_iter().flat_map(|before| self.pair(graph, store, before, event)));
                }
                continue;
            }
            let mut sources: Vec<(EventId, EdgeKind)> =
                graph.predecessors(event).filter(|(_, kind)| kind.is_certain()).collect();
            sources.sort_by_key(|(from, kind)| (*kind != EdgeKind::Parent, *from));
            let with_clock = sources.into_iter().filter_map(|(from, _)| {
                let from_span = graph.span_of(from);
                if self.of.contains_key(&from) { Some(from_span as u32) } else { nearest[from_span] }
            });
            let with_clock: Vec<u32> = with_clock.collect();
            if self.of.contains_key(&event) {
                let before = with_clock.iter().map(|from| graph.start(*from as usize));
                pairs.extend(before.flat_map(|before| self.pair(graph, store, before, event)));
            } else {
                nearest[span] = with_clock.first().copied();
            }
        }
        pairs
    }

    fn pair(&self, graph: &CausalGraph, store: &SpanStore, a: EventId, b: EventId) -> Vec<Pair> {
        let (of_a, of_b) = (&self.of[&a], &self.of[&b]);
        let span = graph.span_of(a);
        let from_span = a == graph.start(span);
        let pair = |clock, recorded, ignorant| Pair { clock, a, b, recorded, from_span, ignorant };
        let vectors = of_a.vector.as_ref().zip(of_b.vector.as_ref()).map(|(before, after)| {
            let own = &self.own[store.span(span).resource_id().index()];
            let knows = |vector: &Vector| vector.iter().any(|(key, _)| own.contains(key));
            let ignorant = knows(before) && !knows(after);
            pair(ClockKind::Vector, of_vectors(before, after), ignorant)
        });
        let lamports = of_a.lamport.zip(of_b.lamport).map(|(before, after)| {
            let recorded = if before == after { Relation::Equal } else { of_lamports(before, after) };
            pair(ClockKind::Lamport, recorded, false)
        });
        vectors.into_iter().chain(lamports).collect()
    }
}

fn text(value: Any) -> Option<Sym> {
    match value {
        Any::Str(sym) => Some(sym),
        _ => None,
    }
}

/// By trace: whether it has exact events, which alone are its order.
fn exact_traces(store: &SpanStore) -> Vec<bool> {
    let mut exact = vec![false; store.traces().len()];
    if let Some(id) = store.strings().find("causet.event.id") {
        for span in store.iter() {
            exact[span.trace()] |= span.events().any(|event| store.attributes().find(event.attributes, id).is_some());
        }
    }
    exact
}
