//! What came of running an algorithm: one run, a range of seeds, or the kill matrix of its known bugs.

/// One run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulation {
    pub system: &'static str,
    pub seed: u64,
    pub mutant: Option<&'static str>,
    pub servers: u64,
    pub clients: u64,
    pub events: u64,
    pub messages: u64,
    /// Simulated time from start to end.
    pub virtual_ns: u64,
    /// Operations that returned, that certainly did not happen, and whose outcome is unknown.
    pub ok: u64,
    pub failed: u64,
    pub unknown: u64,
    pub faults: Vec<FaultSummary>,
    pub story: Vec<StoryLine>,
    pub wrong: Vec<Wrong>,
    /// Why the history was not judged, if it was not.
    pub unjudged: Option<String>,
    /// Paths of what was written.
    pub files: Vec<String>,
    /// Commands worth running next.
    pub next: Vec<String>,
}

/// A kind of fault in a run or a range of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSummary {
    pub kind: &'static str,
    /// How many windows of it opened; of a range of seeds: in how many it was planned.
    pub windows: u64,
    /// How often it did something.
    pub activations: u64,
}

/// A milestone, or a fault that begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryLine {
    pub time_ns: u64,
    /// The node; empty for faults of many.
    pub node: String,
    pub text: String,
    pub fault: bool,
}

/// Something that is wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// `history`, `invariant` or `liveness`.
    pub by: &'static str,
    pub property: &'static str,
    pub detail: String,
}

/// A range of seeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeedSearch {
    pub system: &'static str,
    pub mutant: Option<&'static str>,
    pub seeds: u64,
    pub events: u64,
    pub operations: u64,
    /// Seeds that went wrong, in order.
    pub failures: Vec<SeedFailure>,
    /// Seeds whose history nobody could decide.
    pub unknown: Vec<u64>,
    /// How many seeds' histories were not judged, and why.
    pub unjudged: Option<(u64, String)>,
    pub faults: Vec<FaultSummary>,
    pub files: Vec<String>,
    pub next: Vec<String>,
}

/// A seed that went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedFailure {
    pub seed: u64,
    pub wrong: Vec<Wrong>,
}

/// A row of the kill matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct MutantRow {
    pub system: &'static str,
    pub mutant: &'static str,
    /// Whether its scripted witness shows it; nothing if it has none.
    pub witness: Option<bool>,
    /// How many seeds the history checkers, the invariants and liveness took to find it, each.
    pub history: Option<u64>,
    pub invariant: Option<u64>,
    pub liveness: Option<u64>,
    /// How many seeds were run.
    pub seeds: u64,
    pub events: u64,
    pub cpu_ms: f64,
    pub detail: String,
}

impl MutantRow {
    /// Whether the search found it.
    pub fn found(&self) -> bool {
        [self.history, self.invariant, self.liveness].iter().any(Option::is_some)
    }
}
