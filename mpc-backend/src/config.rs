//! A node's configuration: `node.toml`, the manifest and the identity key, read and compared before
//! anything is opened. Every refusal is one line that names the file, the key and the remedy.
//!
//! ```toml
//! manifest = "manifest.toml"
//! index = 1
//! identity = "identity.key"
//! store = "node.redb"
//! passphrase_file = "passphrase"      # or $CREDENTIALS_DIRECTORY/store-passphrase
//! listen_peer = "0.0.0.0:7401"        # default: the manifest's address
//! listen_client = "0.0.0.0:7400"      # default: the manifest's address
//! log_level = "info"
//! log_format = "text"                 # or "json"
//! max_connections = 4096
//! presign_pool = 256                  # most presignatures kept ready per key, signer set and client
//! pools_bytes_max = 268435456         # memory of all presignatures
//! pools_bytes_max_per_key = 33554432
//! pools_bytes_max_per_client = 67108864
//! session_keys_max = 8192             # keys of sessions (CKA_TOKEN false), kept in memory
//! session_keys_per_client = 1024
//! rsa_pool_2048 = 0                   # RSA keys made ahead and kept ready; the same at all nodes
//! rsa_pool_3072 = 0
//! rsa_pool_4096 = 0
//! strict = false                      # true, at all nodes: signing needs a witness, so T + 1 nodes
//! rsa_pkcs1_decryption = false        # true, at all nodes: RSA keys decrypt by PKCS#1 v1.5 too
//! rsa_raw = false                     # true, at all nodes: CKM_RSA_X_509, whatever the number
//! kms_requests_per_s = 2000           # of one client, for keys of the KMS interface; 0: no bound
//! ```
//!
//! Paths are relative to the file's folder.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use proto::manifest::Manifest;
use serde::Deserialize;

use crate::identity;
use crate::seal::Passphrase;
use crate::telemetry::LogFormat;

/// A checked configuration. The secrets are read by their own methods.
#[derive(Debug)]
pub struct NodeConfig {
    /// The genesis manifest.
    pub manifest: Manifest,
    /// This node's 1-based index in it.
    pub index: u8,
    /// The identity key's file.
    pub identity: PathBuf,
    /// The store's file.
    pub store: PathBuf,
    /// The file with the sealing passphrase.
    pub passphrase_file: PathBuf,
    /// Where peers are accepted, `host:port`.
    pub listen_peer: String,
    /// Where clients are accepted, `host:port`.
    pub listen_client: String,
    /// Least severe level that is logged.
    pub log_level: tracing::Level,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Most client connections at once.
    pub max_connections: usize,
    /// Most presignatures kept ready per key, signer set and client.
    pub presign_pool: u32,
    /// Memory for all presignatures together, in bytes.
    pub pools_bytes_max: u64,
    /// Memory for the presignatures of one key, in bytes.
    pub pools_bytes_max_per_key: u64,
    /// Memory for the presignatures of one client, in bytes.
    pub pools_bytes_max_per_client: u64,
    /// Whether signing needs a witness outside the signer set (nonce rule R3).
    pub strict: bool,
    /// Whether RSA keys decrypt by PKCS#1 v1.5.
    pub rsa_pkcs1_decryption: bool,
    /// Whether RSA keys raise any number to their exponent.
    pub rsa_raw: bool,
    /// Requests for KMS keys that one client may make in a second; 0 is without bound.
    pub kms_requests_per_s: u32,
    /// Most session keys.
    pub session_keys_max: u32,
    /// Most session keys of one client.
    pub session_keys_per_client: u32,
    /// RSA keys kept ready, of 2048, 3072 and 4096 bits.
    pub rsa_pool: [(u16, u32); 3],
}

