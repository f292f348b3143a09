//! Section 4: SoftSpoken OT extension (ePrint 2022/192, k = 4), one call a multiplication.
//!
//! Bob sends corrections u and a tag; both end with columns W^j = V^j + beta_j Delta.
//! The tag check proves that Bob used one choice vector in all blocks. When it fails Bob is at
//! fault and the pair is dead: each guess of Delta would otherwise be repeatable.
//! DEVIATION D6: the row hashes t are sent as one digest, since Alice can compute every one.

use alloc::vec::Vec;

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use rand_core::CryptoRngCore;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::bits::{hash_rows, multiples, multiply, transpose};
use super::{BLOCK_BITS, BLOCKS, Delta, Leaves, ROWS, Seed, delta_column};
use crate::codec::{DecodeError, Reader, Writer};
use crate::secret::Secret;
use crate::transcript::{
    EXTENSION_CHALLENGE, EXTENSION_MESSAGE, EXTENSION_TAG, HASH_BYTES, expand_all, hash_all,
};

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

/// E1: what Bob sends.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtensionMessage {
    /// ext: never used twice in one direction.
    pub number: u64,
    /// u_0 .. u_31, one row each.
    pub corrections: Vec<u8>,
    /// x^: hash of the choice vector.
    pub choice_hash: [u8; WORD_BYTES],
    /// htag: digest of the row hashes.
    pub tag: [u8; HASH_BYTES],
}

impl ExtensionMessage {
    /// Bytes of an encoded message for `width` choice bits.
    pub const fn bytes(width: usize) -> usize {
        8 + BLOCKS * row_bytes(width) + WORD_BYTES + HASH_BYTES
    }

