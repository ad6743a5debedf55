//! Exact events out of span events: attributes, lanes, program order. What can't be read is a missing event.

use super::super::diagnose::{Diagnoses, Problem};
use super::{ExactKind, Lane};
use crate::store::{Any, Resource, Rows, SpanStore, Sym};
use foldhash::{HashMap, HashMapExt};
use std::fmt;

/// The name of an event, unique in a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// An integer, also where it was recorded as text.
    Number(i64),
    Text(Box<str>),
}

impl fmt::Display for Id {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(to, "{number}"),
            Self::Text(text) => to.write_str(text),
        }
    }
}

/// What an event says of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// Which; `None` for something that names no event.
    pub(super) to: Option<Id>,
    /// Whether it is `causet.recovered`, and not `causet.peer`.
    pub(super) recovery: bool,
}

/// An exact event.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: Id,
    pub(super) lane: u32,
    pub(super) seq: u64,
    pub(super) kind: ExactKind,
    pub(super) span: u32,
    pub(super) name: Sym,
    /// Its attributes, for the clocks recorded in them.
    pub(super) attributes: Rows,
}

/// What was read: events by lane and seq, at most one per place.
pub(super) struct Events {
    pub(super) lanes: Vec<Lane>,
    pub(super) events: Vec<Event>,
    /// By event: what it names as `causet.peer` (a list, where it has several) and `causet.recovered`.
    pub(super) references: Vec<Vec<Reference>>,
    pub(super) problems: Diagnoses,
}

/// The attributes that are looked for, as the store names them.
struct Names {
    id: Sym,
    seq: Option<Sym>,
    kind: Option<Sym>,
    peer: Option<Sym>,
    recovered: Option<Sym>,
    incarnation: Option<Sym>,
    instance: Option<Sym>,
    /// By symbol of `causet.event.kind`.
    kinds: Vec<(Sym, ExactKind)>,
}

impl Names {
    fn new(store: &SpanStore) -> Option<Self> {
        let strings = store.strings();
        let id = strings.find("causet.event.id")?;
        let kinds = ExactKind::NAMED.into_iter().filter_map(|kind| Some((strings.find(kind.id())?, kind)));
        Some(Self {
            id,
            seq: strings.find("causet.seq"),
            kind: strings.find("causet.event.kind"),
            peer: strings.find("causet.peer"),
            recovered: strings.find("causet.recovered"),
            incarnation: strings.find("causet.incarnation"),
            instance: strings.find("service.instance.id"),
            kinds: kinds.collect(),
        })
    }
}

/// All exact events; `None` when no span event carries an id.
pub(super) fn read(store: &SpanStore) -> Option<Events> {
    let names = Names::new(store)?;
    let mut problems = Diagnoses::default();
    let mut lanes: Vec<Lane> = Vec::new();
    let lane_of_resource = lanes_of(store, &names, &mut lanes);
    let mut found: Vec<(Event, Vec<Reference>)> = Vec::new();
    let mut any = false;
    for span in store.iter() {
        for recorded in span.events() {
            let rows = recorded.attributes;
            let Some(id) = store.attributes().find(rows, names.id) else { continue };
            any = true;
            let at = span.index();
            let find = |name: Option<Sym>| name.and_then(|name| store.attributes().find(rows, name));
            let seq = find(names.seq).and_then(|seq| integer(store, seq)).filter(|seq| *seq >= 1);
            let lane = lane_of_resource[span.resource_id().index()];
            let (Some(id), Some(seq), Some(lane)) = (id_of(store, id), seq, lane) else {
                problems.note(Problem::MalformedEvent, at);
                continue;
            };
            let kind = match find(names.kind) {
                Some(Any::Str(sym)) => names.kinds.iter().find(|(name, _)| *name == sym).map(|(_, kind)| *kind),
                _ => None,
            };
            let mut references = Vec::new();
            for (name, recovery) in [(names.peer, false), (names.recovered, true)] {
                for value in each(store, find(name)) {
                    let to = id_of(store, value);
                    if to.is_none() {
                        problems.note(Problem::MalformedEvent, at);
                    }
                    references.push(Reference { to, recovery });
                }
            }
            let kind = kind.unwrap_or(ExactKind::Other);
            found.push((
                Event { id, lane, seq: seq as u64, kind, span: at as u32, name: recorded.name, attributes: rows },
                references,
            ));
        }
    }
    any.then(|| place(&lanes, found, problems))
}

