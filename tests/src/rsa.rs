//! Taking an RSA key apart, from the pieces of all nodes: what only someone with T nodes can do, and a test that looks for
//! the whole key must.

use anyhow::{Context, Result, ensure};
use num_bigint::{BigInt, BigUint};
use threshold::rsa::PublicKey;

use crate::shares::RsaPieces;

/// What nobody may hold.
pub struct PrivateNumbers {
    /// The smaller prime.
    pub p: BigUint,
    /// The larger one.
    pub q: BigUint,
    /// The private exponent as the pieces sum to it, and modulo (p - 1)(q - 1) and its half.
    pub exponents: Vec<BigUint>,
}

impl PrivateNumbers {
    /// Of all pieces of d.
    pub fn of(key: &PublicKey, pieces: &RsaPieces) -> Result<Self> {
        let n = BigUint::from_bytes_be(key.n());
        let sum: BigInt = pieces.values().map(|piece| BigInt::from_signed_bytes_be(piece)).sum();
        let d = sum.to_biguint().context("the pieces sum to a negative number")?;
        let (one, two) = (BigUint::from(1_u8), BigUint::from(2_u8));
        let multiple = &d * BigUint::from_bytes_be(key.e().to_be_bytes()) - &one;
        // A multiple of the order of every number (Miller 1976): some root of one is none of the trivial ones.
        let twos = multiple.trailing_zeros().context("d is no inverse of e")?;
        let odd = &multiple >> twos;
        for base in 2_u32..100 {
            let mut root = BigUint::from(base).modpow(&odd, &n);
            for _ in 0..twos {
                let square = root.modpow(&two, &n);
                if square == one && root != one && root != &n - &one {
                    let p = divisor(root - &one, n.clone());
                    let q = &n / &p;
                    ensure!(&p * &q == n && p != one && q != one, "no factors");
                    let (p, q) = if p < q { (p, q) } else { (q, p) };
                    let phi = (&p - &one) * (&q - &one);
                    let exponents = vec![&d % (&phi / &two), &d % &phi, d];
                    return Ok(Self { p, q, exponents });
                }
                root = square;
            }
        }
        anyhow::bail!("the pieces do not make a private key")
    }
}

/// The greatest common divisor.
fn divisor(mut a: BigUint, mut b: BigUint) -> BigUint {
    while b != BigUint::ZERO {
        (a, b) = (b.clone(), a % b);
    }
    a
}
