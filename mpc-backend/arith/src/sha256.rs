//! The compression function of SHA-256 (FIPS 180-4) on two messages at once.
//!
//! In one compression every step waits for the step before; two fill each other's gaps. By the CPU's
//! SHA instructions where it has them, else one after the other by the `sha2` crate. Both are
//! constant-time, and a test compares them.

use sha2::compress256;
use sha2::digest::generic_array::GenericArray;

/// The eight words of a state.
pub type State = [u32; 8];
/// A block.
pub type Block = [u8; 64];
/// Messages at once.
pub const LANES: usize = 2;

/// The state before any block (FIPS 180-4, 5.3.3).
pub const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Adds a block to a state.
pub fn compress(state: &mut State, block: &Block) {
    compress256(state, core::slice::from_ref(GenericArray::from_slice(block)));
}

/// Adds a block to each state.
pub fn compress_both(states: &mut [State; LANES], blocks: &[Block; LANES]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("sha") && std::arch::is_x86_feature_detected!("sse4.1") {
        // SAFETY: the CPU has both features that the function is compiled for.
        return unsafe { instructions::compress_both(states, blocks) };
    }
    one_by_one(states, blocks);
}

fn one_by_one(states: &mut [State; LANES], blocks: &[Block; LANES]) {
    for (state, block) in states.iter_mut().zip(blocks) {
        compress(state, block);
    }
}

#[cfg(target_arch = "x86_64")]
mod instructions {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_set_epi8, _mm_set_epi32, _mm_setzero_si128,
        _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
        _mm_shuffle_epi32,
    };

    use super::{Block, LANES, State};
    use crate::vector::{load, store};

    /// What the instructions keep of a message.
    #[derive(Clone, Copy)]
    struct Lane {
        /// a, b, e, f from the top, and c, d, g, h.
        abef: __m128i,
        cdgh: __m128i,
        /// The last sixteen words of the message's schedule.
        words: [__m128i; 4],
    }

    #[target_feature(enable = "sha,sse4.1")]
    pub(super) fn compress_both(states: &mut [State; LANES], blocks: &[Block; LANES]) {
        let zero = _mm_setzero_si128();
        let mut lanes = [Lane { abef: zero, cdgh: zero, words: [zero; 4] }; LANES];
        for ((lane, state), block) in lanes.iter_mut().zip(states.iter()).zip(blocks) {
            (lane.abef, lane.cdgh) = arranged(state);
            for (words, bytes) in lane.words.iter_mut().zip(block.as_chunks().0) {
                let big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
                *words = _mm_shuffle_epi8(load(u128::from_le_bytes(*bytes)), big_endian);
            }
        }
        // What the last four steps put into the schedule is used by nobody.
        for constants in CONSTANTS.as_chunks().0 {
            let [k0, k1, k2, k3] = constants.map(u32::cast_signed);
            let constants = _mm_set_epi32(k3, k2, k1, k0);
            for lane in &mut lanes {
                let [oldest, older, old, last] = lane.words;
                let sum = _mm_add_epi32(oldest, constants);
                lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, sum);
                lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32::<0x0e>(sum));
                let sum = _mm_sha256msg1_epu32(oldest, older);
                let sum = _mm_add_epi32(sum, _mm_alignr_epi8::<4>(last, old));
                lane.words = [older, old, last, _mm_sha256msg2_epu32(sum, last)];
            }
        }
        for (state, lane) in states.iter_mut().zip(lanes) {
            let (abef, cdgh) = arranged(state);
            let abef = store(_mm_add_epi32(abef, lane.abef));
            let cdgh = store(_mm_add_epi32(cdgh, lane.cdgh));
            let word = |vector: u128, from_top: u32| (vector >> (96 - 32 * from_top)) as u32;
            *state = [
                word(abef, 0),
                word(abef, 1),
                word(cdgh, 0),
                word(cdgh, 1),
                word(abef, 2),
                word(abef, 3),
                word(cdgh, 2),
                word(cdgh, 3),
            ];
        }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1")]
    fn arranged(state: &State) -> (__m128i, __m128i) {
        let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
        (_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h))
    }

    /// FIPS 180-4, 4.2.2.
    #[rustfmt::skip]
    const CONSTANTS: [u32; 64] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ];
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn block() -> impl Strategy<Value = Block> {
        proptest::collection::vec(any::<u8>(), 64).prop_map(|bytes| bytes.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn both_ways_agree(states: [State; LANES], first in block(), second in block()) {
            let (mut together, mut apart) = (states, states);
            compress_both(&mut together, &[first, second]);
            one_by_one(&mut apart, &[first, second]);
            prop_assert_eq!(together, apart);
        }
    }

    /// FIPS 180-4's example "abc".
    #[test]
    fn the_standards_own_example() {
        let mut block = [0; 64];
        block[..4].copy_from_slice(b"abc\x80");
        block[63] = 24;
        let mut states = [START; LANES];
        compress_both(&mut states, &[block, [0; 64]]);
        let digest = [
            0xba78_16bf,
            0x8f01_cfea,
            0x4141_40de,
            0x5dae_2223,
            0xb003_61a3,
            0x9617_7a9c,
            0xb410_ff61,
            0xf200_15ad,
        ];
        assert_eq!(states[0], digest);
    }
}
