//! The curves that a suite is instantiated on, each with an independent verifier.

use threshold::group::{Curve, P256, P384, Point as _, Secp256k1};

/// A curve with what tests know of it beyond the shipped code.
pub trait Suite: Curve {
    /// SubjectPublicKeyInfo (RFC 5480) up to the uncompressed point, in hex.
    const PUBLIC_KEY_HEAD: &'static str;
    /// Bytes of both messages and of an answer, section 9 of the specification.
    const BYTES: [usize; 3];
    /// Whether the tests run their whole load on this curve, or what depends on the curve.
    const FULL: bool;

    /// The uncompressed form of a compressed point.
    fn uncompress(point: &[u8]) -> Vec<u8>;
    /// A signature, r || s, as DER.
    fn to_der(signature: &[u8]) -> Vec<u8>;
    /// Verifies with the portable crate. It wants digests of at least half the order's length.
    fn verify(public_key: &Self::Point, digest: &[u8], signature: &[u8]);
}

macro_rules! suite {
    ($curve:ident, $portable:ident, $full:literal, $bytes:expr, $head:literal) => {
        impl Suite for $curve {
            const PUBLIC_KEY_HEAD: &'static str = $head;
            const BYTES: [usize; 3] = $bytes;
            const FULL: bool = $full;

            fn uncompress(point: &[u8]) -> Vec<u8> {
                use elliptic_curve::sec1::ToEncodedPoint as _;
                let point = $portable::PublicKey::from_sec1_bytes(point).unwrap();
                point.to_encoded_point(false).as_bytes().to_vec()
            }

            fn to_der(signature: &[u8]) -> Vec<u8> {
                $portable::ecdsa::Signature::from_slice(signature).unwrap().to_der().as_bytes().to_vec()
            }

            fn verify(public_key: &Self::Point, digest: &[u8], signature: &[u8]) {
                use $portable::ecdsa::signature::hazmat::PrehashVerifier as _;
                let key = $portable::ecdsa::VerifyingKey::from_sec1_bytes(&public_key.encode()).unwrap();
                let signature = $portable::ecdsa::Signature::from_slice(signature).unwrap();
                key.verify_prehash(digest, &signature).unwrap();
            }
        }
    };
}

suite!(P256, p256, true, [2_329, 40_229, 161], "3059301306072a8648ce3d020106082a8648ce3d030107034200");
suite!(P384, p384, false, [2_841, 78_725, 209], "3076301006072a8648ce3d020106052b81040022036200");
suite!(Secp256k1, k256, false, [2_329, 40_229, 161], "3056301006072a8648ce3d020106052b8104000a034200");

/// Instantiates generic tests on every curve.
macro_rules! on_each_curve {
    ($($test:ident,)*) => {
        mod p256 {
            $(#[test] fn $test() { super::$test::<threshold::group::P256>(); })*
        }
        mod p384 {
            $(#[test] fn $test() { super::$test::<threshold::group::P384>(); })*
        }
        mod secp256k1 {
            $(#[test] fn $test() { super::$test::<threshold::group::Secp256k1>(); })*
        }
    };
}

pub(crate) use on_each_curve;
