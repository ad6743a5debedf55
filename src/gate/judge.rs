//! From an expression to an answer: holds, violated, or nothing to judge, in words and with exemplars.

use super::condition::{Condition, Names, condition};
use super::measure::{self, Measured, Unit};
use super::syntax::{self, Kind, Node, Operator};
use crate::causal::{CausalGraph, Relation};
use crate::config::suggest;
use crate::outcome::{Answer, Exemplar, Finding};
use crate::store::{SpanRef, SpanStore};

pub use super::syntax::Wrong;

/// How many places a failed expectation names.
const EXEMPLARS: usize = 3;

/// What expectations are about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub store: &'a SpanStore,
    pub graph: &'a CausalGraph,
    /// Those that count: neither suppressed nor in the baseline.
    pub findings: &'a [Finding],
    /// How many results of checks are violated.
    pub violations: u64,
    /// How many spans carry an operation on an object.
    pub operations: u64,
}

/// An expression that can be judged.
#[derive(Clone, Debug)]
pub struct Expectation(Node);

/// How an expression came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub answer: Answer,
    pub detail: String,
    pub exemplars: Vec<Exemplar>,
}

const CLAIMS: [&str; 6] = ["unbroken", "service", "operation", "before", "requires", "none"];

/// Reads an expression, and sees that it is one whatever the data: its words are known, what is compared can be.
///
/// # Errors
/// What is wrong, and at which byte.
pub fn parse(text: &str) -> Result<Expectation, Wrong> {
    let node = syntax::parse(text)?;
    check(&node)?;
    Ok(Expectation(node))
}

fn check(node: &Node) -> Result<(), Wrong> {
    match &node.kind {
        Kind::Or(parts) | Kind::And(parts) => parts.iter().try_for_each(check),
        Kind::Not(inner) => check(inner),
        Kind::Compare(operator, left, right) => match &left.kind {
            Kind::Call(name, _) => {
                let unit = measure::unit(name).ok_or_else(|| unknown(left, name))?;
                limit(unit, *operator, right).map(|_| ())
            }
            _ => Err((left.at, "expected a metric here, such as errors.rate < 0.01".to_owned())),
        },
        Kind::Call(name, _) if CLAIMS.contains(&&**name) => Ok(()),
        Kind::Call(name, _) if measure::unit(name).is_some() => {
            Err((node.at, format!("`{name}` is a number; compare it, as in {name} < 1")))
        }
        Kind::Call(name, _) => Err(unknown(node, name)),
        _ => Err((node.at, format!("expected an expectation: {}, or a metric compared", CLAIMS.join(", ")))),
    }
}

fn unknown(node: &Node, name: &str) -> Wrong {
    let known = measure::METRICS.iter().map(|(name, _, _)| *name).chain(CLAIMS);
    (node.at, format!("no metric or claim `{name}`{}", suggest(name, known)))
}

/// The number on the right of a comparison, in the metric's own unit.
fn limit(unit: Unit, operator: Operator, node: &Node) -> Result<f64, Wrong> {
    if operator == Operator::Like {
        return Err((node.at, "a number has no glob; compare it with <, <=, >, >=, == or !=".to_owned()));
    }
    match (unit, &node.kind) {
        (Unit::Nanos, _) => super::condition::duration(node),
        (Unit::Share, Kind::Number(number, percent)) if percent == "%" => Ok(number / 100.0),
        (_, Kind::Number(number, none)) if none.is_empty() => Ok(*number),
        (Unit::Share, _) => Err((node.at, "expected a share, such as 0.01 or 1%".to_owned())),
        (Unit::Count, _) => Err((node.at, "expected a plain number".to_owned())),
    }
}

/// Judges an expectation.
///
/// # Errors
/// A name that is not in the data, and where it stands.
pub fn judge(expectation: &Expectation, subject: &Subject<'_>) -> Result<Judged, Wrong> {
    if subject.store.is_empty() && !concerns_checks(&expectation.0) {
        return Ok(empty("there are no spans to judge"));
    }
    Judge { subject, names: Names::new(subject.store) }.node(&expectation.0)
}

/// Whether an expression is about the results of checks alone, which need no spans.
fn concerns_checks(node: &Node) -> bool {
    match &node.kind {
        Kind::Or(parts) | Kind::And(parts) => parts.iter().all(concerns_checks),
        Kind::Not(inner) => concerns_checks(inner),
        Kind::Compare(_, left, _) => matches!(&left.kind, Kind::Call(name, _) if name == "violations"),
        _ => false,
    }
}

fn empty(detail: impl Into<String>) -> Judged {
    Judged { answer: Answer::Empty, detail: detail.into(), exemplars: Vec::new() }
}

