//! The keys that a mechanism is for.

use cryptoki_sys::{CKF_EC_COMPRESS, CKF_EC_CURVENAME, CKF_EC_F_P, CKF_EC_OID, CKF_EC_UNCOMPRESS, CKK_RSA};

use super::rsa;
use crate::backend::{Attributes, Curve, KeyKind, KeySpec};
use crate::object::key;

/// The keys that a mechanism works with, or makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// It has no key.
    None,
    /// Keys on these curves.
    Ec(&'static [Curve]),
    /// RSA keys.
    Rsa,
}

impl Keys {
    /// What kind of key an object is, if it is one of these.
    pub(crate) fn spec_of(self, object: &Attributes) -> Option<KeySpec> {
        key::spec_of(object).filter(|spec| match (spec, self) {
            (KeySpec::Curve(curve), _) => self.has(*curve),
            (KeySpec::Rsa { .. }, keys) => keys == Self::Rsa,
        })
    }

    /// Whether keys on `curve` are among these.
    pub(crate) fn has(self, curve: Curve) -> bool {
        match self {
            Self::None | Self::Rsa => false,
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
            Self::Rsa => hidden.contains(&KeyKind::Type(CKK_RSA)),
        }
    }

    /// Smallest and largest size in bits.
    pub(super) fn sizes(self) -> (u64, u64) {
        match self {
            Self::None => (0, 0),
            Self::Rsa => rsa::MODULUS_BITS,
            Self::Ec(curves) => {
                let bits = || curves.iter().map(|curve| curve.bits());
                (bits().min().unwrap_or(0), bits().max().unwrap_or(0))
            }
        }
    }

    /// `CKF_` bits about the keys: prime field, curve by OBJECT IDENTIFIER or name, uncompressed points where the
    /// curve has that form.
    pub(super) fn flags(self) -> u64 {
        match self {
            Self::None | Self::Rsa => 0,
            Self::Ec(curves) => {
                curves.iter().fold(CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME, |flags, curve| {
                    flags
                        | match curve {
                            Curve::P256 | Curve::P384 | Curve::Secp256k1 => CKF_EC_UNCOMPRESS,
                            Curve::Edwards25519 | Curve::Curve25519 => CKF_EC_COMPRESS,
                        }
                })
            }
        }
    }
}
