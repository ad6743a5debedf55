//! Detectors: what looks wrong in traces. Each is one file here and one line in [`ALL`].

mod baseline;
mod broken_propagation;
mod clock_disagreement;
mod clock_skew;
mod error_status;
mod group;
mod high_latency;
mod n_plus_one;
mod orphan_spans;
mod retry_storm;
mod settings;

pub use baseline::{Baseline, Normal};
pub use settings::{Knob, Knobs, Settings};

use crate::causal::CausalGraph;
use crate::outcome::Finding;
use crate::registry::Entry;
use crate::store::SpanStore;

/// Every detector, in the order in which they run.
pub static ALL: &[&dyn Detector] = &[
    &error_status::ErrorStatus,
    &high_latency::HighLatency,
    &retry_storm::RetryStorm,
    &n_plus_one::NPlusOne,
    &orphan_spans::OrphanSpans,
    &broken_propagation::BrokenPropagation,
    &clock_skew::ClockSkew,
    &clock_disagreement::ClockDisagreement,
];

/// A group of complete traces, and what is known to be normal. A detector never asks for "all the data":
/// the same code runs on a file, on a live window, and on one partition of a cluster.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub store: &'a SpanStore,
    pub graph: &'a CausalGraph,
    /// What other traces of the same system were like, if the user has any.
    pub baseline: Option<&'a Baseline>,
}

impl<'a> View<'a> {
    /// Traces without anything to compare them with.
    pub fn new(store: &'a SpanStore, graph: &'a CausalGraph) -> Self {
        Self { store, graph, baseline: None }
    }
}

/// Finds one kind of thing that is wrong.
pub trait Detector: Sync {
    /// Its face in the registry.
    fn entry(&self) -> Entry;

    /// Its thresholds, with their defaults.
    fn knobs(&self) -> &'static [Knob];

    /// OTLP/JSON in which it finds something, and OTLP/JSON in which it finds nothing.
    fn examples(&self) -> (&'static str, &'static str);

    /// What it finds, in an order that depends on nothing but the view and the knobs.
    fn detect(&self, view: View<'_>, knobs: &Knobs) -> Vec<Finding>;
}

/// The detector with this id.
pub fn by_id(id: &str) -> Option<&'static dyn Detector> {
    ALL.iter().copied().find(|detector| detector.entry().id == id)
}

/// What all detectors find: the most severe first, then by count.
pub fn detect(view: View<'_>, settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        ALL.iter().flat_map(|detector| detector.detect(view, &settings.of(*detector))).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.count)));
    findings
}
