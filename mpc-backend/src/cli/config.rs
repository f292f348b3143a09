//! The configuration files that the command writes; `counterfoil-node` and the module read them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};

/// What `node configure` knows of a `node.toml`; relative paths are relative to that file.
#[derive(Serialize)]
pub struct NodeToml {
    /// The manifest.
    pub manifest: PathBuf,
    /// 1-based index of the node.
    pub index: u8,
    /// The node's key file.
    pub identity: PathBuf,
    /// The sealed store.
    pub store: PathBuf,
    /// What the store is sealed with.
    pub passphrase_file: PathBuf,
    /// `HOST:PORT` for peers; the manifest's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen_peer: Option<String>,
    /// `HOST:PORT` for clients; the manifest's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen_client: Option<String>,
    /// Whether signing needs a witness; the same at all nodes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// What `client configure` knows of a `client.toml`.
#[derive(Serialize)]
pub struct ClientToml {
    /// The manifest.
    pub manifest: PathBuf,
    /// The client's key file.
    pub identity: PathBuf,
    /// How long a call may take, in milliseconds; the library's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u32>,
    /// Where the library writes its log; nowhere when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

/// Writes a configuration into a new file.
pub fn write(path: &Path, config: &impl Serialize) -> Result<(), Failure> {
    let text = toml::to_string(config)
        .map_err(|error| Failure::file(path, error, "use paths that are UTF-8 text"))?;
    files::create(path, text.as_bytes(), Readers::All)
}
