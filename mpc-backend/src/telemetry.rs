//! Structured logs to standard error. No event of this crate carries a secret: types that hold one
//! have no `Debug`.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging at `level`. Libraries speak at `warn` and above, and the Raft library, which warns
/// of each change of leader, at `error`; at `debug` and `trace` all speak as loud as we do. Does
/// nothing when logging has started.
pub fn start(level: tracing::Level, format: LogFormat) {
    let loud = level >= tracing::Level::DEBUG;
    let libraries = if loud { level } else { tracing::Level::WARN };
    let raft = if loud { level } else { tracing::Level::ERROR };
    let ours = format!("mpc_backend={level},engine={level},counterfoil={level}");
    let filter = EnvFilter::new(format!("{libraries},openraft={raft},{ours}"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
