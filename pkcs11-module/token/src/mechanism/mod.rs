//! Each mechanism is declared once, as a `static`; [`MECHANISMS`] lists them. The mechanism list of a slot, flags and
//! key sizes, which functions and keys a mechanism goes with, what is done for it, and `CKA_ALLOWED_MECHANISMS` are
//! derived from the declaration, and the table in `conformance/README.md` from what the library then answers.
//!
//! To add one: write its `static` in the file of its family and add it to the list. For a new kind of work or of key
//! the compiler shows the matches on [`Work`] and [`Keys`], all of them in this file.

pub(crate) mod digest;
pub(crate) mod ecdh;
pub(crate) mod ecdsa;
pub(crate) mod eddsa;
pub(crate) mod key_gen;

use cryptoki_sys::*;

use crate::attribute::{self, Class};
use crate::backend::{Attributes, Curve, KeyKind, Scheme};
use crate::info::MechanismInfo;
use crate::object::key;
use crate::provider::{MechanismCall, Parameter};
use crate::rv::{Error, Result};
use digest::{Hash, Hasher};
use ecdsa::Message;
use eddsa::Variant;

/// All mechanisms of a token, in the order of `C_GetMechanismList`.
pub(crate) static MECHANISMS: &[&Mechanism] = &[
    &key_gen::EC_KEY_PAIR_GEN,
    &eddsa::EC_EDWARDS_KEY_PAIR_GEN,
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
    &ecdh::ECDH1_DERIVE,
    &ecdh::ECDH1_COFACTOR_DERIVE,
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
}

/// The keys that a mechanism works with, or makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// It has no key.
    None,
    /// Keys on these curves.
    Ec(&'static [Curve]),
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
    /// A digest.
    Digest(Hash),
    /// Elliptic curve Diffie-Hellman.
    Ecdh,
}

