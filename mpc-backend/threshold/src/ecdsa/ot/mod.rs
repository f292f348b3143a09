//! Oblivious transfer between two parties (specification, sections 3 and 4).
//!
//! *Alice* holds the secret offset Delta, *Bob* the choice bits. Base OT and trees run once per
//! direction; each multiplication then takes one extension.
//!
//! Assumptions: random oracle (SHA-256), AES-128 as a PRG, CDH in ristretto255.

pub mod base;
pub mod bits;
pub mod extension;
pub mod tree;

use crate::secret::Secret;

/// Bits of Delta guessed at once: a tree has 2^4 leaves.
pub const BLOCK_BITS: usize = 4;
/// Trees of one direction: 128 / 4.
pub const BLOCKS: usize = 32;
/// Leaves of one tree.
pub const LEAVES: usize = 1 << BLOCK_BITS;
/// Rows of an extension, and bits of Delta.
pub const ROWS: usize = BLOCKS * BLOCK_BITS;
/// Bytes of a tree node and of a base-OT key.
pub const SEED_BYTES: usize = 16;

/// A tree node or base-OT key.
pub type Seed = [u8; SEED_BYTES];
/// The leaves of every tree, of Bob; Alice's have zeros at the unknown one.
pub type Leaves = Secret<[[Seed; LEAVES]; BLOCKS]>;
/// Alice's Delta, one value 0..16 for each block.
pub type Delta = Secret<[u8; BLOCKS]>;

/// Delta as one 128-bit column: bit 4i + b is bit b of block i.
pub(crate) fn delta_column(delta: &Delta) -> u128 {
    delta.expose().iter().rev().fold(0, |column, block| (column << BLOCK_BITS) | u128::from(*block))
}
