//! Reading the shapes of values that several models share.

use super::{Call, Unsupported};
use crate::history::Value;

/// The refusal of a function that the model does not have.
pub fn unknown_function(call: &Call<'_>, known: &str) -> Unsupported {
    Unsupported(format!("`{}` is not one of {known}", call.function))
}

/// The refusal of an input.
pub fn bad_input(call: &Call<'_>, expected: &str) -> Unsupported {
    Unsupported(format!("`{}` takes {expected}, not {}", call.function, call.input))
}

/// The refusal of an output.
pub fn bad_output(call: &Call<'_>, expected: &str) -> Unsupported {
    let got = call.output.cloned().unwrap_or_default();
    Unsupported(format!("`{}` answers {expected}, not {got}", call.function))
}

/// The parts of a compare-and-set: old, new, and whether it succeeded (`None`: unknown).
/// Jepsen's completions repeat the input when it did.
pub fn cas(call: &Call<'_>) -> Result<(Value, Value, Option<bool>), Unsupported> {
    let (old, new) = call.input.as_pair().ok_or_else(|| bad_input(call, "[old, new]"))?;
    let done = match call.output {
        None => None,
        Some(Value::Bool(done)) => Some(*done),
        Some(output) if output == call.input => Some(true),
        Some(_) => return Err(bad_output(call, "true or false")),
    };
    Ok((old.clone(), new.clone(), done))
}

/// A boolean output; `None` when unknown.
pub fn bool_output(call: &Call<'_>) -> Result<Option<bool>, Unsupported> {
    match call.output {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(bad_output(call, "true or false")),
    }
}

/// A boolean output that may be left out: `None` when unknown or null.
pub fn optional_bool_output(call: &Call<'_>) -> Result<Option<bool>, Unsupported> {
    if call.output.is_some_and(Value::is_nil) { Ok(None) } else { bool_output(call) }
}

/// An integer input.
pub fn int_input(call: &Call<'_>) -> Result<i64, Unsupported> {
    call.input.as_int().ok_or_else(|| bad_input(call, "an integer"))
}

/// An integer output; `None` when unknown.
pub fn int_output(call: &Call<'_>) -> Result<Option<i64>, Unsupported> {
    call.output.map(|output| output.as_int().ok_or_else(|| bad_output(call, "an integer"))).transpose()
}
