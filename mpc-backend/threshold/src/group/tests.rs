//! One suite for every curve: wide reduction and digests against schoolbook arithmetic, and every
//! operation on points against the portable crate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use alloc::vec;
use elliptic_curve::sec1::ToEncodedPoint;
use elliptic_curve::{Field, Group};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The same curve in the portable crate.
trait Portable: Curve {
    type Theirs: Group<Scalar = Self::Scalar>;
    /// Compressed; zeros for the identity.
    fn encode(point: Self::Theirs) -> Vec<u8>;
    /// q.
    const ORDER: &'static str;
}

macro_rules! suite {
    ($($module:ident $curve:ident $portable:ident $order:literal;)*) => {$(
        impl Portable for $curve {
            type Theirs = ::$portable::ProjectivePoint;
            const ORDER: &'static str = $order;

            fn encode(point: Self::Theirs) -> Vec<u8> {
                let mut bytes = point.to_affine().to_encoded_point(true).as_bytes().to_vec();
                bytes.resize(Self::POINT_BYTES, 0);
                bytes
            }
        }

        mod $module {
            use crate::group::$curve;

            #[test]
            fn wide_reduction_equals_schoolbook() {
                super::wide_reduction_equals_schoolbook::<$curve>();
            }

            #[test]
            fn digests_shorter_and_longer_than_the_order_follow_fips_186() {
                super::digests_shorter_and_longer_than_the_order_follow_fips_186::<$curve>();
            }

            #[test]
            fn only_canonical_compressed_points_decode() {
                super::only_canonical_compressed_points_decode::<$curve>();
            }

            #[test]
            fn every_operation_equals_the_portable_crate() {
                super::every_operation_equals_the_portable_crate::<$curve>();
            }
        }
    )*};
}

suite! {
    p256 P256 p256 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    p384 P384 p384
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    secp256k1 Secp256k1 k256 "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
}

/// Horner's rule, byte by byte.
fn schoolbook<C: Curve>(bytes: &[u8]) -> C::Scalar {
    let base = C::Scalar::from(256);
    bytes.iter().fold(C::Scalar::ZERO, |sum, byte| sum * base + C::Scalar::from(u64::from(*byte)))
}

fn wide_reduction_equals_schoolbook<C: Portable>() {
    let order = hex::decode(C::ORDER).unwrap();
    assert_eq!((order.len(), C::WIDE_BYTES), (C::SCALAR_BYTES, C::SCALAR_BYTES + 16));
    assert_eq!(C::reduce_wide(&order), C::Scalar::ZERO);
    let mut inputs = vec![vec![], vec![7], vec![0xff; C::SCALAR_BYTES], vec![0xff; C::WIDE_BYTES]];
    inputs.push([&[1][..], &vec![0; C::SCALAR_BYTES]].concat());
    inputs.push([&[0xfe; 16][..], &order].concat());
    inputs.push((0..C::WIDE_BYTES).map(|at| (at * 37 + 11) as u8).collect());
    for bytes in inputs {
        assert_eq!(C::reduce_wide(&bytes), schoolbook::<C>(&bytes), "{bytes:?}");
    }
}

fn digests_shorter_and_longer_than_the_order_follow_fips_186<C: Curve>() {
    assert_eq!(C::digest_to_scalar(&[]), C::Scalar::ZERO);
    assert_eq!(C::digest_to_scalar(&[1; 20]), schoolbook::<C>(&[1; 20]));
    let mut long = [9; 64];
    long[C::SCALAR_BYTES] = 1;
    assert_eq!(C::digest_to_scalar(&long), schoolbook::<C>(&long[..C::SCALAR_BYTES]));
}

fn only_canonical_compressed_points_decode<C: Curve>() {
    let point = C::Point::mul_base(&C::Scalar::from(77));
    let bytes = point.encode();
    assert_eq!(bytes.len(), C::POINT_BYTES);
    assert!(C::Point::decode(&bytes).unwrap() == point);
    assert!(C::Point::decode(&bytes[1..]).is_none());
    assert!(C::Point::decode(&[&bytes[..], &[0]].concat()).is_none());
    for tag in (0..=255).filter(|tag| ![2, 3].contains(tag)) {
        assert!(C::Point::decode(&[&[tag][..], &bytes[1..]].concat()).is_none(), "tag {tag}");
    }
    // Above the field's prime, whatever the curve.
    assert!(C::Point::decode(&[&[2][..], &vec![0xff; C::SCALAR_BYTES]].concat()).is_none());
    let identity = C::Point::identity();
    assert_eq!(identity.encode(), vec![0; C::POINT_BYTES]);
    assert!(C::Point::decode(&identity.encode()).is_none());
    assert!(C::Point::decode(&[0]).is_none(), "the identity's SEC1 octet");
    assert_eq!(C::x_mod_order(&identity), C::Scalar::ZERO);
}

fn every_operation_equals_the_portable_crate<C: Portable>() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let one = C::Scalar::ONE;
    let edges = [C::Scalar::ZERO, one, -one, one.double(), -one.double(), -C::Scalar::from(38)];
    let random = (0..20).map(|_| C::Scalar::random(&mut rng));
    let scalars: Vec<C::Scalar> = edges.into_iter().chain(random).collect();
    for (a, b) in scalars.iter().zip(scalars.iter().rev()) {
        let (ours, theirs) = (C::Point::mul_base(a), C::Theirs::generator() * a);
        let expected = C::encode(theirs);
        assert_eq!(ours.encode(), expected);
        assert_eq!(C::Point::generator().mul(a).encode(), expected);
        assert_eq!(ours.mul(b).encode(), C::encode(theirs * b));
        assert_eq!(ours.mul_public(b).encode(), C::encode(theirs * b));
        assert_eq!(ours.clone().with_multiples().mul_public(b).encode(), C::encode(theirs * b));
        let (ours_b, theirs_b) = (C::Point::mul_base(b), C::Theirs::generator() * b);
        assert_eq!(ours.add(&ours_b).encode(), C::encode(theirs + theirs_b));
        assert_eq!(ours.add(&ours).encode(), C::encode(theirs.double()));
        assert!(ours.add(&ours.neg()).is_identity());
        assert_eq!(ours.neg().encode(), C::encode(-theirs));
        assert_eq!(ours.is_identity(), *a == C::Scalar::ZERO);
        assert_eq!(ours == ours_b, a == b);
        assert_eq!(C::x_mod_order(&ours), schoolbook::<C>(&expected[1..]));
    }
}
