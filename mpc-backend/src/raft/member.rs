//! One node's part in the log: it votes when the engine allows it, proposes through whoever leads,
//! and answers its peers.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::ProposalError;
use openraft::error::{ClientWriteError, InitializeError, RaftError};
use openraft::raft::{AppendEntriesRequest, InstallSnapshotRequest, VoteRequest};
use openraft::{Config, EmptyNode, Raft, SnapshotPolicy};
use proto::limits::COMMAND_BYTES_MAX;
use proto::peer::v1::RaftMessage;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tonic::Status;

use super::log_store::{LogError, decode};
use super::network::{CallError, Calls, Kind};
use super::{Command, LogStore, RegistryCall, StateMachine, StoredSnapshot, TypeConfig};
use crate::seal::SealedStore;

/// Why the log does not start.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// The stored snapshot.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The Raft library's words.
    #[error("the registry's log does not start: {0}")]
    Raft(String),
}

/// A running member of the log; cheap to clone.
#[derive(Clone)]
pub struct Member {
    raft: Raft<TypeConfig>,
    index: u64,
    members: Arc<BTreeMap<u64, EmptyNode>>,
    calls: Calls,
    applied: Applied,
    voting: Arc<AtomicBool>,
}

/// What a leader says to a forwarded proposal; the decision is seen where it is applied.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Forwarded {
    Accepted,
    NotLeader,
}

enum Submitted {
    /// In the leader's log.
    Accepted,
    /// Certainly in nobody's log.
    Nowhere,
    /// The answer was lost.
    Unknown,
}

impl Member {
    /// Starts with the stored log; committed commands after the stored snapshot come through
    /// `registry` before this returns. Does not vote until [`Member::allow_voting`].
    pub async fn start(
        index: u8,
        members: impl IntoIterator<Item = u8>,
        store: Arc<SealedStore>,
        registry: mpsc::Sender<RegistryCall>,
        calls: Calls,
    ) -> Result<Self, MemberError> {
        let config = Config {
            cluster_name: "counterfoil".into(),
            heartbeat_interval: 100,
            election_timeout_min: 400,
            election_timeout_max: 800,
            install_snapshot_timeout: 10_000,
            max_payload_entries: 64,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(2_000),
            snapshot_max_chunk_size: 1 << 20,
            max_in_snapshot_log_to_keep: 200,
            enable_elect: false,
            ..Config::default()
        };
        let config = config.validate().map_err(|error| MemberError::Raft(error.to_string()))?;
        let applied = Applied::default();
        let snapshot = StoredSnapshot::read(&store)?;
        let machine = StateMachine::new(store.clone(), registry, applied.clone(), snapshot.as_ref());
        let index = u64::from(index);
        let log = LogStore::new(store);
        log.resign(index).await?;
        let raft = Raft::new(index, Arc::new(config), calls.clone(), log, machine)
            .await
            .map_err(|error| MemberError::Raft(error.to_string()))?;
        let members = members.into_iter().map(|member| (u64::from(member), EmptyNode {})).collect();
        Ok(Self { raft, index, members: Arc::new(members), calls, applied, voting: Arc::default() })
    }

