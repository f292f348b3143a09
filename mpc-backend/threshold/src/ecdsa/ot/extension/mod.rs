//! Section 4: SoftSpoken OT extension (ePrint 2022/192, k = 4), one call a multiplication.
//!
//! Bob sends corrections u and a tag; both end with columns W^j = V^j + beta_j Delta.
//! The tag check proves that Bob used one choice vector in all blocks. When it fails Bob is at
//! fault and the pair is dead: each guess of Delta would otherwise be repeatable.
//! DEVIATION D6: the row hashes t are sent as one digest, since Alice can compute every one.

mod message;

use alloc::vec::Vec;

use arith::aes::aes128_ctr;
use arith::gf128::inner_product;
use rand_core::CryptoRngCore;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

pub use self::message::ExtensionMessage;
use super::bits::transpose;
use super::{BLOCK_BITS, BLOCKS, Delta, Leaves, ROWS, Seed, delta_column};
use crate::secret::Secret;
use crate::transcript::{EXTENSION_TAG, HASH_BYTES, hash_all};

/// Masking bits at the end of each row.
const MASK_BITS: usize = 128;
/// Bytes of a 128-bit word.
const WORD_BYTES: usize = 16;
/// Words of the longest row, which is P-384's.
const ROW_WORDS_MAX: usize = 6;

/// Columns of an extension: bit w of column j is bit j of row w. Bob's V or Alice's W.
pub type Columns = Secret<Vec<u128>>;

/// One row: bit t is bit t mod 128 of word t / 128; zeros behind the row's end.
type Row = [u128; ROW_WORDS_MAX];
/// V or W.
type Rows = Zeroizing<[Row; ROWS]>;

/// Bytes of a row for `width` choice bits (a multiple of 8).
pub const fn row_bytes(width: usize) -> usize {
    let bytes = (width + MASK_BITS) / 8;
    assert!(bytes <= ROW_WORDS_MAX * WORD_BYTES, "a row is longer than any curve's");
    bytes
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
    seal(sid, number, 8 * choices.len(), expanded)
}

/// Bob's values before the check is attached.
struct Expanded {
    /// c = beta || 128 random bits.
    padded: Zeroizing<Row>,
    corrections: Vec<u8>,
    /// V.
    rows: Rows,
}

fn expand_choices(leaves: &Leaves, number: u64, choices: &[u8], rng: &mut dyn CryptoRngCore) -> Expanded {
    let row = row_bytes(8 * choices.len());
    let mut bytes = Zeroizing::new([0; ROW_WORDS_MAX * WORD_BYTES]);
    let (bits, mask) = bytes.split_at_mut(choices.len());
    bits.copy_from_slice(choices);
    rng.fill_bytes(mask.split_at_mut(MASK_BITS / 8).0);
    let padded = Zeroizing::new(words(bytes.as_slice()));
    let mut corrections = Vec::with_capacity(BLOCKS * row);
    let mut rows = Rows::new([[0; ROW_WORDS_MAX]; ROWS]);
    let mut stream = Keystream::new(number, row);
    let blocks = rows.as_chunks_mut::<BLOCK_BITS>().0;
    for (leaves, block) in leaves.expose().iter().zip(blocks) {
        let mut total = Zeroizing::new(*padded);
        for (leaf, seed) in leaves.iter().enumerate() {
            fold(leaf, stream.row(seed), &mut total, block);
        }
        let sum = total.map(u128::to_le_bytes);
        corrections.extend(sum.as_flattened().iter().take(row));
    }
    Expanded { padded, corrections, rows }
}

fn seal(sid: &[u8; 32], number: u64, width: usize, expanded: Expanded) -> (ExtensionMessage, Columns) {
    let mut message = ExtensionMessage {
        number,
        corrections: expanded.corrections,
        choice_hash: [0; WORD_BYTES],
        tag: [0; HASH_BYTES],
    };
    let challenges = message.challenges(sid, width);
    message.choice_hash = hash_row(&expanded.padded, width, &challenges).to_le_bytes();
    message.tag = tag(sid, number, &hash_rows(&expanded.rows, width, &challenges));
    (message, turn(&expanded.rows, width))
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
    let mut rows = Rows::new([[0; ROW_WORDS_MAX]; ROWS]);
    let mut stream = Keystream::new(message.number, row);
    let blocks = rows.as_chunks_mut::<BLOCK_BITS>().0;
    let corrections = message.corrections.chunks_exact(row);
    for (((leaves, offset), correction), block) in
        leaves.expose().iter().zip(delta.expose()).zip(corrections).zip(blocks)
    {
        // Bit b of y ^ Delta selects r_y: with Delta's bit 0 that is the sum over bit b of y, with
        // bit 1 it is that sum plus the sum of all r_y, to which u is added.
        let mut total = Zeroizing::new(words(correction));
        for (leaf, seed) in leaves.iter().enumerate() {
            let stream = stream.row(seed);
            let known = mask(!(leaf as u8).ct_eq(offset));
            stream.iter_mut().for_each(|word| *word &= known);
            fold(leaf, stream, &mut total, block);
        }
        for (bit, row) in block.iter_mut().enumerate() {
            let set = mask(Choice::from((offset >> bit) & 1));
            row.iter_mut().zip(total.iter()).for_each(|(word, other)| *word ^= other & set);
        }
    }
    let challenges = message.challenges(sid, width);
    let mut hashes = hash_rows(&rows, width, &challenges);
    let column = delta_column(delta);
    let choice_hash = u128::from_le_bytes(message.choice_hash);
    for (bit, hash) in (0_u32..).zip(hashes.iter_mut()) {
        // By a choice: from a mask of one bit the optimiser makes a branch.
        *hash ^= u128::conditional_select(&0, &choice_hash, Choice::from((column >> bit) as u8 & 1));
    }
    let verdict = tag(sid, message.number, &hashes).ct_eq(&message.tag);
    (turn(&rows, width), verdict)
}

