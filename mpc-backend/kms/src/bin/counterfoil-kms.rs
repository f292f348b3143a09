//! `counterfoil-kms --config kms.toml`: the KMS agent.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// A KMS for the programs of this machine, with keys that nobody holds. SIGTERM or SIGINT stops it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The credentials file.
    #[arg(long)]
    config: PathBuf,
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("COUNTERFOIL_LOG_LEVEL")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,kms=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    match kms::agent::run(&Arguments::parse().config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("counterfoil-kms: {why}");
            ExitCode::FAILURE
        }
    }
}
