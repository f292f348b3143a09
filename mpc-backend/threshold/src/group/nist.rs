//! What the NIST curves share: points by AWS-LC, scalars by RustCrypto.
//!
//! AWS-LC multiplies 3 to 16 times faster than portable code; the tests compare every operation with
//! the portable crate of the curve. What is constant time in it, and why we believe so, is said in
//! `arith`.

use alloc::vec::Vec;
use core::fmt;

use arith::Bytes as _;
use elliptic_curve::ff::{Field as _, PrimeField};
use zeroize::{Zeroize as _, Zeroizing};

use super::Point;

/// A curve that AWS-LC implements, with the scalars that its points are multiplied by.
pub trait Nist: arith::Curve {
    /// Integers mod q; `to_repr` is big-endian.
    type Scalar: PrimeField<Repr: AsMut<[u8]>>;
    /// 2^kappa mod q.
    const TWO_POW_KAPPA: Self::Scalar;

    /// kappa bits mod q, constant time.
    fn reduce(bytes: &<Self::Scalar as PrimeField>::Repr) -> Self::Scalar;
}

/// A point of `N`.
pub struct NistPoint<N: Nist>(arith::point::Point<N>);

/// `bytes` mod q: high x 2^kappa + low, each half reduced by constant-time library code. Reads the last
/// 2 kappa bits.
pub(super) fn reduce_wide<N: Nist>(bytes: &[u8]) -> N::Scalar {
    let mut high = <N::Scalar as PrimeField>::Repr::default();
    let mut low = <N::Scalar as PrimeField>::Repr::default();
    let (front, back) = bytes.split_at(bytes.len().saturating_sub(low.as_ref().len()));
    copy_to_end(front, high.as_mut());
    copy_to_end(back, low.as_mut());
    let value = N::reduce(&high) * N::TWO_POW_KAPPA + N::reduce(&low);
    high.as_mut().zeroize();
    low.as_mut().zeroize();
    value
}

/// The x-coordinate mod q; zero for the identity.
pub(super) fn x_mod_order<N: Nist>(point: &NistPoint<N>) -> N::Scalar {
    point.0.x_bytes().map_or(N::Scalar::ZERO, |x| reduce_wide::<N>(x.as_ref()))
}

/// Copies as many bytes as fit, the last ones last.
fn copy_to_end(bytes: &[u8], target: &mut [u8]) {
    for (out, byte) in target.iter_mut().rev().zip(bytes.iter().rev()) {
        *out = *byte;
    }
}

fn word<N: Nist>(scalar: &N::Scalar) -> Zeroizing<N::Word> {
    let mut repr = scalar.to_repr();
    let mut word = Zeroizing::new(N::Word::ZERO);
    copy_to_end(repr.as_ref(), word.as_mut());
    repr.as_mut().zeroize();
    word
}

impl<N: Nist> Point for NistPoint<N> {
    type Scalar = N::Scalar;

    fn generator() -> Self {
        Self(arith::point::Point::generator())
    }

    fn identity() -> Self {
        Self(arith::point::Point::identity())
    }

    fn mul_base(scalar: &N::Scalar) -> Self {
        Self(arith::point::Point::mul_base(&*word::<N>(scalar)))
    }

    fn mul(&self, scalar: &N::Scalar) -> Self {
        Self(self.0.mul(&*word::<N>(scalar)))
    }

    fn add(&self, other: &Self) -> Self {
        Self(self.0.add(&other.0))
    }

    fn neg(&self) -> Self {
        Self(self.0.neg())
    }

    fn is_identity(&self) -> bool {
        self.0.is_identity()
    }

    fn encode(&self) -> Vec<u8> {
        self.0.to_compressed().unwrap_or(N::Compressed::ZERO).as_ref().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        arith::point::Point::from_compressed(bytes).map(Self)
    }
}

impl<N: Nist> Clone for NistPoint<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<N: Nist> PartialEq for NistPoint<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<N: Nist> fmt::Debug for NistPoint<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NistPoint")
    }
}