/// One line for the operator: file, key and remedy.
#[derive(Debug, thiserror::Error)]
#[error("{}: {key}: {detail}", file.display())]
pub struct ConfigError {
    /// The configuration file.
    pub file: PathBuf,
    /// The key in it, or what was done with the file.
    pub key: &'static str,
    /// What is wrong and what to do.
    pub detail: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    manifest: PathBuf,
    index: u8,
    identity: PathBuf,
    store: PathBuf,
    passphrase_file: Option<PathBuf>,
    listen_peer: Option<String>,
    listen_client: Option<String>,
    log_level: Option<String>,
    log_format: Option<LogFormat>,
    max_connections: Option<usize>,
    presign_pool: Option<u32>,
    pools_bytes_max: Option<u64>,
    pools_bytes_max_per_key: Option<u64>,
    pools_bytes_max_per_client: Option<u64>,
    kms_requests_per_s: Option<u32>,
    session_keys_max: Option<u32>,
    session_keys_per_client: Option<u32>,
    #[serde(default)]
    rsa_pool_2048: u32,
    #[serde(default)]
    rsa_pool_3072: u32,
    #[serde(default)]
    rsa_pool_4096: u32,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    rsa_pkcs1_decryption: bool,
    #[serde(default)]
    rsa_raw: bool,
}

