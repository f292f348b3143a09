//! Powers modulo an RSA modulus with the CPU's 52-bit multipliers (AVX-512 IFMA), which AWS-LC uses for pairs of
//! primes only.
//!
//! A number is V vectors of eight limbs of 52 bits. Montgomery's product with R = 2^(416 V) stays below 2n for
//! factors below 2n, because R is above 4n (Walter, "Montgomery exponentiation needs no final subtractions",
//! Electronics Letters 35, 1999), so nothing is subtracted on the way. No branch and no address depends on base or
//! exponent: loops run over the width and over the exponent's length, and every entry of the table is read for each
//! window.

use std::arch::x86_64::{
    __m512i, _mm_extract_epi64, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_and_si512,
    _mm512_castsi512_si128, _mm512_cmpeq_epi64_mask, _mm512_cmpgt_epu64_mask, _mm512_loadu_si512,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_add_epi64, _mm512_mask_mov_epi64,
    _mm512_maskz_mov_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_srli_epi64, _mm512_storeu_si512,
};

use zeroize::{Zeroize, Zeroizing};

/// Bits of a limb, and the largest.
const LIMB_BITS: usize = 52;
const MASK: u64 = (1 << LIMB_BITS) - 1;
/// Bits of the exponent that are taken at once.
const WINDOW: usize = 5;

/// The limbs of a number, the lowest first, where a load of a vector touches one line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Limbs<const V: usize>([[u64; 8]; V]);

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
            && std::arch::is_x86_feature_detected!("avx512ifma")
            && std::arch::is_x86_feature_detected!("bmi2"))
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

impl<const V: usize> Limbs<V> {
    const ZERO: Self = Self([[0; 8]; V]);

    /// The two lowest limbs.
    fn lowest(&self) -> [u64; 2] {
        self.0.first().map_or([0; 2], |[lowest, next, ..]| [*lowest, *next])
    }
}

impl<const V: usize> Zeroize for Limbs<V> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<const V: usize> Montgomery<V> {
    fn new(n: &[u8], power_of_two: impl Fn(u32) -> Zeroizing<Vec<u8>>) -> Self {
        let n = limbs(n);
        let [low, _] = n.lowest();
        // Newton's iteration doubles the right bits; an odd number is its own inverse modulo 8.
        let inverse = (0..5)
            .fold(low, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(low.wrapping_mul(inverse))));
        let square = limbs(&power_of_two((2 * LIMB_BITS * 8 * V) as u32));
        Self { n, inverse: inverse.wrapping_neg() & MASK, square }
    }

    fn power(&self, base: &[u8], exponent: &[u8], bytes: usize) -> Zeroizing<Vec<u8>> {
        // SAFETY: `Powers::new` has found all features that the function is compiled for.
        let power = unsafe { power(self, &limbs(base), exponent) };
        to_be_bytes(&power, &self.n, bytes)
    }
}

/// Big-endian bytes to limbs.
fn limbs<const V: usize>(bytes: &[u8]) -> Limbs<V> {
    let mut limbs = Limbs::ZERO;
    let mut bits = bytes.iter().rev().flat_map(|byte| (0..8).map(move |bit| u64::from(byte >> bit & 1)));
    for limb in limbs.0.as_flattened_mut() {
        *limb = (0..LIMB_BITS).fold(0, |limb, at| limb | bits.next().unwrap_or(0) << at);
    }
    limbs
}

