//! Why a node does not start, and which exit code says so.

use store::StoreError;

use crate::config::ConfigError;
use crate::raft::{LogError, MemberError};
use crate::seal::SealError;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Configuration, key or passphrase.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store's file.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The sealed store.
    #[error("store {file}: {error}")]
    Seal {
        /// The store's file.
        file: String,
        /// What it said.
        error: SealError,
    },
    /// An address that cannot be bound.
    #[error("{key} {address}: {error}")]
    Listen {
        /// The key in `node.toml`.
        key: &'static str,
        /// The address.
        address: String,
        /// The system's error.
        error: std::io::Error,
    },
    /// The engine refused what it was given.
    #[error(transparent)]
    Engine(#[from] engine::StartError),
    /// The registry's log.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// The registry's stored snapshot.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Our own key.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Threads.
    #[error("{0}")]
    Thread(#[from] std::io::Error),
}

impl StartError {
    /// 2 when the operator's configuration is at fault, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Listen { .. }
            | Self::Store(StoreError::Locked { .. })
            | Self::Seal { error: SealError::Passphrase | SealError::Owner { .. }, .. }
            | Self::Engine(engine::StartError::Manifest(_) | engine::StartError::Identity(_)) => 2,
            _ => 1,
        }
    }
}