    /// Lets this node vote and stand for election, or forbids both. The lowest node founds the log
    /// when it may vote for the first time; a log that exists is left as it is.
    pub async fn allow_voting(&self, allowed: bool) -> Result<(), MemberError> {
        self.voting.store(allowed, Ordering::SeqCst);
        self.raft.runtime_config().elect(allowed);
        let lowest = self.members.keys().next() == Some(&self.index);
        let founded = self.raft.is_initialized().await;
        if !allowed || !lowest || founded.map_err(|error| MemberError::Raft(error.to_string()))? {
            return Ok(());
        }
        match self.raft.initialize((*self.members).clone()).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(MemberError::Raft(error.to_string())),
        }
    }

    /// Brings a command into the log and returns the index at which this node applied it.
    ///
    /// The same bytes may be submitted again when an answer was lost; the registry applies a command
    /// once, and the first application counts.
    pub async fn propose(&self, command: Vec<u8>, deadline: Instant) -> Result<u64, ProposalError> {
        let applied = self.applied.expect(&command);
        let command = Command(command);
        let mut seen = false;
        let submit = async {
            loop {
                let pause = match self.submit(&command, deadline).await? {
                    Submitted::Nowhere => RETRY_PAUSE,
                    Submitted::Unknown => {
                        seen = true;
                        UNKNOWN_PAUSE
                    }
                    Submitted::Accepted => {
                        seen = true;
                        // The leader may yet lose it: it is not decided before it is applied.
                        UNKNOWN_PAUSE
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            index = applied => index.map_err(|_| ProposalError::Failed("the log stopped".into())),
            failed = submit => failed,
            () = tokio::time::sleep_until(deadline) => {
                Err(if seen { ProposalError::Deadline } else { ProposalError::NoLeader })
            }
        }
    }

    async fn submit(&self, command: &Command, deadline: Instant) -> Result<Submitted, ProposalError> {
        match self.leader() {
            None => Ok(Submitted::Nowhere),
            Some(leader) if leader == self.index => match self.append(command.clone()).await {
                Ok(Forwarded::Accepted) => Ok(Submitted::Accepted),
                Ok(Forwarded::NotLeader) => Ok(Submitted::Nowhere),
                Err(error) => Err(ProposalError::Failed(error)),
            },
            Some(leader) => {
                let left = deadline.saturating_duration_since(Instant::now());
                match self.calls.call(leader, Kind::Propose, command, left).await {
                    Ok(Forwarded::Accepted) => Ok(Submitted::Accepted),
                    Ok(Forwarded::NotLeader) | Err(CallError::Unreachable(_)) => Ok(Submitted::Nowhere),
                    Err(error) => {
                        tracing::warn!(%error, "proposal forwarded without an answer");
                        Ok(Submitted::Unknown)
                    }
                }
            }
        }
    }

    async fn append(&self, command: Command) -> Result<Forwarded, String> {
        match self.raft.client_write(command).await {
            Ok(_) => Ok(Forwarded::Accepted),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => Ok(Forwarded::NotLeader),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Answers a peer, whose index TLS has proven.
    pub async fn serve(&self, peer: u8, message: RaftMessage) -> Result<RaftMessage, Status> {
        let kind = Kind::of(&message)?;
        let damaged = |error: LogError| Status::invalid_argument(error.to_string());
        match kind {
            Kind::Append => {
                let request: AppendEntriesRequest<TypeConfig> = decode(&message.payload).map_err(damaged)?;
                speaks_for_itself(peer, request.vote.leader_id().node_id)?;
                Ok(kind.message(&self.raft.append_entries(request).await))
            }
            Kind::Vote => {
                let request: VoteRequest<u64> = decode(&message.payload).map_err(damaged)?;
                speaks_for_itself(peer, request.vote.leader_id().node_id)?;
                if !self.voting.load(Ordering::SeqCst) {
                    return Err(Status::failed_precondition("not voting until caught up"));
                }
                Ok(kind.message(&self.raft.vote(request).await))
            }
            Kind::Snapshot => {
                let request: InstallSnapshotRequest<TypeConfig> =
                    decode(&message.payload).map_err(damaged)?;
                speaks_for_itself(peer, request.vote.leader_id().node_id)?;
                Ok(kind.message(&self.raft.install_snapshot(request).await))
            }
            Kind::Propose => {
                let command: Command = decode(&message.payload).map_err(damaged)?;
                if command.0.len() > COMMAND_BYTES_MAX {
                    return Err(Status::invalid_argument("command over the limit"));
                }
                Ok(kind.message(&self.append(command).await.map_err(Status::internal)?))
            }
        }
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<u64> {
        self.raft.metrics().borrow().current_leader
    }

    /// Tells each change of leader, the present one first, until the log stops.
    pub async fn watch_leader(&self, mut tell: impl FnMut(Option<u8>)) {
        let mut metrics = self.raft.metrics();
        let mut told = None;
        loop {
            let leader = metrics.borrow_and_update().current_leader;
            if told != Some(leader) {
                told = Some(leader);
                tell(leader.and_then(|leader| u8::try_from(leader).ok()));
            }
            if metrics.changed().await.is_err() {
                return;
            }
        }
    }

    /// Stops taking part; what was acknowledged is on disk.
    pub async fn stop(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "the registry's log did not stop cleanly");
        }
    }
}

/// A node leads, or stands for election, in its own name only.
fn speaks_for_itself(peer: u8, named: u64) -> Result<(), Status> {
    if u64::from(peer) == named {
        Ok(())
    } else {
        Err(Status::permission_denied(format!("node {peer} spoke as node {named}")))
    }
}

/// Who waits for which command to be applied here.
#[derive(Clone, Default)]
pub struct Applied(Arc<Mutex<Waiting>>);

type Waiting = HashMap<[u8; 32], Vec<oneshot::Sender<u64>>>;

impl Applied {
    /// SHA-256 of a command.
    pub(super) fn name(command: &[u8]) -> [u8; 32] {
        Sha256::digest(command).into()
    }

    fn expect(&self, command: &[u8]) -> oneshot::Receiver<u64> {
        let (told, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        // Those who gave up leave with the next one who comes.
        waiting.retain(|_, tell| {
            tell.retain(|told| !told.is_closed());
            !tell.is_empty()
        });
        waiting.entry(Self::name(command)).or_default().push(told);
        receiver
    }

    /// Tells those who wait for this command its index.
    pub(super) fn tell(&self, name: &[u8; 32], index: u64) {
        for told in self.waiting().remove(name).unwrap_or_default() {
            // One who gave up meanwhile is no loss.
            let _gave_up = told.send(index);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().expect("nothing panics while the map is locked")
    }
}

/// Between two tries when there is no leader to be reached.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Before a command whose fate is unknown is submitted again.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(1);
