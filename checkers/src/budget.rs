//! Limits on a check. Steps and bytes are counted here and are the same on every machine; time is
//! not read here: whoever has a clock raises the [`Stop`] from outside.

use crate::verdict::{Cause, CauseKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A flag that another thread (a timer, a signal handler, a memory watch) raises to end a check.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

impl Stop {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every check that has this flag, with this cause. The first cause stays.
    pub fn raise(&self, kind: CauseKind) {
        let code = match kind {
            CauseKind::Timeout => 1,
            CauseKind::Memory => 2,
            _ => 3,
        };
        let _ = self.0.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The cause, once raised.
    pub fn raised(&self) -> Option<CauseKind> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(CauseKind::Timeout),
            2 => Some(CauseKind::Memory),
            _ => Some(CauseKind::Cancelled),
        }
    }
}

/// What a check may use. The default has no limit.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// Model steps, for each partition.
    pub steps: Option<u64>,
    /// Bytes that the search may hold, for each partition, beyond the history itself.
    pub bytes: Option<u64>,
    /// Raised from outside.
    pub stop: Stop,
}

impl Budget {
    /// A meter that counts one partition's use.
    pub fn meter(&self) -> Meter<'_> {
        Meter { budget: self, steps: 0, bytes: 0 }
    }
}

/// Counts what one search has used.
#[derive(Debug)]
pub struct Meter<'a> {
    budget: &'a Budget,
    steps: u64,
    bytes: u64,
}

impl Meter<'_> {
    /// Counts `steps` model steps, and answers whether a limit is reached.
    ///
    /// # Errors
    /// The kind of limit that was reached.
    #[inline]
    pub fn step(&mut self, steps: u64) -> Result<(), CauseKind> {
        self.steps += steps;
        if self.budget.steps.is_some_and(|limit| self.steps > limit) {
            return Err(CauseKind::Steps);
        }
        match self.budget.stop.raised() {
            None => Ok(()),
            Some(kind) => Err(kind),
        }
    }

    /// Sets how many bytes the search holds now.
    ///
    /// # Errors
    /// [`CauseKind::Memory`] when that is more than it may.
    #[inline]
    pub fn hold(&mut self, bytes: u64) -> Result<(), CauseKind> {
        self.bytes = bytes;
        match self.budget.bytes {
            Some(limit) if bytes > limit => Err(CauseKind::Memory),
            _ => Ok(()),
        }
    }

    /// Steps counted so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The cause to report when a limit was reached, saying how far the search got.
    pub fn cause(&self, kind: CauseKind, progress: &str) -> Cause {
        Cause { kind, detail: format!("{progress} after {} steps, {} KiB held", self.steps, self.bytes / 1024) }
    }
}
