//! From a checker's verdict, which speaks of indices, to a result that stands alone.

use super::{Answer, Because, CheckResult, Counterexample, Operation, fingerprint};
use causet_checkers::history::{History, OPEN, Status};
use causet_checkers::verdict::{self, Verdict};

/// What is said about the check beside its verdict.
#[derive(Clone, Debug, Default)]
pub struct Circumstances<'a> {
    /// The `[[check]]` that asks, for a gate.
    pub check: &'a str,
    pub input: &'a str,
    pub property: &'static str,
    pub model: &'static str,
    pub partitions: u64,
    pub elapsed_ms: f64,
    /// By operation: the id of its span, for histories made of traces.
    pub span_ids: &'a [String],
}

impl CheckResult {
    /// The result of a check of `history`.
    pub fn new(history: &History, verdict: &Verdict, about: &Circumstances<'_>) -> Self {
        let (answer, cause, examples) = match verdict {
            Verdict::Holds(_) => (Answer::Holds, None, &[][..]),
            Verdict::Violated(examples) => (Answer::Violated, None, &examples[..]),
            Verdict::Unknown(cause) => {
                (Answer::Unknown, Some((cause.kind.id().to_owned(), cause.detail.clone())), &[][..])
            }
        };
        let counterexamples: Vec<Counterexample> =
            examples.iter().map(|example| counterexample(history, example, about)).collect();
        let fingerprint = if answer == Answer::Violated { shape(about, &counterexamples) } else { String::new() };
        Self {
            check: about.check.to_owned(),
            input: about.input.to_owned(),
            property: about.property,
            model: about.model,
            answer,
            operations: history.len() as u64,
            pending: history.pending() as u64,
            partitions: about.partitions,
            elapsed_ms: about.elapsed_ms,
            fingerprint,
            cause,
            counterexamples,
            tolerated: false,
        }
    }

    /// A result for a history that was not checked.
    pub fn unchecked(
        history: &History,
        answer: Answer,
        cause: Option<(&str, String)>,
        about: &Circumstances<'_>,
    ) -> Self {
        Self {
            check: about.check.to_owned(),
            input: about.input.to_owned(),
            property: about.property,
            model: about.model,
            answer,
            operations: history.len() as u64,
            pending: history.pending() as u64,
            partitions: 0,
            elapsed_ms: 0.0,
            fingerprint: String::new(),
            cause: cause.map(|(kind, detail)| (kind.to_owned(), detail)),
            counterexamples: Vec::new(),
            tolerated: false,
        }
    }
}

/// What kind of violation it is, without keys, values, processes or times: model, property, and the
/// functions at which orders died.
fn shape(about: &Circumstances<'_>, examples: &[Counterexample]) -> String {
    let died_at = |example: &Counterexample| {
        let failed = example.operations.iter().find(|operation| Some(operation.index) == example.failed_at);
        failed.map(|operation| operation.function.clone())
    };
    let mut functions: Vec<String> = examples.iter().filter_map(died_at).collect();
    functions.sort_unstable();
    functions.dedup();
    let mut words = vec![about.property, about.model];
    words.extend(functions.iter().map(String::as_str));
    fingerprint(&words)
}

fn counterexample(history: &History, example: &verdict::Counterexample, about: &Circumstances<'_>) -> Counterexample {
    let because = |step: &verdict::Because| Because {
        kind: step.kind,
        from: u64::from(step.from),
        to: step.to.map(u64::from),
        text: step.text.clone(),
    };
    Counterexample {
        partition: (!example.partition.is_nil()).then(|| example.partition.clone()),
        operations: example.operations.iter().map(|&at| operation(history, at as usize, about)).collect(),
        minimal: example.minimal,
        failed_at: example.failed_at.map(u64::from),
        states: example.states.clone(),
        because: example.because.iter().map(because).collect(),
    }
}

fn operation(history: &History, at: usize, about: &Circumstances<'_>) -> Operation {
    let op = &history.operations()[at];
    let closed = |time: i64| (time != OPEN).then_some(time);
    let times = history.time_ns(at);
    Operation {
        index: at as u64,
        process: history.process(at).to_owned(),
        function: history.function(at).to_owned(),
        key: (!op.key.is_nil()).then(|| op.key.clone()),
        input: op.input.clone(),
        output: (op.status == Status::Ok).then(|| op.output.clone()),
        call: op.call,
        ret: closed(op.ret),
        call_ns: times.map(|(call, _)| call),
        return_ns: times.and_then(|(_, ret)| closed(ret)),
        status: if op.status == Status::Ok { "ok" } else { "info" },
        span_id: about.span_ids.get(at).cloned(),
    }
}
