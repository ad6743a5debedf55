//! The one document between analyses and renderers: a [`Report`], as data.
//!
//! Everything that judges fills a part of it; everything that renders reads it. It holds no text that was
//! laid out and nothing that needs the store, so that it can be kept, merged and compared.

mod analysis;
mod check;
mod fault;
mod filtered;
mod fingerprint;
mod gate;
mod order;
mod simulation;
mod waterfall;

pub use analysis::{
    Analysis, CausalSummary, Dependency, ExactSummary, OperationStats, PathStep, ProblemCount, SlowTrace, Summary,
    TraceSpan,
};
pub use check::Circumstances;
pub use fault::{Fault, FaultWindow};
pub use filtered::{Extent, Filtered};
pub use fingerprint::{fingerprint, path_from};
pub use gate::{Excuse, ExcuseKind, Exemplar, Expectation, Gap, Gate, Warning};
pub use order::{Concurrent, Evidenced, Order, Pair, Place, Step};
pub use simulation::{FaultSummary, MutantRow, SeedFailure, SeedSearch, Simulation, StoryLine, Wrong};
pub use waterfall::{Waterfall, WaterfallLink, WaterfallRow};

/// The values of operations.
pub use causet_checkers::history::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The result of a whole run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The verb: `analyze`, `check`, …
    pub command: &'static str,
    /// What stopped us from doing what was asked.
    pub errors: Vec<InputError>,
    /// What was read.
    pub inputs: Vec<Input>,
    /// One for each input and property.
    pub results: Vec<CheckResult>,
    /// Of traces.
    pub analysis: Option<Analysis>,
    /// If less than everything was asked for.
    pub filtered: Option<Filtered>,
    pub findings: Vec<Finding>,
    pub root_causes: Vec<RootCause>,
    /// Of a question about the causal order.
    pub order: Option<Order>,
    /// Of a run of an algorithm.
    pub simulation: Option<Simulation>,
    /// Of a range of seeds.
    pub search: Option<SeedSearch>,
    /// The kill matrix.
    pub mutants: Vec<MutantRow>,
    /// Why the analysis is not complete: kind and detail.
    pub cause: Option<(String, String)>,
    /// Whether findings at or above a severity count as a violation.
    pub fail_on: Option<Severity>,
    /// Commands that lead on from here.
    pub next: Vec<String>,
    /// What a gate adds.
    pub gate: Option<Gate>,
    /// Path and line at which examples of what was found stand, by span id, or by [`CheckResult::place_key`], where that is known.
    pub places: BTreeMap<String, (String, u64)>,
}

/// Something that could not be used at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// A path, a glob, or `-`.
    pub path: String,
    /// Line and byte, where that makes sense.
    pub position: Option<String>,
    pub message: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.position.as_ref().map_or_else(String::new, |position| format!(", {position}"));
        write!(f, "{}{place}: {}", self.path, self.message)
    }
}

/// One input and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    pub path: String,
    /// The format's id.
    pub format: &'static str,
    /// After decompression.
    pub bytes: u64,
    pub spans: u64,
    pub operations: u64,
    /// Position and reason of what could not be read; the first ones.
    pub skipped: Vec<(String, String)>,
    /// How many could not be read in all.
    pub skipped_total: u64,
    pub ignored_logs: u64,
    pub ignored_metrics: u64,
    pub ignored_nemesis: u64,
}

/// How one result came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Holds,
    Violated,
    Unknown,
    /// There was nothing to judge.
    Empty,
    /// It could not be judged; the report's errors say why.
    Error,
}

impl Answer {
    /// The word used in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Violated => "violated",
            Self::Unknown => "unknown",
            Self::Empty => "empty",
            Self::Error => "error",
        }
    }

    /// Worse answers win when several make one.
    pub fn badness(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Empty => 1,
            Self::Unknown => 2,
            Self::Violated => 3,
            Self::Error => 4,
        }
    }
}

/// One property of one history.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// The `[[check]]` that asked, for a gate.
    pub check: String,
    pub input: String,
    /// The input's name in fingerprints and baselines: its path from the configuration's folder.
    pub known_as: String,
    pub property: &'static str,
    /// Empty if there was nothing to choose a model for.
    pub model: &'static str,
    pub answer: Answer,
    pub operations: u64,
    pub pending: u64,
    pub partitions: u64,
    /// Wall-clock time of the check alone.
    pub elapsed_ms: f64,
    /// Keys that nobody could decide, where others are violated.
    pub undecided: u64,
    /// Stable over runs; of all its counterexamples. Empty unless violated.
    pub fingerprint: String,
    /// Kind and detail, when unknown.
    pub cause: Option<(String, String)>,
    pub counterexamples: Vec<Counterexample>,
    /// Told, but not counted, whatever it is.
    pub tolerated: bool,
    /// Keys that nobody could decide are told, but not counted.
    pub tolerates_undecided: bool,
}

impl CheckResult {
    /// Where [`Report::places`] tells the place of an operation of this result.
    pub fn place_key(&self, operation: u64) -> String {
        format!("{}#{operation}", self.input)
    }

    /// The fingerprints by which its violations are known: one for each counterexample.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        let own = self.counterexamples.is_empty().then_some(self.fingerprint.as_str());
        self.counterexamples.iter().map(|example| example.fingerprint.as_str()).chain(own)
    }
}

