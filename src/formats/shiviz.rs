//! `shiviz`: logs with vector clocks, as ShiViz reads them, read and written.
//!
//! A log names for each event its host, its vector clock and a text; it has no times. The clock is all there is, so it
//! builds the order: an event comes from the last event of its host, and, where its clock has news of other hosts, from
//! those events that account for all of it. Each host becomes a span, its events exact events in it.

use super::{Format, Reading, Source, Writes};
use crate::registry::Entry;
use crate::store::{Any, NewEvent, NewResource, NewSpan, OrderedEvent, Pair, StoreBuilder};
use foldhash::HashMap;
use regex::Regex;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The format.
pub struct Shiviz;

/// Host and clock on a line, the text on the next, as GoVector and its kin write.
const HOST_FIRST: &str = r"(?<host>\S*) (?<clock>\{.*\})[ \t]*\n(?<event>.*)";
/// The other way round, which is what ShiViz takes where nothing else is said.
const TEXT_FIRST: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>\{.*\})[ \t]*$";
/// What ShiViz's examples have between executions.
const DELIMITER: &str = "^=== (?<trace>.*) ===$";

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
        has_regex(&text) || layout(&text).is_some()
    }

    fn read(&self, source: &mut Source, into: &mut Reading) -> io::Result<()> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        let default = |text: &str| compiled(DELIMITER).zip(compiled(layout(text).unwrap_or(HOST_FIRST)));
        let (mut log, mut found) = (At { text: &text, from: 0 }, None);
        if let (true, None) = (has_regex(&text), &into.log_regex) {
            // As ShiViz saves them: its regex, what is between executions, and then the log.
            let mut lines = text.split_inclusive('\n');
            let (regex, delimiter) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
            log.from = regex.len() + delimiter.len();
            match (compiled(&of_javascript(regex.trim())), delimiter.trim()) {
                (Some(regex), "") => found = compiled(DELIMITER).zip(Some(regex)),
                (Some(regex), delimiter) => found = compiled(&of_javascript(delimiter)).zip(Some(regex)),
                (None, _) => into.skipped.push("line 1, byte 0", "the log begins with a regex that can't be used"),
            }
        }
        let given = into.log_regex.clone().and_then(|regex| compiled(DELIMITER).zip(Some(regex)));
        let (delimiter, regex) = given.or(found).or_else(|| default(&text)).expect("the default regexes are ones");
        for (name, part) in executions(&log, &delimiter) {
            let events = events(&part, &regex, into);
            store(&events, name, into);
        }
        Ok(())
    }

    fn is_read(&self) -> bool {
        true
    }

    fn writes(&self) -> Writes {
        Writes::Order
    }

    fn loses(&self) -> &'static [&'static str] {
        &[
            "times",
            "attributes, resources and status",
            "ids and which events are one span's",
            "whether a parent, a link or a message made the order",
        ]
    }

    fn write_order<'a>(
        &self,
        rows: &mut dyn Iterator<Item = OrderedEvent<'a>>,
        to: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        let mut hosts = Hosts::default();
        for row in rows {
            let own = hosts.of(&format!("{}.{}", row.node, row.incarnation)).to_owned();
            let clock: Map<_, _> =
                row.vector.iter().map(|(lane, seq)| (hosts.of(lane).to_owned(), json!(seq))).collect();
            writeln!(to, "{own} {}", serde_json::Value::from(clock))?;
            writeln!(to, "{}", one_line(&row.text))?;
        }
        Ok(())
    }
}

/// The hosts that lanes are written as.
#[derive(Default)]
struct Hosts {
    of: HashMap<String, String>,
    /// By host: what the next lane that would be called so is numbered.
    taken: HashMap<String, u64>,
}

impl Hosts {
    /// A host is a word, and that of one lane; incarnations that are the first ones go by their node's name.
    fn of(&mut self, lane: &str) -> &str {
        if !self.of.contains_key(lane) {
            let word =
                |char: char| if char.is_whitespace() || char.is_control() || "{}".contains(char) { '_' } else { char };
            let wanted: String = lane.strip_suffix(".0").unwrap_or(lane).chars().map(word).collect();
            let wanted = if wanted.is_empty() { "_".to_owned() } else { wanted };
            let mut host = wanted.clone();
            while self.taken.contains_key(&host) {
                let number = self.taken.entry(wanted.clone()).or_insert(2);
                host = format!("{wanted}~{number}");
                *number += 1;
            }
            self.taken.insert(host.clone(), 2);
            self.of.insert(lane.to_owned(), host);
        }
        &self.of[lane]
    }
}

