//! Integers of a fixed width for shares: addition, multiplication and sign in constant time.
//!
//! AWS-LC's own `BIGNUM` sums and products drop leading zero words, and with them the time says how
//! large a secret is. Here the width is chosen by the caller and only the width is in the time:
//! every loop runs over all limbs, with carries and masks in place of branches.

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::wipe;

/// An integer modulo 2^(64 w), w fixed at creation, read as two's complement where a sign is asked
/// for. Wiped when dropped; not printed, not cloned.
///
/// Operations on two integers want equal widths: another width is a mistake of the program, and
/// panics.
pub struct Integer(Vec<u64>);

const SAME_WIDTH: &str = "operands have the same width";

impl Integer {
    /// Zero, `limbs` limbs of 64 bits wide.
    #[must_use]
    pub fn zero(limbs: usize) -> Self {
        Self(vec![0; limbs])
    }

    /// The number `word`.
    #[must_use]
    pub fn from_word(word: u64, limbs: usize) -> Self {
        let mut integer = Self::zero(limbs);
        integer.0.iter_mut().take(1).for_each(|limb| *limb = word);
        integer
    }

    /// The big-endian number `bytes` modulo 2^(64 limbs), never negative unless it fills the width.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8], limbs: usize) -> Self {
        let mut integer = Self::zero(limbs);
        for (limb, piece) in integer.0.iter_mut().zip(bytes.rchunks(8)) {
            *limb = piece.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        integer
    }

    /// All limbs, big-endian.
    #[must_use]
    pub fn to_be_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![0; 8 * self.0.len()]);
        for (piece, limb) in bytes.rchunks_mut(8).zip(&self.0) {
            piece.copy_from_slice(&limb.to_be_bytes());
        }
        bytes
    }

    /// Width in limbs of 64 bits.
    #[must_use]
    pub fn limbs(&self) -> usize {
        self.0.len()
    }

    /// The same number in another width: sign-extended, or cut to its lowest limbs.
    #[must_use]
    pub fn resized(&self, limbs: usize) -> Self {
        let sign = u64::conditional_select(&0, &u64::MAX, self.is_negative());
        // Not `vec![sign; limbs]`: whether that is zero decides who allocates it.
        let mut resized = Self::zero(limbs);
        let extended = self.0.iter().chain(core::iter::repeat(&sign));
        resized.0.iter_mut().zip(extended).for_each(|(out, limb)| *out = *limb);
        resized
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        assert_eq!(self.limbs(), other.limbs(), "{SAME_WIDTH}");
        let mut carry = false;
        for (limb, more) in self.0.iter_mut().zip(&other.0) {
            (*limb, carry) = limb.carrying_add(*more, carry);
        }
    }

    /// Subtracts `other`.
    pub fn subtract(&mut self, other: &Self) {
        self.borrow_from(other);
    }

    /// Subtracts `other`; whether it was larger, both read without a sign.
    fn borrow_from(&mut self, other: &Self) -> bool {
        assert_eq!(self.limbs(), other.limbs(), "{SAME_WIDTH}");
        let mut borrow = false;
        for (limb, less) in self.0.iter_mut().zip(&other.0) {
            (*limb, borrow) = limb.borrowing_sub(*less, borrow);
        }
        borrow
    }

    /// Adds `other` times the word `factor`.
    pub fn add_scaled(&mut self, other: &Self, factor: u64) {
        assert_eq!(self.limbs(), other.limbs(), "{SAME_WIDTH}");
        let mut carry = 0;
        for (limb, more) in self.0.iter_mut().zip(&other.0) {
            (*limb, carry) = more.carrying_mul_add(factor, carry, *limb);
        }
    }

    /// Subtracts `other` unless that is larger, and says whether it did; both are read without a sign.
    pub fn subtract_if_not_less(&mut self, other: &Self) -> Choice {
        let mut difference = Self(self.0.clone());
        let borrow = difference.borrow_from(other);
        let not_less = Choice::from(u8::from(!borrow));
        for (limb, reduced) in self.0.iter_mut().zip(&difference.0) {
            limb.conditional_assign(reduced, not_less);
        }
        not_less
    }

    /// Doubles the number and adds `bit`, which is 0 or 1.
    fn shift_in(&mut self, bit: u64) {
        let mut carry = bit;
        for limb in &mut self.0 {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
        }
    }

    /// The number modulo 2^64.
    #[must_use]
    pub fn low_word(&self) -> u64 {
        self.0.first().copied().unwrap_or(0)
    }

    /// Negates the number when `condition` holds.
    pub fn negate_if(&mut self, condition: Choice) {
        let mask = u64::conditional_select(&0, &u64::MAX, condition);
        let mut carry = u64::from(condition.unwrap_u8());
        for limb in &mut self.0 {
            let (sum, over) = (*limb ^ mask).overflowing_add(carry);
            (*limb, carry) = (sum, u64::from(over));
        }
    }

    /// The product, in the same width.
    #[must_use]
    pub fn product(&self, other: &Self) -> Self {
        assert_eq!(self.limbs(), other.limbs(), "{SAME_WIDTH}");
        let mut product = Self::zero(self.limbs());
        for (shift, factor) in other.0.iter().enumerate() {
            let mut carry = 0;
            for (out, limb) in product.0.iter_mut().skip(shift).zip(&self.0) {
                (*out, carry) = limb.carrying_mul_add(*factor, carry, *out);
            }
        }
        product
    }

    /// Whether the highest bit is set.
    #[must_use]
    pub fn is_negative(&self) -> Choice {
        let top = self.0.last().map_or(0, |limb| limb >> 63);
        Choice::from(top as u8)
    }

    /// Bits that the number needs, read without a sign. Variable-time: public numbers only.
    #[must_use]
    pub fn bits(&self) -> usize {
        let used = self.0.iter().rposition(|limb| *limb != 0);
        used.map_or(0, |top| 64 * (top + 1) - self.0.get(top).map_or(0, |limb| limb.leading_zeros() as usize))
    }

    /// Quotient, in this width, and remainder, in that of `divisor`, bit by bit in constant time. Both numbers are read
    /// without a sign; the divisor is not zero and its highest bit is not set, or what comes out means nothing.
    #[must_use]
    pub fn divided_by_number(&self, divisor: &Self) -> (Self, Self) {
        let (mut quotient, mut remainder) = (Self::zero(self.limbs()), Self::zero(divisor.limbs()));
        for limb in self.0.iter().rev() {
            for bit in (0..64).rev() {
                remainder.shift_in(limb >> bit & 1);
                let fits = remainder.subtract_if_not_less(divisor);
                quotient.shift_in(u64::from(fits.unwrap_u8()));
            }
        }
        (quotient, remainder)
    }

    /// Quotient and remainder by `divisor`, read without a sign. Variable-time: public numbers only.
    ///
    /// `None` for a divisor of zero.
    #[must_use]
    pub fn divided_by(&self, divisor: u64) -> Option<(Self, u64)> {
        let wide = u128::from(core::num::NonZeroU64::new(divisor)?.get());
        let mut quotient = Self::zero(self.limbs());
        let mut remainder = 0;
        for (out, limb) in quotient.0.iter_mut().zip(&self.0).rev() {
            let dividend = remainder << 64 | u128::from(*limb);
            *out = (dividend / wide) as u64;
            remainder = dividend % wide;
        }
        Some((quotient, remainder as u64))
    }
}

impl ConstantTimeEq for Integer {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

impl Drop for Integer {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}
