//! `causet demo`: the main job on data that is built in: the traces of one window of a shop, and a recorded
//! history of a key-value store that broke its promise. Nothing is precomputed.

use super::{analyze, check};
use crate::cli::args::Global;
use crate::cli::exit;
use crate::cli::limits::Limits;
use crate::cli::output::{complain, print};
use crate::formats::{Format, Reading, Source, by_id};
use crate::outcome::{Answer, Input, Report};
use crate::report::{self, Look};

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Arguments {}

const SHOP: &[u8] = include_bytes!("../../../testdata/demo/shop.jsonl.zst");
const ETCD: &[u8] = include_bytes!("../../../testdata/demo/etcd.log");

pub(in crate::cli) fn run(_: &Arguments, global: &Global) -> u8 {
    match try_run(global) {
        Ok(true) => 0,
        Ok(false) => {
            complain("the demo did not find what it was to find; this is a bug");
            exit::BUG
        }
        Err(message) => {
            complain(&message);
            exit::BUG
        }
    }
}

/// Whether the demo found the violation.
fn try_run(global: &Global) -> Result<bool, String> {
    let limits = Limits::new(global);
    let look = Look { limit: Some(8), ..Look::default() };
    let show = |report: &Report| {
        if let Some(text) = report::by_id("text") {
            print(&text.render(report, &look));
        }
    };
    print("Did the distributed system do the right thing, and if not, why?\n\n");
    print("$ causet analyze shop.jsonl.zst     (recorded traces of a web shop)\n\n");
    let mut shop = Report { command: "analyze", ..Report::default() };
    let (reading, _) = read("otlp-json", SHOP, "shop.jsonl.zst")?;
    analyze::analyze(&reading.spans.finish(), &analyze::Question::default(), &limits, &mut shop);
    show(&shop);

    print("\n$ causet check etcd.log --model cas-register     (a recorded history of a key-value store)\n\n");
    let mut etcd = Report { command: "check", ..Report::default() };
    let (reading, input) = read("jepsen-log", ETCD, "etcd.log")?;
    check::plain_question("cas-register").ask(reading, &input, &limits, &mut etcd);
    show(&etcd);

    print("\nNow with your own: causet analyze traces.jsonl, causet check history.edn, causet --help\n");
    let found = etcd.answer() == Answer::Violated;
    Ok(found && shop.analysis.is_some_and(|analysis| analysis.summary.spans > 0))
}

fn read(format: &str, bytes: &[u8], name: &str) -> Result<(Reading, Input), String> {
    let format: &dyn Format = by_id(format).ok_or("the format is gone")?;
    let mut reading = Reading::default();
    format.read(&mut Source::memory(bytes), &mut reading).map_err(|error| error.to_string())?;
    let input = Input {
        path: name.to_owned(),
        format: format.entry().id,
        spans: reading.spans.len() as u64,
        operations: reading.history.len() as u64,
        ..Input::default()
    };
    Ok((reading, input))
}
