//! Section 4: SoftSpoken OT extension (ePrint 2022/192, k = 4), one call a multiplication.
//!
//! Bob sends corrections u and a tag; both end with columns W^j = V^j + beta_j Delta.
//! The tag check proves that Bob used one choice vector in all blocks. When it fails Bob is at
//! fault and the pair is dead: each guess of Delta would otherwise be repeatable.
//! DEVIATION D6: the row hashes t are sent as one digest, since Alice can compute every one.

mod message;

use alloc::vec::Vec;

use aes::Aes128Enc;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use rand_core::CryptoRngCore;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

pub use self::message::ExtensionMessage;
use super::bits::{hash_rows, multiply, transpose};
use super::{BLOCK_BITS, BLOCKS, Delta, Leaves, ROWS, Seed, delta_column};
use crate::secret::Secret;
use crate::transcript::{EXTENSION_TAG, HASH_BYTES, hash_all};

/// Masking bits at the end of each row.
const MASK_BITS: usize = 128;
/// Bytes of a 128-bit word.
const WORD_BYTES: usize = 16;

/// Columns of an extension: bit w of column j is bit j of row w. Bob's V or Alice's W.
pub type Columns = Secret<Vec<u128>>;

/// Bytes of a row for `width` choice bits (a multiple of 8).
pub const fn row_bytes(width: usize) -> usize {
    (width + MASK_BITS) / 8
}

/// Bob: extends `choices` (beta, its length in bits is the width), with extension number `number`.
///
/// The caller guarantees that `number` was never used before in this direction.
pub fn extend(
    sid: &[u8; 32],
    leaves: &Leaves,
    number: u64,
    choices: &[u8],
    rng: &mut dyn CryptoRngCore,
) -> (ExtensionMessage, Columns) {
    let expanded = expand_choices(leaves, number, choices, rng);
    seal(sid, number, expanded)
}

/// Bob's values before the check is attached.
struct Expanded {
    /// c = beta || 128 random bits.
    padded: Zeroizing<Vec<u8>>,
    corrections: Vec<u8>,
    /// V, 128 rows one after the other.
    rows: Zeroizing<Vec<u8>>,
}

fn expand_choices(leaves: &Leaves, number: u64, choices: &[u8], rng: &mut dyn CryptoRngCore) -> Expanded {
    let row = choices.len() + MASK_BITS / 8;
    let mut padded = Zeroizing::new(alloc::vec![0; row]);
    let (bits, mask) = padded.split_at_mut(choices.len());
    bits.copy_from_slice(choices);
    rng.fill_bytes(mask);
    let mut corrections = alloc::vec![0; BLOCKS * row];
    let mut rows = Zeroizing::new(alloc::vec![0; ROWS * row]);
    let targets = corrections.chunks_exact_mut(row).zip(rows.chunks_exact_mut(BLOCK_BITS * row));
    for (leaves, (correction, block_rows)) in leaves.expose().iter().zip(targets) {
        let mut total = Zeroizing::new(padded.clone());
        for (leaf, seed) in leaves.iter().enumerate() {
            let stream = keystream(seed, number, row);
            fold(leaf, &stream, &mut total, block_rows);
        }
        correction.copy_from_slice(&total);
    }
    Expanded { padded, corrections, rows }
}

fn seal(sid: &[u8; 32], number: u64, expanded: Expanded) -> (ExtensionMessage, Columns) {
    let row = expanded.padded.len();
    let width = 8 * row - MASK_BITS;
    let mut message = ExtensionMessage {
        number,
        corrections: expanded.corrections,
        choice_hash: [0; WORD_BYTES],
        tag: [0; HASH_BYTES],
    };
    let challenges = message.challenges(sid, width);
    message.choice_hash = hash_row(&expanded.padded, &challenges).to_le_bytes();
    let (columns, hashes) = turn(&expanded.rows, row, &challenges);
    message.tag = tag(sid, number, &hashes);
    (message, columns)
}

