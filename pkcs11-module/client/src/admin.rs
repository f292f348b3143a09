//! What operators ask of a cluster. They use the client port, with their operator key as identity.

use std::time::Duration;

use proto::client::v1::{RenewPairRequest, StatusReply, StatusRequest, request, response};
use proto::manifest::Manifest;
use proto::registry::v1::{SignedCommand, TokenRecord};
use token::backend::{BackendResult, RsaPolicy};

use crate::call::Terms;
use crate::config::Config;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::failure::NodeFailure;
use crate::identity::Identity;
use crate::log::Level;

/// A connection to the cluster as an operator, or as a client that only looks.
pub struct Admin {
    core: Core,
    limit: Duration,
}

impl Admin {
    /// Nothing is connected yet. Each call takes at most `limit`.
    pub fn new(manifest: Manifest, identity: Identity, limit: Duration) -> Self {
        let config = Config {
            manifest,
            identity,
            deadline: limit,
            log: None,
            log_level: Level::Warn,
            rsa: RsaPolicy::default(),
            views: Vec::new(),
        };
        Self { core: Core::new(config), limit }
    }

    /// What every node says of itself, in the order of the manifest.
    pub fn status(&self) -> Vec<(u8, Result<StatusReply, NodeFailure>)> {
        let nodes = self.core.manifest.nodes.iter().map(|node| node.index);
        let requests = nodes.map(|node| (node, request::Op::Status(StatusRequest {}))).collect();
        let said = self.core.ask(requests, self.terms());
        said.into_iter()
            .map(|(node, answer)| {
                let status = answer.and_then(|answer| match answer.result {
                    response::Result::Status(status) => Ok(status),
                    _ => Err(NodeFailure::Misbehaved("answered another question".into())),
                });
                (node, status)
            })
            .collect()
    }

    /// All tokens, as T nodes have them.
    ///
    /// # Errors
    /// When T nodes cannot be reached or do not agree.
    pub fn tokens(&self) -> BackendResult<Vec<TokenRecord>> {
        self.core.agreed_tokens(self.deadline())
    }

    /// Has a signed command applied and answers with its registry index.
    ///
    /// # Errors
    /// The registry's refusal, or when no node does it within the time limit.
    pub fn propose(&self, command: &SignedCommand) -> BackendResult<u64> {
        self.core.propose(command, self.deadline())
    }

    /// Has one node make its pair set-up with `peer` anew, and end its quarantine.
    ///
    /// # Errors
    /// Why the node did not.
    pub fn renew_pair(&self, node: u8, peer: u8) -> Result<(), NodeFailure> {
        let renew = request::Op::RenewPair(RenewPairRequest { peer: peer.into() });
        let said = self.core.ask(vec![(node, renew)], self.terms()).into_iter().next();
        let (_, answer) = said.ok_or(NodeFailure::TimedOut)?;
        match answer?.result {
            response::Result::RenewPair(_) => Ok(()),
            _ => Err(NodeFailure::Misbehaved("answered another question".into())),
        }
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.limit)
    }

    fn terms(&self) -> Terms {
        Terms { token: None, min_registry_index: 0, repeatable: true, deadline: self.deadline() }
    }
}
