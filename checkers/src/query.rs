//! A question about a history, and the way from question to answer: pick the model, split by key,
//! decide each part in parallel, put the verdicts together in the order of the keys.

use crate::budget::{Budget, Stop};
use crate::history::{History, Value};
use crate::models::{self, ModelEntry, Options};
use crate::properties::{self, linearizability};
use crate::verdict::{Verdict, Witness};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How hard to try to find the smallest set of operations that shows a violation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shrink {
    /// Not at all.
    Off,
    /// As far as about a second allows (counted in steps, so that every run gives the same).
    #[default]
    Auto,
    /// Until nothing can be left out.
    Full,
}

/// What is asked of a history.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// The model's id; `None`: inferred from the history.
    pub model: Option<&'a str>,
    /// The model's options by name, such as `initial`.
    pub options: &'a [(String, Value)],
    /// The property's id.
    pub property: &'a str,
    /// Whether each key is an object of its own (where the model allows that).
    pub per_key: bool,
    /// Whether to minimise counterexamples.
    pub shrink: Shrink,
    /// Whether the first key that violates the property, in order of the keys, is enough: those after it
    /// are not judged.
    pub fail_fast: bool,
    /// Limits, for each partition.
    pub budget: Budget,
}

impl Default for Query<'_> {
    fn default() -> Self {
        Self {
            model: None,
            options: &[],
            property: "linearizable",
            per_key: true,
            shrink: Shrink::Auto,
            fail_fast: false,
            budget: Budget::default(),
        }
    }
}

/// Why a question can't be asked. The message says what would be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// No model has this id.
    UnknownModel { name: String, known: Vec<&'static str> },
    /// No property has this id.
    UnknownProperty { name: String, known: Vec<&'static str> },
    /// The model has no such option.
    UnknownOption { model: &'static str, name: String, known: Vec<&'static str> },
    /// The option's value is not of the right kind.
    BadOption { model: &'static str, name: &'static str, expected: &'static str },
    /// The history could be of several models, or of none; these are the candidates.
    AmbiguousModel { functions: Vec<String>, candidates: Vec<&'static str> },
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModel { name, known } => write!(f, "no model `{name}`; there are {}", known.join(", ")),
            Self::UnknownProperty { name, known } => write!(f, "no property `{name}`; there are {}", known.join(", ")),
            Self::UnknownOption { model, name, known } if known.is_empty() => {
                write!(f, "model `{model}` has no option `{name}`; it has none")
            }
            Self::UnknownOption { model, name, known } => {
                write!(f, "model `{model}` has no option `{name}`; it has {}", known.join(", "))
            }
            Self::BadOption { model, name, expected } => {
                write!(f, "option `{name}` of model `{model}` must be {expected}")
            }
            Self::AmbiguousModel { functions, candidates } if candidates.is_empty() => {
                write!(f, "no model has the operations {}; name one with `model`", functions.join(", "))
            }
            Self::AmbiguousModel { functions, candidates } => {
                let (functions, candidates) = (functions.join(", "), candidates.join(", "));
                write!(f, "operations {functions} fit several models: {candidates}; name one of them")
            }
        }
    }
}

impl std::error::Error for QueryError {}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All partitions together; one counterexample for each that is violated, in order of keys.
    pub verdict: Verdict,
    /// The model that was used.
    pub model: &'static str,
    /// The property that was checked.
    pub property: &'static str,
    /// How many partitions were judged.
    pub partitions: usize,
    /// The keys of those that violate the property.
    pub violated: Vec<Value>,
    /// The keys of those that nobody could decide.
    pub unknown: Vec<Value>,
    /// How many operations the history has.
    pub operations: usize,
    /// How many of them never returned.
    pub pending: usize,
    /// How many partitions each engine decided.
    pub engines: BTreeMap<&'static str, usize>,
}

/// Answers `query` about `history`. See [`crate::check`].
pub(crate) fn run(history: &History, query: &Query<'_>) -> Result<Outcome, QueryError> {
    let property = properties::find(query.property).ok_or_else(|| QueryError::UnknownProperty {
        name: query.property.into(),
        known: properties::all().iter().map(|entry| entry.id).collect(),
    })?;
    let recorded: Vec<(String, Value)>;
    let mut options = Options(query.options);
    let entry = match query.model {
        None => infer(history, options, &query.budget.stop)?,
        Some(name) => models::find(name).ok_or_else(|| QueryError::UnknownModel {
            name: name.into(),
            known: models::all().iter().map(|entry| entry.id).collect(),
        })?,
    };
    // What the recording says of the beginning counts unless the caller says otherwise.
    if let Some(initial) = history.initial()
        && options.get("initial").is_none()
        && entry.options.iter().any(|option| option.name == "initial")
    {
        recorded = query.options.iter().cloned().chain([("initial".into(), initial.clone())]).collect();
        options = Options(&recorded);
    }
    let model = build(entry, options)?;
    let parts = if query.per_key && entry.per_key { by_key(history) } else { vec![everything(history)] };
    let all = parts.len();
    let decide = |part: &Part| linearizability::decide(&*model, history, (part, all), query.shrink, &query.budget);
    let verdicts =
        if query.fail_fast { until_violated(&parts, decide) } else { parts.par_iter().map(decide).collect() };
    Ok(outcome(history, entry, property.id, &parts[..verdicts.len()], verdicts))
}

