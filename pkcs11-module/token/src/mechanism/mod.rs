//! Each mechanism is declared once, as a `static`; [`MECHANISMS`] lists them. The mechanism list and info of a slot,
//! the check of key and use, and `CKA_ALLOWED_MECHANISMS` are derived from it.
//!
//! To add one: write its `static` in the file of its family, add it to the list, and let the compiler show the
//! matches on [`Work`].

pub(crate) mod digest;
pub(crate) mod ecdsa;
pub(crate) mod key_gen;

use cryptoki_sys::*;

use crate::attribute::Class;
use crate::backend::Curve;
use crate::info::MechanismInfo;
use crate::provider::MechanismCall;
use crate::rv::{Error, Result};
use digest::Hash;

/// All mechanisms of a token, in the order of `C_GetMechanismList`.
pub(crate) static MECHANISMS: &[&Mechanism] = &[
    &key_gen::EC_KEY_PAIR_GEN,
    &ecdsa::ECDSA,
    &ecdsa::ECDSA_SHA1,
    &ecdsa::ECDSA_SHA224,
    &ecdsa::ECDSA_SHA256,
    &ecdsa::ECDSA_SHA384,
    &ecdsa::ECDSA_SHA512,
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

/// One mechanism. None of ours takes a parameter.
#[derive(Debug)]
pub(crate) struct Mechanism {
    /// `CKM_`.
    pub id: u64,
    /// What it may be used for.
    pub uses: &'static [Use],
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
}

/// What a mechanism does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Key pair on a named curve.
    EcKeyPair,
    /// ECDSA; `None` takes the digest from the application.
    Ecdsa(Option<Hash>),
    /// A digest.
    Digest(Hash),
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
    if !call.parameter.is_empty() {
        return Err(Error::MechanismParamInvalid);
    }
    Ok(mechanism)
}

/// The mechanism with this `CKM_` number.
///
/// # Errors
/// [`Error::MechanismInvalid`].
pub(crate) fn find(id: u64) -> Result<&'static Mechanism> {
    MECHANISMS.iter().find(|mechanism| mechanism.id == id).copied().ok_or(Error::MechanismInvalid)
}

/// The mechanisms that a key of `class` can be used with, the answer to `CKA_ALLOWED_MECHANISMS` where the key has
/// no list of its own.
pub(crate) fn of_key(class: Class) -> impl Iterator<Item = &'static Mechanism> {
    let wanted = match class {
        Class::PrivateKey => Some(Use::Sign),
        Class::PublicKey => Some(Use::Verify),
        Class::Data | Class::Certificate => None,
    };
    MECHANISMS
        .iter()
        .copied()
        .filter(move |mechanism| wanted.is_some_and(|wanted| mechanism.uses.contains(&wanted)))
}

impl Mechanism {
    /// `C_GetMechanismInfo`.
    pub(crate) fn info(&self) -> MechanismInfo {
        let uses = self.uses.iter().fold(0, |flags, wanted| flags | wanted.flag());
        match self.work {
            Work::EcKeyPair | Work::Ecdsa(_) => MechanismInfo {
                min_key_size: Curve::P256.bits(),
                max_key_size: Curve::P256.bits(),
                flags: uses | EC_FLAGS,
            },
            Work::Digest(_) => MechanismInfo { min_key_size: 0, max_key_size: 0, flags: uses },
        }
    }
}

impl Mechanism {
    /// The hash function of an ECDSA mechanism, `None` within if the application hashes.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms.
    pub(crate) fn ecdsa_hash(&self) -> Result<Option<Hash>> {
        match self.work {
            Work::Ecdsa(hash) => Ok(hash),
            Work::EcKeyPair | Work::Digest(_) => Err(Error::MechanismInvalid),
        }
    }

    /// The hash function of a digest mechanism.
    ///
    /// # Errors
    /// [`Error::MechanismInvalid`] for other mechanisms.
    pub(crate) fn digest_hash(&self) -> Result<Hash> {
        match self.work {
            Work::Digest(hash) => Ok(hash),
            Work::EcKeyPair | Work::Ecdsa(_) => Err(Error::MechanismInvalid),
        }
    }
}

impl Use {
    fn flag(self) -> u64 {
        match self {
            Self::GenerateKeyPair => CKF_GENERATE_KEY_PAIR,
            Self::Sign => CKF_SIGN,
            Self::Verify => CKF_VERIFY,
            Self::Digest => CKF_DIGEST,
        }
    }
}

/// Prime field, curve by OBJECT IDENTIFIER or name, uncompressed points.
const EC_FLAGS: u64 = CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_UNCOMPRESS;

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
    fn a_mechanism_is_refused_for_a_use_it_does_not_have() {
        let call = MechanismCall { id: CKM_SHA256, parameter: &[] };
        assert_eq!(select(call, Use::Sign).err(), Some(Error::MechanismInvalid));
    }

    #[test]
    fn a_parameter_is_refused_where_none_is_defined() {
        let call = MechanismCall { id: CKM_ECDSA, parameter: &[1] };
        assert_eq!(select(call, Use::Sign).err(), Some(Error::MechanismParamInvalid));
    }
}
