//! What only simulations do: [`crate::sim`], with the curve looked up.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::request::combine_checked;
use super::{Answer, Presignature, PublicKey, SigningRequest};
use crate::ecdsa::Pairs;
use crate::fault::{Checks, Error, Fault, Misuse};
use crate::party::PartyIndex;
use crate::sim;

/// The copy that the shipped code cannot make.
pub fn duplicate(presignature: &Presignature) -> Presignature {
    match presignature {
        Presignature::P256(one) => Presignature::P256(Box::new(sim::duplicate(one))),
        Presignature::P384(one) => Presignature::P384(Box::new(sim::duplicate(one))),
        Presignature::Secp256k1(one) => Presignature::Secp256k1(Box::new(sim::duplicate(one))),
        Presignature::Edwards25519(one) => Presignature::Edwards25519(Box::new(sim::frost::duplicate(one))),
    }
}

impl Presignature {
    fn secrets(&self) -> Vec<u8> {
        match self {
            Self::P256(own) => sim::stored_form(own),
            Self::P384(own) => sim::stored_form(own),
            Self::Secp256k1(own) => sim::stored_form(own),
            Self::Edwards25519(own) => sim::frost::stored_form(own),
        }
    }
}

/// The bytes that the shipped code cannot make.
pub fn stored_form(presignature: &Presignature) -> Vec<u8> {
    presignature.secrets()
}

/// An answer without its zero-shares (nonce rule R9).
///
/// # Errors
/// As [`Presignature::answer`].
pub fn unmasked(own: Presignature, pairs: &Pairs, request: &SigningRequest) -> Result<Vec<u8>, Error> {
    match (own, &request.public_key) {
        (Presignature::P256(own), PublicKey::P256(key)) => {
            Ok(sim::unmasked(*own, pairs, &request.with_key(key))?.encode())
        }
        (Presignature::P384(own), PublicKey::P384(key)) => {
            Ok(sim::unmasked(*own, pairs, &request.with_key(key))?.encode())
        }
        (Presignature::Secp256k1(own), PublicKey::Secp256k1(key)) => {
            Ok(sim::unmasked(*own, pairs, &request.with_key(key))?.encode())
        }
        (Presignature::Edwards25519(own), PublicKey::Edwards25519(key)) => {
            Ok(sim::frost::unmasked(*own, pairs, &request.of_message(key))?.encode())
        }
        _ => Err(Misuse::WrongPresignature.into()),
    }
}

/// The client's step with one check left out.
///
/// # Errors
/// As [`super::combine`].
pub fn combine_with(
    answers: Vec<(PartyIndex, Answer)>,
    request: &SigningRequest,
    commitments: &[Vec<u8>],
    checks: Checks,
) -> Result<Vec<u8>, Fault> {
    combine_checked(answers, request, commitments, checks)
}
