//! `github`: annotations for GitHub Actions, and a summary of the step in Markdown.

use super::cases::{Case, cases};
use super::markup::shorten;
use super::printable::printable;
use super::{Look, Renderer};
use crate::outcome::{Answer, Report};
use crate::registry::Entry;
use std::fmt::Write;

/// The renderer.
pub struct GitHub;

/// GitHub drops further annotations of a level in a step, without a word.
const ANNOTATIONS: usize = 10;
/// Rows of the summary; it may have a mebibyte.
const ROWS: usize = 50;
const DETAILS: usize = 10;
const DETAIL_LENGTH: usize = 20_000;

impl Renderer for GitHub {
    fn entry(&self) -> Entry {
        Entry {
            id: "github",
            summary: "Annotations for GitHub Actions, the most severe first, and the step's summary as Markdown",
            documentation: "# github\n\nWorkflow commands (`::error file=…,line=…`) for what fails, `::warning` for what is \
                            unknown or missing: ten of each, the most severe first, since GitHub drops the others silently; the \
                            last line says how many there are. Then the step's summary in Markdown, which is appended to the file \
                            that `GITHUB_STEP_SUMMARY` names; where that is not set, it follows the annotations.\n",
            example: "causet gate --report github",
        }
    }

    fn points(&self) -> bool {
        true
    }

    fn render(&self, report: &Report, _: &Look) -> String {
        let all = failing(report);
        let mut out = String::new();
        for (level, wanted) in [("error", true), ("warning", false)] {
            let of_level: Vec<_> = all.iter().filter(|case| is_error(case) == wanted).collect();
            for case in of_level.iter().take(ANNOTATIONS) {
                annotation(&mut out, level, case);
            }
            if of_level.len() > ANNOTATIONS {
                let _ = writeln!(
                    out,
                    "{ANNOTATIONS} of {} {level} annotations; all are in the summary's table",
                    of_level.len()
                );
            }
        }
        out
    }

    fn summary(&self, report: &Report) -> Option<String> {
        Some(summary(report))
    }
}

fn is_error(case: &Case<'_>) -> bool {
    matches!(case.answer, Answer::Violated | Answer::Error)
}

/// What fails, the most severe first.
fn failing(report: &Report) -> Vec<Case<'_>> {
    let mut all: Vec<Case<'_>> = cases(report).into_iter().filter(Case::fails).collect();
    all.sort_by_key(|case| std::cmp::Reverse((case.answer.badness(), case.severity)));
    all
}

fn annotation(out: &mut String, level: &str, case: &Case<'_>) {
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let file = match case.path.as_str() {
        "" | "-" => String::new(),
        path => format!("file={},line={},", property(path), case.line),
    };
    let text = case.story(4000);
    let title = property(&format!("causet: {}", case.rule));
    let _ = writeln!(out, "::{level} {file}title={title}::{}", data(text.trim_end()));
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn summary(report: &Report) -> String {
    let report = &printable(report);
    let (all, failing) = (cases(report), failing(report));
    let answer = report.answer();
    let sign = if answer == Answer::Holds { "✅" } else { "❌" };
    let mut out = format!("## {sign} causet {}: {}\n\n", report.command, answer.id());
    let known = all.iter().filter(|case| case.answer != Answer::Holds && !case.fails() && !case.is_suppressed());
    let _ = writeln!(
        out,
        "{} judged, {} failing, {} told without counting\n",
        all.len(),
        failing.len(),
        known.clone().count()
    );
    if let Some(text) = report.filtered.as_ref().and_then(super::filtered::sentence) {
        let _ = writeln!(out, "{}\n", super::markup::escape(&shorten(&text, 600)));
    }
    if !failing.is_empty() {
        out.push_str("| | what | why |\n|---|---|---|\n");
        failing.iter().take(ROWS).for_each(|case| row(&mut out, case));
    }
    if failing.len() > ROWS {
        let _ = writeln!(out, "\nshowing {ROWS} of {}", failing.len());
    }
    for case in failing.iter().take(DETAILS).filter(|case| !case.text.is_empty()) {
        let fence = "`".repeat(longest_run(&case.text).max(2) + 1);
        let text = shorten(case.text.trim_end(), DETAIL_LENGTH);
        let name = cell(&case.name);
        let _ = write!(out, "\n<details><summary>{name}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>\n");
    }
    let known: Vec<_> = known.collect();
    if !known.is_empty() {
        out.push_str("\n<details><summary>told without counting</summary>\n\n| | what | why |\n|---|---|---|\n");
        known.iter().take(ROWS).for_each(|case| row(&mut out, case));
        out.push_str("\n</details>\n");
    }
    out
}

fn row(out: &mut String, case: &Case<'_>) {
    let (name, why) = (cell(&case.name), cell(&case.why));
    let excuse = if case.fails() { String::new() } else { format!(" ({})", cell(&case.note())) };
    let _ = writeln!(out, "| {} | {name} | {why}{excuse} |", case.answer.id());
}

/// A text in one line of Markdown: nothing in it is markup but code in backticks.
fn cell(text: &str) -> String {
    let text = super::markup::escape(&shorten(text, 300));
    text.replace('|', "\\|").replace('[', "&#91;").replace('*', "&#42;").replace('_', "&#95;").replace('\n', " ")
}

/// The longest run of backticks in a text.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::InputError;

    #[test]
    fn annotations_are_escaped_and_limited() {
        let error =
            |at: u32| InputError { path: format!("a,{at}"), position: None, message: "50%\n::error::no".to_owned() };
        let report = Report { errors: (0..12).map(error).collect(), ..Report::default() };
        let text = GitHub.render(&report, &Look::default());
        assert_eq!(text.lines().filter(|line| line.starts_with("::error file=a%2C")).count(), 10);
        assert!(text.contains("50%25%0A::error::no"));
        assert!(text.contains("10 of 12 error annotations"));
        assert!(GitHub.summary(&report).unwrap().contains("## ❌"));
    }
}
