//! Crates that decide linearizability, asked about registers.

use crate::generate::{self, Recipe};
use causet_checkers::history::{History, OPEN};
use cpu_time::ThreadTime;
use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};
use todc_utils::specifications::register::{RegisterOperation, RegisterSpecification};
use todc_utils::{Action, WGLChecker};

/// Asks the crate whether a history is linearizable (it is), and prints the CPU milliseconds.
pub fn run(name: &str, recipe: Recipe) {
    let name = name.to_owned();
    let ask = move || {
        let history = generate::history(&generate::rows(recipe));
        let (holds, elapsed) = if name == "todc-utils" {
            let actions = actions(&history);
            let begin = ThreadTime::now();
            let history = todc_utils::History::from_actions(actions);
            (WGLChecker::<RegisterSpecification<Option<i64>>>::is_linearizable(history), begin.elapsed())
        } else {
            let begin = ThreadTime::now();
            (tester(&history).is_consistent(), begin.elapsed())
        };
        assert!(holds, "a correct run was said to be wrong");
        println!("{}", elapsed.as_secs_f64() * 1e3);
    };
    // stateright recurses once per operation.
    let thread = std::thread::Builder::new().stack_size(4 << 30).spawn(ask).expect("a thread");
    thread.join().expect("a verdict");
}

/// Calls and returns in order; (time, is it a return, operation).
fn events(history: &History) -> Vec<(i64, bool, usize)> {
    let mut events: Vec<_> = (history.operations().iter().enumerate())
        .flat_map(|(i, op)| [(op.call, false, i), (op.ret, true, i)])
        .filter(|event| event.0 != OPEN)
        .collect();
    events.sort_unstable();
    events
}

fn actions(history: &History) -> Vec<(usize, Action<RegisterOperation<Option<i64>>>)> {
    let action = |(_, returns, i): (i64, bool, usize)| {
        let op = &history.operations()[i];
        let operation = match history.function(i) {
            "write" => RegisterOperation::Write(op.input.as_int()),
            _ => RegisterOperation::Read(returns.then(|| op.output.as_int())),
        };
        let action = if returns { Action::Response(operation) } else { Action::Call(operation) };
        (op.process as usize, action)
    };
    events(history).into_iter().map(action).collect()
}

fn tester(history: &History) -> LinearizabilityTester<u32, Register<Option<i64>>> {
    let mut tester = LinearizabilityTester::new(Register(None));
    for (_, returns, i) in events(history) {
        let op = &history.operations()[i];
        let writes = history.function(i) == "write";
        let taken = if returns {
            let answer = if writes { RegisterRet::WriteOk } else { RegisterRet::ReadOk(op.output.as_int()) };
            tester.on_return(op.process, answer)
        } else {
            let call = if writes { RegisterOp::Write(op.input.as_int()) } else { RegisterOp::Read };
            tester.on_invoke(op.process, call)
        };
        taken.expect("calls and returns take turns");
    }
    tester
}
