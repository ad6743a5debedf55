//! What of the input was looked at, and what was left out because the user asked for less.

/// The account of filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filtered {
    /// What was asked for: the name of each flag (without dashes) and its value.
    pub asked: Vec<(&'static str, String)>,
    pub read: Extent,
    /// Traces that were looked at, and their spans that match.
    pub matching: Extent,
    /// Spans of these traces that do not match: they are looked at, but not told.
    pub context_spans: u64,
    /// Traces that served as reference.
    pub reference: Extent,
    /// About other services and operations.
    pub findings: u64,
    /// Rows that were cut off each table because of the limit that was asked for, by the name of the table.
    pub rows: Vec<(&'static str, u64)>,
}

/// How much of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub traces: u64,
    pub spans: u64,
}

impl Filtered {
    /// How many rows of a table were cut off.
    pub fn cut(&self, table: &str) -> u64 {
        self.rows.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows)
    }
}
