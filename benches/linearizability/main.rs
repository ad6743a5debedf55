//! Linearizability: CPU time and memory, ours against a peer, on the same histories in one run.
//!
//!     cargo bench --bench linearizability                       # ours alone
//!     cargo bench --bench linearizability -- --driver PATH      # and a peer, as ratios
//!     cargo bench --bench linearizability -- --only queue       # cases whose name contains a word
//!
//! A driver is a program called as `PATH MODEL FILE LIMIT` that reads a history in our `jsonl` form, checks it on
//! one core within the limit (such as `10s`), and prints `{"verdict": …, "cpu_ms": …, "bytes": …}`: CPU
//! time of the check alone and bytes it allocated. Everything here runs on one thread.

mod generate;

use causet::formats::{Reading, Source, by_id, recognise};
use causet_checkers::budget::{Budget, Stop};
use causet_checkers::history::History;
use causet_checkers::verdict::{CauseKind, Verdict};
use causet_checkers::{Query, Shrink, check};
use cpu_time::ThreadTime;
use generate::{Flaw, Object, Recipe, Row};
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Counts live bytes and their peak, while asked to: counting costs time.
struct Counting;

static ASKED: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grown(bytes: usize) {
    if ASKED.load(Ordering::Relaxed) {
        let live = LIVE.fetch_add(bytes, Ordering::Relaxed).wrapping_add(bytes);
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

fn shrunk(bytes: usize) {
    if ASKED.load(Ordering::Relaxed) {
        LIVE.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator is")]
// SAFETY: every call goes to the system's allocator unchanged; the counters do not touch memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        shrunk(layout.size());
        grown(size);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Case {
    name: &'static str,
    model: &'static str,
    recipe: Recipe,
    flaw: Flaw,
}

const LIMIT: Duration = Duration::from_secs(10);

fn cases() -> Vec<Case> {
    let case = |name, model, object, clients, operations, crashed, flaw| Case {
        name,
        model,
        recipe: Recipe { object, clients, operations, crashed, seed: 1 },
        flaw,
    };
    use Flaw::{Changed, Empty, Invented, None as Fine, Order, Stale, Twice};
    use Object::{Cas, Kv, Queue, Register, Stack};
    vec![
        case("register distinct, 10 clients, 10k, ok", "register", Register(None), 10, 10_000, 0, Fine),
        case("register distinct, 10 clients, 10k, violated", "register", Register(None), 10, 10_000, 0, Stale),
        case("register distinct, 100 clients, 1M, ok", "register", Register(None), 100, 1_000_000, 0, Fine),
        case("register distinct, 100 clients, 1M, violated", "register", Register(None), 100, 1_000_000, 0, Stale),
        case("register of 5, 5 clients, 10k, violated", "register", Register(Some(5)), 5, 10_000, 0, Invented),
        case("register of 5, 5 clients, 10k, answers changed", "register", Register(Some(5)), 5, 10_000, 0, Changed),
        case("register of 5, 10 clients, 10k, violated", "register", Register(Some(5)), 10, 10_000, 0, Invented),
        case("register of 5, 10 clients, 10k, answers changed", "register", Register(Some(5)), 10, 10_000, 0, Changed),
        case("cas of 5, 5 clients, 10k, violated", "cas-register", Cas(5), 5, 10_000, 0, Invented),
        case("cas of 5, 5 clients, 10k, answers changed", "cas-register", Cas(5), 5, 10_000, 0, Changed),
        case("cas of 5, 10 clients, 10k, violated", "cas-register", Cas(5), 10, 10_000, 0, Invented),
        case("cas of 5, 10 clients, 10k, answers changed", "cas-register", Cas(5), 10, 10_000, 0, Changed),
        case("cas of 5, 10 clients, 10k, ok", "cas-register", Cas(5), 10, 10_000, 0, Fine),
        case("kv 1000 keys, 50 clients, 1M, ok", "kv", Kv(1000), 50, 1_000_000, 0, Fine),
        case("kv 1000 keys, 50 clients, 1M, violated", "kv", Kv(1000), 50, 1_000_000, 0, Stale),
        case("queue, 10 clients, 10k, ok", "fifo-queue", Queue, 10, 10_000, 0, Fine),
        case("queue, 10 clients, 10k, taken twice", "fifo-queue", Queue, 10, 10_000, 0, Twice),
        case("queue, 10 clients, 10k, wrong order", "fifo-queue", Queue, 10, 10_000, 0, Order),
        case("queue, 10 clients, 10k, empty though not", "fifo-queue", Queue, 10, 10_000, 0, Empty),
        case("queue, 10 clients, 10k, never put", "fifo-queue", Queue, 10, 10_000, 0, Invented),
        case("queue, 10 clients, 1M, ok", "fifo-queue", Queue, 10, 1_000_000, 0, Fine),
        case("queue, 10 clients, 1M, taken twice", "fifo-queue", Queue, 10, 1_000_000, 0, Twice),
        case("queue, 10 clients, 1M, wrong order", "fifo-queue", Queue, 10, 1_000_000, 0, Order),
        case("queue, 10 clients, 1M, empty though not", "fifo-queue", Queue, 10, 1_000_000, 0, Empty),
        case("queue, 10 clients, 1M, never put", "fifo-queue", Queue, 10, 1_000_000, 0, Invented),
        case("stack, 10 clients, 10k, ok", "stack", Stack, 10, 10_000, 0, Fine),
        case("stack, 10 clients, 10k, taken twice", "stack", Stack, 10, 10_000, 0, Twice),
        case("stack, 10 clients, 10k, wrong order", "stack", Stack, 10, 10_000, 0, Order),
        case("stack, 10 clients, 10k, empty though not", "stack", Stack, 10, 10_000, 0, Empty),
        case("stack, 10 clients, 10k, never put", "stack", Stack, 10, 10_000, 0, Invented),
        case("stack, 10 clients, 1M, ok", "stack", Stack, 10, 1_000_000, 0, Fine),
        case("stack, 10 clients, 1M, taken twice", "stack", Stack, 10, 1_000_000, 0, Twice),
        case("stack, 10 clients, 1M, wrong order", "stack", Stack, 10, 1_000_000, 0, Order),
        case("stack, 10 clients, 1M, empty though not", "stack", Stack, 10, 1_000_000, 0, Empty),
        case("stack, 10 clients, 1M, never put", "stack", Stack, 10, 1_000_000, 0, Invented),
        case("1 % crashed, 3 clients, 10k, ok", "register", Register(Some(5)), 3, 10_000, 10, Fine),
        case("1 % crashed, 5 clients, 10k, ok", "register", Register(Some(5)), 5, 10_000, 10, Fine),
        case("1 % crashed, 10 clients, 10k, ok", "register", Register(Some(5)), 10, 10_000, 10, Fine),
        case("register of 5, 50 clients, 1k, ok", "register", Register(Some(5)), 50, 1_000, 0, Fine),
        case("register of 5, 100 clients, 1k, ok", "register", Register(Some(5)), 100, 1_000, 0, Fine),
        case("register of 5, 50 clients, 1k, violated", "register", Register(Some(5)), 50, 1_000, 0, Invented),
    ]
}

/// One measurement.
struct Measured {
    verdict: String,
    cpu_ms: f64,
    bytes: usize,
}

fn ours(history: &History, model: &str, pool: &rayon::ThreadPool) -> Measured {
    let stop = Stop::new();
    let timer = stop.clone();
    #[expect(clippy::disallowed_methods, reason = "the limit is a wall-clock limit")]
    std::thread::spawn(move || {
        std::thread::sleep(LIMIT);
        timer.raise(CauseKind::Timeout);
    });
    let query = Query {
        model: Some(model),
        shrink: Shrink::Off,
        fail_fast: true,
        budget: Budget { stop, ..Budget::default() },
        ..Query::default()
    };
    // Far from 0, for what is freed and was not counted.
    let live = 1 << 40;
    LIVE.store(live, Ordering::Relaxed);
    PEAK.store(live, Ordering::Relaxed);
    let once = || {
        let begin = ThreadTime::now();
        let outcome = check(history, &query).expect("the model exists");
        (outcome.verdict, begin.elapsed())
    };
    ASKED.store(true, Ordering::Relaxed);
    let (verdict, mut cpu) = pool.install(once);
    ASKED.store(false, Ordering::Relaxed);
    // Short ones are repeated, and the best counts: the first one pays for cold caches and for counting.
    let mut spent = cpu;
    while spent < Duration::from_millis(50) && cpu < Duration::from_millis(25) {
        let (_, again) = pool.install(once);
        spent += again.max(Duration::from_micros(1));
        cpu = cpu.min(again);
    }
    let verdict = match verdict {
        Verdict::Unknown(cause) => format!("unknown ({})", cause.kind.id()),
        other => other.id().to_owned(),
    };
    Measured { verdict, cpu_ms: cpu.as_secs_f64() * 1e3, bytes: PEAK.load(Ordering::Relaxed) - live }
}

fn peer(driver: &Path, model: &str, file: &Path) -> Option<Measured> {
    let limit = format!("{}s", LIMIT.as_secs());
    let output = Command::new(driver).arg(model).arg(file).arg(limit).output().ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some(Measured {
        verdict: answer["verdict"].as_str()?.to_owned(),
        cpu_ms: answer["cpu_ms"].as_f64()?,
        bytes: answer["bytes"].as_u64()? as usize,
    })
}

fn write_history(history: &History) -> PathBuf {
    let path = std::env::temp_dir().join(format!("causet-bench-{}.jsonl", std::process::id()));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("the temporary folder is writable"));
    by_id("jsonl").expect("jsonl exists").write_history(history, &mut file).expect("the disk has room");
    path
}

fn print(name: &str, operations: usize, ours: &Measured, peer: Option<&Measured>) {
    let own = format!("{:<9} {:>9.2} ms {:>9.1} KiB", ours.verdict, ours.cpu_ms, ours.bytes as f64 / 1024.0);
    let other = peer.map_or_else(String::new, |peer| {
        let (time, memory) = (peer.cpu_ms / ours.cpu_ms.max(1e-3), peer.bytes as f64 / ours.bytes.max(1) as f64);
        format!(
            " | {:<9} {:>9.2} ms {:>11.1} KiB | {time:>8.1}x faster, {memory:>7.1}x less memory",
            peer.verdict,
            peer.cpu_ms,
            peer.bytes as f64 / 1024.0
        )
    });
    println!("{name:<48} {operations:>8} ops | {own}{other}");
}

/// The recorded etcd histories, one after another.
fn etcd(pool: &rayon::ThreadPool, driver: Option<&Path>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir("testdata/histories/etcd")
        .expect("run from the root")
        .map(|e| e.expect("readable").path())
        .collect();
    paths.sort();
    let zero = || Measured { verdict: String::new(), cpu_ms: 0.0, bytes: 0 };
    let (mut own, mut other, mut operations) = (zero(), zero(), 0);
    for path in &paths {
        let bytes = std::fs::read(path).expect("readable");
        let mut reading = Reading::default();
        let format = recognise(&bytes).expect("a known format");
        format.read(&mut Source::memory(bytes), &mut reading).expect("readable");
        let history = reading.history.finish();
        operations += history.len();
        let one = ours(&history, "cas-register", pool);
        own.cpu_ms += one.cpu_ms;
        own.bytes = own.bytes.max(one.bytes);
        if let Some(driver) = driver {
            let file = write_history(&history);
            if let Some(one_other) = peer(driver, "cas-register", &file) {
                assert_eq!(one.verdict, one_other.verdict, "{}", path.display());
                other.cpu_ms += one_other.cpu_ms;
                other.bytes = other.bytes.max(one_other.bytes);
            }
            std::fs::remove_file(file).expect("it was written");
        }
    }
    own.verdict = "(all)".into();
    other.verdict = "(all)".into();
    print("52 recorded etcd histories", operations, &own, driver.map(|_| &other));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let driver = value("--driver").map(PathBuf::from);
    let only = value("--only").cloned().unwrap_or_default();
    if arguments.iter().any(|word| word == "--test") {
        return; // `cargo test` only asks whether it starts.
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(16 << 20).build().expect("a thread");
    if "etcd".contains(&only) {
        etcd(&pool, driver.as_deref());
    }
    for case in cases().iter().filter(|case| case.name.contains(&only)) {
        let mut rows: Vec<Row> = generate::rows(case.recipe);
        generate::spoil(&mut rows, case.flaw);
        let history = generate::history(&rows);
        drop(rows);
        let own = ours(&history, case.model, &pool);
        let other = driver.as_ref().and_then(|driver| {
            let file = write_history(&history);
            let measured = peer(driver, case.model, &file);
            std::fs::remove_file(file).expect("it was written");
            measured
        });
        print(case.name, history.len(), &own, other.as_ref());
    }
}
