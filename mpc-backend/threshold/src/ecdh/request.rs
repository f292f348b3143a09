//! Step 1: what is asked for, by whom, of whom. Equal at the client and at every node of the quorum.

use alloc::vec::Vec;

use crate::dkg::DkgCurve;
use crate::party::SignerSet;
use crate::transcript::{ECDH_CONTEXT, HASH_BYTES, hash};

/// What an agreement key is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgreementCurve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// secp256k1.
    Secp256k1,
    /// curve25519, for X25519.
    Curve25519,
}

impl AgreementCurve {
    /// Every curve.
    pub const ALL: [Self; 4] = [Self::P256, Self::P384, Self::Secp256k1, Self::Curve25519];

    /// Its name in birth certificates and transcripts.
    pub const fn name(self) -> &'static str {
        self.group().name()
    }

    /// The curve of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// The group in which its keys are generated.
    pub const fn group(self) -> DkgCurve {
        match self {
            Self::P256 => DkgCurve::P256,
            Self::P384 => DkgCurve::P384,
            Self::Secp256k1 => DkgCurve::Secp256k1,
            Self::Curve25519 => DkgCurve::Curve25519,
        }
    }
}

/// One key agreement.
#[derive(Clone)]
pub struct Request {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// The key.
    pub key_id: [u8; 16],
    /// Epoch of the key.
    pub epoch: u64,
    /// What the key is on.
    pub curve: AgreementCurve,
    /// The key's public half, as its birth certificate has it.
    pub public_key: Vec<u8>,
    /// The exact quorum.
    pub quorum: SignerSet,
    /// Identity of the client, authenticated by the channel.
    pub client: [u8; 32],
    /// Number of the mechanism that the client asked for.
    pub mechanism: u32,
    /// The peer's public key: a compressed point, or a u-coordinate.
    pub peer: Vec<u8>,
    /// Fresh for each request: the session.
    pub request_nonce: [u8; 32],
}

impl Request {
    /// Hash of all of it: what proofs are bound to.
    pub(super) fn context(&self) -> [u8; HASH_BYTES] {
        hash(
            ECDH_CONTEXT,
            &[
                self.curve.name().as_bytes(),
                &self.cluster_id,
                &self.key_id,
                &self.epoch.to_be_bytes(),
                &self.public_key,
                &self.quorum.to_bytes(),
                &self.client,
                &self.mechanism.to_be_bytes(),
                &self.request_nonce,
                &self.peer,
            ],
        )
    }
}
