//! The prime-order groups that signatures live in.
//!
//! Protocols are written once over [`Curve`]. Scalars are RustCrypto's constant-time types; points
//! are opaque, so that a curve may take them from another library.

pub mod curve25519;
pub mod edwards25519;
mod multiples;
mod nist;
pub mod p256;
pub mod p384;
mod prepared;
pub mod ristretto255;
pub mod secp256k1;
#[cfg(test)]
mod tests;
pub mod wide;

use alloc::vec::Vec;
use core::fmt;

use elliptic_curve::ff::PrimeField;
use elliptic_curve::ops::Invert;
use elliptic_curve::scalar::IsHigh;
use subtle::CtOption;
use zeroize::Zeroize;

pub use self::nist::{Nist, NistPoint};
pub use self::p256::P256;
pub use self::p384::P384;
pub use self::prepared::{Bare, Prepared};
pub use self::secp256k1::Secp256k1;
use self::wide::Late;

/// Statistical security in bits: failure probability 2^-80 where a check is statistical.
pub const STATISTICAL_BITS: usize = 80;

/// A curve with a group of prime order q.
pub trait Curve: Copy + fmt::Debug + Eq + Send + Sync + 'static {
    /// Name that enters transcripts.
    const NAME: &'static str;
    /// Bit length of q; a multiple of 8 for every curve here.
    const KAPPA: usize;
    /// Bytes of a scalar.
    const SCALAR_BYTES: usize = Self::KAPPA / 8;
    /// Bytes of a compressed point.
    const POINT_BYTES: usize = Self::SCALAR_BYTES + 1;
    /// Bytes that are reduced to one scalar: the bias is at most 2^-128.
    const WIDE_BYTES: usize = (Self::KAPPA + 128) / 8;
    /// Length of the gadget vector: kappa + 2 x statistical bits.
    const XI: usize = Self::KAPPA + 2 * STATISTICAL_BITS;

    /// Integers mod q; `to_repr` is big-endian.
    type Scalar: PrimeField + IsHigh + Invert<Output = CtOption<Self::Scalar>> + Zeroize;
    /// Group elements.
    type Point: Point<Scalar = Self::Scalar>;
    /// Scalars as integers that are reduced late.
    type Late: Late<Scalar = Self::Scalar>;

    /// `bytes`, at most 2 x kappa bits, as an integer mod q, constant time. Shorter input is read as
    /// if zeros stood before it.
    fn reduce_wide(bytes: &[u8]) -> Self::Scalar;

    /// x-coordinate mod q; zero for the identity.
    fn x_mod_order(point: &Self::Point) -> Self::Scalar;

    /// The leftmost kappa bits of a digest as an integer mod q; shorter digests are taken whole.
    /// (FIPS 186-5, 6.4.1; a digest is public here.)
    fn digest_to_scalar(digest: &[u8]) -> Self::Scalar {
        Self::reduce_wide(digest.get(..Self::SCALAR_BYTES).unwrap_or(digest))
    }
}

/// A group element.
pub trait Point: Clone + PartialEq + Send + Sync + Sized + 'static {
    /// Integers mod the group order.
    type Scalar;

    /// The group's generator.
    fn generator() -> Self;

    /// The neutral element.
    fn identity() -> Self;

    /// `scalar` times the generator, constant time.
    fn mul_base(scalar: &Self::Scalar) -> Self;

    /// `scalar` times `self`, constant time.
    #[must_use]
    fn mul(&self, scalar: &Self::Scalar) -> Self;

    /// `scalar` times `self` for public scalars and points, in variable time; fast for a point that was
    /// made by [`Self::with_multiples`].
    #[must_use]
    fn mul_public(&self, scalar: &Self::Scalar) -> Self {
        self.mul(scalar)
    }

    /// `factor` times `self` for a small public factor: additions alone, as many as its bits ask for.
    #[must_use]
    fn times(&self, factor: u64) -> Self {
        let bits = (0..u64::BITS - factor.leading_zeros()).rev();
        bits.fold(Self::identity(), |sum, bit| {
            let double = sum.add(&sum);
            if factor >> bit & 1 == 1 { double.add(self) } else { double }
        })
    }

    /// The sum.
    #[must_use]
    fn add(&self, other: &Self) -> Self;

    /// The negative.
    #[must_use]
    fn neg(&self) -> Self;

    /// Whether this is the neutral element.
    fn is_identity(&self) -> bool;

    /// Compressed SEC1, `POINT_BYTES` long. The identity has no such form and becomes zeros,
    /// which [`Self::decode`] refuses.
    fn encode(&self) -> Vec<u8>;

    /// The same point, whose [`Self::encode`] costs nothing from now on. For public points.
    #[must_use]
    fn with_encoding(self) -> Self {
        self
    }

    /// The same point with a table for [`Self::mul_public`]: making it costs as much as some ten
    /// multiplications, and it takes a few hundred kilobytes, which copies of the point share.
    #[must_use]
    fn with_multiples(self) -> Self {
        self
    }

    /// The point with exactly this compressed form; `None` for the identity, another form,
    /// another length, or coordinates off the curve.
    fn decode(bytes: &[u8]) -> Option<Self>;

    /// The point with this form, which [`Self::decode`] took or [`Self::encode`] gave before: what was
    /// checked then and costs more than decoding is not checked again.
    fn decode_again(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes)
    }
}
