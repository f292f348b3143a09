//! The genesis manifest: node keys, operator keys, N and T. Its hash is the cluster id, which every
//! node and every client pins (design 3a). Addresses stand beside it and may change.
//!
//! On disk it is TOML:
//!
//! ```toml
//! format = 1
//! threshold = 2
//!
//! [[node]]
//! index = 1
//! key = "<64 hex digits: Ed25519>"
//! peer = "10.0.0.1:7401"
//! client = "10.0.0.1:7400"
//!
//! [[operator]]
//! name = "alice"
//! key = "<64 hex digits: Ed25519>"
//! ```

use serde::{Deserialize, Serialize};

use crate::limits::FORMAT;
use crate::statement::hash;

/// Who is in a cluster and how many must agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format version, [`FORMAT`].
    pub format: u32,
    /// Nodes needed for every operation: T. N is 2T - 1.
    pub threshold: u8,
    /// The nodes, indices 1 to N in order.
    #[serde(rename = "node")]
    pub nodes: Vec<NodeEntry>,
    /// The operators; T of them together enrol clients and create tokens.
    #[serde(rename = "operator")]
    pub operators: Vec<OperatorEntry>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeEntry {
    /// 1-based index: the node's party index in every protocol.
    pub index: u8,
    /// Ed25519 identity key.
    #[serde(with = "hex_key")]
    pub key: [u8; 32],
    /// Where other nodes reach it, `host:port`. Not part of the cluster id.
    pub peer: String,
    /// Where clients reach it, `host:port`. Not part of the cluster id.
    pub client: String,
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorEntry {
    /// For people. Not part of the cluster id.
    pub name: String,
    /// Ed25519 key.
    #[serde(with = "hex_key")]
    pub key: [u8; 32],
}

/// Why a manifest was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ManifestError {
    /// Not TOML of this shape; the message names the line.
    #[error("{0}")]
    Syntax(String),
    /// Another format version.
    #[error("format is {0}, this software reads {FORMAT}")]
    Format(u32),
    /// N is not 2T - 1, or T is below 2 or above 5.
    #[error("{nodes} nodes with threshold {threshold}: use 2 of 3, 3 of 5, 4 of 7 or 5 of 9")]
    Size {
        /// N.
        nodes: usize,
        /// T.
        threshold: u8,
    },
    /// Indices are not 1 to N in order.
    #[error("node indices must be 1 to N in order")]
    Indices,
    /// A key occurs twice, among nodes and operators together.
    #[error("the key {0} occurs twice")]
    DuplicateKey(String),
    /// Fewer operators than T.
    #[error("{operators} operators, but {threshold} must be able to sign")]
    Operators {
        /// How many there are.
        operators: usize,
        /// T.
        threshold: u8,
    },
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self =
            toml::from_str(text).map_err(|error| ManifestError::Syntax(error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The TOML form.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a manifest has only strings, numbers and tables")
    }

    /// Whether sizes, indices and keys are as they must be.
    pub fn check(&self) -> Result<(), ManifestError> {
        if self.format != FORMAT {
            return Err(ManifestError::Format(self.format));
        }
        let size = ManifestError::Size { nodes: self.nodes.len(), threshold: self.threshold };
        if !(2..=5).contains(&self.threshold) || self.nodes.len() != 2 * usize::from(self.threshold) - 1 {
            return Err(size);
        }
        if self.nodes.iter().zip(1u8..).any(|(node, index)| node.index != index) {
            return Err(ManifestError::Indices);
        }
        if self.operators.len() < usize::from(self.threshold) {
            return Err(ManifestError::Operators {
                operators: self.operators.len(),
                threshold: self.threshold,
            });
        }
        let mut keys: Vec<&[u8; 32]> = self
            .nodes
            .iter()
            .map(|node| &node.key)
            .chain(self.operators.iter().map(|operator| &operator.key))
            .collect();
        keys.sort();
        match keys.iter().zip(keys.iter().skip(1)).find(|(one, next)| one == next) {
            Some((key, _)) => Err(ManifestError::DuplicateKey(hex::encode(key))),
            None => Ok(()),
        }
    }

    /// Hash of keys, N and T: the cluster's name.
    pub fn cluster_id(&self) -> [u8; 32] {
        let nodes: Vec<u8> = self.nodes.iter().flat_map(|node| node.key).collect();
        let mut operators: Vec<[u8; 32]> = self.operators.iter().map(|operator| operator.key).collect();
        operators.sort();
        hash("manifest", &[&self.format.to_be_bytes(), &[self.threshold], &nodes, &operators.concat()]).0
    }

    /// The node of a 1-based index.
    pub fn node(&self, index: u8) -> Option<&NodeEntry> {
        self.nodes.iter().find(|node| node.index == index)
    }

    /// The node with this identity key.
    pub fn node_by_key(&self, key: &[u8]) -> Option<&NodeEntry> {
        self.nodes.iter().find(|node| node.key == key)
    }

    /// Whether this is an operator's key.
    pub fn is_operator(&self, key: &[u8]) -> bool {
        self.operators.iter().any(|operator| operator.key == key)
    }
}

mod hex_key {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(key: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(key))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = hex::decode(&text).map_err(serde::de::Error::custom)?;
        bytes.try_into().map_err(|_| serde::de::Error::custom("a key is 64 hex digits"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            threshold: 2,
            nodes: (1..=3)
                .map(|index| NodeEntry {
                    index,
                    key: [index; 32],
                    peer: format!("n{index}:1"),
                    client: format!("n{index}:2"),
                })
                .collect(),
            operators: (1..=2)
                .map(|index| OperatorEntry { name: format!("o{index}"), key: [10 + index; 32] })
                .collect(),
        }
    }

    #[test]
    fn toml_round_trips() {
        assert_eq!(Manifest::from_toml(&manifest().to_toml()).unwrap(), manifest());
    }

    #[test]
    fn addresses_and_names_do_not_change_the_cluster_id() {
        let mut moved = manifest();
        moved.nodes[0].peer = "elsewhere:9".into();
        moved.operators[0].name = "x".into();
        assert_eq!(moved.cluster_id(), manifest().cluster_id());
        moved.nodes[0].key = [99; 32];
        assert_ne!(moved.cluster_id(), manifest().cluster_id());
    }

    #[test]
    fn wrong_sizes_and_keys_are_named() {
        let mut wrong = manifest();
        wrong.threshold = 3;
        assert_eq!(wrong.check(), Err(ManifestError::Size { nodes: 3, threshold: 3 }));
        let mut wrong = manifest();
        wrong.operators[1].key = [1; 32];
        assert_eq!(wrong.check(), Err(ManifestError::DuplicateKey(hex::encode([1; 32]))));
        let mut wrong = manifest();
        wrong.nodes.swap(0, 1);
        assert_eq!(wrong.check(), Err(ManifestError::Indices));
        assert!(matches!(Manifest::from_toml("format = 1\nsurprise = 2\n"), Err(ManifestError::Syntax(_))));
    }
}
