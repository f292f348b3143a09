//! A private key that the application brings along.

use zeroize::Zeroizing;

use super::{Attributes, Curve, PublicExponent};

/// The key, and what it is to be.
pub struct PrivateKeyImport {
    /// The key itself.
    pub value: PrivateValue,
    /// The key's attributes; `CKA_TOKEN` says whether the nodes record it or keep it as long as this process.
    pub private: Attributes,
}

/// What makes a private key private, and enough to tell its public half.
pub enum PrivateValue {
    /// On a curve.
    Curve {
        /// The curve of the key.
        curve: Curve,
        /// The private scalar, [`Curve::field_bytes`] long, in range: big-endian; on edwards25519 and
        /// curve25519 little-endian, and what RFC 8032 or 7748 makes of the value.
        scalar: Zeroizing<Vec<u8>>,
    },
    /// RSA; numbers are big-endian without leading zeros. The implementation checks that they belong together.
    Rsa {
        /// n, of 2048, 3072 or 4096 bits.
        modulus: Vec<u8>,
        /// e: above 2^16; above 2^64 only with p and q.
        exponent: PublicExponent,
        /// d.
        private_exponent: Zeroizing<Vec<u8>>,
        /// p and q, if the application has them.
        primes: Option<[Zeroizing<Vec<u8>>; 2]>,
    },
}
