//! Steps 1 and 3: the client blinds its input, checks the answers and combines them.

use alloc::vec::Vec;

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::hash::{finalize, hash_to_group};
use super::node::Evaluation;
use super::proof::Claim;
use super::{ELEMENT_BYTES, INPUT_BYTES_MAX, KeyCommitments, OUTPUT_BYTES};
use crate::fault::{Checks, Fault, Misuse, Rule};
use crate::group::Point;
use crate::party::{PartyIndex, SignerSet};
use crate::secret::Secret;
use crate::sharing::lagrange_at_zero;

/// Why an input cannot be blinded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Longer than [`INPUT_BYTES_MAX`].
    #[error("input is longer than {INPUT_BYTES_MAX} bytes")]
    TooLong,
    /// The input hashes to the identity (RFC 9497 InvalidInputError; probability 2^-252).
    #[error("input hashes to the identity")]
    Identity,
}

/// Why answers do not combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// Not exactly as many distinct parties as the key needs.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// A node's answer is wrong; it is named.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A blinded input: what the client keeps between asking and combining.
pub struct Blinded {
    input: Zeroizing<Vec<u8>>,
    blind: Secret<Scalar>,
    element: RistrettoPoint,
    checks: Checks,
}

/// Step 1: blinds `input` with a fresh random scalar; the bytes go to every node asked.
///
/// # Errors
/// [`InputError`].
pub fn blind(
    input: &[u8],
    rng: &mut dyn CryptoRngCore,
) -> Result<(Blinded, [u8; ELEMENT_BYTES]), InputError> {
    let mut scalar = Zeroizing::new(Scalar::ZERO);
    // RandomScalar of RFC 9497 excludes zero, which would send the identity.
    while *scalar == Scalar::ZERO {
        let mut wide = Zeroizing::new([0; 64]);
        rng.fill_bytes(&mut *wide);
        *scalar = Scalar::from_bytes_mod_order_wide(&wide);
    }
    blind_with(input, Secret::new(*scalar))
}

/// Step 1 with a given blind.
fn blind_with(input: &[u8], blind: Secret<Scalar>) -> Result<(Blinded, [u8; ELEMENT_BYTES]), InputError> {
    if input.len() > INPUT_BYTES_MAX {
        return Err(InputError::TooLong);
    }
    blind_hashed(input, &hash_to_group(input), blind)
}

/// Steps 1.2 and 1.3 with the input's element as it was hashed.
fn blind_hashed(
    input: &[u8],
    hashed: &RistrettoPoint,
    blind: Secret<Scalar>,
) -> Result<(Blinded, [u8; ELEMENT_BYTES]), InputError> {
    // Step 1.2
    if Point::is_identity(hashed) {
        return Err(InputError::Identity);
    }
    let element = hashed * blind.expose();
    let input = Zeroizing::new(input.to_vec());
    let blinded = Blinded { input, blind, element, checks: Checks::all() };
    Ok((blinded, element.compress().to_bytes()))
}

impl Blinded {
    /// Step 3: checks the answers of exactly T parties and computes the output.
    ///
    /// `commitments` are those of the key's verified birth certificate, `context` the same as at
    /// the nodes. On a fault ask another party and combine again: the blinded element stays valid.
    ///
    /// # Errors
    /// [`CombineError::Misuse`] for another number of answers than the key needs or a repeated
    /// party; [`CombineError::Fault`] naming the party whose element does not decode
    /// ([`Rule::Malformed`]) or whose proof fails ([`Rule::OprfProof`]).
    pub fn combine(
        &self,
        answers: &[(PartyIndex, Evaluation)],
        commitments: &KeyCommitments,
        context: &[u8; 32],
    ) -> Result<Secret<[u8; OUTPUT_BYTES]>, CombineError> {
        let set = SignerSet::new(answers.iter().map(|(party, _)| *party))?;
        if set.len() != commitments.needed() {
            return Err(Misuse::SignerSet.into());
        }
        let mut sum = RistrettoPoint::identity();
        for (party, answer) in answers {
            let evaluated = self.checked(*party, answer, commitments, context)?;
            // Step 3.3
            sum += evaluated * lagrange_at_zero::<Scalar>(*party, &set)?;
        }
        // Step 3.4
        let unblinded = sum * self.blind.expose().invert();
        Ok(Secret::new(*finalize(&self.input, &unblinded)))
    }

    /// Steps 3.1 and 3.2: the element of an answer whose proof holds.
    fn checked(
        &self,
        party: PartyIndex,
        answer: &Evaluation,
        commitments: &KeyCommitments,
        context: &[u8; 32],
    ) -> Result<RistrettoPoint, Fault> {
        let decoded = <RistrettoPoint as Point>::decode(&answer.element);
        let evaluated = decoded.ok_or(Fault::of(party, Rule::Malformed))?;
        let claim = Claim {
            context,
            party,
            public: &commitments.verification_share(party),
            blinded: &self.element,
            evaluated: &evaluated,
        };
        self.checks.enforce(claim.verify(&answer.proof), Fault::of(party, Rule::OprfProof))?;
        Ok(evaluated)
    }

    /// Leaves a check out, to show what it protects from.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn with_checks(mut self, checks: Checks) -> Self {
        self.checks = checks;
        self
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
