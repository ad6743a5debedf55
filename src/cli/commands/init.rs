//! `causet init`: a commented causet.toml.

use crate::cli::output::print;
use crate::config::{FILE_NAME, TEMPLATE};
use std::io::{ErrorKind, Write};

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  causet init
  causet init --traces 'target/traces/*.jsonl' && causet gate
  causet init --histories store/ && causet gate")]
pub(in crate::cli) struct Arguments {
    /// Where the traces will be: file, folder or glob; with this alone, histories are left out
    #[arg(long, value_name = "INPUT")]
    traces: Option<String>,
    /// Where the histories will be; with this alone, traces are left out
    #[arg(long, value_name = "INPUT")]
    histories: Option<String>,
}

pub(in crate::cli) fn run(args: &Arguments) -> Result<u8, String> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(FILE_NAME);
    let written = file.and_then(|mut file| file.write_all(text(args).as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{FILE_NAME}: there is one already; remove it first, or edit it"),
        _ => format!("{FILE_NAME}: {error}"),
    })?;
    Ok(print(&format!("wrote {FILE_NAME}; `causet gate` does what it says\n")))
}

/// The template with the inputs put in, and the sections that nobody asked for commented out.
fn text(args: &Arguments) -> String {
    let (traces, histories) = (args.traces.as_deref(), args.histories.as_deref());
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut out = String::new();
    let mut wanted = true;
    for line in TEMPLATE.lines() {
        if line.starts_with("# ----") {
            wanted = match line {
                _ if line.contains("Traces") => traces.is_some() || histories.is_none(),
                _ if line.contains("Histories") => histories.is_some() || traces.is_none(),
                _ => true,
            };
        }
        let line = line.replace("\"traces\"", &quoted(traces.unwrap_or("traces")));
        let line = line.replace("\"histories\"", &quoted(histories.unwrap_or("histories")));
        if !wanted && !line.is_empty() && !line.starts_with('#') {
            out.push_str("# ");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}
