//! Whole nodes from configuration files, as an operator would start them.

use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use mpc_backend::config::NodeConfig;
use mpc_backend::identity;
use mpc_backend::node::Node;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::framed::Client;

/// Three nodes' files in one folder.
pub struct Files {
    folder: TempDir,
    pub manifest: Manifest,
    pub operator: SigningKey,
}

impl Files {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut nodes = Vec::new();
        for index in 1..=3 {
            let key = identity::create(&folder.path().join(format!("{index}.key"))).unwrap();
            let key = key.verifying_key().to_bytes();
            nodes.push(NodeEntry { index, key, peer: address().await, client: address().await });
        }
        let operator = SigningKey::from_bytes(&[50; 32]);
        let operators = vec![
            OperatorEntry { name: "a".into(), key: operator.verifying_key().to_bytes() },
            OperatorEntry { name: "b".into(), key: [51; 32] },
        ];
        let manifest = Manifest { format: 1, threshold: 2, nodes, operators };
        std::fs::write(folder.path().join("manifest.toml"), manifest.to_toml()).unwrap();
        identity::write_private(&folder.path().join("passphrase"), b"correct horse battery\n").unwrap();
        Self { folder, manifest, operator }
    }

    /// The path of a node's configuration, written now; `extra` is added to it.
    pub fn config(&self, index: u8, extra: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{index}.toml"));
        let text = format!(
            "manifest = \"manifest.toml\"\nindex = {index}\nidentity = \"{index}.key\"\n\
             store = \"{index}.redb\"\npassphrase_file = \"passphrase\"\n{extra}"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub async fn start(&self, index: u8) -> Node {
        Node::start(NodeConfig::load(&self.config(index, ""), None).unwrap(), None).await.unwrap()
    }

    pub async fn client(&self, index: u8, key: &SigningKey) -> Client {
        let node = self.manifest.node(index).unwrap();
        Client::connect(&node.client, key, node.key).await
    }
}

async fn address() -> String {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    format!("127.0.0.1:{port}")
}
