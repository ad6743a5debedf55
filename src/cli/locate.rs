//! On which line of which file the examples of a report stand, for annotations and alerts.
//!
//! Spans and operations forget where they were read, because few are ever pointed at; the few are looked up again here:
//! spans in one pass over the inputs that are text, operations by reading beginnings of their history, the shortest that
//! has them. Compressed and binary inputs have no lines, and are left alone.

use crate::formats::{self, Reading, Source};
use crate::outcome::{Operation, Report};
use memchr::memmem;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// How the formats write the key of a span's id.
const KEYS: [&[u8]; 3] = [b"\"spanId\"", b"\"span_id\"", b"\"spanID\""];

/// Histories beyond this many bytes, and counterexamples beyond this many, are not looked up.
const LARGEST: u64 = 8 << 20;
const COUNTEREXAMPLES: usize = 10;

/// Fills in [`Report::places`].
pub(super) fn locate(report: &mut Report) {
    spans(report);
    operations(report);
}

fn spans(report: &mut Report) {
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

/// The operation of each counterexample at which every order had died.
fn operations(report: &mut Report) {
    let mut found = Vec::new();
    for result in &report.results {
        let input = report.inputs.iter().find(|input| input.path == result.input && input.spans == 0);
        let Some(input) = input.filter(|input| input.bytes <= LARGEST) else { continue };
        for example in &result.counterexamples {
            if found.len() == COUNTEREXAMPLES {
                break;
            }
            let failed = example.operations.iter().find(|operation| Some(operation.index) == example.failed_at);
            if let Some(line) = failed.and_then(|operation| line_of(operation, &input.path, input.format)) {
                found.extend(failed.map(|operation| (result.place_key(operation.index), (input.path.clone(), line))));
            }
        }
    }
    report.places.extend(found);
}

/// The last line of the shortest beginning of a history that has the operation.
fn line_of(operation: &Operation, path: &str, format: &str) -> Option<u64> {
    let is_file = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= LARGEST);
    let bytes = is_file.then(|| std::fs::read(path).ok()).flatten()?;
    let format = formats::by_id(format)?;
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &bytes).map(|at| at + 1).collect();
    let has = |lines: &usize| {
        let mut reading = Reading::default();
        let read = format.read(&mut Source::memory(&bytes[..*lines]), &mut reading);
        let history = reading.history.finish();
        let mut all = history.operations().iter().enumerate();
        read.is_ok()
            && all.any(|(at, each)| {
                each.call == operation.call
                    && history.process(at) == operation.process
                    && history.function(at) == operation.function
            })
    };
    let before = ends.partition_point(|end| !has(end));
    // One that is there only when all is read says nothing about lines: the text may be one large value.
    let is_lines = ends.len() > before + 1 || !bytes.trim_ascii_start().starts_with(b"[");
    (is_lines && (before < ends.len() || has(&bytes.len()))).then_some(before as u64 + 1)
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
