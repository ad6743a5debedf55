//! What can be asked of a history. [`all`] is the registry.

pub mod linearizability;

/// A registered property.
#[derive(Debug)]
pub struct PropertyEntry {
    /// Its name on the command line.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What it promises, and how it is decided.
    pub documentation: &'static str,
}

/// The registry: every property there is.
pub fn all() -> &'static [&'static PropertyEntry] {
    static ALL: &[&PropertyEntry] = &[&linearizability::ENTRY];
    ALL
}

/// The property with this id.
pub fn find(id: &str) -> Option<&'static PropertyEntry> {
    all().iter().copied().find(|entry| entry.id == id)
}
