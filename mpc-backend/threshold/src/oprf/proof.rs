//! Chaum-Pedersen proof that an answer used the committed share (Chaum, Pedersen 1992).
//!
//! For V = kG and Z = kB: c = H(context, party, V, B, Z, rG, rB), s = r - ck; the verifier
//! recomputes rG = sG + cV and rB = sB + cZ. Made non-interactive by Fiat-Shamir over everything,
//! so a proof is good for one node, one key (through `context`) and one blinded element.

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::{ELEMENT_BYTES, PROOF_BYTES};
use crate::party::PartyIndex;
use crate::transcript::{self, OPRF_CHALLENGE};

/// What is proven: the logarithms of `public` to the generator and of `evaluated` to `blinded`
/// are equal.
pub struct Claim<'a> {
    /// Cluster and key, hashed (32 bytes).
    pub context: &'a [u8; 32],
    /// The node that answers.
    pub party: PartyIndex,
    /// Its verification share, V.
    pub public: &'a RistrettoPoint,
    /// The client's element, B.
    pub blinded: &'a RistrettoPoint,
    /// The answer, Z.
    pub evaluated: &'a RistrettoPoint,
}

impl Claim<'_> {
    /// Proves the claim with the share itself, in constant time: challenge, then response.
    pub fn prove(&self, share: &Scalar, rng: &mut dyn CryptoRngCore) -> [u8; PROOF_BYTES] {
        let mut wide = Zeroizing::new([0; 64]);
        rng.fill_bytes(&mut *wide);
        let nonce = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide));
        let challenge = self.challenge(&RistrettoPoint::mul_base(&nonce), &(self.blinded * *nonce));
        let response = *nonce - challenge * share;
        let mut proof = [0; PROOF_BYTES];
        let (first, second) = proof.split_at_mut(ELEMENT_BYTES);
        first.copy_from_slice(challenge.as_bytes());
        second.copy_from_slice(response.as_bytes());
        proof
    }

    /// Whether `proof` shows the claim. Both scalars must be canonical. Variable time.
    pub fn verify(&self, proof: &[u8; PROOF_BYTES]) -> bool {
        let mut scalars = proof.as_chunks::<ELEMENT_BYTES>().0.iter();
        let mut next = || -> Option<Scalar> { Scalar::from_canonical_bytes(*scalars.next()?).into() };
        let (Some(challenge), Some(response)) = (next(), next()) else {
            return false;
        };
        let base = RistrettoPoint::vartime_double_scalar_mul_basepoint(&challenge, self.public, &response);
        let blinded = self.blinded * response + self.evaluated * challenge;
        self.challenge(&base, &blinded) == challenge
    }

    fn challenge(&self, base: &RistrettoPoint, blinded: &RistrettoPoint) -> Scalar {
        let points = [self.public, self.blinded, self.evaluated, base, blinded]
            .map(|point| point.compress().to_bytes());
        let [public, element, evaluated, base, blinded] = &points;
        let party = self.party.to_bytes();
        let mut wide = [0; 64];
        transcript::expand(
            OPRF_CHALLENGE,
            &[self.context, &party, public, element, evaluated, base, blinded],
            &mut wide,
        );
        Scalar::from_bytes_mod_order_wide(&wide)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn proofs_hold_for_exactly_what_they_claim() {
        let mut rng = rand_core::OsRng;
        let [share, other, blind] = core::array::from_fn(|_| Scalar::random(&mut rng));
        let [one, two] = [1, 2].map(|index| PartyIndex::new(index).unwrap());
        let (public, blinded) = (RistrettoPoint::mul_base(&share), RistrettoPoint::mul_base(&blind));
        let (evaluated, wrong) = (blinded * share, blinded * other);
        let wrong_public = RistrettoPoint::mul_base(&other);
        let claim =
            |context, party, public, blinded, evaluated| Claim { context, party, public, blinded, evaluated };
        let proof = claim(&[7; 32], one, &public, &blinded, &evaluated).prove(&share, &mut rng);

        assert!(claim(&[7; 32], one, &public, &blinded, &evaluated).verify(&proof));
        assert!(!claim(&[8; 32], one, &public, &blinded, &evaluated).verify(&proof), "context");
        assert!(!claim(&[7; 32], two, &public, &blinded, &evaluated).verify(&proof), "party");
        assert!(!claim(&[7; 32], one, &wrong_public, &blinded, &evaluated).verify(&proof), "share");
        assert!(!claim(&[7; 32], one, &public, &wrong, &evaluated).verify(&proof), "blinded");
        assert!(!claim(&[7; 32], one, &public, &blinded, &wrong).verify(&proof), "answer");
        for position in 0..PROOF_BYTES {
            let mut changed = proof;
            changed[position] ^= 1;
            assert!(!claim(&[7; 32], one, &public, &blinded, &evaluated).verify(&changed), "{position}");
        }
        // A proof for another answer, made with the true share, does not hold either.
        let lie = claim(&[7; 32], one, &public, &blinded, &wrong);
        let proof = lie.prove(&share, &mut rng);
        assert!(!lie.verify(&proof));
    }

    #[test]
    fn scalars_above_the_order_are_refused() {
        let public = RistrettoPoint::mul_base(&Scalar::from(3_u8));
        let blinded = RistrettoPoint::mul_base(&Scalar::from(5_u8));
        let evaluated = blinded * Scalar::from(3_u8);
        let party = PartyIndex::new(1).unwrap();
        let claim =
            Claim { context: &[0; 32], party, public: &public, blinded: &blinded, evaluated: &evaluated };
        let mut proof = claim.prove(&Scalar::from(3_u8), &mut rand_core::OsRng);
        // response + order, the same residue: a second encoding of a valid proof.
        let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        let mut carry = 0_u16;
        for (byte, add) in proof[32..].iter_mut().zip(&order) {
            carry += u16::from(*byte) + u16::from(*add);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(!claim.verify(&proof));
    }
}
