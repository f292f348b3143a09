//! What a key generation is bound to.

use alloc::vec::Vec;

use crate::fault::{Checks, Misuse};
use crate::group::curve25519::CURVE25519;
use crate::group::edwards25519::{EDWARDS25519, EDWARDS25519_BYTES};
use crate::group::ristretto255::RISTRETTO255_BYTES;
use crate::group::{Curve as _, P256, P384, Secp256k1};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::round::Outbox;
use crate::transcript::{DKG_CONTEXT, HASH_BYTES, hash};

/// The group of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DkgCurve {
    /// NIST P-256, for signing keys.
    P256,
    /// NIST P-384, for signing keys.
    P384,
    /// secp256k1, for signing keys.
    Secp256k1,
    /// The prime-order subgroup of edwards25519, for signing keys.
    Edwards25519,
    /// The same group, for agreement keys of X25519.
    Curve25519,
    /// ristretto255, for login OPRF keys.
    Ristretto255,
}

impl DkgCurve {
    /// The curve's name in transcripts and birth certificates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => P256::NAME,
            Self::P384 => P384::NAME,
            Self::Secp256k1 => Secp256k1::NAME,
            Self::Edwards25519 => EDWARDS25519,
            Self::Curve25519 => CURVE25519,
            Self::Ristretto255 => "ristretto255",
        }
    }

    /// Bytes of an encoded element.
    pub const fn element_bytes(self) -> usize {
        match self {
            Self::P256 => P256::POINT_BYTES,
            Self::P384 => P384::POINT_BYTES,
            Self::Secp256k1 => Secp256k1::POINT_BYTES,
            Self::Edwards25519 | Self::Curve25519 => EDWARDS25519_BYTES,
            Self::Ristretto255 => RISTRETTO255_BYTES,
        }
    }

    /// Bytes of an encoded scalar.
    pub const fn scalar_bytes(self) -> usize {
        match self {
            Self::P256 => P256::SCALAR_BYTES,
            Self::P384 => P384::SCALAR_BYTES,
            Self::Secp256k1 => Secp256k1::SCALAR_BYTES,
            Self::Edwards25519 | Self::Curve25519 => EDWARDS25519_BYTES,
            Self::Ristretto255 => RISTRETTO255_BYTES,
        }
    }
}

/// Everything that the parties must agree on before they start, and who this party is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkgContext {
    /// Hash of the genesis manifest.
    pub cluster_id: [u8; 32],
    /// Fresh and random for this generation.
    pub session_id: [u8; 32],
    /// The key to be born.
    pub key_id: [u8; 16],
    /// Epoch of the sharing.
    pub epoch: u64,
    /// T and N; all N parties take part.
    pub threshold: Threshold,
    /// The group.
    pub curve: DkgCurve,
    /// Hash of what the key is for: purpose, token, owner, attributes.
    pub purpose: [u8; 32],
    /// This party.
    pub me: PartyIndex,
}

/// The context with what follows from it; moves from state to state.
pub(super) struct Setting {
    pub(super) threshold: Threshold,
    pub(super) me: PartyIndex,
    pub(super) parties: SignerSet,
    /// Identity of this generation, equal at all parties.
    pub(super) id: [u8; HASH_BYTES],
    pub(super) checks: Checks,
}

impl Setting {
    /// # Errors
    /// [`Misuse::NotASigner`] when `me` is above N.
    pub(super) fn new(context: &DkgContext) -> Result<Self, Misuse> {
        let parties = context.threshold.all();
        if !parties.contains(context.me) {
            return Err(Misuse::NotASigner);
        }
        let id = hash(
            DKG_CONTEXT,
            &[
                &context.cluster_id,
                &context.session_id,
                &context.key_id,
                &context.epoch.to_be_bytes(),
                &[context.threshold.needed(), context.threshold.parties()],
                &parties.to_bytes(),
                context.curve.name().as_bytes(),
                &context.purpose,
            ],
        );
        Ok(Self { threshold: context.threshold, me: context.me, parties, id, checks: Checks::all() })
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = PartyIndex> + Clone + '_ {
        self.parties.peers_of(self.me)
    }

    /// `body` of `round` (1-based) for every peer.
    pub(super) fn broadcast(&self, round: u8, body: &[u8]) -> Outbox {
        Outbox::broadcast(self.peers(), &framed(round, body))
    }
}

/// A message on the wire: one byte for the round, then its body.
pub(super) fn framed(round: u8, body: &[u8]) -> Vec<u8> {
    [&[round], body].concat()
}
