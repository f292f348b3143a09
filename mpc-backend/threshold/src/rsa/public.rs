//! The public half of a key.

use alloc::vec::Vec;

use arith::modulus::{Modulus, Residue};

use crate::transcript::{HASH_BYTES, RSA_GENERATOR, RSA_KEY, expand, hash};

/// Sizes of a modulus in bits.
#[cfg(not(feature = "sim"))]
pub(super) const SIZES: &[usize] = &[2048, 3072, 4096];
/// Sizes of a modulus in bits; in simulations one that is made in no time as well.
#[cfg(feature = "sim")]
pub(super) const SIZES: &[usize] = &[512, 2048, 3072, 4096];
/// Public exponents begin above this.
const EXPONENT_MIN: u64 = 1 << 16;

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
    /// The public exponent is even, or not between 2^16 and 2^64.
    #[error("public exponent must be odd and between 2^16 and 2^64")]
    Exponent,
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
    e: u64,
}

impl PublicKey {
    /// The key of modulus `n`, big-endian without leading zeros, and exponent `e`.
    ///
    /// # Errors
    /// [`KeyError::Size`], [`KeyError::Modulus`], [`KeyError::Exponent`].
    pub fn new(n: &[u8], e: u64) -> Result<Self, KeyError> {
        let full = n.first().is_some_and(|first| first & 0x80 != 0);
        if !full || !SIZES.contains(&(8 * n.len())) {
            return Err(KeyError::Size);
        }
        if e <= EXPONENT_MIN || e.is_multiple_of(2) {
            return Err(KeyError::Exponent);
        }
        let modulus = Modulus::new(n).ok_or(KeyError::Modulus)?;
        Ok(Self { modulus, n: n.to_vec(), e })
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        let (e, n) = bytes.split_first_chunk().ok_or(KeyError::Size)?;
        Self::new(n, u64::from_be_bytes(*e))
    }

    /// e as eight bytes, then n, big-endian.
    pub fn encode(&self) -> Vec<u8> {
        [self.e.to_be_bytes().as_slice(), &self.n].concat()
    }

    /// n, big-endian.
    pub fn n(&self) -> &[u8] {
        &self.n
    }

    /// e.
    pub const fn e(&self) -> u64 {
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
        base.power(&self.e.to_be_bytes())
    }

    /// g: a square that is hashed from the key.
    pub(super) fn generator(&self) -> Residue<'_> {
        let mut bytes = alloc::vec![0; self.bytes()];
        expand(RSA_GENERATOR, &[&self.n, &self.e.to_be_bytes()], &mut bytes);
        // n has its highest bit set, so a number without it is below n.
        bytes.iter_mut().take(1).for_each(|top| *top &= 0x7f);
        let root = self.modulus.residue(&bytes).expect("below n");
        root.times(&root)
    }

    /// Identity of the key in transcripts.
    pub(super) fn id(&self) -> [u8; HASH_BYTES] {
        hash(RSA_KEY, &[&self.n, &self.e.to_be_bytes()])
    }
}
