//! What the detectors say about recorded traffic: how often they are wrong where all was well, and which of the
//! recorded faults they find.
//!
//!     cargo bench --bench detectors -- DIR            # all of it
//!     cargo bench --bench detectors -- DIR ob-08-23   # cases whose name contains a text
//!
//! DIR holds recorded faults as OTLP files, and what is known of them: `cases.json`, an object by case of `file`,
//! `system`, and two windows in nanoseconds since 1970, `baseline_window_ns` of normal traffic and `window_ns` of
//! the fault; and `labels.json`, by case the `service` with the fault and whether it is a `core` one, which shows in
//! traces. A window has the traces that start in it.

use causet::causal::CausalGraph;
use causet::detect::{self, Baseline, Settings, View};
use causet::formats::{Reading, Source, recognise};
use causet::outcome::Finding;
use causet::store::SpanStore;
use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

/// From and to, the end left out; nanoseconds since 1970.
type Window = (u64, u64);

/// One recorded fault.
struct Case {
    name: String,
    file: String,
    system: String,
    normal: Window,
    faulty: Window,
    /// Where the fault was injected.
    service: String,
    /// Whether it shows in traces.
    core: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let Some(folder) = words.first() else {
        println!(
            "cargo bench --bench detectors -- DIR: a folder with cases.json, labels.json and the traces they name"
        );
        return Ok(());
    };
    let all = cases(Path::new(folder)).map_err(|error| format!("{folder}: {error}"))?;
    let only = words.get(1).map_or("", String::as_str);
    let chosen = || all.iter().filter(|case| case.name.contains(only));
    let read = |case: &Case| Recording::read(&Path::new(folder).join(&case.file));
    let mut files: Vec<(&Case, Baseline)> = Vec::new();
    for case in chosen() {
        files.push((case, Baseline::of(&read(case)?.store)));
    }
    let mut table = Table::default();
    let mut seen = BTreeSet::new();
    for case in chosen() {
        let recording = read(case)?;
        table.fault(case, &recording, &all);
        if seen.insert((&case.system, case.normal)) {
            let others = files.iter().filter(|(other, _)| other.system == case.system && other.normal != case.normal);
            let others: Vec<&Baseline> = others.map(|(_, baseline)| baseline).collect();
            table.window(case, &recording, &all, &others);
        }
    }
    table.print();
    Ok(())
}

fn cases(folder: &Path) -> Result<Vec<Case>, Box<dyn Error>> {
    let read = |name: &str| -> Result<Value, Box<dyn Error>> {
        let text = fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        Ok(serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))?)
    };
    let (cases, labels) = (read("cases.json")?, read("labels.json")?);
    let case = |(name, about): (&String, &Value)| {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        // Both ends are in the window.
        let window = |value: &Value| Some((value[0].as_u64()?, value[1].as_u64()?.checked_add(1)?));
        Some(Case {
            name: name.clone(),
            file: text(&about["file"])?,
            system: text(&about["system"])?,
            normal: window(&about["baseline_window_ns"])?,
            faulty: window(&about["window_ns"])?,
            service: text(&labels[name]["service"])?,
            core: labels[name]["core"].as_bool()?,
        })
    };
    let cases = cases.as_object().ok_or("cases.json: expected an object by case")?;
    let case = |entry: (&String, &Value)| case(entry).ok_or_else(|| format!("{}: a field is missing", entry.0).into());
    cases.iter().map(case).collect()
}

/// What is left of the normal window of a case without the times at which its system had a fault.
fn stretches(case: &Case, all: &[Case]) -> Vec<Window> {
    let mut rest = vec![case.normal];
    for (from, to) in all.iter().filter(|other| other.system == case.system).map(|other| other.faulty) {
        let without = |(start, end): Window| [(start, end.min(from)), (start.max(to), end)];
        rest = rest.into_iter().flat_map(without).filter(|(start, end)| start < end).collect();
    }
    rest
}

/// The traces of one file.
struct Recording {
    store: SpanStore,
    /// By trace.
    starts: Vec<Option<u64>>,
}