/// A text that is no more than a line, and no line that divides executions.
fn one_line(text: &str) -> String {
    let is_break = |char: char| char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
    let line = text.replace(is_break, " ");
    if line.starts_with("===") { format!(" {line}") } else { line }
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

/// A part of a log: up to the end of `text`, from a byte on.
#[derive(Clone, Copy)]
struct At<'t> {
    text: &'t str,
    from: usize,
}

fn compiled(regex: &str) -> Option<Regex> {
    regex::RegexBuilder::new(regex).multi_line(true).build().ok()
}

fn has_regex(text: &str) -> bool {
    let first = text.lines().next().unwrap_or("");
    ["(?<host>", "(?<clock>", "(?<event>"].iter().all(|group| first.contains(group))
}

/// JavaScript takes a brace that counts nothing for itself.
fn of_javascript(regex: &str) -> String {
    let mut found = String::new();
    let mut rest = regex.char_indices();
    let mut counts = false;
    while let Some((at, char)) = rest.next() {
        match char {
            '\\' => {
                found.push(char);
                found.extend(rest.next().map(|(_, char)| char));
                continue;
            }
            '{' => {
                let inside = regex[at + 1..].split('}').next().unwrap_or("");
                let digits = |char: char| char.is_ascii_digit() || char == ',';
                counts = inside.starts_with(|char: char| char.is_ascii_digit()) && inside.chars().all(digits);
                found.push_str(if counts { "" } else { "\\" });
            }
            '}' if !counts => found.push('\\'),
            '}' => counts = false,
            _ => {}
        }
        found.push(char);
    }
    found
}

/// The regex of the layout that the first events have.
fn layout(text: &str) -> Option<&'static str> {
    let is_clock = |line: &str| {
        line.split_once(' ').is_some_and(|(host, clock)| {
            !host.is_empty()
                && host.bytes().all(|byte| byte > b' ' && !b"{}".contains(&byte))
                && vector(clock).is_some_and(|clock| clock.contains_key(host))
        })
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("==="));
    match lines.take(2).position(is_clock)? {
        0 => Some(HOST_FIRST),
        _ => Some(TEXT_FIRST),
    }
}

/// The executions of a log, each with its name; one without a name if nothing divides it.
fn executions<'t>(log: &At<'t>, delimiter: &Regex) -> Vec<(&'t str, At<'t>)> {
    let At { text, from } = *log;
    let mut parts: Vec<(&str, At<'_>)> = Vec::new();
    let mut begin = (from, "");
    for found in delimiter.captures_iter(&text[from..]) {
        let whole = found.get(0).expect("a match");
        parts.push((begin.1, At { text: &text[..from + whole.start()], from: begin.0 }));
        let name = found.name("trace").map_or(whole.as_str(), |name| name.as_str());
        begin = (from + whole.end(), name);
    }
    parts.push((begin.1, At { text, from: begin.0 }));
    parts.retain(|(_, part)| !part.text[part.from..].trim().is_empty());
    parts
}

fn events<'t>(part: &At<'t>, regex: &Regex, into: &mut Reading) -> Vec<Event<'t>> {
    let At { text, from } = *part;
    let (mut found, mut end) = (Vec::new(), from);
    let (mut line, mut counted) = (1, 0);
    let mut place = |at: usize| {
        line += text.as_bytes()[counted..at].iter().filter(|byte| **byte == b'\n').count();
        counted = at;
        format!("line {line}, byte {at}")
    };
    for captures in regex.captures_iter(&text[from..]) {
        let whole = captures.get(0).expect("a match");
        if whole.is_empty() {
            continue;
        }
        let (start, stop) = (from + whole.start(), from + whole.end());
        if !text[end..start].trim().is_empty() {
            into.skipped.push(place(end), "text that the log's regex does not match");
        }
        end = stop;
        let group = |name: &str| {
            let range = captures.name(name).map_or(0..0, |found| from + found.start()..from + found.end());
            &text[range]
        };
        let event = vector(group("clock")).map(|clock| Event { host: group("host"), text: group("event"), clock });
        match event {
            Some(event) if event.seq() > 0 => found.push(event),
            Some(_) => into.skipped.push(place(start), "the event's clock has no entry of its own host"),
            None => into.skipped.push(place(start), "the clock is no JSON object of counts from 0 on"),
        }
    }
    if !text[end..].trim().is_empty() {
        into.skipped.push(place(end), "text that the log's regex does not match");
    }
    found
}