/// Verdicts up to the first violation in order, whatever the threads do.
fn until_violated(parts: &[Part], decide: impl Fn(&Part) -> Verdict + Sync) -> Vec<Verdict> {
    let first = AtomicUsize::new(parts.len());
    let mut verdicts: Vec<Option<Verdict>> = (parts.par_iter().enumerate())
        .map(|(i, part)| {
            let verdict = (i <= first.load(Ordering::Relaxed)).then(|| decide(part))?;
            if matches!(verdict, Verdict::Violated(_)) {
                first.fetch_min(i, Ordering::Relaxed);
            }
            Some(verdict)
        })
        .collect();
    verdicts.truncate(first.into_inner() + 1);
    verdicts.into_iter().flatten().collect()
}

/// The verdict on a history by a model that is in no registry. See [`crate::check_model`].
pub(crate) fn run_model(model: &dyn linearizability::AnyModel, history: &History, budget: &Budget) -> Verdict {
    let parts = by_key(history);
    let decide = |part| linearizability::decide(model, history, (part, parts.len()), Shrink::Auto, budget);
    let verdicts: Vec<Verdict> = parts.par_iter().map(decide).collect();
    let all = verdicts.into_iter().reduce(Verdict::and);
    all.unwrap_or(Verdict::Holds(Witness::default()))
}

fn build(entry: &'static ModelEntry, options: Options<'_>) -> Result<Box<dyn linearizability::AnyModel>, QueryError> {
    let known = || entry.options.iter().map(|option| option.name);
    if let Some((name, _)) = options.0.iter().find(|(name, _)| known().all(|known| known != name)) {
        return Err(QueryError::UnknownOption { model: entry.id, name: name.clone(), known: known().collect() });
    }
    (entry.build)(&options).map_err(|(name, expected)| QueryError::BadOption { model: entry.id, name, expected })
}

/// The one model that knows all functions and values of the history. Of several of one family
/// (which agree on these functions), the first.
fn infer(history: &History, options: Options<'_>, stop: &Stop) -> Result<&'static ModelEntry, QueryError> {
    let knows = |entry: &ModelEntry| {
        history.functions().iter().all(|name| entry.functions.iter().any(|function| function.name == name))
    };
    let every: Vec<u32> = (0..history.len() as u32).collect();
    let mut candidates: Vec<&'static ModelEntry> = models::all().iter().copied().filter(|entry| knows(entry)).collect();
    if candidates.len() > 1 {
        let parses = |entry: &&'static ModelEntry| {
            build(entry, options).is_ok_and(|model| model.prepare(history, &every, stop).is_ok())
        };
        let fitting: Vec<_> = candidates.iter().copied().filter(parses).collect();
        candidates = if fitting.is_empty() { candidates } else { fitting };
        if stop.raised().is_some() {
            // Nobody will look at the operations any more: which one does not matter.
            candidates.truncate(1);
        }
    }
    match candidates[..] {
        [first, ref rest @ ..] if rest.iter().all(|entry| entry.family == first.family) => Ok(first),
        _ => Err(QueryError::AmbiguousModel {
            functions: history.functions().iter().map(String::from).collect(),
            candidates: candidates.iter().map(|entry| entry.id).collect(),
        }),
    }
}

type Part = (Value, Vec<u32>);

fn everything(history: &History) -> Part {
    (Value::Nil, (0..history.len() as u32).collect())
}

/// The operations of each key, in order of the keys.
fn by_key(history: &History) -> Vec<Part> {
    let ops = history.operations();
    let Some(first) = ops.first() else { return Vec::new() };
    if first.key.is_nil() && ops.iter().all(|op| op.key.is_nil()) {
        return vec![everything(history)];
    }
    let mut numbers = linearizability::Numbers::with_capacity(ops.len() / 4);
    let mut keys: Vec<(&Value, usize)> = Vec::new();
    let mut places: Vec<u32> = Vec::with_capacity(ops.len());
    for op in ops {
        let number = numbers.of(&op.key);
        if number as usize == keys.len() {
            keys.push((&op.key, 0));
        }
        keys[number as usize].1 += 1;
        places.push(number);
    }
    let mut parts: Vec<Part> = keys.iter().map(|(key, count)| ((*key).clone(), Vec::with_capacity(*count))).collect();
    (0..).zip(places).for_each(|(index, place)| parts[place as usize].1.push(index));
    parts.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    parts
}

fn outcome(
    history: &History,
    entry: &'static ModelEntry,
    property: &'static str,
    parts: &[Part],
    verdicts: Vec<Verdict>,
) -> Outcome {
    let mut outcome = Outcome {
        verdict: Verdict::Holds(Witness::default()),
        model: entry.id,
        property,
        partitions: parts.len(),
        violated: Vec::new(),
        unknown: Vec::new(),
        operations: history.len(),
        pending: history.pending(),
        engines: BTreeMap::new(),
    };
    let mut all: Option<Verdict> = None;
    for ((key, _), verdict) in parts.iter().zip(verdicts) {
        let engine = match &verdict {
            Verdict::Holds(witness) => Some(witness.engine),
            Verdict::Violated(found) => found.first().map(|found| found.engine),
            Verdict::Unknown(_) => None,
        };
        match &verdict {
            Verdict::Violated(_) => outcome.violated.push(key.clone()),
            Verdict::Unknown(_) => outcome.unknown.push(key.clone()),
            Verdict::Holds(_) => {}
        }
        if let Some(engine) = engine {
            *outcome.engines.entry(engine).or_default() += 1;
        }
        all = Some(match all {
            None => verdict,
            Some(all) => all.and(verdict),
        });
    }
    outcome.verdict = all.unwrap_or(outcome.verdict);
    outcome
}
