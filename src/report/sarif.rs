//! `sarif`: alerts in the Static Analysis Results Interchange Format, version 2.1.0.

use super::cases::{Case, OWN_RULES, Weight, cases, story_length};
use super::numbers::count;
use super::{Look, Renderer};
use crate::outcome::{Answer, ExcuseKind, Exemplar, Report};
use crate::registry::Entry;
use serde_json::{Value, json};

/// The renderer.
pub struct Sarif;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// More results than this are refused by those who read them.
const MOST: usize = 5000;

impl Renderer for Sarif {
    fn entry(&self) -> Entry {
        Entry {
            id: "sarif",
            summary: "Alerts as SARIF 2.1.0, for code scanning: rule, place, fingerprint, suppression",
            documentation: "# sarif\n\nOne result for everything that does not hold. A result's file is the input (for \
                            expectations, the configuration) and its line that of an example where the input is text; service, \
                            operation and span are logical locations. `partialFingerprints` stay the same from run to run. What \
                            is suppressed has a `suppressions` entry; what is in the baseline has the `baselineState` unchanged. \
                            Rules are described by the registries. What could not be read is in `invocations`, and how many \
                            results there are if they are more than the 5,000 that code scanning takes, of which the worst \
                            are kept. The text of many or long ones is shortened, and says so.\n",
            example: "causet gate --report sarif=causet.sarif",
        }
    }

    fn points(&self) -> bool {
        true
    }

    fn render(&self, report: &Report, look: &Look) -> String {
        let all = cases(report);
        let mut wrong: Vec<&Case<'_>> =
            all.iter().filter(|case| !matches!(case.answer, Answer::Holds | Answer::Error)).collect();
        wrong.sort_by_key(|case| std::cmp::Reverse((case.fails(), case.severity)));
        let found = wrong.len();
        wrong.truncate(MOST);
        let most = story_length(wrong.len());
        let mut ids: Vec<&str> = wrong.iter().map(|case| case.rule).collect();
        ids.sort_unstable();
        ids.dedup();
        let described = (look.rules)();
        let rules: Value = ids.iter().map(|id| rule(id, &described)).collect();
        let results: Value = wrong.iter().map(|case| result(case, &ids, most)).collect();
        let notice = |level: &str, text: String| json!({"level": level, "message": {"text": text}});
        let errors = report.errors.iter().map(|error| notice("error", error.to_string()));
        let cut = (found > MOST).then(|| {
            let (kept, found) = (count(MOST as u64), count(found as u64));
            notice("warning", format!("showing {kept} of {found} results; the json report has all"))
        });
        let log = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {"name": "causet", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "automationDetails": {"id": format!("causet/{}/", report.command)},
                "invocations": [{
                    "executionSuccessful": report.errors.is_empty(),
                    "toolExecutionNotifications": errors.chain(cut).collect::<Value>(),
                }],
                "results": results,
                "properties": {"filtered": report.filtered.as_ref().map(super::filtered::json)},
            }],
        });
        format!("{log:#}\n")
    }
}

fn rule(id: &str, described: &[Entry]) -> Value {
    match described.iter().find(|entry| entry.id == id) {
        Some(entry) => json!({
            "id": id,
            "shortDescription": {"text": entry.summary},
            "help": {"text": entry.documentation, "markdown": entry.documentation},
        }),
        None => {
            let summary = OWN_RULES.iter().find(|(own, _)| *own == id).map_or(id, |(_, summary)| *summary);
            json!({"id": id, "shortDescription": {"text": summary}})
        }
    }
}

fn result(case: &Case<'_>, ids: &[&str], most: usize) -> Value {
    let level = match (case.weight, case.answer) {
        (Weight::Counts, Answer::Violated) => "error",
        (Weight::Counts, _) => "warning",
        _ => "note",
    };
    let named = |span: &Exemplar| {
        let name = if span.operation.is_empty() { &span.span_id } else { &span.operation };
        let whole = [&span.service, &span.operation, &span.span_id].map(String::as_str).join("/");
        json!({"name": name, "fullyQualifiedName": whole, "kind": "function"})
    };
    let mut location = json!({});
    if !case.path.is_empty() && case.path != "-" {
        let region = json!({"startLine": case.line});
        location["physicalLocation"] = json!({"artifactLocation": {"uri": uri(&case.path)}, "region": region});
    }
    if !case.spans.is_empty() {
        location["logicalLocations"] = case.spans.iter().take(10).map(named).collect();
    }
    let locations = if location == json!({}) { json!([]) } else { json!([location]) };
    let mut result = json!({
        "ruleId": case.rule,
        "ruleIndex": ids.iter().position(|id| *id == case.rule),
        "level": level,
        "message": {"text": case.story(most)},
        "locations": locations,
    });
    if !case.fingerprint.is_empty() {
        result["partialFingerprints"] = json!({"causet/v1": case.fingerprint});
    }
    match case.weight {
        Weight::Excused(excuse) if excuse.kind == ExcuseKind::Suppressed => {
            result["suppressions"] = json!([{"kind": "external", "justification": excuse.reason}]);
        }
        Weight::Excused(_) => result["baselineState"] = json!("unchanged"),
        Weight::Counts | Weight::Told => {}
    }
    result
}

/// A path as a relative or `file:` reference, without `.` and `..` where that can be said.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in parts.join("/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Finding, Severity};
    use crate::report::junit::JUnit;

    #[test]
    fn paths_become_references() {
        for (path, expected) in [
            ("./a b/ü.jsonl", "a%20b/%C3%BC.jsonl"),
            ("gate/../cli/x.json", "cli/x.json"),
            ("../x", "../x"),
            ("/tmp/x", "file:///tmp/x"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }

    /// Many long findings: every case is in JUnit's file, the worst 5,000 in this one, which says so; no text is cut
    /// without a word.
    #[test]
    fn what_is_left_out_of_large_reports_is_said() {
        let finding = |at: usize| Finding {
            rule: "error-status",
            severity: Severity::High,
            title: "x".repeat(5000),
            service: format!("s{at}"),
            operation: String::new(),
            trace_id: String::new(),
            span_id: String::new(),
            count: 1,
            exemplars: Vec::new(),
            evidence: Vec::new(),
            fingerprint: at.to_string(),
        };
        let report = |number: usize| Report {
            findings: (0..number).map(finding).collect(),
            fail_on: Some(Severity::Low),
            ..Report::default()
        };
        let short = "(shortened; the json report has all of it)";
        let (many, look) = (report(MOST + 1), Look::default());
        let (sarif, junit) = (Sarif.render(&many, &look), JUnit.render(&many, &look));
        assert!(sarif.contains("showing 5,000 of 5,001 results; the json report has all"));
        assert_eq!(sarif.matches("\"ruleId\"").count(), MOST);
        assert_eq!(junit.matches("<failure ").count(), MOST + 1);
        assert_eq!((sarif.matches(short).count(), junit.matches(short).count()), (MOST, MOST + 1));
        assert!(sarif.len().max(junit.len()) < 30_000_000, "{} {}", sarif.len(), junit.len());
        let few = report(3);
        assert!(!Sarif.render(&few, &look).contains("of 3 results") && !JUnit.render(&few, &look).contains(short));
    }
}
