//! Talking to the nodes with one key, as an operator or an enrolled client.

use std::time::{Duration, Instant};

use client::admin::Admin;
use client::failure::NodeFailure;
use client::identity::Identity;
use ed25519_dalek::SigningKey;
use proto::client::v1::StatusReply;
use proto::manifest::Manifest;
use proto::registry::v1::SignedCommand;
use token::backend::BackendError;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;

/// Whoever asks.
pub struct Caller {
    admin: Admin,
}

/// One node's index, and its answer or why there is none.
pub type NodeStatus = (u8, Result<StatusReply, NodeFailure>);

impl Caller {
    /// A caller with this identity; nothing is connected yet.
    pub fn new(manifest: &Manifest, identity: &SigningKey) -> Self {
        let identity = Identity::from_seed(&Zeroizing::new(identity.to_bytes()));
        Self { admin: Admin::new(manifest.clone(), identity, LIMIT) }
    }

    /// What every node says of itself, in the order of the indices.
    pub fn status(&self) -> Vec<NodeStatus> {
        self.admin.status()
    }

    /// The furthest that any node has applied the registry.
    pub fn registry_index(&self) -> Result<u64, Failure> {
        let answers = self.status();
        let furthest =
            answers.iter().filter_map(|(_, answer)| answer.as_ref().ok()).map(|reply| reply.registry_index);
        furthest.max().ok_or_else(|| {
            let reasons = answers.iter().filter_map(|(node, answer)| {
                answer.as_ref().err().map(|reason| format!("node {node}: {reason}"))
            });
            Failure::refused(format!("no node answers: {}", reasons.collect::<Vec<_>>().join("; ")))
        })
    }

    /// Has a node make its pair set-up with a peer anew.
    pub fn renew_pair(&self, node: u8, peer: u8) -> Result<(), Failure> {
        let renewed = self.admin.renew_pair(node, peer);
        renewed.map_err(|failure| Failure::refused(format!("node {node}: {failure}")))
    }

    /// Has a command ordered and applied; returns its registry index once every node that answers has
    /// applied it too, so that what is asked next, of whichever node, finds it.
    pub fn propose(&self, command: &SignedCommand) -> Result<u64, Failure> {
        let index = self.order(command)?;
        let end = Instant::now() + SETTLE_LIMIT;
        let behind = |(_, answer): NodeStatus| answer.is_ok_and(|reply| reply.registry_index < index);
        while self.status().into_iter().any(behind) && Instant::now() < end {
            std::thread::sleep(SETTLE_PAUSE);
        }
        Ok(index)
    }

    fn order(&self, command: &SignedCommand) -> Result<u64, Failure> {
        self.admin.propose(command).map_err(|error| match error {
            // Of the commands that operators give, only these two can meet what is there already.
            BackendError::Stale => Failure::refused(
                "the registry has it already: a client or token is there once, and a revoked client stays revoked",
            ),
            other => Failure::refused(other),
        })
    }
}

/// How long a call may take: an election takes a second or two, a busy machine more.
const LIMIT: Duration = Duration::from_secs(15);
/// How long a node that lags is waited for: the command is decided without it.
const SETTLE_LIMIT: Duration = Duration::from_secs(2);
const SETTLE_PAUSE: Duration = Duration::from_millis(10);
