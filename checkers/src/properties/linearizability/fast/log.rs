//! Append-only logs of different values: offsets say it all.
//!
//! An append that was answered, or whose value somebody read, has a known offset. If the known offsets
//! are the first ones without a gap, they say in which order these appends took effect, and what every
//! read that found something saw: it came after the append of its last entry and before the next one.
//! A read from offset s that found nothing came before the append at s. Appends whose offset nobody
//! knows came after all these and after the reads that found something, in any order. So which operation precedes which is known,
//! and that is all that an order has to respect; the rest is [`super::moments`].
//!
//! An append that crashed and that nobody read can be left out: no read needs it, and reads that found
//! nothing rather want it out. A read that found nothing from an offset behind all known ones says that few of the others
//! came before it: then this method is used only where that is no constraint.
//!
//! Time O(n log n) and the length of what reads answered.

use super::super::numbers::Numbers;
use super::super::problem::Problem;
use super::moments::{Late, Moment, place, place_all, verdict};
use super::{Found, Watch, argued, holds_if_intervals, kinds, known};
use crate::explain::words;
use crate::history::{History, Value};

const APPEND: usize = 0;

/// What the log held at one offset, and who said so.
#[derive(Clone, Copy)]
struct Said<'h> {
    value: &'h Value,
    by: u32,
}

struct Log<'h> {
    first: i64,
    history: &'h History,
    problem: Problem,
    /// By place in the log.
    said: Vec<Option<Said<'h>>>,
    /// Reads that found something, and up to which place; reads that found nothing, and from which.
    full: Vec<(usize, u32)>,
    empty: Vec<(usize, u32)>,
}

pub(super) fn decide(first: i64, history: &History, indices: &[u32], watch: &Watch<'_>) -> Option<Found> {
    let kinds = kinds(history, indices, &[&["append"], &["read"]])?;
    let classes: Vec<u32> = kinds.iter().map(|&kind| kind as u32).collect();
    let problem = Problem::order(history, indices, &classes, |class| class as usize != APPEND);
    let appends: Vec<u32> = (0..problem.items.len() as u32).filter(|&i| problem.items[i as usize].class == 0).collect();
    let said = vec![None; appends.len()];
    let mut log = Log { first, history, problem, said, full: Vec::new(), empty: Vec::new() };
    let mut numbers = Numbers::with_capacity(appends.len());
    for (i, &item) in appends.iter().enumerate() {
        watch.go_on(i)?;
        let op = &history.operations()[log.problem.items[item as usize].index as usize];
        if numbers.of(&op.input) as usize != i {
            return None; // Appended twice.
        }
        if !known(history, log.problem.items[item as usize].index) || op.output.is_nil() {
            continue;
        }
        let place = op.output.as_int()?.checked_sub(first)?;
        if let Err(found) = log.say(usize::try_from(place).unwrap_or(usize::MAX), &op.input, item) {
            return found;
        }
    }
    for item in 0..log.problem.items.len() as u32 {
        if log.problem.items[item as usize].class as usize != APPEND
            && let Err(found) = log.read(item, watch)
        {
            return found;
        }
    }
    log.judge(&numbers, &appends)
}

impl<'h> Log<'h> {
    fn quote(&self, item: u32) -> String {
        format!("`{}`", words(self.history, self.problem.items[item as usize].index))
    }

    /// Somebody says what is at a place.
    fn say(&mut self, place: usize, value: &'h Value, by: u32) -> Result<(), Option<Found>> {
        match self.said.get(place) {
            None => {
                let text = format!("too few appends for {}", self.quote(by));
                Err(argued(&self.problem, &[by], "refused", text))
            }
            Some(Some(other)) if other.value != value => {
                let text = format!("{} and {} contradict each other", self.quote(by), self.quote(other.by));
                Err(argued(&self.problem, &[by, other.by], "refused", text))
            }
            Some(Some(_)) => Ok(()),
            Some(None) => {
                self.said[place] = Some(Said { value, by });
                Ok(())
            }
        }
    }

