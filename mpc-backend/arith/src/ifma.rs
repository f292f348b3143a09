//! Powers modulo an RSA modulus with the CPU's 52-bit multipliers (AVX-512 IFMA), which AWS-LC uses for pairs of
//! primes only.
//!
//! A number is V vectors of eight limbs of 52 bits. Montgomery's product with R = 2^(416 V) stays below 2n for
//! factors below 2n, because R is above 4n (Walter, "Montgomery exponentiation needs no final subtractions",
//! Electronics Letters 35, 1999), so nothing is subtracted on the way. No branch and no address depends on base or
//! exponent: loops run over the width and over the exponent's length, and every entry of the table is read for each
//! window.

use std::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_castsi512_si128,
    _mm512_cmpeq_epi64_mask, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_mov_epi64, _mm512_maskz_srli_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_storeu_si512,
};

use zeroize::{Zeroize, Zeroizing};

/// Bits of a limb, and the largest.
const LIMB_BITS: usize = 52;
const MASK: u64 = (1 << LIMB_BITS) - 1;
/// Bits of the exponent that are taken at once.
const WINDOW: usize = 5;

/// The limbs of a number, the lowest first.
type Limbs<const V: usize> = [[u64; 8]; V];

/// A modulus of 2048, 3072 or 4096 bits, ready for powers.
pub(crate) enum Powers {
    Of2048(Box<Montgomery<5>>),
    Of3072(Box<Montgomery<8>>),
    Of4096(Box<Montgomery<10>>),
}

/// An odd modulus with what its Montgomery products need.
pub(crate) struct Montgomery<const V: usize> {
    n: Limbs<V>,
    /// -1/n modulo 2^52.
    inverse: u64,
    /// R^2 modulo n.
    square: Limbs<V>,
}

impl Powers {
    /// For the odd modulus `n`, big-endian. `power_of_two` gives 2^e modulo n, big-endian. `None` for another size,
    /// and where the CPU does not have the instructions.
    pub(crate) fn new(n: &[u8], power_of_two: impl Fn(u32) -> Zeroizing<Vec<u8>>) -> Option<Self> {
        if !(std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512ifma"))
        {
            return None;
        }
        match n.len() {
            256 => Some(Self::Of2048(Box::new(Montgomery::new(n, power_of_two)))),
            384 => Some(Self::Of3072(Box::new(Montgomery::new(n, power_of_two)))),
            512 => Some(Self::Of4096(Box::new(Montgomery::new(n, power_of_two)))),
            _ => None,
        }
    }

    /// `base` to the secret `exponent`, both big-endian, in constant time. The base is below the modulus.
    pub(crate) fn power(&self, base: &[u8], exponent: &[u8]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Of2048(modulus) => modulus.power(base, exponent, 256),
            Self::Of3072(modulus) => modulus.power(base, exponent, 384),
            Self::Of4096(modulus) => modulus.power(base, exponent, 512),
        }
    }
}

impl<const V: usize> Montgomery<V> {
    fn new(n: &[u8], power_of_two: impl Fn(u32) -> Zeroizing<Vec<u8>>) -> Self {
        let n = limbs(n);
        let low = n.as_flattened().first().copied().unwrap_or(1);
        // Newton's iteration doubles the right bits; an odd number is its own inverse modulo 8.
        let inverse = (0..5)
            .fold(low, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(low.wrapping_mul(inverse))));
        let square = limbs(&power_of_two((2 * LIMB_BITS * 8 * V) as u32));
        Self { n, inverse: inverse.wrapping_neg() & MASK, square }
    }

    fn power(&self, base: &[u8], exponent: &[u8], bytes: usize) -> Zeroizing<Vec<u8>> {
        // SAFETY: `Powers::new` has found both features that the function is compiled for.
        let power = unsafe { power(self, &limbs(base), exponent) };
        to_be_bytes(&power, &self.n, bytes)
    }
}

/// Big-endian bytes to limbs.
fn limbs<const V: usize>(bytes: &[u8]) -> Limbs<V> {
    let mut limbs = [[0; 8]; V];
    let mut bits = bytes.iter().rev().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1)));
    for limb in limbs.as_flattened_mut() {
        *limb = (0..LIMB_BITS).fold(0, |limb, at| limb | bits.next().unwrap_or(0) << at);
    }
    limbs
}

