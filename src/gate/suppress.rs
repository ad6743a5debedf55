//! `[[suppress]]`: what is hidden, for a reason and perhaps until a day. One that has expired, or that hides
//! nothing, is told.

use crate::config::{Loaded, Suppress, suggest};
use crate::outcome::{Answer, Excuse, ExcuseKind, InputError, Report, Warning};
use globset::{Glob, GlobMatcher};
use jiff::civil::Date;
use toml::Value;

/// A suppression that can be asked.
pub struct Suppression {
    rule: String,
    service: Option<GlobMatcher>,
    operation: Option<GlobMatcher>,
    input: Option<GlobMatcher>,
    reason: String,
    until: Option<Date>,
    /// `line 3, column 1`.
    position: String,
}

/// The suppressions of a configuration. `rules` are the ids that there are.
///
/// # Errors
/// Everything that is wrong with them.
pub fn suppressions(loaded: &Loaded, rules: &[&str]) -> Result<Vec<Suppression>, Vec<InputError>> {
    let (mut good, mut errors) = (Vec::new(), Vec::new());
    for each in &loaded.config.suppressions {
        match suppression(loaded, each, rules) {
            Ok(suppression) => good.push(suppression),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(good) } else { Err(errors) }
}

fn suppression(loaded: &Loaded, each: &Suppress, rules: &[&str]) -> Result<Suppression, InputError> {
    let span = each.rule.span();
    if !rules.contains(&each.rule.as_ref().as_str()) {
        let known = suggest(each.rule.as_ref(), rules.iter().copied());
        let message = format!("no detector, property or expectation `{}`{known}", each.rule.as_ref());
        return Err(loaded.error(&span, message));
    }
    if each.reason.as_ref().trim().is_empty() {
        return Err(loaded.error(&each.reason.span(), "a suppression needs a reason"));
    }
    let until = match &each.until {
        None => None,
        Some(until) => {
            let wrong = || loaded.error(&until.span(), "expected a day, such as 2030-03-31");
            let text = match until.as_ref() {
                Value::Datetime(moment) => moment.to_string(),
                Value::String(text) => text.clone(),
                _ => return Err(wrong()),
            };
            // Ten characters are a day; the library reads moments too, and would forget their time.
            let day = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
            Some(day.ok_or_else(wrong)?)
        }
    };
    let glob = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match Glob::new(text) {
            Ok(glob) => Ok(Some(glob.compile_matcher())),
            Err(error) => Err(loaded.error(&span, error.to_string())),
        },
    };
    Ok(Suppression {
        rule: each.rule.as_ref().clone(),
        service: glob(&each.service)?,
        operation: glob(&each.operation)?,
        input: glob(&each.input)?,
        reason: each.reason.as_ref().clone(),
        until,
        position: loaded.position(&span),
    })
}

impl Suppression {
    /// What it matches in a report, by fingerprint.
    fn matches(&self, report: &Report) -> Vec<String> {
        let fits = |glob: &Option<GlobMatcher>, text: &str| glob.as_ref().is_none_or(|glob| glob.is_match(text));
        let findings = report.findings.iter().filter(|finding| {
            finding.rule == self.rule
                && fits(&self.service, &finding.service)
                && fits(&self.operation, &finding.operation)
                && self.input.is_none()
        });
        let of_traces = self.service.is_none() && self.operation.is_none();
        let results = report.results.iter().filter(|result| {
            result.property == self.rule
                && result.answer == Answer::Violated
                && fits(&self.input, &result.input)
                && of_traces
        });
        let expectations = report.gate.iter().flat_map(|gate| &gate.expectations).filter(|expectation| {
            expectation.name == self.rule && expectation.answer == Answer::Violated && of_traces && self.input.is_none()
        });
        let findings = findings.map(|finding| finding.fingerprint.clone());
        let results = results.flat_map(crate::outcome::CheckResult::fingerprints).map(str::to_owned);
        findings.chain(results).chain(expectations.map(|expectation| expectation.fingerprint.clone())).collect()
    }
}

/// Hides what is suppressed in a report, and warns of suppressions that do nothing.
pub fn apply(suppressions: &[Suppression], path: &str, today: Date, report: &mut Report) {
    for suppression in suppressions {
        let matches = suppression.matches(report);
        let Some(gate) = &mut report.gate else { return };
        let expired = suppression.until.filter(|until| *until < today);
        let message = match (expired, matches.is_empty()) {
            (Some(until), _) => {
                Some(format!("the suppression of `{}` expired on {until}; it hides nothing now", suppression.rule))
            }
            (None, true) => Some(format!("the suppression of `{}` matches nothing; remove it", suppression.rule)),
            (None, false) => None,
        };
        if let Some(message) = message {
            gate.warnings.push(Warning { place: format!("{path}, {}", suppression.position), message });
            continue;
        }
        for key in matches {
            let excuse = Excuse { kind: ExcuseKind::Suppressed, reason: suppression.reason.clone() };
            gate.excuses.insert(key, excuse);
        }
    }
}
