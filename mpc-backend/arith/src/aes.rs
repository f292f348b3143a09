//! AES in counter mode as a source of pseudorandom blocks.
//!
//! A protocol that uses each key for a few blocks spends its time in key schedules and calls. So, where
//! the CPU has AES instructions, schedule and rounds stand here, inlined into one function; elsewhere
//! AWS-LC takes vector permutations or bit slicing (on AArch64 its own AES instructions). All of them
//! are constant-time in key and data, and a test compares them.

use aws_lc_sys::{AES_KEY, AES_ctr128_encrypt, AES_set_encrypt_key};

use crate::wipe;

/// A block, also of the counter.
pub type Block = [u8; 16];

/// Fills `output` with the AES-128 keystream from the block `counter` on, which counts up as one
/// big-endian integer.
pub fn aes128_ctr(key: &[u8; 16], counter: u128, output: &mut [Block]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("ssse3") {
        // SAFETY: the CPU has both features that the function is compiled for.
        return unsafe { instructions::aes128_ctr(key, counter, output) };
    }
    library_ctr(key, counter, output);
}

/// As [`aes128_ctr`], with two AES-256 keys at once: a key's schedule is a chain in which every step
/// waits for the step before, and two fill each other's gaps.
pub fn aes256_ctr_both(keys: [&[u8; 32]; 2], counter: u128, outputs: [&mut [Block]; 2]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("ssse3") {
        // SAFETY: the CPU has both features that the function is compiled for.
        return unsafe { instructions::aes256_ctr_both(keys, counter, outputs) };
    }
    for (key, output) in keys.into_iter().zip(outputs) {
        library_ctr(key, counter, output);
    }
}

/// `key` has 16 or 32 bytes.
fn library_ctr(key: &[u8], counter: u128, output: &mut [Block]) {
    let mut schedule = AES_KEY { rd_key: [0; 60], rounds: 0 };
    let bits = 8 * key.len() as u32;
    // SAFETY: the key has `bits` bits, 128 or 256; the schedule is ours to write.
    let failed = unsafe { AES_set_encrypt_key(key.as_ptr(), bits, &raw mut schedule) };
    assert_eq!(failed, 0, "both lengths are valid");
    let mut counter = counter.to_be_bytes();
    let mut unused = [0; size_of::<Block>()];
    let mut used_of_block = 0;
    let output = output.as_flattened_mut();
    output.fill(0);
    // SAFETY: input and output are the same `output.len()` bytes, which in place is allowed; key,
    // counter, the rest of a block and its count are live and ours to write, of the sizes required.
    unsafe {
        AES_ctr128_encrypt(
            output.as_ptr(),
            output.as_mut_ptr(),
            output.len(),
            &raw const schedule,
            counter.as_mut_ptr(),
            unused.as_mut_ptr(),
            &raw mut used_of_block,
        );
    }
    wipe(&mut unused);
    wipe(&mut schedule.rd_key);
}

#[cfg(target_arch = "x86_64")]
mod instructions {
    use std::arch::x86_64::{
        __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_set_epi8, _mm_set1_epi32, _mm_setzero_si128,
        _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_si128, _mm_xor_si128,
    };

    use zeroize::Zeroize as _;

    use super::Block;
    use crate::vector::{load, store};

    /// Round keys; wiped when dropped.
    struct Schedule<const KEYS: usize>([__m128i; KEYS]);

    impl<const KEYS: usize> Drop for Schedule<KEYS> {
        fn drop(&mut self) {
            self.0.zeroize();
        }
    }

    #[target_feature(enable = "aes,ssse3")]
    pub(super) fn aes128_ctr(key: &[u8; 16], counter: u128, output: &mut [Block]) {
        let mut schedule = Schedule([_mm_setzero_si128(); 11]);
        let [first, later @ ..] = &mut schedule.0;
        let mut words = load(u128::from_le_bytes(*key));
        *first = words;
        for (round_key, constant) in later.iter_mut().zip(CONSTANTS) {
            words = next(words, rotated(words), _mm_set1_epi32(constant));
            *round_key = words;
        }
        stream(&schedule.0, counter, output);
    }

    #[target_feature(enable = "aes,ssse3")]
    pub(super) fn aes256_ctr_both(keys: [&[u8; 32]; 2], counter: u128, outputs: [&mut [Block]; 2]) {
        let zero = _mm_setzero_si128();
        let mut schedules = [Schedule([zero; 15]), Schedule([zero; 15])];
        let mut last = [(zero, zero); 2];
        for ((schedule, key), (even, odd)) in schedules.iter_mut().zip(keys).zip(&mut last) {
            let [first, second, ..] = &mut schedule.0;
            for ((place, words), half) in [first, second].into_iter().zip([even, odd]).zip(key.as_chunks().0)
            {
                *words = load(u128::from_le_bytes(*half));
                *place = *words;
            }
        }
        for (step, constant) in CONSTANTS.into_iter().take(7).enumerate() {
            for (schedule, (even, odd)) in schedules.iter_mut().zip(&mut last) {
                *even = next(*even, rotated(*odd), _mm_set1_epi32(constant));
                *odd = next(*odd, _mm_shuffle_epi32::<0xff>(*even), zero);
                // The last step makes one more than there is room for.
                let places = schedule.0.iter_mut().skip(2 + 2 * step);
                for (place, words) in places.zip([*even, *odd]) {
                    *place = words;
                }
            }
        }
        for (schedule, output) in schedules.iter().zip(outputs) {
            stream(&schedule.0, counter, output);
        }
    }

    /// Round constants (FIPS 197, 5.2).
    const CONSTANTS: [i32; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];