fn holds(detail: impl Into<String>) -> Judged {
    Judged { answer: Answer::Holds, detail: detail.into(), exemplars: Vec::new() }
}

struct Judge<'a> {
    subject: &'a Subject<'a>,
    names: Names<'a>,
}

impl Judge<'_> {
    fn node(&self, node: &Node) -> Result<Judged, Wrong> {
        match &node.kind {
            Kind::And(parts) => {
                // Every part is judged: a slip in a later one is told even if an earlier one fails.
                let parts = parts.iter().map(|part| self.node(part)).collect::<Result<Vec<_>, _>>()?;
                Ok(together(parts, &[Answer::Violated, Answer::Empty, Answer::Holds]))
            }
            Kind::Or(parts) => {
                let parts = parts.iter().map(|part| self.node(part)).collect::<Result<Vec<_>, _>>()?;
                Ok(together(parts, &[Answer::Holds, Answer::Empty, Answer::Violated]))
            }
            Kind::Not(inner) => {
                let inner = self.node(inner)?;
                let answer = match inner.answer {
                    Answer::Holds => Answer::Violated,
                    Answer::Violated => Answer::Holds,
                    other => other,
                };
                Ok(Judged { answer, detail: inner.detail, exemplars: Vec::new() })
            }
            Kind::Compare(operator, left, right) => self.threshold(*operator, left, right),
            Kind::Call(name, arguments) => self.claim(node, name, arguments),
            Kind::Text(_) | Kind::Number(..) => check(node).map(|()| empty("")),
        }
    }

    fn threshold(&self, operator: Operator, left: &Node, right: &Node) -> Result<Judged, Wrong> {
        let Kind::Call(name, arguments) = &left.kind else { return check(left).map(|()| empty("")) };
        let unit = measure::unit(name).ok_or_else(|| unknown(left, name))?;
        let limit = limit(unit, operator, right)?;
        let Measured { value, mut exemplars, of } = measure::measure(name, left, arguments, self.subject, &self.names)?;
        let Some(value) = value else { return Ok(empty(format!("{name}: {of}"))) };
        let good = operator.holds(value, limit);
        let over = if of.is_empty() { of } else { format!(" over {of}") };
        let (value, sign, limit_text) = (unit.show(value), operator.sign(), unit.show(limit));
        let detail = format!("{name} is {value}{over}, expected {sign} {limit_text}");
        if unit == Unit::Nanos {
            // Of latencies, those that are beyond the limit themselves; of a mean, at least the slowest.
            let breaks = |span: usize| !operator.holds(self.subject.store.span(span).duration() as f64, limit);
            let slowest = exemplars.first().copied();
            exemplars.retain(|&span| breaks(span) || Some(span) == slowest);
        }
        let answer = if good { Answer::Holds } else { Answer::Violated };
        Ok(Judged { answer, detail, exemplars: if good { Vec::new() } else { self.exemplars(&exemplars) } })
    }

    fn claim(&self, node: &Node, name: &str, arguments: &[Node]) -> Result<Judged, Wrong> {
        match (name, arguments) {
            ("unbroken", _) => self.unbroken(arguments),
            ("service" | "operation", [Node { kind: Kind::Text(text), at }]) => {
                // That it is there at all is what is claimed; a name that is not is a failure with the names that are.
                let found =
                    if name == "service" { self.names.service(text, *at) } else { self.names.operation(text, *at) };
                Ok(match found {
                    Ok(_) => holds(format!("{name} `{text}` appears")),
                    Err((_, message)) => Judged { answer: Answer::Violated, detail: message, exemplars: Vec::new() },
                })
            }
            ("before", [first, second]) => self.before(first, second),
            ("requires", [first, second]) => self.requires(first, second),
            ("none", [inner]) => self.none(inner),
            ("service" | "operation", _) => Err((node.at, format!("expected one name, as in {name}(\"cart\")"))),
            ("none", _) => Err((node.at, "expected one condition, as in none(status == \"error\")".to_owned())),
            _ => Err((node.at, format!("expected two operations or conditions, as in {name}(\"A\", \"B\")"))),
        }
    }

    fn exemplars(&self, spans: &[usize]) -> Vec<Exemplar> {
        let named = |&span: &usize| exemplar(self.subject.store.span(span));
        spans.iter().take(EXEMPLARS).map(named).collect()
    }

    /// Each trace has one root and no missing parents, and each named service takes part.
    fn unbroken(&self, arguments: &[Node]) -> Result<Judged, Wrong> {
        let wanted = arguments.iter().map(|argument| match &argument.kind {
            Kind::Text(text) => Ok((self.names.service(text, argument.at)?, text)),
            _ => Err((argument.at, "expected the name of a service, in quotes".to_owned())),
        });
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        let (store, family) = (self.subject.store, self.subject.graph.family());
        let mut broken: Vec<(usize, String)> = Vec::new();
        let traces = store.spans_by_trace();
        for spans in &traces {
            let span = |&at: &u32| store.span(at as usize);
            let tops = || spans.iter().map(span).filter(|span| family.parent(span.index()).is_none());
            let roots = tops().filter(|span| span.parent() == 0).count();
            let orphan = tops().find(|span| span.parent() != 0);
            let absent = wanted.iter().find(|(sym, _)| spans.iter().map(span).all(|span| span.service() != *sym));
            let why = match (roots, orphan, absent) {
                (_, Some(_), _) => "has spans whose parent is missing".to_owned(),
                (0, None, _) => "has no root".to_owned(),
                (1, None, None) => continue,
                (1, None, Some((_, service))) => format!("has no span of `{service}`"),
                (roots, None, _) => format!("has {roots} roots"),
            };
            let example = orphan.map_or(spans.first().map_or(0, |&at| at as usize), SpanRef::index);
            broken.push((example, why));
        }
        let all = traces.len();
        let Some((_, why)) = broken.first() else {
            return Ok(holds(format!("each of {all} traces is unbroken")));
        };
        let are = if broken.len() == 1 { "is" } else { "are" };
        let detail = format!("{} of {all} traces {are} broken; the first {why}", broken.len());
        let spans: Vec<usize> = broken.iter().map(|(span, _)| *span).collect();
        Ok(Judged { answer: Answer::Violated, detail, exemplars: self.exemplars(&spans) })
    }

    fn matching(&self, condition: &Condition) -> Vec<usize> {
        let store = self.subject.store;
        store.iter().filter(|span| condition.meets(store, *span)).map(SpanRef::index).collect()
    }

    fn none(&self, node: &Node) -> Result<Judged, Wrong> {
        let found = self.matching(&condition(node, &self.names)?);
        if found.is_empty() {
            return Ok(holds(format!("none of {} spans matches", self.subject.store.len())));
        }
        let match_it = if found.len() == 1 { "matches" } else { "match" };
        let detail = format!("{} of {} spans {match_it}, expected none", found.len(), self.subject.store.len());
        Ok(Judged { answer: Answer::Violated, detail, exemplars: self.exemplars(&found) })
    }

    /// By trace: the spans that meet a condition.
    fn by_trace(&self, node: &Node) -> Result<Vec<Vec<usize>>, Wrong> {
        let mut traces = vec![Vec::new(); self.subject.store.traces().len()];
        for span in self.matching(&condition(node, &self.names)?) {
            traces[self.subject.store.span(span).trace()].push(span);
        }
        Ok(traces)
    }

    /// No trace has an A without a B.
    fn requires(&self, first: &Node, second: &Node) -> Result<Judged, Wrong> {
        let (having, needed) = (self.by_trace(first)?, self.by_trace(second)?);
        let with: Vec<usize> = (0..having.len()).filter(|&trace| !having[trace].is_empty()).collect();
        let (first, second) = (named(first, "the first"), named(second, "the second"));
        if with.is_empty() {
            return Ok(empty(format!("no trace has {first}")));
        }
        let lonely: Vec<usize> =
            with.iter().filter(|&&trace| needed[trace].is_empty()).map(|&trace| having[trace][0]).collect();
        if lonely.is_empty() {
            return Ok(holds(format!("each of {} traces with {first} has {second}", with.len())));
        }
        let lack = if lonely.len() == 1 { "lacks" } else { "lack" };
        let detail = format!("{} of {} traces with {first} {lack} {second}", lonely.len(), with.len());
        Ok(Judged { answer: Answer::Violated, detail, exemplars: self.exemplars(&lonely) })
    }

    /// Each B has an A that came before it in its trace.
    fn before(&self, first: &Node, second: &Node) -> Result<Judged, Wrong> {
        let (firsts, seconds) = (self.by_trace(first)?, self.by_trace(second)?);
        let (mut all, mut late, mut by_clock) = (0, Vec::new(), 0);
        for (firsts, seconds) in firsts.iter().zip(&seconds) {
            for &second in seconds {
                all += 1;
                let orders = || firsts.iter().map(|&first| self.precedes(first, second));
                if orders().any(|order| order == Some(true)) {
                } else if orders().any(|order| order == Some(false)) {
                    by_clock += 1;
                } else {
                    late.push(second);
                }
            }
        }
        let (first, second) = (named(first, "the first"), named(second, "the second"));
        if all == 0 {
            return Ok(empty(format!("no trace has {second}")));
        }
        let clocks = if by_clock > 0 { format!(", {by_clock} by their clocks alone") } else { String::new() };
        if late.is_empty() {
            return Ok(holds(format!("each of {all} times {second} comes after {first}{clocks}")));
        }
        let detail = format!("{} of {all} times {second} does not come after {first}{clocks}", late.len());
        Ok(Judged { answer: Answer::Violated, detail, exemplars: self.exemplars(&late) })
    }

    /// Whether the first ended before the second began, or is its ancestor: `Some(true)` by the causal order,
    /// `Some(false)` by the clocks alone.
    fn precedes(&self, first: usize, second: usize) -> Option<bool> {
        let (store, graph) = (self.subject.store, self.subject.graph);
        let mut above = graph.family().parent(second);
        while let Some(ancestor) = above {
            if ancestor == first {
                return Some(true);
            }
            above = graph.family().parent(ancestor);
        }
        let (early, late) = (store.span(first), store.span(second));
        if first == second || early.end() == 0 {
            return None;
        }
        let end = graph.end(first)?;
        if graph.relation(end, graph.start(second)).relation == Relation::Before {
            return Some(true);
        }
        (early.end() <= late.start()).then_some(false)
    }
}

