//! EMSA-PKCS1-v1_5 (RFC 8017, 9.2).

use alloc::vec::Vec;

use super::EncodeError;
use crate::rsa::hash::Hash;

/// Bytes of the padding at least: 00 01, eight FF, 00.
pub const PKCS1_OVERHEAD_BYTES: usize = 11;

pub(super) fn of_digest(bytes: usize, hash: Hash, digest: &[u8]) -> Result<Vec<u8>, EncodeError> {
    if digest.len() != hash.bytes() {
        return Err(EncodeError::Digest);
    }
    of_data(bytes, &[hash.digest_info(), digest].concat())
}

pub(super) fn of_data(bytes: usize, data: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let room = bytes.checked_sub(PKCS1_OVERHEAD_BYTES).and_then(|most| most.checked_sub(data.len()));
    let padding = alloc::vec![0xff; 8 + room.ok_or(EncodeError::TooLong)?];
    Ok([&[0, 1], padding.as_slice(), &[0], data].concat())
}
