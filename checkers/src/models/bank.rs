//! Accounts with money on them.
//!
//! Rule: `transfer` moves an amount from one account to another; `read` answers the balances of all
//! accounts. Unknown outcome: a transfer happened or not. Pure: `read`. All accounts are one object, so
//! that a history of them is not split by key.

use super::values::{bad_input, bad_output, unknown_function};
use super::{BadOption, Call, Example, FunctionDoc, Model, ModelEntry, OptionDoc, Options, Unsupported};
use crate::history::Value;
use crate::properties::linearizability::{AnyModel, erase};
use std::collections::BTreeMap;

/// Accounts.
#[derive(Clone, Debug)]
pub struct Bank {
    /// Balances before all operations; those of other accounts are 0.
    pub balances: Balances,
    /// Whether a balance may be below 0.
    pub negative: bool,
}

/// The balance of each account by its name, without those that are 0.
pub type Balances = BTreeMap<String, i128>;

impl Default for Bank {
    fn default() -> Self {
        Self { balances: BTreeMap::new(), negative: true }
    }
}

/// An operation of a [`Bank`]; balances are `None` when unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Transfer { from: String, to: String, amount: i64 },
    Read(Option<Balances>),
}

pub(super) static ENTRY: ModelEntry = ModelEntry {
    id: "bank",
    summary: "accounts: transfer, read",
    documentation: "`transfer {from, to, amount}` moves money; `read` answers {account: balance} for all accounts (one that is left out has \
        0). The option `balances` gives the balances at the start, `negative=false` says that no account may go below 0. A \
        transfer without a known outcome may have happened, or not. Reads are pure. All keys are one bank.",
    example: Example {
        history: r#"{"process":"a","f":"transfer","input":{"from":"x","to":"y","amount":5},"call":0,"return":1,"status":"ok"}
{"process":"b","f":"read","output":{"x":0,"y":5},"call":2,"return":3,"status":"ok"}
"#,
        verdict: "violated",
    },
    functions: &[
        FunctionDoc { name: "transfer", shape: "{from, to, amount}" },
        FunctionDoc { name: "read", shape: "→ {account: balance}" },
    ],
    options: &[
        OptionDoc { name: "balances", summary: "balances at the start", default: "{}" },
        OptionDoc { name: "negative", summary: "whether a balance may be below 0", default: "true" },
    ],
    per_key: false,
    family: "bank",
    build: |options| build(options),
};

fn build(options: &Options<'_>) -> Result<Box<dyn AnyModel>, BadOption> {
    let balances = match options.get("balances") {
        None => Balances::new(),
        Some(value) => balances(value).ok_or(("balances", "a map of integers, {account: balance}"))?,
    };
    let negative = match options.get("negative") {
        None => true,
        Some(value) => value.as_bool().ok_or(("negative", "true or false"))?,
    };
    Ok(erase(Bank { balances, negative }))
}

/// An account's name; accounts that are numbers in one place are often texts in another.
fn name(account: &Value) -> String {
    account.as_str().map_or_else(|| account.to_string(), String::from)
}

fn balances(value: &Value) -> Option<Balances> {
    let Value::Map(pairs) = value else { return None };
    let mut balances = Balances::new();
    for (account, balance) in pairs.iter() {
        match balance.as_int()? {
            0 => {}
            balance => drop(balances.insert(name(account), balance.into())),
        }
    }
    Some(balances)
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Map(pairs) = value else { return None };
    pairs.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

fn add(balances: &mut Balances, account: &str, amount: i128) {
    let balance = balances.get(account).copied().unwrap_or(0) + amount;
    if balance == 0 {
        balances.remove(account);
    } else {
        balances.insert(account.into(), balance);
    }
}

impl Model for Bank {
    type State = Balances;
    type Op = Op;

    fn parse(&self, call: &Call<'_>) -> Result<Op, Unsupported> {
        match call.function {
            "transfer" if call.output == Some(&Value::Bool(false)) => {
                Err(bad_output(call, "nothing, or true (one that did not happen is a failed operation)"))
            }
            "transfer" => {
                let parts = [field(call.input, "from"), field(call.input, "to"), field(call.input, "amount")];
                match parts {
                    [Some(from), Some(to), Some(Value::Int(amount))] => {
                        Ok(Op::Transfer { from: name(from), to: name(to), amount: *amount })
                    }
                    _ => Err(bad_input(call, "{from, to, amount}")),
                }
            }
            "read" => {
                let map = || bad_output(call, "a map of integers, {account: balance}");
                Ok(Op::Read(call.output.map(|output| balances(output).ok_or_else(map)).transpose()?))
            }
            _ => Err(unknown_function(call, "transfer, read")),
        }
    }

    fn initial(&self) -> Balances {
        self.balances.clone()
    }

    fn step(&self, state: &Balances, op: &Op, next: &mut Vec<Balances>) {
        match op {
            Op::Transfer { from, to, amount } => {
                let mut after = state.clone();
                add(&mut after, from, -i128::from(*amount));
                add(&mut after, to, (*amount).into());
                let below = |account: &String| after.get(account).is_some_and(|balance| *balance < 0);
                if self.negative || !(below(from) || below(to)) {
                    next.push(after);
                }
            }
            Op::Read(seen) if seen.as_ref().is_none_or(|seen| seen == state) => next.push(state.clone()),
            Op::Read(_) => {}
        }
    }

    fn is_pure(&self, op: &Op) -> bool {
        matches!(op, Op::Read(_))
    }

    fn describe(&self, state: &Balances) -> String {
        let parts: Vec<String> = state.iter().map(|(account, balance)| format!("{account}: {balance}")).collect();
        format!("{{{}}}", parts.join(", "))
    }
}