/// Several judgements as one: the first answer of `order` that any of them has, and what those say that have it.
fn together(parts: Vec<Judged>, order: &[Answer]) -> Judged {
    let answer = order.iter().copied().find(|answer| parts.iter().any(|part| part.answer == *answer));
    let answer = answer.unwrap_or(Answer::Empty);
    let telling: Vec<Judged> = parts.into_iter().filter(|part| part.answer == answer).collect();
    let detail = telling.iter().map(|part| part.detail.as_str()).collect::<Vec<_>>().join("; ");
    let mut exemplars: Vec<Exemplar> = telling.into_iter().flat_map(|part| part.exemplars).collect();
    exemplars.truncate(EXEMPLARS);
    Judged { answer, detail, exemplars }
}

/// What an argument names, in backticks; or how to speak of what meets a condition.
fn named(node: &Node, otherwise: &str) -> String {
    match &node.kind {
        Kind::Text(name) => format!("`{name}`"),
        _ => otherwise.to_owned(),
    }
}

/// A span as a place.
pub(super) fn exemplar(span: SpanRef<'_>) -> Exemplar {
    Exemplar {
        trace_id: format!("{:032x}", span.trace_id()),
        span_id: format!("{:016x}", span.id()),
        service: span.service_text().to_owned(),
        operation: span.name_text().to_owned(),
    }
}

