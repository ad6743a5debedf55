//! `shiviz`: logs with vector clocks, as ShiViz reads them, read and written.
//!
//! A log names for each event its host, its vector clock and a text; it has no times. The clock is all there is, so it
//! builds the order: an event comes from the last event of its host, and, where its clock has news of other hosts, from
//! the one whose clock accounts for the most of them. Each host becomes a span, its events exact events in it.

use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::{Any, EventName, NewEvent, NewResource, NewSpan, OrderedEvent, Pair, StoreBuilder};
use foldhash::{HashMap, HashMapExt};
use regex::Regex;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The format.
pub struct Shiviz;

/// What ShiViz takes where nothing else is said: host and clock on a line, the text on the next.
pub const DEFAULT_REGEX: &str = r"(?<host>\S*) (?<clock>\{.*\})\n(?<event>.*)";

impl Format for Shiviz {
    fn entry(&self) -> Entry {
        Entry {
            id: "shiviz",
            summary: "logs with vector clocks, as ShiViz reads them, with its default or a user's regex",
            documentation: include_str!("docs/shiviz.md"),
            example: EXAMPLE,
        }
    }

    fn recognises(&self, head: &[u8]) -> bool {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let Some((host, clock)) = lines.next().and_then(|line| line.split_once(' ')) else { return false };
        !host.is_empty()
            && host.bytes().all(|byte| byte > b' ' && !b"{}[]:".contains(&byte))
            && vector(clock).is_some_and(|clock| clock.contains_key(host))
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        let regex = into.log_regex.clone().unwrap_or_else(|| Regex::new(DEFAULT_REGEX).expect("it is one"));
        let events = events(&text, &regex, into);
        store(&events, into);
        Ok(())
    }

    fn is_read(&self) -> bool {
        true
    }

    fn writes(&self) -> Writes {
        Writes::Order
    }

    fn write_order<'a>(
        &self,
        rows: &mut dyn Iterator<Item = OrderedEvent<'a>>,
        to: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        for row in rows {
            let own = format!("{}.{}", row.node, row.incarnation);
            // A host is a word; incarnations that are the first ones go by their node's name.
            let host = |lane: &str| lane.strip_suffix(".0").unwrap_or(lane).replace(char::is_whitespace, "_");
            let clock: Map<_, _> = row.vector.iter().map(|(lane, seq)| (host(lane), json!(seq))).collect();
            writeln!(to, "{} {}", host(&own), serde_json::Value::from(clock))?;
            match row.name {
                EventName::Number(number) => writeln!(to, "event {number}")?,
                EventName::Text(text) => writeln!(to, "{}", text.replace(['\n', '\r'], " "))?,
            }
        }
        Ok(())
    }
}

/// A regex for logs, as a user gives it: with the groups `host`, `clock` and `event`.
///
/// # Errors
/// What is wrong with it, as a text.
pub fn log_regex(text: &str) -> Result<Regex, String> {
    let regex = regex::RegexBuilder::new(text).multi_line(true).build().map_err(|error| error.to_string())?;
    for group in ["host", "clock", "event"] {
        if !regex.capture_names().flatten().any(|name| name == group) {
            return Err(format!("the regex has no group (?<{group}>…)"));
        }
    }
    Ok(regex)
}

type Vector = BTreeMap<String, u64>;

fn vector(text: &str) -> Option<Vector> {
    serde_json::from_str(text.trim()).ok()
}

/// An event of the log.
struct Event<'t> {
    host: &'t str,
    text: &'t str,
    clock: Vector,
}

impl Event<'_> {
    fn seq(&self) -> u64 {
        self.clock.get(self.host).copied().unwrap_or(0)
    }
}

fn events<'t>(text: &'t str, regex: &Regex, into: &mut Reading) -> Vec<Event<'t>> {
    let (mut found, mut end) = (Vec::new(), 0);
    let (mut line, mut counted) = (1, 0);
    let mut place = |at: usize| {
        line += text.as_bytes()[counted..at].iter().filter(|byte| **byte == b'\n').count();
        counted = at;
        format!("line {line}, byte {at}")
    };
    for captures in regex.captures_iter(text) {
        let whole = captures.get(0).expect("a match");
        if whole.is_empty() {
            continue;
        }
        if !text[end..whole.start()].trim().is_empty() {
            into.skipped.push(place(end), "text that the log's regex does not match");
        }
        end = whole.end();
        let group = |name: &str| captures.name(name).map_or("", |found| found.as_str());
        let event = vector(group("clock")).map(|clock| Event { host: group("host"), text: group("event"), clock });
        match event {
            Some(event) if event.seq() > 0 => found.push(event),
            Some(_) => into.skipped.push(place(whole.start()), "the event's clock has no entry of its own host"),
            None => into.skipped.push(place(whole.start()), "the clock is no JSON object of counts from 0 on"),
        }
    }
    if !text[end..].trim().is_empty() {
        into.skipped.push(place(end), "text that the log's regex does not match");
    }
    found
}

