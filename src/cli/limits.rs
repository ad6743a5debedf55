//! `--timeout`, `--max-memory` and interrupts: a thread that watches the clock, the process's memory and Ctrl-C.
//!
//! When a limit is hit, or somebody interrupts, it raises the flag that searches and readers look at, and then waits
//! a little: whoever sees the flag reports what is known so far. If nobody does within [`GRACE`], the emergency
//! report is written and the process ends, so that a limit holds even inside a library that can't be stopped.

use super::exit::{BUG, INTERRUPTED as INTERRUPT};
use causet_checkers::budget::Stop;
use causet_checkers::verdict::CauseKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_millis(800);
const PERIOD: Duration = Duration::from_millis(20);

/// Whether somebody watches, and would report; and whether there was an interrupt.
static WATCHED: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What Ctrl-C does: the run reports what it knows. Where nobody would report, or the second time, the process ends.
pub(super) fn interrupt() {
    if INTERRUPTED.swap(true, Ordering::AcqRel) || !WATCHED.load(Ordering::Acquire) {
        std::process::exit(INTERRUPT.into());
    }
}

/// The exit code of a run that would have ended with this one.
pub(super) fn code(code: u8) -> u8 {
    if code != BUG && INTERRUPTED.load(Ordering::Acquire) { INTERRUPT } else { code }
}

/// The limits of a run, and the flag they raise.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub timeout: Option<Duration>,
    pub max_memory: Option<u64>,
    pub stop: Stop,
}

/// Ends the watch when dropped: the work is done.
pub(super) struct Watch(Arc<AtomicU8>);

/// Ends the watch over a part of the work when dropped.
pub(super) struct Part(Arc<AtomicU8>);

impl Drop for Part {
    fn drop(&mut self) {
        self.0.store(WORKER, Ordering::Release);
    }
}

/// Who reports: nobody yet, the one who did the work, or the one who watched.
const OPEN: u8 = 0;
const WORKER: u8 = 1;
const WATCHER: u8 = 2;

fn claim(reporter: &AtomicU8, who: u8) -> bool {
    reporter.compare_exchange(OPEN, who, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.store(false, Ordering::Release);
        if !claim(&self.0, WORKER) {
            // Too late: the emergency report is being written, and then the process ends.
            loop {
                std::thread::sleep(PERIOD);
            }
        }
    }
}

impl Limits {
    pub(super) fn new(global: &super::args::Global) -> Self {
        Self { timeout: global.timeout, max_memory: global.max_memory, stop: Stop::new() }
    }

    /// Starts watching. `emergency` reports and gives the exit code if nobody reacts to the flag.
    pub(super) fn watch(&self, emergency: impl FnOnce(&str, &str) -> u8 + Send + 'static) -> Watch {
        let done = Arc::new(AtomicU8::new(OPEN));
        let watch = Watch(done.clone());
        WATCHED.store(true, Ordering::Release);
        // A limit that is hit from the start is seen before any work, however fast that is.
        if self.is_over_memory() {
            self.stop.raise(CauseKind::Memory);
        }
        let (limits, begin) = (self.clone(), Instant::now());
        let watcher = move || {
            let kind = loop {
                if done.load(Ordering::Acquire) == WORKER {
                    return;
                }
                if limits.timeout.is_some_and(|timeout| begin.elapsed() >= timeout) {
                    break CauseKind::Timeout;
                }
                if limits.is_over_memory() {
                    break CauseKind::Memory;
                }
                if INTERRUPTED.load(Ordering::Acquire) {
                    break CauseKind::Cancelled;
                }
                std::thread::sleep(PERIOD);
            };
            limits.stop.raise(kind);
            let raised = Instant::now();
            while raised.elapsed() < GRACE {
                std::thread::sleep(PERIOD);
                if done.load(Ordering::Acquire) == WORKER {
                    return;
                }
            }
            if claim(&done, WATCHER) {
                std::process::exit(code(emergency(kind.id(), &limits.describe(kind))).into());
            }
        };
        std::thread::spawn(watcher);
        watch
    }

    /// These limits with a time of its own for a part of the work, until the guard is dropped.
    pub(super) fn within(&self, timeout: Option<Duration>) -> (Self, Option<Part>) {
        let Some(timeout) = timeout else { return (self.clone(), None) };
        let part = Self { timeout: Some(timeout), max_memory: self.max_memory, stop: Stop::new() };
        // No time at all is over before the watching thread looks.
        if timeout.is_zero() {
            part.stop.raise(CauseKind::Timeout);
        }
        let done = Arc::new(AtomicU8::new(OPEN));
        let (guard, begin) = (Part(done.clone()), Instant::now());
        let (whole, stop) = (self.stop.clone(), part.stop.clone());
        std::thread::spawn(move || {
            while done.load(Ordering::Acquire) == OPEN {
                if let Some(kind) = whole.raised() {
                    return stop.raise(kind);
                }
                if begin.elapsed() >= timeout {
                    return stop.raise(CauseKind::Timeout);
                }
                std::thread::sleep(PERIOD);
            }
        });
        (part, Some(guard))
    }

    fn is_over_memory(&self) -> bool {
        self.max_memory.is_some_and(|limit| resident().is_some_and(|now| now > limit))
    }

    /// The cause to report, once a limit was hit.
    pub(super) fn hit(&self) -> Option<(String, String)> {
        let kind = self.stop.raised()?;
        Some((kind.id().to_owned(), self.describe(kind)))
    }

    fn describe(&self, kind: CauseKind) -> String {
        match (kind, self.timeout, self.max_memory) {
            (CauseKind::Timeout, Some(timeout), _) => format!("the limit of {timeout:?} was hit"),
            (CauseKind::Memory, _, Some(limit)) => format!("the limit of {} MiB was hit", limit >> 20),
            _ => "interrupted".to_owned(),
        }
    }
}

/// Bytes of memory that the process uses now, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
