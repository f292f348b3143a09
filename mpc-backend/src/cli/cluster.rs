//! `counterfoil cluster`: the genesis manifest, which names every node and operator.

use std::path::{Path, PathBuf};

use proto::limits::{FORMAT, NAME_BYTES_MAX};
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};

use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::terminal::{fingerprint, result, tell};

/// `counterfoil cluster …`
#[derive(clap::Subcommand)]
pub enum ClusterCommand {
    /// Write the manifest from the keys that nodes and operators made.
    Manifest {
        /// Nodes needed for every operation (T); N must be 2T - 1.
        #[arg(long)]
        threshold: u8,
        /// A node, in the order of the indices: KEY,peer=HOST:PORT,client=HOST:PORT.
        #[arg(long = "node", required = true, value_parser = parse_node)]
        nodes: Vec<NodeEntry>,
        /// An operator: NAME=KEY.
        #[arg(long = "operator", required = true, value_parser = parse_operator)]
        operators: Vec<OperatorEntry>,
        /// Where to write it; the file must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// Show a manifest and the cluster id that all operators compare.
    Show {
        /// The manifest.
        manifest: PathBuf,
    },
}

impl ClusterCommand {
    /// Runs it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Manifest { threshold, nodes, operators, out } => write(threshold, nodes, operators, &out),
            Self::Show { manifest } => {
                show(&files::manifest(&manifest)?);
                Ok(())
            }
        }
    }
}

/// Checks and writes a manifest, and shows the id to compare.
fn write(
    threshold: u8,
    mut nodes: Vec<NodeEntry>,
    operators: Vec<OperatorEntry>,
    out: &Path,
) -> Result<(), Failure> {
    for (node, index) in nodes.iter_mut().zip(1u8..) {
        node.index = index;
    }
    let manifest = Manifest { format: FORMAT, threshold, nodes, operators };
    manifest.check().map_err(Failure::input)?;
    files::create(out, manifest.to_toml().as_bytes(), Readers::All)?;
    show(&manifest);
    tell("Copy this file to every node and client. Each operator runs `counterfoil cluster show` on their");
    tell("own copy and compares the cluster id with the others over the telephone.");
    Ok(())
}

fn show(manifest: &Manifest) {
    tell(format!("{} of {} nodes serve every key.", manifest.threshold, manifest.nodes.len()));
    for node in &manifest.nodes {
        tell(format!(
            "node {}      {}  peers {}  clients {}",
            node.index,
            hex::encode(node.key),
            node.peer,
            node.client
        ));
    }
    for operator in &manifest.operators {
        tell(format!("operator    {}  {}", hex::encode(operator.key), operator.name));
    }
    tell("cluster id, to be compared in full:");
    result(fingerprint(&manifest.cluster_id()));
}

/// A public key: 64 hex digits, with or without the dashes of a fingerprint.
pub fn parse_key(text: &str) -> Result<[u8; 32], String> {
    let digits = text.replace('-', "");
    hex::decode(&digits)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| format!("{text:?} is not a key: give the 64 hex digits that `init` printed"))
}

fn parse_node(text: &str) -> Result<NodeEntry, String> {
    const FORM: &str = "give KEY,peer=HOST:PORT,client=HOST:PORT";
    let mut parts = text.split(',');
    let key = parse_key(parts.next().unwrap_or_default())?;
    let (mut peer, mut client) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some(("peer", address)) => peer = Some(parse_address(address)?),
            Some(("client", address)) => client = Some(parse_address(address)?),
            _ => return Err(format!("{part:?} is not understood: {FORM}")),
        }
    }
    match (peer, client) {
        (Some(peer), Some(client)) => Ok(NodeEntry { index: 0, key, peer, client }),
        _ => Err(format!("an address is missing: {FORM}")),
    }
}

/// `HOST:PORT`, kept as text: a name is resolved by whoever connects.
pub fn parse_address(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Ok(text.to_owned())
        }
        _ => Err(format!("{text:?} is not an address: give HOST:PORT")),
    }
}

fn parse_operator(text: &str) -> Result<OperatorEntry, String> {
    let (name, key) = text.split_once('=').ok_or("give NAME=KEY")?;
    Ok(OperatorEntry { name: parse_name(name)?, key: parse_key(key)? })
}

/// A name of a person or a client: short and printable.
pub fn parse_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("a name has 1 to {NAME_BYTES_MAX} printable bytes"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn node_argument_is_read() {
        let key = "ab".repeat(32);
        let node = parse_node(&format!("{key},client=h:2,peer=[::1]:1")).unwrap();
        assert_eq!((node.peer.as_str(), node.client.as_str()), ("[::1]:1", "h:2"));
        assert_eq!(node.key, [0xab; 32]);
    }

    #[test]
    fn wrong_node_arguments_say_what_is_wrong() {
        let key = "ab".repeat(32);
        for (text, reason) in [
            ("xy,peer=h:1,client=h:2".to_owned(), "is not a key"),
            (format!("{key},peer=h:1"), "an address is missing"),
            (format!("{key},peer=h,client=h:2"), "is not an address"),
            (format!("{key},peer=h:0,client=h:2"), "is not an address"),
            (format!("{key},pear=h:1,client=h:2"), "is not understood"),
        ] {
            assert!(parse_node(&text).unwrap_err().contains(reason), "{text}");
        }
    }

    #[test]
    fn manifest_of_wrong_size_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("m");
        let node = parse_node(&format!("{},peer=h:1,client=h:2", "ab".repeat(32))).unwrap();
        let failure = write(2, vec![node], Vec::new(), &out).unwrap_err();
        assert!(failure.to_string().contains("2 of 3"), "{failure}");
        assert!(!out.exists());
    }
}
