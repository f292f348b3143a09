//! Each mechanism is declared once, as a `static`; [`MECHANISMS`] lists them. The mechanism list of a slot, flags and
//! key sizes, its parameter, which functions and keys a mechanism goes with, what is done for it, and `CKA_ALLOWED_MECHANISMS` are
//! derived from the declaration, and the table in `conformance/README.md` from what the library then answers.
//!
//! To add one: write its `static` in the file of its family and add it to the list. For a new kind of work or of key
//! the compiler shows the matches on [`Work`] and [`Keys`], all of them in this file.

pub(crate) mod digest;
pub(crate) mod ecdh;
pub(crate) mod ecdsa;
pub(crate) mod eddsa;
pub(crate) mod key_gen;
mod keys;
pub(crate) mod message;
pub(crate) mod rsa;
pub(crate) mod schnorr;
pub(crate) mod wrapping;
pub(crate) mod x25519;

use cryptoki_sys::*;

use crate::attribute::{self, Class};
use crate::backend::{Attributes, KeySpec, Padding, RsaHash, RsaPolicy, Scheme};
use crate::info::MechanismInfo;
use crate::provider::{MechanismCall, Parameter};
use crate::rv::{Error, Result};
use digest::{Hash, Hasher};
use eddsa::Variant;
pub(crate) use keys::Keys;
use message::Message;
use wrapping::Envelope;

/// All mechanisms of a token, in the order of `C_GetMechanismList`.
pub(crate) static MECHANISMS: &[&Mechanism] = &[
    &key_gen::EC_KEY_PAIR_GEN,
    &eddsa::EC_EDWARDS_KEY_PAIR_GEN,
    &x25519::EC_MONTGOMERY_KEY_PAIR_GEN,
    &ecdsa::ECDSA,
    &ecdsa::ECDSA_SHA1,
    &ecdsa::ECDSA_SHA224,
    &ecdsa::ECDSA_SHA256,
    &ecdsa::ECDSA_SHA384,
    &ecdsa::ECDSA_SHA512,
    &ecdsa::ECDSA_SHA3_224,
    &ecdsa::ECDSA_SHA3_256,
    &ecdsa::ECDSA_SHA3_384,
    &ecdsa::ECDSA_SHA3_512,
    &eddsa::EDDSA,
    &schnorr::FROST_P256_SHA256,
    &schnorr::BIP340,
    &ecdh::ECDH1_DERIVE,
    &ecdh::ECDH1_COFACTOR_DERIVE,
    &rsa::RSA_PKCS_KEY_PAIR_GEN,
    &rsa::RSA_PKCS,
    &rsa::RSA_X_509,
    &rsa::SHA1_RSA_PKCS,
    &rsa::SHA224_RSA_PKCS,
    &rsa::SHA256_RSA_PKCS,
    &rsa::SHA384_RSA_PKCS,
    &rsa::SHA512_RSA_PKCS,
    &rsa::RSA_PKCS_PSS,
    &rsa::SHA1_RSA_PKCS_PSS,
    &rsa::SHA224_RSA_PKCS_PSS,
    &rsa::SHA256_RSA_PKCS_PSS,
    &rsa::SHA384_RSA_PKCS_PSS,
    &rsa::SHA512_RSA_PKCS_PSS,
    &rsa::RSA_PKCS_OAEP,
    &wrapping::RSA_AES_KEY_WRAP,
    &digest::SHA_1,
    &digest::SHA224,
    &digest::SHA256,
    &digest::SHA384,
    &digest::SHA512,
    &digest::SHA512_224,
    &digest::SHA512_256,
    &digest::SHA3_224,
    &digest::SHA3_256,
    &digest::SHA3_384,
    &digest::SHA3_512,
];

/// One mechanism.
#[derive(Debug)]
pub(crate) struct Mechanism {
    /// `CKM_`.
    pub id: u64,
    /// What it may be used for.
    pub uses: &'static [Use],
    /// The keys it works with.
    pub keys: Keys,
    /// What it does.
    pub work: Work,
}

