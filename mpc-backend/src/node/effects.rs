//! Carries out what the engine asks, without ever waiting on the engine's thread.

use std::sync::Arc;

use engine::{Effect, Event, Level};
use tokio::sync::{mpsc, watch};

use super::clients::Connections;
use super::disk::Disk;
use super::peers::Links;
use super::workshop::Workshop;

/// A command on its way into the registry's log.
pub struct Proposal {
    /// The engine's number for it.
    pub ticket: u64,
    /// An encoded `SignedCommand`.
    pub command: Vec<u8>,
    /// Engine time at which it is given up, in ms.
    pub deadline_ms: u64,
}

/// Where each kind of effect goes.
pub struct Effects {
    /// To peers.
    pub links: Arc<Links>,
    /// To clients.
    pub connections: Arc<Connections>,
    /// To the disk.
    pub disk: Disk,
    /// To the threads for what computes for long.
    pub workshop: Workshop,
    /// To the registry's log. Unbounded: the engine bounds the requests that it has under way.
    pub proposals: mpsc::UnboundedSender<Proposal>,
    /// Whether this node may vote.
    pub voting: watch::Sender<bool>,
    /// Whether this node serves clients.
    pub serving: watch::Sender<bool>,
    /// The answer to a replaced registry.
    pub replaced: Option<Result<(), String>>,
}

impl Effects {
    /// Carries out one effect.
    pub fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::SendPeer { peer, envelope } => self.links.send(peer, envelope),
            Effect::ReplyClient { conn, frame } => self.connections.reply(conn, frame),
            Effect::CloseClient { conn } => self.connections.close(conn),
            Effect::Persist { ticket, writes } => self.disk.persist(ticket, writes),
            Effect::Work(work) => self.workshop.run(work),
            Effect::Propose { ticket, command, deadline_ms } => {
                // Nobody proposes any more when the node stops.
                let _stopping = self.proposals.send(Proposal { ticket, command, deadline_ms });
            }
            // The engine logs refusals and tells its client; the log itself only counts indices.
            Effect::AppliedResult { index, result } => {
                tracing::trace!(index, taken = result.is_ok(), "registry command decided");
            }
            Effect::RegistryReplaced { result } => {
                self.replaced = Some(result.map(drop).map_err(|refusal| refusal.to_string()));
            }
            Effect::AllowVoting(allowed) => {
                self.voting.send_replace(allowed);
            }
            Effect::ServingChanged(serving) => {
                self.serving.send_replace(serving);
            }
            Effect::Log(event) => log(&event),
        }
    }

    /// The answer to the last replaced registry, once.
    pub fn take_replaced(&mut self) -> Option<Result<(), String>> {
        self.replaced.take()
    }
}

fn log(event: &Event) {
    let name = event.name();
    match event.level() {
        Level::Debug => tracing::debug!(target: "engine", event = name, "{event}"),
        Level::Info => tracing::info!(target: "engine", event = name, "{event}"),
        Level::Warn => tracing::warn!(target: "engine", event = name, "{event}"),
        Level::Alarm => tracing::error!(target: "engine", event = name, alarm = true, "{event}"),
    }
}
