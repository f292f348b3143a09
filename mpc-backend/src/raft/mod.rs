//! Puts registry commands in one order at all nodes, and no more than that: a command is opaque
//! bytes here, and who may give it is decided by the engine at every node (design 3a).
//!
//! Read in this order: `log_store` (what is durable when), `state_machine` (the way to the engine),
//! `network` (calls to peers), `member` (one node's part: voting, proposing, answering peers).

mod log_store;
mod member;
mod network;
mod state_machine;

use std::fmt;
use std::io::Cursor;

use openraft::{AnyError, ErrorSubject, ErrorVerb, StorageError, StorageIOError};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

pub use log_store::{LogError, LogStore};
pub use member::{Member, MemberError};
pub use network::{Calls, Kind};
pub use state_machine::{StateMachine, StoredSnapshot};

openraft::declare_raft_types!(
    /// The types of our log: opaque commands, nodes by index, answers kept by the engine.
    pub TypeConfig:
        D = Command,
        R = (),
        NodeId = u64,
        Node = openraft::EmptyNode,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = Cursor<Vec<u8>>,
);

/// An encoded `SignedCommand`; nothing in it is believed here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command(pub Vec<u8>);

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({} bytes)", self.0.len())
    }
}

/// What the log asks of the registry, in order, one at a time.
pub enum RegistryCall {
    /// Apply a command; refused commands count as applied.
    Apply {
        /// Its index in the log.
        index: u64,
        /// An encoded `SignedCommand`.
        command: Vec<u8>,
        /// Told when it is done.
        done: oneshot::Sender<()>,
    },
    /// The state after the last applied command.
    Snapshot {
        /// Told the encoded `Snapshot`.
        done: oneshot::Sender<Vec<u8>>,
    },
    /// Replace the state.
    Replace {
        /// An encoded `Snapshot`.
        snapshot: Vec<u8>,
        /// Told when it is done, or why it was refused.
        done: oneshot::Sender<Result<(), String>>,
    },
}

type LogId = openraft::LogId<u64>;

fn storage_error(
    subject: ErrorSubject<u64>,
    verb: ErrorVerb,
    error: &(impl std::error::Error + 'static),
) -> StorageError<u64> {
    StorageIOError::new(subject, verb, AnyError::new(error)).into()
}
