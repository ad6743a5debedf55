//! `causet config show`: the configuration as it is understood, with every default.

use super::gate_plan::{self, Plan};
use crate::cli::args::Configuration;
use crate::cli::exit;
use crate::cli::output::{complain, print};
use crate::config::Loaded;
use clap::Subcommand;

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Print it with every default, having looked up every id and expression in it
    Show {
        #[command(flatten)]
        configuration: Configuration,
    },
}

pub(in crate::cli) fn run(args: &Arguments) -> Result<u8, String> {
    let What::Show { configuration } = &args.what;
    let loaded = gate_plan::find(configuration).map_err(|error| error.to_string())?;
    let (origin, config) = match loaded {
        None => ("no causet.toml here or above; these are the defaults".to_owned(), Loaded::default().config),
        Some(loaded) => (loaded.path.display().to_string(), {
            let config = loaded.config.clone();
            let asks = !config.checks.is_empty() || !config.expectations.is_empty() || config.analyze.is_some();
            match Plan::new(loaded) {
                Err(errors) if asks => {
                    errors.iter().for_each(|error| complain(&error.to_string()));
                    return Ok(exit::USAGE);
                }
                _ => config,
            }
        }),
    };
    Ok(match toml::to_string_pretty(&config) {
        Ok(text) => print(&format!("# {origin}\n{text}")),
        Err(error) => {
            complain(&format!("the configuration can't be written: {error}"));
            exit::BUG
        }
    })
}