    /// The last word in all places, rotated by one byte.
    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn rotated(words: __m128i) -> __m128i {
        let order = _mm_set_epi8(12, 15, 14, 13, 12, 15, 14, 13, 12, 15, 14, 13, 12, 15, 14, 13);
        _mm_shuffle_epi8(words, order)
    }

    /// The next four words: running sums of `words`, plus the substituted `word` and the constant.
    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn next(words: __m128i, word: __m128i, constant: __m128i) -> __m128i {
        // The last round substitutes, shifts rows, which does nothing to four equal words, and adds.
        let word = _mm_aesenclast_si128(word, constant);
        let words = _mm_xor_si128(words, _mm_slli_si128::<4>(words));
        let words = _mm_xor_si128(words, _mm_slli_si128::<8>(words));
        _mm_xor_si128(words, word)
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn stream<const KEYS: usize>(keys: &[__m128i; KEYS], mut counter: u128, mut output: &mut [Block]) {
        // So many blocks at once as a pad has, or a row, or what is left.
        while !output.is_empty() {
            let count = match output.len() {
                9.. => several::<9, KEYS>(keys, counter, output),
                5.. => several::<5, KEYS>(keys, counter, output),
                3.. => several::<3, KEYS>(keys, counter, output),
                _ => several::<1, KEYS>(keys, counter, output),
            };
            counter = counter.wrapping_add(count as u128);
            output = output.split_at_mut(count).1;
        }
    }

    /// Fills the first `COUNT` blocks of `output`; returns `COUNT`.
    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn several<const COUNT: usize, const KEYS: usize>(
        keys: &[__m128i; KEYS],
        counter: u128,
        output: &mut [Block],
    ) -> usize {
        let [first, middle @ .., last] = keys.as_slice() else { return COUNT };
        let mut blocks = [_mm_setzero_si128(); COUNT];
        for (number, block) in (0..).zip(&mut blocks) {
            *block = _mm_xor_si128(load(counter.wrapping_add(number).swap_bytes()), *first);
        }
        for key in middle {
            for block in &mut blocks {
                *block = _mm_aesenc_si128(*block, *key);
            }
        }
        for (out, block) in output.iter_mut().zip(blocks) {
            *out = store(_mm_aesenclast_si128(block, *last)).to_le_bytes();
        }
        COUNT
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use ::aes::cipher::{BlockEncrypt as _, KeyInit as _};
    use proptest::prelude::*;

    /// Block by block with another implementation.
    fn expected(cipher: impl Fn(&mut ::aes::Block), counter: u128, blocks: usize) -> Vec<Block> {
        let encrypted = |number: usize| {
            let mut block = counter.wrapping_add(number as u128).to_be_bytes().into();
            cipher(&mut block);
            block.into()
        };
        (0..blocks).map(encrypted).collect()
    }

    fn all_ways_agree(short: [u8; 16], long: [u8; 32], counter: u128, blocks: usize) {
        let streams = |way: &dyn Fn(&mut [Block])| {
            let mut stream = vec![[0xaa; 16]; blocks];
            way(&mut stream);
            stream
        };
        let cipher = ::aes::Aes128Enc::new(&short.into());
        let by_other = expected(|block| cipher.encrypt_block(block), counter, blocks);
        assert_eq!(streams(&|stream| aes128_ctr(&short, counter, stream)), by_other);
        assert_eq!(streams(&|stream| library_ctr(&short, counter, stream)), by_other);
        let other_key = long.map(|byte| !byte);
        for (key, first) in [(long, true), (other_key, false)] {
            let cipher = ::aes::Aes256Enc::new(&key.into());
            let by_other = expected(|block| cipher.encrypt_block(block), counter, blocks);
            let of_both = |stream: &mut [Block]| {
                let mut unused = vec![[0; 16]; blocks];
                let outputs = if first { [stream, &mut unused] } else { [&mut unused, stream] };
                aes256_ctr_both([&long, &other_key], counter, outputs);
            };
            assert_eq!(streams(&of_both), by_other);
            assert_eq!(streams(&|stream| library_ctr(&key, counter, stream)), by_other);
        }
    }

    #[test]
    fn every_length_agrees_over_every_carry() {
        // The last three carry into the next 32, 64 and 128 bits of the counter.
        for counter in [0, 5 << 64, 0xffff_fffe, (1 << 64) - 2, u128::MAX - 1] {
            for blocks in 0..=20 {
                all_ways_agree([0x5a; 16], [0xc3; 32], counter, blocks);
            }
        }
    }

    proptest! {
        #[test]
        fn all_ways_agree_on_random_keys(
            short: [u8; 16],
            long: [u8; 32],
            counter: u128,
            blocks in 0..40_usize,
        ) {
            all_ways_agree(short, long, counter, blocks);
        }
    }

    /// FIPS 197, appendix C.1 and C.3: the first block of the stream from a counter is its encryption.
    #[test]
    fn the_standards_own_examples() {
        let key: [u8; 32] = core::array::from_fn(|byte| byte as u8);
        let counter = u128::from_be_bytes(core::array::from_fn(|byte| 0x11 * byte as u8));
        let (mut block, mut other) = ([[0; 16]], [[0; 16]]);
        aes256_ctr_both([&key, &key], counter, [&mut block, &mut other]);
        assert_eq!(block, other);
        assert_eq!(u128::from_be_bytes(block[0]), 0x8ea2_b7ca_5167_45bf_eafc_4990_4b49_6089);
        aes128_ctr(key.first_chunk().unwrap(), counter, &mut block);
        assert_eq!(u128::from_be_bytes(block[0]), 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a);
    }
}
