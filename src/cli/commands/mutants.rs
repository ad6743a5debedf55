//! `causet mutants`: which known bug is found by what, and how fast.

use super::simulate::system;
use crate::algorithms;
use crate::cli::args::{Global, Reporting};
use crate::cli::limits::Limits;
use crate::cli::output::{Destinations, Known};
use crate::cli::progress;
use crate::lab;
use crate::node::{Mutant, System};
use crate::outcome::{MutantRow, Report};
use cpu_time::ProcessTime;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet mutants
  causet mutants raft --mutant local-read
  causet mutants raft --seeds 2000 --timeout 10m")]
pub(in crate::cli) struct Arguments {
    /// The system; all, if none is named
    #[arg(value_name = "SYSTEM")]
    system: Option<String>,
    /// Only this mutant; repeatable
    #[arg(long, value_name = "ID")]
    mutant: Vec<String>,
    /// How many seeds each is given, at most
    #[arg(long, default_value_t = 400, value_name = "N")]
    seeds: u64,
    #[command(flatten)]
    reporting: Reporting,
}

pub(in crate::cli) fn run(args: &Arguments, global: &Global) -> Result<u8, String> {
    let destinations = Destinations::new(&args.reporting, global)?;
    let mut report = Report { command: "mutants", ..Report::default() };
    let chosen = match chosen(args) {
        Ok(chosen) => chosen,
        Err(message) => return Ok(destinations.refuse(report, message)),
    };
    let limits = Limits::new(global);
    let watch = limits.watch(destinations.emergency(&Known::new(&report)));
    let bar = progress::items(chosen.len() as u64, "hunting", destinations.talks());
    for (system, mutant) in chosen {
        let begin = ProcessTime::now();
        let row = lab::kill(system, mutant, args.seeds, &limits.stop);
        let [history, invariant, liveness] = row.kills.map(|kill| kill.map(|kill| kill.seeds));
        report.mutants.push(MutantRow {
            system: system.about().entry.id,
            mutant: mutant.id,
            witness: Some(lab::witness(mutant).is_ok()),
            history,
            invariant,
            liveness,
            seeds: row.seeds,
            events: row.events,
            cpu_ms: begin.elapsed().as_secs_f64() * 1e3,
            detail: row.detail,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    report.cause = limits.hit();
    drop(watch);
    Ok(destinations.deliver(&report))
}

fn chosen(args: &Arguments) -> Result<Vec<(&'static dyn System, &'static Mutant)>, String> {
    let systems = match &args.system {
        Some(id) => vec![system(id)?],
        None => algorithms::ALL.to_vec(),
    };
    let all = systems.iter().flat_map(|system| system.about().mutants.iter().map(|mutant| (*system, *mutant)));
    let all: Vec<_> = all.collect();
    for id in &args.mutant {
        if all.iter().all(|(_, mutant)| mutant.id != id) {
            let ids: Vec<&str> = all.iter().map(|(_, mutant)| mutant.id).collect();
            return Err(format!("there is no mutant `{id}`; there are {}", ids.join(", ")));
        }
    }
    Ok(all
        .into_iter()
        .filter(|(_, mutant)| args.mutant.is_empty() || args.mutant.iter().any(|id| id == mutant.id))
        .collect())
}
