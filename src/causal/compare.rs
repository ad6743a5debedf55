//! Questions about the order of spans, answered as a report tells them.

use super::exact::{ExactEdge, ExactEvent, ExactOrder};
use super::extent::{Extent, Standing, Truth, stand};
use super::gaps::Gaps;
use super::graph::{CausalGraph, EventId};
use super::relation::Relation;
use crate::outcome::{Concurrent, Evidenced, Pair, Place, Step};
use crate::store::SpanStore;

/// What of a span is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// All its events; of exact ones those that it records.
    Whole,
    /// Its start; of exact events the first.
    Start,
    /// Its end; of exact events the last.
    End,
    /// The n-th event that was recorded in it, from 1.
    Recorded(usize),
}

/// The order of some traces.
enum Order {
    /// The one that they state themselves.
    Exact(Box<ExactOrder>),
    /// The one that was rebuilt.
    Rebuilt(Box<CausalGraph>),
}

/// Answers questions about the order of some traces.
pub struct Comparer<'a> {
    store: &'a SpanStore,
    order: Order,
    /// Of exact orders: the first and the last event of each span that has any.
    recorded: Vec<Option<[u32; 2]>>,
}

impl<'a> Comparer<'a> {
    /// O(n log n).
    pub fn new(store: &'a SpanStore) -> Self {
        let mut recorded = Vec::new();
        let order = match ExactOrder::new(store) {
            Some(order) => {
                recorded.resize(store.len(), None);
                for event in order.events() {
                    let at = event.index() as u32;
                    recorded[order.span(event)].get_or_insert([at, at])[1] = at;
                }
                Order::Exact(Box::new(order))
            }
            None => Order::Rebuilt(Box::new(CausalGraph::new(store))),
        };
        Self { store, order, recorded }
    }

    /// How one span, or an event of it, stands to another; where that is unknown, also why. O(edges), and O(edges) for
    /// each missing span before the first one.
    ///
    /// # Errors
    /// A text that says which of the two events there is not.
    pub fn pair(&self, a: (usize, At), b: (usize, At)) -> Result<(Pair, Option<String>), String> {
        let [x, y] = [self.extent(a)?, self.extent(b)?];
        let around = self.around(x);
        let before = |from, to| self.before(&around, from, to);
        let relation = stand(x, y, before);
        let facts = match relation {
            Standing::Before => self.precedence(x, y),
            Standing::After => self.precedence(y, x),
            Standing::Overlapping | Standing::Unknown => {
                let facts = known(x, y, |from, to| before(from, to) == Truth::Yes);
                facts.into_iter().filter_map(|(from, to)| self.evidence(from, to)).collect()
            }
            Standing::Concurrent | Standing::Equal => Vec::new(),
        };
        let why = (relation == Standing::Unknown).then(|| self.why(x, y));
        let certain = match relation {
            Standing::Unknown => None,
            Standing::Before | Standing::After => facts.first().map(|fact| fact.certain),
            Standing::Overlapping => Some(facts.iter().any(|fact| fact.certain)),
            Standing::Concurrent | Standing::Equal => Some(true),
        };
        let exact = matches!(self.order, Order::Exact(_));
        let pair = Pair { from: self.named(a), to: self.named(b), relation: relation.id(), certain, exact, facts };
        Ok((pair, why))
    }

    /// That all of `x` is before all of `y`, and, if that is only assumed and it is certain, that it starts before.
    fn precedence(&self, x: Extent, y: Extent) -> Vec<Evidenced> {
        let mut facts: Vec<Evidenced> = self.evidence(x.last, y.first).into_iter().collect();
        if x.first != x.last && facts.iter().any(|fact| !fact.certain) {
            facts.extend(self.evidence(x.first, y.first).filter(|fact| fact.certain));
        }
        facts
    }