    fn read(&mut self, item: u32, watch: &Watch<'_>) -> Result<(), Option<Found>> {
        let op = &self.history.operations()[self.problem.items[item as usize].index as usize];
        let from = if op.input.is_nil() { Some(self.first) } else { op.input.as_int() };
        let (Some(from), Some(entries)) = (from, op.output.as_list()) else { return Err(None) };
        let start = usize::try_from(from.saturating_sub(self.first)).unwrap_or(0);
        for (i, entry) in entries.iter().enumerate() {
            watch.go_on(i).ok_or(None)?;
            let Some((Some(offset), value)) = entry.as_pair().map(|(offset, value)| (offset.as_int(), value)) else {
                return Err(None);
            };
            let place = start.saturating_add(i);
            if usize::try_from(offset.saturating_sub(self.first)) != Ok(place) {
                let text = format!("the offsets that {} answered are not the ones asked for", self.quote(item));
                return Err(argued(&self.problem, &[item], "refused", text));
            }
            self.say(place, value, item)?;
        }
        if entries.is_empty() {
            self.empty.push((start, item));
        } else {
            self.full.push((start + entries.len(), item));
        }
        Ok(())
    }

    fn judge(mut self, numbers: &Numbers<'h>, appends: &[u32]) -> Option<Found> {
        let length = self.said.iter().take_while(|said| said.is_some()).count();
        if self.said[length..].iter().any(Option::is_some) {
            return None;
        }
        // The appends in order, and where each is.
        let mut order = Vec::with_capacity(length);
        let mut places: Vec<Option<Said<'h>>> = vec![None; appends.len()];
        for said in self.said[..length].iter().flatten() {
            let Some(number) = numbers.find(said.value) else {
                let text = format!("nobody appended {}, which {} answered", said.value, self.quote(said.by));
                return argued(&self.problem, &[said.by], "refused", text);
            };
            if let Some(other) = places[number as usize].replace(*said) {
                let text =
                    format!("{} was appended once: {} and {}", said.value, self.quote(said.by), self.quote(other.by));
                return argued(&self.problem, &[said.by, other.by], "refused", text);
            }
            order.push(appends[number as usize]);
        }
        let others = appends.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(&item, _)| item);
        let others: Vec<u32> = others.filter(|&item| self.problem.items[item as usize].must).collect();
        if self.empty.iter().any(|&(from, _)| (length..length + others.len()).contains(&from)) {
            return None;
        }
        self.full.sort_unstable();
        self.empty.sort_unstable();
        match self.place(&order, &others) {
            Ok(()) => holds_if_intervals(&self.problem),
            late => {
                let said = |item: u32| {
                    let input = &self.history.operations()[self.problem.items[item as usize].index as usize].input;
                    let is_append = self.problem.items[item as usize].class as usize == APPEND;
                    numbers.find(input).filter(|_| is_append).map(|number| places[number as usize].map(|said| said.by))
                };
                verdict(self.history, &self.problem, late, |item, before| match (said(item), said(before)) {
                    // One whose place nobody knows comes after all the others.
                    (Some(None), _) => self.said.iter().flatten().map(|said| said.by).collect(),
                    (item, before) => [item, before].into_iter().flatten().flatten().collect(),
                })
            }
        }
    }

    fn place(&self, order: &[u32], others: &[u32]) -> Result<(), Late> {
        let mut full = self.full.iter().copied().peekable();
        let mut empty = self.empty.iter().copied().peekable();
        let mut now = Moment::START;
        for at in 0..=order.len() {
            let reads = std::iter::from_fn(|| full.next_if(|read| read.0 == at).map(|read| read.1));
            now = place_all(&self.problem, reads, now)?;
            let Some(&append) = order.get(at) else { break };
            while let Some((_, read)) = empty.next_if(|read| read.0 == at) {
                now = now.max(Moment::call(&self.problem, read));
            }
            now = place(&self.problem, append, now)?;
        }
        place_all(&self.problem, others.iter().copied(), now).map(|_| ())
    }
}
