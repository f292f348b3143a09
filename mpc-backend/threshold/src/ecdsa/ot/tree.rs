//! Step 3.2: from base-OT keys to all-but-one leaves (GGM trees), with a check of the leaves.
//!
//! ePrint 2022/192, section 5 and figure of the all-but-one OT. The sender (Bob) is at fault when
//! the check fails; the receiver then throws Delta away. A sender who corrupts one branch passes
//! only if he guessed those bits of Delta, the same accounting as the extension check.

use alloc::vec::Vec;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::base::{ReceiverKeys, SenderKeys};
use super::{BLOCK_BITS, BLOCKS, Delta, LEAVES, Leaves, SEED_BYTES, Seed};
use crate::transcript::{HASH_BYTES, TREE_DIGEST, TREE_NODE, TREE_PROOF, expand, hash, hash_all};

/// Bytes for one tree: two corrections a level below the first, sum and digest of the proofs.
pub const TREE_BYTES: usize = 2 * (BLOCK_BITS - 1) * SEED_BYTES + 2 * HASH_BYTES;
/// Bytes of Bob's message.
pub const TREES_BYTES: usize = BLOCKS * TREE_BYTES;

type Nodes = Zeroizing<[Seed; LEAVES]>;
type Proofs = Zeroizing<[[u8; HASH_BYTES]; LEAVES]>;

/// Bob: every leaf, and the corrections with the proof of each tree.
pub fn grow(sid: &[u8; 32], keys: &SenderKeys) -> (Leaves, Vec<u8>) {
    let mut leaves = Leaves::new([[[0; SEED_BYTES]; LEAVES]; BLOCKS]);
    let mut message = Vec::with_capacity(TREES_BYTES);
    let levels_of_blocks = keys.expose().as_chunks::<BLOCK_BITS>().0;
    for ((block, keys), leaves) in (0_u16..).zip(levels_of_blocks).zip(leaves.expose_mut()) {
        let mut nodes = Nodes::new([[0; SEED_BYTES]; LEAVES]);
        for (level, key) in (0_u16..).zip(keys) {
            if level == 0 {
                for (node, key) in nodes.iter_mut().zip(key) {
                    *node = *key;
                }
                continue;
            }
            nodes = children(sid, block, level, &nodes);
            for (parity, key) in key.iter().enumerate() {
                let mut correction = *key;
                nodes.iter().skip(parity).step_by(2).for_each(|node| xor(&mut correction, node));
                message.extend_from_slice(&correction);
            }
        }
        let proofs = prove(sid, block, &nodes);
        message.extend_from_slice(&sum(&proofs));
        message.extend_from_slice(&digest(sid, block, &proofs));
        *leaves = *nodes;
    }
    (leaves, message)
}

/// Alice: every leaf but the one at Delta (zeros there), and whether every tree's proof holds.
///
/// Nothing here branches on Delta; the verdict is one for all trees. `message` has `TREES_BYTES`.
pub fn puncture(sid: &[u8; 32], keys: &ReceiverKeys, delta: &Delta, message: &[u8]) -> (Leaves, Choice) {
    let mut leaves = Leaves::new([[[0; SEED_BYTES]; LEAVES]; BLOCKS]);
    let mut verdict = Choice::from(u8::from(message.len() == TREES_BYTES));
    let trees = message.as_chunks::<TREE_BYTES>().0;
    let keys = keys.expose().as_chunks::<BLOCK_BITS>().0;
    let blocks = (0_u16..).zip(trees).zip(keys).zip(delta.expose()).zip(leaves.expose_mut());
    for ((((block, tree), keys), path), leaves) in blocks {
        let (corrections, proof) = tree.split_at(TREE_BYTES - 2 * HASH_BYTES);
        let (proof_sum, proof_digest) = proof.split_at(HASH_BYTES);
        let nodes = puncture_one(sid, block, keys, *path, corrections);
        let mut proofs = prove(sid, block, &nodes);
        // proof of the missing leaf = sum + the others; its own slot is emptied first.
        for (leaf, slot) in (0_u8..).zip(proofs.iter_mut()) {
            let known = mask(!leaf.ct_eq(path));
            slot.iter_mut().for_each(|byte| *byte &= known);
        }
        let mut missing = sum(&proofs);
        missing.iter_mut().zip(proof_sum).for_each(|(byte, sent)| *byte ^= sent);
        for (leaf, slot) in (0_u8..).zip(proofs.iter_mut()) {
            let here = mask(leaf.ct_eq(path));
            slot.iter_mut().zip(missing).for_each(|(byte, value)| *byte |= value & here);
        }
        verdict &= digest(sid, block, &proofs).ct_eq(proof_digest);
        *leaves = *nodes;
    }
    (leaves, verdict)
}

