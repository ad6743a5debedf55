//! `causet list REGISTRY`.

use super::registries;
use crate::cli::output::print;
use crate::report::SCHEMA_VERSION;
use clap::ValueEnum;
use serde_json::json;
use std::fmt::Write;

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[arg(value_name = "REGISTRY", help = registries::names())]
    registry: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = How::Text, value_name = "FORMAT")]
    report: How,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    Text,
    Json,
}

pub(in crate::cli) fn run(args: &Arguments) -> Result<u8, String> {
    let Some(registry) = registries::ALL.into_iter().find(|registry| registry.id == args.registry) else {
        let known = registries::ALL.map(|registry| registry.id);
        return Err(format!("no registry `{}`; there are {}", args.registry, known.join(", ")));
    };
    let pages = (registry.pages)();
    Ok(match args.report {
        How::Text => {
            let width = pages.iter().map(|page| page.id.len()).max().unwrap_or(0);
            let bold = anstyle::Style::new().bold();
            let mut text = String::new();
            for page in &pages {
                let _ = writeln!(text, "{bold}{:width$}{bold:#}  {}", page.id, page.summary);
            }
            print(&text)
        }
        How::Json => {
            let entry = |page: &registries::Page| {
                let mut entry = json!({"id": page.id, "summary": page.summary});
                page.more.iter().for_each(|(name, text)| entry[*name] = json!(text));
                entry
            };
            let entries: Vec<_> = pages.iter().map(entry).collect();
            let object = json!({"schema_version": SCHEMA_VERSION, "registry": registry.id, "entries": entries});
            print(&format!("{object:#}\n"))
        }
    })
}