    /// How all other spans stand to one, or to an event of it. O(n log n), and O(edges) for each missing span before it.
    ///
    /// # Errors
    /// A text that says that there is no such event.
    pub fn concurrent(&self, with: (usize, At)) -> Result<Concurrent, String> {
        let x = self.extent(with)?;
        let around = self.around(x);
        let exact = matches!(self.order, Order::Exact(_));
        let mut found = Concurrent { with: self.named(with), exact, ..Concurrent::default() };
        for span in (0..self.store.len()).filter(|span| *span != with.0) {
            // Of exact events, spans without any have no place in the order.
            let Ok(y) = self.extent((span, At::Whole)) else { continue };
            match stand(x, y, |from, to| self.before(&around, from, to)) {
                Standing::Before => found.after += 1,
                Standing::After => found.before += 1,
                Standing::Overlapping => found.overlapping += 1,
                Standing::Concurrent => found.concurrent.push(self.named((span, At::Whole))),
                Standing::Unknown => found.unknown.push(self.named((span, At::Whole))),
                Standing::Equal => {}
            }
        }
        (found.all_concurrent, found.all_unknown) = (found.concurrent.len() as u64, found.unknown.len() as u64);
        let Concurrent { with, concurrent, unknown, .. } = &mut found;
        for list in [concurrent, unknown] {
            list.sort_by_key(|place| (place.trace_id != with.trace_id, place.time_ns.abs_diff(with.time_ns)));
        }
        Ok(found)
    }

    fn extent(&self, (span, at): (usize, At)) -> Result<Extent, String> {
        let missing = |what: &str| Err(format!("span {:016x} {what}", self.store.span(span).id()));
        let one = |event: u32| Ok(Extent { span, first: event, last: event, open: false });
        match &self.order {
            Order::Exact(order) => {
                let Some([first, last]) = self.recorded[span] else {
                    return missing("records no exact event (causet.event.id), and these alone are the order here");
                };
                match at {
                    At::Whole => Ok(Extent { span, first, last, open: false }),
                    At::Start => one(first),
                    At::End => one(last),
                    At::Recorded(nth) => {
                        let mut of_span = order.events().filter(|event| order.span(*event) == span);
                        match nth.checked_sub(1).and_then(|nth| of_span.nth(nth)) {
                            Some(event) => one(event.index() as u32),
                            None => missing(&format!("records no exact event number {nth}")),
                        }
                    }
                }
            }
            Order::Rebuilt(graph) => {
                let events = self.store.span(span).events().len();
                match (at, graph.end(span)) {
                    (At::Whole, end) => {
                        let first = graph.start(span).0;
                        let last = end.map_or(first + events as u32, |end| end.0);
                        Ok(Extent { span, first, last, open: end.is_none() })
                    }
                    (At::Start, _) => one(graph.start(span).0),
                    (At::End, Some(end)) => one(end.0),
                    (At::End, None) => missing("never ended"),
                    (At::Recorded(nth), _) if (1..=events).contains(&nth) => one(graph.start(span).0 + nth as u32),
                    (At::Recorded(nth), _) => missing(&format!("records no event number {nth}")),
                }
            }
        }
    }

    /// What there is to know about the order of an extent's ends to all other events.
    fn around(&self, x: Extent) -> Vec<Around> {
        match &self.order {
            Order::Exact(_) => Vec::new(),
            Order::Rebuilt(graph) => {
                let gaps = Gaps::new(graph, self.store);
                let around = |event: u32| {
                    let of = EventId(event);
                    let [past, future] = [graph.past(of), graph.future(of)];
                    Around { event, past, future, may_precede: gaps.may_precede(of), may_follow: gaps.may_follow(of) }
                };
                if x.first == x.last { vec![around(x.first)] } else { vec![around(x.first), around(x.last)] }
            }
        }
    }

    /// Whether one event is before another; one of them is an end of the extent that it was looked around.
    fn before(&self, around: &[Around], a: u32, b: u32) -> Truth {
        if a == b {
            return Truth::No;
        }
        let [yes, no, unknown] = match &self.order {
            Order::Exact(order) => {
                let known = order.precedes(ExactEvent::numbered(a), ExactEvent::numbered(b));
                [known == Some(true), known == Some(false), true]
            }
            Order::Rebuilt(_) => {
                let at = |event| around.iter().find(|around| around.event == event);
                let looks = at(a).map(|x| [x.future[b as usize], x.past[b as usize], x.may_follow[b as usize]]);
                let looked_at = || at(b).map(|x| [x.past[a as usize], x.future[a as usize], x.may_precede[a as usize]]);
                looks.or_else(looked_at).expect("one of them is an end")
            }
        };
        match (yes, no, unknown) {
            (true, ..) => Truth::Yes,
            (_, false, true) => Truth::Unknown,
            _ => Truth::No,
        }
    }