/// Pairs of expectations (by position; of one, if it contradicts itself) that cannot both hold, because their limits on
/// one metric leave it no value, with what to say.
pub fn contradictions(expectations: &[Expectation]) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    let limits: Vec<Vec<Limit>> = expectations.iter().map(|each| limits_of(&each.0)).collect();
    for (second, later) in limits.iter().enumerate() {
        for (first, earlier) in limits[..=second].iter().enumerate() {
            let clash = later.iter().find_map(|limit| {
                let other = earlier.iter().find(|other| other.metric == limit.metric && !other.agrees_with(limit))?;
                Some(format!("{} can't be {} and {}", limit.metric, other.show(), limit.show()))
            });
            found.extend(clash.map(|clash| (first, second, clash)));
        }
    }
    found
}

/// A limit on a metric, in the metric's own unit.
struct Limit {
    metric: String,
    unit: Unit,
    operator: Operator,
    number: f64,
}

impl Limit {
    fn show(&self) -> String {
        format!("{} {}", self.operator.sign(), self.unit.show(self.number))
    }

    /// Whether a number meets both.
    fn agrees_with(&self, other: &Self) -> bool {
        let (a, b) = (self.number, other.number);
        let beside = [a, b].into_iter().flat_map(|limit| [limit, limit - 1.0, limit + 1.0]);
        let mut numbers = beside.chain([(a + b) / 2.0]);
        numbers.any(|number| self.operator.holds(number, a) && other.operator.holds(number, b))
    }
}

/// The limits that must hold for an expression to hold.
fn limits_of(node: &Node) -> Vec<Limit> {
    match &node.kind {
        Kind::And(parts) => parts.iter().flat_map(limits_of).collect(),
        Kind::Compare(operator, left, right) => {
            let Kind::Call(name, arguments) = &left.kind else { return Vec::new() };
            let quoted = |argument: &Node| match &argument.kind {
                Kind::Text(text) => Some(format!("{text:?}")),
                _ => None,
            };
            let Some(texts) = arguments.iter().map(quoted).collect::<Option<Vec<String>>>() else { return Vec::new() };
            let metric = if texts.is_empty() { name.clone() } else { format!("{name}({})", texts.join(", ")) };
            let Some(unit) = measure::unit(name) else { return Vec::new() };
            let number = limit(unit, *operator, right).ok();
            number.map(|number| Limit { metric, unit, operator: *operator, number }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
