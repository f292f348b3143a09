//! edwards25519 (RFC 8032, section 5.1): the subgroup of prime order that its generator spans.

use alloc::vec::Vec;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use zeroize::Zeroizing;

use super::Point;

/// Name that enters transcripts and birth certificates.
pub const EDWARDS25519: &str = "edwards25519";
/// Bytes of an encoded point, and of a scalar.
pub const EDWARDS25519_BYTES: usize = 32;
/// Bytes that are reduced to one scalar: the bias is below 2^-250.
pub const WIDE_BYTES: usize = 64;

/// `bytes`, at most [`WIDE_BYTES`] and little-endian, as an integer mod the order, constant time.
pub fn reduce_wide(bytes: &[u8]) -> Scalar {
    let mut wide = Zeroizing::new([0; WIDE_BYTES]);
    wide.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    Scalar::from_bytes_mod_order_wide(&wide)
}

impl Point for EdwardsPoint {
    type Scalar = Scalar;

    fn generator() -> Self {
        ED25519_BASEPOINT_POINT
    }

    fn identity() -> Self {
        <Self as Identity>::identity()
    }

    fn mul_base(scalar: &Scalar) -> Self {
        Self::mul_base(scalar)
    }

    fn mul(&self, scalar: &Scalar) -> Self {
        self * scalar
    }

    fn mul_public(&self, scalar: &Scalar) -> Self {
        Self::vartime_double_scalar_mul_basepoint(scalar, self, &Scalar::ZERO)
    }

    fn add(&self, other: &Self) -> Self {
        self + other
    }

    fn neg(&self) -> Self {
        -self
    }

    fn is_identity(&self) -> bool {
        *self == <Self as Identity>::identity()
    }

    /// The form of RFC 8032. The identity has one too, which [`Self::decode`] refuses.
    fn encode(&self) -> Vec<u8> {
        self.compress().to_bytes().to_vec()
    }

    /// Refuses points outside the subgroup too. The non-canonical encodings that exist are all of such
    /// points (ePrint 2020/1244), but for those of the identity.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let point = CompressedEdwardsY::from_slice(bytes).ok()?.decompress()?;
        (!Point::is_identity(&point) && point.is_torsion_free()).then_some(point)
    }

    fn decode_again(bytes: &[u8]) -> Option<Self> {
        CompressedEdwardsY::from_slice(bytes).ok()?.decompress()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use curve25519_dalek::constants::EIGHT_TORSION;

    use super::*;

    fn decode(bytes: &[u8]) -> Option<EdwardsPoint> {
        Point::decode(bytes)
    }

    #[test]
    fn only_points_of_the_subgroup_other_than_the_identity_decode() {
        let bytes = ED25519_BASEPOINT_POINT.encode();
        assert!(decode(&bytes).unwrap() == ED25519_BASEPOINT_POINT);
        assert!(EdwardsPoint::decode_again(&bytes).unwrap() == ED25519_BASEPOINT_POINT);
        assert!(decode(&bytes[..31]).is_none());
        assert!(decode(&[&bytes[..], &[0]].concat()).is_none());
        for torsion in EIGHT_TORSION {
            assert!(decode(&torsion.encode()).is_none(), "small order");
            let mixed = ED25519_BASEPOINT_POINT + torsion;
            assert_eq!(decode(&mixed.encode()).is_some(), Point::is_identity(&torsion), "mixed order");
        }
        // y = p + 1: the identity again; y = p + 3 and the sign of the identity, which are not canonical.
        let above = |low: u8, high: u8| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, high);
            bytes
        };
        for bytes in [above(0xee, 0x7f), above(0xf0, 0x7f), above(0xee, 0xff)] {
            assert!(decode(&bytes).is_none());
        }
    }

    #[test]
    fn both_multiplications_agree() {
        for scalar in [0_u64, 1, 2, 77].map(Scalar::from).into_iter().chain([-Scalar::ONE]) {
            let point = ED25519_BASEPOINT_POINT.mul(&Scalar::from(5_u64));
            assert!(Point::mul(&point, &scalar) == point.mul_public(&scalar));
            assert!(<EdwardsPoint as Point>::mul_base(&scalar) == ED25519_BASEPOINT_POINT * scalar);
        }
    }
}