/// The function that a mechanism is used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    GenerateKeyPair,
    Sign,
    Verify,
    Digest,
    Derive,
    Encrypt,
    Decrypt,
    Wrap,
    Unwrap,
}

/// What a mechanism does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Key pair on a named curve.
    EcKeyPair,
    /// ECDSA; `None` takes the digest from the application.
    Ecdsa(Option<Hash>),
    /// EdDSA.
    Eddsa,
    /// Schnorr.
    Schnorr,
    /// A digest.
    Digest(Hash),
    /// Elliptic curve Diffie-Hellman.
    Ecdh,
    /// RSA key pair.
    RsaKeyPair,
    /// RSASSA-PKCS1-v1_5; `None` takes the DigestInfo from the application, and encrypts too.
    RsaPkcs1(Option<RsaHash>),
    /// RSA without padding.
    RsaRaw,
    /// RSASSA-PSS; `None` takes the digest from the application.
    RsaPss(Option<RsaHash>),
    /// RSAES-OAEP.
    RsaOaep,
    /// A key under a new AES key, which is under RSAES-OAEP.
    RsaAesKeyWrap,
}

/// The structure that a mechanism's parameter is in the C interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterForm {
    /// Bytes, or none.
    Bytes,
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh1Derive,
    /// `CK_EDDSA_PARAMS`, or none.
    Eddsa,
    /// `CK_RSA_PKCS_PSS_PARAMS`.
    RsaPss,
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    RsaOaep,
    /// `CK_RSA_AES_KEY_WRAP_PARAMS`.
    RsaAesKeyWrap,
}

impl ParameterForm {
    /// That of the mechanism with this `CKM_` number; of one that is not here, [`Self::Bytes`].
    pub fn of(id: u64) -> Self {
        find(id).map_or(Self::Bytes, |mechanism| match mechanism.work {
            Work::Ecdh => Self::Ecdh1Derive,
            Work::Eddsa => Self::Eddsa,
            Work::RsaPss(_) => Self::RsaPss,
            Work::RsaOaep => Self::RsaOaep,
            Work::RsaAesKeyWrap => Self::RsaAesKeyWrap,
            Work::EcKeyPair
            | Work::Ecdsa(_)
            | Work::Schnorr
            | Work::Digest(_)
            | Work::RsaKeyPair
            | Work::RsaPkcs1(_)
            | Work::RsaRaw => Self::Bytes,
        })
    }
}

