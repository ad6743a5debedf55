//! A failure as an argument, step by step.
//!
//! Kinds of steps, in this order: `core` (which operations the argument rests on), `returned-before`
//! (one of them was over before another began), `possible-states` (what the object could be just
//! before the failing operation returned), `refused` (why that operation can't happen then), and for
//! each operation that was open at that moment `open-refused` (it can't come next either) or
//! `open-no-help` (it can, and the failing one still can't).

use super::Failure;
use super::minimise::Minimal;
use super::problem::Problem;
use super::space::Table;
use crate::explain::words;
use crate::history::History;
use crate::verdict::Because;

/// At most so many steps of one kind.
const SHOWN: usize = 12;

/// What a failure is explained from.
pub(crate) struct Scene<'a> {
    pub(crate) history: &'a History,
    /// The whole partition, and where it fails.
    pub(crate) problem: &'a Problem,
    pub(crate) failure: &'a Failure,
    pub(crate) minimal: Option<&'a Minimal>,
}

impl Scene<'_> {
    fn quote(&self, index: u32) -> String {
        format!("`{}`", words(self.history, index))
    }

    /// All steps.
    pub(crate) fn because(&self, table: &mut Table<'_>) -> Vec<Because> {
        let Some(failed) = self.failure.item else { return Vec::new() };
        let mut steps = Vec::new();
        self.core(failed, &mut steps);
        self.states(table, failed, &mut steps);
        self.open(table, failed, &mut steps);
        steps
    }

    fn core(&self, failed: u32, steps: &mut Vec<Because>) {
        let Some(minimal) = self.minimal else { return };
        let core: Vec<_> = minimal.problem.items.iter().filter(|item| item.must).collect();
        let others = self.problem.items.len() - core.len();
        let from = self.problem.items[failed as usize].index;
        let text = core_text(core.len(), others);
        steps.push(Because { kind: "core", from, to: None, text });
        let first = steps.len();
        for later in &core {
            for earlier in core.iter().filter(|earlier| earlier.ret < later.call) {
                let between = |other: &&&super::problem::Item| earlier.ret < other.call && other.ret < later.call;
                if steps.len() < first + SHOWN && core.iter().find(between).is_none() {
                    let (a, b) = (self.quote(earlier.index), self.quote(later.index));
                    let text = format!("{a} returned before {b} was called");
                    steps.push(Because { kind: "returned-before", from: earlier.index, to: Some(later.index), text });
                }
            }
        }
    }

    fn states(&self, table: &mut Table<'_>, failed: u32, steps: &mut Vec<Because>) {
        let item = self.problem.items[failed as usize];
        let words = list(self.failure.states.iter().map(|&state| table.describe(state)));
        let text = format!("just before {} returned, the object could only be {words}", self.quote(item.index));
        steps.push(Because { kind: "possible-states", from: item.index, to: None, text });
        let allowed = self.failure.states.iter().any(|&state| !table.next(state, item.class).is_none());
        if !allowed {
            let text = format!("{} can't happen in {words}", self.quote(item.index));
            steps.push(Because { kind: "refused", from: item.index, to: None, text });
        }
    }

    fn open(&self, table: &mut Table<'_>, failed: u32, steps: &mut Vec<Because>) {
        let failing = self.problem.items[failed as usize];
        let open = self.problem.items.iter().filter(|item| {
            item.call < failing.ret
                && item.ret > failing.ret
                && item.index != failing.index
                && !table.is_pure(item.class)
        });
        let mut classes: Vec<(super::problem::Item, usize)> = Vec::new();
        for item in open {
            match classes.iter_mut().find(|(first, _)| first.class == item.class) {
                Some((_, count)) => *count += 1,
                None => classes.push((*item, 1)),
            }
        }
        let (failing_name, mut after) = (self.quote(failing.index), Vec::new());
        for (item, count) in classes.into_iter().take(SHOWN) {
            after.clear();
            for &state in &self.failure.states {
                let next = table.next(state, item.class);
                after.extend((0..).map_while(|choice| table.nth(next, choice)));
            }
            if after.iter().any(|&state| !table.next(state, failing.class).is_none()) {
                continue;
            }
            let mut name = self.quote(item.index);
            if count > 1 {
                name.push_str(&format!(" (one of {count} alike)"));
            }
            let (kind, text) = if after.is_empty() {
                ("open-refused", format!("{name} was open, and can't come next either"))
            } else {
                // The states include those after it already happened, so they are not to be named here.
                ("open-no-help", format!("{name} was open; {failing_name} can't happen right after it either"))
            };
            steps.push(Because { kind, from: item.index, to: Some(failing.index), text });
        }
    }
}

/// What the argument rests on.
pub(crate) fn core_text(core: usize, others: usize) -> String {
    let rest = match others {
        0 => String::new(),
        1 => ", whatever the other one did".into(),
        _ => format!(", whatever the {others} others did"),
    };
    match core {
        1 => format!("this operation can't have happened{rest}"),
        _ => format!("these {core} operations have no order{rest}"),
    }
}

/// A few things in words, shortened.
fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    const SHORT: usize = 80;
    let count = items.len();
    let mut words: Vec<String> = items.take(5).collect();
    for word in &mut words {
        if word.chars().count() > SHORT {
            *word = word.chars().take(SHORT - 1).chain(['…']).collect();
        }
    }
    let more = count - words.len();
    let last = if more > 0 { Some(format!("{more} more")) } else { words.pop() };
    match (words.is_empty(), last) {
        (_, None) => "nothing".into(),
        (true, Some(last)) => last,
        (false, Some(last)) => format!("{} or {last}", words.join(", ")),
    }
}
