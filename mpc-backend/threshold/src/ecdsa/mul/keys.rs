//! Keys, pads and check hashes of one multiplication (sections 4 "Pads" and 5).
//!
//! Pads are SHA-256 keyed AES-256-CTR streams of `WIDE_BYTES` each: a 32-byte pad would be biased by
//! 2^-32 on P-256 (DEVIATION D2). They stay integers of that length until a value is sent or hashed.
//! Everything here is constant time in the columns.

use core::marker::PhantomData;

use arith::sha256::LANES;
use arith::{aes, sha256};
use elliptic_curve::ff::PrimeField;
use subtle::Choice;
use zeroize::Zeroizing;

use super::{INPUTS, Long, Short};
use crate::group::Curve;
use crate::group::wide::Late;
use crate::secret::Wiped;
use crate::transcript::{Frames, HASH_BYTES, Label, MUL_CHALLENGE, MUL_CHECK, MUL_KEY, MUL_MASKED, MUL_PADS};
use crate::transcript::{hash, hash_to_scalar};

/// K_pad and K_mul of one multiplication.
pub(super) struct Keys {
    pads: Zeroizing<[u8; HASH_BYTES]>,
    check: Zeroizing<[u8; HASH_BYTES]>,
}

impl Keys {
    pub(super) fn new(sid: &[u8; 32], view: &[u8; HASH_BYTES], digest: &[u8; HASH_BYTES]) -> Self {
        let parts: [&[u8]; 3] = [sid, view, digest];
        Self { pads: Zeroizing::new(hash(MUL_PADS, &parts)), check: Zeroizing::new(hash(MUL_KEY, &parts)) }
    }

    /// theta_{k,i} = H2S(mul/theta; K_mul, h, k, i), h over all of a~.
    pub(super) fn challenges<C: Curve, const RHO: usize>(
        &self,
        masked: &[C::Scalar],
    ) -> [[C::Scalar; INPUTS]; RHO] {
        let mut frames = self.frames(MUL_MASKED, masked.len());
        for value in masked {
            frames.push(value.to_repr().as_ref());
        }
        let h = frames.hash();
        let mut column = 0_u16..;
        core::array::from_fn(|_| {
            let k = column.next().unwrap_or_default().to_be_bytes();
            let mut input = 0_u16..;
            core::array::from_fn(|_| {
                let i = input.next().unwrap_or_default().to_be_bytes();
                hash_to_scalar::<C>(MUL_CHALLENGE, &[&*self.check, &h, &k, &i])
            })
        })
    }

    /// H(mul/mu; K_mul, (row_{l+k} + sum of theta_{k,i} row_i - bit eta_k) row by row).
    pub(super) fn check<'a, C: Curve, const RHO: usize>(
        &self,
        rows: impl Iterator<Item = (&'a [Long<C>], Choice)>,
        challenges: &[[C::Scalar; INPUTS]; RHO],
        sums: &[C::Scalar; RHO],
    ) -> [u8; HASH_BYTES] {
        let challenges: [[Short<C>; INPUTS]; RHO] =
            challenges.each_ref().map(|factors| factors.each_ref().map(C::Late::short));
        let minus_sums = sums.each_ref().map(|eta| C::Late::short(&-*eta));
        let mut frames = self.frames(MUL_CHECK, C::XI * RHO);
        for (row, bit) in rows {
            let (inputs, blinds) = row.split_at(INPUTS);
            for ((blind, challenge), minus_eta) in blinds.iter().zip(&challenges).zip(&minus_sums) {
                let mut sum = C::Late::zero();
                C::Late::add(&mut sum, blind);
                for (factor, input) in challenge.iter().zip(inputs) {
                    C::Late::add_product(&mut sum, factor, input);
                }
                C::Late::add_chosen(&mut sum, minus_eta, bit);
                frames.push(C::Late::reduce(&sum).to_repr().as_ref());
            }
        }
        frames.hash()
    }

    /// A hash of K_mul and `scalars` more parts.
    fn frames(&self, label: Label, scalars: usize) -> Frames {
        let mut frames = Frames::new(label, 1 + scalars);
        frames.push(&*self.check);
        frames
    }
}

/// pad(j, y): AES-256-CTR under SHA-256(K_pad || 0^32 || u16(j) || y), in integers of `WIDE_BYTES`.
///
/// Two at once. What they leave behind the next two overwrite; the last ones' is wiped.
pub(super) struct Pads<C: Curve> {
    /// SHA-256 after its first block, K_pad || 0^32.
    midstate: Zeroizing<sha256::State>,
    states: Zeroizing<[sha256::State; LANES]>,
    /// The second and last block of each.
    blocks: Zeroizing<[sha256::Block; LANES]>,
    keys: Zeroizing<[[u8; 32]; LANES]>,
    streams: [Wiped<aes::Block>; LANES],
    curve: PhantomData<C>,
}

impl<C: Curve> Pads<C> {
    pub(super) fn new(keys: &Keys, count: usize) -> Self {
        const { assert!(C::WIDE_BYTES.is_multiple_of(size_of::<aes::Block>())) };
        let mut block = Zeroizing::new([0; size_of::<sha256::Block>()]);
        let (head, _) = block.split_at_mut(HASH_BYTES);
        head.copy_from_slice(&*keys.pads);
        let mut midstate = Zeroizing::new(sha256::START);
        sha256::compress(&mut midstate, &block);
        // Behind 18 bytes of input: a one, zeros, and the length of both blocks in bits.
        block.fill(0);
        let end: [u8; 8] = (8 * (size_of::<sha256::Block>() as u64 + 2 + 16)).to_be_bytes();
        *block.last_chunk_mut().expect("64 > 8") = end;
        let stream = || Wiped(alloc::vec![[0; _]; count * C::WIDE_BYTES / size_of::<aes::Block>()]);
        Self {
            midstate,
            states: Zeroizing::default(),
            blocks: Zeroizing::new([*block; LANES]),
            keys: Zeroizing::default(),
            streams: [stream(), stream()],
            curve: PhantomData,
        }
    }

    /// The pads of two positions and columns, which may be the same position's.
    pub(super) fn fill(
        &mut self,
        inputs: [(u16, u128); LANES],
    ) -> [impl Iterator<Item = Long<C>> + '_; LANES] {
        for (block, (position, column)) in self.blocks.iter_mut().zip(inputs) {
            // u16(j) || y || 0x80 as two little-endian words: whole words are written, because reading
            // them after single bytes stalls.
            let low = u128::from(position.swap_bytes()) | column << 16;
            let high = 0x80 << 16 | column >> 112;
            for (out, word) in block.as_chunks_mut().0.iter_mut().zip([low, high]) {
                *out = word.to_le_bytes();
            }
        }
        self.states.fill(*self.midstate);
        sha256::compress_both(&mut self.states, &self.blocks);
        for (key, state) in self.keys.iter_mut().zip(self.states.iter()) {
            for (out, word) in key.as_chunks_mut().0.iter_mut().zip(state) {
                *out = word.to_be_bytes();
            }
        }
        let [first, second] = &mut self.streams;
        aes::aes256_ctr_both(self.keys.each_ref(), 0, [&mut first.0, &mut second.0]);
        self.streams
            .each_ref()
            .map(|stream| stream.0.as_flattened().chunks_exact(C::WIDE_BYTES).map(C::Late::long))
    }
}

/// Bits of `bytes`, least significant first.
pub(super) fn bits(bytes: &[u8]) -> impl Iterator<Item = Choice> + '_ {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| Choice::from((byte >> bit) & 1)))
}
