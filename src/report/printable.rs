//! Names and messages from the input as a terminal may see them: what would break the layout, turn the text around, or
//! talk to the terminal itself is replaced.

use crate::outcome::{Because, Fault, Input, InputError, Operation, Report};

/// Whether a character is no part of a line of text.
pub(super) fn is_wild(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Replaces in one text.
pub(crate) fn tame(text: &mut String) {
    if text.contains(is_wild) {
        *text = text.chars().map(|c| if is_wild(c) { '\u{fffd}' } else { c }).collect();
    }
}

/// The report with every text in it tamed.
pub(super) fn printable(report: &Report) -> Report {
    let mut report = report.clone();
    if let Some((_, detail)) = &mut report.cause {
        tame(detail);
    }
    for InputError { path, position, message } in &mut report.errors {
        [path, message].into_iter().chain(position).for_each(tame);
    }
    for Input { path, skipped, .. } in &mut report.inputs {
        tame(path);
        skipped.iter_mut().flat_map(|(position, reason)| [position, reason]).for_each(tame);
    }
    let places = report.order.iter_mut().flat_map(|order| order.places_mut());
    places.flat_map(|place| [&mut place.service, &mut place.operation, &mut place.event]).for_each(tame);
    let asked = report.filtered.iter_mut().flat_map(|filtered| &mut filtered.asked);
    asked.map(|(_, value)| value).for_each(tame);
    of_results(&mut report);
    of_traces(&mut report);
    of_gate(&mut report);
    report
}

fn of_results(report: &mut Report) {
    for result in &mut report.results {
        let cause = result.cause.iter_mut().map(|(_, detail)| detail);
        [&mut result.check, &mut result.input].into_iter().chain(cause).for_each(tame);
        for example in &mut result.counterexamples {
            example.because.iter_mut().map(|Because { text, .. }| text).for_each(tame);
            let operations = example.operations.iter_mut();
            operations.flat_map(|Operation { process, function, .. }| [process, function]).for_each(tame);
            let windows = example.faults.iter_mut().map(|Fault { window, .. }| window);
            windows.flat_map(|window| window.nodes.iter_mut().chain([&mut window.kind])).for_each(tame);
        }
    }
}

fn of_gate(report: &mut Report) {
    if let Some(gate) = &mut report.gate {
        tame(&mut gate.config);
        gate.gaps.iter_mut().flat_map(|gap| [&mut gap.place, &mut gap.message]).for_each(tame);
        gate.warnings.iter_mut().flat_map(|warning| [&mut warning.place, &mut warning.message]).for_each(tame);
        gate.excuses.values_mut().map(|excuse| &mut excuse.reason).for_each(tame);
        for expectation in &mut gate.expectations {
            [&mut expectation.name, &mut expectation.detail].into_iter().for_each(tame);
            let exemplars = expectation.exemplars.iter_mut();
            exemplars.flat_map(|exemplar| [&mut exemplar.service, &mut exemplar.operation]).for_each(tame);
        }
    }
    for finding in &mut report.findings {
        [&mut finding.service, &mut finding.operation, &mut finding.title].into_iter().for_each(tame);
    }
}

fn of_traces(report: &mut Report) {
    let Some(analysis) = &mut report.analysis else { return };
    analysis.causal.problems.iter_mut().filter_map(|problem| problem.detail.as_mut()).for_each(tame);
    analysis.operations.iter_mut().flat_map(|row| [&mut row.service, &mut row.operation]).for_each(tame);
    analysis.dependencies.iter_mut().flat_map(|row| [&mut row.caller, &mut row.callee]).for_each(tame);
    let slowest = analysis
        .slowest
        .iter_mut()
        .flat_map(|trace| trace.critical_path.iter_mut().map(|step| &mut step.span).chain([&mut trace.root]));
    slowest.flat_map(|span| [&mut span.service, &mut span.operation]).for_each(tame);
    if let Some(trace) = &mut analysis.trace {
        let steps = trace.critical_path.iter_mut().map(|step| &mut step.span);
        let rows = trace.rows.iter_mut().flat_map(|row| {
            row.message = row.message.lines().next().unwrap_or_default().to_owned();
            tame(&mut row.message);
            row.links.iter_mut().map(|link| &mut link.other).chain([&mut row.span])
        });
        steps.chain(rows).flat_map(|span| [&mut span.service, &mut span.operation]).for_each(tame);
    }
}
