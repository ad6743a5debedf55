//! `error-status`: operations whose spans ended with status error.

use super::{Detector, View};
use crate::outcome::{Evidence, Finding, Severity, fingerprint};
use crate::registry::Entry;
use crate::store::{StatusCode, Sym};
use foldhash::{HashMap, HashMapExt};

/// The detector.
pub struct ErrorStatus;

/// From this share of an operation's calls on, its errors are of this severity.
const SEVERITIES: [(f64, Severity); 3] = [(0.5, Severity::High), (0.05, Severity::Medium), (0.0, Severity::Low)];

/// One operation's calls.
#[derive(Default)]
struct Calls {
    all: u64,
    errors: u64,
    /// Position of the first one with an error.
    first: Option<usize>,
}

impl Detector for ErrorStatus {
    fn entry(&self) -> Entry {
        Entry {
            id: "error-status",
            summary: "Operations whose spans ended with status error",
            documentation: DOCUMENTATION,
            example: "causet analyze traces.jsonl --fail-on medium",
        }
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (FIRING, SILENT)
    }

    fn detect(&self, View { store, .. }: View<'_>) -> Vec<Finding> {
        let mut places: HashMap<(Sym, Sym), usize> = HashMap::new();
        let mut operations: Vec<((Sym, Sym), Calls)> = Vec::new();
        for span in store.iter() {
            let key = (span.service(), span.name());
            let place = *places.entry(key).or_insert_with(|| {
                operations.push((key, Calls::default()));
                operations.len() - 1
            });
            let calls = &mut operations[place].1;
            calls.all += 1;
            if span.status() == StatusCode::Error {
                calls.errors += 1;
                calls.first.get_or_insert(span.index());
            }
        }
        let finding = |((service, operation), calls): ((Sym, Sym), Calls)| {
            let example = store.span(calls.first?);
            let (service, operation) = (store.text(service), store.text(operation));
            let share = calls.errors as f64 / calls.all as f64;
            let severity = SEVERITIES.iter().find(|(from, _)| share >= *from)?.1;
            let message = match store.text(example.status_message()) {
                "" => String::new(),
                message => format!(": {message}"),
            };
            Some(Finding {
                rule: "error-status",
                severity,
                title: format!("{} of {} calls end with an error{message}", calls.errors, calls.all),
                service: service.to_owned(),
                operation: operation.to_owned(),
                trace_id: format!("{:032x}", example.trace_id()),
                span_id: format!("{:016x}", example.id()),
                count: calls.errors,
                evidence: vec![
                    Evidence { name: "errors", value: calls.errors as f64, baseline: None, unit: "spans" },
                    Evidence { name: "calls", value: calls.all as f64, baseline: None, unit: "spans" },
                    Evidence { name: "error-share", value: share, baseline: None, unit: "ratio" },
                ],
                fingerprint: fingerprint(&["error-status", service, operation]),
            })
        };
        operations.into_iter().filter_map(finding).collect()
    }
}

const DOCUMENTATION: &str = "\
# error-status

Spans whose status is *error*, grouped by service and operation, with an example and the share of the
operation's calls that they are.

**Severity** follows the share: `high` from half of the calls on, `medium` from 5 %, `low` below.

**Not reported:** spans whose status is *unset* or *ok*, whatever their attributes or events say: instrumentation
decides what an error is.
";

const FIRING: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000a","name":"GET","startTimeUnixNano":"1","endTimeUnixNano":"2","status":{"code":2,"message":"no such cart"}}]}]}]}"#;
const SILENT: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000a","name":"GET","startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{"key":"error","value":{"boolValue":true}}],"status":{"code":1}},{"traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"GET","startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causal::CausalGraph;
    use crate::store::{NewSpan, StoreBuilder};

    #[test]
    fn severity_follows_the_share() {
        for (calls, severity) in
            [(1, Severity::High), (2, Severity::High), (20, Severity::Medium), (100, Severity::Low)]
        {
            let mut builder = StoreBuilder::new();
            for id in 1..=calls {
                let status_code = if id == calls { 2 } else { 0 };
                builder.span(NewSpan { trace_id: 1, id, status_code, ..NewSpan::default() });
            }
            let store = builder.finish();
            let graph = CausalGraph::new(&store);
            let findings = ErrorStatus.detect(View { store: &store, graph: &graph });
            assert_eq!(findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [severity], "of {calls}");
        }
    }
}