/// r_{i,y} of one row after the other, in one place.
struct Keystream {
    counter: u128,
    blocks: Zeroizing<[[u8; WORD_BYTES]; ROW_WORDS_MAX]>,
    /// Blocks of a row, and what of its last one is part of the row.
    used: usize,
    last: u128,
    row: Zeroizing<Row>,
}

impl Keystream {
    fn new(number: u64, row_bytes: usize) -> Self {
        let used = row_bytes.div_ceil(WORD_BYTES);
        Self {
            counter: u128::from(number) << 64,
            blocks: Zeroizing::default(),
            used,
            last: u128::MAX >> (8 * (used * WORD_BYTES - row_bytes)),
            row: Zeroizing::default(),
        }
    }

    /// AES-128-CTR under the leaf, initial counter u64(ext) || u64(0).
    fn row(&mut self, seed: &Seed) -> &mut Row {
        let (blocks, _) = self.blocks.split_at_mut(self.used);
        aes128_ctr(seed, self.counter, blocks);
        for (word, block) in self.row.iter_mut().zip(blocks.iter()) {
            *word = u128::from_le_bytes(*block);
        }
        if let Some(last) = self.used.checked_sub(1).and_then(|last| self.row.get_mut(last)) {
            *last &= self.last;
        }
        &mut self.row
    }
}

/// Adds r_y to the total, and to row b of the block for every bit b of y.
fn fold(leaf: usize, stream: &Row, total: &mut Row, block: &mut [Row; BLOCK_BITS]) {
    xor(total, stream);
    for (bit, row) in block.iter_mut().enumerate() {
        if leaf >> bit & 1 == 1 {
            xor(row, stream);
        }
    }
}

/// Rows to columns. The masking bits stay behind with the rows.
fn turn(rows: &Rows, width: usize) -> Columns {
    let mut columns = Vec::with_capacity(width);
    let mut square = Zeroizing::new([0; ROWS]);
    for chunk in 0..width.div_ceil(128) {
        for (word, row) in square.iter_mut().zip(rows.iter()) {
            *word = row.get(chunk).copied().unwrap_or_default();
        }
        transpose(&mut square);
        columns.extend(square.iter().take(width - 128 * chunk));
    }
    Secret::new(columns)
}

/// hash_chi of every row.
fn hash_rows(rows: &Rows, width: usize, challenges: &[u128]) -> Zeroizing<[u128; ROWS]> {
    Zeroizing::new(rows.each_ref().map(|row| hash_row(row, width, challenges)))
}

/// hash_chi of one row: its last 128 bits plus the sum of challenge x chunk.
fn hash_row(row: &Row, width: usize, challenges: &[u128]) -> u128 {
    let (whole, bits) = (width / 128, width % 128);
    let mut chunks = Zeroizing::new(*row);
    let mut ahead = row.iter().skip(whole);
    let (first, second) =
        (ahead.next().copied().unwrap_or_default(), ahead.next().copied().unwrap_or_default());
    // The mask begins within a word unless the width is a multiple of 128.
    let mask = if bits == 0 { first } else { (first >> bits) | (second << (128 - bits)) };
    if let Some(last) = chunks.get_mut(whole) {
        *last &= (1 << bits) - 1;
    }
    mask ^ inner_product(&*chunks, challenges)
}

/// Up to `ROW_WORDS_MAX` words, least significant byte first; zeros behind the end.
fn words(bytes: &[u8]) -> Row {
    let mut row = [0; ROW_WORDS_MAX];
    for (word, chunk) in row.iter_mut().zip(bytes.chunks(WORD_BYTES)) {
        *word = match chunk.first_chunk::<WORD_BYTES>() {
            Some(chunk) => u128::from_le_bytes(*chunk),
            None => chunk.iter().rev().fold(0, |word, byte| (word << 8) | u128::from(*byte)),
        };
    }
    row
}

fn tag(sid: &[u8; 32], number: u64, hashes: &[u128; ROWS]) -> [u8; HASH_BYTES] {
    let number = number.to_be_bytes();
    let head: [&[u8]; 2] = [sid, &number];
    let hashes = Zeroizing::new(hashes.map(u128::to_le_bytes));
    hash_all(EXTENSION_TAG, head.into_iter().chain(hashes.iter().map(<[u8; WORD_BYTES]>::as_slice)))
}

fn xor(target: &mut Row, other: &Row) {
    target.iter_mut().zip(other).for_each(|(word, other)| *word ^= other);
}

/// All ones when `choice` is true, else zeros.
fn mask(choice: Choice) -> u128 {
    u128::conditional_select(&0, &u128::MAX, choice)
}

#[cfg(test)]
mod tests;
