//! Elliptic curve Diffie-Hellman (PKCS#11 3.1 section 6.3.17; SEC 1 sections 3.3 and 3.6). The nodes compute the common
//! point; what is made of its x-coordinate is made here.

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::digest::Hash;
use super::{Keys, Mechanism, Use, Work, ecdsa};
use crate::backend::Curve;
use crate::object::key::{check_point, point_of};
use crate::provider::Parameter;
use crate::rv::{Error, Result};

/// With and without cofactor: the same, because our curves of SEC 1 have none. X25519 (RFC 7748) has its own way with the
/// cofactor and goes with the first only.
pub(crate) static ECDH1_DERIVE: Mechanism =
    ecdh(CKM_ECDH1_DERIVE, &[Curve::P256, Curve::P384, Curve::Secp256k1, Curve::Curve25519]);
pub(crate) static ECDH1_COFACTOR_DERIVE: Mechanism = ecdh(CKM_ECDH1_COFACTOR_DERIVE, ecdsa::CURVES);

const fn ecdh(id: u64, curves: &'static [Curve]) -> Mechanism {
    Mechanism { id, uses: &[Use::Derive], keys: Keys::Ec(curves), work: Work::Ecdh }
}

/// What a call asks to be made of a secret, and with whom.
pub(crate) struct Derivation<'a> {
    /// The hash function of X9.63's key derivation; `None` is `CKD_NULL`.
    kdf: Option<Hash>,
    shared_data: &'a [u8],
    pub(crate) public_data: &'a [u8],
}

impl<'a> Derivation<'a> {
    /// # Errors
    /// [`Error::MechanismParamInvalid`] for another kind of parameter, a key derivation function that we do not
    /// have, and shared data that none takes.
    pub(crate) fn new(parameter: Parameter<'a>) -> Result<Self> {
        let Parameter::Ecdh1Derive { kdf, shared_data, public_data } = parameter else {
            return Err(Error::MechanismParamInvalid);
        };
        let kdf = match kdf {
            CKD_NULL if shared_data.is_empty() => None,
            CKD_SHA1_KDF => Some(Hash::Sha1),
            CKD_SHA224_KDF => Some(Hash::Sha224),
            CKD_SHA256_KDF => Some(Hash::Sha256),
            CKD_SHA384_KDF => Some(Hash::Sha384),
            CKD_SHA512_KDF => Some(Hash::Sha512),
            _ => return Err(Error::MechanismParamInvalid),
        };
        Ok(Self { kdf, shared_data, public_data })
    }

    /// Bytes of the key: `wanted`, or all of the secret where no function stretches it.
    ///
    /// # Errors
    /// [`Error::AttributeValueInvalid`] for more than the secret has, [`Error::TemplateIncomplete`] for none where
    /// any number could be made.
    pub(crate) fn length(&self, curve: Curve, wanted: Length) -> Result<usize> {
        let length = match (wanted, self.kdf) {
            (Length::Given(length), _) => length,
            (Length::Any, None) => curve.field_bytes(),
            (Length::OneOf(sizes), None) if sizes.contains(&curve.field_bytes()) => curve.field_bytes(),
            (Length::Any, Some(_)) | (Length::OneOf(_), _) => return Err(Error::TemplateIncomplete),
        };
        if self.kdf.is_none() && length > curve.field_bytes() {
            return Err(Error::AttributeValueInvalid);
        }
        Ok(length)
    }

