//! `html`: one page that needs nothing else: no network, no script, light and dark.

use super::cases::{Case, cases, meanwhile};
use super::markup::{escape, shorten};
use super::numbers::{count, duration, moment};
use super::{Look, Renderer, filtered, html_waterfall, svg};
use crate::outcome::{Analysis, Answer, Counterexample, Report};
use crate::registry::Entry;
use std::fmt::Write;

/// The renderer.
pub struct Html;

/// A page stays below this many bytes, whatever is in it.
const LIMIT: usize = 5_000_000;
/// Characters of a name.
pub(super) const NAME: usize = 300;

/// What a page shows at most of each.
#[derive(Clone, Copy)]
struct Most {
    failing: usize,
    rows: usize,
    text: usize,
}

impl Most {
    /// Half of it.
    fn less(self) -> Self {
        Self { failing: self.failing / 2, rows: self.rows / 2, text: self.text / 2 }
    }
}

const STYLE: &str = include_str!("assets/report.css");

impl Renderer for Html {
    fn entry(&self) -> Entry {
        Entry {
            id: "html",
            summary: "One self-contained page: verdicts, findings, counterexamples as timelines; no script, no network",
            documentation: "# html\n\nA page to keep as an artefact of a run. First the verdict, then what fails, each with its \
                            explanation and the timeline of its counterexample, then the waterfall of the trace that was asked for \
                            with its critical path, all that was judged, findings, inputs, and the operations of traces. It loads nothing and runs nothing, follows light and dark mode, and stays under \
                            5 MB: it says what it leaves out (`showing 50 of 12,340`); the json report leaves out nothing.\n",
            example: "causet gate --report html=causet.html",
        }
    }

    fn render(&self, report: &Report, _: &Look) -> String {
        let mut most = Most { failing: 50, rows: 200, text: 10_000 };
        loop {
            let page = page(report, most);
            if page.len() < LIMIT || most.failing == 0 {
                return page;
            }
            most = most.less();
        }
    }
}

fn page(report: &Report, most: Most) -> String {
    let all = cases(report);
    let answer = report.answer();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>causet {}: {}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n",
        report.command,
        answer.id(),
        svg::STYLE
    );
    let _ = writeln!(out, "<h1>causet {} <span class=\"{}\">{}</span></h1>", report.command, answer.id(), answer.id());
    let config = report.gate.as_ref().map_or_else(String::new, |gate| format!("{} · ", gate.config));
    let _ = writeln!(out, "<p class=\"dim\">{}causet {}</p>", escape(&config), env!("CARGO_PKG_VERSION"));
    failing(&mut out, report, &all, most);
    if let Some(trace) = report.analysis.as_ref().and_then(|analysis| analysis.trace.as_ref()) {
        html_waterfall::waterfall(&mut out, trace, most.rows);
    }
    judged(&mut out, &all, most.rows);
    warnings(&mut out, report, most.rows);
    inputs(&mut out, report, most.rows);
    if let Some(text) = report.filtered.as_ref().and_then(filtered::sentence) {
        let _ = writeln!(out, "<p class=\"dim\">{}</p>", escape(&shorten(&text, NAME * 2)));
    }
    if let Some(analysis) = &report.analysis {
        operations(&mut out, analysis, most.failing);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// What is left out is said.
pub(super) fn left_out(out: &mut String, shown: usize, all: usize) {
    if all > shown {
        let _ = writeln!(out, "<p class=\"dim\">showing {} of {}</p>", count(shown as u64), count(all as u64));
    }
}

fn failing(out: &mut String, report: &Report, all: &[Case<'_>], most: Most) {
    let mut bad: Vec<&Case<'_>> = all.iter().filter(|case| case.fails()).collect();
    if bad.is_empty() {
        out.push_str("<p>Everything asked for holds.</p>\n");
        return;
    }
    bad.sort_by_key(|case| std::cmp::Reverse((case.answer.badness(), case.severity)));
    let _ = writeln!(out, "<h2>What fails</h2>");
    let mut pictures = 0;
    for case in bad.iter().take(most.failing) {
        let (id, name) = (case.answer.id(), escape(&shorten(&case.name, NAME)));
        let _ = writeln!(out, "<section><h3><span class=\"{id}\">{id}</span> {name}</h3>");
        match case.counterexample {
            Some(example) => {
                steps(out, example, most.failing);
                if pictures < svg::PICTURES.min(most.failing) {
                    pictures += 1;
                    picture(out, &case.name, example);
                }
            }
            None => {
                let _ = writeln!(out, "<p>{}</p>", prose(&shorten(&case.why, NAME * 2)));
                if !case.text.is_empty() {
                    let _ = writeln!(out, "<pre>{}</pre>", escape(&shorten(case.text.trim_end(), most.text)));
                }
            }
        }
        out.push_str("</section>\n");
    }
    left_out(out, bad.len().min(most.failing), bad.len());
    let story = report.simulation.iter().flat_map(|simulation| &simulation.story);
    let lines: Vec<String> = story
        .take(most.rows)
        .map(|line| {
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                duration(line.time_ns),
                escape(&shorten(&line.node, NAME)),
                escape(&shorten(&line.text, NAME))
            )
        })
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "<h2>What happened</h2>\n<div class=\"wide\"><table>{}</table></div>", lines.concat());
    }
}

