//! Reduction of secret words modulo a small public number, in constant time.
//!
//! The CPU's division takes a time that depends on its operands; a product with the reciprocal does not
//! (Barrett, CRYPTO 1986).

use subtle::{ConditionallySelectable as _, ConstantTimeLess as _};

/// A public modulus from 2 to 2^32 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    modulus: u32,
    /// 2^64 over the modulus, rounded down; one less for a power of two.
    reciprocal: u64,
}

impl Word {
    /// The modulus, or `None` for 0 and 1.
    #[must_use]
    pub const fn new(modulus: u32) -> Option<Self> {
        if modulus < 2 {
            return None;
        }
        Some(Self { modulus, reciprocal: u64::MAX / modulus as u64 })
    }

    /// The modulus.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.modulus
    }

    /// `value` modulo the modulus.
    #[must_use]
    pub fn reduce(self, value: u64) -> u32 {
        let quotient = (u128::from(value) * u128::from(self.reciprocal)) >> 64;
        let modulus = u64::from(self.modulus);
        // The quotient is right or one too small.
        let rest = value - quotient as u64 * modulus;
        u64::conditional_select(&(rest.wrapping_sub(modulus)), &rest, rest.ct_lt(&modulus)) as u32
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reduction_is_the_remainder() {
        assert!(Word::new(0).is_none() && Word::new(1).is_none());
        for modulus in [2, 3, 5, 255, 256, 719, 65_536, 65_537, 0x8000_0000, u32::MAX] {
            let word = Word::new(modulus).unwrap();
            let m = u64::from(modulus);
            let edges = [0, 1, m - 1, m, m + 1, 2 * m - 1, 2 * m, u64::MAX - 1, u64::MAX, u64::MAX / m * m];
            let spread = (0..1000_u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for value in edges.into_iter().chain(edges.map(|edge| edge.wrapping_sub(1))).chain(spread) {
                assert_eq!(u64::from(word.reduce(value)), value % m, "{value} modulo {modulus}");
            }
        }
    }
}
