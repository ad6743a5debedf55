//! `json`: the whole report as one object, for scripts. Its schema is `assets/report-v1.schema.json`.

use super::{Look, Renderer, filtered, gate_json, laboratory_json, order, waterfall};
use crate::outcome::Value as Datum;
use crate::outcome::{
    Analysis, CheckResult, Counterexample, Evidence, Fault, FaultWindow, Finding, Input, InputError, Operation, Report,
    RootCause,
};
use crate::registry::Entry;
use serde_json::{Value, json};

/// The version of the report's form; it changes when a field changes its meaning or goes.
pub const SCHEMA_VERSION: &str = "1";
/// The JSON Schema of the report.
pub const SCHEMA: &str = include_str!("assets/report-v1.schema.json");

/// The renderer.
pub struct Json;

impl Renderer for Json {
    fn entry(&self) -> Entry {
        Entry {
            id: "json",
            summary: "The whole report as one JSON object, versioned, with a published schema",
            documentation: "# json\n\nThe whole report as one object. `schema_version` is \"1\"; fields are added freely, and a \
                            change of meaning or a removal makes it \"2\". The JSON Schema is printed by `causet generate \
                            schema`. It is printed whatever the exit code, with `errors` filled where there are any.\n",
            example: "causet check history.edn --report json | jq .verdict",
        }
    }

    fn render(&self, report: &Report, _: &Look) -> String {
        let mut text = serde_json::to_string_pretty(&self::report(report)).expect("a report is plain data");
        text.push('\n');
        text
    }
}

fn report(report: &Report) -> Value {
    let mut object = head(report);
    let mut add = |name: &str, value: Value| {
        object[name] = value;
    };
    add("inputs", report.inputs.iter().map(input).collect());
    add("results", report.results.iter().map(result).collect());
    add("summary", report.analysis.as_ref().map_or(Value::Null, summary));
    add("findings", findings(&report.findings));
    add("root_causes", report.root_causes.iter().map(root_cause).collect());
    if let Some(gate) = &report.gate {
        add("gate", gate_json::gate(gate));
    }
    if let Some(order) = &report.order {
        add("order", order::json(order));
    }
    if let Some(simulation) = &report.simulation {
        add("simulation", laboratory_json::simulation(simulation));
    }
    if let Some(search) = &report.search {
        add("search", laboratory_json::search(search));
    }
    if !report.mutants.is_empty() {
        add("mutants", report.mutants.iter().map(laboratory_json::mutant).collect());
    }
    if let Some(analysis) = &report.analysis {
        for (name, value) in tables(analysis) {
            add(name, value);
        }
        if let Some(trace) = &analysis.trace {
            add("trace", waterfall::json(trace));
        }
    }
    if let Some(filtered) = &report.filtered {
        add("filtered", filtered::json(filtered));
    }
    object
}

/// What identifies a report and says how it came out.
pub(super) fn head(report: &Report) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "causet", "version": env!("CARGO_PKG_VERSION")},
        "command": report.command,
        "verdict": report.answer().id(),
        "cause": report.cause.as_ref().map(cause),
        "errors": report.errors.iter().map(error).collect::<Value>(),
    })
}

fn cause((kind, detail): &(String, String)) -> Value {
    json!({"kind": kind, "detail": detail})
}

fn error(error: &InputError) -> Value {
    json!({"path": error.path, "position": error.position, "message": error.message})
}

pub(super) fn input(input: &Input) -> Value {
    let mut skipped: Vec<Value> =
        (input.skipped.iter()).map(|(position, reason)| json!({"position": position, "reason": reason})).collect();
    let untold = input.skipped_total - input.skipped.len() as u64;
    if untold > 0 {
        skipped.push(json!({"position": "later", "reason": format!("{untold} more were skipped")}));
    }
    json!({
        "path": input.path,
        "format": input.format,
        "bytes": input.bytes,
        "spans": input.spans,
        "operations": input.operations,
        "skipped": skipped,
        "ignored": {"logs": input.ignored_logs, "metrics": input.ignored_metrics, "nemesis": input.ignored_nemesis},
    })
}

pub(super) fn result(result: &CheckResult) -> Value {
    let mut object = json!({
        "input": result.input,
        "property": result.property,
        "model": result.model,
        "verdict": result.answer.id(),
        "operations": result.operations,
        "pending": result.pending,
        "partitions": result.partitions,
        "undecided": result.undecided,
        "elapsed_ms": result.elapsed_ms,
        "fingerprint": result.fingerprint,
        "cause": result.cause.as_ref().map(cause),
        "counterexamples": result.counterexamples.iter().map(counterexample).collect::<Value>(),
    });
    if !result.check.is_empty() {
        object["check"] = json!(result.check);
        object["counts"] = json!(!result.tolerated);
    }
    object
}

fn counterexample(example: &Counterexample) -> Value {
    let because = |step: &crate::outcome::Because| json!({"kind": step.kind, "from": step.from, "to": step.to, "text": step.text});
    json!({
        "partition": example.partition.as_ref().map(value),
        "minimal": example.minimal,
        "failed_at": example.failed_at,
        "states": example.states,
        "operations": example.operations.iter().map(operation).collect::<Value>(),
        "because": example.because.iter().map(because).collect::<Value>(),
        "fingerprint": example.fingerprint,
        "faults": example.faults.iter().map(fault).collect::<Value>(),
    })
}

fn fault(fault: &Fault) -> Value {
    let FaultWindow { kind, nodes, start_ns, end_ns } = &fault.window;
    json!({"kind": kind, "nodes": nodes, "start_ns": start_ns, "end_ns": end_ns})
}

