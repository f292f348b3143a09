//! What the engine asks the shell to do.

use std::fmt;

use proto::client::v1::NodeFrame;
use proto::peer::v1::Envelope;
use zeroize::Zeroizing;

use crate::event::Event;
use crate::input::NodeIndex;
use crate::registry::Refusal;
use crate::work::Work;

/// One thing to do. Effects are carried out in order.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "few wait at a time, and most are answers")]
pub enum Effect {
    /// Send to a peer; dropped silently when its stream is gone.
    SendPeer {
        /// To whom.
        peer: NodeIndex,
        /// What.
        envelope: Envelope,
    },
    /// Answer a client.
    ReplyClient {
        /// Its connection.
        conn: u64,
        /// What.
        frame: NodeFrame,
    },
    /// Close a client's connection once earlier answers are sent.
    CloseClient {
        /// Which one.
        conn: u64,
    },
    /// Make these writes durable, all or none, then say [`crate::Input::Persisted`].
    Persist {
        /// Given back.
        ticket: u64,
        /// Never empty.
        writes: Vec<Write>,
    },
    /// Bring a command into the registry's log (through the leader), then say
    /// [`crate::Input::ProposalDone`] after the index was applied at this node.
    Propose {
        /// Given back.
        ticket: u64,
        /// An encoded `SignedCommand`.
        command: Vec<u8>,
        /// Engine time at which the client gives up, in ms.
        deadline_ms: u64,
    },
    /// The answer to [`crate::Input::Applied`].
    AppliedResult {
        /// The index.
        index: u64,
        /// A refused command changed nothing.
        result: Result<(), Refusal>,
    },
    /// The answer to [`crate::Input::RegistryRestored`]: `Ok` holds the new applied index.
    RegistryReplaced {
        /// A refused snapshot changed nothing.
        result: Result<u64, Refusal>,
    },
    /// Run this beside the engine, then say [`crate::Input::Worked`]; steps of a generation below everything else in
    /// priority. Those of one session come one after the other.
    Work(Work),
    /// Whether this node may vote in the registry's log. False until told otherwise.
    AllowVoting(bool),
    /// Whether this node now serves clients.
    ServingChanged(bool),
    /// One line for the log.
    Log(Event),
}

/// One write to the store.
pub struct Write {
    /// One of [`crate::persist::TABLES`].
    pub table: &'static str,
    /// Its key.
    pub key: Vec<u8>,
    /// The new value; `None` deletes.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.value.as_ref().map(|value| value.len());
        f.debug_struct("Write")
            .field("table", &self.table)
            .field("key", &hex::encode(&self.key))
            .field("value_bytes", &bytes)
            .finish()
    }
}