fn steps(out: &mut String, example: &Counterexample, most: usize) {
    out.push_str("<ul>\n");
    for step in example.because.iter().take(most) {
        let _ = writeln!(out, "<li>{}</li>", prose(&shorten(&step.text, NAME)));
    }
    for line in meanwhile(example) {
        let _ = writeln!(out, "<li>{}</li>", escape(&shorten(&line, NAME)));
    }
    out.push_str("</ul>\n");
}

/// A sentence, with what stands between backticks as code.
fn prose(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escape).collect();
    // An odd one out is no mark.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let mark = |(at, part): (usize, &String)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.clone() };
    parts.iter().enumerate().map(mark).collect()
}

fn picture(out: &mut String, title: &str, example: &Counterexample) {
    // The heading above says what it is of.
    let svg::Picture { width, height, body } = svg::draw("", example);
    let name = escape(&shorten(title, NAME));
    let _ = writeln!(
        out,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"timeline\"><svg viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{name}\">{body}</svg></div>"
    );
}

/// Everything that was judged, in one table.
fn judged(out: &mut String, all: &[Case<'_>], most: usize) {
    let shown: Vec<&Case<'_>> = all.iter().filter(|case| !case.is_suppressed()).collect();
    out.push_str("<h2>What was judged</h2>\n<div class=\"wide\"><table>\n");
    out.push_str("<tr><th>verdict</th><th>what</th><th>by</th><th>note</th></tr>\n");
    for case in shown.iter().take(most) {
        let id = case.answer.id();
        let class = if case.fails() || case.answer == Answer::Holds { id } else { "dim" };
        // A check without a name is called as its property, which the name says already.
        let group = if case.group == case.rule { "" } else { &case.group };
        let (group, name) = (escape(&shorten(group, NAME)), escape(&shorten(&case.name, NAME)));
        let note = escape(&shorten(&case.note(), NAME));
        let _ = writeln!(
            out,
            "<tr><td><span class=\"{class}\">{id}</span></td><td>{name}</td><td class=\"dim\">{group}</td><td class=\"dim\">{note}</td></tr>"
        );
    }
    out.push_str("</table></div>\n");
    left_out(out, shown.len().min(most), shown.len());
    let hidden = all.len() - shown.len();
    if hidden > 0 {
        let _ = writeln!(out, "<p class=\"dim\">{hidden} suppressed</p>");
    }
}

fn warnings(out: &mut String, report: &Report, most: usize) {
    let warnings: Vec<_> = report.gate.iter().flat_map(|gate| &gate.warnings).collect();
    if !warnings.is_empty() {
        out.push_str("<h2>Worth a look</h2>\n<ul>\n");
        for warning in warnings.iter().take(most) {
            let text = format!("{}: {}", warning.place, warning.message);
            let _ = writeln!(out, "<li>{}</li>", escape(&shorten(&text, NAME * 2)));
        }
        out.push_str("</ul>\n");
        left_out(out, warnings.len().min(most), warnings.len());
    }
}

fn inputs(out: &mut String, report: &Report, most: usize) {
    if report.inputs.is_empty() {
        return;
    }
    out.push_str("<h2>Inputs</h2>\n<div class=\"wide\"><table>\n<tr><th>file</th><th>format</th><th>bytes</th><th>spans</th><th>operations</th><th>skipped</th></tr>\n");
    for input in report.inputs.iter().take(most) {
        let first = input
            .skipped
            .first()
            .map_or_else(String::new, |(position, reason)| format!(", the first at {position}: {reason}"));
        let skipped =
            if input.skipped_total == 0 { String::new() } else { format!("{}{first}", count(input.skipped_total)) };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escape(&shorten(&input.path, NAME)),
            escape(input.format),
            count(input.bytes),
            count(input.spans),
            count(input.operations),
            escape(&shorten(&skipped, NAME))
        );
    }
    out.push_str("</table></div>\n");
    left_out(out, report.inputs.len().min(most), report.inputs.len());
}

fn operations(out: &mut String, analysis: &Analysis, most: usize) {
    let summary = &analysis.summary;
    if summary.spans == 0 {
        return;
    }
    let _ = writeln!(
        out,
        "<h2>Traces</h2>\n<p>{} spans in {} traces of {} services, {} with status error, {} to {} UTC</p>",
        count(summary.spans),
        count(summary.traces),
        count(summary.services),
        count(summary.errors),
        moment(summary.start_ns),
        moment(summary.end_ns)
    );
    out.push_str("<div class=\"wide\"><table>\n<tr><th>service</th><th>operation</th><th>calls</th><th>errors</th><th>p50</th><th>p99</th><th>max</th></tr>\n");
    for row in analysis.operations.iter().take(most) {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&shorten(&row.service, NAME)),
            escape(&shorten(&row.operation, NAME)),
            count(row.count),
            count(row.errors),
            duration(row.p50_ns),
            duration(row.p99_ns),
            duration(row.max_ns)
        );
    }
    out.push_str("</table></div>\n");
    left_out(out, analysis.operations.len().min(most), analysis.operations.len());
}
