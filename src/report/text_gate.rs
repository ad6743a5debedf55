//! The gate's part of the `text` report: expectations, findings that count, gaps, and one line at the end.

use super::Look;
use super::numbers::counted;
use super::text::{BAD, DIM, GOOD, HEAD, ODD, mark};
use crate::outcome::{Answer, ExcuseKind, Exemplar, Gate, Report};
use std::fmt::Write;

/// Everything but the results of checks.
pub(super) fn gate(out: &mut String, report: &Report, gate: &Gate, look: &Look) {
    for expectation in &gate.expectations {
        let excuse = report.excuse(&expectation.fingerprint).filter(|_| expectation.answer == Answer::Violated);
        if look.verbosity <= 0 && excuse.is_some_and(|excuse| excuse.kind == ExcuseKind::Suppressed) {
            continue;
        }
        let (style, sign) = if excuse.is_some() { (DIM, '~') } else { mark(expectation.answer) };
        let known =
            excuse.map_or_else(String::new, |excuse| format!("  {DIM}{}: {}{DIM:#}", excuse.kind.id(), excuse.reason));
        let _ = writeln!(out, "{style}{sign} {:<8}{style:#} {}{known}", expectation.answer.id(), expectation.name);
        if look.verbosity < 0 || (expectation.answer == Answer::Holds && look.verbosity == 0) {
            continue;
        }
        let _ = writeln!(out, "    {}", expectation.detail);
        for Exemplar { trace_id, span_id, service, operation } in &expectation.exemplars {
            let _ = writeln!(out, "    {DIM}trace {trace_id} span {span_id}: {service} {operation}{DIM:#}");
        }
    }
    findings(out, report, look);
    for gap in &gate.gaps {
        let (style, sign) = mark(gap.answer);
        let _ = writeln!(out, "{style}{sign} {:<8}{style:#} {}: {}", gap.answer.id(), gap.place, gap.message);
    }
    if look.verbosity >= 0 {
        for warning in &gate.warnings {
            let _ = writeln!(out, "{ODD}!{ODD:#} {}: {}", warning.place, warning.message);
        }
    }
    last_line(out, report, gate);
}

fn findings(out: &mut String, report: &Report, look: &Look) {
    let limit = look.limit.unwrap_or(usize::MAX);
    let shown = report.findings.iter().enumerate().filter(|(_, finding)| {
        report.excuse(&finding.fingerprint).is_none_or(|excuse| excuse.kind == ExcuseKind::Baseline)
    });
    let shown: Vec<_> = shown.collect();
    for (at, finding) in shown.iter().take(limit) {
        let known = report.excuse(&finding.fingerprint).is_some();
        let counts = !known && report.fail_on.is_some_and(|limit| finding.severity >= limit);
        let (style, sign) = if counts { (BAD, '✗') } else { (DIM, '·') };
        let known = if known { format!("  {DIM}baseline: known debt{DIM:#}") } else { String::new() };
        let (severity, rule) = (finding.severity, finding.rule);
        let place = format!("{} {}", finding.service, finding.operation);
        let _ =
            writeln!(out, "{style}{sign} F-{} {severity}{style:#} {rule}: {place}: {}{known}", at + 1, finding.title);
        if counts && look.verbosity >= 0 {
            let _ = writeln!(out, "    {DIM}trace {} span {}{DIM:#}", finding.trace_id, finding.span_id);
        }
    }
    if shown.len() > limit {
        let _ = writeln!(
            out,
            "{DIM}… and {} more (--limit 0 shows all){DIM:#}",
            counted((shown.len() - limit) as u64, "finding")
        );
    }
}

fn last_line(out: &mut String, report: &Report, gate: &Gate) {
    let answer = report.answer();
    let (style, sign) = match answer {
        Answer::Holds => (GOOD, '✓'),
        other => mark(other),
    };
    let spans = report.analysis.as_ref().map_or(0, |analysis| analysis.summary.spans);
    let mut parts = Vec::new();
    let mut add = |number: usize, noun: &str| {
        if number > 0 {
            parts.push(counted(number as u64, noun));
        }
    };
    add(report.results.len(), "check result");
    add(gate.expectations.len(), "expectation");
    add(report.findings.len(), "finding");
    add(spans as usize, "span");
    let excused = |kind| gate.excuses.values().filter(|excuse| excuse.kind == kind).count();
    for (kind, word) in [(ExcuseKind::Baseline, "known"), (ExcuseKind::Suppressed, "suppressed")] {
        if excused(kind) > 0 {
            parts.push(format!("{} {word}", excused(kind)));
        }
    }
    let of = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
    let _ = writeln!(out, "{style}{sign}{style:#} {HEAD}gate: {}{HEAD:#} ({of}; {})", answer.id(), gate.config);
}
