//! NIST P-256 (FIPS 186-5, SP 800-186): points by AWS-LC, scalars by RustCrypto.
//!
//! AWS-LC multiplies 3 to 16 times faster; a test compares every operation with the portable
//! `p256` crate. What is constant time in it, and why we believe so, is said in `arith`.

use alloc::vec::Vec;
use core::fmt;

use ::p256::elliptic_curve::ops::Reduce as _;
use ::p256::{FieldBytes, Scalar};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Curve, Point};

/// P-256 with SHA-256-sized scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct P256;

/// A point of P-256.
#[derive(Clone, PartialEq)]
pub struct P256Point(arith::p256::Point);

impl Curve for P256 {
    const NAME: &'static str = "P-256";
    const KAPPA: usize = 256;
    type Scalar = Scalar;
    type Point = P256Point;

    fn reduce_wide(bytes: &[u8]) -> Scalar {
        // high x 2^256 + low; both halves are reduced by constant-time library code.
        let mut padded = [0; 64];
        for (out, byte) in padded.iter_mut().rev().zip(bytes.iter().rev().take(Self::WIDE_BYTES)) {
            *out = *byte;
        }
        let (high, low) = padded.split_at(32);
        let high = Scalar::reduce_bytes(FieldBytes::from_slice(high));
        let low = Scalar::reduce_bytes(FieldBytes::from_slice(low));
        padded.zeroize();
        high * TWO_POW_256 + low
    }

    fn x_mod_order(point: &P256Point) -> Scalar {
        point.0.x_bytes().map_or(Scalar::ZERO, |x| Scalar::reduce_bytes(&x.into()))
    }
}

impl Point for P256Point {
    type Scalar = Scalar;

    fn generator() -> Self {
        Self::mul_base(&Scalar::ONE)
    }

    fn identity() -> Self {
        Self(arith::p256::Point::identity())
    }

    fn mul_base(scalar: &Scalar) -> Self {
        Self(arith::p256::Point::mul_base(&word(scalar)))
    }

    fn mul(&self, scalar: &Scalar) -> Self {
        Self(self.0.mul(&word(scalar)))
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
        self.0.to_compressed().unwrap_or([0; P256::POINT_BYTES]).to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        arith::p256::Point::from_compressed(bytes).map(Self)
    }
}

impl fmt::Debug for P256Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P256Point")
    }
}

fn word(scalar: &Scalar) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(scalar.to_bytes().into())
}

/// 2^256 mod q.
const TWO_POW_256: Scalar = Scalar::ONE.double().pow_vartime(&[256]);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use ::p256::elliptic_curve::Field as _;
    use ::p256::elliptic_curve::sec1::ToEncodedPoint as _;
    use ::p256::{AffinePoint, ProjectivePoint};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn wide_reduction_equals_schoolbook() {
        // 2^256, all ones in 48 bytes (2^384 - 1), and a short input.
        let mut bytes = [0; 48];
        bytes[15] = 1;
        let two_128 = Scalar::from(u128::MAX) + Scalar::ONE;
        assert_eq!(P256::reduce_wide(&bytes), two_128 * two_128);
        assert_eq!(P256::reduce_wide(&[0xff; 48]), two_128 * two_128 * two_128 - Scalar::ONE);
        assert_eq!(P256::reduce_wide(&[7]), Scalar::from(7_u64));
    }

    #[test]
    fn digests_shorter_and_longer_than_the_order_follow_fips_186() {
        assert_eq!(P256::digest_to_scalar(&[]), Scalar::ZERO);
        assert_eq!(P256::digest_to_scalar(&[1; 20]), P256::reduce_wide(&[1; 20]));
        let mut long = [9; 64];
        long[40] = 1;
        assert_eq!(P256::digest_to_scalar(&long), P256::reduce_wide(&[9; 32]));
    }

    #[test]
    fn identity_encodes_to_what_no_decoder_accepts() {
        let bytes = P256Point::identity().encode();
        assert_eq!(bytes, [0; 33]);
        assert!(P256Point::decode(&bytes).is_none());
        assert_eq!(P256::x_mod_order(&P256Point::identity()), Scalar::ZERO);
    }

    #[test]
    fn decoding_inverts_encoding() {
        let point = P256Point::mul_base(&Scalar::from(77_u64));
        assert!(P256Point::decode(&point.encode()).unwrap() == point);
        assert!(P256Point::decode(&point.encode()[..32]).is_none());
    }

    #[test]
    fn every_operation_equals_the_portable_crate() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let edges = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from(2_u64)];
        let random: Vec<Scalar> = (0..20).map(|_| Scalar::random(&mut rng)).collect();
        let portable = |point: ProjectivePoint| {
            let mut bytes = AffinePoint::from(point).to_encoded_point(true).as_bytes().to_vec();
            bytes.resize(33, 0);
            bytes
        };
        let scalars: Vec<Scalar> = edges.into_iter().chain(random).collect();
        for (a, b) in scalars.iter().zip(scalars.iter().rev()) {
            let (ours, theirs) = (P256Point::mul_base(a), ProjectivePoint::GENERATOR * a);
            assert_eq!(ours.encode(), portable(theirs));
            assert_eq!(ours.mul(b).encode(), portable(theirs * b));
            let (ours_b, theirs_b) = (P256Point::mul_base(b), ProjectivePoint::GENERATOR * b);
            assert_eq!(ours.add(&ours_b).encode(), portable(theirs + theirs_b));
            assert_eq!(ours.neg().encode(), portable(-theirs));
            assert_eq!(ours.is_identity(), *a == Scalar::ZERO);
            let x = portable(theirs)[1..].to_vec();
            assert_eq!(P256::x_mod_order(&ours), P256::reduce_wide(&x));
        }
    }
}
