//! Bit matrices, without a branch or an address that depends on a secret.

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{RngCore, SeedableRng};

    fn wide(rng: &mut ChaCha20Rng) -> u128 {
        u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())
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
}
