//! How many histories that may have no order get a verdict: correct runs with a few answers changed.

use crate::generate::{self, Object, Recipe, Rng};
use crate::{LIMIT, stop_after};
use causet_checkers::budget::Budget;
use causet_checkers::{Query, Shrink, check};
use cpu_time::ThreadTime;

const SEEDS: u64 = 6;

/// Counts verdicts within the limit, and prints them as a table.
pub fn run() {
    let few = Object::Register(Some(5));
    let cas = Object::Cas(5);
    println!(
        "| history | answers changed | holds | violated | not known | longest, CPU ms |\n|---|---|---|---|---|---|"
    );
    for (name, model, object, clients, operations, crashed) in [
        ("cas of 5, 1 % crashed, 10k", "cas-register", cas, 3, 10_000, 10),
        ("cas of 5, 1 % crashed, 10k", "cas-register", cas, 5, 10_000, 10),
        ("cas of 5, 1 % crashed, 10k", "cas-register", cas, 10, 10_000, 10),
        ("register of 5, 1 % crashed, 10k", "register", few, 5, 10_000, 10),
        ("register of 5, 1 % crashed, 10k", "register", few, 10, 10_000, 10),
        ("register of 5, 1k", "register", few, 50, 1000, 0),
        ("register of 5, 1k", "register", few, 100, 1000, 0),
        ("cas of 5, 1k", "cas-register", cas, 50, 1000, 0),
        ("cas of 5, 1k", "cas-register", cas, 100, 1000, 0),
    ] {
        for changes in [1, 100] {
            let (mut counts, mut longest) = ([0; 3], 0.0_f64);
            for seed in 1..=SEEDS {
                let mut rows = generate::rows(Recipe { object, clients, operations, crashed, seed });
                generate::change(&mut rows, changes, &mut Rng::new(seed + 77));
                let history = generate::history(&rows);
                let budget = Budget { stop: stop_after(LIMIT), bytes: Some(4 << 30), steps: None };
                let query = Query { model: Some(model), shrink: Shrink::Off, budget, ..Query::default() };
                let (outcome, elapsed) = one_thread(|| check(&history, &query).expect("the model exists"));
                longest = longest.max(elapsed);
                let place = ["holds", "violated", "unknown"].iter().position(|id| *id == outcome.verdict.id());
                counts[place.expect("one of the three")] += 1;
            }
            let [holds, violated, unknown] = counts;
            println!("| {name}, {clients} clients | {changes} | {holds} | {violated} | {unknown} | {longest:.1} |");
        }
    }
}

/// Does it on one thread, and says how many CPU milliseconds that took.
fn one_thread<T: Send>(ask: impl FnOnce() -> T + Send) -> (T, f64) {
    let timed = || {
        let begin = ThreadTime::now();
        let answer = ask();
        (answer, begin.elapsed().as_secs_f64() * 1e3)
    };
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread").install(timed)
}