    /// Two events that are in order, with a shortest path.
    fn evidence(&self, from: u32, to: u32) -> Option<Evidenced> {
        let step = |edge: &'static str, certain, event| Step { edge, certain, place: self.place(event) };
        let path: Vec<Step> = match &self.order {
            Order::Exact(order) => {
                let path = order.steps(ExactEvent::numbered(from), ExactEvent::numbered(to))?;
                path.into_iter()
                    .map(|(event, edge): (_, ExactEdge)| step(edge.id(), true, event.index() as u32))
                    .collect()
            }
            Order::Rebuilt(graph) => {
                let path = graph.path(EventId(from), EventId(to))?;
                path.into_iter().map(|(event, edge)| step(edge.id(), edge.is_certain(), event.0)).collect()
            }
        };
        let certain = path.iter().all(|step| step.certain);
        Some(Evidenced { earlier: self.place(from), later: self.place(to), certain, path })
    }

    /// Why the order of two extents can't be known.
    fn why(&self, x: Extent, y: Extent) -> String {
        let Order::Rebuilt(graph) = &self.order else {
            return "exact events are missing that could order the two".to_owned();
        };
        let gaps = Gaps::new(graph, self.store);
        let pairs = [(x.last, y.first), (y.last, x.first), (x.first, y.last), (y.first, x.last)];
        let named = |span: usize| {
            let span = self.store.span(span);
            format!("span {:016x} ({} {})", span.id(), span.service_text(), span.name_text())
        };
        let ordered = |from, to| graph.relation(EventId(from), EventId(to)).relation != Relation::Concurrent;
        let open = [(x, y), (y, x)].into_iter().find(|(x, y)| x.open && ordered(x.last, y.first));
        if let Some((open, _)) = open {
            return format!("{} has no end in the data", named(open.span));
        }
        let gap = pairs.into_iter().filter(|&(from, to)| from != to && !ordered(from, to));
        let mut gap = gap.filter_map(|(from, to)| gaps.between(EventId(from), EventId(to)));
        gap.next().map_or_else(String::new, |span| format!("what {} came from is not in the data", named(span)))
    }

    fn place(&self, event: u32) -> Place {
        match &self.order {
            Order::Exact(order) => {
                let event = ExactEvent::numbered(event);
                self.placed(order.span(event), order.label(event), order.time(self.store, event))
            }
            Order::Rebuilt(graph) => {
                let event = EventId(event);
                self.placed(graph.span_of(event), graph.label(self.store, event), graph.time_of(self.store, event))
            }
        }
    }

    /// What a question is about.
    fn named(&self, (span, at): (usize, At)) -> Place {
        match (at, self.extent((span, at))) {
            (At::Whole, _) | (_, Err(_)) => self.placed(span, "span".to_owned(), self.store.span(span).start()),
            (_, Ok(extent)) => self.place(extent.first),
        }
    }

    fn placed(&self, span: usize, event: String, time_ns: u64) -> Place {
        let span = self.store.span(span);
        Place {
            trace_id: format!("{:032x}", span.trace_id()),
            span_id: format!("{:016x}", span.id()),
            service: span.service_text().to_owned(),
            operation: span.name_text().to_owned(),
            event,
            time_ns,
        }
    }
}

/// What is known of the order of the starts and ends of two extents; of a start and an end where nothing else says it.
fn known(x: Extent, y: Extent, before: impl Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
    let ends = [(x.first, y.first), (y.first, x.first), (x.last, y.last), (y.last, x.last)];
    let mut facts: Vec<(u32, u32)> = Vec::new();
    for (from, to) in ends {
        if before(from, to) && !facts.contains(&(from, to)) {
            facts.push((from, to));
        }
    }
    for (from, to) in [(x.first, y.last), (y.first, x.last)] {
        let follows = facts.iter().any(|fact| fact.0 == from || fact.1 == to);
        if !follows && before(from, to) {
            facts.push((from, to));
        }
    }
    facts
}

/// An event and, by event (or vertex), how others stand to it.
struct Around {
    event: u32,
    past: Vec<bool>,
    future: Vec<bool>,
    /// Where nothing known orders the two: whether it could be before the event, or after it.
    may_precede: Vec<bool>,
    may_follow: Vec<bool>,
}
