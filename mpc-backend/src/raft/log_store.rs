//! Raft's log, vote and commit mark in the sealed store.
//!
//! **Layout.** Table `raft_log`: log index, 8 bytes big-endian, to a postcard `Entry`. Table
//! `raft_meta`: `vote`, `committed` and `purged`, each postcard.
//!
//! **Atomic and durable.** Each call is one write of the store and returns, or calls back, after it:
//! a vote is never given and an entry never acknowledged that a crash could take back.
//!
//! **Crash points.** An entry written but not acknowledged is found at start and overwritten or kept
//! as the leader says. Purging removes entries and moves `purged` in one write.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{Entry, ErrorSubject, ErrorVerb, LogState, OptionalSend, RaftLogReader, StorageError, Vote};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Write;

use super::{LogId, TypeConfig, storage_error};
use crate::seal::{SealError, SealedStore};

type Result<T> = std::result::Result<T, StorageError<u64>>;

/// The log of one node; also reads it for the replication tasks.
#[derive(Clone)]
pub struct LogStore {
    store: Arc<SealedStore>,
}

impl LogStore {
    /// Over an opened store.
    pub fn new(store: Arc<SealedStore>) -> Self {
        Self { store }
    }

    /// Gives up a leadership of before the start. The library would take it up again without asking
    /// anyone; but a leader whose store is an old copy would write other entries under numbers that
    /// its followers have already. So it stands for election like every other node.
    pub async fn resign(&self, node: u64) -> std::result::Result<(), LogError> {
        let vote: Option<Vote<u64>> = self.meta(VOTE)?;
        match vote {
            Some(vote) if vote.committed && vote.leader_id.node_id == node => {
                let vote = Vote { committed: false, ..vote };
                write(&self.store, vec![put(META, VOTE, &vote)]).await
            }
            _ => Ok(()),
        }
    }

    fn meta<T: DeserializeOwned>(&self, key: &'static [u8]) -> std::result::Result<Option<T>, LogError> {
        self.store.get(META, key)?.map(|value| decode(&value)).transpose()
    }

    async fn write(&self, writes: Vec<Write>, subject: ErrorSubject<u64>) -> Result<()> {
        write(&self.store, writes).await.map_err(|error| storage_error(subject, ErrorVerb::Write, &error))
    }

    /// Up to `limit` entries with `from <= index < to`.
    fn entries(
        &self,
        from: u64,
        to: Option<u64>,
        limit: usize,
    ) -> std::result::Result<Vec<Entry<TypeConfig>>, LogError> {
        let to = to.map(u64::to_be_bytes);
        let to = to.as_ref().map(|to| to.as_slice());
        let records = self.store.range(LOG, &from.to_be_bytes(), to, limit)?;
        records.iter().map(|(_, value)| decode(value)).collect()
    }

    /// Removals of all entries with `from <= index < to`.
    fn removals(&self, from: u64, to: Option<u64>) -> std::result::Result<Vec<Write>, LogError> {
        let entries = self.entries(from, to, usize::MAX)?.into_iter();
        Ok(entries
            .map(|entry| Write { table: LOG, key: entry.log_id.index.to_be_bytes().into(), value: None })
            .collect())
    }
}

fn unreadable(error: LogError) -> StorageError<u64> {
    storage_error(ErrorSubject::Logs, ErrorVerb::Read, &error)
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<TypeConfig>>> {
        let from = match range.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(from) => from.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(to) => to.checked_add(1),
            Bound::Excluded(to) => Some(*to),
            Bound::Unbounded => None,
        };
        self.entries(from, to, usize::MAX).map_err(unreadable)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry<TypeConfig>>> {
        self.entries(start, Some(end), ENTRIES_PER_CALL).map_err(unreadable)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>> {
        let last_purged_log_id: Option<LogId> = self.meta(PURGED).map_err(unreadable)?;
        let mut last_log_id = last_purged_log_id;
        // Asked once, at start. Pages keep a log of large commands out of memory.
        loop {
            let from = last_log_id.map_or(0, |id| id.index + 1);
            match self.entries(from, None, ENTRIES_PER_CALL).map_err(unreadable)?.last() {
                Some(entry) => last_log_id = Some(entry.log_id),
                None => return Ok(LogState { last_purged_log_id, last_log_id }),
            }
        }
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<()> {
        self.write(vec![put(META, VOTE, vote)], ErrorSubject::Vote).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>> {
        self.meta(VOTE).map_err(unreadable)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<()> {
        self.write(vec![put(META, COMMITTED, &committed)], ErrorSubject::Store).await
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>> {
        Ok(self.meta::<Option<LogId>>(COMMITTED).map_err(unreadable)?.flatten())
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<TypeConfig>) -> Result<()>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let writes =
            entries.into_iter().map(|entry| put(LOG, &entry.log_id.index.to_be_bytes(), &entry)).collect();
        self.write(writes, ErrorSubject::Logs).await?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<()> {
        let removals = self.removals(log_id.index, None).map_err(unreadable)?;
        self.write(removals, ErrorSubject::Logs).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<()> {
        let mut writes = self.removals(0, log_id.index.checked_add(1)).map_err(unreadable)?;
        writes.push(put(META, PURGED, &log_id));
        self.write(writes, ErrorSubject::Logs).await
    }
}

/// Writes off the executor: the disk blocks.
pub(super) async fn write(store: &Arc<SealedStore>, writes: Vec<Write>) -> std::result::Result<(), LogError> {
    let store = store.clone();
    let written = tokio::task::spawn_blocking(move || store.write(writes)).await;
    Ok(written.map_err(|_| LogError::Stopped)??)
}

pub(super) fn put(table: &'static str, key: &[u8], value: &impl Serialize) -> Write {
    let value = postcard::to_allocvec(value).expect("Raft's types have no form that postcard lacks");
    Write { table, key: key.into(), value: Some(value) }
}

/// Reads exactly one value: trailing bytes are refused.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<T, LogError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(LogError::Damaged),
    }
}

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] SealError),
    /// A record that is not what was written.
    #[error("a record of the registry's log is damaged")]
    Damaged,
    /// The process is stopping.
    #[error("the node is stopping")]
    Stopped,
}

const LOG: &str = "raft_log";
const META: &str = "raft_meta";
const VOTE: &[u8] = b"vote";
const COMMITTED: &[u8] = b"committed";
const PURGED: &[u8] = b"purged";
/// Entries sent to a peer at once: with the largest commands, half of what a message may hold.
const ENTRIES_PER_CALL: usize = proto::limits::PEER_MESSAGE_BYTES_MAX / proto::limits::COMMAND_BYTES_MAX / 2;
