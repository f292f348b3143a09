//! Talking to the nodes with one key: status and proposals.

use std::time::{Duration, Instant};

use client::connect::{Connection, Endpoint};
use client::deadline::Deadline;
use client::failure::NodeFailure;
use client::identity::Identity;
use ed25519_dalek::SigningKey;
use proto::client::v1::{
    ProposeRequest, StatusReply, StatusRequest, request::Op, response::Result as Answer,
};
use proto::manifest::{Manifest, NodeEntry};
use proto::registry::v1::SignedCommand;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;

/// Whoever asks: an operator or an enrolled client.
pub struct Caller<'a> {
    manifest: &'a Manifest,
    identity: Identity,
}

impl<'a> Caller<'a> {
    /// A caller with this identity.
    pub fn new(manifest: &'a Manifest, identity: &SigningKey) -> Self {
        Self { manifest, identity: Identity::from_seed(&Zeroizing::new(identity.to_bytes())) }
    }

    /// What one node says of itself.
    pub fn status(&self, node: &NodeEntry) -> Result<StatusReply, NodeFailure> {
        match self.ask(node, Op::Status(StatusRequest {}))? {
            Answer::Status(reply) => Ok(reply),
            _ => Err(unexpected()),
        }
    }

    /// The furthest that any node has applied the registry.
    pub fn registry_index(&self) -> Result<u64, Failure> {
        let mut reasons = Vec::new();
        let mut indices = Vec::new();
        for node in &self.manifest.nodes {
            match self.status(node) {
                Ok(reply) => indices.push(reply.registry_index),
                Err(reason) => reasons.push(format!("node {}: {reason}", node.index)),
            }
        }
        indices
            .into_iter()
            .max()
            .ok_or_else(|| Failure::refused(format!("no node answers: {}", reasons.join("; "))))
    }

    /// Has a command ordered and applied; returns its registry index. A command is applied once
    /// however often it is sent, so an unanswered try is made again at the next node.
    pub fn propose(&self, command: &SignedCommand) -> Result<u64, Failure> {
        self.any_node("propose", |node| {
            let op = Op::Propose(ProposeRequest { command: Some(command.clone()) });
            match self.ask(node, op)? {
                Answer::Propose(reply) => Ok(reply.index),
                _ => Err(unexpected()),
            }
        })
    }

    /// Asks node after node, round after round until [`PATIENCE`] is over. A refusal that no other
    /// node would change is final.
    fn any_node<T>(
        &self,
        what: &str,
        ask: impl Fn(&NodeEntry) -> Result<T, NodeFailure>,
    ) -> Result<T, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut reasons = Vec::new();
            for node in &self.manifest.nodes {
                match ask(node) {
                    Ok(answer) => return Ok(answer),
                    Err(reason) if reason.is_passing() => {
                        reasons.push(format!("node {}: {reason}", node.index))
                    }
                    Err(reason) => {
                        return Err(Failure::refused(format!("node {} refused: {reason}", node.index)));
                    }
                }
            }
            if Instant::now() >= end {
                return Err(Failure::refused(format!("no node could {what}: {}", reasons.join("; "))));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn ask(&self, node: &NodeEntry, op: Op) -> Result<Answer, NodeFailure> {
        let deadline = Deadline::after(DEADLINE);
        let endpoint = Endpoint::new(self.manifest, node, &self.identity);
        Ok(Connection::open(&endpoint, deadline)?.call(op, 0, deadline)?.result)
    }
}

fn unexpected() -> NodeFailure {
    NodeFailure::Misbehaved("it answered something else than was asked".to_owned())
}

/// How long one request to one node may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long nodes are asked again: an election takes a second or two.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);
