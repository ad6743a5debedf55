//! Linearizability: every operation seems to take effect at one moment between its call and its
//! return, and what it answered is what the object would have answered then.
//!
//! M. Herlihy and J. Wing, "Linearizability: a correctness condition for concurrent objects" (1990).
//! It is compositional: a history is linearizable when each object's part of it is, so that keys are
//! checked one by one.

mod crashed;
mod depth;
mod fast;
mod frontier;
mod problem;
mod race;
mod space;
mod verify;
mod wgl;
mod window;

pub use space::{AnyModel, Table};
pub(crate) use space::{HASHER, erase};
pub use verify::verify;

use super::PropertyEntry;
use crate::budget::{Budget, Meter};
use crate::history::{History, Value};
use crate::verdict::{Cause, CauseKind, Counterexample, Verdict, Witness};
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
}

/// Decides one partition: the operations at `indices`, all on the object `key`.
pub(crate) fn decide(
    model: &dyn AnyModel,
    history: &History,
    key: &Value,
    indices: &[u32],
    budget: &Budget,
) -> Verdict {
    decide_with(model, history, key, indices, Engine::Auto, budget)
}

/// Decides one partition by an engine of the caller's choice: the operations at `indices` (in
/// ascending order), all on the object `key`.
pub fn decide_with(
    model: &dyn AnyModel,
    history: &History,
    key: &Value,
    indices: &[u32],
    engine: Engine,
    budget: &Budget,
) -> Verdict {
    if engine == Engine::Auto
        && let Some((found, engine)) = fast::decide(model.as_any(), history, indices)
    {
        match found {
            fast::Found::Holds => return Verdict::Holds(Witness { order: Vec::new(), engine }),
            fast::Found::Violated(core) => {
                return Verdict::Violated(vec![Counterexample { operations: core, engine, ..Default::default() }]);
            }
        }
    }
    let (classes, mut table) = match model.prepare(history, indices) {
        Ok(prepared) => prepared,
        Err((index, refusal)) => return unsupported(history, index, &refusal.0),
    };
    let problem = Problem::new(history, indices, &classes, &table);
    let mut meter = budget.meter();
    let decided = match engine {
        Engine::Reference => {
            wgl::decide(&problem, &mut table, &mut meter).map(|answer| (answer, "wgl")).map_err(|kind| (kind, 0))
        }
        Engine::Auto => race::decide(&problem, &mut table, &mut meter, Runners::Both),
        Engine::DepthFirst => race::decide(&problem, &mut table, &mut meter, Runners::Depth),
        Engine::Frontier => race::decide(&problem, &mut table, &mut meter, Runners::Frontier),
    };
    match decided {
        Ok((Answer::Holds(order), engine)) => Verdict::Holds(Witness { order, engine }),
        Ok((Answer::Violated(failure), engine)) => {
            Verdict::Violated(vec![counterexample(&problem, &table, &failure, key, engine)])
        }
        Err((kind, passed)) => Verdict::Unknown(stopped(&meter, kind, key, passed, &problem)),
    }
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

fn counterexample(
    problem: &Problem,
    table: &Table<'_>,
    failure: &Failure,
    key: &Value,
    engine: &'static str,
) -> Counterexample {
    let item = failure.item.map(|item| problem.items[item as usize]);
    let last = item.map_or(u32::MAX, |item| item.ret);
    let operations = problem.items.iter().filter(|item| item.call < last).map(|item| item.index).collect();
    Counterexample {
        partition: key.clone(),
        operations,
        minimal: false,
        failed_at: item.map(|item| item.index),
        states: failure.states.iter().map(|&state| table.describe(state)).collect(),
        because: Vec::new(),
        engine,
    }
}
