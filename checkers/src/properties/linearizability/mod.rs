//! Linearizability: every operation seems to take effect at one moment between its call and its
//! return, and what it answered is what the object would have answered then.
//!
//! M. Herlihy and J. Wing, "Linearizability: a correctness condition for concurrent objects" (1990).
//! It is compositional: a history is linearizable when each object's part of it is, so that keys are
//! checked one by one.

mod because;
mod crashed;
mod cut;
mod depth;
mod fast;
mod frontier;
mod minimise;
mod numbers;
mod problem;
mod race;
mod space;
mod split;
mod stream;
mod verify;
mod wgl;
mod window;

pub(crate) use numbers::Numbers;
pub(crate) use space::erase;
pub use space::{AnyModel, Table};
pub use stream::{Settled, Stream, Ticket};
pub use verify::verify;

use super::PropertyEntry;
use crate::Shrink;
use crate::budget::{Budget, Meter};
use crate::history::{History, OPEN, Value};
use crate::verdict::{Because, Cause, CauseKind, Counterexample, Verdict, Witness};
use problem::Problem;
use race::Runners;

pub(super) static ENTRY: PropertyEntry = PropertyEntry {
    id: "linearizable",
    summary: "every operation takes effect at one moment between its call and its return",
    documentation: "There is an order of all operations in which each answers as the model says, and in which an operation \
        that returned before another was called comes first. Operations that never returned may have taken effect at any \
        moment after their call, or never. Intervals are closed: a call at the moment of a return is concurrent with it; \
        operations of one process are ordered even then. Each key is decided by itself.",
};

/// What an engine found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An order that satisfies the model, as indices into the history.
    Holds(Vec<u32>),
    /// There is none.
    Violated(Failure),
}

/// How far a search that can be paused has come.
pub(crate) enum Progress {
    Done(Answer),
    Paused,
}

/// Where every order had died.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The item whose return no order got past: of all orders, the furthest.
    pub(crate) item: Option<u32>,
    /// The states in which orders got there.
    pub(crate) states: Vec<u32>,
}

impl Failure {
    /// An order could not get past the return of `item`, being in `state`.
    fn meet(&mut self, problem: &Problem, item: u32, state: u32) {
        let ret = |item: u32| problem.items[item as usize].ret;
        if self.item.is_none_or(|best| ret(best) < ret(item)) {
            self.item = Some(item);
            self.states.clear();
        }
        if self.item == Some(item) && !self.states.contains(&state) && self.states.len() < 64 {
            self.states.push(state);
        }
    }
}

/// How to decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// By an exact method where one fits, else by depth first and breadth first in turns.
    #[default]
    Auto,
    /// By the textbook search, which the others are compared with.
    Reference,
    /// Depth first over configurations.
    DepthFirst,
    /// Breadth first over configurations, one return at a time.
    Frontier,
    /// Both in turns, looking at once wherever the first is stuck for a step, which forgets at once what it can find out
    /// again: for tests of that.
    Impatient,
}

/// Decides one partition of `parts`: the operations at `indices`, all on the object `key`.
pub(crate) fn decide(
    model: &dyn AnyModel,
    history: &History,
    (part, parts): (&(Value, Vec<u32>), usize),
    shrink: Shrink,
    budget: &Budget,
) -> Verdict {
    let word_steps = (AUTO_STEPS / parts as u64).max(LEAST_STEPS);
    Partition { model, history, key: &part.0, indices: &part.1, shrink, word_steps }.decide(Engine::Auto, budget)
}

/// Decides one partition by an engine of the caller's choice: the operations at `indices` (in
/// ascending order), all on the object `key`. Counterexamples are not minimised.
pub fn decide_with(
    model: &dyn AnyModel,
    history: &History,
    key: &Value,
    indices: &[u32],
    engine: Engine,
    budget: &Budget,
) -> Verdict {
    Partition { model, history, key, indices, shrink: Shrink::Off, word_steps: AUTO_STEPS }.decide(engine, budget)
}

/// Steps that minimising may take in all partitions together where it is to take about a second at most;
/// steps of models with large states take up to a microsecond.
const AUTO_STEPS: u64 = 2_000_000;
/// And in each, so that the last of many keys is explained too.
const LEAST_STEPS: u64 = 20_000;

struct Partition<'a> {
    model: &'a dyn AnyModel,
    history: &'a History,
    key: &'a Value,
    indices: &'a [u32],
    shrink: Shrink,
    /// Steps that finding better words may take.
    word_steps: u64,
}