/// Why a property does not hold, with the operations themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counterexample {
    /// The object; nothing if there is only one.
    pub partition: Option<Value>,
    pub operations: Vec<Operation>,
    /// Whether no operation can be left out.
    pub minimal: bool,
    /// The operation (by index) at which every order had died.
    pub failed_at: Option<u64>,
    /// States that were possible just before it.
    pub states: Vec<String>,
    pub because: Vec<Because>,
    /// Stable over runs: of the question, the input, the key, and the function that can't be explained.
    pub fingerprint: String,
    /// Faults that acted meanwhile, where that is known.
    pub faults: Vec<Fault>,
}

/// One operation of a counterexample.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its place in the history.
    pub index: u64,
    pub process: String,
    pub function: String,
    pub key: Option<Value>,
    pub input: Value,
    /// Nothing while the operation is open.
    pub output: Option<Value>,
    /// Position in the order of the history: only comparisons count.
    pub call: i64,
    pub ret: Option<i64>,
    pub call_ns: Option<i64>,
    pub return_ns: Option<i64>,
    /// `ok` or `info`.
    pub status: &'static str,
    /// The span that recorded it.
    pub span_id: Option<String>,
}

/// One step of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    pub kind: &'static str,
    /// Operations, by index.
    pub from: u64,
    pub to: Option<u64>,
    pub text: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// All, in ascending order.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word used in reports and flags.
    pub fn id(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Something a detector found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The detector's id.
    pub rule: &'static str,
    pub severity: Severity,
    pub title: String,
    pub service: String,
    pub operation: String,
    /// An example.
    pub trace_id: String,
    pub span_id: String,
    /// How many spans are of this finding.
    pub count: u64,
    /// Trace and span of a few examples, the one above first.
    pub exemplars: Vec<(String, String)>,
    pub evidence: Vec<Evidence>,
    /// Stable over runs and windows: of rule, service and operation, or of the two hosts whose clocks differ; never of
    /// times, or of ids that are new in each run.
    pub fingerprint: String,
}

/// A number that supports a finding or a suspect.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub name: &'static str,
    pub value: f64,
    /// What it is normally, where that is known.
    pub baseline: Option<f64>,
    pub unit: &'static str,
}

/// A suspect.
#[derive(Clone, Debug, PartialEq)]
pub struct RootCause {
    pub rank: u64,
    pub service: String,
    pub operation: Option<String>,
    pub instance: Option<String>,
    pub score: f64,
    pub fault: Option<String>,
    pub evidence: Vec<Evidence>,
}

impl Report {
    /// The verdict of the whole run: the worst of its parts.
    pub fn answer(&self) -> Answer {
        self.answers().max_by_key(|answer| answer.badness()).unwrap_or(Answer::Empty)
    }

    /// Why a violated result does not count: everything that is wrong with it is known or accepted. What is known is shown.
    pub fn excuse_of(&self, result: &CheckResult) -> Option<&Excuse> {
        let excuses: Option<Vec<&Excuse>> = result.fingerprints().map(|each| self.excuse(each)).collect();
        excuses?.into_iter().max_by_key(|excuse| excuse.kind == ExcuseKind::Baseline)
    }

    /// Why something does not count, by its fingerprint.
    pub fn excuse(&self, key: &str) -> Option<&Excuse> {
        self.gate.as_ref()?.excuses.get(key)
    }

    /// The verdict of each part: results, findings, expectations, traces, gaps, errors, limits. At least one.
    pub fn answers(&self) -> impl Iterator<Item = Answer> + '_ {
        let excused = |key: &str| self.excuse(key).is_some();
        let results = self.results.iter().map(move |result| match result.answer {
            Answer::Error => Answer::Error,
            _ if result.tolerated => Answer::Holds,
            // That some keys are excused says nothing of those that nobody could decide.
            Answer::Violated if self.excuse_of(result).is_some() => match result.undecided {
                1.. if !result.tolerates_undecided => Answer::Unknown,
                _ => Answer::Holds,
            },
            answer => answer,
        });
        let findings = self.fail_on.map(|limit| {
            let counts = |finding: &&Finding| finding.severity >= limit && !excused(&finding.fingerprint);
            if self.findings.iter().any(|finding| counts(&finding)) { Answer::Violated } else { Answer::Holds }
        });
        let gate = self.gate.iter().flat_map(move |gate| {
            let expectations = gate.expectations.iter().map(move |expectation| match expectation.answer {
                Answer::Violated if excused(&expectation.fingerprint) => Answer::Holds,
                answer => answer,
            });
            expectations.chain(gate.gaps.iter().map(|gap| gap.answer))
        });
        let spans = self.analysis.as_ref().map(|analysis| match analysis.summary.spans {
            0 => Answer::Empty,
            _ => Answer::Holds,
        });
        let errors = (!self.errors.is_empty()).then_some(Answer::Error);
        let limit = self.cause.is_some().then_some(Answer::Unknown);
        let order = self.order.is_some().then_some(Answer::Holds);
        let matrix = (!self.mutants.is_empty()).then_some(Answer::Holds);
        let parts = results.chain(findings).chain(gate).chain(matrix).chain(order);
        let parts = parts.chain(spans).chain(errors).chain(limit);
        let mut parts = parts.peekable();
        let nothing = parts.peek().is_none().then_some(Answer::Empty);
        parts.chain(nothing)
    }
}
