//! A party's share of the private exponent, and the public values that belong to all pieces
//! (`spec/rsa.md`, 3.2).

use alloc::vec::Vec;

use arith::integer::Integer;
use arith::modulus::Residue;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::public::{PublicKey, piece_limbs};
use crate::codec::{DecodeError, Reader};
use crate::fault::{Checks, Fault, Misuse, Rule, verdict};
use crate::party::{PartyIndex, SignerSet};
use crate::sharing::replicated::{Piece, Pieces, Shared};
use crate::transcript::{HASH_BYTES, RSA_VALUES, hash_all};

/// Bits by which a piece but the first may exceed the modulus: so much hides the exponent.
pub(super) const HIDING_BITS: usize = 128;
/// Bytes by which the sum of any pieces may exceed the modulus: a byte above their number times that.
const SUM_BYTES: usize = HIDING_BITS / 8 + 2;

/// V_A = g^(d_A) for every piece, in order: each as long as the modulus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values(Vec<Vec<u8>>);

impl Values {
    pub(super) fn new(values: Vec<Vec<u8>>) -> Self {
        Self(values)
    }

    /// The values one after the other.
    pub fn encode(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Reads one value for each piece of `layout`.
    ///
    /// # Errors
    /// [`DecodeError`] for another length, or a value that is not below n or has no inverse.
    pub fn decode(key: &PublicKey, layout: &Pieces, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut values = Vec::new();
        for _ in layout.all() {
            let value = reader.bytes(key.bytes())?;
            let residue = key.modulus().residue(value).ok_or(DecodeError::Value)?;
            residue.inverse().ok_or(DecodeError::Value)?;
            values.push(value.to_vec());
        }
        reader.finish()?;
        Ok(Self(values))
    }

    /// Hash of key and values: what the parties sign, and what a client compares.
    pub fn digest(&self, key: &PublicKey) -> [u8; HASH_BYTES] {
        let id = key.id();
        hash_all(RSA_VALUES, core::iter::once(id.as_slice()).chain(self.0.iter().map(Vec::as_slice)))
    }

    /// The product of those values whose pieces fulfil `include`.
    pub(super) fn product<'k>(&self, key: &'k PublicKey, include: impl Fn(Piece) -> bool) -> Residue<'k> {
        let pieces = self.0.iter().enumerate().filter_map(|(at, value)| Some((Piece::at(at)?, value)));
        pieces
            .filter(|(piece, _)| include(*piece))
            .filter_map(|(_, value)| key.modulus().residue(value))
            .fold(key.modulus().one(), |product, value| product.times(&value))
    }
}

/// One party's pieces of d, ready for use.
pub struct KeyShare {
    pub(super) layout: Pieces,
    pub(super) party: PartyIndex,
    pub(super) pieces: Shared,
}

impl KeyShare {
    /// Reads the pieces that a dealer sent to `party`, and checks them.
    ///
    /// # Errors
    /// [`Rule::Malformed`], [`Rule::RsaShare`] and [`Rule::RsaValues`], naming nobody: a dealer is no
    /// party.
    pub fn accept(
        key: &PublicKey,
        layout: &Pieces,
        party: PartyIndex,
        pieces: &[u8],
        values: &Values,
        checks: Checks,
    ) -> Result<Self, Fault> {
        // Check 2.1
        let malformed = Fault::of_nobody(Rule::Malformed);
        let share = Self::decode(key, layout, party, pieces).map_err(|_| malformed)?;
        if values.0.len() != layout.all().len() {
            return Err(malformed);
        }
        // Check 2.2
        let generator = key.generator();
        for (piece, value) in share.pieces.iter() {
            let right = power(key, &generator, value) == values.product(key, |other| other == piece);
            checks.enforce(right, Fault::of_nobody(Rule::RsaShare))?;
        }
        // Check 2.3
        let all = key.public_power(&values.product(key, |_| true));
        checks.enforce(all == generator, Fault::of_nobody(Rule::RsaValues))?;
        Ok(share)
    }

    /// Reads what [`Self::encode`] wrote and this party stored.
    ///
    /// # Errors
    /// [`DecodeError`] for another length, and for a piece that is negative or too large.
    pub fn decode(
        key: &PublicKey,
        layout: &Pieces,
        party: PartyIndex,
        bytes: &[u8],
    ) -> Result<Self, DecodeError> {
        let limbs = key.limbs();
        let mut pieces = bytes.chunks_exact(8 * limbs);
        if bytes.is_empty() || bytes.len() != Self::bytes(layout, party, 8 * key.bytes()) {
            return Err(DecodeError::Truncated);
        }
        let pieces = Shared::new(layout, party, limbs, |_| {
            Integer::from_be_bytes(pieces.next().unwrap_or_default(), limbs)
        });
        let fit = pieces.iter().fold(Choice::from(1), |fit, (at, piece)| fit & fits(key, at, piece));
        verdict(fit, DecodeError::Value)?;
        Ok(Self { layout: layout.clone(), party, pieces })
    }

    /// Length of what [`Self::encode`] writes for `party` and a modulus of `bits` bits.
    pub(super) fn bytes(layout: &Pieces, party: PartyIndex, bits: usize) -> usize {
        8 * piece_limbs(bits / 8) * layout.held_by(party).count()
    }

    /// The pieces one after the other, to be sealed and stored.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let length = self.pieces.iter().map(|(_, piece)| 8 * piece.limbs()).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        self.pieces.iter().for_each(|(_, piece)| bytes.extend_from_slice(&piece.to_be_bytes()));
        bytes
    }

    /// s_j for `set`.
    pub(super) fn exponent(&self, set: &SignerSet) -> Result<Integer, Misuse> {
        if set.len() != usize::from(self.layout.threshold().needed()) {
            return Err(Misuse::SignerSet);
        }
        self.pieces.part(&self.layout, self.party, set)
    }
}

/// Whether a piece has the size of its place and so is not negative, in constant time.
fn fits(key: &PublicKey, piece: Piece, value: &Integer) -> Choice {
    // The first is as large as all others together, of which there are up to 125.
    let most = key.bytes() + HIDING_BITS / 8 + usize::from(piece == Piece::FIRST);
    let bytes = value.to_be_bytes();
    let above = bytes.iter().rev().skip(most).fold(0, |any, byte| any | byte);
    above.ct_eq(&0)
}

/// `base` to the secret `exponent`, a piece or a sum of pieces, in constant time.
pub(super) fn power<'m>(key: &PublicKey, base: &Residue<'m>, exponent: &Integer) -> Residue<'m> {
    let bytes = exponent.to_be_bytes();
    // What is cut is zero in every sum.
    let above = bytes.len().saturating_sub(key.bytes() + SUM_BYTES);
    base.power_secret(bytes.get(above..).unwrap_or_default())
}