/// A number up to n as bytes, n itself as zero, in constant time.
fn to_be_bytes<const V: usize>(number: &Limbs<V>, n: &Limbs<V>, bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut less = Zeroizing::new(Limbs::<V>::ZERO);
    let mut borrow = 0_u64;
    for ((out, limb), n) in
        less.0.as_flattened_mut().iter_mut().zip(number.0.as_flattened()).zip(n.0.as_flattened())
    {
        let difference = limb.wrapping_sub(*n).wrapping_sub(borrow);
        *out = difference & MASK;
        borrow = difference >> 63;
    }
    // A borrow says that the number is below n.
    let keep = core::hint::black_box(borrow.wrapping_neg());
    for (out, limb) in less.0.as_flattened_mut().iter_mut().zip(number.0.as_flattened()) {
        *out = (limb & keep) | (*out & !keep);
    }
    let mut result = Zeroizing::new(vec![0; bytes]);
    let mut bits =
        less.0.as_flattened().iter().flat_map(|limb| (0..LIMB_BITS).map(move |bit| limb >> bit & 1));
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

/// Limb number `AT`, 0 or 1.
#[inline]
#[target_feature(enable = "avx512f")]
fn limb<const AT: i32, const V: usize>(limbs: &[__m512i; V]) -> u64 {
    let vector = limbs.first().copied().unwrap_or(_mm512_setzero_si512());
    _mm_extract_epi64::<AT>(_mm512_castsi512_si128(vector)) as u64
}

/// Takes what each limb has above 52 bits to the next, without a branch. The number has room for its last carry.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry<const V: usize>(limbs: &mut [__m512i; V]) {
    let (mask, one) = (_mm512_set1_epi64(MASK as i64), _mm512_set1_epi64(1));
    let mut below = _mm512_setzero_si512();
    for vector in limbs.iter_mut() {
        let carries = _mm512_srli_epi64::<{ LIMB_BITS as u32 }>(*vector);
        let moved = _mm512_alignr_epi64::<7>(carries, below);
        *vector = _mm512_add_epi64(_mm512_and_si512(*vector, mask), moved);
        below = carries;
    }
    // What is carried now is one at most, and runs through limbs that are full. The sum runs likewise: it differs
    // from `full` where a carry arrives.
    let (mut over, mut full) = (0_u128, 0_u128);
    for vector in limbs.iter().rev() {
        over = over << 8 | u128::from(_mm512_cmpgt_epu64_mask(*vector, mask));
        full = full << 8 | u128::from(_mm512_cmpeq_epi64_mask(*vector, mask));
    }
    let mut arrives = ((over << 1) + full) ^ full;
    for vector in limbs.iter_mut() {
        let sum = _mm512_mask_add_epi64(*vector, arrives as u8, *vector, one);
        *vector = _mm512_and_si512(sum, mask);
        arrives >>= 8;
    }
}

/// `a` times `b` over R modulo n, below 2n for factors below 2n.
///
/// Each digit of `b` waits for the multiple of n that the digit before it has chosen. So that it does not wait for the
/// vectors as well, what that multiple brings to the lowest limb is computed beside them, in `low`, and what older ones
/// brought is read from the vectors before it is added to them.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma,bmi2")]
fn times<const V: usize>(modulus: &Montgomery<V>, a: &Limbs<V>, b: &Limbs<V>, product: &mut Limbs<V>) {
    let zero = _mm512_setzero_si512();
    let (mut factor, mut n) = ([zero; V], [zero; V]);
    for ((factor, n), (a, words)) in factor.iter_mut().zip(&mut n).zip(a.0.iter().zip(&modulus.n.0)) {
        *factor = load(a);
        *n = load(words);
    }
    // Of n's products the vectors get those halves that `low` does not.
    let (mut n_for_low, mut n_for_high) = (n, n);
    n_for_low.iter_mut().take(1).for_each(|first| *first = _mm512_maskz_mov_epi64(!0b11, *first));
    n_for_high.iter_mut().take(1).for_each(|first| *first = _mm512_maskz_mov_epi64(!0b01, *first));
    let [n0, n1] = modulus.n.lowest();
    // Sums of multiples of a, and of n: apart, so that a chain of additions is half as long.
    let (mut sum, mut reduced) = ([zero; V], [zero; V]);
    let mut low = 0_u64;
    for digit in b.0.as_flattened() {
        // The multipliers look at the low 52 bits of each lane. A lane takes four numbers of 52 bits for each of at
        // most 80 digits before it leaves at the bottom, so it does not overflow.
        let digit = _mm512_set1_epi64(*digit as i64);
        for (sum, factor) in sum.iter_mut().zip(&factor) {
            *sum = _mm512_madd52lo_epu64(*sum, *factor, digit);
        }
        low += limb::<0, V>(&sum);
        let older = limb::<1, V>(&reduced);
        let multiple = low.wrapping_mul(modulus.inverse) & MASK;
        let multiples = _mm512_set1_epi64(multiple as i64);
        for (reduced, n) in reduced.iter_mut().zip(&n_for_low) {
            *reduced = _mm512_madd52lo_epu64(*reduced, *n, multiples);
        }
        // The multiple makes the lowest limb one of 2^52: it carries one more, unless its low bits were zero before.
        let carried = (low >> LIMB_BITS) + (((low & MASK) + MASK) >> LIMB_BITS);
        let n0_high = (u128::from(n0 << (64 - LIMB_BITS)) * u128::from(multiple)) >> 64;
        low = carried + older + n0_high as u64 + (n1.wrapping_mul(multiple) & MASK);
        move_down(&mut sum);
        move_down(&mut reduced);
        for (sum, factor) in sum.iter_mut().zip(&factor) {
            *sum = _mm512_madd52hi_epu64(*sum, *factor, digit);
        }
        for (reduced, n) in reduced.iter_mut().zip(&n_for_high) {
            *reduced = _mm512_madd52hi_epu64(*reduced, *n, multiples);
        }
    }
    // The lowest limb of the multiples is in `low`.
    for lowest in reduced.iter_mut().take(1) {
        *lowest = _mm512_mask_mov_epi64(*lowest, 0b01, _mm512_set1_epi64(low as i64));
    }
    for (sum, reduced) in sum.iter_mut().zip(&reduced) {
        *sum = _mm512_add_epi64(*sum, *reduced);
    }
    carry(&mut sum);
    for (words, sum) in product.0.iter_mut().zip(sum) {
        store(words, sum);
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
        for (found, words) in found.iter_mut().zip(&candidate.0) {
            *found = _mm512_mask_mov_epi64(*found, is_it, load(words));
        }
    }
    for (words, found) in entry.0.iter_mut().zip(found) {
        store(words, found);
    }
}

