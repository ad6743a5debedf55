//! A model of your own: a vending machine, and a history of it that can't be.
//!
//!     cargo run -p causet-checkers --example own_model
//!
//! A model says how one object behaves when it is used by one client at a time. The checker then says whether
//! a recorded history of many clients at once can be explained by some such order.

use causet_checkers::history::{Complete, Completion, HistoryBuilder, Malformed, Value};
use causet_checkers::models::{Call, Model, Unsupported};
use causet_checkers::verdict::Verdict;
use causet_checkers::{budget::Budget, check_model};

/// Takes coins, and sells a drink for two of them.
struct VendingMachine;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Use {
    InsertCoin,
    /// Whether a drink came out; `None` if nobody looked.
    PressButton(Option<bool>),
}

impl Model for VendingMachine {
    /// Coins inside.
    type State = u32;
    type Op = Use;

    fn parse(&self, call: &Call<'_>) -> Result<Use, Unsupported> {
        match call.function {
            "insert-coin" => Ok(Use::InsertCoin),
            "press-button" => Ok(Use::PressButton(call.output.and_then(Value::as_bool))),
            other => Err(Unsupported(format!("expected insert-coin or press-button, found {other}"))),
        }
    }

    fn initial(&self) -> u32 {
        0
    }

    fn step(&self, coins: &u32, op: &Use, next: &mut Vec<u32>) {
        match op {
            Use::InsertCoin => next.push(coins + 1),
            Use::PressButton(drink) => {
                let sold = *coins >= 2;
                if drink.is_none_or(|drink| drink == sold) {
                    next.push(if sold { coins - 2 } else { *coins });
                }
            }
        }
    }

    fn describe(&self, coins: &u32) -> String {
        format!("a machine with {coins} coins")
    }
}

fn main() -> Result<(), Malformed> {
    let mut history = HistoryBuilder::new();
    // Ann and Bob put in a coin each, and both get a drink.
    for (process, function, output, call, ret) in [
        ("ann", "insert-coin", Value::Nil, 0, 10),
        ("bob", "insert-coin", Value::Nil, 5, 15),
        ("ann", "press-button", true.into(), 20, 30),
        ("bob", "press-button", true.into(), 25, 35),
    ] {
        let completion = Completion::Ok(output);
        history.operation(Complete {
            process,
            function,
            key: Value::Nil,
            input: Value::Nil,
            call,
            ret: Some(ret),
            completion,
        })?;
    }
    match check_model(&history.finish(), &VendingMachine, &Budget::default()) {
        Verdict::Holds(_) => println!("a generous machine"),
        Verdict::Unknown(cause) => println!("nobody knows: {cause}"),
        Verdict::Violated(examples) => {
            println!("this can't be:");
            for step in &examples[0].because {
                println!("  {}", step.text);
            }
        }
    }
    Ok(())
}