/// The mechanism of a call, if it exists for `wanted`.
///
/// # Errors
/// [`Error::MechanismInvalid`], [`Error::MechanismParamInvalid`].
pub(crate) fn select(call: MechanismCall<'_>, wanted: Use, policy: RsaPolicy) -> Result<&'static Mechanism> {
    let mechanism = find(call.id)?;
    if !mechanism.uses(policy).any(|one| one == wanted) {
        return Err(Error::MechanismInvalid);
    }
    match (call.parameter, mechanism.work) {
        (Parameter::Ecdh1Derive { .. }, Work::Ecdh)
        | (Parameter::Eddsa { .. }, Work::Eddsa)
        | (Parameter::RsaPss { .. }, Work::RsaPss(_))
        | (Parameter::RsaOaep { .. }, Work::RsaOaep)
        | (Parameter::RsaAesKeyWrap { .. }, Work::RsaAesKeyWrap) => Ok(mechanism),
        (
            Parameter::Bytes([]),
            Work::EcKeyPair
            | Work::Ecdsa(_)
            | Work::Eddsa
            | Work::Schnorr
            | Work::Digest(_)
            | Work::RsaKeyPair
            | Work::RsaPkcs1(_)
            | Work::RsaRaw,
        ) => Ok(mechanism),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// The mechanism with this `CKM_` number.
///
/// # Errors
/// [`Error::MechanismInvalid`].
pub(crate) fn find(id: u64) -> Result<&'static Mechanism> {
    MECHANISMS.iter().find(|mechanism| mechanism.id == id).copied().ok_or(Error::MechanismInvalid)
}

/// The mechanisms that a key can be used with, the answer to `CKA_ALLOWED_MECHANISMS` where the key has no list of
/// its own.
pub(crate) fn of_key(key: &Attributes, policy: RsaPolicy) -> impl Iterator<Item = &'static Mechanism> {
    let class = attribute::class_of(key);
    MECHANISMS.iter().copied().filter(move |mechanism| {
        let uses = mechanism.uses(policy);
        let mut classes = uses.filter_map(Use::key).map(|(class, _)| class);
        classes.any(|wanted| class == Some(wanted)) && mechanism.keys.spec_of(key).is_some()
    })
}

impl Mechanism {
    /// What it may be used for under this policy.
    fn uses(&self, policy: RsaPolicy) -> impl Iterator<Item = Use> {
        let is_off = move |wanted: Use| match self.work {
            Work::RsaPkcs1(None) => wanted == Use::Decrypt && !policy.pkcs1_decryption,
            Work::RsaRaw => !policy.raw,
            _ => false,
        };
        self.uses.iter().copied().filter(move |wanted| !is_off(*wanted))
    }

    /// Whether it is there at all under this policy.
    pub(crate) fn is_on(&self, policy: RsaPolicy) -> bool {
        self.uses(policy).next().is_some()
    }

    /// `C_GetMechanismInfo`.
    pub(crate) fn info(&self, policy: RsaPolicy) -> MechanismInfo {
        let uses = self.uses(policy).fold(0, |flags, wanted| flags | wanted.flag());
        let (min_key_size, max_key_size) = match (self.work, rsa::GENERATED_BITS) {
            (Work::RsaKeyPair, [least, .., most]) => (least.into(), most.into()),
            _ => self.keys.sizes(),
        };
        MechanismInfo { min_key_size, max_key_size, flags: uses | self.keys.flags() }
    }

    /// An empty message of a signature mechanism with a key. One that is gathered whole may be `most` bytes long.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms, [`Error::MechanismParamInvalid`],
    /// [`Error::KeyTypeInconsistent`].
    pub(crate) fn message(&self, key: KeySpec, parameter: Parameter<'_>, most: usize) -> Result<Message> {
        let digest = match self.work {
            Work::Ecdsa(hash) => hash,
            Work::Eddsa if Variant::of(parameter)?.is_prehashed() => Some(Hash::Sha512),
            Work::RsaPkcs1(hash) | Work::RsaPss(hash) => hash.map(RsaHash::function),
            _ => None,
        };
        if let Some(hash) = digest {
            return Ok(Message::Hashed(hash.start()));
        }
        match (self.work, self.scheme(key, parameter)?) {
            (Work::Ecdsa(_), _) => Ok(Message::gathered(1, ecdsa::DIGEST_BYTES_MAX)),
            (_, Scheme::RsaPkcs1 { modulus_bytes, .. }) => {
                let most = usize::from(modulus_bytes).saturating_sub(rsa::PKCS1_OVERHEAD_BYTES);
                Ok(Message::gathered(0, most))
            }
            (_, Scheme::RsaRaw { modulus_bytes, .. }) => Ok(Message::gathered(0, modulus_bytes.into())),
            (_, Scheme::RsaPss { hash, .. }) => Ok(Message::gathered(hash.bytes(), hash.bytes())),
            (_, Scheme::Schnorr { .. }) => Ok(Message::Whole { bytes: Vec::new(), most }),
            (_, Scheme::Ecdsa { .. } | Scheme::Eddsa { .. }) => Ok(Message::gathered(0, most)),
        }
    }

    /// What the backend does for a signature mechanism with a key.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms, [`Error::MechanismParamInvalid`],
    /// [`Error::KeyTypeInconsistent`].
    pub(crate) fn scheme(&self, key: KeySpec, parameter: Parameter<'_>) -> Result<Scheme> {
        let mechanism = self.id;
        match (self.work, key) {
            (Work::Ecdsa(_), KeySpec::Curve(curve)) => Ok(Scheme::Ecdsa { curve, mechanism }),
            (Work::Eddsa, KeySpec::Curve(curve)) => {
                Ok(Scheme::Eddsa { curve, mechanism, variant: Variant::of(parameter)?.encode() })
            }
            (Work::Schnorr, KeySpec::Curve(curve)) => Ok(Scheme::Schnorr { curve, mechanism }),
            (Work::RsaPkcs1(digest), _) => {
                Ok(Scheme::RsaPkcs1 { mechanism, digest, modulus_bytes: rsa::modulus_bytes(key)? })
            }
            (Work::RsaRaw, _) => Ok(Scheme::RsaRaw { mechanism, modulus_bytes: rsa::modulus_bytes(key)? }),
            (Work::RsaPss(hash), _) => rsa::pss_scheme(mechanism, hash, key, parameter),
            (Work::Ecdsa(_) | Work::Eddsa | Work::Schnorr, KeySpec::Rsa { .. }) => {
                Err(Error::KeyTypeInconsistent)
            }
            _ => Err(Error::MechanismInvalid),
        }
    }

    /// How an encryption mechanism pads.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms, [`Error::MechanismParamInvalid`].
    pub(crate) fn encryption(&self, parameter: Parameter<'_>) -> Result<Padding> {
        match self.work {
            Work::RsaPkcs1(None) => Ok(Padding::Pkcs1),
            Work::RsaRaw => Ok(Padding::Raw),
            Work::RsaOaep => rsa::oaep(parameter),
            _ => Err(Error::MechanismInvalid),
        }
    }

    /// How a mechanism wraps keys.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms, [`Error::MechanismParamInvalid`].
    pub(crate) fn envelope(&self, parameter: Parameter<'_>) -> Result<Envelope> {
        match self.work {
            Work::RsaOaep => rsa::oaep(parameter).map(Envelope::oaep),
            Work::RsaAesKeyWrap => Envelope::aes(parameter),
            _ => Err(Error::MechanismInvalid),
        }
    }

    /// The start of a digest mechanism.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms.
    pub(crate) fn hasher(&self) -> Result<Hasher> {
        match self.work {
            Work::Digest(hash) => Ok(hash.start()),
            _ => Err(Error::MechanismInvalid),
        }
    }
}

impl Use {
    /// `CKF_`.
    fn flag(self) -> u64 {
        match self {
            Self::GenerateKeyPair => CKF_GENERATE_KEY_PAIR,
            Self::Sign => CKF_SIGN,
            Self::Verify => CKF_VERIFY,
            Self::Digest => CKF_DIGEST,
            Self::Derive => CKF_DERIVE,
            Self::Encrypt => CKF_ENCRYPT,
            Self::Decrypt => CKF_DECRYPT,
            Self::Wrap => CKF_WRAP,
            Self::Unwrap => CKF_UNWRAP,
        }
    }

    /// The class of the key that this use takes, and the `CKA_` flag by which the key allows it.
    pub(crate) fn key(self) -> Option<(Class, u64)> {
        match self {
            Self::Sign => Some((Class::PrivateKey, CKA_SIGN)),
            Self::Verify => Some((Class::PublicKey, CKA_VERIFY)),
            Self::Derive => Some((Class::PrivateKey, CKA_DERIVE)),
            Self::Encrypt => Some((Class::PublicKey, CKA_ENCRYPT)),
            Self::Decrypt => Some((Class::PrivateKey, CKA_DECRYPT)),
            Self::Wrap => Some((Class::PublicKey, CKA_WRAP)),
            Self::Unwrap => Some((Class::PrivateKey, CKA_UNWRAP)),
            Self::GenerateKeyPair | Self::Digest => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;
    use crate::backend::Curve;
    use crate::backend::PublicExponent;

    #[test]
    fn every_mechanism_is_listed_once_and_has_a_use() {
        let mut ids: Vec<_> = MECHANISMS.iter().map(|mechanism| mechanism.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(MECHANISMS.iter().all(|mechanism| !mechanism.uses.is_empty()));
    }

    #[test]
    fn what_is_done_fits_the_uses() {
        let pss = |hash, mgf| Parameter::RsaPss { hash, mgf, salt_bytes: 20 };
        for mechanism in MECHANISMS {
            let has = |wanted| mechanism.uses.contains(&wanted);
            let (key, parameter) = match (mechanism.keys, mechanism.work) {
                (Keys::Rsa, Work::RsaPss(Some(RsaHash::Sha1))) => (RSA, pss(CKM_SHA_1, CKG_MGF1_SHA1)),
                (Keys::Rsa, Work::RsaPss(Some(RsaHash::Sha224))) => (RSA, pss(CKM_SHA224, CKG_MGF1_SHA1)),
                (Keys::Rsa, Work::RsaPss(Some(RsaHash::Sha384))) => (RSA, pss(CKM_SHA384, CKG_MGF1_SHA1)),
                (Keys::Rsa, Work::RsaPss(Some(RsaHash::Sha512))) => (RSA, pss(CKM_SHA512, CKG_MGF1_SHA1)),
                (Keys::Rsa, Work::RsaPss(_)) => (RSA, pss(CKM_SHA256, CKG_MGF1_SHA224)),
                (Keys::Rsa, Work::RsaOaep) => (RSA, OAEP),
                (Keys::Rsa, Work::RsaAesKeyWrap) => (RSA, ENVELOPE),
                (Keys::Rsa, _) => (RSA, Parameter::NONE),
                _ => (KeySpec::Curve(Curve::P256), Parameter::NONE),
            };
            assert_eq!(mechanism.message(key, parameter, 64).is_ok(), has(Use::Verify), "{mechanism:?}");
            assert_eq!(mechanism.scheme(key, parameter).is_ok(), has(Use::Verify), "{mechanism:?}");
            assert_eq!(mechanism.encryption(parameter).is_ok(), has(Use::Encrypt), "{mechanism:?}");
            assert_eq!(mechanism.envelope(parameter).is_ok(), has(Use::Wrap), "{mechanism:?}");
            assert_eq!(has(Use::Unwrap), has(Use::Wrap), "{mechanism:?}");
            assert_eq!(mechanism.hasher().is_ok(), has(Use::Digest), "{mechanism:?}");
            assert_eq!(mechanism.keys == Keys::None, has(Use::Digest), "{mechanism:?}");
            assert_eq!(mechanism.work == Work::Ecdh, has(Use::Derive), "{mechanism:?}");
        }
    }

    const RSA: KeySpec = KeySpec::Rsa { bits: 2048, exponent: PublicExponent::F4 };
    const OAEP: Parameter<'_> = Parameter::RsaOaep {
        hash: CKM_SHA256,
        mgf: CKG_MGF1_SHA1,
        source: CKZ_DATA_SPECIFIED,
        label: b"label",
    };
    const ENVELOPE: Parameter<'_> = Parameter::RsaAesKeyWrap {
        aes_bits: 256,
        hash: CKM_SHA256,
        mgf: CKG_MGF1_SHA1,
        source: CKZ_DATA_SPECIFIED,
        label: b"label",
    };

    #[test]
    fn a_mechanism_is_refused_for_a_use_it_does_not_have() {
        let call = MechanismCall { id: CKM_SHA256, parameter: Parameter::NONE };
        assert_eq!(select(call, Use::Sign, RsaPolicy::default()).err(), Some(Error::MechanismInvalid));
    }

    #[test]
    fn a_parameter_is_refused_where_none_is_defined() {
        let call = MechanismCall { id: CKM_ECDSA, parameter: Parameter::Bytes(&[1]) };
        assert_eq!(select(call, Use::Sign, RsaPolicy::default()).err(), Some(Error::MechanismParamInvalid));
    }
}
