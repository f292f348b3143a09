//! Fast arithmetic behind safe types: elliptic curves and powers modulo N ([`modulus`]) by AWS-LC;
//! AES streams ([`aes`]), SHA-256 compressions ([`sha256`]) and GF(2^128) ([`gf128`]) by the CPU's own
//! instructions; wide integers ([`integer`]) and small residues ([`word`]) for shares in plain Rust.
//!
//! Why: threshold signing multiplies points and stretches keys hundreds of times a signature, and
//! AWS-LC's assembly is 3 to 16 times faster than portable code. Everything above this crate is safe
//! Rust; the calls into C and to what not every CPU has stand here, one operation an `unsafe` block,
//! and no pointer leaves the crate. Which way is taken is decided at run time by the CPU's features
//! alone; every way gives the same bits, which tests compare.
//!
//! Absent on purpose: protocols, hashes of messages, randomness, signing. A caller that needs a random scalar
//! brings it as big-endian bytes.
//!
//! # What is constant-time
//!
//! Read in the sources of `aws-lc-sys` 0.47 (`aws-lc/crypto/fipsmodule/ec/`), for x86-64 and AArch64
//! Linux.
//!
//! Both curves:
//!
//! - `EC_POINT_mul` has one slow path that is *not* constant-time: `arbitrary_bignum_to_scalar`
//!   falls back to `BN_nnmod` for scalars at or above the order. This crate never reaches it:
//!   scalars are reduced by a masked subtraction first.
//! - After a multiplication `ec_GFp_simple_is_on_curve` looks at the product; it is masked, and its
//!   answer is "no" only after a hardware fault.
//! - [`PartialEq`] is `ec_GFp_simple_points_equal`, masked throughout; the answer is the caller's to
//!   keep secret or not.
//! - [`Point::add`] branches on one fact: whether both inputs are the same finite point (on P-256 also
//!   whether they are opposite). Do not add points whose being equal or opposite is secret.
//! - [`Point::to_compressed`] reveals whether the point is the identity.
//! - [`Point::from_compressed`], [`Point::from_uncompressed`] and [`verify_prehashed`] are variable-time:
//!   public data only.
//!
//! P-256 (`EC_GFp_nistz256_method`, `p256-nistz.c`):
//!
//! - [`Point::mul_base`] is `EC_POINT_mul` with only a generator scalar: `ec_point_mul_scalar_base`
//!   → `ecp_nistz256_point_mul_base`, which walks a fixed number of Booth windows and reads its
//!   table by `ecp_nistz256_select_w7` (every entry is touched).
//! - [`Point::mul`] is `EC_POINT_mul` with only a point scalar: `ec_point_mul_scalar` →
//!   `ecp_nistz256_point_mul` → s2n-bignum's `p256_montjscalarmul` (verified, fixed schedule,
//!   masked table reads).
//! - [`Point::add`] is `ecp_nistz256_add` → the assembly `ecp_nistz256_point_add`.
//! - [`Point::hash`] is masked throughout (`ec_extra/hash_to_curve.c`); what is hashed here is public.
//! - [`Point::to_compressed`] inverts Z by a fixed addition chain
//!   (`ecp_nistz256_mod_inverse_sqr_mont`).
//!
//! P-384 (`EC_GFp_nistp384_method`, `p384.c` and `ec_nistp.c`):
//!
//! - [`Point::mul_base`] → `ec_GFp_nistp384_point_mul_base` → `ec_nistp_scalar_mul_base`: 77 signed odd
//!   digits of 5 bits, none of them zero, one masked read of a 16-entry table and one mixed addition
//!   each, and a masked correction for even scalars. The addition, `ec_nistp_point_add`, branches when
//!   it has to double; by the analysis at the end of `p384.c` that happens for the one scalar n - 38.
//! - [`Point::mul`] → `ec_GFp_nistp384_point_mul` → s2n-bignum's `p384_montjscalarmul` (verified): one
//!   loop over a counter, the table is read by conditional moves of every entry.
//! - [`Point::add`] → `ec_GFp_nistp384_add` → `ec_nistp_point_add`, masked for the identity on either
//!   side.
//! - [`Point::to_compressed`] → `ec_GFp_nistp384_point_get_affine_coordinates` → `p384_inv_square` →
//!   s2n-bignum's `bignum_montinv_p384`: division steps in a number that is fixed.
//!
//! Moduli of RSA (`aws-lc/crypto/fipsmodule/bn/`):
//!
//! - [`Residue::power_secret`] is `BN_mod_exp_mont_consttime`. It walks all words of the exponent that
//!   `BN_bin2bn` stored, of which there are as many as bytes were given: leading zeros included. Windows
//!   of five bits; every table entry is touched (`bn_power5`, `bn_mul_mont_gather5`, on AArch64
//!   `copy_from_prebuf`). That the base is below the modulus is checked and known. Where the CPU has AVX-512 IFMA,
//!   moduli of 2048, 3072 and 4096 bits are our own code in `ifma.rs`, of the same shape.
//! - [`Residue::times`] is two Montgomery multiplications at full width, whatever the values.
//! - [`Modulus::residue`] and comparisons are `BN_ucmp`, which is masked (`bn_cmp_words_consttime`); whether
//!   the number is below the modulus is told. [`Residue::negated`] is `bn_mod_sub_consttime`.
//! - [`Residue::power`] is `BN_mod_exp_mont`: its windows are those of the exponent, which is public; the
//!   base only passes through Montgomery multiplications.
//! - [`Modulus::new`] and [`Residue::inverse`] are variable-time: public data only.
//! - [`Word::reduce`] is one product with the reciprocal and a masked subtraction.
//! - [`Integer`] is in this crate because AWS-LC's sums and products drop leading zero words. Its loops
//!   run over the width; carries are added, signs are masks.
//!
//! s2n-bignum stands there twice, with and without the instructions BMI2 and ADX (on AArch64: for wide
//! and narrow multipliers); `use_s2n_bignum_alt` chooses by the processor alone, and both have the same
//! shape. The portable fallbacks (`p256.c`, `p384.c` over fiat-crypto: `ec_nistp_scalar_mul`,
//! `ec_nistp_scalar_mul_base`, `ec_nistp_point_add`, inversion by a fixed addition chain) keep the
//! same properties.
//!
//! # Memory
//!
//! Scalars and secret exponents are copied into a `BIGNUM` that `BN_clear_free` wipes, and the reduced
//! byte copy is zeroized; what AWS-LC allocates in between, it wipes when it frees (`OPENSSL_free`). Points are released by `EC_POINT_clear_free`, since a Diffie-Hellman result is secret.
//!
//! [`Point`]: point::Point
//! [`Point::mul_base`]: point::Point::mul_base
//! [`Point::mul`]: point::Point::mul
//! [`Point::add`]: point::Point::add
//! [`Point::hash`]: point::Point::hash
//! [`Point::to_compressed`]: point::Point::to_compressed
//! [`Point::from_compressed`]: point::Point::from_compressed
//! [`Point::from_uncompressed`]: point::Point::from_uncompressed
//! [`verify_prehashed`]: ecdsa::verify_prehashed
//! [`Integer`]: integer::Integer
//! [`Word::reduce`]: word::Word::reduce
//! [`Modulus::new`]: modulus::Modulus::new
//! [`Modulus::residue`]: modulus::Modulus::residue
//! [`Residue::power_secret`]: modulus::Residue::power_secret
//! [`Residue::power`]: modulus::Residue::power
//! [`Residue::times`]: modulus::Residue::times
//! [`Residue::negated`]: modulus::Residue::negated
//! [`Residue::inverse`]: modulus::Residue::inverse

pub mod aes;
mod curve;
pub mod ecdsa;
pub mod gf128;
#[cfg(target_arch = "x86_64")]
mod ifma;
pub mod integer;
pub mod modulus;
mod number;
pub mod point;
pub mod prime;
pub mod sha256;
#[cfg(target_arch = "x86_64")]
mod vector;
mod wipe;
pub mod word;

pub use curve::{Bytes, Curve};
pub use wipe::{Plain, wipe};

/// NIST P-256 (secp256r1, prime256v1).
pub mod p256 {
    pub use crate::curve::P256;
    pub use crate::ecdsa::verify_prehashed;

    /// A point of P-256; the identity is a value like any other, but has no encoding.
    pub type Point = crate::point::Point<P256>;
}

/// NIST P-384 (secp384r1).
pub mod p384 {
    pub use crate::curve::P384;
    pub use crate::ecdsa::verify_prehashed;

    /// A point of P-384; the identity is a value like any other, but has no encoding.
    pub type Point = crate::point::Point<P384>;
}
