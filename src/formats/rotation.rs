//! Files that a rotation made of one: which they are, by their names, and in which order they were written.
//!
//! Backups of the Collector, lumberjack and timberjack have the time of the rotation in their name
//! (`traces-2024-01-02T03-04-05.678.jsonl`, with a reason after it, or all of it after the extension); those of
//! logrotate a number that grows with age (`traces.jsonl.2`), and count only beside the file that they are backups of,
//! since many files are called so. Either may be compressed. The live file is the newest.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// Which file of a series one is. Older ones are less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Numbered(Reverse<u64>),
    Timed(String),
    Live,
}

/// The live file of the series to which a file belongs by its name, and its turn in it.
fn turn(path: &Path) -> (PathBuf, Turn) {
    let live = (path.to_owned(), Turn::Live);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return live };
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    if let Some((series, time)) = timed(plain) {
        return (path.with_file_name(series), Turn::Timed(time));
    }
    match plain.rsplit_once('.') {
        Some((series, number)) if !series.is_empty() && number.len() < 5 => match number.parse() {
            Ok(number) => (path.with_file_name(series), Turn::Numbered(Reverse(number))),
            Err(_) => live,
        },
        _ => live,
    }
}

/// Takes the time of a rotation out of a name: what the live file is called, and the time with what follows it.
fn timed(name: &str) -> Option<(String, String)> {
    const PATTERN: &[u8] = b"-dddd-dd-ddTdd-dd-dd.ddd";
    let fits = |window: &[u8]| {
        window.iter().zip(PATTERN).all(|(byte, pattern)| match pattern {
            b'd' => byte.is_ascii_digit(),
            _ => byte == pattern,
        })
    };
    let at = name.as_bytes().windows(PATTERN.len()).rposition(fits).filter(|at| *at > 0)?;
    let rest = &name[at + PATTERN.len()..];
    // After the time: a reason, an extension, both or nothing.
    let extension = rest.find('.').map_or("", |dot| &rest[dot..]);
    let reason = &rest[..rest.len() - extension.len()];
    let is_reason = reason.is_empty() || reason.starts_with('-');
    is_reason.then(|| (format!("{}{extension}", &name[..at]), name[at + 1..at + PATTERN.len()].to_owned()))
}

/// Files with the members of each series together, oldest first, where the first of them stood; and for each file
/// whether it goes on where the one before it ended.
pub(super) fn in_order(files: &[PathBuf]) -> Vec<(PathBuf, bool)> {
    let live = |series: &Path| {
        files.iter().any(|file| file == series || ["gz", "zst"].iter().any(|end| *file == with_suffix(series, end)))
    };
    let mut placed: Vec<(usize, Turn, PathBuf)> = Vec::new();
    let mut series: Vec<PathBuf> = Vec::new();
    let mut index = std::collections::BTreeMap::new();
    for file in files {
        let (of, turn) = match turn(file) {
            (of, Turn::Numbered(_)) if !live(&of) => (file.clone(), Turn::Live),
            (of, Turn::Live) => (without_compression(&of), Turn::Live),
            other => other,
        };
        let next = series.len();
        let number = *index.entry(of.clone()).or_insert(next);
        if number == next {
            series.push(of);
        }
        placed.push((number, turn, file.clone()));
    }
    placed.sort();
    let mut before: Option<(usize, Turn)> = None;
    let follows = placed.into_iter().map(|(number, turn, file)| {
        // Two files of one turn are a file and its compressed copy, say: neither goes on with the other.
        let goes_on = before.as_ref().is_some_and(|before| before.0 == number && before.1 != turn);
        before = Some((number, turn));
        (file, goes_on)
    });
    follows.collect()
}

fn with_suffix(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

fn without_compression(path: &Path) -> PathBuf {
    match path.extension().is_some_and(|end| end == "gz" || end == "zst") {
        true => path.with_extension(""),
        false => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(files: &[&str]) -> Vec<String> {
        let shown = |(path, goes_on): (PathBuf, bool)| format!("{}{}", if goes_on { "+" } else { "" }, path.display());
        in_order(&files.iter().map(PathBuf::from).collect::<Vec<_>>()).into_iter().map(shown).collect()
    }

    #[test]
    fn backups_come_before_the_live_file_in_order_of_time() {
        let files = [
            "d/a.jsonl",
            "d/traces.jsonl",
            "d/traces-2024-01-02T03-04-05.678.jsonl",
            "d/traces-2023-12-31T23-59-59.999.jsonl.gz",
            "d/z.jsonl",
        ];
        let expected = [
            "d/a.jsonl",
            "d/traces-2023-12-31T23-59-59.999.jsonl.gz",
            "+d/traces-2024-01-02T03-04-05.678.jsonl",
            "+d/traces.jsonl",
            "d/z.jsonl",
        ];
        assert_eq!(order(&files), expected);
        let reversed: Vec<&str> = files.iter().rev().copied().collect();
        assert_eq!(order(&reversed)[1..4], expected[1..4]);
    }

    #[test]
    fn reasons_extensions_and_their_absence() {
        for (backup, live) in [
            ("t-2025-04-30T15-00-00.000-size.log", "t.log"),
            ("t.log-2025-04-30T15-00-00.000-time.gz", "t.log"),
            ("t-2025-04-30T15-00-00.000", "t"),
            ("t-2025-04-30T15-00-00.000.log.zst", "t.log.zst"),
        ] {
            assert_eq!(order(&[live, backup]), [backup.to_owned(), format!("+{live}")]);
        }
    }

    #[test]
    fn numbers_count_only_beside_the_live_file() {
        let files = ["t.log", "t.log.1", "t.log.10.gz", "t.log.2.gz"];
        assert_eq!(order(&files), ["t.log.10.gz", "+t.log.2.gz", "+t.log.1", "+t.log"]);
        assert_eq!(order(&["run.1", "run.2"]), ["run.1", "run.2"]);
    }

    #[test]
    fn other_dates_and_other_folders_are_other_files() {
        let files = ["run-2024-01-02T03-04-05.edn", "run-2024-01-02.edn", "run.edn"];
        assert_eq!(order(&files), files);
        let files = ["a/t-2025-04-30T15-00-00.000.log", "b/t.log"];
        assert_eq!(order(&files), files);
    }
}
