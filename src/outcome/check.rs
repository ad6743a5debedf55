//! From a checker's verdict, which speaks of indices, to a result that stands alone.

use super::{Answer, Because, CheckResult, Counterexample, Operation, fingerprint};
use causet_checkers::history::{History, OPEN, Status, Value};
use causet_checkers::verdict::{self, Verdict};

/// What is said about the check beside its verdict.
#[derive(Clone, Debug, Default)]
pub struct Circumstances<'a> {
    /// The `[[check]]` that asks, for a gate.
    pub check: &'a str,
    pub input: &'a str,
    /// What fingerprints call the input; empty: as it is called.
    pub known_as: &'a str,
    pub property: &'static str,
    pub model: &'static str,
    /// The model's options, as they were asked for.
    pub options: &'a [(String, Value)],
    pub partitions: u64,
    /// Keys that nobody could decide.
    pub undecided: u64,
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
        let all: Vec<&str> = counterexamples.iter().map(|example| example.fingerprint.as_str()).collect();
        let fingerprint = if answer == Answer::Violated { fingerprint(&all) } else { String::new() };
        Self {
            check: about.check.to_owned(),
            input: about.input.to_owned(),
            known_as: about.known_as().to_owned(),
            property: about.property,
            model: about.model,
            answer,
            operations: history.len() as u64,
            pending: history.pending() as u64,
            partitions: about.partitions,
            elapsed_ms: about.elapsed_ms,
            undecided: if answer == Answer::Violated { about.undecided } else { 0 },
            fingerprint,
            cause,
            counterexamples,
            tolerated: false,
            tolerates_undecided: false,
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
            known_as: about.known_as().to_owned(),
            property: about.property,
            model: about.model,
            answer,
            operations: history.len() as u64,
            pending: history.pending() as u64,
            partitions: 0,
            elapsed_ms: 0.0,
            undecided: 0,
            fingerprint: String::new(),
            cause: cause.map(|(kind, detail)| (kind.to_owned(), detail)),
            counterexamples: Vec::new(),
            tolerated: false,
            tolerates_undecided: false,
        }
    }
}

impl Circumstances<'_> {
    fn known_as(&self) -> &str {
        if self.known_as.is_empty() { self.input } else { self.known_as }
    }

    /// What a violation is known by; the head of [`fingerprint`]'s file says why it is this.
    fn fingerprint(&self, key: Option<&Value>, function: &str) -> String {
        let mut options: Vec<String> = self.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        options.sort_unstable();
        let key = key.map_or_else(String::new, ToString::to_string);
        fingerprint(&[self.property, self.model, &options.join(","), self.known_as(), &key, function])
    }
}

fn counterexample(history: &History, example: &verdict::Counterexample, about: &Circumstances<'_>) -> Counterexample {
    let because = |step: &verdict::Because| Because {
        kind: step.kind,
        from: u64::from(step.from),
        to: step.to.map(u64::from),
        text: step.text.clone(),
    };
    let partition = (!example.partition.is_nil()).then(|| example.partition.clone());
    let function = example.failed_at.map_or("", |at| history.function(at as usize));
    Counterexample {
        fingerprint: about.fingerprint(partition.as_ref(), function),
        faults: Vec::new(),
        partition,
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
