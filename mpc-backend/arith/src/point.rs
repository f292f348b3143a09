//! Points of a curve, owned by Rust and computed by AWS-LC.

use core::marker::PhantomData;
use core::ptr::{NonNull, null, null_mut};

use aws_lc_sys::{
    EC_GROUP_get0_generator, EC_POINT, EC_POINT_add, EC_POINT_clear_free, EC_POINT_cmp, EC_POINT_dup,
    EC_POINT_invert, EC_POINT_is_at_infinity, EC_POINT_mul, EC_POINT_new, EC_POINT_oct2point,
    EC_POINT_point2oct, EC_hash_to_curve_p256_xmd_sha256_sswu, ERR_clear_error, point_conversion_form_t,
};

use crate::curve::{Bytes, Curve, P256};
use crate::number::Number;

const NO_FAILURE: &str = "AWS-LC fails here only out of memory or after a hardware fault";

/// A point of `C`, the identity included.
///
/// Scalars are big-endian and taken modulo the order, so zero and the order itself give the
/// identity and `2^256 - 1` is valid. No operation on a `Point` can fail.
pub struct Point<C: Curve> {
    raw: NonNull<EC_POINT>,
    curve: PhantomData<C>,
}

// SAFETY: an `EC_POINT` holds plain coordinates and a pointer to the immutable static group; it is
// tied to no thread.
unsafe impl<C: Curve> Send for Point<C> {}
// SAFETY: through `&Point` only AWS-LC functions that take `const EC_POINT *` are reached, and
// those write nothing behind that pointer.
unsafe impl<C: Curve> Sync for Point<C> {}

impl<C: Curve> Point<C> {
    /// The neutral element.
    #[must_use]
    pub fn identity() -> Self {
        // SAFETY: the group is static; the new point, at infinity, is ours to free.
        let raw = unsafe { EC_POINT_new(C::group()) };
        Self::own(raw)
    }

    /// The generator G.
    #[must_use]
    pub fn generator() -> Self {
        // SAFETY: the group is static, and so is the point inside it.
        let generator = unsafe { EC_GROUP_get0_generator(C::group()) };
        // SAFETY: copies that live point of this group into a new one that we own.
        let raw = unsafe { EC_POINT_dup(generator, C::group()) };
        Self::own(raw)
    }

    /// `scalar * G` in constant time.
    #[must_use]
    pub fn mul_base(scalar: &C::Word) -> Self {
        let mut product = Self::identity();
        let scalar = Number::scalar::<C>(scalar);
        // SAFETY: `product` and `scalar` are live and of this group; null point, point scalar and
        // context are allowed by the documentation of `EC_POINT_mul`.
        let ok = unsafe {
            EC_POINT_mul(C::group(), product.as_mut_ptr(), scalar.as_ptr(), null(), null(), null_mut())
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        product
    }

    /// `scalar * self` in constant time.
    #[must_use]
    pub fn mul(&self, scalar: &C::Word) -> Self {
        let mut product = Self::identity();
        let scalar = Number::scalar::<C>(scalar);
        // SAFETY: all three objects are live and of this group, the output is distinct from the
        // input; null generator scalar and context are allowed.
        let ok = unsafe {
            EC_POINT_mul(C::group(), product.as_mut_ptr(), null(), self.as_ptr(), scalar.as_ptr(), null_mut())
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        product
    }

    /// `self + other`, complete: doubling, opposite points and the identity are handled.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let mut sum = Self::identity();
        // SAFETY: three live points of this group; a null context is allowed.
        let ok =
            unsafe { EC_POINT_add(C::group(), sum.as_mut_ptr(), self.as_ptr(), other.as_ptr(), null_mut()) };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        sum
    }

    /// `-self`.
    #[must_use]
    pub fn neg(&self) -> Self {
        let mut negated = self.clone();
        // SAFETY: a live point of this group that nobody else refers to; null context is allowed.
        let ok = unsafe { EC_POINT_invert(C::group(), negated.as_mut_ptr(), null_mut()) };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        negated
    }

    /// Whether this is the neutral element.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        // SAFETY: a live point of this group, only read.
        unsafe { EC_POINT_is_at_infinity(C::group(), self.as_ptr()) == 1 }
    }

