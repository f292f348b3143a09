//! Keys, pads and check hashes of one multiplication (sections 4 "Pads" and 5).
//!
//! Pads are SHA-256 keyed AES-256-CTR streams of `WIDE_BYTES` each: a 32-byte pad would be biased by
//! 2^-32 on P-256 (DEVIATION D2). They stay integers of that length until a value is sent or hashed.
//! Everything here is constant time in the columns.

use core::marker::PhantomData;

use arith::aes;
use elliptic_curve::ff::{Field, PrimeField};
use sha2::compress256;
use sha2::digest::consts::U64;
use sha2::digest::generic_array::GenericArray;
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

use super::{INPUTS, Long, Short};
use crate::group::Curve;
use crate::group::wide::Late;
use crate::secret::Wiped;
use crate::transcript::{Frames, HASH_BYTES, MUL_CHALLENGE, MUL_CHECK, MUL_KEY, MUL_MASKED, MUL_PADS};
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
        let mut frames = self.frames::<C>(masked.len());
        for value in masked {
            frames.push(value.to_repr().as_ref());
        }
        let h = frames.hash(MUL_MASKED);
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
        let mut frames = self.frames::<C>(C::XI * RHO);
        for (row, bit) in rows {
            let (inputs, blinds) = row.split_at(INPUTS);
            for ((blind, challenge), eta) in blinds.iter().zip(&challenges).zip(sums) {
                let mut sum = C::Late::zero();
                C::Late::add(&mut sum, blind);
                for (factor, input) in challenge.iter().zip(inputs) {
                    C::Late::add_product(&mut sum, factor, input);
                }
                let mut value = C::Late::reduce(&sum);
                value -= C::Scalar::conditional_select(&C::Scalar::ZERO, eta, bit);
                frames.push(value.to_repr().as_ref());
            }
        }
        frames.hash(MUL_CHECK)
    }

    /// A hash of K_mul and `scalars` more parts.
    fn frames<C: Curve>(&self, scalars: usize) -> Frames {
        let mut frames = Frames::with_capacity(1 + scalars, HASH_BYTES.max(C::SCALAR_BYTES));
        frames.push(&*self.check);
        frames
    }
}

/// pad(j, y): AES-256-CTR under SHA-256(K_pad || 0^32 || u16(j) || y), in integers of `WIDE_BYTES`.
///
/// What one pad leaves behind the next one overwrites; the last one's is wiped.
pub(super) struct Pads<C: Curve> {
    /// SHA-256 after its first block, K_pad || 0^32.
    midstate: Zeroizing<[u32; 8]>,
    state: Zeroizing<[u32; 8]>,
    /// Its second and last block.
    block: Zeroizing<[u8; SHA_BLOCK_BYTES]>,
    key: Zeroizing<[u8; 32]>,
    stream: Wiped<aes::Block>,
    curve: PhantomData<C>,
}

impl<C: Curve> Pads<C> {
    pub(super) fn new(keys: &Keys, count: usize) -> Self {
        const { assert!(C::WIDE_BYTES.is_multiple_of(size_of::<aes::Block>())) };
        let mut block = Zeroizing::new([0; SHA_BLOCK_BYTES]);
        let (head, _) = block.split_at_mut(HASH_BYTES);
        head.copy_from_slice(&*keys.pads);
        let mut midstate = Zeroizing::new(SHA_256_START);
        compress256(&mut midstate, as_block(&block));
        // Behind 18 bytes of input: a one, zeros, and the length of both blocks in bits.
        block.fill(0);
        let end: [u8; 8] = (8 * (SHA_BLOCK_BYTES as u64 + 2 + 16)).to_be_bytes();
        *block.last_chunk_mut().expect("64 > 8") = end;
        let blocks = count * C::WIDE_BYTES / size_of::<aes::Block>();
        Self {
            midstate,
            state: Zeroizing::default(),
            block,
            key: Zeroizing::default(),
            stream: Wiped(alloc::vec![[0; _]; blocks]),
            curve: PhantomData,
        }
    }

    pub(super) fn fill(&mut self, position: u16, column: u128, take: impl FnMut(Long<C>)) {
        // u16(j) || y || 0x80 as two little-endian words: whole words are written, because reading
        // them after single bytes stalls.
        let low = u128::from(position.swap_bytes()) | column << 16;
        let high = 0x80 << 16 | column >> 112;
        for (out, word) in self.block.as_chunks_mut().0.iter_mut().zip([low, high]) {
            *out = word.to_le_bytes();
        }
        self.state.copy_from_slice(&*self.midstate);
        compress256(&mut self.state, as_block(&self.block));
        for (out, word) in self.key.as_chunks_mut().0.iter_mut().zip(self.state.iter()) {
            *out = word.to_be_bytes();
        }
        aes::aes256_ctr(&self.key, 0, &mut self.stream.0);
        self.stream.0.as_flattened().chunks_exact(C::WIDE_BYTES).map(C::Late::long).for_each(take);
    }
}

fn as_block(bytes: &[u8; SHA_BLOCK_BYTES]) -> &[GenericArray<u8, U64>] {
    core::slice::from_ref(GenericArray::from_slice(bytes))
}

const SHA_BLOCK_BYTES: usize = 64;
/// FIPS 180-4, 5.3.3.
const SHA_256_START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Bits of `bytes`, least significant first.
pub(super) fn bits(bytes: &[u8]) -> impl Iterator<Item = Choice> + '_ {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| Choice::from((byte >> bit) & 1)))
}
