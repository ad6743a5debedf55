//! `causet.toml`: what a project asks of its traces and histories, found upward from the working folder.
//!
//! The types here are the file, key by key; nothing is read that is not used, and a key that is not here
//! is an error with its line and a suggestion. Ids (models, detectors, …) and expressions are looked up by
//! whoever knows them, who gets the position of each from [`Loaded`].

mod load;
pub mod units;

pub use load::{FILE_NAME, Loaded, find, load, parse, suggest};

use crate::outcome::Severity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;
use units::{Duration, Size};

/// The commented file that `causet init` writes.
pub const TEMPLATE: &str = include_str!("assets/causet.toml");
/// The JSON Schema of the file, for editors.
pub const SCHEMA: &str = include_str!("assets/causet.schema.json");

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    pub traces: Traces,
    pub analyze: Option<Analyze>,
    #[serde(rename = "check")]
    pub checks: Vec<Check>,
    #[serde(rename = "expect")]
    pub expectations: Vec<Expect>,
    pub extract: Extract,
    #[serde(rename = "suppress")]
    pub suppressions: Vec<Suppress>,
}

/// `[traces]`: what expectations and detectors look at, and checks without inputs of their own.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Traces {
    /// Files, folders and globs, relative to the file.
    pub inputs: Vec<Spanned<String>>,
    /// What a trace without a root, or a damaged input, means.
    pub incomplete: Incomplete,
}

/// Whether data that is not all there counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Incomplete {
    /// The run is inconclusive.
    #[default]
    Fail,
    /// It is told, and what is there is judged.
    Warn,
}

/// `[[check]]`: histories, and what is promised of them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[derive(Default)]
pub struct Check {
    /// What reports call it.
    pub name: Option<Spanned<String>>,
    /// Files, folders and globs; none: the operations that the traces carry.
    pub inputs: Vec<Spanned<String>>,
    /// The model's id; none: what the operations make plain.
    pub model: Option<Spanned<String>>,
    /// Options of the model by name.
    pub model_option: BTreeMap<String, Spanned<toml::Value>>,
    /// The properties' ids; none: linearizable.
    pub property: Vec<Spanned<String>>,
    /// Whether Jepsen values that are pairs are `[key value]`.
    pub key: Key,
    /// How hard to look for the smallest counterexample.
    pub shrink: Shrink,
    /// Judge histories of which something could not be read.
    pub lenient: bool,
    /// For each input.
    pub timeout: Option<Duration>,
    /// For each key.
    pub max_memory: Option<Size>,
    /// Steps of the search, for each key.
    pub max_steps: Option<u64>,
    pub fail_on: FailOn,
}

/// `key` of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    #[default]
    Auto,
    Tuple,
    None,
}

/// `shrink` of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shrink {
    Off,
    #[default]
    Auto,
    Full,
}

/// `fail-on` of a check: which verdicts count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Violated, and unknown.
    #[default]
    Unknown,
    /// Violated, and missing data; limits that are hit are only told.
    Violated,
    /// None: the check is only told.
    Never,
}

/// `[[expect]]`: an expression that must hold of the traces.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// What reports call it; none: the expression.
    pub name: Option<Spanned<String>>,
    /// The expression.
    pub that: Spanned<String>,
}

/// `[analyze]`: which findings count.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Analyze {
    /// Findings of this severity and above fail the run; none: they are only told.
    pub fail_on: Option<Level>,
    /// By detector id.
    pub detectors: BTreeMap<Spanned<String>, Detector>,
}

/// What is said of one detector.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Detector {
    pub enabled: bool,
    /// Instead of the severity that the detector gives.
    pub severity: Option<Level>,
    /// Its thresholds, by name, instead of their defaults.
    pub thresholds: BTreeMap<Spanned<String>, f64>,
}

impl Default for Detector {
    fn default() -> Self {
        Self { enabled: true, severity: None, thresholds: BTreeMap::new() }
    }
}

/// A severity, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Low,
    Medium,
    High,
    Critical,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::Low,
            Level::Medium => Self::Medium,
            Level::High => Self::High,
            Level::Critical => Self::Critical,
        }
    }
}

/// `[extract]`: how spans become operations, beside the `causet.op.…` attributes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Extract {
    /// Ready-made rules by the id of their set.
    pub rule_sets: Vec<Spanned<String>>,
    #[serde(rename = "rule")]
    pub rules: Vec<Spanned<Rule>>,
}

/// `[[extract.rule]]`: which spans, and what operation each is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// What messages call it.
    pub name: Option<String>,
    /// The span's name, as a glob.
    pub span: Option<String>,
    /// The service's name, as a glob.
    pub service: Option<String>,
    /// The span's kind.
    pub kind: Option<Kind>,
    /// Attributes of the span or its resource, as globs.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Templates of what the operation is.
    pub f: String,
    pub key: Option<String>,
    pub input: Option<String>,
    pub output: Option<String>,
    pub status: Option<String>,
    pub process: Option<String>,
}

/// A span's kind, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

impl Kind {
    /// The word for it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// `[[suppress]]`: what is hidden, where, why, and until when.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suppress {
    /// A detector's or a property's id, or the name of an expectation.
    pub rule: Spanned<String>,
    /// Globs; what is not named matches everything.
    pub service: Option<String>,
    pub operation: Option<String>,
    /// The input of a check.
    pub input: Option<String>,
    /// Why it is not to be seen.
    pub reason: Spanned<String>,
    /// The last day on which it counts: a date, or a text that is one.
    pub until: Option<Spanned<toml::Value>>,
}
