//! The public half of a key.

use alloc::vec::Vec;

use arith::modulus::{Modulus, Residue};

use super::exponent::{Exponent, LONG, SHORT};
use crate::transcript::{HASH_BYTES, RSA_GENERATOR, RSA_KEY, expand, hash};

/// Sizes of a modulus in bits.
#[cfg(not(feature = "sim"))]
pub(super) const SIZES: &[usize] = &[2048, 3072, 4096];
/// Sizes of a modulus in bits; in simulations one that is made in no time as well.
#[cfg(feature = "sim")]
pub(super) const SIZES: &[usize] = &[512, 2048, 3072, 4096];
/// Limbs of a piece of the private exponent, for a modulus of `bytes` bytes.
pub(super) const fn piece_limbs(bytes: usize) -> usize {
    bytes / 8 + 3
}

/// Why numbers are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 2048, 3072 or 4096 bits.
    #[error("modulus must have 2048, 3072 or 4096 bits")]
    Size,
    /// An even modulus.
    #[error("modulus is even")]
    Modulus,
    /// The public exponent is even, or not between 2^16 and 2^256.
    #[error("public exponent must be odd and between 2^16 and 2^256")]
    Exponent,
    /// A public exponent above 2^64 without the primes.
    #[error("with a public exponent above 2^64 the primes are needed")]
    PrimesMissing,
    /// The private exponent does not belong to modulus and public exponent.
    #[error("private exponent does not fit the public key")]
    Private,
    /// The primes do not multiply to the modulus.
    #[error("primes do not multiply to the modulus")]
    Primes,
}

/// A modulus n and a public exponent e.
pub struct PublicKey {
    modulus: Modulus,
    n: Vec<u8>,
    e: Exponent,
}

impl PublicKey {
    /// The key of modulus `n`, big-endian without leading zeros, and exponent `e`.
    ///
    /// # Errors
    /// [`KeyError::Size`], [`KeyError::Modulus`].
    pub fn new(n: &[u8], e: Exponent) -> Result<Self, KeyError> {
        let full = n.first().is_some_and(|first| first & 0x80 != 0);
        if !full || !SIZES.contains(&(8 * n.len())) {
            return Err(KeyError::Size);
        }
        let modulus = Modulus::new(n).ok_or(KeyError::Modulus)?;
        Ok(Self { modulus, n: n.to_vec(), e })
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// As [`Self::new`] and [`Exponent::new`].
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        // Every size of n is a multiple of 64 bytes.
        let length = if bytes.len() % 64 == LONG { LONG } else { SHORT };
        let (e, n) = bytes.split_at_checked(length).ok_or(KeyError::Size)?;
        let exponent = Exponent::new(e)?;
        if exponent.padded().len() != length {
            return Err(KeyError::Exponent);
        }
        Self::new(n, exponent)
    }

    /// e as eight bytes, or as 32 where it needs more than eight, then n, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        [self.e.padded(), &self.n].concat()
    }

    /// n, big-endian.
    pub fn n(&self) -> &[u8] {
        &self.n
    }

    /// e.
    pub const fn e(&self) -> Exponent {
        self.e
    }

    /// Length of n, and of every block and result.
    pub fn bytes(&self) -> usize {
        self.n.len()
    }

    /// Limbs of a piece of the private exponent.
    pub(super) fn limbs(&self) -> usize {
        piece_limbs(self.n.len())
    }

    pub(super) const fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// `base` to the e.
    pub(super) fn public_power<'m>(&self, base: &Residue<'m>) -> Residue<'m> {
        base.power(self.e.to_be_bytes())
    }

    /// g: a square that is hashed from the key.
    pub(super) fn generator(&self) -> Residue<'_> {
        let mut bytes = alloc::vec![0; self.bytes()];
        expand(RSA_GENERATOR, &[&self.n, self.e.padded()], &mut bytes);
        // n has its highest bit set, so a number without it is below n.
        bytes.iter_mut().take(1).for_each(|top| *top &= 0x7f);
        let root = self.modulus.residue(&bytes).expect("below n");
        root.times(&root)
    }

    /// Identity of the key in transcripts.
    pub(super) fn id(&self) -> [u8; HASH_BYTES] {
        hash(RSA_KEY, &[&self.n, self.e.padded()])
    }
}
