//! What every request needs: who is who, the connections, the logins and the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proto::manifest::Manifest;
use rand_core::{OsRng, RngCore};
use token::backend::{BackendError, BackendResult, RsaPolicy};

use crate::config::Config;
use crate::connect::Endpoint;
use crate::deadline::Deadline;
use crate::identity::Identity;
use crate::log::Log;
use crate::login::Logins;
use crate::nodes::Nodes;
use crate::pool::Pool;
use crate::view::View;

/// The part of a client that no single task owns.
pub(crate) struct Core {
    pub(crate) manifest: Manifest,
    pub(crate) cluster_id: [u8; 32],
    pub(crate) identity: Identity,
    /// What this process calls itself.
    pub(crate) instance: [u8; 16],
    pub(crate) pool: Pool,
    pub(crate) nodes: Nodes,
    pub(crate) logins: Logins,
    pub(crate) log: Log,
    pub(crate) rsa: RsaPolicy,
    pub(crate) views: Vec<View>,
    limit: Duration,
    /// Registry index of our last own write: what we read must include it.
    written: AtomicU64,
}

impl Core {
    pub(crate) fn new(config: Config) -> Self {
        let Config { manifest, identity, deadline, log, log_level, rsa, views } = config;
        let indices: Vec<u8> = manifest.nodes.iter().map(|node| node.index).collect();
        let start = usize::from(identity.public().first().copied().unwrap_or_default());
        let mut instance = [0; 16];
        OsRng.fill_bytes(&mut instance);
        let endpoint = |node| Endpoint::new(&manifest, node, &identity, instance);
        let endpoints: Vec<Endpoint> = manifest.nodes.iter().map(endpoint).collect();
        Self {
            cluster_id: manifest.cluster_id(),
            pool: Pool::new(endpoints),
            nodes: Nodes::new(&indices, usize::from(manifest.threshold), start),
            logins: Logins::default(),
            log: Log::new(log, log_level),
            rsa,
            views,
            limit: deadline,
            written: AtomicU64::new(0),
            manifest,
            identity,
            instance,
        }
    }

    /// Starts the clock of a call.
    ///
    /// # Errors
    /// In a forked child: connections, logins and leased presignatures are the parent's.
    pub(crate) fn start(&self) -> BackendResult<Deadline> {
        if !self.pool.is_ours() {
            return Err(BackendError::Internal("this client belongs to the parent process".into()));
        }
        Ok(Deadline::after(self.limit))
    }

    /// Nodes that must agree: T.
    pub(crate) fn threshold(&self) -> usize {
        self.nodes.threshold()
    }

    /// Registry index that an answer must include for this process to see its own writes.
    pub(crate) fn read_floor(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// A command of ours was applied at `index`, says one node. An index far above what T nodes
    /// have claimed is a lie that would make honest nodes wait, and is not taken.
    pub(crate) fn wrote(&self, index: u64) {
        let known = self.nodes.registry_index();
        if index <= known.saturating_add(INDEX_LEAP_MAX) {
            self.written.fetch_max(index, Ordering::Relaxed);
        } else {
            self.log.warn(format_args!("a node claims registry index {index}, others are at {known}"));
        }
    }
}

/// 32 random bytes for one request.
pub(crate) fn fresh_nonce() -> [u8; 32] {
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    nonce
}

/// Commands of others that may be applied between two answers to us.
const INDEX_LEAP_MAX: u64 = 4096;