    /// The key: of a bare secret its last `length` bytes ("the truncation removes bytes from the leading end of the
    /// secret value"), of X9.63's function its first.
    ///
    /// # Errors
    /// [`Error::GeneralError`] for a bare secret that is shorter, which [`Self::length`] does not allow.
    pub(crate) fn key(&self, secret: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>> {
        let Some(hash) = self.kdf else {
            let start = secret.len().checked_sub(length).ok_or(Error::GeneralError)?;
            return Ok(Zeroizing::new(secret.get(start..).unwrap_or_default().to_vec()));
        };
        // ANSI X9.63, 5.6.3: Hash(Z || counter || SharedInfo), counter from 1.
        let mut key = Zeroizing::new(Vec::with_capacity(length + KDF_BLOCK_BYTES_MAX));
        let mut hasher = hash.start();
        for counter in 1_u32.. {
            if key.len() >= length {
                break;
            }
            hasher.update(secret);
            hasher.update(&counter.to_be_bytes());
            hasher.update(self.shared_data);
            key.extend_from_slice(&Zeroizing::new(hasher.finalize_reset()));
        }
        key.truncate(length);
        Ok(key)
    }
}

/// How long a key is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// As `CKA_VALUE_LEN` says.
    Given(usize),
    /// The key type takes any length, and none was given.
    Any,
    /// The key type takes these lengths, and none was given.
    OneOf(&'static [usize]),
}

/// The other party's public key: an uncompressed point of the curve or a u-coordinate, bare or in a DER OCTET STRING,
/// because applications pass both.
///
/// # Errors
/// [`Error::MechanismParamInvalid`] for anything else, the point at infinity among it.
pub(crate) fn peer(curve: Curve, public_data: &[u8]) -> Result<Vec<u8>> {
    let point = point_of(curve, public_data).ok_or(Error::MechanismParamInvalid)?;
    check_point(curve, point).map_err(|_| Error::MechanismParamInvalid)?;
    Ok(point.to_vec())
}

/// The longest output of a hash function here, in bytes.
const KDF_BLOCK_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    fn with(kdf: u64, shared_data: &[u8]) -> Result<Derivation<'_>> {
        Derivation::new(Parameter::Ecdh1Derive { kdf, shared_data, public_data: &[] })
    }

    /// CAVS 12.0 "ANSI X9.63-2001" vectors of NIST's component validation: SHA-1 and SHA-256, 192 bits of Z.
    #[test]
    fn nist_ansi_x963_2001() {
        let secret = hex::decode("1c7d7b5f0597b03d06a018466ed1a93e30ed4b04dc64ccdd").unwrap();
        let key = with(CKD_SHA1_KDF, &[]).unwrap().key(&secret, 16).unwrap();
        assert_eq!(hex::encode(&*key), "bf71dffd8f4d99223936beb46fee8ccc");
        let secret = hex::decode("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08").unwrap();
        let key = with(CKD_SHA256_KDF, &[]).unwrap().key(&secret, 16).unwrap();
        assert_eq!(hex::encode(&*key), "443024c3dae66b95e6f5670601558f71");
        // With SharedInfo, 1024 bits: several blocks.
        let secret = hex::decode("22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d").unwrap();
        let shared = hex::decode("75eef81aa3041e33b80971203d2c0c52").unwrap();
        let key = with(CKD_SHA256_KDF, &shared).unwrap().key(&secret, 128).unwrap();
        assert_eq!(
            hex::encode(&*key),
            concat!(
                "c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e",
                "52a13d9c7c6fc878c50c5ea0bc7b00e0da2447cfd874f6cf92f30d0097111485",
                "500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269",
                "142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21"
            )
        );
    }

    #[test]
    fn bare_secrets_lose_their_leading_bytes() {
        let derivation = with(CKD_NULL, &[]).unwrap();
        let secret: Vec<u8> = (0..32).collect();
        assert_eq!(**derivation.key(&secret, 32).unwrap(), secret);
        assert_eq!(**derivation.key(&secret, 16).unwrap(), secret[16..]);
        assert_eq!(derivation.length(Curve::P256, Length::Any), Ok(32));
        assert_eq!(derivation.length(Curve::P384, Length::Given(48)), Ok(48));
        assert_eq!(derivation.length(Curve::P256, Length::Given(33)), Err(Error::AttributeValueInvalid));
        assert_eq!(derivation.length(Curve::P256, Length::OneOf(&[16, 32])), Ok(32));
        assert_eq!(derivation.length(Curve::P384, Length::OneOf(&[16, 32])), Err(Error::TemplateIncomplete));
    }

    #[test]
    fn a_stretched_key_needs_a_length_and_its_parts_begin_alike() {
        let derivation = with(CKD_SHA512_KDF, b"info").unwrap();
        assert_eq!(derivation.length(Curve::P256, Length::Any), Err(Error::TemplateIncomplete));
        assert_eq!(derivation.length(Curve::P256, Length::Given(1000)), Ok(1000));
        let long = derivation.key(&[7; 32], 1000).unwrap();
        assert_eq!(long.len(), 1000);
        assert_eq!(**derivation.key(&[7; 32], 40).unwrap(), long[..40]);
        assert_ne!(**with(CKD_SHA512_KDF, b"other").unwrap().key(&[7; 32], 40).unwrap(), long[..40]);
    }

    #[test]
    fn functions_that_we_do_not_have_are_refused() {
        for kdf in [0, CKD_SHA1_KDF_ASN1, CKD_SHA3_256_KDF, CKD_SHA256_KDF_SP800, u64::MAX] {
            assert_eq!(with(kdf, &[]).err(), Some(Error::MechanismParamInvalid));
        }
        assert_eq!(with(CKD_NULL, b"info").err(), Some(Error::MechanismParamInvalid));
        assert_eq!(Derivation::new(Parameter::NONE).err(), Some(Error::MechanismParamInvalid));
    }
}