/// A number up to n as bytes, n itself as zero, in constant time.
fn to_be_bytes<const V: usize>(number: &Limbs<V>, n: &Limbs<V>, bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut less = Zeroizing::new([[0; 8]; V]);
    let mut borrow = 0_u64;
    for ((out, limb), n) in
        less.as_flattened_mut().iter_mut().zip(number.as_flattened()).zip(n.as_flattened())
    {
        let difference = limb.wrapping_sub(*n).wrapping_sub(borrow);
        *out = difference & MASK;
        borrow = difference >> 63;
    }
    // A borrow says that the number is below n.
    let keep = core::hint::black_box(borrow.wrapping_neg());
    for (out, limb) in less.as_flattened_mut().iter_mut().zip(number.as_flattened()) {
        *out = (limb & keep) | (*out & !keep);
    }
    let mut result = Zeroizing::new(vec![0; bytes]);
    let mut bits = less.as_flattened().iter().flat_map(|limb| (0..LIMB_BITS).map(move |bit| limb >> bit & 1));
    for byte in result.iter_mut().rev() {
        *byte = (0..8).fold(0, |byte, at| byte | (bits.next().unwrap_or(0) as u8) << at);
    }
    result
}

/// Bits `at` to `at + WINDOW` of a big-endian number.
fn window(exponent: &[u8], at: usize) -> u64 {
    let bit = |at: usize| {
        let byte = exponent.len().checked_sub(at / 8 + 1).and_then(|index| exponent.get(index));
        u64::from(byte.copied().unwrap_or(0) >> (at % 8) & 1)
    };
    (0..WINDOW).fold(0, |window, offset| window | bit(at + offset) << offset)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u64; 8]) -> __m512i {
    // SAFETY: 64 bytes that are live and initialised; the instruction wants no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: &mut [u64; 8], vector: __m512i) {
    // SAFETY: 64 bytes that nobody else refers to; the instruction wants no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) }
}

/// The sum of the lowest vectors.
#[inline]
#[target_feature(enable = "avx512f")]
fn first_of<const V: usize>(one: &[__m512i; V], other: &[__m512i; V]) -> __m512i {
    let mut firsts = one.iter().zip(other).take(1);
    firsts.next().map_or(_mm512_setzero_si512(), |(one, other)| _mm512_add_epi64(*one, *other))
}

/// Drops the lowest limb.
#[inline]
#[target_feature(enable = "avx512f")]
fn move_down<const V: usize>(limbs: &mut [__m512i; V]) {
    let mut above = _mm512_setzero_si512();
    for vector in limbs.iter_mut().rev() {
        let moved = _mm512_alignr_epi64::<1>(above, *vector);
        above = *vector;
        *vector = moved;
    }
}

/// `a` times `b` over R modulo n, below 2n for factors below 2n.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn times<const V: usize>(modulus: &Montgomery<V>, a: &Limbs<V>, b: &Limbs<V>, product: &mut Limbs<V>) {
    let zero = _mm512_setzero_si512();
    let (mut factor, mut n) = ([zero; V], [zero; V]);
    for ((factor, n), (a, words)) in factor.iter_mut().zip(&mut n).zip(a.iter().zip(&modulus.n)) {
        *factor = load(a);
        *n = load(words);
    }
    // Sums of multiples of a, and of n: apart, so that what each digit waits for is the second alone.
    let (mut sum, mut reduced) = ([zero; V], [zero; V]);
    for digit in b.as_flattened() {
        // The multipliers look at the low 52 bits of each lane. A lane takes four numbers of 52 bits for each of at
        // most 80 digits before it leaves at the bottom, so it does not overflow.
        let digit = _mm512_set1_epi64(*digit as i64);
        for (sum, factor) in sum.iter_mut().zip(&factor) {
            *sum = _mm512_madd52lo_epu64(*sum, *factor, digit);
        }
        let lowest = _mm512_castsi512_si128(first_of(&sum, &reduced));
        let multiple = (_mm_cvtsi128_si64(lowest) as u64).wrapping_mul(modulus.inverse);
        let multiple = _mm512_set1_epi64(multiple as i64);
        for (reduced, n) in reduced.iter_mut().zip(&n) {
            *reduced = _mm512_madd52lo_epu64(*reduced, *n, multiple);
        }
        // The lowest limb is a multiple of 2^52 now: its upper part is carried, and all limbs move down.
        let carry = _mm512_maskz_srli_epi64::<{ LIMB_BITS as u32 }>(1, first_of(&sum, &reduced));
        move_down(&mut sum);
        move_down(&mut reduced);
        for vector in sum.iter_mut().take(1) {
            *vector = _mm512_add_epi64(*vector, carry);
        }
        for (sum, factor) in sum.iter_mut().zip(&factor) {
            *sum = _mm512_madd52hi_epu64(*sum, *factor, digit);
        }
        for (reduced, n) in reduced.iter_mut().zip(&n) {
            *reduced = _mm512_madd52hi_epu64(*reduced, *n, multiple);
        }
    }
    for (words, (sum, reduced)) in product.iter_mut().zip(sum.into_iter().zip(reduced)) {
        store(words, _mm512_add_epi64(sum, reduced));
    }
    let mut carry = 0;
    for limb in product.as_flattened_mut() {
        carry += *limb;
        *limb = carry & MASK;
        carry >>= LIMB_BITS;
    }
}

