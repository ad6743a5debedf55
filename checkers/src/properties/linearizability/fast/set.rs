//! Sets to which each value is added once, and from which none is removed.
//!
//! Such a set only grows. So what reads saw can be put in order by inclusion (if not, two of them
//! contradict each other), and that says between which reads each addition took effect: before the
//! first that saw its value, and after those that did not. A value that no read saw was added after
//! all of them. A `contains` that found its value came after the addition, and one that did not came
//! before. That is all that an order has to respect; the rest is [`super::moments`].
//!
//! An addition that crashed did happen if somebody saw its value, and can be left out if not.
//!
//! Time O(n log n) and the length of what reads answered.

use super::super::numbers::Numbers;
use super::super::problem::Problem;
use super::moments::{Late, Moment, place, place_all, verdict};
use super::{Found, Watch, argued, holds_if_intervals, kinds};
use crate::explain::words;
use crate::history::{History, Value};

const ADD: u32 = 0;
const CONTAINS: u32 = 1;
const READ: u32 = 2;

/// Not seen by any read.
const UNSEEN: usize = usize::MAX;

struct Growing<'h> {
    history: &'h History,
    problem: Problem,
    numbers: Numbers<'h>,
    /// By value: its addition.
    adds: Vec<u32>,
    /// By value: the first group of reads that saw it.
    groups: Vec<usize>,
    /// Reads that saw the same, smallest first.
    reads: Vec<Vec<u32>>,
}

pub(super) fn decide(history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let kinds = kinds(history, indices, &[&["add"], &["contains"], &["read"]])?;
    let classes: Vec<u32> = kinds.iter().map(|&kind| kind as u32).collect();
    let problem = Problem::order(history, indices, &classes, |class| class != ADD);
    let (mut numbers, mut adds) = (Numbers::with_capacity(problem.items.len()), Vec::new());
    let mut reads: Vec<(usize, u32)> = Vec::new();
    for (i, item) in problem.items.iter().enumerate() {
        watch.go_on(i)?;
        let op = &history.operations()[item.index as usize];
        match (item.class, &op.output) {
            (ADD, Value::Nil | Value::Bool(true)) if numbers.of(&op.input) as usize == adds.len() => {
                adds.push(i as u32);
            }
            (CONTAINS, Value::Bool(_)) => {}
            (READ, seen) => reads.push((seen.as_list()?.len(), i as u32)),
            _ => return None,
        }
    }
    reads.sort_unstable();
    let groups = vec![UNSEEN; adds.len()];
    let mut set = Growing { history, problem, numbers, adds, groups, reads: Vec::new() };
    if let Err(found) = set.group(&reads, watch) {
        return found;
    }
    let befores = match set.befores() {
        Ok(befores) => befores,
        Err(found) => return found,
    };
    match set.place(&befores) {
        Ok(()) => holds_if_intervals(&set.problem),
        late => verdict(history, &set.problem, late, |item, _| set.witness(item).into_iter().collect()),
    }
}

impl<'h> Growing<'h> {
    fn quote(&self, item: u32) -> String {
        format!("`{}`", words(self.history, self.problem.items[item as usize].index))
    }

    fn refuse(&self, items: &[u32], text: String) -> Option<Found> {
        argued(&self.problem, items, "refused", text)
    }

    fn op(&self, item: u32) -> &'h crate::history::Operation {
        &self.history.operations()[self.problem.items[item as usize].index as usize]
    }

    /// Puts reads in order, and values into the first group that saw them.
    fn group(&mut self, reads: &[(usize, u32)], watch: &Watch<'_>) -> Result<(), Option<Found>> {
        let mut shown = vec![0; self.adds.len()];
        let (mut seen, mut before) = (0, None);
        for (i, &(size, item)) in reads.iter().enumerate() {
            watch.go_on(i).ok_or(None)?;
            if size > seen || self.reads.is_empty() {
                self.reads.push(Vec::new());
            }
            let group = self.reads.len() - 1;
            let mut new = 0;
            for (at, value) in self.op(item).output.as_list().unwrap_or_default().iter().enumerate() {
                watch.go_on(at + 1).ok_or(None)?;
                let Some(number) = self.numbers.find(value).map(|number| number as usize) else {
                    let text = format!("nobody added {value}, which {} answered", self.quote(item));
                    return Err(self.refuse(&[item], text));
                };
                if std::mem::replace(&mut shown[number], i + 1) == i + 1 {
                    let text = format!("{} answered {value} twice", self.quote(item));
                    return Err(self.refuse(&[item], text));
                }
                if self.groups[number] == UNSEEN {
                    self.groups[number] = group;
                    new += 1;
                }
            }
            if let Some(before) = before
                && seen + new != size
            {
                let text = format!("{} and {} each lack a value of the other", self.quote(before), self.quote(item));
                return Err(self.refuse(&[before, item], text));
            }
            self.reads[group].push(item);
            (seen, before) = (size, Some(item));
        }
        Ok(())
    }

    /// A read before the item's value was there, which shows what came before.
    fn witness(&self, item: u32) -> Option<u32> {
        let value =
            self.numbers.find(&self.op(item).input).filter(|_| self.problem.items[item as usize].class != READ)?;
        let group = self.groups[value as usize].min(self.reads.len());
        self.reads[group.checked_sub(1)?].first().copied()
    }

    /// By value: the latest call among those that must come before its addition.
    fn befores(&self) -> Result<Vec<Moment>, Option<Found>> {
        let mut befores = vec![Moment::START; self.adds.len()];
        for item in (0..self.problem.items.len() as u32).filter(|&i| self.problem.items[i as usize].class == CONTAINS) {
            let op = self.op(item);
            match (self.numbers.find(&op.input), op.output == Value::Bool(true)) {
                (Some(number), false) => {
                    let before = &mut befores[number as usize];
                    *before = Moment::call(&self.problem, item).max(*before);
                }
                (None, true) => {
                    let text = format!("nobody added {}, which {} found", op.input, self.quote(item));
                    return Err(self.refuse(&[item], text));
                }
                _ => {}
            }
        }
        Ok(befores)
    }

    fn place(&self, befores: &[Moment]) -> Result<(), Late> {
        let problem = &self.problem;
        let finds =
            |item: &u32| problem.items[*item as usize].class == CONTAINS && self.op(*item).output == Value::Bool(true);
        let finds: Vec<u32> = (0..problem.items.len() as u32).filter(finds).collect();
        let number = |item: u32| self.numbers.find(&self.op(item).input).map_or(0, |number| number as usize);
        // An addition that crashed and that nobody saw did not happen.
        let mut happened: Vec<bool> = (self.adds.iter().zip(&self.groups))
            .map(|(&add, &group)| problem.items[add as usize].must || group != UNSEEN)
            .collect();
        finds.iter().for_each(|&item| happened[number(item)] = true);
        let mut values: Vec<(usize, usize)> =
            self.groups.iter().copied().zip(0..).filter(|value| happened[value.1]).collect();
        values.sort_unstable();
        let mut values = values.into_iter().peekable();
        let mut added = vec![Moment::START; self.adds.len()];
        let mut now = Moment::START;
        for group in (0..self.reads.len()).chain([UNSEEN]) {
            let mut latest = now;
            while let Some((_, value)) = values.next_if(|value| value.0 == group) {
                added[value] = place(problem, self.adds[value], now.max(befores[value]))?;
                latest = latest.max(added[value]);
            }
            now = place_all(problem, self.reads.get(group).into_iter().flatten().copied(), latest)?;
        }
        finds.iter().try_for_each(|&item| place(problem, item, added[number(item)]).map(|_| ()))
    }
}
