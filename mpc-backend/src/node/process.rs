//! The life of the process `counterfoil-node`: hardened before any secret is read, refused in one
//! line, stopped by a signal. Exit codes: 0 stopped, 1 failed, 2 wrong configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Node;
use super::clients::Lie;
use crate::config::NodeConfig;
use crate::{harden, shutdown, telemetry};

/// Runs the node of this configuration file until SIGTERM or SIGINT. Logs and the reason of a
/// failure go to standard error, nothing to standard output.
pub fn run(config: &Path) -> ExitCode {
    run_lying(config, None)
}

/// The same for a node of the tests, which alters its answers to clients.
pub fn run_lying(config: &Path, lie: Option<Lie>) -> ExitCode {
    let hardened = match harden::harden() {
        Ok(hardened) => hardened,
        Err(error) => return refuse(1, &format!("core dumps cannot be forbidden: {error}")),
    };
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let config = match NodeConfig::load(config, credentials.as_deref()) {
        Ok(config) => config,
        Err(error) => return refuse(2, &error.to_string()),
    };
    telemetry::start(config.log_level, config.log_format);
    if !hardened.memory_locked {
        tracing::warn!("memory is not locked and may be swapped: raise the limit (LimitMEMLOCK=infinity)");
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(live(config, lie)),
        Err(error) => refuse(1, &format!("no runtime: {error}")),
    }
}

async fn live(config: NodeConfig, lie: Option<Lie>) -> ExitCode {
    let mut node = match Node::start(config, lie).await {
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
