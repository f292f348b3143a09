//! `counterfoil-node --config node.toml`: one node of a cluster.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// Presigning allocates vectors of tens of kilobytes for each message; the system's allocator gives such
/// memory back to the kernel and takes it anew each time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