/// The events of an execution as exact events of one span per host.
fn store(events: &[Event<'_>], execution: &str, into: &mut Reading) {
    let mut hosts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        hosts.entry(event.host).or_default().push(at);
    }
    for members in hosts.values_mut() {
        members.sort_by_key(|&at| (events[at].seq(), at));
    }
    let log = Log { events, hosts, execution };
    // Traces of several logs and executions are different ones.
    let trace_id = (0x5_u128 << 124) + into.spans.len() as u128 + 1;
    for (number, (host, members)) in log.hosts.iter().enumerate() {
        let store = &mut into.spans;
        let name = Any::Str(store.string(host));
        let instance = Any::Str(store.string(&log.name(host)));
        let pairs = [("service.name", name), ("service.instance.id", instance)];
        let pairs = pairs.map(|(key, value)| (store.string(key), value));
        let attributes = store.rows(&pairs);
        let resource = store.resource(NewResource { attributes, ..NewResource::default() });
        let mut before: Option<usize> = None;
        for &at in members {
            let peers = log.peers(at, before);
            event(store, &log, at, &peers);
            before = Some(at);
        }
        let first = members.iter().min().map_or(0, |&at| at as u64 + 1);
        let end = members.iter().max().map_or(0, |&at| at as u64 + 1);
        let name = store.string(host);
        let id = number as u64 + 1;
        store.span(NewSpan { trace_id, id, name, kind: 1, start: first, end, resource, ..NewSpan::default() });
    }
}

/// The events of an execution, and by host, in the order of its clock.
struct Log<'t> {
    events: &'t [Event<'t>],
    hosts: BTreeMap<&'t str, Vec<usize>>,
    execution: &'t str,
}

impl Log<'_> {
    /// What a host is called beside those of other executions.
    fn name(&self, host: &str) -> String {
        if self.execution.is_empty() { host.to_owned() } else { format!("{}/{host}", self.execution) }
    }

    /// The last event of a host that is not after the `count`-th.
    fn last(&self, host: &str, count: u64) -> Option<usize> {
        let members = self.hosts.get(host)?;
        let after = members.partition_point(|&at| self.events[at].seq() <= count);
        after.checked_sub(1).map(|last| members[last])
    }

    /// The events of other hosts that account for all news in an event's clock: first the one that accounts for the
    /// most. Where one that the clock speaks of is not in the log, also the last before it that is.
    fn peers(&self, at: usize, before: Option<usize>) -> Vec<(String, u64)> {
        let event = &self.events[at];
        let known = |host: &str| before.and_then(|before| self.events[before].clock.get(host).copied()).unwrap_or(0);
        let news = event.clock.iter().filter(|(host, count)| *host != event.host && **count > known(host));
        let mut news: Vec<(&str, u64)> = news.map(|(host, count)| (&**host, *count)).collect();
        let sender = |host: &str, count: u64| self.last(host, count).map(|sender| &self.events[sender]);
        let told = |&(host, count): &(&str, u64)| {
            let tells =
                |sender: &Event<'_>| news.iter().filter(|(host, count)| sender.clock.get(*host) >= Some(count)).count();
            sender(host, count).map_or(0, tells)
        };
        // Which of many accounts for the most is worth looking for only among a few.
        if news.len() <= MANY {
            let mut by_told: Vec<_> = news.iter().map(|each| (std::cmp::Reverse(told(each)), *each)).collect();
            by_told.sort();
            news = by_told.into_iter().map(|(_, each)| each).collect();
        }
        let mut peers: Vec<(&str, u64)> = Vec::new();
        for (host, count) in news {
            let implied = peers
                .iter()
                .any(|(peer, at)| sender(peer, *at).is_some_and(|peer| peer.clock.get(host) >= Some(&count)));
            if implied {
                continue;
            }
            peers.push((host, count));
            let last = sender(host, count).map_or(0, Event::seq);
            if last < count && last > known(host) {
                peers.push((host, last));
            }
        }
        peers.into_iter().map(|(host, count)| (self.name(host), count)).collect()
    }
}