/// One tree of Alice's: at each level the hole's sibling comes from the correction.
fn puncture_one(
    sid: &[u8; 32],
    block: u16,
    keys: &[Seed; BLOCK_BITS],
    path: u8,
    corrections: &[u8],
) -> Nodes {
    let mut nodes = Nodes::new([[0; SEED_BYTES]; LEAVES]);
    let mut hole = 0_u8;
    // Level 0 has no correction: the key is the sibling itself.
    let corrections = core::iter::once([[0; SEED_BYTES]; 2])
        .chain(corrections.as_chunks::<SEED_BYTES>().0.as_chunks::<2>().0.iter().copied());
    for ((level, key), correction) in (0_u16..).zip(keys).zip(corrections) {
        let bit = (path >> (BLOCK_BITS as u16 - 1 - level)) & 1;
        let parity = 1 - bit;
        if level > 0 {
            nodes = children(sid, block, level, &nodes);
        }
        // The hole's two children are unknown: whatever was computed for them is emptied.
        for (index, node) in (0_u8..).zip(nodes.iter_mut()) {
            let known = mask(!(index >> 1).ct_eq(&hole));
            node.iter_mut().for_each(|byte| *byte &= known);
        }
        let mut sibling = Zeroizing::new(*key);
        for (side, value) in (0_u8..).zip(&correction) {
            let chosen = mask(side.ct_eq(&parity));
            sibling.iter_mut().zip(value).for_each(|(byte, other)| *byte ^= other & chosen);
        }
        if level > 0 {
            for (index, node) in (0_u8..).zip(nodes.iter()) {
                let chosen = mask((index & 1).ct_eq(&parity));
                sibling.iter_mut().zip(node).for_each(|(byte, other)| *byte ^= other & chosen);
            }
        }
        let place = 2 * hole + parity;
        for (index, node) in (0_u8..).zip(nodes.iter_mut()) {
            let here = mask(index.ct_eq(&place));
            node.iter_mut().zip(sibling.iter()).for_each(|(byte, value)| *byte |= value & here);
        }
        hole = 2 * hole + bit;
    }
    nodes
}

/// Level l + 1 from level l: the 2^l nodes in front become 2^(l+1).
fn children(sid: &[u8; 32], block: u16, level: u16, nodes: &Nodes) -> Nodes {
    let mut next = Nodes::new([[0; SEED_BYTES]; LEAVES]);
    let pairs = next.as_chunks_mut::<2>().0.iter_mut();
    for ((number, node), [left, right]) in (0_u16..).zip(nodes.iter()).zip(pairs).take(1 << level) {
        let parts: [&[u8]; 5] =
            [sid, &block.to_be_bytes(), &level.to_be_bytes(), &number.to_be_bytes(), node];
        let both = Zeroizing::new(hash(TREE_NODE, &parts));
        let (low, high) = both.split_at(SEED_BYTES);
        left.copy_from_slice(low);
        right.copy_from_slice(high);
    }
    next
}

