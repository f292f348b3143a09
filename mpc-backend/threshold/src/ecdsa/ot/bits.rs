//! Bit matrices and GF(2^128), without a branch or an address that depends on a secret.
//!
//! GF(2^128) = F_2\[x\]/(x^128 + x^7 + x^2 + x + 1); bit t of the integer is the coefficient of x^t.

use zeroize::{Zeroize, Zeroizing};

/// Transposes a 128 x 128 bit matrix in place: bit j of row w goes to bit w of row j.
pub fn transpose(rows: &mut [u128; 128]) {
    let mut width = 64;
    let mut low_halves = u128::from(u64::MAX);
    while width > 0 {
        // Swap the upper right with the lower left quarter of each square of side 2 x width.
        for square in rows.chunks_exact_mut(2 * width) {
            let (upper, lower) = square.split_at_mut(width);
            for (up, low) in upper.iter_mut().zip(lower) {
                let swap = ((*up >> width) ^ *low) & low_halves;
                *up ^= swap << width;
                *low ^= swap;
            }
        }
        width /= 2;
        low_halves ^= low_halves << width;
    }
}

/// Times x.
const fn double(value: u128) -> u128 {
    // The reduction is applied under a mask, not under a branch.
    (value << 1) ^ (0x87 & (value >> 127).wrapping_neg())
}

/// `challenge` x^0 .. x^127: the product with any element is a sum of these.
pub fn multiples(challenge: u128) -> [u128; 128] {
    let mut power = challenge;
    core::array::from_fn(|_| {
        let current = power;
        power = double(power);
        current
    })
}

/// The product of `value` with the element whose [`multiples`] are given.
pub fn multiply(multiples: &[u128; 128], value: u128) -> u128 {
    multiples
        .iter()
        .zip(0_u32..)
        .fold(0, |sum, (multiple, bit)| sum ^ (multiple & ((value >> bit) & 1).wrapping_neg()))
}

/// Hashes 128 rows at once: `output[w]` ^= the sum over m of challenge_m x (bits 128m.. of row w).
///
/// The rows are given as their columns (bit w of `columns[j]` is bit j of row w), the challenges
/// as their [`multiples`]. This is a product of bit matrices by the method of four Russians: sums
/// of eight columns are tabulated, and looked up by bits of the *challenges*, which are public.
pub fn hash_rows(columns: &[u128], challenges: &[[u128; 128]], output: &mut [u128; 128]) {
    let mut sums = Zeroizing::new([0_u128; 128]);
    let mut table = Zeroizing::new([0_u128; 256]);
    for (chunk, challenge) in columns.chunks(128).zip(challenges) {
        let mut by_output_bit = *challenge;
        transpose(&mut by_output_bit);
        for (group, eight) in (0_u32..).step_by(8).zip(chunk.chunks(8)) {
            tabulate(eight, &mut table);
            for (sum, coefficients) in sums.iter_mut().zip(&by_output_bit) {
                let [index, ..] = (coefficients >> group).to_le_bytes();
                *sum ^= table.get(usize::from(index)).copied().unwrap_or_default();
            }
        }
    }
    transpose(&mut sums);
    for (out, sum) in output.iter_mut().zip(sums.iter()) {
        *out ^= *sum;
    }
}

/// All sums of up to eight columns: entry `i` is the sum of those whose bit is set in `i`.
fn tabulate(columns: &[u128], table: &mut [u128; 256]) {
    table.zeroize();
    for (bit, column) in columns.iter().enumerate() {
        let (done, rest) = table.split_at_mut(1 << bit);
        for (new, old) in rest.iter_mut().zip(done.iter()) {
            *new = *old ^ column;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{RngCore, SeedableRng};

    fn wide(rng: &mut ChaCha20Rng) -> u128 {
        u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())
    }

    #[test]
    fn the_modulus_is_x128_x7_x2_x_1() {
        assert_eq!(multiply(&multiples(1 << 127), 2), 0x87);
    }

    #[test]
    fn transposing_moves_bit_j_of_row_w_to_bit_w_of_row_j() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let rows: [u128; 128] = core::array::from_fn(|_| wide(&mut rng));
        let mut turned = rows;
        transpose(&mut turned);
        for (w, row) in rows.iter().enumerate() {
            for (j, column) in turned.iter().enumerate() {
                assert_eq!(row >> j & 1, column >> w & 1);
            }
        }
    }

    #[test]
    fn hashing_all_rows_equals_hashing_each() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let challenges: [[u128; 128]; 4] = core::array::from_fn(|_| multiples(wide(&mut rng)));
        let columns: Vec<u128> = (0..416).map(|_| wide(&mut rng)).collect();
        let mut hashes = [0; 128];
        hash_rows(&columns, &challenges, &mut hashes);
        for (w, hash) in hashes.into_iter().enumerate() {
            let mut expected = 0;
            for (m, chunk) in columns.chunks(128).enumerate() {
                let bits = chunk.iter().enumerate().fold(0, |sum, (t, column)| sum | (column >> w & 1) << t);
                expected ^= multiply(&challenges[m], bits);
            }
            assert_eq!(hash, expected);
        }
    }

    proptest! {
        #[test]
        fn multiplication_is_a_commutative_ring(a: u128, b: u128, c: u128) {
            let times = |a, b| multiply(&multiples(a), b);
            prop_assert_eq!(times(a, b), times(b, a));
            prop_assert_eq!(times(a, times(b, c)), times(times(a, b), c));
            prop_assert_eq!(times(a, b ^ c), times(a, b) ^ times(a, c));
            prop_assert_eq!(times(a, 1), a);
        }

        #[test]
        fn squaring_128_times_is_the_identity(a: u128) {
            let power = (0..128).fold(a, |power, _| multiply(&multiples(power), power));
            prop_assert_eq!(power, a);
        }
    }
}
