//! On which line of which file the examples of a report stand, for annotations and alerts.
//!
//! Spans forget where they were read, because few are ever pointed at; the few are looked up again here, in one pass
//! over the inputs that are text. Compressed and binary inputs have no lines, and are left alone.

use crate::outcome::Report;
use memchr::memmem;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// How the formats write the key of a span's id.
const KEYS: [&[u8]; 3] = [b"\"spanId\"", b"\"span_id\"", b"\"spanID\""];

/// Fills in [`Report::places`].
pub(super) fn locate(report: &mut Report) {
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    wanted.extend(report.findings.iter().flat_map(|finding| finding.exemplars.iter().map(|(_, span)| span.clone())));
    wanted.extend(report.findings.iter().map(|finding| finding.span_id.clone()));
    let examples = report.results.iter().flat_map(|result| &result.counterexamples);
    wanted.extend(examples.flat_map(|example| &example.operations).filter_map(|operation| operation.span_id.clone()));
    wanted.remove("");
    for input in report.inputs.iter().filter(|input| input.spans > 0) {
        if wanted.is_empty() {
            return;
        }
        // What is no file, such as a pipe, can't be read twice.
        let is_file = std::fs::metadata(&input.path).is_ok_and(|about| about.is_file());
        let Some(file) = is_file.then(|| File::open(&input.path).ok()).flatten() else { continue };
        let (mut reader, mut text, mut line) = (BufReader::new(file), Vec::new(), 0);
        loop {
            text.clear();
            line += 1;
            match reader.read_until(b'\n', &mut text) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            for id in KEYS.iter().flat_map(|key| memmem::find_iter(&text, key).map(|at| &text[at + key.len()..])) {
                if let Some(id) = id_after(id)
                    && let Some(id) = wanted.take(&id)
                {
                    report.places.insert(id, (input.path.clone(), line));
                }
            }
        }
    }
}

/// The text in quotes after a key, in lower case.
fn id_after(text: &[u8]) -> Option<String> {
    let text = &text[..text.len().min(64)];
    let mut parts = text.split(|byte| *byte == b'"');
    let between = parts.next()?;
    let is_colon = between.trim_ascii() == b":";
    let id = parts.next().filter(|_| is_colon)?;
    Some(String::from_utf8_lossy(id).to_ascii_lowercase())
}
