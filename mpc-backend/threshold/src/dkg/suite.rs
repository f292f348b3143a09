//! The ciphersuites that `frost-core` runs with, and its types on our wire.

use alloc::vec::Vec;

use elliptic_curve::ff::PrimeField;
use frost_core::keys::VerifiableSecretSharingCommitment;
use frost_core::keys::dkg::round1;
use frost_core::{Ciphersuite, Error, GroupError, Identifier, Signature};

use crate::codec::{DecodeError, Reader};
use crate::fault::{Fault, Rule};
use crate::group::Point;
use crate::party::{PartyIndex, SignerSet, Threshold};
use crate::sharing::Commitments;

/// A FROST ciphersuite whose group we also compute in.
pub(super) trait Suite: Ciphersuite {
    /// The same group in our own arithmetic.
    type Point: Point<Scalar: PrimeField>;
    /// Bytes of an encoded element.
    const ELEMENT_BYTES: usize;
    /// Bytes of an encoded scalar.
    const SCALAR_BYTES: usize;
}

impl Suite for frost_p256::P256Sha256 {
    type Point = crate::group::p256::P256Point;
    const ELEMENT_BYTES: usize = 33;
    const SCALAR_BYTES: usize = 32;
}

impl Suite for frost_secp256k1::Secp256K1Sha256 {
    type Point = crate::group::secp256k1::Secp256k1Point;
    const ELEMENT_BYTES: usize = 33;
    const SCALAR_BYTES: usize = 32;
}

impl Suite for frost_ed25519::Ed25519Sha512 {
    type Point = curve25519_dalek::EdwardsPoint;
    const ELEMENT_BYTES: usize = 32;
    const SCALAR_BYTES: usize = 32;
}

impl Suite for frost_ristretto255::Ristretto255Sha512 {
    type Point = curve25519_dalek::RistrettoPoint;
    const ELEMENT_BYTES: usize = 32;
    const SCALAR_BYTES: usize = 32;
}

/// FROST's identifier of a party: the scalar with its position, so that frost's shares are
/// evaluations at our [`PartyIndex`].
pub(super) fn identifier<S: Suite>(party: PartyIndex) -> Identifier<S> {
    Identifier::try_from(u16::from(party.get())).expect("positions start at 1")
}

/// A first package that decoded: T commitments and a proof of possession, not yet verified.
pub(super) struct UncheckedPackage<S: Suite> {
    pub(super) commitments: Commitments<S::Point>,
    pub(super) frost: round1::Package<S>,
}

/// Length of [`encode_package`]'s result: T elements, then the proof's element and scalar.
pub(super) fn package_bytes<S: Suite>(threshold: Threshold) -> usize {
    (usize::from(threshold.needed()) + 1) * S::ELEMENT_BYTES + S::SCALAR_BYTES
}

/// The commitments, the constant term first, then the proof.
pub(super) fn encode_package<S: Suite>(package: &round1::Package<S>) -> Vec<u8> {
    let fresh = "frost draws non-zero scalars, so no element is the identity";
    let mut bytes = package.commitment().serialize_whole().expect(fresh);
    bytes.extend_from_slice(&package.proof_of_knowledge().serialize().expect(fresh));
    bytes
}

/// Reads exactly what [`encode_package`] writes.
///
/// # Errors
/// [`DecodeError`] for another length or an element or scalar that is not in canonical form.
pub(super) fn decode_package<S: Suite>(
    bytes: &[u8],
    threshold: Threshold,
) -> Result<UncheckedPackage<S>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let elements: Vec<&[u8]> =
        (0..threshold.needed()).map(|_| reader.bytes(S::ELEMENT_BYTES)).collect::<Result<_, _>>()?;
    let proof = reader.bytes(S::ELEMENT_BYTES + S::SCALAR_BYTES)?;
    reader.finish()?;
    let commitments = Commitments::decode(&elements, threshold)?;
    let commitment = VerifiableSecretSharingCommitment::<S>::deserialize(&elements);
    let proof = Signature::<S>::deserialize(proof);
    let (Ok(commitment), Ok(proof)) = (commitment, proof) else {
        return Err(DecodeError::Value);
    };
    let frost = round1::Package::new(commitment, proof);
    // SEC1 decoders also take the compact form (tag 5), a second encoding of a point.
    if encode_package(&frost) != bytes {
        return Err(DecodeError::Value);
    }
    Ok(UncheckedPackage { commitments, frost })
}

/// Translates frost's verdict. Its culprits are identifiers of parties that sent us a package.
pub(super) fn fault_of<S: Suite>(error: &Error<S>, parties: &SignerSet) -> Fault {
    let named = |culprit: &Identifier<S>, rule| {
        let party = parties.iter().find(|party| identifier::<S>(*party) == *culprit);
        party.map_or(Fault::of_nobody(rule), |party| Fault::of(party, rule))
    };
    match error {
        Error::InvalidProofOfKnowledge { culprit } => named(culprit, Rule::ProofOfPossession),
        Error::InvalidSecretShare { culprit: Some(culprit) } => named(culprit, Rule::SecretShare),
        Error::GroupError(GroupError::InvalidIdentityElement) => Fault::of_nobody(Rule::KeygenZero),
        // Numbers of packages and commitments were right before frost saw them.
        _ => Fault::of_nobody(Rule::Malformed),
    }
}
