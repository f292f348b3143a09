//! GF(2^128) = F_2\[x\]/(x^128 + x^7 + x^2 + x + 1); bit t of an integer is the coefficient of x^t.
//!
//! By carry-less multiplication where the CPU has it, else by integer multiplication with holes
//! between the bits (as constant-time GHASH implementations do it). Both are constant-time in their
//! operands on CPUs whose multiplier is, and a test compares them.

/// The sum of the products of `left` and `right`, element by element, as far as both reach.
#[must_use]
pub fn inner_product(left: &[u128], right: &[u128]) -> u128 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("pclmulqdq") {
        // SAFETY: the CPU has the one feature that the function is compiled for (and SSE2, which
        // every x86-64 has).
        return unsafe { carry_less::inner_product(left, right) };
    }
    portable::inner_product(left, right)
}

/// A polynomial of degree below 256: the low and the high half.
#[derive(Clone, Copy, Default)]
struct Double {
    low: u128,
    high: u128,
}

impl Double {
    /// From products of halves: low x low, the sum of both mixed ones, high x high.
    const fn from_halves(low: u128, middle: u128, high: u128) -> Self {
        Self { low: low ^ (middle << 64), high: high ^ (middle >> 64) }
    }

    /// Modulo x^128 + x^7 + x^2 + x + 1.
    const fn reduce(self) -> u128 {
        let Self { low, high } = self;
        // What x^128 (x^7 + x^2 + x + 1) pushes over the top is folded a second time; it is short.
        let over = (high >> 127) ^ (high >> 126) ^ (high >> 121);
        let high = high ^ over;
        low ^ high ^ (high << 1) ^ (high << 2) ^ (high << 7)
    }
}

#[cfg(target_arch = "x86_64")]
mod carry_less {
    use std::arch::x86_64::{_mm_clmulepi64_si128, _mm_setzero_si128, _mm_xor_si128};

    use super::Double;
    use crate::vector::{load, store};

    #[target_feature(enable = "pclmulqdq")]
    pub(super) fn inner_product(left: &[u128], right: &[u128]) -> u128 {
        let (mut low, mut middle, mut high) = (_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128());
        for (left, right) in left.iter().zip(right) {
            let (left, right) = (load(*left), load(*right));
            low = _mm_xor_si128(low, _mm_clmulepi64_si128::<0x00>(left, right));
            middle = _mm_xor_si128(middle, _mm_clmulepi64_si128::<0x01>(left, right));
            middle = _mm_xor_si128(middle, _mm_clmulepi64_si128::<0x10>(left, right));
            high = _mm_xor_si128(high, _mm_clmulepi64_si128::<0x11>(left, right));
        }
        Double::from_halves(store(low), store(middle), store(high)).reduce()
    }
}

mod portable {
    use super::Double;

    pub(super) fn inner_product(left: &[u128], right: &[u128]) -> u128 {
        let mut sum = Double::default();
        for (left, right) in left.iter().zip(right) {
            let product = product(*left, *right);
            sum = Double { low: sum.low ^ product.low, high: sum.high ^ product.high };
        }
        sum.reduce()
    }

    /// Karatsuba over 64-bit halves.
    fn product(left: u128, right: u128) -> Double {
        let [left0, left1] = [left as u64, (left >> 64) as u64];
        let [right0, right1] = [right as u64, (right >> 64) as u64];
        let low = half(left0, right0);
        let high = half(left1, right1);
        let middle = half(left0 ^ left1, right0 ^ right1) ^ low ^ high;
        Double::from_halves(low, middle, high)
    }

    /// The product of two polynomials of degree below 64. Reversed operands give the reversed
    /// product, and with it the upper half.
    fn half(left: u64, right: u64) -> u128 {
        let upper = low_half(left.reverse_bits(), right.reverse_bits()).reverse_bits() >> 1;
        u128::from(upper) << 64 | u128::from(low_half(left, right))
    }

    /// The lower 64 bits of a product: each operand is split into four with three zeros between any
    /// two bits, so that at most 16 carries meet and none reaches the next bit that is kept.
    fn low_half(left: u64, right: u64) -> u64 {
        const HOLES: u64 = 0x1111_1111_1111_1111;
        let split = |value: u64| [0, 1, 2, 3].map(|offset| value & (HOLES << offset));
        let (left, right) = (split(left), split(right));
        let mut sums = [0_u64; 4];
        for (i, a) in left.into_iter().enumerate() {
            for (j, b) in right.into_iter().enumerate() {
                if let Some(sum) = sums.get_mut((i + j) % 4) {
                    *sum ^= a.wrapping_mul(b);
                }
            }
        }
        sums.into_iter().enumerate().fold(0, |product, (offset, sum)| product | (sum & (HOLES << offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(left: u128, right: u128) -> u128 {
        inner_product(&[left], &[right])
    }

    /// Bit by bit.
    fn by_definition(left: u128, right: u128) -> u128 {
        let mut power = left;
        (0..128).fold(0, |sum, bit| {
            let term = if right >> bit & 1 == 1 { power } else { 0 };
            power = (power << 1) ^ if power >> 127 == 1 { 0x87 } else { 0 };
            sum ^ term
        })
    }

    #[test]
    fn the_modulus_is_x128_x7_x2_x_1() {
        assert_eq!(times(1 << 127, 2), 0x87);
    }

    #[test]
    fn both_ways_agree_with_the_definition_at_the_edges() {
        let edges = [0, 1, 2, 0x87, u128::from(u64::MAX), 1 << 64, 1 << 127, u128::MAX, u128::MAX - 1];
        for left in edges {
            for right in edges {
                let expected = by_definition(left, right);
                assert_eq!(times(left, right), expected, "{left:x} {right:x}");
                assert_eq!(portable::inner_product(&[left], &[right]), expected, "{left:x} {right:x}");
            }
        }
    }

    proptest! {
        #[test]
        fn both_ways_agree_with_the_definition(pairs: Vec<(u128, u128)>) {
            let (left, right): (Vec<u128>, Vec<u128>) = pairs.iter().copied().unzip();
            let expected = pairs.iter().fold(0, |sum, (left, right)| sum ^ by_definition(*left, *right));
            prop_assert_eq!(inner_product(&left, &right), expected);
            prop_assert_eq!(portable::inner_product(&left, &right), expected);
        }

        #[test]
        fn multiplication_is_a_commutative_ring(a: u128, b: u128, c: u128) {
            prop_assert_eq!(times(a, b), times(b, a));
            prop_assert_eq!(times(a, times(b, c)), times(times(a, b), c));
            prop_assert_eq!(times(a, b ^ c), times(a, b) ^ times(a, c));
            prop_assert_eq!(times(a, 1), a);
        }

        #[test]
        fn squaring_128_times_is_the_identity(a: u128) {
            prop_assert_eq!((0..128).fold(a, |power, _| times(power, power)), a);
        }
    }
}
