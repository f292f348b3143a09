//! RSA (PKCS#11 3.1 section 6.1; RFC 8017). Hashing, verification and encryption are done here; signatures and
//! decryption are the backend's.

mod padding;
mod public;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::digest::Hash;
use super::{Keys, Mechanism, Use, Work};
use crate::backend::{KeySpec, Padding, RsaHash, Scheme};
use crate::provider::Parameter;
use crate::rv::{Error, Result};
pub(crate) use padding::{PKCS1_OVERHEAD_BYTES, pkcs1_signature};
pub(crate) use public::PublicKey;
#[cfg(feature = "testing")]
pub(crate) use {padding::masked, padding::raw, public::power};

pub(super) const fn rsa(id: u64, uses: &'static [Use], work: Work) -> Mechanism {
    Mechanism { id, uses, keys: Keys::Rsa, work }
}

const fn pkcs1(id: u64, hash: RsaHash) -> Mechanism {
    rsa(id, &[Use::Sign, Use::Verify], Work::RsaPkcs1(Some(hash)))
}

const fn pss(id: u64, hash: Option<RsaHash>) -> Mechanism {
    rsa(id, &[Use::Sign, Use::Verify], Work::RsaPss(hash))
}

pub(crate) static RSA_PKCS_KEY_PAIR_GEN: Mechanism =
    rsa(CKM_RSA_PKCS_KEY_PAIR_GEN, &[Use::GenerateKeyPair], Work::RsaKeyPair);
/// It decrypts only where the configuration says so.
pub(crate) static RSA_PKCS: Mechanism =
    rsa(CKM_RSA_PKCS, &[Use::Sign, Use::Verify, Use::Encrypt, Use::Decrypt], Work::RsaPkcs1(None));
/// It is there only where the configuration says so.
pub(crate) static RSA_X_509: Mechanism =
    rsa(CKM_RSA_X_509, &[Use::Sign, Use::Verify, Use::Encrypt, Use::Decrypt], Work::RsaRaw);
pub(crate) static RSA_PKCS_OAEP: Mechanism =
    rsa(CKM_RSA_PKCS_OAEP, &[Use::Encrypt, Use::Decrypt, Use::Wrap, Use::Unwrap], Work::RsaOaep);
pub(crate) static RSA_PKCS_PSS: Mechanism = pss(CKM_RSA_PKCS_PSS, None);
pub(crate) static SHA1_RSA_PKCS: Mechanism = pkcs1(CKM_SHA1_RSA_PKCS, RsaHash::Sha1);
pub(crate) static SHA224_RSA_PKCS: Mechanism = pkcs1(CKM_SHA224_RSA_PKCS, RsaHash::Sha224);
pub(crate) static SHA256_RSA_PKCS: Mechanism = pkcs1(CKM_SHA256_RSA_PKCS, RsaHash::Sha256);
pub(crate) static SHA384_RSA_PKCS: Mechanism = pkcs1(CKM_SHA384_RSA_PKCS, RsaHash::Sha384);
pub(crate) static SHA512_RSA_PKCS: Mechanism = pkcs1(CKM_SHA512_RSA_PKCS, RsaHash::Sha512);
pub(crate) static SHA1_RSA_PKCS_PSS: Mechanism = pss(CKM_SHA1_RSA_PKCS_PSS, Some(RsaHash::Sha1));
pub(crate) static SHA224_RSA_PKCS_PSS: Mechanism = pss(CKM_SHA224_RSA_PKCS_PSS, Some(RsaHash::Sha224));
pub(crate) static SHA256_RSA_PKCS_PSS: Mechanism = pss(CKM_SHA256_RSA_PKCS_PSS, Some(RsaHash::Sha256));
pub(crate) static SHA384_RSA_PKCS_PSS: Mechanism = pss(CKM_SHA384_RSA_PKCS_PSS, Some(RsaHash::Sha384));
pub(crate) static SHA512_RSA_PKCS_PSS: Mechanism = pss(CKM_SHA512_RSA_PKCS_PSS, Some(RsaHash::Sha512));

