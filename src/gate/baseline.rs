//! `causet-baseline.json`: what is known to be wrong. It stays visible and does not gate; what is worse
//! than it was, or new, does.

use crate::outcome::{Answer, Excuse, ExcuseKind, InputError, Report, Severity, Warning};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The file's name, beside the configuration.
pub const FILE_NAME: &str = "causet-baseline.json";
const VERSION: &str = "1";

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema_version: String,
    pub entries: Vec<Entry>,
}

/// One thing that is known. All but the fingerprint and the severity is for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `finding`, `violation` or `expectation`.
    pub kind: String,
    /// Detector, property, or the expectation's name.
    pub rule: String,
    /// The check that asked; empty for others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub check: String,
    /// Service and operation, or model, input and key.
    pub place: String,
    /// Worse than this is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    pub fingerprint: String,
}

impl Entry {
    /// Whether this, being known, is what the other is, or worse.
    pub fn covers(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && severity(other) <= severity(self)
    }

    /// In one line.
    pub fn show(&self) -> String {
        let severity = self.severity.as_ref().map_or_else(String::new, |severity| format!(" ({severity})"));
        format!("{} {}: {}{severity}", self.kind, self.rule, self.place)
    }
}

/// Reads the file's text.
///
/// # Errors
/// Where it is wrong.
pub fn parse(path: &str, text: &str) -> Result<Baseline, InputError> {
    let fail = |position, message| InputError { path: path.to_owned(), position, message };
    let baseline: Baseline = serde_json::from_str(text).map_err(|error| {
        let position = format!("line {}, column {}", error.line(), error.column());
        let message = error.to_string();
        fail(Some(position), message.split(" at line").next().unwrap_or_default().to_owned())
    })?;
    if baseline.schema_version != VERSION {
        let message = format!("schema_version is {:?}, this causet reads {VERSION:?}", baseline.schema_version);
        return Err(fail(None, message));
    }
    Ok(baseline)
}

impl Baseline {
    /// A baseline of these entries, in an order that depends on nothing but them. Of several of one fingerprint the worst
    /// stays: what is known of one says nothing of a worse one.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| std::cmp::Reverse(severity(entry)));
        let mut seen = BTreeSet::new();
        entries.retain(|entry| seen.insert(entry.fingerprint.clone()));
        entries.sort();
        Self { schema_version: VERSION.to_owned(), entries }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts alone") + "\n"
    }

    /// Excuses what is known in a report; answers with the entries that nothing in it is.
    pub fn excuse(&self, report: &mut Report) -> Vec<Entry> {
        let now = of(report);
        let present: BTreeMap<&str, &Entry> = now.iter().map(|entry| (entry.fingerprint.as_str(), entry)).collect();
        let mut stale = Vec::new();
        for known in &self.entries {
            let Some(now) = present.get(known.fingerprint.as_str()) else {
                stale.push(known.clone());
                continue;
            };
            let (Some(gate), true) = (&mut report.gate, known.covers(now)) else { continue };
            let excuse = Excuse { kind: ExcuseKind::Baseline, reason: "known debt".to_owned() };
            gate.excuses.entry(known.fingerprint.clone()).or_insert(excuse);
        }
        stale
    }
}

/// Warnings about entries that nothing is any more.
pub fn stale_warnings(path: &str, stale: &[Entry]) -> Vec<Warning> {
    let warning = |entry: &Entry| Warning {
        place: path.to_owned(),
        message: format!("{} is no longer there; `causet baseline prune` forgets it", entry.show()),
    };
    stale.iter().map(warning).collect()
}

fn severity(entry: &Entry) -> Option<Severity> {
    let name = entry.severity.as_deref()?;
    Severity::ALL.into_iter().find(|severity| severity.id() == name)
}

/// Everything in a report that is wrong and not suppressed, as entries.
pub fn of(report: &Report) -> Vec<Entry> {
    let suppressed =
        |fingerprint: &str| report.excuse(fingerprint).is_some_and(|excuse| excuse.kind == ExcuseKind::Suppressed);
    let findings = report.findings.iter().filter(|finding| !suppressed(&finding.fingerprint)).map(|finding| Entry {
        kind: "finding".to_owned(),
        rule: finding.rule.to_owned(),
        check: String::new(),
        place: format!("{} {}", finding.service, finding.operation).trim().to_owned(),
        severity: Some(finding.severity.id().to_owned()),
        fingerprint: finding.fingerprint.clone(),
    });
    let violated = report.results.iter().filter(|result| result.answer == Answer::Violated);
    let violations = violated.flat_map(|result| {
        let keys = result.counterexamples.iter().map(|example| example.partition.as_ref()).chain([None]);
        result.fingerprints().zip(keys).map(move |(fingerprint, key)| Entry {
            kind: "violation".to_owned(),
            rule: result.property.to_owned(),
            check: result.check.clone(),
            place: match key {
                Some(key) => format!("{} in {}, key {key}", result.model, result.known_as),
                None => format!("{} in {}", result.model, result.known_as),
            },
            severity: None,
            fingerprint: fingerprint.to_owned(),
        })
    });
    let violations = violations.filter(|entry| !suppressed(&entry.fingerprint));
    let failed = report.gate.iter().flat_map(|gate| &gate.expectations);
    let failed = failed.filter(|each| each.answer == Answer::Violated && !suppressed(&each.fingerprint));
    let expectations = failed.map(|expectation| Entry {
        kind: "expectation".to_owned(),
        rule: expectation.name.clone(),
        check: String::new(),
        place: expectation.expression.clone(),
        severity: None,
        fingerprint: expectation.fingerprint.clone(),
    });
    Baseline::new(findings.chain(violations).chain(expectations).collect()).entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(severity: Severity) -> Entry {
        Entry {
            kind: "finding".to_owned(),
            rule: "clock-skew".to_owned(),
            check: String::new(),
            place: "cart".to_owned(),
            severity: Some(severity.id().to_owned()),
            fingerprint: "0".to_owned(),
        }
    }

    #[test]
    fn of_several_of_one_kind_the_worst_counts() {
        use Severity::{Critical, High, Low, Medium};
        for severities in [vec![Low, High], vec![High, Low], vec![Medium, High, Low], vec![High]] {
            let baseline = Baseline::new(severities.into_iter().map(entry).collect());
            assert_eq!(baseline.entries, [entry(High)]);
            assert!(baseline.entries[0].covers(&entry(Low)) && baseline.entries[0].covers(&entry(High)));
            assert!(!baseline.entries[0].covers(&entry(Critical)));
        }
    }
}
