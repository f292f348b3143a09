//! EMSA-PSS (RFC 8017, 9.1.1), for moduli of whole bytes: emBits is one less than theirs.

use alloc::vec::Vec;

use super::EncodeError;
use crate::rsa::hash::Hash;

pub(super) fn encode(
    bytes: usize,
    hash: Hash,
    mask: Hash,
    salt: &[u8],
    digest: &[u8],
) -> Result<Vec<u8>, EncodeError> {
    if digest.len() != hash.bytes() {
        return Err(EncodeError::Digest);
    }
    let needed = hash.bytes().checked_add(salt.len()).and_then(|sum| sum.checked_add(2));
    let padding = needed.and_then(|needed| bytes.checked_sub(needed)).ok_or(EncodeError::TooLong)?;
    let seed = hash.digest(&[&[0; 8], digest, salt]);
    let mut block = alloc::vec![0; padding];
    block.push(1);
    block.extend_from_slice(salt);
    mask.mask(&seed, &mut block);
    block.iter_mut().take(1).for_each(|top| *top &= 0x7f);
    block.extend_from_slice(&seed);
    block.push(0xbc);
    Ok(block)
}
