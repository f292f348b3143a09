//! FROST's second and third part with one of their checks left out, for simulations only.
//!
//! `frost-core` verifies inside [`part2`] and `part3`. To show that a lie is caught by exactly that
//! check, a session must be able to do everything else of these parts and not the check.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use frost_core::keys::dkg::{part2, round1, round2};
use frost_core::keys::{SigningShare, VerifiableSecretSharingCommitment};
use frost_core::{Error, Field, Group, Identifier, Scalar, Signature};

use super::suite::Suite;

type Evaluated<S> = (round2::SecretPackage<S>, BTreeMap<Identifier<S>, round2::Package<S>>);

/// [`part2`] without check 2.5.
///
/// It reads nothing from a package but the number of commitments and the proof, so packages with
/// proofs of our own take the place of the received ones.
pub(super) fn part2_without_proofs<S: Suite>(
    secret: round1::SecretPackage<S>,
    packages: &BTreeMap<Identifier<S>, round1::Package<S>>,
) -> Result<Evaluated<S>, Error<S>> {
    let ones = alloc::vec![<S::Group as Group>::Field::one(); usize::from(*secret.min_signers())];
    let proven = packages.keys().map(|party| Ok((*party, prove(*party, &ones)?)));
    part2(secret, &proven.collect::<Result<_, Error<S>>>()?)
}

/// The share of `part3` without check 3.4: the sum of what was received.
pub(super) fn sum_of_shares<S: Suite>(
    secret: &round2::SecretPackage<S>,
    shares: &BTreeMap<Identifier<S>, round2::Package<S>>,
) -> Result<SigningShare<S>, Error<S>> {
    let mut sum = secret.secret_share();
    for package in shares.values() {
        sum = sum + scalar::<S>(package.signing_share())?;
    }
    SigningShare::deserialize(<S::Group as Group>::Field::serialize(&sum).as_ref())
}

/// The content of a share.
pub(super) fn scalar<S: Suite>(share: &SigningShare<S>) -> Result<Scalar<S>, Error<S>> {
    let bytes = share.serialize();
    let bytes = bytes.as_slice().try_into().map_err(|_| Error::SerializationError)?;
    Ok(<S::Group as Group>::Field::deserialize(&bytes)?)
}

/// The package of `party` for a polynomial of its choice; the proof's nonce is 1.
pub(super) fn prove<S: Suite>(
    party: Identifier<S>,
    coefficients: &[Scalar<S>],
) -> Result<round1::Package<S>, Error<S>> {
    let generator = S::Group::generator();
    let commit = |coefficient: &Scalar<S>| S::Group::serialize(&(generator * *coefficient));
    let elements = coefficients.iter().map(commit).collect::<Result<Vec<_>, _>>()?;
    let constant = elements.first().ok_or(Error::InvalidCoefficients)?.as_ref();
    let nonce = S::Group::serialize(&generator)?;
    // c = H(party, phi_0, R), mu = 1 + a_0 c
    let preimage = [&party.serialize(), constant, nonce.as_ref()].concat();
    let challenge = S::HDKG(&preimage).ok_or(Error::DKGNotSupported)?;
    let secret = *coefficients.first().ok_or(Error::InvalidCoefficients)?;
    let response = <S::Group as Group>::Field::one() + secret * challenge;
    let response = <S::Group as Group>::Field::serialize(&response);
    let proof = Signature::deserialize(&[nonce.as_ref(), response.as_ref()].concat())?;
    Ok(round1::Package::new(VerifiableSecretSharingCommitment::deserialize(&elements)?, proof))
}
