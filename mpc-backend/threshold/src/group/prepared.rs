//! Points with what makes their use cheaper: an encoding that is kept, a table of multiples.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use arith::Bytes as _;
use elliptic_curve::ff::PrimeField;

use super::Point;
use super::multiples::Multiples;

/// A point as the library of its curve has it. What the operations give is said at [`Point`].
pub trait Bare: Clone + PartialEq + Send + Sync + Sized + 'static {
    /// Integers mod the group order; `to_repr` is big-endian.
    type Scalar: PrimeField;
    /// A compressed SEC1 encoding.
    type Compressed: arith::Bytes;

    /// The group's generator.
    fn generator() -> Self;

    /// The neutral element.
    fn identity() -> Self;

    /// `scalar` times the generator, constant time.
    fn mul_base(scalar: &Self::Scalar) -> Self;

    /// `scalar` times `self`, constant time.
    #[must_use]
    fn mul(&self, scalar: &Self::Scalar) -> Self;

    /// The sum.
    #[must_use]
    fn add(&self, other: &Self) -> Self;

    /// The negative.
    #[must_use]
    fn neg(&self) -> Self;

    /// Whether this is the neutral element.
    fn is_identity(&self) -> bool;

    /// The encoding; `None` for the identity.
    fn compress(&self) -> Option<Self::Compressed>;

    /// The point with exactly this encoding, which is public.
    fn decompress(bytes: &[u8]) -> Option<Self>;
}

/// A point of a curve.
pub struct Prepared<B: Bare> {
    bare: B,
    /// Its encoding, if it came from there or will be asked for often: an inversion otherwise.
    compressed: Option<B::Compressed>,
    multiples: Option<Arc<Multiples<B>>>,
}

impl<B: Bare> Prepared<B> {
    pub(super) const fn new(bare: B) -> Self {
        Self { bare, compressed: None, multiples: None }
    }

    /// The library's own form.
    pub(super) const fn bare(&self) -> &B {
        &self.bare
    }

    /// Zeros for the identity.
    fn compressed(&self) -> B::Compressed {
        self.compressed.or_else(|| self.bare.compress()).unwrap_or(B::Compressed::ZERO)
    }
}

impl<B: Bare> Point for Prepared<B> {
    type Scalar = B::Scalar;

    fn generator() -> Self {
        Self::new(B::generator())
    }

    fn identity() -> Self {
        Self::new(B::identity())
    }

    fn mul_base(scalar: &B::Scalar) -> Self {
        Self::new(B::mul_base(scalar))
    }

    fn mul(&self, scalar: &B::Scalar) -> Self {
        Self::new(self.bare.mul(scalar))
    }

    fn mul_public(&self, scalar: &B::Scalar) -> Self {
        match &self.multiples {
            Some(multiples) => Self::new(multiples.mul(scalar.to_repr().as_ref())),
            None => self.mul(scalar),
        }
    }

    fn add(&self, other: &Self) -> Self {
        Self::new(self.bare.add(&other.bare))
    }

    fn neg(&self) -> Self {
        Self::new(self.bare.neg())
    }

    fn is_identity(&self) -> bool {
        self.bare.is_identity()
    }

    fn encode(&self) -> Vec<u8> {
        self.compressed().as_ref().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bare = B::decompress(bytes)?;
        let mut compressed = B::Compressed::ZERO;
        compressed.as_mut().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        // The one encoding of this point: another form of it is refused.
        Some(Self { compressed: Some(compressed), ..Self::new(bare) })
    }

    fn with_encoding(self) -> Self {
        let compressed = Some(self.compressed());
        Self { compressed, ..self }
    }

    fn with_multiples(self) -> Self {
        let scalar_bytes = B::Compressed::ZERO.as_ref().len() - 1;
        let multiples = Multiples::new(&self.bare, scalar_bytes);
        Self { multiples: Some(Arc::new(multiples)), ..self }
    }
}

impl<B: Bare> Clone for Prepared<B> {
    fn clone(&self) -> Self {
        Self { bare: self.bare.clone(), compressed: self.compressed, multiples: self.multiples.clone() }
    }
}

impl<B: Bare> PartialEq for Prepared<B> {
    fn eq(&self, other: &Self) -> bool {
        self.bare == other.bare
    }
}

impl<B: Bare> fmt::Debug for Prepared<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared")
    }
}