/// Alice: the columns W for `width` choice bits, and whether the tag holds.
///
/// Nothing here branches on Delta or addresses memory by it.
pub fn check(
    sid: &[u8; 32],
    leaves: &Leaves,
    delta: &Delta,
    message: &ExtensionMessage,
    width: usize,
) -> (Columns, Choice) {
    let row = row_bytes(width);
    let mut rows = Zeroizing::new(alloc::vec![0; ROWS * row]);
    let targets = message.corrections.chunks_exact(row).zip(rows.chunks_exact_mut(BLOCK_BITS * row));
    for ((leaves, offset), (correction, block_rows)) in
        leaves.expose().iter().zip(delta.expose()).zip(targets)
    {
        // Bit b of y ^ Delta selects r_y: with Delta's bit 0 that is the sum over bit b of y, with
        // bit 1 it is that sum plus the sum of all r_y, to which u is added.
        let mut total = Zeroizing::new(correction.to_vec());
        for (leaf, seed) in leaves.iter().enumerate() {
            let mut stream = keystream(seed, message.number, row);
            let known = mask(!(leaf as u8).ct_eq(offset));
            stream.iter_mut().for_each(|byte| *byte &= known);
            fold(leaf, &stream, &mut total, block_rows);
        }
        for (bit, row) in block_rows.chunks_exact_mut(row).enumerate() {
            let set = mask(Choice::from((offset >> bit) & 1));
            row.iter_mut().zip(total.iter()).for_each(|(byte, other)| *byte ^= other & set);
        }
    }
    let challenges = message.challenges(sid, width);
    let (columns, mut hashes) = turn(&rows, row, &challenges);
    let column = delta_column(delta);
    let choice_hash = u128::from_le_bytes(message.choice_hash);
    for (bit, hash) in (0_u32..).zip(hashes.iter_mut()) {
        *hash ^= choice_hash & ((column >> bit) & 1).wrapping_neg();
    }
    let verdict = tag(sid, message.number, &hashes).ct_eq(&message.tag);
    (columns, verdict)
}

/// r_{i,y}: AES-128-CTR under the leaf, initial counter u64(ext) || u64(0).
fn keystream(seed: &Seed, number: u64, bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut counter = [0; 16];
    counter.first_chunk_mut::<8>().expect("16 > 8").copy_from_slice(&number.to_be_bytes());
    let mut stream = Zeroizing::new(alloc::vec![0; bytes]);
    Ctr128BE::<Aes128Enc>::new(&(*seed).into(), &counter.into()).apply_keystream(&mut stream);
    stream
}

/// Adds r_y to the total, and to row b of the block for every bit b of y.
fn fold(leaf: usize, stream: &[u8], total: &mut [u8], block_rows: &mut [u8]) {
    xor(total, stream);
    for (bit, row) in block_rows.chunks_exact_mut(stream.len()).enumerate() {
        if leaf >> bit & 1 == 1 {
            xor(row, stream);
        }
    }
}

/// Rows to columns, and hash_chi of every row. The masking bits leave with the rows.
fn turn(rows: &[u8], row: usize, challenges: &[[u128; 128]]) -> (Columns, Zeroizing<[u128; ROWS]>) {
    let width = 8 * row - MASK_BITS;
    let mut columns = Vec::with_capacity(128 * challenges.len());
    let mut square = Zeroizing::new([0; ROWS]);
    for chunk in 0..challenges.len() {
        for (word, row) in square.iter_mut().zip(rows.chunks_exact(row)) {
            *word = word_at(row, chunk * WORD_BYTES);
        }
        transpose(&mut square);
        let valid = (width - 128 * chunk).min(128);
        columns.extend(square.iter().take(valid));
    }
    let mut hashes = Zeroizing::new([0; ROWS]);
    for (hash, row) in hashes.iter_mut().zip(rows.chunks_exact(row)) {
        *hash = word_at(row, width / 8);
    }
    hash_rows(&columns, challenges, &mut hashes);
    (Secret::new(columns), hashes)
}

/// hash_chi of one row: its last 128 bits plus the sum of challenge x chunk.
fn hash_row(row: &[u8], challenges: &[[u128; 128]]) -> u128 {
    let (bits, mask) = row.split_at(row.len() - MASK_BITS / 8);
    let chunks = bits.chunks(WORD_BYTES).map(|chunk| word_at(chunk, 0));
    challenges.iter().zip(chunks).fold(word_at(mask, 0), |sum, (table, chunk)| sum ^ multiply(table, chunk))
}

/// Up to 16 bytes from `offset`, least significant first; zeros beyond the end.
fn word_at(bytes: &[u8], offset: usize) -> u128 {
    let bytes = bytes.get(offset..).unwrap_or_default();
    match bytes.first_chunk::<WORD_BYTES>() {
        Some(word) => u128::from_le_bytes(*word),
        None => bytes.iter().rev().fold(0, |word, byte| (word << 8) | u128::from(*byte)),
    }
}

fn tag(sid: &[u8; 32], number: u64, hashes: &[u128; ROWS]) -> [u8; HASH_BYTES] {
    let number = number.to_be_bytes();
    let head: [&[u8]; 2] = [sid, &number];
    let hashes = Zeroizing::new(hashes.map(u128::to_le_bytes));
    hash_all(EXTENSION_TAG, head.into_iter().chain(hashes.iter().map(<[u8; WORD_BYTES]>::as_slice)))
}

fn xor(target: &mut [u8], other: &[u8]) {
    target.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
}

/// All ones when `choice` is true, else zeros.
fn mask(choice: Choice) -> u8 {
    choice.unwrap_u8().wrapping_neg()
}

#[cfg(test)]
mod tests;
