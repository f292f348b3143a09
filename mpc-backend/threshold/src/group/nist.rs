//! What the NIST curves share: points by AWS-LC, scalars by RustCrypto.
//!
//! AWS-LC multiplies 3 to 16 times faster than portable code; the tests compare every operation with
//! the portable crate of the curve. What is constant time in it, and why we believe so, is said in
//! `arith`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use arith::Bytes as _;
use elliptic_curve::ff::{Field as _, PrimeField};
use zeroize::{Zeroize as _, Zeroizing};

use super::Point;
use super::multiples::Multiples;

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
pub struct NistPoint<N: Nist> {
    point: arith::point::Point<N>,
    /// Its encoding, if it came from there or will be asked for often: an inversion otherwise.
    compressed: Option<N::Compressed>,
    multiples: Option<Arc<Multiples<Self>>>,
}

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
    point.point.x_bytes().map_or(N::Scalar::ZERO, |x| reduce_wide::<N>(x.as_ref()))
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
        Self::new(arith::point::Point::generator())
    }

    fn identity() -> Self {
        Self::new(arith::point::Point::identity())
    }

    fn mul_base(scalar: &N::Scalar) -> Self {
        Self::new(arith::point::Point::mul_base(&*word::<N>(scalar)))
    }

    fn mul(&self, scalar: &N::Scalar) -> Self {
        Self::new(self.point.mul(&*word::<N>(scalar)))
    }

    fn mul_public(&self, scalar: &N::Scalar) -> Self {
        match &self.multiples {
            Some(multiples) => multiples.mul(scalar.to_repr().as_ref()),
            None => self.mul(scalar),
        }
    }

    fn add(&self, other: &Self) -> Self {
        Self::new(self.point.add(&other.point))
    }

    fn neg(&self) -> Self {
        Self::new(self.point.neg())
    }

    fn is_identity(&self) -> bool {
        self.point.is_identity()
    }

    fn encode(&self) -> Vec<u8> {
        self.compressed().as_ref().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let point = N::decompress(bytes)?;
        let mut compressed = N::Compressed::ZERO;
        copy_to_end(bytes, compressed.as_mut());
        // The one encoding of this point: another form of it is refused.
        Some(Self { compressed: Some(compressed), ..Self::new(point) })
    }

    fn with_encoding(self) -> Self {
        let compressed = Some(self.compressed());
        Self { compressed, ..self }
    }

    fn with_multiples(self) -> Self {
        let multiples = Multiples::new(&self, N::Word::ZERO.as_ref().len());
        Self { multiples: Some(Arc::new(multiples)), ..self }
    }
}

impl<N: Nist> NistPoint<N> {
    const fn new(point: arith::point::Point<N>) -> Self {
        Self { point, compressed: None, multiples: None }
    }

    fn compressed(&self) -> N::Compressed {
        self.compressed.or_else(|| self.point.to_compressed()).unwrap_or(N::Compressed::ZERO)
    }
}

impl<N: Nist> Clone for NistPoint<N> {
    fn clone(&self) -> Self {
        Self { point: self.point.clone(), compressed: self.compressed, multiples: self.multiples.clone() }
    }
}

impl<N: Nist> PartialEq for NistPoint<N> {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point
    }
}

impl<N: Nist> fmt::Debug for NistPoint<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NistPoint")
    }
}
