//! What several test modules need.

use proto::limits::FORMAT;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};

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
