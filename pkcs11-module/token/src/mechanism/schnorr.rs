//! Schnorr with keys on P-256, as FROST(P-256, SHA-256) has it (RFC 9591, section 6.4), and on secp256k1, as BIP-340
//! has it: vendor mechanisms, because PKCS#11 has none. Neither has a parameter. The backend hashes the message;
//! verification is done here.

use cryptoki_sys::CKM_VENDOR_DEFINED;
use p256::elliptic_curve::ff::PrimeField as _;
use p256::elliptic_curve::hash2curve::{ExpandMsgXmd, hash_to_field};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{ProjectivePoint, Scalar};
use sha2::Sha256;

use super::{Keys, Mechanism, Use, Work};
use crate::backend::Curve;
use crate::rv::{Error, Result};

/// Schnorr on P-256: R in compressed form, then z, 65 bytes.
pub(crate) const CKM_COUNTERFOIL_FROST_P256_SHA256: u64 = CKM_VENDOR_DEFINED | 0x4346_0001;
/// BIP-340 on secp256k1, with the x-coordinate of the key's point: 64 bytes.
pub(crate) const CKM_COUNTERFOIL_BIP340: u64 = CKM_VENDOR_DEFINED | 0x4346_0002;

const fn schnorr(id: u64, curves: &'static [Curve]) -> Mechanism {
    Mechanism { id, uses: &[Use::Sign, Use::Verify], keys: Keys::Ec(curves), work: Work::Schnorr }
}

pub(crate) static FROST_P256_SHA256: Mechanism = schnorr(CKM_COUNTERFOIL_FROST_P256_SHA256, &[Curve::P256]);
pub(crate) static BIP340: Mechanism = schnorr(CKM_COUNTERFOIL_BIP340, &[Curve::Secp256k1]);

/// A checked public key.
pub(crate) enum PublicKey {
    P256(Box<p256::PublicKey>),
    Bip340(Box<k256::schnorr::VerifyingKey>),
}

impl PublicKey {
    /// The key at an uncompressed SEC1 point. For BIP-340 the sign of y does not matter.
    ///
    /// # Errors
    /// [`Error::PublicKeyInvalid`] if it is not a point of the curve, [`Error::KeyTypeInconsistent`] for a curve
    /// without such a scheme.
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Result<Self> {
        let key = match curve {
            Curve::P256 => p256::PublicKey::from_sec1_bytes(point).ok().map(|key| Self::P256(Box::new(key))),
            Curve::Secp256k1 => x_only(point).map(|key| Self::Bip340(Box::new(key))),
            _ => return Err(Error::KeyTypeInconsistent),
        };
        key.ok_or(Error::PublicKeyInvalid)
    }

    pub(crate) fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::Bip340(_) => Curve::Secp256k1,
        }
    }

    /// Checks a signature over a message.
    ///
    /// # Errors
    /// [`Error::SignatureLenRange`], [`Error::SignatureInvalid`].
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let verified = match self {
            Self::P256(key) => {
                let signature: &[u8; 65] = signature.try_into().map_err(|_| Error::SignatureLenRange)?;
                verify_p256(key, message, signature)
            }
            Self::Bip340(key) => {
                let signature: &[u8; 64] = signature.try_into().map_err(|_| Error::SignatureLenRange)?;
                let signature = k256::schnorr::Signature::try_from(signature.as_slice());
                signature.is_ok_and(|signature| key.verify_raw(message, &signature).is_ok())
            }
        };
        if verified { Ok(()) } else { Err(Error::SignatureInvalid) }
    }
}

/// The key of BIP-340 at a point: the one with the same x-coordinate and an even y-coordinate.
fn x_only(point: &[u8]) -> Option<k256::schnorr::VerifyingKey> {
    let point = k256::PublicKey::from_sec1_bytes(point).ok()?.to_encoded_point(true);
    k256::schnorr::VerifyingKey::from_bytes(point.x()?).ok()
}

/// z G = R + c Q, with z below the order, R compared as bytes (RFC 9591, appendix B).
fn verify_p256(key: &p256::PublicKey, message: &[u8], signature: &[u8; 65]) -> bool {
    let (nonce, response) = signature.split_at(33);
    let response: Option<Scalar> = Scalar::from_repr(*p256::FieldBytes::from_slice(response)).into();
    let (Some(response), Some(challenge)) = (response, challenge_p256(nonce, key, message)) else {
        return false;
    };
    let expected = ProjectivePoint::GENERATOR * response - key.to_projective() * challenge;
    // The point at infinity is one byte.
    expected.to_affine().to_encoded_point(true).as_bytes() == nonce
}

/// c = H2(R || Q || message) of RFC 9591, section 6.4.
pub(crate) fn challenge_p256(nonce: &[u8], key: &p256::PublicKey, message: &[u8]) -> Option<Scalar> {
    let key = key.to_encoded_point(true);
    let mut challenge = [Scalar::ZERO];
    let input = [nonce, key.as_bytes(), message];
    hash_to_field::<ExpandMsgXmd<Sha256>, Scalar>(
        &input,
        &[b"FROST-P256-SHA256-v1", b"chal"],
        &mut challenge,
    )
    .ok()?;
    let [challenge] = challenge;
    Some(challenge)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    /// RFC 9591, appendix E.4: what is altered in it is refused.
    #[test]
    fn an_altered_signature_is_invalid() {
        let hex = |text: &str| hex::decode(text).unwrap();
        let point = hex("023a309ad94e9fe8a7ba45dfc58f38bf091959d3c99cfbd02b4dc00585ec45ab70");
        let key = PublicKey::from_point(Curve::P256, &point).unwrap();
        let signature = hex(concat!(
            "02aea65143565d19f2811d6c1d7a7486fdd57dd3f6b08d8653ca260ec0ebe00b61",
            "ca5d775641ac46891ac3d6089e1db471b3ab173ccb586035582185e43f13f245"
        ));
        assert_eq!(key.verify(b"test", &signature), Ok(()));
        assert_eq!(key.verify(b"text", &signature), Err(Error::SignatureInvalid));
        assert_eq!(key.verify(b"test", &signature[1..]), Err(Error::SignatureLenRange));
        for byte in [0, 20, 64] {
            let mut altered = signature.clone();
            altered[byte] ^= 1;
            assert_eq!(key.verify(b"test", &altered), Err(Error::SignatureInvalid), "{byte}");
        }
        // z above the order, and the point at infinity for R.
        let mut above = signature.clone();
        above[33..].fill(0xff);
        assert_eq!(key.verify(b"test", &above), Err(Error::SignatureInvalid));
        assert_eq!(key.verify(b"test", &[0; 65]), Err(Error::SignatureInvalid));
    }

    #[test]
    fn a_key_on_another_curve_or_off_its_own_is_refused() {
        for (curve, error) in [
            (Curve::P384, Error::KeyTypeInconsistent),
            (Curve::Edwards25519, Error::KeyTypeInconsistent),
            (Curve::P256, Error::PublicKeyInvalid),
            (Curve::Secp256k1, Error::PublicKeyInvalid),
        ] {
            assert_eq!(PublicKey::from_point(curve, &[4; 65]).err(), Some(error), "{curve:?}");
        }
    }
}