/// By resource: its lane, unless its incarnation can't be read.
fn lanes_of(store: &SpanStore, names: &Names, lanes: &mut Vec<Lane>) -> Vec<Option<u32>> {
    let mut numbers: HashMap<(&str, u64), u32> = HashMap::new();
    let mut lane_of = |resource: &Resource| {
        let find = |name: Option<Sym>| store.attributes().find(resource.attributes, name?);
        let incarnation = match find(names.incarnation) {
            None | Some(Any::Empty) => 0,
            Some(value) => u64::try_from(integer(store, value)?).ok()?,
        };
        let process = match find(names.instance) {
            Some(Any::Str(instance)) => store.text(instance),
            _ => store.text(resource.service),
        };
        Some(*numbers.entry((process, incarnation)).or_insert_with(|| {
            lanes.push(Lane { process: process.to_owned(), incarnation, name: format!("{process}.{incarnation}") });
            lanes.len() as u32 - 1
        }))
    };
    store.resources().iter().map(&mut lane_of).collect()
}

/// Events in their places; of several in one place the first in the input is kept.
fn place(lanes: &[Lane], mut found: Vec<(Event, Vec<Reference>)>, mut problems: Diagnoses) -> Events {
    // Only lanes with events, by name.
    let mut used = vec![false; lanes.len()];
    found.iter().for_each(|(event, _)| used[event.lane as usize] = true);
    let mut order: Vec<u32> = (0..lanes.len() as u32).filter(|&lane| used[lane as usize]).collect();
    let key = |lane: u32| (&lanes[lane as usize].process, lanes[lane as usize].incarnation);
    order.sort_by(|&a, &b| key(a).cmp(&key(b)));
    let mut number = vec![0; lanes.len()];
    order.iter().enumerate().for_each(|(at, &lane)| number[lane as usize] = at as u32);
    found.iter_mut().for_each(|(event, _)| event.lane = number[event.lane as usize]);

    found.sort_by_key(|(event, _)| (event.lane, event.seq));
    found.dedup_by(|(event, _), (kept, _)| {
        let same_place = (event.lane, event.seq) == (kept.lane, kept.seq);
        if same_place {
            // The same event twice is a span that was exported twice; another one contradicts it.
            let problem = if event.id == kept.id { Problem::DuplicateEvent } else { Problem::DuplicateSeq };
            problems.note(problem, event.span as usize);
        }
        same_place
    });
    let lanes = order.iter().map(|&lane| lanes[lane as usize].clone()).collect();
    let (events, references) = found.into_iter().unzip();
    Events { lanes, events, references, problems }
}

/// A value, or the items of a list of them.
fn each(store: &SpanStore, value: Option<Any>) -> Vec<Any> {
    match value {
        None | Some(Any::Empty) => Vec::new(),
        Some(Any::List(rows)) => store.attributes().pairs(rows).map(|(_, item)| item).collect(),
        Some(value) => vec![value],
    }
}

fn integer(store: &SpanStore, value: Any) -> Option<i64> {
    match value {
        Any::Int(number) => Some(number),
        Any::Str(sym) => store.text(sym).parse().ok(),
        _ => None,
    }
}

fn id_of(store: &SpanStore, value: Any) -> Option<Id> {
    match value {
        Any::Int(number) => Some(Id::Number(number)),
        Any::Str(Sym::EMPTY) => None,
        Any::Str(sym) => {
            let text = store.text(sym);
            // Only what an integer is written as: "007" is another name than 7.
            let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
            Some(number.map_or_else(|| Id::Text(text.into()), Id::Number))
        }
        _ => None,
    }
}
