//! The `counterfoil` command: ceremony, clients, tokens, status and the lab.

use std::process::ExitCode;

use clap::Parser;
use mpc_backend::cli::{Cli, terminal};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::tell(format!("counterfoil: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
