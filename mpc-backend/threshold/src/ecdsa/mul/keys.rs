//! Keys, pads and check hashes of one multiplication (sections 4 "Pads" and 5).
//!
//! Pads are SHA-256 keyed AES-256-CTR streams, reduced from `WIDE_BYTES` each: a 32-byte pad would
//! be biased by 2^-32 on P-256 (DEVIATION D2). Everything here is constant time in the columns.

use alloc::vec::Vec;
use core::marker::PhantomData;

use aes::Aes256Enc;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use elliptic_curve::ff::{Field, PrimeField};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

use super::{CHECKS, INPUTS};
use crate::group::Curve;
use crate::transcript::{HASH_BYTES, Label, MUL_CHALLENGE, MUL_CHECK, MUL_KEY, MUL_MASKED, MUL_PADS};
use crate::transcript::{hash, hash_all, hash_to_scalar};

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
        let h = self.hash_scalars::<C>(MUL_MASKED, masked.iter());
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
        rows: impl Iterator<Item = (&'a [C::Scalar], Choice)>,
        challenges: &[[C::Scalar; INPUTS]; RHO],
        sums: &[C::Scalar; RHO],
    ) -> [u8; HASH_BYTES] {
        let mut values = Zeroizing::new(Vec::with_capacity(C::XI * RHO));
        for (row, bit) in rows {
            let (inputs, blinds) = row.split_at(INPUTS);
            for ((blind, challenge), sum) in blinds.iter().zip(challenges).zip(sums) {
                let mut value = *blind;
                for (factor, input) in challenge.iter().zip(inputs) {
                    value += *factor * input;
                }
                value -= C::Scalar::conditional_select(&C::Scalar::ZERO, sum, bit);
                values.push(value);
            }
        }
        self.hash_scalars::<C>(MUL_CHECK, values.iter())
    }

    fn hash_scalars<'a, C: Curve>(
        &self,
        label: Label,
        scalars: impl Iterator<Item = &'a C::Scalar>,
    ) -> [u8; HASH_BYTES] {
        let mut bytes = Zeroizing::new(Vec::with_capacity(C::XI * (INPUTS + CHECKS) * C::SCALAR_BYTES));
        for scalar in scalars {
            bytes.extend_from_slice(scalar.to_repr().as_ref());
        }
        let key = core::iter::once(self.check.as_slice());
        hash_all(label, key.chain(bytes.chunks_exact(C::SCALAR_BYTES)))
    }
}

/// pad(j, y): AES-256-CTR under SHA-256(K_pad || 0^32 || u16(j) || y), in wide pieces mod q.
pub(super) struct Pads<C: Curve> {
    /// SHA-256 after its first block, K_pad || 0^32.
    midstate: Sha256,
    stream: Zeroizing<Vec<u8>>,
    curve: PhantomData<C>,
}

impl<C: Curve> Pads<C> {
    pub(super) fn new(keys: &Keys, count: usize) -> Self {
        Self {
            midstate: Sha256::new().chain_update(*keys.pads).chain_update([0; 32]),
            stream: Zeroizing::new(alloc::vec![0; count * C::WIDE_BYTES]),
            curve: PhantomData,
        }
    }

    pub(super) fn fill(&mut self, position: u16, column: u128, mut take: impl FnMut(C::Scalar)) {
        let mut column = column.to_le_bytes();
        let digest = self.midstate.clone().chain_update(position.to_be_bytes()).chain_update(column);
        let mut key = digest.finalize();
        self.stream.fill(0);
        Ctr128BE::<Aes256Enc>::new(&key, &[0; 16].into()).apply_keystream(&mut self.stream);
        self.stream.chunks_exact(C::WIDE_BYTES).for_each(|wide| take(C::reduce_wide(wide)));
        key.as_mut_slice().zeroize();
        column.zeroize();
    }
}

/// Bits of `bytes`, least significant first.
pub(super) fn bits(bytes: &[u8]) -> impl Iterator<Item = Choice> + '_ {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| Choice::from((byte >> bit) & 1)))
}
