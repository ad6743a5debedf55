//! `junit`: test cases in JUnit's XML, as CI systems read it.

use super::cases::{Case, Weight, cases, story_length};
use super::markup::{escape, shorten};
use super::{Look, Renderer};
use crate::outcome::{Answer, Report};
use crate::registry::Entry;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The renderer.
pub struct JUnit;

impl Renderer for JUnit {
    fn entry(&self) -> Entry {
        Entry {
            id: "junit",
            summary: "Test cases as JUnit XML: one per property and key, expectation and finding",
            documentation: "# junit\n\nA test suite for each check, one for the expectations, one for the findings and one for \
                            inputs. A violation is a `failure`; what is unknown, empty or can't be read is an `error`; what is \
                            in the baseline or suppressed, or does not count, is `skipped`, with the reason. The text of each \
                            stands alone; of many or long ones it is shortened, and says so. No case is left out.\n",
            example: "causet gate --report junit=causet.xml",
        }
    }

    fn render(&self, report: &Report, _: &Look) -> String {
        let all = cases(report);
        let most = story_length(all.len());
        let mut suites: BTreeMap<&str, Vec<&Case<'_>>> = BTreeMap::new();
        all.iter().for_each(|case| suites.entry(&case.group).or_default().push(case));
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            out,
            "<testsuites name=\"causet {}\" {}>",
            report.command,
            totals(&all.iter().collect::<Vec<_>>())
        );
        for (name, suite) in suites {
            let skipped = suite.iter().filter(|case| outcome(case) == Some("skipped")).count();
            let _ = writeln!(out, "  <testsuite name=\"{}\" {} skipped=\"{skipped}\">", escape(name), totals(&suite));
            if let Some(text) = report.filtered.as_ref().and_then(super::filtered::sentence) {
                let _ = writeln!(
                    out,
                    "    <properties>\n      <property name=\"filtered\" value=\"{}\"/>\n    </properties>",
                    escape(&text)
                );
            }
            suite.iter().for_each(|case| test_case(&mut out, case, most));
            out.push_str("  </testsuite>\n");
        }
        out.push_str("</testsuites>\n");
        out
    }
}

/// The element that says what became of a case; nothing if it is fine.
fn outcome(case: &Case<'_>) -> Option<&'static str> {
    match (case.answer, case.weight) {
        (Answer::Holds, _) => None,
        (_, Weight::Told | Weight::Excused(_)) => Some("skipped"),
        (Answer::Violated, Weight::Counts) => Some("failure"),
        (Answer::Unknown | Answer::Empty | Answer::Error, Weight::Counts) => Some("error"),
    }
}

fn totals(cases: &[&Case<'_>]) -> String {
    let count = |name| cases.iter().filter(|case| outcome(case) == Some(name)).count();
    let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
    let (failures, errors) = (count("failure"), count("error"));
    format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\"", cases.len())
}

fn test_case(out: &mut String, case: &Case<'_>, most: usize) {
    let (class, name) = (escape(&format!("causet.{}", case.group)), escape(&case.name));
    let _ = write!(out, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{:.3}\"", case.seconds);
    let text = escape(&case.story(most));
    let headline = shorten(&case.headline, most);
    let _ = match outcome(case) {
        None => writeln!(out, "/>"),
        Some("skipped") => {
            let message = escape(&format!("{}: {headline}", case.note()));
            writeln!(
                out,
                ">\n      <skipped message=\"{message}\"/>\n      <system-out>{text}</system-out>\n    </testcase>"
            )
        }
        Some(element) => {
            let (kind, message) = (case.answer.id(), escape(&headline));
            writeln!(
                out,
                ">\n      <{element} type=\"{kind}\" message=\"{message}\">{text}</{element}>\n    </testcase>"
            )
        }
    };
}
