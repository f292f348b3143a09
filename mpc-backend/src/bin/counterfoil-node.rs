//! `counterfoil-node --config node.toml`: one node of a cluster. Logs go to standard error, nothing
//! to standard output. Exit codes: 0 stopped, 1 failed while running, 2 wrong configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use mpc_backend::config::NodeConfig;
use mpc_backend::node::Node;
use mpc_backend::{harden, shutdown, telemetry};

/// One node of a Counterfoil cluster.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The node's configuration file.
    #[arg(long)]
    config: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before any secret is read.
    let hardened = match harden::harden() {
        Ok(hardened) => hardened,
        Err(error) => return refuse(1, &format!("core dumps cannot be forbidden: {error}")),
    };
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let config = match NodeConfig::load(&arguments.config, credentials.as_deref().map(Path::new)) {
        Ok(config) => config,
        Err(error) => return refuse(2, &error.to_string()),
    };
    telemetry::start(config.log_level, config.log_format);
    if !hardened.memory_locked {
        tracing::warn!("memory is not locked and may be swapped: raise the limit (LimitMEMLOCK=infinity)");
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run(config)),
        Err(error) => refuse(1, &format!("no runtime: {error}")),
    }
}

async fn run(config: NodeConfig) -> ExitCode {
    let mut node = match Node::start(config).await {
        Ok(node) => node,
        Err(error) => return refuse(error.exit_code(), &error.to_string()),
    };
    let failure = tokio::select! {
        reason = node.failed() => Some(reason),
        signal = shutdown::termination() => match signal {
            Ok(signal) => {
                tracing::info!(signal, "stopping");
                None
            }
            Err(error) => Some(format!("signals cannot be received: {error}")),
        },
    };
    node.stop().await;
    failure.map_or(ExitCode::SUCCESS, |reason| refuse(1, &reason))
}

/// One line for the operator, also when logging has not started.
fn refuse(code: u8, reason: &str) -> ExitCode {
    // Without standard error the exit code alone must do.
    let _unheard = writeln!(std::io::stderr(), "counterfoil-node: {reason}");
    ExitCode::from(code)
}