/// Smallest and largest modulus of a public key, in bits.
pub(crate) const MODULUS_BITS: (u64, u64) = (2048, 8192);
/// Sizes of the keys that are generated.
pub(crate) const GENERATED_BITS: [u16; 3] = [2048, 3072, 4096];

/// The scheme of `CKM_RSA_PKCS_PSS`, or of a hashed form of it, with a key of `spec`.
///
/// # Errors
/// [`Error::MechanismParamInvalid`] for another structure, a hash or mask that we do not have, another hash than the
/// mechanism's own, and a salt for which the modulus has no room; [`Error::KeyTypeInconsistent`].
pub(crate) fn pss_scheme(
    mechanism: u64,
    hashed: Option<RsaHash>,
    spec: KeySpec,
    parameter: Parameter<'_>,
) -> Result<Scheme> {
    let Parameter::RsaPss { hash, mgf, salt_bytes } = parameter else {
        return Err(Error::MechanismParamInvalid);
    };
    let (hash, mgf) = (hash_of(hash)?, mgf_of(mgf)?);
    let modulus_bytes = modulus_bytes(spec)?;
    // emLen is counted from one bit less than the modulus has (RFC 8017, 8.1.1).
    let bits = bits(spec)?.saturating_sub(1);
    let room = usize::from(bits.div_ceil(8)).saturating_sub(hash.bytes() + 2);
    let salt_bytes = u16::try_from(salt_bytes).ok().filter(|salt| usize::from(*salt) <= room);
    let salt_bytes = salt_bytes.ok_or(Error::MechanismParamInvalid)?;
    if hashed.is_some_and(|hashed| hashed != hash) {
        return Err(Error::MechanismParamInvalid);
    }
    Ok(Scheme::RsaPss { mechanism, hash, mgf, salt_bytes, modulus_bytes })
}