    /// The SEC1 compressed encoding; `None` for the identity, which has no such encoding.
    #[must_use]
    pub fn to_compressed(&self) -> Option<C::Compressed> {
        if self.is_identity() {
            return None;
        }
        let mut bytes = C::Compressed::ZERO;
        let length = bytes.as_ref().len();
        // SAFETY: a live point of this group; pointer and length describe `bytes`, which nobody
        // else refers to; null context is allowed.
        let written = unsafe {
            EC_POINT_point2oct(
                C::group(),
                self.as_ptr(),
                point_conversion_form_t::POINT_CONVERSION_COMPRESSED,
                bytes.as_mut().as_mut_ptr(),
                length,
                null_mut(),
            )
        };
        assert_eq!(written, length, "{NO_FAILURE}");
        Some(bytes)
    }

    /// Decodes a SEC1 compressed point: exactly one tag byte (2 or 3) and a canonical x on the
    /// curve. `None` for everything else, the identity included. Variable-time.
    #[must_use]
    pub fn from_compressed(bytes: &[u8]) -> Option<Self> {
        let tagged = matches!(bytes.first(), Some(2 | 3));
        if !tagged || bytes.len() != C::Compressed::ZERO.as_ref().len() {
            return None;
        }
        Self::decode(bytes)
    }

    /// Decodes a SEC1 uncompressed point: the tag 4 and canonical coordinates of a point on the curve.
    /// `None` for everything else. Variable-time.
    #[must_use]
    pub fn from_uncompressed(bytes: &[u8]) -> Option<Self> {
        if bytes.first() != Some(&4) || bytes.len() != 2 * C::Compressed::ZERO.as_ref().len() - 1 {
            return None;
        }
        Self::decode(bytes)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut point = Self::identity();
        // SAFETY: `point` is live and nobody else refers to it; pointer and length describe
        // `bytes`; null context is allowed.
        let ok = unsafe {
            EC_POINT_oct2point(C::group(), point.as_mut_ptr(), bytes.as_ptr(), bytes.len(), null_mut())
        };
        if ok != 1 {
            clear_errors();
            return None;
        }
        (!point.is_identity()).then_some(point)
    }

    /// The affine x coordinate, big-endian; `None` for the identity.
    #[must_use]
    pub fn x_bytes(&self) -> Option<C::Word> {
        let compressed = self.to_compressed()?;
        let mut x = C::Word::ZERO;
        let coordinate = compressed.as_ref().iter().skip(1);
        for (out, byte) in x.as_mut().iter_mut().zip(coordinate) {
            *out = *byte;
        }
        Some(x)
    }

    pub(crate) fn as_ptr(&self) -> *const EC_POINT {
        self.raw.as_ptr()
    }

    fn as_mut_ptr(&mut self) -> *mut EC_POINT {
        self.raw.as_ptr()
    }

    fn own(raw: *mut EC_POINT) -> Self {
        Self { raw: NonNull::new(raw).expect("allocation fails only when out of memory"), curve: PhantomData }
    }
}

impl Point<P256> {
    /// HashToCurve of RFC 9380, suite P256_XMD:SHA-256_SSWU_RO_, with this domain separation tag. Constant time in
    /// the message but for its length.
    #[must_use]
    pub fn hash(tag: &[u8], message: &[u8]) -> Self {
        let mut point = Self::identity();
        // SAFETY: `point` is live and nobody else refers to it; each pointer and length describe a live slice.
        let ok = unsafe {
            EC_hash_to_curve_p256_xmd_sha256_sswu(
                P256::group(),
                point.as_mut_ptr(),
                tag.as_ptr(),
                tag.len(),
                message.as_ptr(),
                message.len(),
            )
        };
        assert_eq!(ok, 1, "{NO_FAILURE}");
        point
    }
}

impl<C: Curve> Clone for Point<C> {
    fn clone(&self) -> Self {
        // SAFETY: copies a live point of this group into a new one that we own.
        let raw = unsafe { EC_POINT_dup(self.as_ptr(), C::group()) };
        Self::own(raw)
    }
}

impl<C: Curve> Drop for Point<C> {
    fn drop(&mut self) {
        // SAFETY: we own the point and this is its only release.
        unsafe { EC_POINT_clear_free(self.raw.as_ptr()) }
    }
}

impl<C: Curve> PartialEq for Point<C> {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: two live points of this group, only read; null context is allowed.
        unsafe { EC_POINT_cmp(C::group(), self.as_ptr(), other.as_ptr(), null_mut()) == 0 }
    }
}

impl<C: Curve> Eq for Point<C> {}

/// Empties this thread's AWS-LC error queue, so that an expected refusal here is not taken for an
/// error of TLS on the same thread.
pub(crate) fn clear_errors() {
    // SAFETY: touches thread-local state of AWS-LC only.
    unsafe { ERR_clear_error() }
}
