//! `counterfoil-node --config node.toml`: one node of a cluster.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// One node of a Counterfoil cluster. Logs go to standard error; SIGTERM or SIGINT stops it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The node's configuration file.
    #[arg(long)]
    config: PathBuf,
}

fn main() -> ExitCode {
    mpc_backend::node::process::run(&Arguments::parse().config)
}
