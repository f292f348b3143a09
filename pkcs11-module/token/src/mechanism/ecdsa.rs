//! ECDSA (PKCS#11 3.1 section 6.3; FIPS 186-5 section 6). Hashing and verification are done here,
//! only the signature itself goes to the backend.

use cryptoki_sys::*;
use p256::ecdsa::signature::hazmat::PrehashVerifier;

use super::digest::Hash;
use super::eddsa::{self, Variant};
use super::{Keys, Mechanism, Use, Work, schnorr};
use crate::backend::Curve;
use crate::provider::Parameter;
use crate::rv::{Error, Result};

/// The curves of ECDSA keys.
pub(crate) const CURVES: &[Curve] = &[Curve::P256, Curve::P384, Curve::Secp256k1];

const fn ecdsa(id: u64, hash: Option<Hash>) -> Mechanism {
    Mechanism { id, uses: &[Use::Sign, Use::Verify], keys: Keys::Ec(CURVES), work: Work::Ecdsa(hash) }
}

pub(crate) static ECDSA: Mechanism = ecdsa(CKM_ECDSA, None);
pub(crate) static ECDSA_SHA1: Mechanism = ecdsa(CKM_ECDSA_SHA1, Some(Hash::Sha1));
pub(crate) static ECDSA_SHA224: Mechanism = ecdsa(CKM_ECDSA_SHA224, Some(Hash::Sha224));
pub(crate) static ECDSA_SHA256: Mechanism = ecdsa(CKM_ECDSA_SHA256, Some(Hash::Sha256));
pub(crate) static ECDSA_SHA384: Mechanism = ecdsa(CKM_ECDSA_SHA384, Some(Hash::Sha384));
pub(crate) static ECDSA_SHA512: Mechanism = ecdsa(CKM_ECDSA_SHA512, Some(Hash::Sha512));
pub(crate) static ECDSA_SHA3_224: Mechanism = ecdsa(CKM_ECDSA_SHA3_224, Some(Hash::Sha3_224));
pub(crate) static ECDSA_SHA3_256: Mechanism = ecdsa(CKM_ECDSA_SHA3_256, Some(Hash::Sha3_256));
pub(crate) static ECDSA_SHA3_384: Mechanism = ecdsa(CKM_ECDSA_SHA3_384, Some(Hash::Sha3_384));
pub(crate) static ECDSA_SHA3_512: Mechanism = ecdsa(CKM_ECDSA_SHA3_512, Some(Hash::Sha3_512));

/// A checked public key.
pub(crate) enum VerifyingKey {
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    Secp256k1(Box<k256::ecdsa::VerifyingKey>),
    Ed25519(Box<eddsa::PublicKey>, Variant),
    Schnorr(schnorr::PublicKey),
}

impl VerifyingKey {
    /// The key at an uncompressed SEC1 point, or with an encoding of RFC 8032, there for pure Ed25519.
    ///
    /// # Errors
    /// [`Error::PublicKeyInvalid`] if it is not a point of the curve, or the neutral one.
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Result<Self> {
        let key = match curve {
            Curve::P256 => {
                p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Self::P256(Box::new(key)))
            }
            Curve::P384 => {
                p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Self::P384(Box::new(key)))
            }
            Curve::Secp256k1 => {
                k256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Self::Secp256k1(Box::new(key)))
            }
            Curve::Edwards25519 => {
                return eddsa::public_key(point).map(|key| Self::Ed25519(Box::new(key), Variant::Pure));
            }
            // Its keys only agree on secrets.
            Curve::Curve25519 => return Err(Error::PublicKeyInvalid),
        };
        key.map_err(|_| Error::PublicKeyInvalid)
    }

    /// Chooses the variant of the scheme that a mechanism's parameter asks for.
    ///
    /// # Errors
    /// What [`Variant::of`] says.
    pub(crate) fn set_variant(&mut self, parameter: Parameter<'_>) -> Result<()> {
        if let Self::Ed25519(_, variant) = self {
            *variant = Variant::of(parameter)?;
        }
        Ok(())
    }

    /// The key's curve.
    pub(crate) fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::Secp256k1(_) => Curve::Secp256k1,
            Self::Ed25519(..) => Curve::Edwards25519,
            Self::Schnorr(key) => key.curve(),
        }
    }

    /// Checks r then s, or R then S, over what [`super::message::Message::finish`] gives.
    ///
    /// # Errors
    /// [`Error::SignatureLenRange`], [`Error::SignatureInvalid`].
    pub(crate) fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        let sized = || match signature.len() == 2 * self.curve().field_bytes() {
            true => Ok(signature),
            false => Err(Error::SignatureLenRange),
        };
        let verified = match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(sized()?)
                .and_then(|signature| key.verify_prehash(digest, &signature)),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(sized()?)
                .and_then(|signature| key.verify_prehash(digest, &signature)),
            // The crate takes low s only, which is no rule of ECDSA: s and q - s are equally valid.
            Self::Secp256k1(key) => k256::ecdsa::Signature::from_slice(sized()?).and_then(|signature| {
                key.verify_prehash(digest, &signature.normalize_s().unwrap_or(signature))
            }),
            Self::Ed25519(key, variant) => return eddsa::verify(key, variant, digest, signature),
            Self::Schnorr(key) => return key.verify(digest, signature),
        };
        verified.map_err(|_| Error::SignatureInvalid)
    }
}

