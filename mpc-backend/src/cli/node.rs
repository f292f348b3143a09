//! `counterfoil node`: a node's own key, and its configuration.

use std::path::{Path, PathBuf};

use proto::manifest::Manifest;
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::cli::cluster::parse_address;
use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::terminal::tell;
use crate::cli::{config, keys};

/// `counterfoil node …`
#[derive(clap::Subcommand)]
pub enum NodeCommand {
    /// Make a node's identity key and the passphrase that seals its store; prints the public key.
    Init {
        /// Where `identity.key` and `store-passphrase` go.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Write `node.toml` beside the node's key.
    Configure {
        /// The folder of `node init`.
        #[arg(long)]
        dir: PathBuf,
        /// The manifest that the operators compared.
        #[arg(long)]
        manifest: PathBuf,
        /// Where to listen for peers, if not at the manifest's address.
        #[arg(long, value_parser = parse_address)]
        listen_peer: Option<String>,
        /// Where to listen for clients, if not at the manifest's address.
        #[arg(long, value_parser = parse_address)]
        listen_client: Option<String>,
        /// Signing needs a witness outside the signer set, so T + 1 nodes; the same at all nodes.
        #[arg(long)]
        strict: bool,
    },
}

impl NodeCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Init { dir } => {
                let key = init(&dir)?;
                let path = dir.join(keys::NODE_KEY);
                keys::announce(&key, &path, "For the manifest: --node KEY,peer=HOST:PORT,client=HOST:PORT");
                Ok(())
            }
            Self::Configure { dir, manifest, listen_peer, listen_client, strict } => {
                let index = configure(&dir, &manifest, listen_peer, listen_client, strict)?;
                tell(format!("{} written: this is node {index}.", dir.join(NODE_CONFIG).display()));
                Ok(())
            }
        }
    }
}

/// Makes identity and passphrase in `dir`.
pub fn init(dir: &Path) -> Result<ed25519_dalek::SigningKey, Failure> {
    files::folder(dir)?;
    let key = keys::create(&dir.join(keys::NODE_KEY))?;
    let mut passphrase = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(passphrase.as_mut());
    let text = Zeroizing::new(hex::encode(passphrase.as_ref()));
    files::create(&dir.join(PASSPHRASE), text.as_bytes(), Readers::Owner)?;
    Ok(key)
}

/// Writes `node.toml` for the key in `dir`; returns the index that the manifest gives it.
pub fn configure(
    dir: &Path,
    manifest_path: &Path,
    listen_peer: Option<String>,
    listen_client: Option<String>,
    strict: bool,
) -> Result<u8, Failure> {
    let key_path = dir.join(keys::NODE_KEY);
    let key = keys::read(&key_path)?;
    let manifest: Manifest = files::manifest(manifest_path)?;
    let Some(node) = manifest.node_by_key(key.verifying_key().as_bytes()) else {
        return Err(Failure::file(
            &key_path,
            format!("its public key is not in {}", manifest_path.display()),
            "make the manifest anew with this key",
        ));
    };
    let config = config::NodeToml {
        manifest: files::absolute(manifest_path)?,
        index: node.index,
        identity: keys::NODE_KEY.into(),
        store: "store.redb".into(),
        passphrase_file: PASSPHRASE.into(),
        listen_peer,
        listen_client,
        strict,
    };
    config::write(&dir.join(NODE_CONFIG), &config)?;
    Ok(node.index)
}

/// The configuration in a node's folder.
pub const NODE_CONFIG: &str = "node.toml";
const PASSPHRASE: &str = "store-passphrase";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn key_outside_the_manifest_is_not_configured() {
        let dir = tempfile::tempdir().unwrap();
        init(dir.path()).unwrap();
        let manifest = dir.path().join("manifest.toml");
        std::fs::write(&manifest, crate::cli::tests::manifest().to_toml()).unwrap();
        let failure = configure(dir.path(), &manifest, None, None, false).unwrap_err();
        assert!(failure.to_string().contains("its public key is not in"), "{failure}");
        assert!(!dir.path().join(NODE_CONFIG).exists());
    }
}
