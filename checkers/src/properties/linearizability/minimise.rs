//! The few operations that a violation rests on.
//!
//! An operation is *left out* by letting it be: it may have taken effect in its interval, or not. So
//! what remains is an argument about the whole history: these operations can't all have happened as
//! they say, *whatever the others did*. (Dropping operations altogether would find smaller sets that
//! prove nothing: a lone read of 1 is violated by itself, and says nothing where 1 was written.) What
//! remains is violated as a history of its own, too.
//!
//! Three stages, each of which only ever weakens what is demanded:
//!
//! 1. Nothing after the return at which every order had died matters. Operations still open there may
//!    have happened or not.
//! 2. Mostly only the last few before it do: the history is cut ([`super::cut`]), at the latest cut that
//!    leaves a violation; it is looked for by doubling.
//! 3. One by one (first in halves), the remaining operations are left out where a violation remains
//!    without. Demanding less never makes a violation, so that one pass is enough: of the result,
//!    nothing more can be left out. After a cut, which gives away more than it has to, a last pass
//!    tries the few that are left on the whole.

use super::cut::{leave_out, reachable, until, window};
use super::problem::Problem;
use super::race::{self, Runners};
use super::space::Table;
use super::{Answer, Failure};
use crate::budget::{Budget, Meter, Stop};

/// What minimising found.
pub(crate) struct Minimal {
    /// The part of the problem that is violated; its items that `must` are the operations to show.
    pub(crate) problem: Problem,
    /// Whether nothing more can be left out.
    pub(crate) minimal: bool,
}

/// Leaves out what it can, within so many steps; `None` if it did not get anywhere.
pub(crate) fn minimise(
    problem: &Problem,
    table: &mut Table<'_>,
    failure: &Failure,
    steps: Option<u64>,
    stop: &Stop,
) -> Option<Minimal> {
    let last = problem.items[failure.item? as usize].ret;
    let budget = Budget { steps, bytes: None, stop: stop.clone() };
    let mut trials = Trials { table, meter: budget.meter(), limited: false };
    // What is ordered beyond ranks is given up where it rests on operations that are left out, which might have made
    // more superfluous than is found.
    let exact = problem.is_interval_order();
    let prefix = until(problem, trials.table, last);
    // An engine that fails at a return has asked nothing of what comes later: no need to look again.
    if !exact && !trials.is_violated(&prefix) {
        return None;
    }
    let Some(window) = trials.cut(&prefix, last) else {
        let problem = trials.thin_out(prefix);
        return Some(Minimal { problem, minimal: exact && !trials.limited });
    };
    let window = trials.thin_out(window);
    let core: Vec<u32> = must(&window).iter().map(|&i| window.items[i as usize].index).collect();
    let whole = leave_out(&prefix, trials.table, |_, item| !core.contains(&item.index));
    let problem = if trials.is_violated(&whole) { trials.thin_out(whole) } else { window };
    Some(Minimal { problem, minimal: exact && !trials.limited })
}

fn must(problem: &Problem) -> Vec<u32> {
    (0..problem.items.len() as u32).filter(|&i| problem.items[i as usize].must).collect()
}

struct Trials<'t, 'm, 'b> {
    table: &'t mut Table<'m>,
    meter: Meter<'b>,
    limited: bool,
}

impl Trials<'_, '_, '_> {
    /// Whether the problem is violated, and that can be seen in time.
    fn is_violated(&mut self, problem: &Problem) -> bool {
        match race::decide(problem, self.table, &mut self.meter, Runners::Frontier) {
            Ok((answer, _)) => matches!(answer, Answer::Violated(_)),
            Err(_) => {
                self.limited = true;
                false
            }
        }
    }

    /// Leaves out operations as long as a violation remains.
    fn thin_out(&mut self, mut problem: Problem) -> Problem {
        let mut chunk = (must(&problem).len() / 2).max(1);
        let mut from = 0;
        while !self.limited {
            let musts = must(&problem);
            if from >= musts.len() {
                if chunk == 1 {
                    break;
                }
                (from, chunk) = (0, chunk / 2);
                continue;
            }
            let out = &musts[from..(from + chunk).min(musts.len())];
            let weaker = leave_out(&problem, self.table, |i, _| out.binary_search(&i).is_ok());
            if self.is_violated(&weaker) {
                problem = weaker;
            } else {
                from += chunk;
            }
        }
        problem
    }

    /// The problem after the latest cut (of those tried) that leaves it violated.
    fn cut(&mut self, problem: &Problem, last: u32) -> Option<Problem> {
        let starts = reachable(problem, self.table)?;
        let mut back = 2;
        while back < problem.returns.len() {
            let at = problem.items[problem.returns[problem.returns.len() - 1 - back] as usize].ret;
            debug_assert!(at < last);
            let window = window(problem, self.table, at, &starts);
            if self.is_violated(&window) {
                return Some(window);
            }
            if self.limited {
                return None;
            }
            back *= 2;
        }
        None
    }
}