impl NodeConfig {
    /// Reads and checks `node.toml` and the manifest that it names. `credentials` is the value of
    /// `$CREDENTIALS_DIRECTORY`, where systemd puts a unit's credentials.
    pub fn load(path: &Path, credentials: Option<&Path>) -> Result<Self, ConfigError> {
        let refuse = |key, detail: String| ConfigError { file: path.into(), key, detail: one_line(&detail) };
        let text = std::fs::read_to_string(path).map_err(|error| refuse("read", error.to_string()))?;
        let file: File = toml::from_str(&text).map_err(|error| refuse("syntax", error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let manifest_path = folder.join(&file.manifest);
        let manifest = std::fs::read_to_string(&manifest_path)
            .map_err(|error| refuse("manifest", format!("{}: {error}", manifest_path.display())))?;
        let manifest = Manifest::from_toml(&manifest)
            .map_err(|error| refuse("manifest", format!("{}: {error}", manifest_path.display())))?;
        let entry = manifest.node(file.index).ok_or_else(|| {
            let nodes = manifest.nodes.len();
            refuse("index", format!("{} is not in the manifest: use 1 to {nodes}", file.index))
        })?;
        let level = file.log_level.as_deref().unwrap_or("info");
        let log_level = level
            .parse()
            .map_err(|_| refuse("log_level", format!("{level:?}: use error, warn, info, debug or trace")))?;
        let max_connections = file.max_connections.unwrap_or(CONNECTIONS_DEFAULT);
        if !(1..=CONNECTIONS_MAX).contains(&max_connections) {
            return Err(refuse("max_connections", format!("{max_connections}: use 1 to {CONNECTIONS_MAX}")));
        }
        let presign_pool = file.presign_pool.unwrap_or(POOL_DEFAULT);
        if presign_pool > POOL_MAX {
            return Err(refuse("presign_pool", format!("{presign_pool}: use 0 to {POOL_MAX}")));
        }
        let pools_bytes_max = file.pools_bytes_max.unwrap_or(POOLS_BYTES_DEFAULT);
        let per_key = file.pools_bytes_max_per_key.unwrap_or(pools_bytes_max / 8);
        let per_client = file.pools_bytes_max_per_client.unwrap_or(pools_bytes_max / 4);
        for (key, bytes) in [
            ("pools_bytes_max", pools_bytes_max),
            ("pools_bytes_max_per_key", per_key),
            ("pools_bytes_max_per_client", per_client),
        ] {
            if bytes < POOLS_BYTES_MIN {
                return Err(refuse(key, format!("{bytes}: use at least {POOLS_BYTES_MIN}")));
            }
        }
        let session_keys_max = file.session_keys_max.unwrap_or(SESSION_KEYS_DEFAULT);
        let session_keys_per_client = file.session_keys_per_client.unwrap_or(session_keys_max / 8);
        for (key, count) in
            [("session_keys_max", session_keys_max), ("session_keys_per_client", session_keys_per_client)]
        {
            if count > SESSION_KEYS_MAX {
                return Err(refuse(key, format!("{count}: use 0 to {SESSION_KEYS_MAX}")));
            }
        }
        let rsa_pool = [(2048, file.rsa_pool_2048), (3072, file.rsa_pool_3072), (4096, file.rsa_pool_4096)];
        for ((_, count), key) in rsa_pool.iter().zip(["rsa_pool_2048", "rsa_pool_3072", "rsa_pool_4096"]) {
            if *count > RSA_POOL_MAX {
                return Err(refuse(key, format!("{count}: use 0 to {RSA_POOL_MAX}")));
            }
        }
        let passphrase_file = match (&file.passphrase_file, credentials) {
            (Some(file), _) => folder.join(file),
            (None, Some(credentials)) => credentials.join(CREDENTIAL),
            (None, None) => {
                let remedy = format!("name a file, or give the unit a credential called {CREDENTIAL}");
                return Err(refuse("passphrase_file", format!("missing: {remedy}")));
            }
        };
        let listen_peer = file.listen_peer.unwrap_or_else(|| entry.peer.clone());
        let listen_client = file.listen_client.unwrap_or_else(|| entry.client.clone());
        for (key, address) in [("listen_peer", &listen_peer), ("listen_client", &listen_client)] {
            if !is_address(address) {
                return Err(refuse(key, format!("{address:?} is not host:port")));
            }
        }
        Ok(Self {
            index: file.index,
            identity: folder.join(file.identity),
            store: folder.join(file.store),
            passphrase_file,
            listen_peer,
            listen_client,
            log_level,
            log_format: file.log_format.unwrap_or_default(),
            max_connections,
            presign_pool,
            pools_bytes_max,
            pools_bytes_max_per_key: per_key,
            pools_bytes_max_per_client: per_client,
            strict: file.strict,
            rsa_pkcs1_decryption: file.rsa_pkcs1_decryption,
            rsa_raw: file.rsa_raw,
            kms_requests_per_s: file.kms_requests_per_s.unwrap_or(KMS_REQUESTS_DEFAULT),
            session_keys_max,
            session_keys_per_client,
            rsa_pool,
            manifest,
        })
    }

    /// Reads the identity key and refuses one that the manifest does not have at our index.
    pub fn identity(&self) -> Result<SigningKey, ConfigError> {
        let refuse = |detail| ConfigError { file: self.identity.clone(), key: "identity", detail };
        let key = identity::read(&self.identity).map_err(|error| refuse(error.to_string()))?;
        let public = key.verifying_key().to_bytes();
        let expected = self.manifest.node(self.index).map(|entry| entry.key);
        if expected == Some(public) {
            return Ok(key);
        }
        Err(refuse(match self.manifest.node_by_key(&public) {
            Some(other) => format!(
                "is the key of node {}, not of node {}: correct the index or the key file",
                other.index, self.index
            ),
            None => {
                format!(
                    "its public key {} is no node's in the manifest: use this cluster's key file",
                    hex::encode(public)
                )
            }
        }))
    }

    /// Reads the sealing passphrase.
    pub fn passphrase(&self) -> Result<Passphrase, ConfigError> {
        Passphrase::from_file(&self.passphrase_file).map_err(|error| ConfigError {
            file: self.passphrase_file.clone(),
            key: "passphrase_file",
            detail: error.to_string(),
        })
    }
}

/// Whether this looks like `host:port`; names are resolved when they are used.
fn is_address(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// TOML's messages have several lines, with a drawing of the place.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Name of the systemd credential with the sealing passphrase.
const CREDENTIAL: &str = "store-passphrase";
const SESSION_KEYS_DEFAULT: u32 = 8192;
const SESSION_KEYS_MAX: u32 = 1 << 16;
const RSA_POOL_MAX: u32 = 256;
const CONNECTIONS_DEFAULT: usize = 4096;
const CONNECTIONS_MAX: usize = 65536;
const POOL_DEFAULT: u32 = 256;
const KMS_REQUESTS_DEFAULT: u32 = 2000;
const POOL_MAX: u32 = 4096;
const POOLS_BYTES_DEFAULT: u64 = 256 << 20;
/// Two of the longest leases.
const POOLS_BYTES_MIN: u64 = 64 << 10;
