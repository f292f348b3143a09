//! X25519 (PKCS#11 3.1 sections 6.3.7, 6.3.16 and 6.3.17; RFC 7748): keys on curve25519, which agree on secrets by
//! `CKM_ECDH1_DERIVE` and do nothing else.

use cryptoki_sys::CKM_EC_MONTGOMERY_KEY_PAIR_GEN;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::traits::IsIdentity;

use super::{Keys, Mechanism, Use, Work};
use crate::backend::Curve;
use crate::rv::{Error, Result};

pub(crate) static EC_MONTGOMERY_KEY_PAIR_GEN: Mechanism = Mechanism {
    id: CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
    uses: &[Use::GenerateKeyPair],
    keys: Keys::Ec(&[Curve::Curve25519]),
    work: Work::EcKeyPair,
};

/// Eight times the point with this u-coordinate, up to its sign: what is left of it in the subgroup of prime order,
/// where keys live.
///
/// # Errors
/// [`Error::PublicKeyInvalid`] for another length, for points of small order, with which every key has the secret
/// zero, and for points of the twist, with which shares of a key cannot compute. No key pair has either.
pub(crate) fn eightfold(u: &[u8]) -> Result<EdwardsPoint> {
    let bytes = u.try_into().map_err(|_| Error::PublicKeyInvalid)?;
    let point = MontgomeryPoint(bytes).to_edwards(0).ok_or(Error::PublicKeyInvalid)?.mul_by_cofactor();
    if point.is_identity() { Err(Error::PublicKeyInvalid) } else { Ok(point) }
}
