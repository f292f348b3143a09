//! RSAES-PKCS1-v1_5 decryption with implicit rejection, in the client (`spec/rsa.md`, 3.6).
//!
//! As draft-irtf-cfrg-rsa-guidance has it: a ciphertext whose padding is wrong decrypts to a message that is as random as it is
//! fixed, so that nobody who sees what follows from it learns that the padding was wrong (Bleichenbacher, CRYPTO 1998). Where the
//! draft keys it with a hash of d, which nobody has here, stands the e-th root of a hash of the ciphertext, which only a quorum
//! can compute and everybody can verify: RSA-FDH-VRF of RFC 9381, section 4.

use alloc::vec::Vec;

use subtle::{
    Choice, ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeGreater as _,
    ConstantTimeLess as _,
};
use zeroize::Zeroizing;

use super::{Found, PKCS1_OVERHEAD_BYTES};
use crate::rsa::public::PublicKey;
use crate::transcript::{RSA_REJECTION_LENGTH, RSA_REJECTION_MESSAGE, expand};

/// The message in a decrypted `block`; for padding that is wrong, one that follows from `root`, which is
/// [`super::Block::rejection`] raised to d and verified. Every byte is looked at, and both messages are made,
/// whichever it is; the length of the answer shows.
///
/// `block` and `root` are as long as the modulus.
pub fn decode(key: &PublicKey, ciphertext: &[u8], block: &[u8], root: &[u8]) -> Zeroizing<Vec<u8>> {
    find(key, ciphertext, block, root).message().unwrap_or_default()
}

/// Undoes the padding in constant time. There is always a message.
pub(crate) fn find(key: &PublicKey, ciphertext: &[u8], block: &[u8], root: &[u8]) -> Found {
    let id = key.id();
    let seed: [&[u8]; 3] = [&id, ciphertext, root];
    let bytes = u32::try_from(block.len()).unwrap_or(u32::MAX);
    let mut synthetic = Zeroizing::new(alloc::vec![0; block.len()]);
    expand(RSA_REJECTION_MESSAGE, &seed, &mut synthetic);
    let synthetic_start = bytes.saturating_sub(length(&seed, block.len()));

    let (mut good, mut start, mut in_padding) = (Choice::from(1), 0_u32, Choice::from(1));
    for (position, byte) in (0_u32..).zip(block) {
        match position {
            0 => good &= byte.ct_eq(&0),
            1 => good &= byte.ct_eq(&2),
            _ => {
                let separator = in_padding & byte.ct_eq(&0);
                start = u32::conditional_select(&start, &(position + 1), separator);
                in_padding &= !separator;
            }
        }
    }
    // Eight bytes of padding at least; 0 says that there was no separator.
    good &= !start.ct_lt(&(PKCS1_OVERHEAD_BYTES as u32));
    let start = u32::conditional_select(&synthetic_start, &start, good);
    let bytes = synthetic.iter_mut().zip(block);
    bytes.for_each(|(byte, decrypted)| byte.conditional_assign(decrypted, good));
    Found { padded: synthetic, start }
}

/// A length that a message can have, the same for all numbers with the same probability: the last of many candidates
/// that is in range.
fn length(seed: &[&[u8]; 3], bytes: usize) -> u32 {
    let most = u32::try_from(bytes.saturating_sub(PKCS1_OVERHEAD_BYTES)).unwrap_or(0);
    let mask = (most + 1).next_power_of_two() - 1;
    let mut candidates = Zeroizing::new([0; 2 * LENGTH_CANDIDATES]);
    expand(RSA_REJECTION_LENGTH, seed, &mut *candidates);
    candidates.as_chunks::<2>().0.iter().fold(0, |length, candidate| {
        let candidate = u32::from(u16::from_be_bytes(*candidate)) & mask;
        u32::conditional_select(&length, &candidate, !candidate.ct_gt(&most))
    })
}

/// More than half of them are in range: all miss it with probability 2^-128.
const LENGTH_CANDIDATES: usize = 128;