fn prove(sid: &[u8; 32], block: u16, leaves: &Nodes) -> Proofs {
    let mut proofs = Proofs::new([[0; HASH_BYTES]; LEAVES]);
    for (proof, leaf) in proofs.iter_mut().zip(leaves.iter()) {
        expand(TREE_PROOF, &[sid, &block.to_be_bytes(), leaf], proof);
    }
    proofs
}

fn digest(sid: &[u8; 32], block: u16, proofs: &Proofs) -> [u8; HASH_BYTES] {
    let block = block.to_be_bytes();
    let head: [&[u8]; 2] = [sid, &block];
    hash_all(TREE_DIGEST, head.into_iter().chain(proofs.iter().map(<[u8; HASH_BYTES]>::as_slice)))
}

fn sum(proofs: &Proofs) -> [u8; HASH_BYTES] {
    proofs.iter().fold([0; HASH_BYTES], |mut sum, proof| {
        sum.iter_mut().zip(proof).for_each(|(byte, other)| *byte ^= other);
        sum
    })
}

fn xor(target: &mut Seed, other: &Seed) {
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
    use crate::ecdsa::ot::ROWS;

    /// Ideal base OTs with recognisable keys, and a Delta that takes every value twice.
    fn ideal() -> (SenderKeys, ReceiverKeys, Delta) {
        let both: [[Seed; 2]; ROWS] =
            core::array::from_fn(|n| [[n as u8; SEED_BYTES], [n as u8 + 128; SEED_BYTES]]);
        let delta: [u8; BLOCKS] = core::array::from_fn(|block| (block * 7 % 16) as u8);
        let chosen = core::array::from_fn(|n| {
            let path = delta[n / 4] >> (3 - n % 4) & 1;
            both[n][usize::from(1 - path)]
        });
        (SenderKeys::new(both), ReceiverKeys::new(chosen), Delta::new(delta))
    }

    #[test]
    fn leaves_are_equal_except_at_delta() {
        let (sent, received, delta) = ideal();
        let (all, message) = grow(&[1; 32], &sent);
        assert_eq!(message.len(), TREES_BYTES);
        let (known, verdict) = puncture(&[1; 32], &received, &delta, &message);
        assert!(bool::from(verdict));
        for block in 0..BLOCKS {
            for leaf in 0..LEAVES {
                let equal = all.expose()[block][leaf] == known.expose()[block][leaf];
                assert_eq!(equal, leaf != usize::from(delta.expose()[block]));
            }
        }
    }

    /// Values printed by `dkls23_reference.py`.
    #[test]
    fn leaves_and_message_equal_the_reference() {
        let (all, message) = grow(&[1; 32], &ideal().0);
        let sha = |bytes: &[u8]| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
        assert_eq!(sha(&message), "01eef1b95638a26a08001a9afc2e901dec522a9f11be1a9cfc3edb06d1905081");
        let leaves = all.expose().concat().concat();
        assert_eq!(sha(&leaves), "3b7a61d37d13ed117411020b654fbbe94fe20a8f167abba9796e73ba2e02caf1");
    }

    #[test]
    fn a_wrong_correction_passes_only_for_the_half_of_delta_that_never_reads_it() {
        let (sent, received, delta) = ideal();
        let (_, message) = grow(&[1; 32], &sent);
        for block in 0..BLOCKS {
            for parity in 0..2 {
                let mut altered = message.clone();
                altered[block * TREE_BYTES + parity * SEED_BYTES] ^= 1;
                let (_, verdict) = puncture(&[1; 32], &received, &delta, &altered);
                let unread = usize::from(delta.expose()[block] >> 2 & 1) == parity;
                assert_eq!(bool::from(verdict), unread);
            }
        }
    }

    #[test]
    fn an_altered_proof_fails() {
        let (sent, received, delta) = ideal();
        let (_, mut message) = grow(&[1; 32], &sent);
        message[TREES_BYTES - 1] ^= 1;
        assert!(!bool::from(puncture(&[1; 32], &received, &delta, &message).1));
    }
}
