//! Growth: CPU time against the length of a history and against how many clients there are, by method.
//!
//!     cargo run --release --locked --manifest-path benches/growth/Cargo.toml
//!     … -- --quick                # nothing longer than 10,000 operations
//!     … -- --only queue           # families whose title contains a word
//!     … -- --decided              # not growth: what share of difficult histories gets a verdict
//!
//! A method that has no verdict within ten seconds (or its memory) is not asked for more. The crates can't be
//! interrupted, so each of their checks is a process of its own: this program, called as `--crate NAME CLIENTS
//! OPERATIONS`.

mod crates;
mod decided;
#[allow(dead_code, reason = "spoiled histories are for the other bench")]
#[path = "../../linearizability/generate.rs"]
mod generate;
mod plot;

use causet_checkers::budget::{Budget, Stop};
use causet_checkers::history::{History, Value};
use causet_checkers::models::{FifoQueue, Register};
use causet_checkers::properties::linearizability::{AnyModel, Engine, decide_with};
use causet_checkers::verdict::{CauseKind, Verdict};
use cpu_time::ThreadTime;
use generate::{Object, Recipe};
use plot::Series;
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// A way to decide a history.
#[derive(Clone, Copy)]
enum Method {
    Ours(Engine),
    Crate(&'static str),
}

/// CPU milliseconds, or nothing without a verdict.
fn measure(method: Method, model: &dyn AnyModel, history: &History, recipe: Recipe) -> Option<f64> {
    match method {
        Method::Ours(engine) => ours(engine, model, history),
        Method::Crate(name) => {
            let this = std::env::current_exe().expect("this program has a path");
            // The limits are the shell's, because a crate knows none.
            let seconds = LIMIT.as_secs() + 5;
            let (clients, operations) = (recipe.clients, recipe.operations);
            let script = format!(
                "ulimit -t {seconds}; ulimit -v {}; exec {} --crate {name} {clients} {operations}",
                12 << 20,
                this.display()
            );
            let output = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).output().ok()?;
            let cpu_ms: f64 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
            (cpu_ms <= LIMIT.as_secs_f64() * 1e3).then_some(cpu_ms)
        }
    }
}

/// A flag that is raised after so long.
fn stop_after(limit: Duration) -> Stop {
    let stop = Stop::new();
    let timer = stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        timer.raise(CauseKind::Timeout);
    });
    stop
}

fn ours(engine: Engine, model: &dyn AnyModel, history: &History) -> Option<f64> {
    let stop = stop_after(LIMIT);
    let budget = Budget { stop, bytes: Some(8 << 30), steps: None };
    let indices: Vec<u32> = (0..history.len() as u32).collect();
    let mut best: Option<f64> = None;
    let mut spent = 0.0;
    // Short ones are repeated, and the best counts.
    while spent < 20.0 {
        let begin = ThreadTime::now();
        let verdict = decide_with(model, history, &Value::Nil, &indices, engine, &budget);
        let elapsed = begin.elapsed().as_secs_f64() * 1e3;
        match verdict {
            Verdict::Holds(_) => best = Some(best.map_or(elapsed, |best| best.min(elapsed))),
            Verdict::Violated(_) => panic!("a correct run was said to be wrong"),
            Verdict::Unknown(_) => return None,
        }
        spent += elapsed.max(0.001);
    }
    best
}

/// A family of histories and the ways to decide them.
struct Family {
    title: &'static str,
    model: Box<dyn AnyModel>,
    object: Object,
    methods: &'static [(char, &'static str, Method)],
}

fn families() -> Vec<Family> {
    const FEW: &[(char, &str, Method)] = &[
        ('a', "ours, automatic", Method::Ours(Engine::Auto)),
        ('d', "ours, depth first alone", Method::Ours(Engine::DepthFirst)),
        ('f', "ours, frontier alone", Method::Ours(Engine::Frontier)),
        ('w', "ours, plain WGL", Method::Ours(Engine::Reference)),
        ('t', "todc-utils 0.1.1", Method::Crate("todc-utils")),
        ('s', "stateright 0.31.0", Method::Crate("stateright")),
    ];
    const ZONES: &[(char, &str, Method)] = &[('a', "ours, automatic: zones", Method::Ours(Engine::Auto))];
    const QUEUE: &[(char, &str, Method)] = &[('a', "ours, automatic: patterns", Method::Ours(Engine::Auto))];
    let register = || Box::new(Register::default());
    let family = |title, model, object, methods| Family { title, model, object, methods };
    vec![
        family("a register of 5 values", register(), FEW_VALUES, FEW),
        family("a register, all writes different", register(), Object::Register(None), ZONES),
        family("a queue, all values different", Box::new(FifoQueue), Object::Queue, QUEUE),
    ]
}

/// What the crates are asked about.
const FEW_VALUES: Object = Object::Register(Some(5));

/// Asks every method about histories of growing size; `recipe` says what a size means.
fn grow(family: &Family, what: &str, sizes: &[usize], recipe: impl Fn(usize) -> Recipe) {
    let mut all: Vec<Series> =
        family.methods.iter().map(|&(mark, name, _)| Series { mark, name, points: Vec::new() }).collect();
    for (i, &size) in sizes.iter().enumerate() {
        let rows = generate::rows(recipe(size));
        let history = generate::history(&rows);
        drop(rows);
        for (series, &(_, _, method)) in all.iter_mut().zip(family.methods) {
            if series.points.len() == i {
                series.points.extend(measure(method, &*family.model, &history, recipe(size)));
            }
        }
    }
    println!("\n### {}, by {what}\n\n{}", family.title, plot::table(what, sizes, &all));
    println!("```text\n{}```", plot::plot(sizes, &all));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, name, clients, operations] = &arguments[..]
        && flag == "--crate"
    {
        let number = |text: &String| text.parse().expect("a number");
        let (clients, operations) = (number(clients), number(operations));
        return crates::run(name, Recipe { object: FEW_VALUES, clients, operations, crashed: 0, seed: 1 });
    }
    if arguments.iter().any(|word| word == "--decided") {
        return decided::run();
    }
    let longest = if arguments.iter().any(|word| word == "--quick") { 10_000 } else { 10_000_000 };
    let lengths = (2..8).flat_map(|power| [1, 3].map(|n| n * 10_usize.pow(power)));
    let lengths: Vec<usize> = lengths.filter(|&length| length <= longest).collect();
    let clients = [2, 3, 5, 10, 20, 30, 50, 100, 200];
    let only = arguments.iter().skip_while(|word| *word != "--only").nth(1).cloned().unwrap_or_default();
    for family in families().into_iter().filter(|family| family.title.contains(&only)) {
        let object = family.object;
        let recipe = |clients, operations| Recipe { object, clients, operations, crashed: 0, seed: 1 };
        grow(&family, "operations (5 clients)", &lengths, |length| recipe(5, length));
        grow(&family, "clients (1000 operations)", &clients, |clients| recipe(clients, 1000));
    }
}
