//! Faults beside operations: which acted during a counterexample, and between which calls and returns.

use super::{Counterexample, Operation};

/// A fault that acted from one time to another, by a clock that operations can be compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultWindow {
    /// The fault's id, such as `partition`.
    pub kind: String,
    /// Whom it hit.
    pub nodes: Vec<String>,
    pub start_ns: i64,
    /// Nothing if it never ended.
    pub end_ns: Option<i64>,
}

/// A window as seen from a counterexample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub window: FaultWindow,
    /// The last call or return before it began, as a position in the order of the history; nothing if it came before all.
    pub began_after: Option<i64>,
    /// The last call or return before it ended.
    pub ended_after: Option<i64>,
}

impl Counterexample {
    /// Notes the windows that overlap the counterexample. `times` tells when an operation was called and returned, by
    /// the clock of the windows; if it can't, nothing is noted: a fault at a wrong place would mislead.
    pub fn note_faults(&mut self, windows: &[FaultWindow], times: impl Fn(&Operation) -> Option<(i64, Option<i64>)>) {
        let mut moments: Vec<(i64, i64)> = Vec::new();
        for operation in &self.operations {
            let Some((call, ret)) = times(operation) else { return };
            moments.push((call, operation.call));
            moments.extend(ret.zip(operation.ret));
        }
        let first = moments.iter().map(|(time, _)| *time).min();
        let is_open = self.operations.iter().any(|operation| operation.ret.is_none());
        let last = if is_open { Some(i64::MAX) } else { moments.iter().map(|(time, _)| *time).max() };
        let (Some(first), Some(last)) = (first, last) else { return };
        let before = |time: i64| moments.iter().filter(|(at, _)| *at <= time).map(|(_, position)| *position).max();
        let overlaps =
            |window: &&FaultWindow| window.start_ns <= last && window.end_ns.is_none_or(|end_ns| end_ns >= first);
        self.faults = (windows.iter().filter(overlaps))
            .map(|window| Fault {
                window: window.clone(),
                began_after: before(window.start_ns),
                ended_after: before(window.end_ns.unwrap_or(i64::MAX)),
            })
            .collect();
        self.faults.sort_by_key(|fault| fault.window.start_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(call: i64, ret: Option<i64>) -> Operation {
        Operation {
            index: 0,
            process: "p".into(),
            function: "f".into(),
            key: None,
            input: Default::default(),
            output: None,
            call,
            ret,
            call_ns: Some(call * 10),
            return_ns: ret.map(|ret| ret * 10),
            status: "ok",
            span_id: None,
        }
    }

    #[test]
    fn windows_stand_between_calls_and_returns() {
        let operations = vec![operation(1, Some(2)), operation(5, Some(6))];
        let mut example = Counterexample { operations, ..Counterexample::default() };
        let window = |start_ns, end_ns| FaultWindow { kind: "crash".into(), nodes: Vec::new(), start_ns, end_ns };
        let windows =
            [window(0, Some(9)), window(0, Some(15)), window(20, Some(59)), window(30, None), window(61, None)];
        example.note_faults(&windows, |op| Some((op.call_ns?, op.return_ns)));
        let seen: Vec<_> = example.faults.iter().map(|fault| (fault.began_after, fault.ended_after)).collect();
        assert_eq!(seen, [(None, Some(1)), (Some(2), Some(5)), (Some(2), Some(6))]);
        example.faults.clear();
        example.note_faults(&windows, |_| None);
        assert!(example.faults.is_empty());
        // Nobody knows when an open operation ended: what came later may matter to it.
        example.operations.push(operation(7, None));
        example.note_faults(&windows, |op| Some((op.call_ns?, op.return_ns)));
        assert_eq!(example.faults.len(), 4);
    }
}
