//! What the shell tells the engine.

use ed25519_dalek::SigningKey;
use proto::client::v1::ClientFrame;
use proto::manifest::Manifest;
use proto::peer::v1::Envelope;
use zeroize::Zeroizing;

use crate::work::Worked;

/// A node's 1-based index in the manifest: its party index in every protocol.
pub type NodeIndex = u8;

/// Who this node is and how much it may hold.
pub struct EngineConfig {
    /// The cluster; checked.
    pub manifest: Manifest,
    /// This node's index.
    pub index: NodeIndex,
    /// This node's identity key; its public half stands in the manifest.
    pub identity: SigningKey,
    /// 16 fresh random bytes for every start of the process (nonce rule R4).
    pub boot_id: [u8; 16],
    /// The wall clock at engine time 0, in ms since 1970: when evidence was found, for people.
    pub wall_clock_ms: u64,
    /// Name and version of the software, for status.
    pub software: String,
    /// Bounds that an operator may set.
    pub limits: Limits,
}

/// Bounds that an operator may set. The protocol's own bounds are constants beside their use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most presignatures that the background keeps ready for one key, signer set and client. How many
    /// it keeps follows use.
    pub presign_pool: u32,
    /// Most presignatures over all pools; each takes [`crate::PRESIGNATURE_BYTES`].
    pub presignatures_max: u32,
    /// Most presignatures of one key.
    pub presignatures_per_key: u32,
    /// Most presignatures of one client, over all its keys.
    pub presignatures_per_client: u32,
    /// Most presignatures that one client may have leased or spent without an answer (nonce rule R7);
    /// 20 a second are forgiven.
    pub unanswered_per_client: u32,
    /// Most grants that this node keeps as a witness, at 100 bytes; then all that it witnesses is made anew.
    pub grants_max: u32,
    /// Strict mode: presignatures have a witness outside their signer set, without whose grant this
    /// node does not answer (nonce rule R3). Needs T + 1 nodes, and the same at all nodes.
    pub strict: bool,
    /// Whether keys decrypt by PKCS#1 v1.5 (`CKM_RSA_PKCS`), with implicit rejection.
    pub rsa_pkcs1_decryption: bool,
    /// Whether RSA keys raise any number to their exponent (`CKM_RSA_X_509`).
    pub rsa_raw: bool,
    /// Requests for keys of the KMS interface that one client may make in a second; 0 is without bound.
    pub kms_requests_per_s: u32,
    /// How long a KMS key is pending deletion at least, in s.
    pub kms_deletion_s_min: u64,
    /// Most session keys that this node holds, at up to 6 kB.
    pub session_keys_max: u32,
    /// Most session keys of one client.
    pub session_keys_per_client: u32,
    /// RSA keys that each node has made ahead and keeps ready: bits, and how many. The same at all nodes.
    pub rsa_pool: [(u16, u32); 3],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            presign_pool: 256,
            presignatures_max: 32_768,
            presignatures_per_key: 4_096,
            presignatures_per_client: 8_192,
            unanswered_per_client: 2_048,
            grants_max: 1 << 18,
            strict: false,
            rsa_pkcs1_decryption: false,
            rsa_raw: false,
            kms_requests_per_s: 2_000,
            kms_deletion_s_min: 7 * 86_400,
            session_keys_max: 8_192,
            session_keys_per_client: 1_024,
            rsa_pool: [(2048, 0), (3072, 0), (4096, 0)],
        }
    }
}

/// What the store held at start.
#[derive(Default)]
pub struct Restored {
    /// All records of [`crate::persist::TABLES`], opened and authenticated by the shell.
    pub records: Vec<Record>,
    /// The registry's snapshot; what followed it comes as [`Input::Applied`].
    pub registry: Option<Vec<u8>>,
}

/// One record of the store.
pub struct Record {
    /// One of [`crate::persist::TABLES`].
    pub table: String,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value, erased when dropped.
    pub value: Zeroizing<Vec<u8>>,
}

/// One thing that happened.
#[expect(clippy::large_enum_variant, reason = "one at a time, and none is kept")]
pub enum Input {
    /// A stream to a peer stands; the peer proved its manifest key in TLS.
    PeerConnected {
        /// Which peer.
        peer: NodeIndex,
    },
    /// The stream is gone.
    PeerDisconnected {
        /// Which peer.
        peer: NodeIndex,
    },
    /// A message from an authenticated peer.
    PeerMessage {
        /// Which peer.
        peer: NodeIndex,
        /// What it sent; nothing in it is believed yet.
        envelope: Envelope,
    },
    /// A client finished its TLS handshake.
    ClientOpened {
        /// The shell's number of this connection, never used again while the process lives.
        conn: u64,
        /// Ed25519 key proven in TLS.
        client_key: [u8; 32],
        /// TLS exporter under `proto::statement::LOGIN_EXPORTER_LABEL`.
        exporter: [u8; 32],
    },
    /// A frame from a client.
    ClientFrame {
        /// Its connection.
        conn: u64,
        /// What it sent.
        frame: ClientFrame,
    },
    /// The connection is gone.
    ClientClosed {
        /// Which one.
        conn: u64,
    },
    /// The registry's log decided on this command. Answered with [`crate::Effect::AppliedResult`].
    Applied {
        /// Its index in the log; greater than that of every command before.
        index: u64,
        /// An encoded `SignedCommand`; nothing in it is believed yet.
        command: Vec<u8>,
    },
    /// The log's leader sent the whole registry instead of commands that it no longer has.
    /// Answered with [`crate::Effect::RegistryReplaced`].
    RegistryRestored {
        /// An encoded `Snapshot`.
        snapshot: Vec<u8>,
    },
    /// An [`crate::Effect::Propose`] came to its end.
    ProposalDone {
        /// The number of the effect.
        ticket: u64,
        /// The index at which the command was applied, whether or not the registry took it.
        result: Result<u64, ProposalError>,
    },
    /// An [`crate::Effect::Persist`] is durable.
    Persisted {
        /// The number of the effect.
        ticket: u64,
    },
    /// Who leads the registry's log, as far as this node knows.
    Leadership {
        /// The leader.
        leader: Option<NodeIndex>,
    },
    /// An [`crate::Effect::Work`] has ended.
    Worked(Worked),
    /// Time passed: [`crate::Engine::poll_timeout`] is reached.
    Tick,
}

/// Why the registry's log did not take a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// No leader within the deadline.
    #[error("the registry has no leader")]
    NoLeader,
    /// The deadline passed; the command may still be applied.
    #[error("the registry did not decide within the deadline")]
    Deadline,
    /// Anything else, one line.
    #[error("the registry's log failed: {0}")]
    Failed(String),
}

/// Why a node does not start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The manifest is not well formed.
    #[error("manifest: {0}")]
    Manifest(#[from] proto::manifest::ManifestError),
    /// The identity key is not the one of this index in the manifest.
    #[error("the identity key is not that of node {0} in the manifest")]
    Identity(NodeIndex),
    /// A stored record is damaged or of another format.
    #[error("store: {0}")]
    Store(#[from] crate::persist::RecordError),
    /// The registry's snapshot is damaged or of another format.
    #[error("registry snapshot: {0}")]
    Registry(crate::registry::Refusal),
}
