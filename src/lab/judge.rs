//! Judging a run: its history against the system's promise, its invariants, its liveness, its clocks.

use crate::node::{Outcome, Promise, System};
use crate::outcome::{Answer, CheckResult, Circumstances};
use crate::sim::{Performed, Run, Stuck};
use causet_checkers::budget::Budget;
use causet_checkers::history::{Complete, Completion, History, HistoryBuilder, Value};
use causet_checkers::{Query, Shrink, properties};

/// What found something wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    History,
    Invariant,
    Liveness,
}

impl Kind {
    /// All, in the order of the kill matrix.
    pub const ALL: [Self; 3] = [Self::History, Self::Invariant, Self::Liveness];

    /// The word used in files and reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Invariant => "invariant",
            Self::Liveness => "liveness",
        }
    }
}

/// What is to be said of a run.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// One result for the promise (if the system makes one), one for the invariants, one for liveness.
    pub results: Vec<CheckResult>,
    /// What is wrong: what found it, which property, and in words.
    pub wrong: Vec<(Kind, &'static str, String)>,
    /// Why the history was not held against the promise of the system, if it makes one.
    pub unjudged: Option<String>,
}

impl Judgement {
    /// The worst of its parts.
    pub fn answer(&self) -> Answer {
        if !self.wrong.is_empty() {
            Answer::Violated
        } else if self.results.iter().any(|result| result.answer == Answer::Unknown) {
            Answer::Unknown
        } else {
            Answer::Holds
        }
    }

    /// Whether this kind of judge found something.
    pub fn found(&self, kind: Kind) -> bool {
        self.wrong.iter().any(|(found, _, _)| *found == kind)
    }
}

/// The history of a run, and for each of its operations the place among all performed.
///
/// # Errors
/// Never for the operations of a run; a text if they don't make a history.
pub fn history(performed: &[Performed]) -> Result<History, String> {
    let mut builder = HistoryBuilder::new();
    for of in performed {
        let complete = Complete {
            process: &of.process,
            function: of.operation.function,
            key: of.operation.key.clone().unwrap_or_default(),
            input: of.operation.input.clone(),
            call: of.call_ns as i64,
            ret: of.return_ns.map(|time| time as i64),
            completion: match &of.outcome {
                Outcome::Ok(output) => Completion::Ok(output.clone()),
                Outcome::Fail => Completion::Fail,
                Outcome::Unknown => Completion::Info,
            },
        };
        builder.operation(complete).map_err(|malformed| malformed.to_string())?;
    }
    Ok(builder.finish())
}

/// A key's history that takes more than this to decide stays unknown: among thousands of seeds there are some
/// with so much at once that nobody can.
const MOST_STEPS: u64 = 30_000_000;
const MOST_BYTES: u64 = 1 << 30;

/// Judges a run.
pub fn judge(system: &dyn System, run: &Run, shrink: Shrink) -> Judgement {
    let mut judgement = Judgement { results: Vec::new(), wrong: Vec::new(), unjudged: None };
    match (promise(system, &run.options), system.promise(&run.options)) {
        (Some(promise), _) => judge_history(promise, run, shrink, &mut judgement),
        (None, Some(Promise { model, property })) => {
            judgement.unjudged = Some(format!("{property} {model} is promised, and nothing here can check that yet"));
        }
        (None, None) => {}
    }
    let invariant = run.broken.as_ref().map(|(broken, _, _)| (broken.invariant, broken.detail.clone()));
    let invariant = invariant.or_else(|| wrong_clock(run));
    judgement.results.push(plain("invariants", invariant.is_some()));
    judgement.wrong.extend(invariant.map(|(name, detail)| (Kind::Invariant, name, detail)));
    let stuck = run.stuck.map(|stuck| match stuck {
        Stuck::Nothing => "no operation succeeded after every fault had healed".to_owned(),
        Stuck::Restless => "the cluster did not come to rest after every fault had healed".to_owned(),
        Stuck::Storm => format!("{} events and no end", run.events),
    });
    judgement.results.push(plain("liveness", stuck.is_some()));
    judgement.wrong.extend(stuck.map(|detail| (Kind::Liveness, "liveness", detail)));
    judgement
}

fn judge_history(promise: Promise, run: &Run, shrink: Shrink, judgement: &mut Judgement) {
    let mut about = Circumstances { property: promise.property, model: promise.model, ..Circumstances::default() };
    let result = history(&run.performed).and_then(|history| {
        if history.is_empty() {
            return Ok(CheckResult::unchecked(&history, Answer::Empty, None, &about));
        }
        let budget = Budget { steps: Some(MOST_STEPS), bytes: Some(MOST_BYTES), ..Budget::default() };
        let query =
            Query { model: Some(promise.model), property: promise.property, shrink, budget, ..Query::default() };
        let outcome = causet_checkers::check(&history, &query).map_err(|error| error.to_string())?;
        about.partitions = outcome.partitions as u64;
        about.undecided = outcome.unknown.len() as u64;
        if !outcome.violated.is_empty() || matches!(outcome.verdict, causet_checkers::verdict::Verdict::Violated(_)) {
            let keys: Vec<String> = outcome.violated.iter().map(Value::to_string).collect();
            let detail = match &keys[..] {
                [] => "the history violates it".to_owned(),
                [key] => format!("the history of key {key} violates it"),
                keys => format!("the histories of keys {} violate it", keys.join(", ")),
            };
            judgement.wrong.push((Kind::History, promise.property, detail));
        }
        Ok(CheckResult::new(&history, &outcome.verdict, &about))
    });
    match result {
        Ok(result) => judgement.results.push(result),
        Err(message) => judgement.wrong.push((Kind::History, promise.property, message)),
    }
}

/// The first event at which a node's own clocks differ from the truth. Own and true clocks count the same
/// things, so a right one is equal.
fn wrong_clock(run: &Run) -> Option<(&'static str, String)> {
    let record = run.record.as_ref()?;
    record.events().iter().enumerate().find_map(|(at, event)| {
        let truth = record.vector(event);
        let own = |lane: usize| {
            let vector = &event.own.vector;
            vector.binary_search_by_key(&(lane as u32), |(lane, _)| *lane).map_or(0, |found| vector[found].1)
        };
        let vectors = (0..truth.len()).all(|lane| own(lane) == u64::from(truth[lane]))
            && event
                .own
                .vector
                .iter()
                .all(|(lane, count)| truth.get(*lane as usize).is_some_and(|known| u64::from(*known) == *count));
        let wrong = if !vectors {
            "vector"
        } else if event.own.lamport != u64::from(event.lamport) {
            "Lamport"
        } else {
            return None;
        };
        let node = record.cluster().name(event.node);
        let detail = format!("the {wrong} clock of {node} is wrong at event {}, a {}", at + 1, event.kind.id());
        Some(("clocks", detail))
    })
}

fn plain(property: &'static str, violated: bool) -> CheckResult {
    let about = Circumstances { property, ..Circumstances::default() };
    let answer = if violated { Answer::Violated } else { Answer::Holds };
    CheckResult::unchecked(&History::default(), answer, None, &about)
}

/// What the clients of a system may rely on with these options, if it can be checked: what nobody can check yet is
/// not judged, but the invariants and liveness are.
pub fn promise(system: &dyn System, options: &[(String, String)]) -> Option<Promise> {
    let known = |promise: &Promise| properties::find(promise.property).is_some();
    system.promise(options).filter(known)
}
