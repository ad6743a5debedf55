//! The gate's part of the `json` and `ndjson` reports.

use crate::outcome::{Expectation, Gap, Gate, Warning};
use serde_json::{Value, json};

/// The whole part; the expectations' own array is in it.
pub(super) fn gate(gate: &Gate) -> Value {
    let excuse = |(key, excuse): (&String, &crate::outcome::Excuse)| json!({"key": key, "kind": excuse.kind.id(), "reason": excuse.reason});
    let gap = |gap: &Gap| json!({"verdict": gap.answer.id(), "place": gap.place, "message": gap.message});
    let warning = |warning: &Warning| json!({"place": warning.place, "message": warning.message});
    json!({
        "config": gate.config,
        "expectations": gate.expectations.iter().map(expectation).collect::<Value>(),
        "gaps": gate.gaps.iter().map(gap).collect::<Value>(),
        "excuses": gate.excuses.iter().map(excuse).collect::<Value>(),
        "warnings": gate.warnings.iter().map(warning).collect::<Value>(),
    })
}

/// One expectation.
pub(super) fn expectation(expectation: &Expectation) -> Value {
    let exemplar = |exemplar: &crate::outcome::Exemplar| {
        json!({
            "trace_id": exemplar.trace_id, "span_id": exemplar.span_id,
            "service": exemplar.service, "operation": exemplar.operation,
        })
    };
    json!({
        "name": expectation.name,
        "expression": expectation.expression,
        "line": expectation.line,
        "verdict": expectation.answer.id(),
        "detail": expectation.detail,
        "exemplars": expectation.exemplars.iter().map(exemplar).collect::<Value>(),
        "fingerprint": expectation.fingerprint,
    })
}
