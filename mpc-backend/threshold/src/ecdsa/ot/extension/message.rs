//! E1, the message of an extension, and the challenges that it fixes.

use alloc::vec::Vec;

use super::{WORD_BYTES, row_bytes};
use crate::codec::{DecodeError, Reader, Writer};
use crate::ecdsa::ot::BLOCKS;
use crate::transcript::{EXTENSION_CHALLENGE, EXTENSION_MESSAGE, HASH_BYTES, expand_all, hash_all};

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

    /// chi_0 .. chi_{M-1} for `width` choice bits.
    pub(super) fn challenges(&self, sid: &[u8; 32], width: usize) -> Vec<u128> {
        let number = self.number.to_be_bytes();
        let head: [&[u8]; 2] = [sid, &number];
        let mut bytes = alloc::vec![0; WORD_BYTES * width.div_ceil(128)];
        expand_all(EXTENSION_CHALLENGE, head.into_iter().chain(self.rows()), &mut bytes);
        bytes.as_chunks::<WORD_BYTES>().0.iter().map(|word| u128::from_le_bytes(*word)).collect()
    }
}
