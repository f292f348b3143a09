//! What a ciphertext must carry so that its one-time key can be found again.

use proto::kms::v1::{Fresh, Input, Kind};

/// The input of an evaluation, but for the key's id and the encryption context; of a data key that nobody has seen,
/// with the nodes' signatures. Public: without leave to decrypt it opens nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    pub(super) input: Input,
    pub(super) seals: Vec<Vec<u8>>,
}

impl Parts {
    /// The version of the material.
    pub fn version(&self) -> u32 {
        self.input.version
    }

    /// What it is for.
    pub fn kind(&self) -> Kind {
        self.input.kind()
    }

    /// The commitment that was made.
    pub fn commitment(&self) -> [u8; 32] {
        self.input.commitment.as_slice().try_into().unwrap_or_default()
    }

    /// Fixed lengths: version (4), kind (1), encryptor (32), commitment (32), number of nodes (1), of each its number (1)
    /// and nonce (16); if sealed, of each its signature (64). 104 bytes with T = 2, 155 with T = 5.
    pub fn encode(&self) -> Vec<u8> {
        let input = &self.input;
        let mut bytes = input.version.to_be_bytes().to_vec();
        bytes.push(u8::try_from(input.kind).unwrap_or_default());
        bytes.extend_from_slice(&input.encryptor);
        bytes.extend_from_slice(&input.commitment);
        bytes.push(u8::try_from(input.freshness.len()).unwrap_or_default());
        for fresh in &input.freshness {
            bytes.push(u8::try_from(fresh.node).unwrap_or_default());
            bytes.extend_from_slice(&fresh.nonce);
        }
        self.seals.iter().for_each(|seal| bytes.extend_from_slice(seal));
        bytes
    }

    /// Reads them from the front of `bytes`; and the rest.
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut left = bytes;
        let mut take = |length: usize| {
            let (taken, rest) = left.split_at_checked(length)?;
            left = rest;
            Some(taken)
        };
        let version = u32::from_be_bytes(take(4)?.try_into().ok()?);
        let kind = Kind::try_from(i32::from(*take(1)?.first()?)).ok()?;
        let (encryptor, commitment) = (take(32)?.to_vec(), take(32)?.to_vec());
        let nodes = usize::from(*take(1)?.first()?);
        if version == 0 || kind == Kind::Unspecified || !(1..=NODES_MAX).contains(&nodes) {
            return None;
        }
        let mut fresh = || Some(Fresh { node: u32::from(*take(1)?.first()?), nonce: take(16)?.to_vec() });
        let freshness = (0..nodes).map(|_| fresh()).collect::<Option<Vec<_>>>()?;
        let signed = if kind == Kind::Sealed { nodes } else { 0 };
        let seals = (0..signed).map(|_| Some(take(64)?.to_vec())).collect::<Option<Vec<_>>>()?;
        let input = Input { version, kind: kind.into(), encryptor, commitment, freshness };
        Some((Self { input, seals }, left))
    }
}

/// T is at most 5, N at most 9.
const NODES_MAX: usize = 9;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn parts(kind: Kind) -> Parts {
        let fresh = |node: u32| Fresh { node, nonce: vec![node as u8; 16] };
        Parts {
            input: Input {
                version: 7,
                kind: kind.into(),
                encryptor: vec![1; 32],
                commitment: vec![2; 32],
                freshness: [1, 3, 4, 8, 9].map(fresh).to_vec(),
            },
            seals: if kind == Kind::Sealed { vec![vec![5; 64]; 5] } else { Vec::new() },
        }
    }

    #[test]
    fn parts_are_read_as_they_were_written_and_stay_below_a_kilobyte() {
        for kind in [Kind::Message, Kind::Sealed, Kind::Kubernetes] {
            let written = parts(kind);
            let mut bytes = written.encode();
            assert!(bytes.len() < 600);
            bytes.extend_from_slice(b"rest");
            assert_eq!(Parts::decode(&bytes), Some((written, &b"rest"[..])));
        }
    }

    #[test]
    fn every_cut_and_every_number_out_of_range_is_refused() {
        let bytes = parts(Kind::Sealed).encode();
        for length in 0..bytes.len() {
            assert_eq!(Parts::decode(&bytes[..length]), None);
        }
        for (at, value) in [(3, 0), (4, 0), (4, 9), (69, 0), (69, 10)] {
            let mut wrong = bytes.clone();
            wrong[at] = value;
            assert_eq!(Parts::decode(&wrong), None);
        }
    }
}
