//! Step 2: a node multiplies the blinded element by its share and proves it.

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::CryptoRngCore;
use zeroize::{Zeroize, Zeroizing};

use super::proof::Claim;
use super::{ELEMENT_BYTES, PROOF_BYTES};
use crate::codec::DecodeError;
use crate::group::Point;
use crate::party::PartyIndex;
use crate::secret::Secret;

/// A node's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Z = share x B.
    pub element: [u8; ELEMENT_BYTES],
    /// Challenge and response of the proof towards the node's verification share.
    pub proof: [u8; PROOF_BYTES],
}

/// One node's share of an OPRF key, ready for use.
pub struct EvaluationKey {
    party: PartyIndex,
    share: Secret<Scalar>,
    public: RistrettoPoint,
}

impl EvaluationKey {
    /// The share of `party` as key generation gave it: 32 canonical bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Value`] for bytes that are no canonical scalar, or zero.
    pub fn new<B: AsRef<[u8]> + Zeroize>(party: PartyIndex, share: &Secret<B>) -> Result<Self, DecodeError> {
        let bytes = share.expose().as_ref().try_into().map_err(|_| DecodeError::Value)?;
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(bytes);
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(*bytes).into();
        let scalar = Zeroizing::new(scalar.ok_or(DecodeError::Value)?);
        if *scalar == Scalar::ZERO {
            return Err(DecodeError::Value);
        }
        let public = RistrettoPoint::mul_base(&scalar);
        Ok(Self { party, share: Secret::new(*scalar), public })
    }

    /// Evaluates `blinded` and proves it. Constant time in the share.
    ///
    /// `context` names cluster and key; client and node must agree on it. The attempt must have
    /// been counted before this call.
    ///
    /// # Errors
    /// [`DecodeError::Value`] unless `blinded` is a canonical element other than the identity.
    pub fn evaluate(
        &self,
        blinded: &[u8],
        context: &[u8; 32],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Evaluation, DecodeError> {
        // Step 2.1
        let blinded = <RistrettoPoint as Point>::decode(blinded).ok_or(DecodeError::Value)?;
        // Step 2.2
        let evaluated = blinded * self.share.expose();
        // Step 2.3
        let claim = Claim {
            context,
            party: self.party,
            public: &self.public,
            blinded: &blinded,
            evaluated: &evaluated,
        };
        let proof = claim.prove(self.share.expose(), rng);
        Ok(Evaluation { element: evaluated.compress().to_bytes(), proof })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn identity_and_non_canonical_elements_are_refused() {
        let party = PartyIndex::new(1).unwrap();
        let mut share = [0; 32];
        share[0] = 9;
        let key = EvaluationKey::new(party, &Secret::new(share)).unwrap();
        let mut rng = rand_core::OsRng;
        let good = RistrettoPoint::mul_base(&Scalar::from(4_u8)).compress().to_bytes();
        assert!(key.evaluate(&good, &[0; 32], &mut rng).is_ok());
        let mut negative = [0; 32];
        negative[0] = 1;
        for bad in [&[][..], &[0; 32], &[0xff; 32], &negative, &good[..31], &[&good[..], &[0]].concat()] {
            assert_eq!(key.evaluate(bad, &[0; 32], &mut rng), Err(DecodeError::Value));
        }
    }

    #[test]
    fn shares_that_are_zero_or_above_the_order_are_refused() {
        let party = PartyIndex::new(1).unwrap();
        assert!(EvaluationKey::new(party, &Secret::new([0; 32])).is_err());
        assert!(EvaluationKey::new(party, &Secret::new([0xff; 32])).is_err());
    }
}
