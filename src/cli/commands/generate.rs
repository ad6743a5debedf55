//! `causet generate`: what is made from the program itself.

use crate::cli::args::Cli;
use crate::cli::exit;
use crate::cli::output::{complain, print};
use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// The man page
    Man,
    /// Completions for a shell
    Completions { shell: Shell },
    /// The JSON Schema of the json report
    Schema,
    /// The JSON Schema of causet.toml, for editors
    ConfigSchema,
}

pub(in crate::cli) fn run(args: &Arguments) -> u8 {
    let mut bytes = Vec::new();
    match &args.what {
        What::Man => {
            if let Err(error) = clap_mangen::Man::new(Cli::command()).render(&mut bytes) {
                complain(&error.to_string());
                return exit::BUG;
            }
        }
        What::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "causet", &mut bytes);
        }
        What::ConfigSchema => bytes.extend_from_slice(crate::config::SCHEMA.as_bytes()),
        What::Schema => bytes.extend_from_slice(crate::report::SCHEMA.as_bytes()),
    }
    print(&String::from_utf8_lossy(&bytes))
}