    /// Appends the encoding.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u64(self.number).bytes(&self.corrections).bytes(&self.choice_hash).bytes(&self.tag);
    }

    /// Reads a message for `width` choice bits.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn decode(reader: &mut Reader<'_>, width: usize) -> Result<Self, DecodeError> {
        Ok(Self {
            number: reader.u64()?,
            corrections: reader.bytes(BLOCKS * row_bytes(width))?.to_vec(),
            choice_hash: reader.array()?,
            tag: reader.array()?,
        })
    }

    /// H(ext/msg; ext, u_0 .. u_31, x^, htag): binds pads to this very message.
    pub fn digest(&self) -> [u8; HASH_BYTES] {
        let number = self.number.to_be_bytes();
        let tail: [&[u8]; 2] = [&self.choice_hash, &self.tag];
        hash_all(EXTENSION_MESSAGE, core::iter::once(number.as_slice()).chain(self.rows()).chain(tail))
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.corrections.chunks_exact((self.corrections.len() / BLOCKS).max(1))
    }

    /// chi_0 .. chi_{M-1} for `width` choice bits, as tables of multiples.
    fn challenges(&self, sid: &[u8; 32], width: usize) -> Vec<[u128; 128]> {
        let number = self.number.to_be_bytes();
        let head: [&[u8]; 2] = [sid, &number];
        let mut bytes = alloc::vec![0; WORD_BYTES * width.div_ceil(128)];
        expand_all(EXTENSION_CHALLENGE, head.into_iter().chain(self.rows()), &mut bytes);
        bytes.as_chunks::<WORD_BYTES>().0.iter().map(|word| multiples(u128::from_le_bytes(*word))).collect()
    }
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
    Ctr128BE::<Aes128>::new(&(*seed).into(), &counter.into()).apply_keystream(&mut stream);
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::ecdsa::ot::LEAVES;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{RngCore, SeedableRng};

    const SID: [u8; 32] = [3; 32];

    /// All leaves, all but those at Delta, and Delta.
    fn correlated(rng: &mut ChaCha20Rng) -> (Leaves, Leaves, Delta) {
        let mut all = [[[0; 16]; LEAVES]; BLOCKS];
        all.iter_mut().flatten().for_each(|leaf| rng.fill_bytes(leaf));
        let delta: [u8; BLOCKS] = core::array::from_fn(|_| (rng.next_u32() % 16) as u8);
        let mut known = all;
        for (leaves, hole) in known.iter_mut().zip(delta) {
            leaves[usize::from(hole)] = [0; 16];
        }
        (Secret::new(all), Secret::new(known), Delta::new(delta))
    }

    #[test]
    fn alice_columns_differ_from_bobs_by_delta_where_the_choice_is_one() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (all, known, delta) = correlated(&mut rng);
        for bytes in [52, 68] {
            let mut choices = alloc::vec![0; bytes];
            rng.fill_bytes(&mut choices);
            let (message, v) = extend(&SID, &all, 9, &choices, &mut rng);
            let (w, verdict) = check(&SID, &known, &delta, &message, 8 * bytes);
            assert!(bool::from(verdict));
            assert_eq!(w.expose().len(), 8 * bytes);
            for (j, (v, w)) in v.expose().iter().zip(w.expose()).enumerate() {
                let bit = u128::from(choices[j / 8] >> (j % 8) & 1);
                assert_eq!(*w, *v ^ (delta_column(&delta) * bit));
            }
        }
    }

    #[test]
    fn every_altered_value_fails_the_check() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (all, known, delta) = correlated(&mut rng);
        let (message, _) = extend(&SID, &all, 1, &[0xa5; 52], &mut rng);
        let alterations: [fn(&mut ExtensionMessage); 4] = [
            |message| message.number += 1,
            |message| message.corrections[700] ^= 4,
            |message| message.choice_hash[0] ^= 1,
            |message| message.tag[31] ^= 0x80,
        ];
        for alter in alterations {
            let mut altered = message.clone();
            alter(&mut altered);
            assert!(!bool::from(check(&SID, &known, &delta, &altered, 416).1));
        }
        assert!(!bool::from(check(&[4; 32], &known, &delta, &message, 416).1));
    }

    /// The selective-failure attack itself: another choice vector in one block, and a guess.
    #[test]
    fn a_cheat_in_one_block_passes_for_exactly_the_one_right_guess_of_sixteen() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (all, known, delta) = correlated(&mut rng);
        let block = 5;
        let mut passed = alloc::vec![];
        for guess in 0..16_u8 {
            let mut expanded = expand_choices(&all, u64::from(guess) + 1, &[0x5a; 52], &mut rng);
            let row = expanded.padded.len();
            expanded.corrections[block * row] ^= 1;
            let padded = expanded.padded.clone();
            let rows = expanded.rows.clone();
            let (mut message, _) = seal(&SID, u64::from(guess) + 1, expanded);
            // The block's rows will be off by (hash of the difference) where Delta's bit is 1.
            let challenges = message.challenges(&SID, 416);
            let mut other = padded.clone();
            other[0] ^= 1;
            let difference = hash_row(&padded, &challenges) ^ hash_row(&other, &challenges);
            let (_, mut hashes) = turn(&rows, row, &challenges);
            for bit in 0..4 {
                if guess >> bit & 1 == 1 {
                    hashes[4 * block + bit] ^= difference;
                }
            }
            message.tag = tag(&SID, message.number, &hashes);
            if bool::from(check(&SID, &known, &delta, &message, 416).1) {
                passed.push(guess);
            }
        }
        assert_eq!(passed, [delta.expose()[block]]);
    }

    #[test]
    fn messages_decode_only_at_their_exact_length() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let (all, _, _) = correlated(&mut rng);
        let (message, _) = extend(&SID, &all, 1, &[1; 52], &mut rng);
        let mut writer = Writer::default();
        message.encode(&mut writer);
        let bytes = writer.finish();
        assert_eq!(bytes.len(), ExtensionMessage::bytes(416));
        assert_eq!(bytes.len(), 2232);
        let mut reader = Reader::new(&bytes);
        assert!(ExtensionMessage::decode(&mut reader, 416).unwrap() == message);
        assert!(reader.finish().is_ok());
        assert!(ExtensionMessage::decode(&mut Reader::new(&bytes[1..]), 416).is_err());
    }
}
