//! What every registry entry has, whatever it is an entry of.
//!
//! Formats, models, detectors and the rest are lists of things with an [`Entry`]; `causet list`,
//! `causet explain`, the README tables and the tests walk those lists and nothing else.

/// The face of a pluggable thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name on the command line and in reports: kebab-case, unique in its registry.
    pub id: &'static str,
    /// One line, without a full stop.
    pub summary: &'static str,
    /// The whole documentation, in Markdown.
    pub documentation: &'static str,
    /// A small example: a snippet of input, or a command line.
    pub example: &'static str,
}
