//! What the NIST curves share: points by AWS-LC, scalars by RustCrypto.
//!
//! AWS-LC multiplies 3 to 16 times faster than portable code; the tests compare every operation with
//! the portable crate of the curve. What is constant time in it, and why we believe so, is said in
//! `arith`.

use arith::Bytes as _;
use elliptic_curve::ff::{Field as _, PrimeField};
use zeroize::{Zeroize as _, Zeroizing};

use super::prepared::{Bare, Prepared};

/// A curve that AWS-LC implements, with the scalars that its points are multiplied by.
pub trait Nist: arith::Curve + Sized {
    /// Integers mod q; `to_repr` is big-endian.
    type Scalar: PrimeField<Repr: AsMut<[u8]>>;
    /// 2^kappa mod q.
    const TWO_POW_KAPPA: Self::Scalar;

    /// kappa bits mod q, constant time.
    fn reduce(bytes: &<Self::Scalar as PrimeField>::Repr) -> Self::Scalar;

    /// The point with exactly this compressed encoding, which is public.
    fn decompress(bytes: &[u8]) -> Option<arith::point::Point<Self>> {
        arith::point::Point::from_compressed(bytes)
    }
}

/// A point of `N`.
pub type NistPoint<N> = Prepared<arith::point::Point<N>>;

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
    point.bare().x_bytes().map_or(N::Scalar::ZERO, |x| reduce_wide::<N>(x.as_ref()))
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

impl<N: Nist> Bare for arith::point::Point<N> {
    type Scalar = N::Scalar;
    type Compressed = N::Compressed;

    fn generator() -> Self {
        Self::generator()
    }

    fn identity() -> Self {
        Self::identity()
    }

    fn mul_base(scalar: &N::Scalar) -> Self {
        Self::mul_base(&*word::<N>(scalar))
    }

    fn mul(&self, scalar: &N::Scalar) -> Self {
        self.mul(&*word::<N>(scalar))
    }

    fn add(&self, other: &Self) -> Self {
        self.add(other)
    }

    fn neg(&self) -> Self {
        self.neg()
    }

    fn is_identity(&self) -> bool {
        self.is_identity()
    }

    fn compress(&self) -> Option<N::Compressed> {
        self.to_compressed()
    }

    fn decompress(bytes: &[u8]) -> Option<Self> {
        N::decompress(bytes)
    }
}