/// A violation among more operations than these is explained by its own argument alone.
const EXPLAINED: usize = 20_000;

/// What ordering the operations takes, for each.
const BYTES: u64 = 64;

impl Partition<'_> {
    fn decide(&self, engine: Engine, budget: &Budget) -> Verdict {
        let mut meter = budget.meter();
        if let Err(kind) = meter.step(0).and_then(|()| meter.hold(BYTES * self.indices.len() as u64)) {
            return Verdict::Unknown(self.not_begun(&meter, kind));
        }
        if engine == Engine::Auto
            && let Some(verdict) = self.decide_fast(budget)
        {
            return verdict;
        }
        if engine == Engine::Auto
            && let Some(parts) = split::parts(self.model.as_any(), self.history, self.indices)
        {
            return self.decide_parts(&parts, budget);
        }
        let (classes, mut table) = match self.model.prepare(self.history, self.indices, &budget.stop) {
            Ok(prepared) => prepared,
            Err(_) if let Some(kind) = budget.stop.raised() => return Verdict::Unknown(self.not_begun(&meter, kind)),
            Err((index, refusal)) => return unsupported(self.history, index, &refusal.0),
        };
        let problem = Problem::new(self.history, self.indices, &classes, &table);
        drop(classes);
        let mut meter = budget.meter();
        match search(&problem, &mut table, &mut meter, engine) {
            Ok((Answer::Holds(order), engine)) => Verdict::Holds(Witness { order, engine }),
            Ok((Answer::Violated(failure), engine)) => {
                Verdict::Violated(vec![self.explain(&problem, &mut table, &failure, engine, budget)])
            }
            Err((kind, passed)) => Verdict::Unknown(stopped(&meter, kind, self.key, passed, &problem)),
        }
    }

    /// By an exact method, if one fits.
    fn decide_fast(&self, budget: &Budget) -> Option<Verdict> {
        let found = fast::decide(self.model.as_any(), self.history, self.indices, &budget.stop);
        let Some((found, engine)) = found else {
            let kind = budget.stop.raised()?;
            return Some(Verdict::Unknown(self.not_begun(&budget.meter(), kind)));
        };
        match found {
            fast::Found::Holds => Some(Verdict::Holds(Witness { order: Vec::new(), engine })),
            fast::Found::Violated(core) => self.explain_core(&core, engine, budget),
            fast::Found::Argued { core, because } => self.explain_argument(core, because, engine, budget),
        }
    }

    fn not_begun(&self, meter: &Meter<'_>, kind: CauseKind) -> Cause {
        let key = if self.key.is_nil() { String::new() } else { format!("key {}: ", self.key) };
        meter.cause(kind, &format!("{key}not begun"))
    }

    /// A violation that comes with its argument. The general engine may find a smaller one among the
    /// operations that were called before the last of the core returned; or it gives up.
    fn explain_argument(
        &self,
        core: Vec<u32>,
        because: Vec<Because>,
        engine: &'static str,
        budget: &Budget,
    ) -> Option<Verdict> {
        let ops = self.history.operations();
        let failed = because[0].from;
        let ret = core.iter().map(|&i| ops[i as usize].ret).max().unwrap_or(OPEN);
        let before: Vec<u32> = self.indices.iter().copied().filter(|&i| ops[i as usize].call <= ret).collect();
        if before.len() <= EXPLAINED || self.shrink == Shrink::Full {
            match self.explain_core(&before, engine, budget)? {
                Verdict::Violated(found) if found.iter().any(|found| found.because.is_empty()) => {}
                verdict => return Some(verdict),
            }
        }
        Some(Verdict::Violated(vec![Counterexample {
            partition: self.key.clone(),
            operations: core,
            failed_at: Some(failed),
            because,
            engine,
            ..Default::default()
        }]))
    }

    /// Parts that don't touch each other: the first that is violated, or else not known, speaks for
    /// all. The witnesses of parts can't simply be put one after the other, so none is given.
    fn decide_parts(&self, parts: &[Vec<u32>], budget: &Budget) -> Verdict {
        let mut unknown = None;
        for indices in parts {
            match (Partition { indices, ..*self }).decide(Engine::Auto, budget) {
                Verdict::Holds(_) => {}
                Verdict::Violated(mut found) => {
                    found.iter_mut().for_each(|found| found.engine = "by-value");
                    return Verdict::Violated(found);
                }
                Verdict::Unknown(cause) => unknown = unknown.or(Some(cause)),
            }
        }
        match unknown {
            None => Verdict::Holds(Witness { order: Vec::new(), engine: "by-value" }),
            Some(cause) => Verdict::Unknown(cause),
        }
    }

    /// A violation that an exact method found: the general engine judges its core, which is small.
    /// `None` if it disagrees, which would be a mistake in the method: then the whole is searched.
    fn explain_core(&self, core: &[u32], engine: &'static str, budget: &Budget) -> Option<Verdict> {
        let found =
            Counterexample { operations: core.to_vec(), partition: self.key.clone(), engine, ..Default::default() };
        let Ok((classes, mut table)) = self.model.prepare(self.history, core, &budget.stop) else {
            return Some(Verdict::Violated(vec![found]));
        };
        let problem = Problem::new(self.history, core, &classes, &table);
        // Only words are at stake here: the verdict stands.
        let budget = &Budget { steps: Some(self.word_steps), ..budget.clone() };
        let mut meter = budget.meter();
        match search(&problem, &mut table, &mut meter, Engine::Auto) {
            Ok((Answer::Violated(failure), _)) => {
                let mut counterexample = self.explain(&problem, &mut table, &failure, engine, budget);
                if let Some(step) = counterexample.because.iter_mut().find(|step| step.kind == "core") {
                    // The core was all there was to look at, but not all there is.
                    let all = counterexample.operations.len();
                    step.text = because::core_text(all, self.indices.len() - all);
                }
                Some(Verdict::Violated(vec![counterexample]))
            }
            Ok((Answer::Holds(_), _)) => {
                debug_assert!(false, "the core of a violation by {engine} has an order: {core:?}");
                None
            }
            Err(_) => Some(Verdict::Violated(vec![found])),
        }
    }

    fn explain(
        &self,
        problem: &Problem,
        table: &mut Table<'_>,
        failure: &Failure,
        engine: &'static str,
        budget: &Budget,
    ) -> Counterexample {
        let steps = if self.shrink == Shrink::Full { None } else { Some(self.word_steps) };
        let minimal = match self.shrink {
            Shrink::Off => None,
            _ => minimise::minimise(problem, table, failure, steps, &budget.stop),
        };
        let failed = failure.item.map(|item| problem.items[item as usize]);
        let last = failed.map_or(u32::MAX, |item| item.ret);
        let operations = match &minimal {
            Some(minimal) => minimal.problem.items.iter().filter(|item| item.must).map(|item| item.index).collect(),
            None => problem.items.iter().filter(|item| item.call < last).map(|item| item.index).collect(),
        };
        let scene = because::Scene { history: self.history, problem, failure, minimal: minimal.as_ref() };
        Counterexample {
            partition: self.key.clone(),
            operations,
            minimal: minimal.as_ref().is_some_and(|minimal| minimal.minimal),
            failed_at: failed.map(|item| item.index),
            because: scene.because(table),
            states: failure.states.iter().take(8).map(|&state| table.describe(state)).collect(),
            engine,
        }
    }
}

