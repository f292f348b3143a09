//! The schemes that a suite is instantiated on, each with an independent verifier.

use elliptic_curve::ff::PrimeField as _;
use sha2::{Digest as _, Sha512};
use threshold::frost::{Bip340, Ed25519, FrostP256, Schnorr};

/// A scheme with what tests know of it beyond the shipped code.
pub trait Scheme: Schnorr {
    /// Messages with their variant, every variant among them.
    fn messages() -> Vec<(Vec<u8>, Vec<u8>)>;
    /// Whether another implementation takes the signature.
    fn verifies(public_key: &[u8], parameter: &[u8], message: &[u8], signature: &[u8]) -> bool;

    /// Bytes in the place of a point that are the identity's, or no point's.
    fn identity() -> Vec<u8>;

    /// A message of the plain variant.
    fn plain_message(seed: u64) -> Vec<u8> {
        Sha512::digest(seed.to_be_bytes())[..32].to_vec()
    }

    /// A scalar in the suite's byte order.
    fn encode(scalar: &Self::Scalar) -> Vec<u8> {
        scalar.to_repr().as_ref().to_vec()
    }
}

impl Scheme for Ed25519 {
    fn messages() -> Vec<(Vec<u8>, Vec<u8>)> {
        vec![
            (vec![], vec![]),
            (vec![], b"message".to_vec()),
            (vec![], vec![7; 5000]),
            (vec![0], b"Ed25519ctx without a context".to_vec()),
            ([&[0][..], b"context"].concat(), b"message".to_vec()),
            (vec![1], Sha512::digest(b"message").to_vec()),
            ([&[1][..], &[3; 255]].concat(), Sha512::digest(b"message").to_vec()),
        ]
    }

    fn identity() -> Vec<u8> {
        [&[1][..], &[0; 31]].concat()
    }

    /// By ed25519-dalek; Ed25519ctx, which it has not, by the equation over `dom2`.
    fn verifies(public_key: &[u8], parameter: &[u8], message: &[u8], signature: &[u8]) -> bool {
        use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
        let key = ed25519_dalek::VerifyingKey::from_bytes(public_key.try_into().unwrap()).unwrap();
        let own = ed25519_dalek::Signature::from_slice(signature).unwrap();
        match parameter.split_first() {
            None => key.verify_strict(message, &own).is_ok(),
            Some((flag, context)) => {
                let dom2 =
                    [b"SigEd25519 no Ed25519 collisions".as_slice(), &[*flag, context.len() as u8], context]
                        .concat();
                let hash = Sha512::new().chain_update(dom2).chain_update(&signature[..32]);
                let hash = hash.chain_update(public_key).chain_update(message).finalize();
                let challenge = curve25519_dalek::Scalar::from_bytes_mod_order_wide(&hash.into());
                let response: [u8; 32] = signature[32..].try_into().unwrap();
                let response = curve25519_dalek::Scalar::from_canonical_bytes(response).unwrap();
                let point = CompressedEdwardsY::from_slice(public_key).unwrap().decompress().unwrap();
                (EdwardsPoint::mul_base(&response) - point * challenge).compress().as_bytes()
                    == &signature[..32]
            }
        }
    }
}

/// Messages of a scheme without variants.
fn plain_messages() -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![(vec![], vec![]), (vec![], b"message".to_vec()), (vec![], vec![7; 32]), (vec![], vec![7; 5000])]
}

impl Scheme for FrostP256 {
    fn messages() -> Vec<(Vec<u8>, Vec<u8>)> {
        plain_messages()
    }

    fn identity() -> Vec<u8> {
        vec![0; 33]
    }

    /// By frost-core's own verifier, over frost-p256.
    fn verifies(public_key: &[u8], _: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let key = frost_p256::VerifyingKey::deserialize(public_key).unwrap();
        key.verify(message, &frost_p256::Signature::deserialize(signature).unwrap()).is_ok()
    }
}

impl Scheme for Bip340 {
    fn messages() -> Vec<(Vec<u8>, Vec<u8>)> {
        plain_messages()
    }

    fn identity() -> Vec<u8> {
        vec![0; 33]
    }

    /// By k256's own implementation of BIP-340.
    fn verifies(public_key: &[u8], _: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let key = k256::schnorr::VerifyingKey::from_bytes(&public_key[1..]).unwrap();
        key.verify_raw(message, &k256::schnorr::Signature::try_from(signature).unwrap()).is_ok()
    }
}

/// Instantiates generic tests on every scheme.
macro_rules! on_each_scheme {
    ($($test:ident,)*) => {
        mod ed25519 {
            $(#[test] fn $test() { super::$test::<threshold::frost::Ed25519>(); })*
        }
        mod p256 {
            $(#[test] fn $test() { super::$test::<threshold::frost::FrostP256>(); })*
        }
        mod bip340 {
            $(#[test] fn $test() { super::$test::<threshold::frost::Bip340>(); })*
        }
    };
}

pub(crate) use on_each_scheme;
