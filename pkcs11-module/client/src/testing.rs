//! What several test modules need.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use ed25519_dalek::SigningKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use prost::Message;
use proto::limits::FORMAT;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};
use proto::registry::v1::{BirthCertificate, BirthStatement, NodeSignature, Purpose};

/// A manifest of these node keys and client addresses, with threshold (N + 1) / 2.
pub(crate) fn manifest(keys: &[[u8; 32]], addresses: &[&str]) -> Manifest {
    let threshold = keys.len().div_ceil(2) as u8;
    Manifest {
        format: FORMAT,
        threshold,
        nodes: (1..)
            .zip(keys.iter().zip(addresses))
            .map(|(index, (key, address))| NodeEntry {
                index,
                key: *key,
                peer: "127.0.0.1:1".into(),
                client: (*address).into(),
            })
            .collect(),
        operators: (0..threshold)
            .map(|index| OperatorEntry { name: format!("operator {index}"), key: [200 + index; 32] })
            .collect(),
    }
}

/// Three nodes whose keys the test holds.
pub(crate) struct Trio {
    pub(crate) manifest: Manifest,
    pub(crate) keys: Vec<SigningKey>,
}

impl Trio {
    /// Nodes that nothing can be connected to.
    pub(crate) fn new() -> Self {
        Self::at(&["127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1"])
    }

    /// Nodes at these addresses.
    pub(crate) fn at(addresses: &[&str]) -> Self {
        let keys: Vec<SigningKey> =
            (1..=addresses.len() as u8).map(|index| SigningKey::from_bytes(&[index; 32])).collect();
        let public: Vec<[u8; 32]> = keys.iter().map(|key| key.verifying_key().to_bytes()).collect();
        Self { manifest: manifest(&public, addresses), keys }
    }

    /// A well-formed statement about a signing key.
    pub(crate) fn statement(&self, token: [u8; 16], key_id: [u8; 16]) -> BirthStatement {
        let public_key = p256::SecretKey::from_slice(&[9; 32])
            .unwrap()
            .public_key()
            .to_encoded_point(true)
            .as_bytes()
            .to_vec();
        BirthStatement {
            format: FORMAT,
            cluster_id: self.manifest.cluster_id().to_vec(),
            purpose: Purpose::SigningKey.into(),
            token_id: token.to_vec(),
            key_id: key_id.to_vec(),
            curve: "P-256".into(),
            commitments: vec![public_key.clone(), public_key.clone()],
            public_key,
            ..BirthStatement::default()
        }
    }

    /// The statement, signed by these nodes.
    pub(crate) fn certify(&self, statement: &BirthStatement, nodes: &[u32]) -> BirthCertificate {
        let statement = statement.encode_to_vec();
        let signed = proto::statement::birth(&statement);
        let signatures = nodes
            .iter()
            .map(|node| NodeSignature { node: *node, signature: signed.sign(&self.keys[*node as usize - 1]) })
            .collect();
        BirthCertificate { statement, signatures }
    }
}
