//! secp256k1 (SEC 2): points and scalars by the `k256` crate.
//!
//! Constant time by that crate's design: fixed windows over the two halves of a scalar, tables read
//! entry by entry under a mask, complete addition formulas, inversions by fixed chains. Decoding is
//! for public data.

use k256::elliptic_curve::Group;
use k256::elliptic_curve::bigint::{U256, U512};
use k256::elliptic_curve::ops::{MulByGenerator as _, Reduce};
use k256::elliptic_curve::point::AffineCoordinates as _;
use k256::elliptic_curve::sec1::{FromEncodedPoint as _, ToEncodedPoint as _};
use k256::{AffinePoint, EncodedPoint, ProjectivePoint, Scalar, WideBytes};
use zeroize::Zeroize as _;

use super::Curve;
use super::prepared::{Bare, Prepared};
use super::wide::{Limbs, Order};

/// secp256k1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secp256k1;

/// A point of secp256k1.
pub type Secp256k1Point = Prepared<ProjectivePoint>;

impl Curve for Secp256k1 {
    const NAME: &'static str = "secp256k1";
    const KAPPA: usize = 256;
    type Scalar = Scalar;
    type Point = Secp256k1Point;
    type Late = Limbs<Self, 4, 6, 11>;

    fn reduce_wide(bytes: &[u8]) -> Scalar {
        let mut wide = WideBytes::default();
        for (out, byte) in wide.iter_mut().rev().zip(bytes.iter().rev()) {
            *out = *byte;
        }
        let value = <Scalar as Reduce<U512>>::reduce_bytes(&wide);
        wide.as_mut_slice().zeroize();
        value
    }

    fn x_mod_order(point: &Secp256k1Point) -> Scalar {
        // The crate's affine identity has the x-coordinate zero.
        <Scalar as Reduce<U256>>::reduce_bytes(&point.bare().to_affine().x())
    }
}

impl Order<4> for Secp256k1 {
    type Scalar = Scalar;
    const ORDER: [u64; 4] =
        [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff];
    const RECIPROCAL: [u64; 2] = [1, 0];
}

impl Bare for ProjectivePoint {
    type Scalar = Scalar;
    type Compressed = [u8; Secp256k1::POINT_BYTES];

    fn generator() -> Self {
        Self::GENERATOR
    }

    fn identity() -> Self {
        Self::IDENTITY
    }

    fn mul_base(scalar: &Scalar) -> Self {
        Self::mul_by_generator(scalar)
    }

    fn mul(&self, scalar: &Scalar) -> Self {
        self * scalar
    }

    fn add(&self, other: &Self) -> Self {
        self + other
    }

    fn neg(&self) -> Self {
        -self
    }

    fn is_identity(&self) -> bool {
        Group::is_identity(self).into()
    }

    fn compress(&self) -> Option<Self::Compressed> {
        // The identity is one zero byte in SEC1.
        self.to_affine().to_encoded_point(true).as_bytes().try_into().ok()
    }

    fn decompress(bytes: &[u8]) -> Option<Self> {
        // SEC1 has other forms, and the crate takes a compact one as well (tag 5).
        let compressed = bytes.len() == Secp256k1::POINT_BYTES && matches!(bytes.first(), Some(2 | 3));
        let encoded = EncodedPoint::from_bytes(bytes).ok().filter(|_| compressed)?;
        Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded)).map(Self::from)
    }
}