/// The general engines.
fn search(
    problem: &Problem,
    table: &mut Table<'_>,
    meter: &mut Meter<'_>,
    engine: Engine,
) -> Result<(Answer, &'static str), (CauseKind, usize)> {
    let runners = match engine {
        Engine::Reference => {
            return wgl::decide(problem, table, meter).map(|answer| (answer, "wgl")).map_err(|kind| (kind, 0));
        }
        Engine::Auto => Runners::Both,
        Engine::DepthFirst => Runners::Depth,
        Engine::Frontier => Runners::Frontier,
        Engine::Impatient => Runners::Impatient,
    };
    race::decide(problem, table, meter, runners)
}

fn stopped(meter: &Meter<'_>, kind: CauseKind, key: &Value, passed: usize, problem: &Problem) -> Cause {
    let key = if key.is_nil() { String::new() } else { format!("key {key}: ") };
    let all = problem.returns.len();
    meter.cause(kind, &format!("{key}no order ruled out or completed; {passed} of {all} returns passed"))
}

fn unsupported(history: &History, index: u32, reason: &str) -> Verdict {
    let op = &history.operations()[index as usize];
    let name = history.function(index as usize);
    let detail = format!("operation {index}, `{name}` with input {} and output {}: {reason}", op.input, op.output);
    Verdict::Unknown(Cause { kind: CauseKind::Unsupported, detail })
}