/// The events as exact events of one span per host.
fn store(events: &[Event<'_>], into: &mut Reading) {
    let mut hosts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut places: HashMap<(&str, u64), usize> = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        hosts.entry(event.host).or_default().push(at);
        places.entry((event.host, event.seq())).or_insert(at);
    }
    // Traces of several logs are different ones.
    let trace_id = (0x5_u128 << 124) + into.spans.len() as u128 + 1;
    for (number, (host, members)) in hosts.iter_mut().enumerate() {
        members.sort_by_key(|&at| (events[at].seq(), at));
        let store = &mut into.spans;
        let name = Any::Str(store.string(host));
        let pairs = ["service.name", "service.instance.id"].map(|key| (store.string(key), name));
        let attributes = store.rows(&pairs);
        let resource = store.resource(NewResource { attributes, ..NewResource::default() });
        let mut before: Option<usize> = None;
        for &at in members.iter() {
            let peer = peer(events, &places, at, before);
            event(store, &events[at], at as u64 + 1, peer);
            before = Some(at);
        }
        let first = members.iter().min().map_or(0, |&at| at as u64 + 1);
        let end = members.iter().max().map_or(0, |&at| at as u64 + 1);
        let name = store.string(host);
        let id = number as u64 + 1;
        store.span(NewSpan { trace_id, id, name, kind: 1, start: first, end, resource, ..NewSpan::default() });
    }
}

/// The event of another host that accounts for the most news in an event's clock.
fn peer(
    events: &[Event<'_>],
    places: &HashMap<(&str, u64), usize>,
    at: usize,
    before: Option<usize>,
) -> Option<(String, u64)> {
    let event = &events[at];
    let known = |host: &str| before.and_then(|before| events[before].clock.get(host).copied()).unwrap_or(0);
    let news = event.clock.iter().filter(|(host, count)| *host != event.host && **count > known(host));
    let accounts = |&(host, count): &(&String, &u64)| {
        let sender = places.get(&(host.as_str(), *count)).map(|&sender| &events[sender].clock);
        let told =
            |sender: &Vector| event.clock.iter().filter(|(host, count)| sender.get(*host) == Some(count)).count();
        (sender.is_some(), sender.map_or(0, told))
    };
    news.max_by_key(accounts).map(|(host, count)| (host.clone(), *count))
}

fn event(store: &mut StoreBuilder, event: &Event<'_>, time: u64, peer: Option<(String, u64)>) {
    let id = |host: &str, seq: u64| format!("{host}:{seq}");
    let mut pairs: Vec<Pair> = Vec::new();
    let mut text = |store: &mut StoreBuilder, key: &str, value: &str| {
        let pair = (store.string(key), Any::Str(store.string(value)));
        pairs.push(pair);
    };
    text(store, "causet.event.id", &id(event.host, event.seq()));
    text(store, "causet.clock.vector", &json!(event.clock).to_string());
    if let Some((host, seq)) = peer {
        text(store, "causet.peer", &id(&host, seq));
    }
    pairs.push((store.string("causet.seq"), Any::Int(i64::try_from(event.seq()).unwrap_or(i64::MAX))));
    let attributes = store.rows(&pairs);
    let name = store.string(event.text.trim());
    store.event(NewEvent { time, name, attributes, dropped_attributes: 0 });
}

const EXAMPLE: &str = "n1 {\"n1\":1}\nsend a question\nn2 {\"n2\":1, \"n1\":1}\nreceive it\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, regex: Option<&str>) -> Reading {
        let mut reading = Reading { log_regex: regex.map(|text| log_regex(text).unwrap()), ..Reading::default() };
        Shiviz.read(&mut Source::memory(text), &mut reading).unwrap();
        reading
    }

    #[test]
    fn odd_lines_cost_only_themselves() {
        let reading =
            read("a {\"a\":1}\none\ngarbage\na {\"b\":1}\nnobody's\na {\"a\":-1}\nnegative\na {\"a\":2}\ntwo\n", None);
        assert_eq!(reading.skipped.total(), 3, "{:?}", reading.skipped);
        assert_eq!(reading.spans.finish().span(0).events().len(), 2);
    }

    #[test]
    fn a_users_regex_is_used() {
        let text = "[x] {\"n0\" : 1} starts\n[x] {\"n0\" : 2} sends\n";
        let regex = r"^\[x\] (?<clock>\{.*\}) (?<event>.*)$";
        assert!(log_regex(regex).unwrap_err().contains("host"));
        let reading = read(
            "n0: {\"n0\" : 1} starts\nn0: {\"n0\" : 2} sends\n",
            Some(r"^(?<host>\w+): (?<clock>\{.*\}) (?<event>.*)$"),
        );
        assert_eq!(reading.spans.finish().span(0).events().len(), 2);
        assert_eq!(read(text, None).spans.len(), 0);
    }
}
