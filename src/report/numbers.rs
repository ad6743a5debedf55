//! Numbers for people: durations, counts, shares, moments.

/// A count with thousands separators: `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 span`, `2 spans`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Nanoseconds with three significant digits and a unit: `12.3 ms`.
pub(super) fn duration(nanos: u64) -> String {
    let units = [(1e9 * 3600.0, "h"), (1e9 * 60.0, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let value = nanos as f64;
    for (size, unit) in units {
        let value = value / size;
        // What would be rounded up to the next unit, or to one more digit, is said so.
        if value >= 0.9995 {
            let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
            return format!("{value:.decimals$} {unit}");
        }
    }
    format!("{nanos} ns")
}

/// A share as a percentage: `12.3 %`.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

/// A moment in UTC, to the second.
pub(super) fn moment(nanos: u64) -> String {
    let seconds = i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("{seconds} s after 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), expected);
        }
        for (nanos, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (12_345_678, "12.3 ms"),
            (123_456_789, "123 ms"),
            (999_970, "1.00 ms"),
            (9_996_000, "10.0 ms"),
            (99_960_000, "100 ms"),
            (61_000_000_000, "1.02 min"),
            (u64::MAX, "5124096 h"),
        ] {
            assert_eq!(duration(nanos), expected);
        }
        assert_eq!(share(1, 8), "12.5 %");
        assert_eq!(share(0, 0), "–");
        assert_eq!(moment(1_661_140_879_405_000_149), "2022-08-22 04:01:19");
        assert_eq!(counted(1, "span"), "1 span");
    }
}