/// No standard hash function has a longer output.
pub(crate) const DIGEST_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;
    use crate::backend::KeySpec;
    use crate::mechanism::message::Message;

    /// RFC 6979 A.2.5, P-256, message "sample", for each hash function.
    #[test]
    fn rfc6979_p256_sample() {
        let key = [
            &[4u8][..],
            &hex::decode("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6").unwrap(),
            &hex::decode("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299").unwrap(),
        ]
        .concat();
        let key = VerifyingKey::from_point(Curve::P256, &key).unwrap();
        for (hash, r, s) in [
            (
                Hash::Sha1,
                "61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32",
                "6d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb",
            ),
            (
                Hash::Sha224,
                "53b2fff5d1752b2c689df257c04c40a587fababb3f6fc2702f1343af7ca9aa3f",
                "b9afb64fdc03dc1a131c7d2386d11e349f070aa432a4acc918bea988bf75c74c",
            ),
            (
                Hash::Sha256,
                "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
                "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            ),
            (
                Hash::Sha384,
                "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
                "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
            ),
            (
                Hash::Sha512,
                "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
                "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
            ),
        ] {
            let mut message = Message::Hashed(hash.start());
            message.update(b"sam").unwrap();
            message.update(b"ple").unwrap();
            let digest = message.finish(KeySpec::Curve(Curve::P256)).unwrap();
            let signature = hex::decode([r, s].concat()).unwrap();
            assert_eq!(key.verify(&digest, &signature), Ok(()), "{hash:?}");
            assert_eq!(key.verify(&[1; 32], &signature), Err(Error::SignatureInvalid));
            assert_eq!(key.verify(&digest, &signature[1..]), Err(Error::SignatureLenRange));
        }
    }

    /// RFC 6979 A.2.6, P-384, message "sample", SHA-384; then with a digest that is cut.
    #[test]
    fn rfc6979_p384_sample() {
        let key = hex::decode(concat!(
            "04",
            "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
            "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"
        ));
        let key = VerifyingKey::from_point(Curve::P384, &key.unwrap()).unwrap();
        for (hash, r, s) in [
            (
                Hash::Sha384,
                "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
                "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
            ),
            (
                Hash::Sha512,
                "ed0959d5880ab2d869ae7f6c2915c6d60f96507f9cb3e047c0046861da4a799cfe30f35cc900056d7c99cd7882433709",
                "512c8cceee3890a84058ce1e22dbc2198f42323ce8aca9135329f03c068e5112dc7cc3ef3446defceb01a45c2667fdd5",
            ),
        ] {
            let mut message = Message::Hashed(hash.start());
            message.update(b"sample").unwrap();
            let digest = message.finish(KeySpec::Curve(Curve::P384)).unwrap();
            let signature = hex::decode([r, s].concat()).unwrap();
            assert_eq!(key.verify(&digest, &signature), Ok(()), "{hash:?}");
        }
    }

    /// s and q - s are both valid ECDSA, whatever Bitcoin makes of it.
    #[test]
    fn a_secp256k1_signature_with_high_s_is_valid() {
        use k256::ecdsa::signature::hazmat::PrehashSigner;
        let own = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let low: k256::ecdsa::Signature = own.sign_prehash(&[1; 32]).unwrap();
        let (r, s) = low.split_scalars();
        let high = k256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
        assert!(high.normalize_s().is_some());
        let point = own.verifying_key().to_encoded_point(false);
        let key = VerifyingKey::from_point(Curve::Secp256k1, point.as_bytes()).unwrap();
        for signature in [low, high] {
            assert_eq!(key.verify(&[1; 32], &signature.to_bytes()), Ok(()));
            assert_eq!(key.verify(&[2; 32], &signature.to_bytes()), Err(Error::SignatureInvalid));
        }
    }

    #[test]
    fn a_signature_with_zero_r_is_invalid() {
        let key = hex::decode(concat!(
            "04",
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        ));
        let key = VerifyingKey::from_point(Curve::P256, &key.unwrap()).unwrap();
        assert_eq!(key.verify(&[1; 32], &[0; 64]), Err(Error::SignatureInvalid));
    }
}