fn operation(operation: &Operation) -> Value {
    json!({
        "index": operation.index,
        "process": operation.process,
        "f": operation.function,
        "key": operation.key.as_ref().map(value),
        "input": value(&operation.input),
        "output": operation.output.as_ref().map(value),
        "call_ns": operation.call_ns,
        "return_ns": operation.return_ns,
        "status": operation.status,
        "span_id": operation.span_id,
    })
}

/// A history's value as JSON. Integers beyond 64 bits become text; so do keys that are not.
fn value(from: &Datum) -> Value {
    match from {
        Datum::Nil => Value::Null,
        Datum::Bool(value) => json!(value),
        Datum::Int(value) => json!(value),
        Datum::Float(value) => json!(value.get()),
        Datum::BigInt(text) | Datum::Str(text) => json!(&**text),
        Datum::List(items) => items.iter().map(value).collect(),
        Datum::Map(pairs) => {
            let name = |key: &Datum| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            Value::Object(pairs.iter().map(|(key, item)| (name(key), value(item))).collect())
        }
    }
}

pub(super) fn summary(analysis: &Analysis) -> Value {
    let summary = &analysis.summary;
    json!({
        "spans": summary.spans,
        "traces": summary.traces,
        "services": summary.services,
        "operations": summary.operations,
        "errors": summary.errors,
        "start_ns": summary.start_ns,
        "end_ns": summary.end_ns,
        "timed": summary.timed,
    })
}

/// Findings get their ids here: `F-1`, `F-2`, … in the order of the report.
pub(super) fn findings(findings: &[Finding]) -> Value {
    let finding = |(at, finding): (usize, &Finding)| {
        json!({
            "id": format!("F-{}", at + 1),
            "rule": finding.rule,
            "severity": finding.severity.id(),
            "title": finding.title,
            "service": finding.service,
            "operation": finding.operation,
            "trace_id": finding.trace_id,
            "span_id": finding.span_id,
            "count": finding.count,
            "exemplars": finding.exemplars.iter().map(|(trace, span)| json!({"trace_id": trace, "span_id": span})).collect::<Value>(),
            "evidence": finding.evidence.iter().map(evidence).collect::<Value>(),
            "fingerprint": finding.fingerprint,
        })
    };
    findings.iter().enumerate().map(finding).collect()
}

fn evidence(evidence: &Evidence) -> Value {
    json!({
        "name": evidence.name,
        "value": evidence.value,
        "baseline": evidence.baseline,
        "unit": evidence.unit,
    })
}

fn root_cause(cause: &RootCause) -> Value {
    json!({
        "rank": cause.rank,
        "service": cause.service,
        "operation": cause.operation,
        "instance": cause.instance,
        "score": cause.score,
        "fault": cause.fault,
        "evidence": cause.evidence.iter().map(evidence).collect::<Value>(),
    })
}

/// The tables of an analysis, by name.
pub(super) fn tables(analysis: &Analysis) -> [(&'static str, Value); 4] {
    let operation = |row: &crate::outcome::OperationStats| {
        json!({
            "service": row.service, "operation": row.operation, "count": row.count, "rate": row.rate,
            "errors": row.errors, "p50_ns": row.p50_ns, "p90_ns": row.p90_ns, "p99_ns": row.p99_ns,
            "max_ns": row.max_ns, "self_total_ns": row.self_total_ns,
        })
    };
    let dependency = |row: &crate::outcome::Dependency| {
        json!({
            "caller": row.caller, "callee": row.callee, "calls": row.calls, "errors": row.errors,
            "p50_ns": row.p50_ns, "p99_ns": row.p99_ns,
        })
    };
    let span = |span: &crate::outcome::TraceSpan| json!({"service": span.service, "operation": span.operation, "span_id": span.span_id});
    let step = |step: &crate::outcome::PathStep| json!({"span": span(&step.span), "self_ns": step.self_ns, "share": step.share});
    let trace = |trace: &crate::outcome::SlowTrace| {
        json!({
            "trace_id": trace.trace_id, "root": span(&trace.root), "duration_ns": trace.duration_ns,
            "spans": trace.spans, "errors": trace.errors,
            "critical_path": trace.critical_path.iter().map(step).collect::<Value>(),
        })
    };
    let problem = |problem: &crate::outcome::ProblemCount| {
        json!({
            "id": problem.id, "summary": problem.summary, "count": problem.count,
            "trace_id": problem.trace_id, "span_id": problem.span_id, "detail": problem.detail,
        })
    };
    let exact = |exact: &crate::outcome::ExactSummary| {
        json!({
            "nodes": exact.nodes, "incarnations": exact.incarnations, "program_edges": exact.program_edges,
            "message_edges": exact.message_edges, "local_edges": exact.local_edges,
            "recovery_edges": exact.recovery_edges, "unknown_pairs": exact.unknown_pairs, "pairs": exact.pairs,
        })
    };
    let causal = &analysis.causal;
    [
        ("operations", analysis.operations.iter().map(operation).collect()),
        ("dependencies", analysis.dependencies.iter().map(dependency).collect()),
        ("slowest_traces", analysis.slowest.iter().map(trace).collect()),
        (
            "causal",
            json!({
                "events": causal.events, "certain_edges": causal.certain_edges, "assumed_edges": causal.assumed_edges,
                "depth": causal.depth, "problems": causal.problems.iter().map(problem).collect::<Value>(),
                "exact": causal.exact.as_ref().map(exact),
            }),
        ),
    ]
}
