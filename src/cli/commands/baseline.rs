//! `causet baseline`: keep what is known to be wrong, so that only what is new gates.

use super::gate::{carry_out, plan};
use super::gate_plan::Plan;
use crate::cli::args::{Configuration, Global};
use crate::cli::exit::{self, Policy};
use crate::cli::limits::Limits;
use crate::cli::output::{complain, print};
use crate::gate::baseline::{Baseline, Entry, of};
use crate::outcome::{Answer, Report};
use clap::Subcommand;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Write what is wrong now as known; refuses when there is a baseline
    Write(Common),
    /// Bring the baseline up to date: forget what is gone; new debt is taken only with --accept-new
    Update {
        #[command(flatten)]
        common: Common,
        /// Take what is new as known
        #[arg(long)]
        accept_new: bool,
    },
    /// Forget what is no longer there
    Prune(Common),
}

#[derive(Clone, Debug, clap::Args)]
struct Common {
    /// Instead of the inputs in causet.toml
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    #[command(flatten)]
    configuration: Configuration,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let (common, accept_new) = match &args.what {
        What::Write(common) | What::Prune(common) => (common, false),
        What::Update { common, accept_new } => (common, *accept_new),
    };
    let plan = match plan(&common.configuration) {
        Ok(plan) => plan,
        Err(errors) => {
            errors.iter().for_each(|error| complain(&error.to_string()));
            return Ok(exit::USAGE);
        }
    };
    let path = plan.baseline_path();
    let known = plan.baseline.clone();
    match (&args.what, &known) {
        (What::Write(_), Some(_)) => {
            return Err(format!(
                "{}: there is a baseline already; `causet baseline update` changes it",
                path.display()
            ));
        }
        (What::Update { .. } | What::Prune(_), None) => {
            return Err(format!("{}: there is no baseline; `causet baseline write` makes one", path.display()));
        }
        _ => {}
    }
    let now = match wrong_now(&plan, &common.inputs, global) {
        Ok(now) => now,
        Err(code) => return Ok(code),
    };
    let known = known.map(|known| known.entries).unwrap_or_default();
    let same = |a: &Entry, b: &Entry| a.fingerprint == b.fingerprint;
    let gone: Vec<&Entry> = known.iter().filter(|entry| !now.iter().any(|other| same(entry, other))).collect();
    let added: Vec<&Entry> = now.iter().filter(|entry| !known.iter().any(|other| other.covers(entry))).collect();
    let kept = known.iter().filter(|entry| now.iter().any(|other| same(entry, other)));
    let (mut text, mut code) = (String::new(), 0);
    let entries: Vec<Entry> = match &args.what {
        What::Write(_) => now.clone(),
        What::Update { .. } if accept_new => now.clone(),
        What::Update { .. } | What::Prune(_) => kept.cloned().collect(),
    };
    if !matches!(args.what, What::Prune(_)) {
        let taken = accept_new || matches!(args.what, What::Write(_));
        for entry in &added {
            let _ = writeln!(text, "{} {}", if taken { "+" } else { "! new, not taken:" }, entry.show());
        }
        if !taken && !added.is_empty() {
            let _ = writeln!(text, "mend what is new, or take it with --accept-new");
            code = 1;
        }
    }
    gone.iter().for_each(|entry| {
        let _ = writeln!(text, "- {}", entry.show());
    });
    let count = entries.len();
    replace(&path, &Baseline::new(entries).text()).map_err(|error| format!("{}: {error}", path.display()))?;
    let _ = writeln!(text, "{}: {count} known", path.display());
    Ok(code.max(print(&text)))
}

/// Writes a file beside the one of this name and puts it in its place: there is the old text or the new, never a part.
/// What the name links to is replaced, not the link. Where nothing else can be put in its place (a folder that is not
/// ours, a single file that is mounted), it is written over.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = match path.canonicalize() {
        Ok(path) => path,
        Err(_) if path.is_symlink() => return fs::write(path, text),
        Err(_) => path.to_owned(),
    };
    let new = path.with_added_extension(format!("{}.new", std::process::id()));
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        if let Ok(known) = path.metadata() {
            file.set_permissions(known.permissions())?;
        }
        file.sync_all()
    });
    let Err(error) = written.and_then(|()| fs::rename(&new, &path)) else { return Ok(()) };
    // It may never have been there; what went wrong is told.
    let _ = fs::remove_file(&new);
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy => fs::write(&path, text),
        _ => Err(error),
    }
}

/// What is wrong now; if nobody can say all of it, the exit code instead: half a picture would forget what is
/// still there.
fn wrong_now(plan: &Plan, inputs: &[String], global: &Global) -> Result<Vec<Entry>, u8> {
    let mut report = Report { command: "baseline", ..Report::default() };
    let limits = Limits::new(global);
    let watch = limits.watch(|_, detail| {
        complain(detail);
        3
    });
    carry_out(plan, inputs, false, !global.quiet, &limits, &mut report);
    drop(watch);
    report.errors.iter().for_each(|error| complain(&error.to_string()));
    let gaps = report.gate.iter().flat_map(|gate| &gate.gaps);
    gaps.for_each(|gap| complain(&format!("{}: {}", gap.place, gap.message)));
    let unknown = report.results.iter().filter(|result| result.answer == Answer::Unknown);
    unknown.for_each(|result| complain(&format!("{}: {} is unknown", result.input, result.property)));
    let undecided = report.results.iter().filter(|result| result.undecided > 0);
    let undecided = undecided.map(|result| {
        let keys = if result.undecided == 1 { "1 key is".to_owned() } else { format!("{} keys are", result.undecided) };
        complain(&format!("{}: {keys} unknown", result.input));
    });
    let undecided =
        undecided.count() > 0 || report.answers().any(|answer| !matches!(answer, Answer::Holds | Answer::Violated));
    if undecided {
        complain("the baseline is left as it is: not everything could be judged");
        let code = exit::code(&report, Policy::default());
        return Err(if code == 1 { 3 } else { code });
    }
    Ok(of(&report))
}
