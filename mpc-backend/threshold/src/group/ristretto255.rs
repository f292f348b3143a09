//! ristretto255 (RFC 9496): a prime-order group without cofactor pitfalls.

use alloc::vec::Vec;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;

use super::Point;

/// Bytes of an encoded element, and of a scalar.
pub const RISTRETTO255_BYTES: usize = 32;

impl Point for RistrettoPoint {
    type Scalar = Scalar;

    fn generator() -> Self {
        RISTRETTO_BASEPOINT_POINT
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

    fn add(&self, other: &Self) -> Self {
        self + other
    }

    fn neg(&self) -> Self {
        -self
    }

    fn is_identity(&self) -> bool {
        *self == <Self as Identity>::identity()
    }

    /// The identity becomes 32 zeros (its RFC 9496 form), which [`Self::decode`] refuses.
    fn encode(&self) -> Vec<u8> {
        self.compress().to_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let point = CompressedRistretto::from_slice(bytes).ok()?.decompress()?;
        (!Point::is_identity(&point)).then_some(point)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn only_canonical_elements_other_than_the_identity_decode() {
        let bytes = RISTRETTO_BASEPOINT_POINT.encode();
        assert!(<RistrettoPoint as Point>::decode(&bytes).unwrap() == RISTRETTO_BASEPOINT_POINT);
        assert!(<RistrettoPoint as Point>::decode(&bytes[..31]).is_none());
        assert!(<RistrettoPoint as Point>::decode(&[&bytes[..], &[0]].concat()).is_none());
        assert!(<RistrettoPoint as Point>::decode(&[0; 32]).is_none());
        assert_eq!(<RistrettoPoint as Point>::identity().encode(), [0; 32]);
        // RFC 9496, A.3: a field element that is not below the prime, and a negative one.
        let above = hex::decode("00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff").unwrap();
        assert!(<RistrettoPoint as Point>::decode(&above).is_none());
        let negative =
            hex::decode("0100000000000000000000000000000000000000000000000000000000000000").unwrap();
        assert!(<RistrettoPoint as Point>::decode(&negative).is_none());
    }
}
