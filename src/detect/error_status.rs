//! `error-status`: operations whose spans ended with status error, and where those errors began.

use super::group::{About, by_operation, by_share, evidence, lower, some_of};
use super::{Detector, Knob, Knobs, View};
use crate::outcome::{Finding, Severity};
use crate::registry::Entry;
use crate::store::StatusCode;

/// The detector.
pub struct ErrorStatus;

const KNOBS: &[Knob] = &[
    Knob { name: "medium-share", default: 0.05, unit: "ratio", summary: "From this share of the calls on: medium" },
    Knob { name: "high-share", default: 0.5, unit: "ratio", summary: "From this share of the calls on: high" },
    Knob { name: "critical-share", default: 0.9, unit: "ratio", summary: "From this share of the calls on: critical" },
    Knob { name: "critical-calls", default: 20.0, unit: "calls", summary: "Fewer calls than this are never critical" },
];

impl Detector for ErrorStatus {
    fn entry(&self) -> Entry {
        Entry {
            id: "error-status",
            summary: "Operations whose spans ended with status error, and whether the errors began there",
            documentation: DOCUMENTATION,
            example: "causet analyze traces.jsonl --fail-on medium",
        }
    }

    fn knobs(&self) -> &'static [Knob] {
        KNOBS
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (FIRING, SILENT)
    }

    fn detect(&self, View { store, graph, .. }: View<'_>, knobs: &Knobs) -> Vec<Finding> {
        let failed = |span: u32| store.span(span as usize).status() == StatusCode::Error;
        let mut findings = Vec::new();
        for (operation, spans) in by_operation(store) {
            // Errors that began here first: they are the better examples.
            let passed_on = |span: &u32| graph.family().children(*span as usize).iter().any(|&child| failed(child));
            let errors = spans.iter().copied().filter(|&span| failed(span));
            let (passed, began): (Vec<u32>, Vec<u32>) = errors.partition(passed_on);
            let origins = began.len();
            let errors = [began, passed].concat();
            let Some(&example) = errors.first() else { continue };
            let share = errors.len() as f64 / spans.len() as f64;
            let whole = severity(share, spans.len(), knobs);
            let severity = if origins == 0 { lower(whole) } else { whole };
            let mut title = some_of(errors.len(), spans.len(), ["call", "calls"], ["ends", "end"]) + " with an error";
            if origins == 0 {
                title += ", all passed on from calls below";
            } else if origins < errors.len() {
                title += &format!(", {origins} of which began here");
            }
            match store.text(store.span(example as usize).status_message()) {
                "" => {}
                message => title += &format!(": {message}"),
            }
            let evidence = vec![
                evidence("errors", errors.len() as f64, "spans"),
                evidence("calls", spans.len() as f64, "spans"),
                evidence("error-share", share, "ratio"),
                evidence("errors-that-began-here", origins as f64, "spans"),
            ];
            let about = About { rule: "error-status", severity, title, operation, spans: &errors, evidence };
            findings.push(about.finding(store));
        }
        findings
    }
}

fn severity(share: f64, calls: usize, knobs: &Knobs) -> Severity {
    if share >= knobs.get("critical-share") && calls as f64 >= knobs.get("critical-calls") {
        return Severity::Critical;
    }
    by_share(share, knobs)
}

const DOCUMENTATION: &str = "\
# error-status

Spans whose status is *error*, grouped by service and operation, with examples and the share of the
operation's calls that they are. An error *began* in a span none of whose children has an error, and was
*passed on* otherwise; the title says how many began in the operation.

**Severity** follows the share: `critical` from 90 % of at least 20 calls on, `high` from half of the calls on,
`medium` from 5 %, `low` below; a step less where all errors were passed on.

**Not reported:** spans whose status is *unset* or *ok*, whatever their attributes or events say: instrumentation
decides what an error is.
";

const FIRING: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000a","name":"GET","startTimeUnixNano":"1","endTimeUnixNano":"2","status":{"code":2,"message":"no such cart"}}]}]}]}"#;
const SILENT: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000a","name":"GET","startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{"key":"error","value":{"boolValue":true}}],"status":{"code":1}},{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"GET","startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causal::CausalGraph;
    use crate::detect::Settings;
    use crate::store::{NewSpan, StoreBuilder};

    fn findings(spans: impl IntoIterator<Item = NewSpan>) -> Vec<Finding> {
        let mut builder = StoreBuilder::new();
        spans.into_iter().for_each(|span| builder.span(span));
        let store = builder.finish();
        let graph = CausalGraph::new(&store);
        ErrorStatus.detect(View::new(&store, &graph), &Settings::default().of(&ErrorStatus))
    }

    #[test]
    fn severity_follows_the_share() {
        for (calls, errors, severity) in [
            (1, 1, Severity::High),
            (2, 1, Severity::High),
            (20, 1, Severity::Medium),
            (100, 1, Severity::Low),
            (20, 18, Severity::Critical),
        ] {
            let span =
                |id| NewSpan { trace_id: 1, id, status_code: if id <= errors { 2 } else { 0 }, ..NewSpan::default() };
            let found = findings((1..=calls).map(span));
            assert_eq!(found.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [severity], "of {calls}");
        }
    }

    #[test]
    fn what_began_below_is_told_from_what_began_here() {
        let mut builder = StoreBuilder::new();
        let (outer, inner) = (builder.string("outer"), builder.string("inner"));
        let span = |id, parent, name| NewSpan { trace_id: 1, id, parent, name, status_code: 2, ..NewSpan::default() };
        builder.span(span(1, 0, outer));
        builder.span(span(2, 1, inner));
        let store = builder.finish();
        let graph = CausalGraph::new(&store);
        let found = ErrorStatus.detect(View::new(&store, &graph), &Settings::default().of(&ErrorStatus));
        let told: Vec<(&str, Severity)> = found.iter().map(|finding| (&*finding.title, finding.severity)).collect();
        assert_eq!(
            told,
            [
                ("1 of 1 call ends with an error, all passed on from calls below", Severity::Medium),
                ("1 of 1 call ends with an error", Severity::High),
            ]
        );
    }
}
