//! Elliptic-curve arithmetic of AWS-LC behind safe types.
//!
//! Why: threshold signing multiplies points hundreds of times a signature, and AWS-LC's assembly
//! is 3 to 16 times faster than portable code. Everything above this crate is safe Rust; the calls
//! into C stand here, one operation an `unsafe` block, and no pointer leaves the crate.
//!
//! Absent on purpose: protocols, hashing, randomness, signing. A caller that needs a random scalar
//! brings it as big-endian bytes.
//!
//! # What is constant-time
//!
//! Read in the sources of `aws-lc-sys` 0.47 (`aws-lc/crypto/fipsmodule/ec/`), for P-256 on x86-64
//! and AArch64 Linux:
//!
//! - [`Point::mul_base`] is `EC_POINT_mul` with only a generator scalar: `ec_point_mul_scalar_base`
//!   → `ecp_nistz256_point_mul_base`, which walks a fixed number of Booth windows and reads its
//!   table by `ecp_nistz256_select_w7` (every entry is touched).
//! - [`Point::mul`] is `EC_POINT_mul` with only a point scalar: `ec_point_mul_scalar` →
//!   `ecp_nistz256_point_mul` → s2n-bignum's `p256_montjscalarmul` (verified, fixed schedule,
//!   masked table reads).
//! - `EC_POINT_mul` has one slow path that is *not* constant-time: `arbitrary_bignum_to_scalar`
//!   falls back to `BN_nnmod` for scalars at or above the order. This crate never reaches it:
//!   scalars are reduced by a masked subtraction first.
//! - [`Point::add`] (`EC_POINT_add` → `ecp_nistz256_add` → the assembly `ecp_nistz256_point_add`)
//!   branches on one fact: whether both inputs are the same finite point or opposite ones. Do not
//!   add points whose being equal or opposite is secret.
//! - [`PartialEq`] is `ec_GFp_simple_points_equal`, masked throughout; the answer is the caller's to
//!   keep secret or not.
//! - [`Point::to_compressed`] inverts Z by a fixed addition chain
//!   (`ecp_nistz256_mod_inverse_sqr_mont`); it reveals whether the point is the identity.
//! - [`Point::from_compressed`] and [`verify_prehashed`] are variable-time: public data only.
//!
//! The portable fallback (`p256.c` over fiat-crypto: `ec_nistp_scalar_mul`, `ec_nistp_scalar_mul_base`,
//! `ec_nistp_point_add`) keeps the same properties.
//!
//! # Memory
//!
//! Scalars are copied into a `BIGNUM` that `BN_clear_free` wipes, and the reduced byte copy is
//! zeroized. Points are released by `EC_POINT_clear_free`, since a Diffie-Hellman result is secret.
//!
//! [`Point`]: point::Point
//! [`Point::mul_base`]: point::Point::mul_base
//! [`Point::mul`]: point::Point::mul
//! [`Point::add`]: point::Point::add
//! [`Point::to_compressed`]: point::Point::to_compressed
//! [`Point::from_compressed`]: point::Point::from_compressed
//! [`verify_prehashed`]: p256::verify_prehashed

mod curve;
mod ecdsa;
mod number;
pub mod point;

pub use curve::Curve;

/// NIST P-256 (secp256r1, prime256v1).
pub mod p256 {
    pub use crate::curve::P256;

    /// A point of P-256; the identity is a value like any other, but has no encoding.
    pub type Point = crate::point::Point<P256>;

    /// Verifies an ECDSA signature over P-256.
    ///
    /// `r`, `s` and `z` are big-endian; `z` is the digest, taken modulo the order. False for `r` or
    /// `s` that is zero or not below the order, and for the identity as public key. High `s` is
    /// accepted, as PKCS#11 verification must. Variable-time.
    #[must_use]
    pub fn verify_prehashed(public: &Point, r: &[u8; 32], s: &[u8; 32], z: &[u8; 32]) -> bool {
        crate::ecdsa::verify(public, r, s, z)
    }
}
