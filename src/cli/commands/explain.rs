//! `causet explain ID`: the documentation of any registry entry.

use super::registries::{self, Page};
use crate::cli::output::print;

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The id of a format, model, property, system, mutant, fault, detector, rule set or report; or `gate`
    #[arg(value_name = "ID")]
    id: String,
}

pub(in crate::cli) fn run(args: &Arguments) -> Result<u8, String> {
    if args.id == "gate" {
        return Ok(print(crate::gate::DOCUMENTATION));
    }
    let pages: Vec<Page> = registries::ALL.iter().flat_map(|registry| (registry.pages)()).collect();
    let found: Vec<&Page> = pages.iter().filter(|page| page.id == args.id).collect();
    if found.is_empty() {
        let mut ids: Vec<&str> = pages.iter().map(|page| page.id).collect();
        ids.sort_by(|a, b| strsim::jaro_winkler(b, &args.id).total_cmp(&strsim::jaro_winkler(a, &args.id)));
        ids.truncate(3);
        return Err(format!("nothing is called `{}`; near it are {} (see `causet list`)", args.id, ids.join(", ")));
    }
    Ok(print(&found.iter().map(|page| page.text.as_str()).collect::<String>()))
}
