//! What a party keeps of a key, and what it computes with it (`spec/rsa.md`, 3.3 and 3.5).

use alloc::vec::Vec;

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::encode::Block;
use super::partial::Partial;
use super::proof::Proof;
use super::public::PublicKey;
use super::share::{KeyShare, Values};
use crate::codec::DecodeError;
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::party::{PartyIndex, SignerSet};
use crate::sharing::replicated::Pieces;

/// A party's share of a key, with the public values beside it.
pub struct Stored {
    key: PublicKey,
    share: KeyShare,
    values: Vec<u8>,
}

impl Stored {
    /// The bytes to seal and store: pieces, then values.
    pub fn encode(share: &KeyShare, values: &Values) -> Zeroizing<Vec<u8>> {
        let (pieces, values) = (share.encode(), values.encode());
        let mut bytes = Zeroizing::new(Vec::with_capacity(pieces.len() + values.len()));
        bytes.extend_from_slice(&pieces);
        bytes.extend_from_slice(&values);
        bytes
    }

    /// Reads what a dealer sent to `party`, in the form of [`Self::encode`], and checks it. `digest` is that of
    /// the values, which all parties sign.
    ///
    /// # Errors
    /// As [`KeyShare::accept`]; [`Rule::RsaValues`] for values of another digest as well.
    pub fn accept(
        key: PublicKey,
        layout: &Pieces,
        party: PartyIndex,
        bytes: &[u8],
        digest: &[u8],
        checks: Checks,
    ) -> Result<Self, Fault> {
        // Check 2.1
        let malformed = Fault::of_nobody(Rule::Malformed);
        let pieces_bytes = KeyShare::bytes(layout, party, 8 * key.bytes());
        let (pieces, values) = bytes.split_at_checked(pieces_bytes).ok_or(malformed)?;
        let values = Values::decode(&key, layout, values).map_err(|_| malformed)?;
        let share = KeyShare::accept(&key, layout, party, pieces, &values, checks)?;
        // Check 2.4
        let told = values.digest(&key).as_slice() == digest;
        checks.enforce(told, Fault::of_nobody(Rule::RsaValues))?;
        Ok(Self { key, share, values: values.encode() })
    }

    /// Length of what [`Self::encode`] writes for `party` and a modulus of `bits` bits.
    pub fn bytes(layout: &Pieces, party: PartyIndex, bits: usize) -> usize {
        KeyShare::bytes(layout, party, bits) + layout.all().len() * bits / 8
    }

    /// Reads what [`Self::encode`] wrote and this party stored.
    ///
    /// # Errors
    /// [`DecodeError`] for another length, and for a piece outside of its range.
    pub fn decode(
        key: PublicKey,
        layout: &Pieces,
        party: PartyIndex,
        bytes: &[u8],
    ) -> Result<Self, DecodeError> {
        let bits = 8 * key.bytes();
        if bytes.len() != Self::bytes(layout, party, bits) {
            return Err(DecodeError::Truncated);
        }
        let (pieces, values) =
            bytes.split_at_checked(KeyShare::bytes(layout, party, bits)).ok_or(DecodeError::Truncated)?;
        let share = KeyShare::decode(&key, layout, party, pieces)?;
        Ok(Self { key, share, values: values.to_vec() })
    }

    /// The key's public half.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What [`Values::encode`] gave.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// This party's part for `block` in `set`.
    ///
    /// # Errors
    /// As [`KeyShare::partial`].
    pub fn partial(&self, block: &Block, set: &SignerSet) -> Result<Partial, Misuse> {
        self.share.partial(&self.key, block, set)
    }

    /// A proof that `partial`, this party's own, is right.
    ///
    /// # Errors
    /// As [`KeyShare::partial`].
    pub fn prove(
        &self,
        block: &Block,
        set: &SignerSet,
        partial: &Partial,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Proof, Misuse> {
        self.share.prove(&self.key, block, set, partial, rng)
    }
}