/// Entry number `wanted` of a table, every entry being read.
#[inline]
#[target_feature(enable = "avx512f")]
fn select<const V: usize>(table: &[Limbs<V>], wanted: u64, entry: &mut Limbs<V>) {
    let wanted = _mm512_set1_epi64(wanted as i64);
    let mut found = [_mm512_setzero_si512(); V];
    for (index, candidate) in table.iter().enumerate() {
        let is_it = _mm512_cmpeq_epi64_mask(wanted, _mm512_set1_epi64(index as i64));
        for (found, words) in found.iter_mut().zip(candidate) {
            *found = _mm512_mask_mov_epi64(*found, is_it, load(words));
        }
    }
    for (words, found) in entry.iter_mut().zip(found) {
        store(words, found);
    }
}

/// `base` to the `exponent`: up to n, n standing for zero.
#[target_feature(enable = "avx512f,avx512ifma")]
fn power<const V: usize>(modulus: &Montgomery<V>, base: &Limbs<V>, exponent: &[u8]) -> Zeroizing<Limbs<V>> {
    let mut one = [[0; 8]; V];
    one.as_flattened_mut().iter_mut().take(1).for_each(|lowest| *lowest = 1);
    let mut table = Zeroizing::new(vec![[[0; 8]; V]; 1 << WINDOW]);
    let mut scaled = Zeroizing::new([[0; 8]; V]);
    times(modulus, base, &modulus.square, &mut scaled);
    let mut next = Zeroizing::new([[0; 8]; V]);
    times(modulus, &one, &modulus.square, &mut next);
    for entry in table.iter_mut() {
        *entry = *next;
        times(modulus, entry, &scaled, &mut next);
    }
    let (mut result, mut entry) = (Zeroizing::new([[0; 8]; V]), Zeroizing::new([[0; 8]; V]));
    times(modulus, &one, &modulus.square, &mut result);
    for at in (0..(8 * exponent.len()).div_ceil(WINDOW)).rev() {
        for _ in 0..WINDOW {
            times(modulus, &result, &result, &mut next);
            core::mem::swap(&mut *result, &mut *next);
        }
        let mut digit = window(exponent, at * WINDOW);
        select(&table, digit, &mut entry);
        digit.zeroize();
        times(modulus, &result, &entry, &mut next);
        core::mem::swap(&mut *result, &mut *next);
    }
    times(modulus, &result, &one, &mut next);
    next
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use crate::modulus::Modulus;

    /// Digits of a generator that is good enough to fill numbers.
    fn filled(bytes: usize, seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }

    /// Against AWS-LC's variable-time power, for all sizes, long and short exponents, and the ends of every range.
    #[test]
    fn powers_are_those_of_aws_lc() {
        for (size, seed) in [256, 384, 512].into_iter().zip(1..) {
            for (round, top) in (0..6).zip([0x80, 0xff].into_iter().cycle()) {
                let mut n = filled(size, 100 * seed + round);
                (n[0], n[size - 1]) = (top, n[size - 1] | 1);
                if round == 5 {
                    n.fill(0xff);
                }
                let modulus = Modulus::new(&n).unwrap();
                let mut largest = n.clone();
                largest[size - 1] -= 1;
                let mut below = filled(size, 200 * seed + round);
                below[0] &= 0x7f;
                let mut one = vec![0; size];
                one[size - 1] = 1;
                for base in [below, largest, one, vec![0; size]] {
                    let base = modulus.residue(&base).unwrap();
                    let lengths = [0, 1, 64, size / 2, size + 24];
                    let mut exponents: Vec<Vec<u8>> =
                        lengths.iter().map(|length| filled(*length, seed + round)).collect();
                    exponents.extend([vec![0; 9], vec![0xff; size / 2]]);
                    for exponent in exponents {
                        let (ours, theirs) = (base.power_secret(&exponent), base.power(&exponent));
                        assert!(ours == theirs, "{size} bytes, exponent of {}", exponent.len());
                        assert_eq!(*ours.to_be_bytes(), *theirs.to_be_bytes());
                    }
                }
            }
        }
    }
}
