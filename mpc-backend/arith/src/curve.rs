//! What the generic code has to know about a curve.

use aws_lc_sys::{EC_GROUP, EC_group_p256, EC_group_p384};
use zeroize::Zeroize;

/// A byte array of a length fixed by the curve, all zeros to begin with.
pub trait Bytes: AsRef<[u8]> + AsMut<[u8]> + Copy + Zeroize + Send + Sync + 'static {
    /// All bytes zero.
    const ZERO: Self;
}

impl<const N: usize> Bytes for [u8; N] {
    const ZERO: Self = [0; N];
}

/// A prime-order short Weierstrass curve that AWS-LC implements (sealed: each curve is reviewed for
/// constant-time paths before it is added).
pub trait Curve: sealed::Sealed + 'static {
    /// A field element or scalar, big-endian; both have this length.
    type Word: Bytes;
    /// A SEC1 compressed point: one tag byte and x.
    type Compressed: Bytes;
    /// The group order n, with 2^(8 * length - 1) < n, so that one subtraction reduces any word.
    const ORDER: Self::Word;

    /// AWS-LC's static group object; valid for the life of the process and never freed.
    #[doc(hidden)]
    fn group() -> *const EC_GROUP;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::P256 {}
    impl Sealed for super::P384 {}
}

/// Marker of NIST P-256.
#[derive(Clone, Copy, Debug)]
pub enum P256 {}

impl Curve for P256 {
    type Word = [u8; 32];
    type Compressed = [u8; 33];
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    fn group() -> *const EC_GROUP {
        // SAFETY: takes no argument; initialises the static group once, under AWS-LC's own lock,
        // and returns a pointer that stays valid for the life of the process.
        unsafe { EC_group_p256() }
    }
}

/// Marker of NIST P-384.
#[derive(Clone, Copy, Debug)]
pub enum P384 {}

impl Curve for P384 {
    type Word = [u8; 48];
    type Compressed = [u8; 49];
    const ORDER: [u8; 48] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a,
        0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
    ];

    fn group() -> *const EC_GROUP {
        // SAFETY: takes no argument; initialises the static group once, under AWS-LC's own lock,
        // and returns a pointer that stays valid for the life of the process.
        unsafe { EC_group_p384() }
    }
}
