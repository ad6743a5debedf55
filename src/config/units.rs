//! Durations and sizes as people write them: `1.5s`, `512MiB`.

use serde::{Deserialize, Serialize};
use std::time;

/// A duration with the text it was written as.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    text: String,
    pub value: time::Duration,
}

impl TryFrom<String> for Duration {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Ok(Self { value: duration(&text)?, text })
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.text
    }
}

/// A size in bytes with the text it was written as.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size {
    text: String,
    pub bytes: u64,
}

impl TryFrom<String> for Size {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Ok(Self { bytes: size(&text)?, text })
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.text
    }
}

/// A duration with a unit, such as `1.5s`.
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<time::Duration, String> {
    let expected = || "expected a duration such as 500ms, 30s, 5m or 1h".to_owned();
    let (number, unit) = split_unit(text).ok_or_else(expected)?;
    let seconds = seconds_in(unit).ok_or_else(expected)?;
    time::Duration::try_from_secs_f64(number * seconds).map_err(|_| expected())
}

/// How many seconds a unit of time has.
pub fn seconds_in(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

/// A size in bytes, such as `512MiB`.
///
/// # Errors
/// What was expected.
pub fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 512MiB or 4GB".to_owned();
    let (number, unit) = split_unit(text).ok_or_else(expected)?;
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "kib" => 1024.0,
        "m" | "mb" => 1e6,
        "mib" => 1024.0 * 1024.0,
        "g" | "gb" => 1e9,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(expected()),
    };
    Ok((number * bytes) as u64)
}

fn split_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn limits_are_read() {
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(size("2KiB"), Ok(2048));
        assert_eq!(size("1.5GB"), Ok(1_500_000_000));
        for bad in ["", "s", "5", "-1s", "5 parsecs"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(size("many").is_err());
    }
}