/// The padding of `CKM_RSA_PKCS_OAEP`.
///
/// # Errors
/// [`Error::MechanismParamInvalid`] for another structure, a hash or mask that we do not have, a label from elsewhere
/// than the parameter, and one that is too long to be carried.
pub(crate) fn oaep(parameter: Parameter<'_>) -> Result<Padding> {
    match parameter {
        // OpenSC names no source for a label that there is not.
        Parameter::RsaOaep { hash, mgf, source, label }
            if label.len() <= LABEL_BYTES_MAX
                && (source == CKZ_DATA_SPECIFIED || source == 0 && label.is_empty()) =>
        {
            Ok(Padding::Oaep { hash: hash_of(hash)?, mgf: mgf_of(mgf)?, label: label.to_vec() })
        }
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// Most bytes that a message can have under this padding: none if the modulus has no room for the padding itself.
pub(crate) fn message_bytes_max(padding: &Padding, modulus_bytes: usize) -> Option<usize> {
    let overhead = match padding {
        Padding::Oaep { hash, .. } => 2 * hash.bytes() + 2,
        Padding::Pkcs1 => PKCS1_OVERHEAD_BYTES,
        Padding::Raw => 0,
    };
    modulus_bytes.checked_sub(overhead)
}

/// Encrypts; `random` fills buffers.
///
/// # Errors
/// [`Error::DataLenRange`] for a message that does not fit, [`Error::DataInvalid`] for a number that is not below the
/// modulus, and what `random` says.
pub(crate) fn encrypt(
    key: &PublicKey,
    padding: &Padding,
    message: &[u8],
    random: impl FnMut(&mut [u8]) -> Result<()>,
) -> Result<Vec<u8>> {
    let block = match padding {
        Padding::Raw => padding::raw(key.bytes(), message).ok_or(Error::DataLenRange),
        Padding::Pkcs1 => padding::pkcs1_encryption(key.bytes(), message, random),
        Padding::Oaep { hash, mgf, label } => {
            padding::oaep_encode(key.bytes(), (*hash, *mgf), label, message, random)
        }
    }?;
    // A block that we padded begins with a zero byte: it is below the modulus.
    key.raise(&block).ok_or(Error::DataInvalid)
}

/// Checks a signature of a scheme over a digest or a message.
///
/// # Errors
/// [`Error::SignatureLenRange`], [`Error::SignatureInvalid`]; [`Error::DataLenRange`] for a message that does not fit.
pub(crate) fn verify(key: &PublicKey, scheme: &Scheme, message: &[u8], signature: &[u8]) -> Result<()> {
    if signature.len() != key.bytes() {
        return Err(Error::SignatureLenRange);
    }
    let block = key.raise(signature).ok_or(Error::SignatureInvalid)?;
    let is_right = match scheme {
        // Built and compared, never parsed: a parser is what Bleichenbacher's forgeries of 2006 went through.
        Scheme::RsaPkcs1 { digest, .. } => {
            block == pkcs1_signature(key.bytes(), *digest, message).ok_or(Error::DataLenRange)?
        }
        Scheme::RsaRaw { .. } => block == *padding::raw(key.bytes(), message).ok_or(Error::DataLenRange)?,
        Scheme::RsaPss { hash, mgf, salt_bytes, .. } => {
            let bits = key.bits().saturating_sub(1);
            padding::is_pss(&block, bits, (*hash, *mgf), usize::from(*salt_bytes), message)
        }
        Scheme::Ecdsa { .. } | Scheme::Eddsa { .. } | Scheme::Schnorr { .. } => {
            return Err(Error::KeyTypeInconsistent);
        }
    };
    if is_right { Ok(()) } else { Err(Error::SignatureInvalid) }
}

/// Bytes of the modulus.
///
/// # Errors
/// [`Error::KeyTypeInconsistent`] for a key on a curve.
pub(crate) fn modulus_bytes(spec: KeySpec) -> Result<u16> {
    bits(spec).map(|bits| bits.div_ceil(8))
}

const fn bits(spec: KeySpec) -> Result<u16> {
    match spec {
        KeySpec::Rsa { bits, .. } => Ok(bits),
        KeySpec::Curve(_) => Err(Error::KeyTypeInconsistent),
    }
}

/// The hash of a `CKM_`.
fn hash_of(mechanism: u64) -> Result<RsaHash> {
    Ok(match mechanism {
        CKM_SHA_1 => RsaHash::Sha1,
        CKM_SHA224 => RsaHash::Sha224,
        CKM_SHA256 => RsaHash::Sha256,
        CKM_SHA384 => RsaHash::Sha384,
        CKM_SHA512 => RsaHash::Sha512,
        _ => return Err(Error::MechanismParamInvalid),
    })
}

/// The hash of a `CKG_`.
fn mgf_of(mgf: u64) -> Result<RsaHash> {
    Ok(match mgf {
        CKG_MGF1_SHA1 => RsaHash::Sha1,
        CKG_MGF1_SHA224 => RsaHash::Sha224,
        CKG_MGF1_SHA256 => RsaHash::Sha256,
        CKG_MGF1_SHA384 => RsaHash::Sha384,
        CKG_MGF1_SHA512 => RsaHash::Sha512,
        _ => return Err(Error::MechanismParamInvalid),
    })
}

impl RsaHash {
    /// The hash function.
    pub(crate) const fn function(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha224 => Hash::Sha224,
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }

    /// The digest of `parts`, one after the other.
    pub(crate) fn digest(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        let mut hasher = self.function().start();
        parts.iter().for_each(|part| hasher.update(part));
        Zeroizing::new(hasher.finalize_reset().into_vec())
    }
}

/// Longest label of OAEP; those in use are a few words.
const LABEL_BYTES_MAX: usize = 4096;
