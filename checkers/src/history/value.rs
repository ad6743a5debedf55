//! The values that operations carry: JSON's and EDN's data, hashable and totally ordered.

use std::fmt;
use std::sync::Arc;

/// A value written, read or used as a key. Cheap to clone: text, lists and maps are shared.
///
/// Equality is structural. Numbers are kept so that two different numbers never become equal: an
/// integer that does not fit 64 bits stays as its decimal text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// JSON `null`, EDN `nil`; also "no value was given".
    #[default]
    Nil,
    Bool(bool),
    Int(i64),
    Float(Float),
    /// An integer outside 64 bits, as canonical decimal text.
    BigInt(Arc<str>),
    Str(Arc<str>),
    List(Arc<[Value]>),
    /// Pairs in ascending order of key, each key once.
    Map(Arc<[(Value, Value)]>),
}

/// A float with total order and equality by bits (all NaNs are one value, and -0 is 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Float(u64);

impl Float {
    /// Wraps a float, with one NaN and one zero.
    pub fn new(value: f64) -> Self {
        Self(if value.is_nan() { f64::NAN } else { value + 0.0 }.to_bits())
    }

    /// The float.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.get().total_cmp(&other.get())
    }
}

impl Value {
    /// Text.
    pub fn str(text: &str) -> Self {
        Self::Str(text.into())
    }

    /// A number; one without a fraction that fits 64 bits is an [`Value::Int`], so that `5.0` read
    /// is the `5` that was written.
    pub fn float(value: f64) -> Self {
        // 2^63 is exact in f64, so these bounds are too.
        if value.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
            Self::Int(value as i64)
        } else {
            Self::Float(Float::new(value))
        }
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A map; of equal keys the last counts, as in JSON.
    pub fn map(pairs: impl IntoIterator<Item = (Value, Value)>) -> Self {
        let sorted: std::collections::BTreeMap<Value, Value> = pairs.into_iter().collect();
        Self::Map(sorted.into_iter().collect())
    }

    /// Whether this is [`Value::Nil`].
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The two items of a list of two.
    pub fn as_pair(&self) -> Option<(&Value, &Value)> {
        match self.as_list() {
            Some([first, second]) => Some((first, second)),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The integer.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Written as JSON is, but with bare keys where they are plain words; for people, not for parsers.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{}", value.get()),
            Self::BigInt(text) => f.write_str(text),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Map(pairs) => {
                f.write_str("{")?;
                for (i, (key, value)) in pairs.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_stay_different() {
        assert_eq!(Value::float(5.0), Value::Int(5));
        assert_ne!(Value::float(5.5), Value::Int(5));
        assert_eq!(Value::float(-0.0), Value::Int(0));
        assert_eq!(Value::float(f64::NAN), Value::float(-f64::NAN));
        assert_ne!(Value::float(9_223_372_036_854_775_808.0), Value::Int(i64::MAX));
    }

    #[test]
    fn a_map_keeps_the_last_of_equal_keys_in_key_order() {
        let map = Value::map([("b".into(), 1.into()), ("a".into(), 2.into()), ("b".into(), 3.into())]);
        assert_eq!(map.to_string(), r#"{"a": 2, "b": 3}"#);
    }
}
