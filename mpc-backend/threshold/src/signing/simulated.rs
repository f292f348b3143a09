//! What only simulations do: [`crate::sim`], with the scheme looked up.

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
        Presignature::EcdsaP256(one) => Presignature::EcdsaP256(Box::new(sim::duplicate(one))),
        Presignature::EcdsaP384(one) => Presignature::EcdsaP384(Box::new(sim::duplicate(one))),
        Presignature::EcdsaSecp256k1(one) => Presignature::EcdsaSecp256k1(Box::new(sim::duplicate(one))),
        Presignature::Ed25519(one) => Presignature::Ed25519(Box::new(sim::frost::duplicate(one))),
        Presignature::FrostP256(one) => Presignature::FrostP256(Box::new(sim::frost::duplicate(one))),
        Presignature::Bip340(one) => Presignature::Bip340(Box::new(sim::frost::duplicate(one))),
    }
}

impl Presignature {
    fn secrets(&self) -> Vec<u8> {
        match self {
            Self::EcdsaP256(own) => sim::stored_form(own),
            Self::EcdsaP384(own) => sim::stored_form(own),
            Self::EcdsaSecp256k1(own) => sim::stored_form(own),
            Self::Ed25519(own) => sim::frost::stored_form(own),
            Self::FrostP256(own) => sim::frost::stored_form(own),
            Self::Bip340(own) => sim::frost::stored_form(own),
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
    macro_rules! ecdsa {
        ($own:expr, $key:expr) => {
            Ok(sim::unmasked(*$own, pairs, &request.with_key($key))?.encode())
        };
    }
    macro_rules! frost {
        ($own:expr, $key:expr) => {
            Ok(sim::frost::unmasked(*$own, pairs, &request.of_message($key))?.encode())
        };
    }
    match (own, &request.public_key) {
        (Presignature::EcdsaP256(own), PublicKey::P256(key)) => ecdsa!(own, key),
        (Presignature::EcdsaP384(own), PublicKey::P384(key)) => ecdsa!(own, key),
        (Presignature::EcdsaSecp256k1(own), PublicKey::Secp256k1(key)) => ecdsa!(own, key),
        (Presignature::Ed25519(own), PublicKey::Edwards25519(key)) => frost!(own, key),
        (Presignature::FrostP256(own), PublicKey::P256(key)) => frost!(own, key),
        (Presignature::Bip340(own), PublicKey::Secp256k1(key)) => frost!(own, key),
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