/// `base` to the `exponent`: up to n, n standing for zero.
#[target_feature(enable = "avx512f,avx512ifma,bmi2")]
fn power<const V: usize>(modulus: &Montgomery<V>, base: &Limbs<V>, exponent: &[u8]) -> Zeroizing<Limbs<V>> {
    let mut one = Limbs::ZERO;
    one.0.as_flattened_mut().iter_mut().take(1).for_each(|lowest| *lowest = 1);
    let mut table = Zeroizing::new(vec![Limbs::ZERO; 1 << WINDOW]);
    let mut scaled = Zeroizing::new(Limbs::ZERO);
    times(modulus, base, &modulus.square, &mut scaled);
    let mut next = Zeroizing::new(Limbs::ZERO);
    times(modulus, &one, &modulus.square, &mut next);
    for entry in table.iter_mut() {
        *entry = *next;
        times(modulus, entry, &scaled, &mut next);
    }
    let (mut result, mut entry) = (Zeroizing::new(Limbs::ZERO), Zeroizing::new(Limbs::ZERO));
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
    use super::{LIMB_BITS, Limbs, MASK, carry, load, store};
    use crate::modulus::Modulus;

    #[target_feature(enable = "avx512f")]
    fn carried(limbs: &Limbs<5>) -> Limbs<5> {
        let mut vectors = limbs.0.map(|words| load(&words));
        carry(&mut vectors);
        let mut out = Limbs([[0; 8]; 5]);
        out.0.iter_mut().zip(vectors).for_each(|(words, vector)| store(words, vector));
        out
    }

    /// Against one limb after the other: full limbs that a carry runs through, over the ends of vectors too.
    #[test]
    fn a_carry_runs_through_full_limbs() {
        if !std::arch::is_x86_feature_detected!("avx512f") {
            return println!("skipped: no AVX-512");
        }
        let largest = (1 << 61) - 1;
        for from in 0..38 {
            for (first, rest) in
                [(MASK + 1, MASK), (largest, MASK), (MASK, MASK), (largest, largest), (1, MASK - 1)]
            {
                let mut limbs = Limbs([[0; 8]; 5]);
                let places = limbs.0.as_flattened_mut();
                places[from] = first;
                places[from + 1..39].fill(rest);
                let mut expected = Limbs([[0; 8]; 5]);
                let mut over = 0;
                for (to, limb) in expected.0.as_flattened_mut().iter_mut().zip(limbs.0.as_flattened()) {
                    let sum = limb + over;
                    (*to, over) = (sum & MASK, sum >> LIMB_BITS);
                }
                // SAFETY: the processor has AVX-512.
                let found = unsafe { carried(&limbs) };
                assert_eq!(found.0, expected.0, "from limb {from}, {first:#x} and {rest:#x}");
            }
        }
    }

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