/// So many hosts in the news are many.
const MANY: usize = 32;

fn event(store: &mut StoreBuilder, log: &Log<'_>, at: usize, peers: &[(String, u64)]) {
    let event = &log.events[at];
    let id = |host: &str, seq: u64| format!("{host}:{seq}");
    let mut pairs: Vec<Pair> = Vec::new();
    let text = |store: &mut StoreBuilder, value: &str| Any::Str(store.string(value));
    let name = text(store, &id(&log.name(event.host), event.seq()));
    pairs.push((store.string("causet.event.id"), name));
    let clock: Map<_, _> = event.clock.iter().map(|(host, count)| (log.name(host), json!(count))).collect();
    let clock = text(store, &serde_json::Value::from(clock).to_string());
    pairs.push((store.string("causet.clock.vector"), clock));
    let items: Vec<Any> = peers.iter().map(|(host, seq)| text(store, &id(host, *seq))).collect();
    let peers = match items[..] {
        [] => None,
        [only] => Some(only),
        _ => {
            let items: Vec<Pair> = items.into_iter().map(|item| (Default::default(), item)).collect();
            Some(Any::List(store.rows(&items)))
        }
    };
    pairs.extend(peers.map(|peers| (store.string("causet.peer"), peers)));
    pairs.push((store.string("causet.seq"), Any::Int(i64::try_from(event.seq()).unwrap_or(i64::MAX))));
    let attributes = store.rows(&pairs);
    let name = store.string(event.text.trim());
    store.event(NewEvent { time: at as u64 + 1, name, attributes, dropped_attributes: 0 });
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
    fn either_line_may_be_first_and_the_log_may_bring_its_regex() {
        let clocks = [("a", r#"{"a":1}"#), ("b", r#"{"b":1, "a":1}"#)];
        let host_first: String = clocks.iter().map(|(host, clock)| format!("{host} {clock} \nsomething\n")).collect();
        let text_first: String = clocks.iter().map(|(host, clock)| format!("something\n{host} {clock} \n")).collect();
        let with_regex = format!("{}\n\n{host_first}", r"(?<host>\S*) (?<clock>{.*}) \n(?<event>[a-z]{1,99})");
        for text in [host_first, text_first, with_regex] {
            assert!(Shiviz.recognises(text.as_bytes()), "{text}");
            let reading = read(&text, None);
            assert!(reading.skipped.is_empty(), "{text}: {:?}", reading.skipped);
            let store = reading.spans.finish();
            let names: Vec<_> =
                store.iter().flat_map(|span| span.events()).map(|event| store.text(event.name)).collect();
            assert_eq!(names, ["something", "something"], "{text}");
        }
    }

    #[test]
    fn executions_are_told_apart() {
        let log = "a {\"a\":1}\nx\nb {\"b\":1,\"a\":1}\ny\n";
        let store = read(&format!("=== one ===\n{log}=== two ===\n{log}"), None).spans.finish();
        assert_eq!((store.len(), store.traces().len()), (4, 2));
        let instances: Vec<_> = store.iter().map(|span| store.text(span.resource().instance)).collect();
        assert_eq!(instances, ["one/a", "one/b", "two/a", "two/b"]);
    }

    #[test]
    fn news_of_several_hosts_have_several_peers() {
        let text =
            "a {\"a\":1}\nx\nb {\"b\":1}\ny\nc {\"c\":1,\"a\":1,\"b\":1}\nz\nd {\"d\":1,\"c\":1,\"a\":1,\"b\":3}\nw\n";
        let store = read(text, None).spans.finish();
        let peers = store.strings().find("causet.peer").unwrap();
        let peers =
            |span: usize| match store.attributes().find(store.span(span).events().next().unwrap().attributes, peers) {
                Some(Any::List(rows)) => store.attributes().pairs(rows).map(|(_, item)| item).collect::<Vec<_>>(),
                Some(only) => vec![only],
                None => Vec::new(),
            };
        let text = |value: Any| match value {
            Any::Str(sym) => store.text(sym).to_owned(),
            _ => String::new(),
        };
        assert_eq!(peers(2).into_iter().map(text).collect::<Vec<_>>(), ["a:1", "b:1"]);
        // The third event of b is not in the log.
        assert_eq!(peers(3).into_iter().map(text).collect::<Vec<_>>(), ["c:1", "b:3", "b:1"]);
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
