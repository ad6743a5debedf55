//! Answers that say which operation comes before which: the earliest moments.
//!
//! Often what operations answered leaves one order of the changes, and puts every other operation
//! before or after some of them: a partial order `<` that an order of the history must respect, and
//! that is enough for it to satisfy the model. Such an order exists if and only if the *earliest
//! moments*
//!
//! ```text
//!     e(x) = the latest of the call of x and all e(y), y < x
//! ```
//!
//! lie before the returns: e(x) < ret(x) for every x.
//!
//! - *Necessary.* An operation takes effect after its call, and after all that must precede it.
//! - *Sufficient.* Let each take effect at e(x), and where these are equal, in any order that respects
//!   `<`. It does so in its interval, and y < x means e(y) ≤ e(x).
//!
//! If e(x) > ret(x), then e(x) is the call of some y that must come before x, and x returned before y
//! was called: these two are the core, and the operations that say that y comes before x.

use super::super::problem::{NEVER, Problem};
use super::{Found, holds_if_intervals};
use crate::explain::words;
use crate::history::History;
use crate::verdict::Because;

/// A moment just after a call: the latest of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// The rank of the call and one more; 0 is before all of them.
    rank: u32,
    item: u32,
}

impl Moment {
    /// Before all calls.
    pub(super) const START: Self = Self { rank: 0, item: NEVER };

    /// Just after an item's call.
    pub(super) fn call(problem: &Problem, item: u32) -> Self {
        Self { rank: problem.items[item as usize].call + 1, item }
    }
}

/// An item, and one that must precede it but was called after its return.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    item: u32,
    before: u32,
}

/// The earliest moment of an item that comes after something whose earliest moment is `after`.
pub(super) fn place(problem: &Problem, item: u32, after: Moment) -> Result<Moment, Late> {
    let moment = after.max(Moment::call(problem, item));
    // An operation that did happen though it never returned has a return of NEVER.
    if moment.rank > problem.items[item as usize].ret {
        return Err(Late { item, before: moment.item });
    }
    Ok(moment)
}

/// The earliest moment at which all of these items, which follow `after`, can be over.
pub(super) fn place_all(
    problem: &Problem,
    items: impl IntoIterator<Item = u32>,
    after: Moment,
) -> Result<Moment, Late> {
    items.into_iter().try_fold(after, |latest, item| Ok(latest.max(place(problem, item, after)?)))
}

/// The verdict, from what placing all items came to; with the other items that say that one of two
/// comes before the other.
pub(super) fn verdict(
    history: &History,
    problem: &Problem,
    placed: Result<(), Late>,
    witnesses: impl Fn(u32, u32) -> Vec<u32>,
) -> Option<Found> {
    let Err(Late { item, before }) = placed else { return holds_if_intervals(problem) };
    let mut core = vec![item, before];
    core.extend(witnesses(item, before));
    core.iter_mut().for_each(|item| *item = problem.items[*item as usize].index);
    core.sort_unstable();
    core.dedup();
    let [item, before] = [item, before].map(|item| problem.items[item as usize].index);
    let [late, early] = [item, before].map(|index| words(history, index));
    let step = |kind, text| Because { kind, from: item, to: Some(before), text };
    let because = vec![
        step("order-by-answers", format!("by the answers, `{late}` comes after `{early}`")),
        step("returned-before", format!("`{late}` returned before `{early}` was called")),
    ];
    Some(Found::Argued { core, because })
}
