//! Between Raft's log and the registry in the engine.
//!
//! **Layout.** Table `raft_snapshot`, key `current`: a postcard `StoredSnapshot`.
//!
//! **Durable.** The registry lives in memory. At start it is rebuilt from the stored snapshot and the
//! committed entries after it; log entries are purged only once a snapshot holds them.

use std::io::Cursor;
use std::sync::Arc;

use openraft::storage::RaftStateMachine;
use openraft::{
    EmptyNode, Entry, EntryPayload, ErrorSubject, ErrorVerb, OptionalSend, RaftSnapshotBuilder, Snapshot,
    SnapshotMeta, StorageError, StoredMembership,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::log_store::{LogError, decode, put, write};
use super::member::Applied;
use super::{LogId, RegistryCall, TypeConfig, storage_error};
use crate::seal::SealedStore;

type Result<T> = std::result::Result<T, StorageError<u64>>;

/// A snapshot of the registry as it stands in the store.
#[derive(Serialize, Deserialize)]
pub struct StoredSnapshot {
    meta: SnapshotMeta<u64, EmptyNode>,
    /// An encoded `Snapshot` of the registry.
    pub registry: Vec<u8>,
}

impl StoredSnapshot {
    /// The store's snapshot, if there is one.
    pub fn read(store: &SealedStore) -> std::result::Result<Option<Self>, LogError> {
        store.get(TABLE, CURRENT)?.map(|value| decode(&value)).transpose()
    }

    async fn save(&self, store: &Arc<SealedStore>) -> Result<()> {
        let saved = write(store, vec![put(TABLE, CURRENT, self)]).await;
        saved.map_err(|error| {
            storage_error(ErrorSubject::Snapshot(Some(self.meta.signature())), ErrorVerb::Write, &error)
        })
    }

    fn into_raft(self) -> Snapshot<TypeConfig> {
        Snapshot { meta: self.meta, snapshot: Box::new(Cursor::new(self.registry)) }
    }
}

/// Hands committed commands to the registry, one after the other.
pub struct StateMachine {
    store: Arc<SealedStore>,
    registry: mpsc::Sender<RegistryCall>,
    applied: Applied,
    last: Option<LogId>,
    membership: StoredMembership<u64, EmptyNode>,
}

impl StateMachine {
    /// The registry behind `registry` must hold the state of `snapshot`.
    pub fn new(
        store: Arc<SealedStore>,
        registry: mpsc::Sender<RegistryCall>,
        applied: Applied,
        snapshot: Option<&StoredSnapshot>,
    ) -> Self {
        let meta = snapshot.map(|snapshot| snapshot.meta.clone()).unwrap_or_default();
        Self { store, registry, applied, last: meta.last_log_id, membership: meta.last_membership }
    }

    async fn call<T>(&self, call: impl FnOnce(oneshot::Sender<T>) -> RegistryCall) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.registry.send(call(done)).await.ok()?;
        answer.await.ok()
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership<u64, EmptyNode>)> {
        Ok((self.last, self.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<()>>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut answers = Vec::new();
        for Entry { log_id, payload } in entries {
            match payload {
                EntryPayload::Blank => {}
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(log_id), membership);
                }
                EntryPayload::Normal(command) => {
                    let name = Applied::name(&command.0);
                    let index = log_id.index;
                    self.call(|done| RegistryCall::Apply { index, command: command.0, done })
                        .await
                        .ok_or_else(|| stopped(ErrorSubject::Apply(log_id)))?;
                    self.applied.tell(&name, index);
                }
            }
            self.last = Some(log_id);
            answers.push(());
        }
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let registry = self.call(|done| RegistryCall::Snapshot { done }).await;
        let id = self.last.map(|id| format!("{}-{}", id.leader_id.term, id.index)).unwrap_or_default();
        let meta = SnapshotMeta {
            last_log_id: self.last,
            last_membership: self.membership.clone(),
            snapshot_id: id,
        };
        Builder { store: self.store.clone(), meta, registry }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, EmptyNode>,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<()> {
        let subject = ErrorSubject::Snapshot(Some(meta.signature()));
        let registry = snapshot.into_inner();
        let replaced = self
            .call(|done| RegistryCall::Replace { snapshot: registry.clone(), done })
            .await
            .ok_or_else(|| stopped(subject.clone()))?;
        // Refused: the log stops here, and the node says so. What it held stays as it was.
        replaced.map_err(|why| storage_error(subject, ErrorVerb::Write, &std::io::Error::other(why)))?;
        StoredSnapshot { meta: meta.clone(), registry }.save(&self.store).await?;
        self.last = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>> {
        let stored = StoredSnapshot::read(&self.store)
            .map_err(|error| storage_error(ErrorSubject::Snapshot(None), ErrorVerb::Read, &error))?;
        Ok(stored.map(StoredSnapshot::into_raft))
    }
}

/// A snapshot taken between two commands, not yet stored.
pub struct Builder {
    store: Arc<SealedStore>,
    meta: SnapshotMeta<u64, EmptyNode>,
    /// `None` when the node is stopping.
    registry: Option<Vec<u8>>,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>> {
        let registry = self.registry.take().ok_or_else(|| stopped(ErrorSubject::Snapshot(None)))?;
        let stored = StoredSnapshot { meta: self.meta.clone(), registry };
        stored.save(&self.store).await?;
        Ok(stored.into_raft())
    }
}

fn stopped(subject: ErrorSubject<u64>) -> StorageError<u64> {
    storage_error(subject, ErrorVerb::Write, &LogError::Stopped)
}

const TABLE: &str = "raft_snapshot";
const CURRENT: &[u8] = b"current";
