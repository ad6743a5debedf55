//! Detectors: what looks wrong in traces. Each is one file here and one line in [`ALL`].

mod error_status;

use crate::causal::CausalGraph;
use crate::outcome::Finding;
use crate::registry::Entry;
use crate::store::SpanStore;

/// Every detector, in the order in which they run.
pub static ALL: &[&dyn Detector] = &[&error_status::ErrorStatus];

/// A group of complete traces. A detector never asks for "all the data": the same code runs on a
/// file, on a live window, and on one partition of a cluster.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub store: &'a SpanStore,
    pub graph: &'a CausalGraph,
}

/// Finds one kind of thing that is wrong.
pub trait Detector: Sync {
    /// Its face in the registry.
    fn entry(&self) -> Entry;

    /// OTLP/JSON in which it finds something, and OTLP/JSON in which it finds nothing.
    fn examples(&self) -> (&'static str, &'static str);

    /// What it finds, in an order that depends on nothing but the view.
    fn detect(&self, view: View<'_>) -> Vec<Finding>;
}

/// What all detectors find: the most severe first, then by count.
pub fn detect(view: View<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = ALL.iter().flat_map(|detector| detector.detect(view)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.count)));
    findings
}
