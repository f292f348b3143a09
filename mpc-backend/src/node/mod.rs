//! A running node: the engine on its own thread, and the edges around it.
//!
//! Read in this order: `start` (what is opened, in which order), `core` (the event loop), `effects`,
//! `disk`, `workshop`, `registry`, `peers`, `clients`, `process`.

pub mod clients;
mod core;
mod disk;
mod effects;
mod error;
pub mod peers;
pub mod process;
mod registry;
mod start;
mod workshop;

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::raft::Member;
use crate::shutdown::Trigger;

pub use error::StartError;

/// A node that runs until it is stopped.
pub struct Node {
    /// Stops accepting and ends connections.
    edges: Trigger,
    /// Stops the engine.
    core: Trigger,
    edge_tasks: JoinSet<()>,
    core_tasks: JoinSet<()>,
    threads: Vec<JoinHandle<()>>,
    member: Member,
    failed: watch::Receiver<Option<String>>,
    serving: watch::Receiver<bool>,
}

impl Node {
    /// Returns when the node cannot go on, with the reason: its store fails or a part of it ended.
    pub async fn failed(&mut self) -> String {
        let part_ended = async {
            tokio::select! {
                Some(_) = self.edge_tasks.join_next() => {}
                Some(_) = self.core_tasks.join_next() => {}
                else => {}
            }
        };
        let told = async {
            let told = self.failed.wait_for(Option::is_some).await;
            told.ok().and_then(|reason| reason.clone()).unwrap_or_else(|| ENDED.into())
        };
        tokio::select! {
            reason = told => reason,
            () = part_ended => ENDED.into(),
        }
    }

    /// Returns once this node serves clients: its start-up check has passed.
    pub async fn serving(&mut self) {
        // An error means that the engine is gone; `failed` says so.
        let _gone = self.serving.wait_for(|serving| *serving).await;
    }

    /// Stops accepting, answers what is under way or gives it up by name, and ends within five
    /// seconds; everything acknowledged is on disk.
    pub async fn stop(mut self) {
        self.edges.stop();
        if tokio::time::timeout(EDGES_TIMEOUT, drain(&mut self.edge_tasks)).await.is_err() {
            tracing::warn!("connections did not end in time");
            self.edge_tasks.abort_all();
        }
        if tokio::time::timeout(LOG_TIMEOUT, self.member.stop()).await.is_err() {
            tracing::warn!("the registry's log did not stop in time");
        }
        self.core.stop();
        self.core_tasks.abort_all();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().map(JoinHandle::join).all(|ended| ended.is_ok())
        });
        match tokio::time::timeout(THREADS_TIMEOUT, joined).await {
            Ok(Ok(true)) => tracing::info!("stopped"),
            Ok(_) => tracing::error!("a thread of the node ended by a fault"),
            Err(_) => tracing::warn!("the engine did not stop in time"),
        }
    }
}

async fn drain(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

const ENDED: &str = "a part of the node ended unexpectedly";
const EDGES_TIMEOUT: Duration = Duration::from_millis(2_500);
const LOG_TIMEOUT: Duration = Duration::from_secs(1);
const THREADS_TIMEOUT: Duration = Duration::from_secs(1);
