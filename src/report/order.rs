//! Answers about the causal order, for people and as JSON.

use super::Look;
use super::numbers::{count, counted, duration};
use super::text::{DIM, GOOD, HEAD, ODD};
use crate::outcome::{Concurrent, Evidenced, Order, Pair, Place, Step};
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn text(out: &mut String, order: &Order, look: &Look) {
    match order {
        Order::Pair(pair) => pair_text(out, pair, look),
        Order::Concurrent(found) => concurrent_text(out, found, look),
    }
}

/// Which part of a span is meant: nothing for all of it.
fn part(place: &Place) -> String {
    if place.event == "span" { String::new() } else { format!("{} of ", place.event) }
}

fn named(place: &Place) -> String {
    format!("{}{} {} {DIM}{}{DIM:#}", part(place), place.service, place.operation, place.span_id)
}

/// What a kind of edge means, read from one event to the next.
fn meaning(edge: &str) -> &str {
    match edge {
        "program" => "then, in program order",
        "parent" => "is the parent of",
        "link" => "is linked from",
        "child-end" => "ended inside, before the end of",
        "local" => "earlier in the process, by its clock",
        "message" => "sent what was received by",
        "peer" => "set or wrote what acts at",
        "recovery" => "wrote what was recovered by",
        other => other,
    }
}

fn pair_text(out: &mut String, pair: &Pair, look: &Look) {
    let Pair { from, to, relation, .. } = pair;
    let style = match *relation {
        "unknown" => ODD,
        "concurrent" => HEAD,
        _ => GOOD,
    };
    let whole = [from, to].iter().any(|place| place.event == "span");
    let (of_a, of_b) = if whole { ("all of ", "all of ") } else { ("", "") };
    let meaning = match *relation {
        "before" => format!("{of_a}A is before {of_b}B"),
        "after" => format!("{of_a}A is after {of_b}B"),
        "overlapping" => "neither is wholly before the other, but part of one is before part of the other".to_owned(),
        "concurrent" if whole => "nothing of A is before anything of B, nor after".to_owned(),
        "concurrent" => "A is neither before B nor after it".to_owned(),
        "equal" => "A is B".to_owned(),
        _ => String::new(),
    };
    let separator = if meaning.is_empty() { "" } else { ": " };
    let _ = writeln!(out, "{style}{relation}{style:#}{separator}{meaning}");
    let trace = |place: &Place| {
        let other = from.trace_id != to.trace_id;
        if other { format!("  {DIM}trace {}{DIM:#}", place.trace_id) } else { String::new() }
    };
    let _ = writeln!(out, "  A  {}{}", named(from), trace(from));
    let _ = writeln!(out, "  B  {}{}", named(to), trace(to));
    if look.verbosity < 0 {
        return;
    }
    for fact in &pair.facts {
        fact_text(out, fact, pair, look);
    }
}

/// `start of A` if the event is one of the spans that were asked about.
fn letter(place: &Place, pair: &Pair) -> String {
    let is = |asked: &Place| (&asked.trace_id, &asked.span_id) == (&place.trace_id, &place.span_id);
    match (is(&pair.from), is(&pair.to)) {
        (true, false) => format!("{} of A", place.event),
        (false, true) => format!("{} of B", place.event),
        _ => named(place),
    }
}

fn fact_text(out: &mut String, fact: &Evidenced, pair: &Pair, look: &Look) {
    let rests = match fact.certain {
        true if pair.exact => "certain: the trace states its order itself",
        true => "certain: it holds whatever the clocks say",
        false => "assumed: it needs the order of timestamps",
    };
    let (earlier, later) = (letter(&fact.earlier, pair), letter(&fact.later, pair));
    let _ = writeln!(out, "\n{HEAD}{earlier} is before {later}{HEAD:#}, {rests}");
    let _ = writeln!(out, "  {}", named(&fact.earlier));
    let limit = look.limit.unwrap_or(usize::MAX);
    for Step { edge, certain, place } in fact.path.iter().take(limit) {
        let style = if *certain { DIM } else { ODD };
        let assumed = if *certain { "" } else { " (assumed)" };
        let _ = writeln!(out, "    {style}↓ {}{assumed}{style:#}", meaning(edge));
        let _ = writeln!(out, "  {}", named(place));
    }
    if fact.path.len() > limit {
        let more = counted((fact.path.len() - limit) as u64, "more step");
        let _ = writeln!(out, "  {DIM}… and {more} to {later} (--limit 0 shows all){DIM:#}");
    }
}

fn concurrent_text(out: &mut String, found: &Concurrent, look: &Look) {
    let _ = writeln!(out, "{HEAD}{}{HEAD:#} concurrent with", counted(found.all_concurrent, "span"));
    let _ = writeln!(out, "  {}", named(&found.with));
    let _ = writeln!(
        out,
        "of the others {} wholly before it, {} wholly after it, {} overlapping, {} unknown",
        count(found.before),
        count(found.after),
        count(found.overlapping),
        count(found.all_unknown)
    );
    if look.verbosity < 0 {
        return;
    }
    let concurrent = "Concurrent: nothing of them is before anything of it, nor after";
    let lists = [
        (concurrent, &found.concurrent, found.all_concurrent),
        ("Unknown, because data is missing", &found.unknown, found.all_unknown),
    ];
    for (title, list, total) in lists {
        if list.is_empty() {
            continue;
        }
        let limit = look.limit.unwrap_or(usize::MAX);
        let _ = writeln!(out, "\n{HEAD}{title}{HEAD:#}");
        for place in list.iter().take(limit) {
            let apart = duration(place.time_ns.abs_diff(found.with.time_ns));
            let sign = if place.time_ns < found.with.time_ns { '-' } else { '+' };
            let other = place.trace_id != found.with.trace_id;
            let trace = if other { format!("  {DIM}trace {}{DIM:#}", place.trace_id) } else { String::new() };
            let _ = writeln!(out, " {:>9}  {}{trace}", format!("{sign}{apart}"), named(place));
        }
        let shown = list.len().min(limit) as u64;
        if total > shown {
            let more = count(total - shown);
            let _ = writeln!(out, " {DIM}… and {more} more (--limit 0 shows all){DIM:#}");
        }
    }
}

pub(super) fn json(order: &Order) -> Value {
    match order {
        Order::Pair(pair) => json!({
            "from": place(&pair.from),
            "to": place(&pair.to),
            "relation": pair.relation,
            "certain": pair.certain,
            "exact": pair.exact,
            "facts": pair.facts.iter().map(fact).collect::<Value>(),
        }),
        Order::Concurrent(found) => json!({
            "with": place(&found.with),
            "exact": found.exact,
            "concurrent": found.concurrent.iter().map(place).collect::<Value>(),
            "unknown": found.unknown.iter().map(place).collect::<Value>(),
            "before": found.before,
            "after": found.after,
            "overlapping": found.overlapping,
        }),
    }
}

fn fact(fact: &Evidenced) -> Value {
    json!({
        "earlier": place(&fact.earlier), "later": place(&fact.later), "certain": fact.certain,
        "path": fact.path.iter().map(step).collect::<Value>(),
    })
}

fn place(place: &Place) -> Value {
    json!({
        "trace_id": place.trace_id, "span_id": place.span_id, "service": place.service,
        "operation": place.operation, "event": place.event, "time_ns": place.time_ns,
    })
}

fn step(step: &Step) -> Value {
    let mut object = place(&step.place);
    object["edge"] = json!(step.edge);
    object["certain"] = json!(step.certain);
    object
}
