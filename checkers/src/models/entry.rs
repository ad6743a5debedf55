//! What the registry says about a model, and how a model is built from options.

use crate::history::Value;
use crate::properties::linearizability::AnyModel;

/// An option whose value is not of the right kind: its name, and what was expected.
pub type BadOption = (&'static str, &'static str);

/// How a model is made.
pub(crate) type Build = fn(&Options<'_>) -> Result<Box<dyn AnyModel>, BadOption>;

/// A registered model.
#[derive(Debug)]
pub struct ModelEntry {
    /// Its name on the command line.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The sequential rule, what an unknown outcome means, which operations are pure.
    pub documentation: &'static str,
    /// A small history with its verdict.
    pub example: Example,
    /// Its operations. A history with others is not of this model.
    pub functions: &'static [FunctionDoc],
    /// Its options.
    pub options: &'static [OptionDoc],
    /// Whether each key is an object of its own; otherwise keys are part of the operations.
    pub per_key: bool,
    /// Models of one family agree on the functions they share; the first one stands for the others
    /// when a model is inferred from a history.
    pub family: &'static str,
    /// Makes the model.
    pub(crate) build: Build,
}

/// A history in the `jsonl` form of the command line, with the verdict that it must get.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// One operation per line.
    pub history: &'static str,
    /// `holds` or `violated`.
    pub verdict: &'static str,
}

/// One function of a model.
#[derive(Clone, Copy, Debug)]
pub struct FunctionDoc {
    pub name: &'static str,
    /// Its input and output.
    pub shape: &'static str,
}

/// One option of a model.
#[derive(Clone, Copy, Debug)]
pub struct OptionDoc {
    pub name: &'static str,
    pub summary: &'static str,
    /// What it is when not given, as text.
    pub default: &'static str,
}

/// Options given by name; of two with one name the last counts.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a>(pub &'a [(String, Value)]);

impl Options<'_> {
    /// The option's value, if given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// The option's value, or null.
    pub fn value(&self, name: &str) -> Value {
        self.get(name).cloned().unwrap_or_default()
    }

    /// An integer option.
    ///
    /// # Errors
    /// The name and what was expected.
    pub fn int(&self, name: &'static str, default: i64) -> Result<i64, BadOption> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_int().ok_or((name, "an integer")),
        }
    }
}
