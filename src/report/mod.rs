//! Renderers: a [`Report`] as text or data. Each is one file here and one line in [`ALL`].
//!
//! A renderer writes everything it has into one string with ANSI colours where it wants them; whoever
//! prints it strips them where they are not wanted.

mod cases;
mod filtered;
mod gate_json;
mod github;
mod html;
mod html_waterfall;
mod json;
mod junit;
mod laboratory;
mod laboratory_json;
mod markup;
mod ndjson;
mod numbers;
mod order;
mod overview;
mod printable;
mod sarif;
mod svg;
mod text;
mod text_gate;
mod timeline;
mod waterfall;

pub use json::{SCHEMA, SCHEMA_VERSION};
pub(crate) use printable::tame;

use crate::outcome::Report;
use crate::registry::Entry;

/// Every renderer.
pub static ALL: &[&dyn Renderer] =
    &[&text::Text, &json::Json, &ndjson::NdJson, &junit::JUnit, &sarif::Sarif, &github::GitHub, &html::Html, &svg::Svg];

/// Turns a report into bytes for somebody.
pub trait Renderer: Sync {
    /// Its face in the registry.
    fn entry(&self) -> Entry;

    /// The whole report. Ends with a line feed.
    fn render(&self, report: &Report, look: &Look) -> String;

    /// Whether it points into the inputs, by line.
    fn points(&self) -> bool {
        false
    }

    /// Markdown for the summary of a step in a pipeline, which has a place of its own.
    fn summary(&self, _report: &Report) -> Option<String> {
        None
    }
}

/// What a renderer may know about its reader.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns of the terminal, or what to assume instead.
    pub width: u16,
    /// Lines of the terminal that an overview should fit in; `None`: as many as it takes.
    pub height: Option<u16>,
    /// How many rows of each table; `None`: all.
    pub limit: Option<usize>,
    /// How many spans of one trace; `None`: all.
    pub waterfall: Option<usize>,
    /// -1 is quiet, 0 is normal, 1 and more is verbose.
    pub verbosity: i8,
    /// What the rules are that results and findings name.
    pub rules: fn() -> Vec<Entry>,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 120, height: None, limit: Some(15), waterfall: Some(60), verbosity: 0, rules: Vec::new }
    }
}

/// The renderer with this id.
pub fn by_id(id: &str) -> Option<&'static dyn Renderer> {
    ALL.iter().copied().find(|renderer| renderer.entry().id == id)
}
