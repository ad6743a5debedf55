//! `ndjson`: the report as a stream, one JSON object per line, each with a `type`.

use super::{Look, Renderer, filtered, gate_json, json, order};
use crate::outcome::Report;
use crate::registry::Entry;
use serde_json::Value;

/// The renderer.
pub struct NdJson;

impl Renderer for NdJson {
    fn entry(&self) -> Entry {
        Entry {
            id: "ndjson",
            summary: "The report as JSON lines: one object per input, result and finding, then the summary",
            documentation: "# ndjson\n\nOne JSON object per line, for streams and line-based tools. Each has a `type`: `input`, \
                            `result`, `expectation`, `finding`, `order`, and last `report`, which has the verdict, the errors and the summary. The \
                            other fields are those of the `json` report.\n",
            example: "causet check histories/ --report ndjson | jq -c 'select(.verdict == \"violated\") | .input'",
        }
    }

    fn render(&self, report: &Report, _: &Look) -> String {
        let mut text = String::new();
        let mut line = |kind: &str, mut object: Value| {
            object["type"] = kind.into();
            text.push_str(&object.to_string());
            text.push('\n');
        };
        report.inputs.iter().for_each(|input| line("input", json::input(input)));
        report.results.iter().for_each(|result| line("result", json::result(result)));
        let expectations = report.gate.iter().flat_map(|gate| &gate.expectations);
        expectations.for_each(|each| line("expectation", gate_json::expectation(each)));
        if let Value::Array(findings) = json::findings(&report.findings) {
            findings.into_iter().for_each(|finding| line("finding", finding));
        }
        report.order.iter().for_each(|answer| line("order", order::json(answer)));
        let mut last = json::head(report);
        last["summary"] = report.analysis.as_ref().map_or(Value::Null, json::summary);
        last["filtered"] = report.filtered.as_ref().map_or(Value::Null, filtered::json);
        line("report", last);
        text
    }
}
