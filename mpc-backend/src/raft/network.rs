//! Raft's calls to peers: unary gRPC on a channel that proved both keys, each call with a deadline.
//! Payloads are postcard; their sizes are bounded by `limits::PEER_MESSAGE_BYTES_MAX`.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use openraft::EmptyNode;
use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use proto::limits::{FORMAT, PEER_MESSAGE_BYTES_MAX};
use proto::peer::v1::RaftMessage;
use proto::peer::v1::peer_client::PeerClient;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::TypeConfig;
use super::log_store::{LogError, decode};

/// What a `RaftMessage` carries, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Entries, or a heartbeat.
    Append = 1,
    /// A request for a vote.
    Vote = 2,
    /// A piece of a snapshot.
    Snapshot = 3,
    /// A command for the leader to propose.
    Propose = 4,
}

impl Kind {
    /// The kind of a received message; refuses other formats and kinds.
    pub(super) fn of(message: &RaftMessage) -> Result<Self, Status> {
        if message.format != FORMAT {
            let found = message.format;
            return Err(Status::invalid_argument(format!("format {found}, this software reads {FORMAT}")));
        }
        [Self::Append, Self::Vote, Self::Snapshot, Self::Propose]
            .into_iter()
            .find(|kind| *kind as u32 == message.kind)
            .ok_or_else(|| Status::invalid_argument(format!("unknown kind {}", message.kind)))
    }

    /// A message of this kind.
    pub(super) fn message(self, body: &impl Serialize) -> RaftMessage {
        let payload = postcard::to_allocvec(body).expect("Raft's types have no form that postcard lacks");
        RaftMessage { format: FORMAT, kind: self as u32, payload }
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// No connection, or none that proved the right key: the peer did not see the call.
    #[error("node {0} is unreachable")]
    Unreachable(u64),
    /// The peer refused, or the answer is lost; it may have acted on the call.
    #[error("node {0}: {1}")]
    Failed(u64, String),
    /// The answer is not what was asked for.
    #[error("node {0} answered wrongly: {1}")]
    Answer(u64, LogError),
}

/// The channels to all peers; cheap to clone.
#[derive(Clone)]
pub struct Calls {
    clients: Arc<BTreeMap<u64, PeerClient<Channel>>>,
}

impl Calls {
    /// Over channels that connect when they are used.
    pub fn new(channels: impl IntoIterator<Item = (u8, Channel)>) -> Self {
        let client = |channel| {
            PeerClient::new(channel)
                .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
                .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX)
        };
        let clients = channels.into_iter().map(|(index, channel)| (u64::from(index), client(channel)));
        Self { clients: Arc::new(clients.collect()) }
    }

    /// One question and its answer.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        target: u64,
        kind: Kind,
        question: &impl Serialize,
        timeout: Duration,
    ) -> Result<A, CallError> {
        let mut client = self.clients.get(&target).cloned().ok_or(CallError::Unreachable(target))?;
        let answer = tokio::time::timeout(timeout, client.raft(kind.message(question)))
            .await
            .map_err(|_| CallError::Failed(target, "no answer within the deadline".into()))?
            .map_err(|status| match status.code() {
                Code::Unavailable => CallError::Unreachable(target),
                _ => CallError::Failed(target, status.message().into()),
            })?;
        decode(&answer.into_inner().payload).map_err(|error| CallError::Answer(target, error))
    }
}

/// One peer, as Raft sees it.
pub struct Network {
    calls: Calls,
    target: u64,
}

impl Network {
    async fn ask<A, E>(
        &self,
        kind: Kind,
        question: &impl Serialize,
        option: &RPCOption,
    ) -> Result<A, RPCError<u64, EmptyNode, RaftError<u64, E>>>
    where
        A: DeserializeOwned,
        E: std::error::Error + DeserializeOwned,
    {
        let answer = self.calls.call(self.target, kind, question, option.hard_ttl()).await;
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(RPCError::RemoteError(RemoteError::new(self.target, error))),
            Err(error @ CallError::Unreachable(_)) => Err(RPCError::Unreachable(Unreachable::new(&error))),
            Err(error) => Err(RPCError::Network(NetworkError::new(&error))),
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for Calls {
    type Network = Network;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> Network {
        Network { calls: self.clone(), target }
    }
}

impl RaftNetwork<TypeConfig> for Network {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        self.ask(Kind::Append, &request, &option).await
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64, InstallSnapshotError>>>
    {
        self.ask(Kind::Snapshot, &request, &option).await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        self.ask(Kind::Vote, &request, &option).await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(iter::repeat(UNREACHABLE_PAUSE))
    }
}

/// Between two tries at a peer that is away.
const UNREACHABLE_PAUSE: Duration = Duration::from_millis(200);