impl Recording {
    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let of_file = |error: String| format!("{}: {error}", path.display());
        let mut source = Source::open(path).map_err(|error| of_file(error.to_string()))?;
        let head = source.peek(causet::formats::HEAD)?;
        let format = recognise(&head).ok_or_else(|| of_file("no known format".to_owned()))?;
        let mut reading = Reading::default();
        format.read(&mut source, &mut reading).map_err(|error| of_file(error.to_string()))?;
        if let Some(skip) = reading.skipped.first().first() {
            return Err(of_file(format!("{}: {}", skip.position, skip.reason)).into());
        }
        let store = reading.spans.finish();
        Ok(Self { starts: store.trace_starts(), store })
    }

    /// By span, whether its trace starts in one of these windows.
    fn within(&self, windows: &[Window]) -> Vec<bool> {
        let starts = |start: u64| windows.iter().any(|(from, to)| (*from..*to).contains(&start));
        self.store.iter().map(|span| self.starts[span.trace()].is_some_and(starts)).collect()
    }

    /// What some windows are like, if there is a trace in them.
    fn baseline(&self, windows: &[Window]) -> Option<Baseline> {
        let within = self.within(windows);
        within.contains(&true).then(|| Baseline::of_some(&self.store, |span| within[span]))
    }

    /// How many spans are in a window, and what the detectors find there.
    fn look(&self, window: Window, baseline: Option<&Baseline>) -> (usize, Vec<Finding>) {
        let store = self.store.clone().select(&self.within(&[window]));
        let graph = CausalGraph::new(&store);
        let view = View { store: &store, graph: &graph, baseline };
        (store.len(), detect::detect(view, &Settings::default()))
    }
}

/// A line of the table: how often something was looked at, how many spans, and how often there were findings.
#[derive(Default)]
struct Row {
    times: usize,
    spans: usize,
    with_findings: usize,
}

#[derive(Default)]
struct Table {
    /// Normal windows, and those in which there was a fault all the same.
    windows: [usize; 2],
    /// By [`ROWS`].
    rows: [Row; 6],
    /// Faults: all and core ones.
    faults: [usize; 2],
    found: [usize; 2],
    /// Of those found, with a finding of the very service.
    at_service: usize,
    /// What was found where all should have been well.
    wrong: Vec<String>,
}

impl Table {
    fn window(&mut self, case: &Case, recording: &Recording, all: &[Case], others: &[&Baseline]) {
        let stretches = stretches(case, all);
        self.windows[0] += 1;
        self.windows[1] += usize::from(stretches != [case.normal]);
        for stretch in stretches {
            self.look(0, case, recording, stretch, None);
            self.halves([1, 2], case, recording, stretch);
            others.iter().for_each(|other| self.look(3, case, recording, stretch, Some(*other)));
        }
        self.halves([4, 5], case, recording, case.normal);
    }

    /// The second half by the first, and the other way round, where there is something in the half to compare with.
    fn halves(&mut self, rows: [usize; 2], case: &Case, recording: &Recording, (from, to): Window) {
        let (first, second) = ((from, from.midpoint(to)), (from.midpoint(to), to));
        for (row, half, reference) in [(rows[0], second, first), (rows[1], first, second)] {
            if let Some(baseline) = recording.baseline(&[reference]) {
                self.look(row, case, recording, half, Some(&baseline));
            }
        }
    }

    fn look(&mut self, row: usize, case: &Case, recording: &Recording, window: Window, baseline: Option<&Baseline>) {
        let (spans, findings) = recording.look(window, baseline);
        let Row { times, spans: all, with_findings } = &mut self.rows[row];
        *times += 1;
        *all += spans;
        *with_findings += usize::from(!findings.is_empty());
        let place = format!("{} {}..{}, {}", case.name, window.0, window.1, ROWS[row]);
        self.wrong.extend(findings.iter().map(|finding| format!("{place}: {}", told(finding))));
    }

    /// A fault is found if there is any finding: a service that is slow is often seen by its callers alone.
    fn fault(&mut self, case: &Case, recording: &Recording, all: &[Case]) {
        let baseline = recording.baseline(&stretches(case, all));
        let (_, findings) = recording.look(case.faulty, baseline.as_ref());
        let found = !findings.is_empty();
        self.at_service += usize::from(findings.iter().any(|finding| finding.service == case.service));
        for (at, counts) in [true, case.core].into_iter().enumerate() {
            self.faults[at] += usize::from(counts);
            self.found[at] += usize::from(counts && found);
        }
    }

    fn print(&self) {
        let [windows, overlapping] = self.windows;
        println!("{windows} windows of normal traffic, {overlapping} of which overlap with the injection of a fault\n");
        println!("| window of normal traffic | looked at | with findings |\n|---|---|---|");
        for (name, Row { times, spans, with_findings }) in ROWS.iter().zip(&self.rows) {
            println!("| {name} | {times} times, {spans} spans | {with_findings} |");
        }
        let ([faults, core], [found, found_core]) = (self.faults, self.found);
        println!("\nfaults with findings: {found} of {faults}, {} of them of the very service", self.at_service);
        println!("faults that show in traces: {found_core} of {core}");
        self.wrong.iter().for_each(|line| println!("{line}"));
    }
}

const ROWS: [&str; 6] = [
    "by itself",
    "its second half, with the first as reference",
    "its first half, with the second as reference",
    "with the file of each other window as reference",
    "its second half, with the first as reference, faults not left out",
    "its first half, with the second as reference, faults not left out",
];

fn told(finding: &Finding) -> String {
    format!("{} {} {}: {}", finding.rule, finding.service, finding.operation, finding.title)
}
