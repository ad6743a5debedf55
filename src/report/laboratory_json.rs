//! The parts of the JSON report that tell of runs.

use crate::outcome::{FaultSummary, MutantRow, SeedSearch, Simulation, StoryLine, Wrong};
use serde_json::{Value, json};

pub(super) fn simulation(of: &Simulation) -> Value {
    json!({
        "system": of.system, "seed": of.seed, "mutant": of.mutant, "servers": of.servers, "clients": of.clients,
        "events": of.events, "messages": of.messages, "virtual_ns": of.virtual_ns,
        "ok": of.ok, "failed": of.failed, "unknown": of.unknown,
        "faults": of.faults.iter().map(fault).collect::<Value>(),
        "story": of.story.iter().map(line).collect::<Value>(),
        "wrong": of.wrong.iter().map(wrong).collect::<Value>(),
        "unjudged": of.unjudged,
        "files": of.files,
    })
}

fn fault(of: &FaultSummary) -> Value {
    json!({"kind": of.kind, "windows": of.windows, "activations": of.activations})
}

fn line(of: &StoryLine) -> Value {
    json!({"time_ns": of.time_ns, "node": of.node, "text": of.text, "fault": of.fault})
}

fn wrong(of: &Wrong) -> Value {
    json!({"by": of.by, "property": of.property, "detail": of.detail})
}

pub(super) fn search(of: &SeedSearch) -> Value {
    let failures = of
        .failures
        .iter()
        .map(|failure| json!({"seed": failure.seed, "wrong": failure.wrong.iter().map(wrong).collect::<Value>()}));
    json!({
        "system": of.system, "mutant": of.mutant, "seeds": of.seeds, "events": of.events, "operations": of.operations,
        "failed": of.failures.len(), "failures": failures.collect::<Value>(), "undecided": of.unknown,
        "unjudged": of.unjudged.as_ref().map(|(seeds, why)| json!({"seeds": seeds, "reason": why})),
        "faults": of.faults.iter().map(fault).collect::<Value>(), "files": of.files,
    })
}

pub(super) fn mutant(of: &MutantRow) -> Value {
    json!({
        "system": of.system, "mutant": of.mutant, "witness": of.witness, "found": of.found(), "history": of.history,
        "invariant": of.invariant, "liveness": of.liveness, "seeds": of.seeds, "events": of.events, "cpu_ms": of.cpu_ms,
        "detail": of.detail,
    })
}
