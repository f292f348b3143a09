//! What a key generation is bound to.

use alloc::vec::Vec;

use crate::fault::{Checks, Misuse};
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::round::Outbox;
use crate::transcript::{DKG_CONTEXT, HASH_BYTES, hash};

/// The group of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DkgCurve {
    /// NIST P-256, for signing keys.
    P256,
    /// ristretto255, for login OPRF keys.
    Ristretto255,
}

impl DkgCurve {
    /// The curve's name in transcripts and birth certificates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::Ristretto255 => "ristretto255",
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
