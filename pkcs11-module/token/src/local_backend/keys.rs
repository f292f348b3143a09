//! Whole keys of the test double, on every curve.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rand_core::OsRng;
use zeroize::Zeroizing;

use crate::backend::{Curve, Scheme};
use crate::mechanism::eddsa::{self, Variant};
use crate::provider::Parameter;

/// A whole private key.
#[derive(Clone)]
pub(super) enum LocalKey {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    Edwards25519(Scalar),
}

impl LocalKey {
    pub(super) fn random(curve: Curve) -> Self {
        match curve {
            Curve::P256 => Self::P256(p256::ecdsa::SigningKey::random(&mut OsRng)),
            Curve::P384 => Self::P384(p384::ecdsa::SigningKey::random(&mut OsRng)),
            Curve::Secp256k1 => Self::Secp256k1(k256::ecdsa::SigningKey::random(&mut OsRng)),
            Curve::Edwards25519 => Self::Edwards25519(Scalar::random(&mut OsRng)),
        }
    }

    /// The public point, uncompressed SEC1 or RFC 8032's encoding.
    pub(super) fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.verifying_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.verifying_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::Secp256k1(key) => key.verifying_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::Edwards25519(key) => EdwardsPoint::mul_base(key).compress().to_bytes().to_vec(),
        }
    }

    /// A signature over a digest or a message.
    pub(super) fn sign(&self, scheme: &Scheme, digest: &[u8]) -> Result<Vec<u8>, p256::ecdsa::Error> {
        Ok(match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(digest)?;
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(digest)?;
                signature.to_bytes().to_vec()
            }
            Self::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key.sign_prehash(digest)?;
                signature.to_bytes().to_vec()
            }
            Self::Edwards25519(key) => {
                let variant = match scheme {
                    Scheme::Eddsa { variant, .. } => variant.split_first(),
                    Scheme::Ecdsa { .. } => None,
                };
                let variant = variant.map_or(Ok(Variant::Pure), |(flag, context)| {
                    Variant::of(Parameter::Eddsa { prehashed: *flag == 1, context })
                });
                let variant = variant.map_err(|_| p256::ecdsa::Error::new())?;
                let nonce = Scalar::random(&mut OsRng);
                let point = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
                let public = EdwardsPoint::mul_base(key).compress().to_bytes();
                let response = nonce + eddsa::challenge(&variant, &point, &public, digest) * key;
                [point, response.to_bytes()].concat()
            }
        })
    }

    /// The x-coordinate of the key times a peer's point, SEC1; `None` for a point of another curve, and on
    /// a curve whose keys only sign.
    pub(super) fn agree(&self, peer: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        macro_rules! product {
            ($portable:ident, $key:expr) => {{
                use $portable::elliptic_curve::sec1::ToEncodedPoint as _;
                let peer = $portable::PublicKey::from_sec1_bytes(peer).ok()?;
                let product = peer.to_projective() * $key.as_nonzero_scalar().as_ref();
                Zeroizing::new(product.to_affine().to_encoded_point(false).x()?.to_vec())
            }};
        }
        Some(match self {
            Self::P256(key) => product!(p256, key),
            Self::P384(key) => product!(p384, key),
            Self::Secp256k1(key) => product!(k256, key),
            Self::Edwards25519(_) => return None,
        })
    }
}