/// The mechanism of a call, if it exists for `wanted`.
///
/// # Errors
/// [`Error::MechanismInvalid`], [`Error::MechanismParamInvalid`].
pub(crate) fn select(call: MechanismCall<'_>, wanted: Use) -> Result<&'static Mechanism> {
    let mechanism = find(call.id)?;
    if !mechanism.uses.contains(&wanted) {
        return Err(Error::MechanismInvalid);
    }
    match (call.parameter, mechanism.work) {
        (Parameter::Ecdh1Derive { .. }, Work::Ecdh) | (Parameter::Eddsa { .. }, Work::Eddsa) => Ok(mechanism),
        (Parameter::Bytes([]), Work::EcKeyPair | Work::Ecdsa(_) | Work::Eddsa | Work::Digest(_)) => {
            Ok(mechanism)
        }
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
pub(crate) fn of_key(key: &Attributes) -> impl Iterator<Item = &'static Mechanism> {
    let class = attribute::class_of(key);
    MECHANISMS.iter().copied().filter(move |mechanism| {
        let mut classes = mechanism.uses.iter().filter_map(|wanted| wanted.key()).map(|(class, _)| class);
        classes.any(|wanted| class == Some(wanted)) && mechanism.keys.curve_of(key).is_some()
    })
}

impl Mechanism {
    /// `C_GetMechanismInfo`.
    pub(crate) fn info(&self) -> MechanismInfo {
        let uses = self.uses.iter().fold(0, |flags, wanted| flags | wanted.flag());
        let (min_key_size, max_key_size) = self.keys.sizes();
        MechanismInfo { min_key_size, max_key_size, flags: uses | self.keys.flags() }
    }

    /// An empty message of a signature mechanism. One that is gathered whole may be `most` bytes long.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms, [`Error::MechanismParamInvalid`].
    pub(crate) fn message(&self, parameter: Parameter<'_>, most: usize) -> Result<Message> {
        match self.work {
            Work::Ecdsa(hash) => Ok(Message::start(hash)),
            Work::Eddsa if Variant::of(parameter)?.is_prehashed() => Ok(Message::start(Some(Hash::Sha512))),
            Work::Eddsa => Ok(Message::Whole(Vec::new(), most)),
            Work::EcKeyPair | Work::Digest(_) | Work::Ecdh => Err(Error::MechanismInvalid),
        }
    }

    /// What the backend does for a signature mechanism with a key on `curve`.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms, [`Error::MechanismParamInvalid`].
    pub(crate) fn scheme(&self, curve: Curve, parameter: Parameter<'_>) -> Result<Scheme> {
        let mechanism = self.id;
        match self.work {
            Work::Ecdsa(_) => Ok(Scheme::Ecdsa { curve, mechanism }),
            Work::Eddsa => Ok(Scheme::Eddsa { curve, mechanism, variant: Variant::of(parameter)?.encode() }),
            Work::EcKeyPair | Work::Digest(_) | Work::Ecdh => Err(Error::MechanismInvalid),
        }
    }

    /// The start of a digest mechanism.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms.
    pub(crate) fn hasher(&self) -> Result<Hasher> {
        match self.work {
            Work::Digest(hash) => Ok(hash.start()),
            Work::EcKeyPair | Work::Ecdsa(_) | Work::Eddsa | Work::Ecdh => Err(Error::MechanismInvalid),
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
        }
    }

    /// The class of the key that this use takes, and the `CKA_` flag by which the key allows it.
    pub(crate) fn key(self) -> Option<(Class, u64)> {
        match self {
            Self::Sign => Some((Class::PrivateKey, CKA_SIGN)),
            Self::Verify => Some((Class::PublicKey, CKA_VERIFY)),
            Self::Derive => Some((Class::PrivateKey, CKA_DERIVE)),
            Self::GenerateKeyPair | Self::Digest => None,
        }
    }
}

impl Keys {
    /// The curve of a key, if it is one of these.
    pub(crate) fn curve_of(self, key: &Attributes) -> Option<Curve> {
        key::curve_of_key(key).filter(|curve| self.has(*curve))
    }

    /// Whether keys on `curve` are among these.
    pub(crate) fn has(self, curve: Curve) -> bool {
        match self {
            Self::None => false,
            Self::Ec(curves) => curves.contains(&curve),
        }
    }

    /// Whether all of these keys are hidden from the application; what has no key is not.
    pub(crate) fn are_hidden(self, hidden: &[KeyKind]) -> bool {
        let is_hidden = |curve: &Curve| {
            hidden.contains(&KeyKind::Curve(*curve)) || hidden.contains(&KeyKind::Type(key::key_type(*curve)))
        };
        match self {
            Self::None => false,
            Self::Ec(curves) => curves.iter().all(is_hidden),
        }
    }

    /// Smallest and largest size in bits.
    fn sizes(self) -> (u64, u64) {
        match self {
            Self::None => (0, 0),
            Self::Ec(curves) => {
                let bits = || curves.iter().map(|curve| curve.bits());
                (bits().min().unwrap_or(0), bits().max().unwrap_or(0))
            }
        }
    }

    /// `CKF_` bits about the keys: prime field, curve by OBJECT IDENTIFIER or name, uncompressed points where the
    /// curve has that form.
    fn flags(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Ec([Curve::Edwards25519]) => CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_COMPRESS,
            Self::Ec(_) => CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_UNCOMPRESS,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn every_mechanism_is_listed_once_and_has_a_use() {
        let mut ids: Vec<_> = MECHANISMS.iter().map(|mechanism| mechanism.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(MECHANISMS.iter().all(|mechanism| !mechanism.uses.is_empty()));
    }

    #[test]
    fn what_is_done_fits_the_uses() {
        for mechanism in MECHANISMS {
            let has = |wanted| mechanism.uses.contains(&wanted);
            let message = mechanism.message(Parameter::NONE, 64);
            assert_eq!(message.is_ok(), has(Use::Sign) || has(Use::Verify), "{mechanism:?}");
            assert_eq!(
                mechanism.scheme(Curve::P256, Parameter::NONE).is_ok(),
                has(Use::Sign),
                "{mechanism:?}"
            );
            assert_eq!(mechanism.hasher().is_ok(), has(Use::Digest), "{mechanism:?}");
            assert_eq!(mechanism.keys == Keys::None, has(Use::Digest), "{mechanism:?}");
            assert_eq!(mechanism.work == Work::Ecdh, has(Use::Derive), "{mechanism:?}");
        }
    }

    #[test]
    fn a_mechanism_is_refused_for_a_use_it_does_not_have() {
        let call = MechanismCall { id: CKM_SHA256, parameter: Parameter::NONE };
        assert_eq!(select(call, Use::Sign).err(), Some(Error::MechanismInvalid));
    }

    #[test]
    fn a_parameter_is_refused_where_none_is_defined() {
        let call = MechanismCall { id: CKM_ECDSA, parameter: Parameter::Bytes(&[1]) };
        assert_eq!(select(call, Use::Sign).err(), Some(Error::MechanismParamInvalid));
    }
}
