//! Tables and plots as text.

use std::fmt::Write;

/// What one method took, for as many sizes as it could.
pub struct Series<'a> {
    pub mark: char,
    pub name: &'a str,
    pub points: Vec<f64>,
}

/// Milliseconds with three digits.
fn shown(ms: f64) -> String {
    match ms {
        100.0.. => format!("{ms:.0}"),
        10.0.. => format!("{ms:.1}"),
        1.0.. => format!("{ms:.2}"),
        _ => format!("{ms:.3}"),
    }
}

fn size(size: usize) -> String {
    match size {
        1_000_000.. => format!("{}M", size / 1_000_000),
        1000.. => format!("{}k", size / 1000),
        _ => size.to_string(),
    }
}

/// A table of milliseconds.
pub fn table(what: &str, sizes: &[usize], all: &[Series<'_>]) -> String {
    let mut text = format!("| CPU ms, by {what} |");
    for &one in sizes {
        let _ = write!(text, " {} |", size(one));
    }
    text += "\n|---|";
    text += &"---|".repeat(sizes.len());
    text.push('\n');
    for series in all {
        let _ = write!(text, "| `{}` {} |", series.mark, series.name);
        for at in 0..sizes.len() {
            let _ = write!(text, " {} |", series.points.get(at).map_or("–".into(), |ms| shown(*ms)));
        }
        text.push('\n');
    }
    text
}

const WIDTH: usize = 6;
const ROWS_PER_DECADE: f64 = 2.0;

/// A plot with logarithmic axes; where marks meet, the first method's is shown.
pub fn plot(sizes: &[usize], all: &[Series<'_>]) -> String {
    let row = |ms: f64| (ms.log10() * ROWS_PER_DECADE).round() as i64;
    let points = || all.iter().flat_map(|series| series.points.iter().map(|&ms| row(ms)));
    let (Some(low), Some(high)) = (points().min(), points().max()) else { return String::new() };
    let mut text = String::new();
    for level in (low..=high).rev() {
        let decade = level.rem_euclid(ROWS_PER_DECADE as i64) == 0;
        let label = if decade { format!("{} ms", 10_f64.powf(level as f64 / ROWS_PER_DECADE)) } else { String::new() };
        let mut line = format!("{label:>10} │");
        for at in 0..sizes.len() {
            let mark = all.iter().find(|series| series.points.get(at).is_some_and(|&ms| row(ms) == level));
            let _ = write!(line, "{:>WIDTH$}", mark.map_or(' ', |series| series.mark));
        }
        text += line.trim_end();
        text.push('\n');
    }
    let _ = writeln!(text, "{:>10} └{}", "", "─".repeat(WIDTH * sizes.len()));
    let _ = write!(text, "{:>10}  ", "");
    for &one in sizes {
        let _ = write!(text, "{:>WIDTH$}", size(one));
    }
    text.push('\n');
    text
}
