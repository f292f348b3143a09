//! Whole keys of the test double, of every kind.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::elliptic_curve::ff::PrimeField as _;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use rand_core::OsRng;
use zeroize::Zeroizing;

use super::rsa::RsaKey;
use crate::backend::{Attributes, BackendResult, Curve, KeySpec, PrivateValue, Scheme};
use crate::mechanism::eddsa::{self, Variant};
use crate::mechanism::{schnorr, x25519};
use crate::object::key::{complete_private, complete_public};
use crate::provider::Parameter;

/// A whole private key.
#[derive(Clone)]
pub(super) enum LocalKey {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    Edwards25519(Scalar),
    Curve25519(Scalar),
    Rsa(RsaKey),
}

impl LocalKey {
    pub(super) fn random(kind: KeySpec) -> BackendResult<Self> {
        Ok(match kind {
            KeySpec::Curve(Curve::P256) => Self::P256(p256::ecdsa::SigningKey::random(&mut OsRng)),
            KeySpec::Curve(Curve::P384) => Self::P384(p384::ecdsa::SigningKey::random(&mut OsRng)),
            KeySpec::Curve(Curve::Secp256k1) => Self::Secp256k1(k256::ecdsa::SigningKey::random(&mut OsRng)),
            KeySpec::Curve(Curve::Edwards25519) => Self::Edwards25519(Scalar::random(&mut OsRng)),
            KeySpec::Curve(Curve::Curve25519) => Self::Curve25519(Scalar::random(&mut OsRng)),
            KeySpec::Rsa { bits, exponent } => Self::Rsa(RsaKey::random(bits, exponent)?),
        })
    }

    /// The key with this private value.
    pub(super) fn of(value: &PrivateValue) -> Option<Self> {
        let (curve, scalar) = match value {
            PrivateValue::Curve { curve, scalar } => (*curve, scalar.as_slice()),
            PrivateValue::Rsa { modulus, exponent, private_exponent, .. } => {
                return RsaKey::of(modulus, *exponent, private_exponent).map(Self::Rsa);
            }
        };
        Some(match curve {
            Curve::P256 => Self::P256(p256::ecdsa::SigningKey::from_slice(scalar).ok()?),
            Curve::P384 => Self::P384(p384::ecdsa::SigningKey::from_slice(scalar).ok()?),
            Curve::Secp256k1 => Self::Secp256k1(k256::ecdsa::SigningKey::from_slice(scalar).ok()?),
            Curve::Edwards25519 => Self::Edwards25519(canonical(scalar)?),
            Curve::Curve25519 => Self::Curve25519(canonical(scalar)?),
        })
    }

    /// Adds what follows from the public half to the attributes of both.
    pub(super) fn complete(&self, public: &mut Attributes, private: &mut Attributes) {
        let (curve, point) = match self {
            Self::P256(key) => (Curve::P256, key.verifying_key().to_encoded_point(false).as_bytes().to_vec()),
            Self::P384(key) => (Curve::P384, key.verifying_key().to_encoded_point(false).as_bytes().to_vec()),
            Self::Secp256k1(key) => {
                (Curve::Secp256k1, key.verifying_key().to_encoded_point(false).as_bytes().to_vec())
            }
            Self::Edwards25519(key) => {
                (Curve::Edwards25519, EdwardsPoint::mul_base(key).compress().to_bytes().to_vec())
            }
            Self::Curve25519(key) => {
                (Curve::Curve25519, EdwardsPoint::mul_base(key).to_montgomery().to_bytes().to_vec())
            }
            Self::Rsa(key) => return key.complete(public, private),
        };
        complete_public(public, curve, &point);
        complete_private(private, curve, &point);
    }

    /// A signature over a digest or a message.
    pub(super) fn sign(&self, scheme: &Scheme, digest: &[u8]) -> Result<Vec<u8>, String> {
        let text = |error: p256::ecdsa::Error| error.to_string();
        Ok(match (self, scheme) {
            (key, Scheme::Schnorr { .. }) => {
                schnorr_signature(key, digest).ok_or_else(|| "no Schnorr on this curve".to_owned())?
            }
            (Self::P256(key), Scheme::Ecdsa { .. }) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(digest).map_err(text)?;
                signature.to_bytes().to_vec()
            }
            (Self::P384(key), Scheme::Ecdsa { .. }) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(digest).map_err(text)?;
                signature.to_bytes().to_vec()
            }
            (Self::Secp256k1(key), Scheme::Ecdsa { .. }) => {
                let signature: k256::ecdsa::Signature = key.sign_prehash(digest).map_err(text)?;
                signature.to_bytes().to_vec()
            }
            (Self::Edwards25519(key), Scheme::Eddsa { variant, .. }) => {
                let variant = variant.split_first().map_or(Ok(Variant::Pure), |(flag, context)| {
                    Variant::of(Parameter::Eddsa { prehashed: *flag == 1, context })
                });
                let variant = variant.map_err(|error| error.to_string())?;
                let nonce = Scalar::random(&mut OsRng);
                let point = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
                let public = EdwardsPoint::mul_base(key).compress().to_bytes();
                let response = nonce + eddsa::challenge(&variant, &point, &public, digest) * key;
                [point, response.to_bytes()].concat()
            }
            (Self::Rsa(key), scheme) => key.sign(scheme, digest).ok_or("does not fit the modulus")?,
            _ => return Err("a scheme of another key".into()),
        })
    }

    /// The x- or u-coordinate of the key times a peer's point; `None` for a point of another curve, and on
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
            Self::Edwards25519(_) | Self::Rsa(_) => return None,
            Self::Curve25519(key) => {
                let eighth = key * Scalar::from(8_u8).invert();
                let product = x25519::eightfold(peer).ok()? * eighth;
                Zeroizing::new(product.to_montgomery().to_bytes().to_vec())
            }
        })
    }
}

/// `None` on curves that have no such scheme.
fn schnorr_signature(key: &LocalKey, message: &[u8]) -> Option<Vec<u8>> {
    match key {
        LocalKey::P256(key) => {
            let nonce = p256::NonZeroScalar::random(&mut OsRng);
            let point = p256::PublicKey::from_secret_scalar(&nonce).to_encoded_point(true);
            let public = p256::PublicKey::from(key.verifying_key());
            let challenge = schnorr::challenge_p256(point.as_bytes(), &public, message)?;
            let response = *nonce + challenge * key.as_nonzero_scalar().as_ref();
            Some([point.as_bytes(), &response.to_repr()].concat())
        }
        LocalKey::Secp256k1(key) => {
            let key = k256::schnorr::SigningKey::from(*key.as_nonzero_scalar());
            Some(key.sign_raw(message, &[0; 32]).ok()?.to_bytes().to_vec())
        }
        LocalKey::P384(_) | LocalKey::Edwards25519(_) | LocalKey::Curve25519(_) | LocalKey::Rsa(_) => None,
    }
}

fn canonical(value: &[u8]) -> Option<Scalar> {
    Scalar::from_canonical_bytes(value.try_into().ok()?).into_option()
}
