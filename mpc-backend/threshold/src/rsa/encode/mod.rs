//! From digests, data and ciphertexts to the block that is raised to d, and back.
//!
//! A [`Block`] comes only from here, so a party cannot be handed one that was padded elsewhere; the
//! exception, a raw block, has its own door for the policy to guard.

pub mod oaep;
mod pkcs1;
mod pss;
pub mod rejection;

use alloc::vec::Vec;

use arith::modulus::Residue;
use zeroize::Zeroizing;

pub use self::pkcs1::PKCS1_OVERHEAD_BYTES;
use super::hash::Hash;
use super::public::PublicKey;
use crate::transcript::{RSA_REJECTION_BLOCK, expand};

/// Why parameters give no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The digest has another length than its hash.
    #[error("digest has another length than its hash")]
    Digest,
    /// Data, salt or digest do not fit into the modulus.
    #[error("data or salt is too long for the modulus")]
    TooLong,
    /// A ciphertext or raw block of another length than the modulus.
    #[error("input has another length than the modulus")]
    Length,
    /// A ciphertext or raw block that is not below the modulus.
    #[error("input is not below the modulus")]
    Range,
}

/// A number below the modulus, ready to be raised to d; as long as the modulus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block(Vec<u8>);

/// What is in a decrypted block, before anything of it is told.
pub(crate) struct Found {
    padded: Zeroizing<Vec<u8>>,
    /// Where the message begins: beyond the end when there is none.
    pub(crate) start: u32,
}

impl Found {
    /// The message. That there is one shows, and how long it is.
    pub(crate) fn message(self) -> Option<Zeroizing<Vec<u8>>> {
        self.padded.get(self.start as usize..).map(|message| Zeroizing::new(message.to_vec()))
    }
}

impl Block {
    /// PKCS#1 v1.5 signature padding of DigestInfo with `digest`.
    ///
    /// # Errors
    /// [`EncodeError::Digest`], [`EncodeError::TooLong`].
    pub fn pkcs1(key: &PublicKey, hash: Hash, digest: &[u8]) -> Result<Self, EncodeError> {
        pkcs1::of_digest(key.bytes(), hash, digest).map(Self)
    }

    /// PKCS#1 v1.5 signature padding of `data` as it is (`CKM_RSA_PKCS`).
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] beyond the modulus less [`PKCS1_OVERHEAD_BYTES`].
    pub fn pkcs1_data(key: &PublicKey, data: &[u8]) -> Result<Self, EncodeError> {
        pkcs1::of_data(key.bytes(), data).map(Self)
    }

    /// PSS signature padding of `digest`, with `mask` as the hash of MGF1.
    ///
    /// # Errors
    /// [`EncodeError::Digest`], [`EncodeError::TooLong`].
    pub fn pss(
        key: &PublicKey,
        hash: Hash,
        mask: Hash,
        salt: &[u8],
        digest: &[u8],
    ) -> Result<Self, EncodeError> {
        pss::encode(key.bytes(), hash, mask, salt, digest).map(Self)
    }

    /// A ciphertext to be decrypted.
    ///
    /// # Errors
    /// [`EncodeError::Length`], [`EncodeError::Range`]; of zero too, which nothing but zero encrypts to.
    pub fn ciphertext(key: &PublicKey, ciphertext: &[u8]) -> Result<Self, EncodeError> {
        Self::raw(key, ciphertext)
    }

    /// The number whose e-th root decides what a ciphertext decrypts to if its padding is wrong ([`rejection`]).
    ///
    /// # Errors
    /// As [`Self::ciphertext`].
    pub fn rejection(key: &PublicKey, ciphertext: &[u8]) -> Result<Self, EncodeError> {
        Self::ciphertext(key, ciphertext)?;
        let mut block = alloc::vec![0; key.bytes()];
        expand(RSA_REJECTION_BLOCK, &[&key.id(), ciphertext], &mut block);
        // n has its highest bit set, so a number without it is below n.
        block.iter_mut().take(1).for_each(|top| *top &= 0x7f);
        Ok(Self(block))
    }

    /// Any number (`CKM_RSA_X_509`). Whoever may sign such blocks can sign everything.
    ///
    /// # Errors
    /// [`EncodeError::Length`], [`EncodeError::Range`]; of zero too, which has no inverse.
    pub fn raw(key: &PublicKey, block: &[u8]) -> Result<Self, EncodeError> {
        if block.len() != key.bytes() {
            return Err(EncodeError::Length);
        }
        key.modulus().residue(block).ok_or(EncodeError::Range)?;
        if block.iter().all(|byte| *byte == 0) { Err(EncodeError::Range) } else { Ok(Self(block.to_vec())) }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The block modulo n; `None` when it was made for another key.
    pub(super) fn residue<'k>(&self, key: &'k PublicKey) -> Option<Residue<'k>> {
        key.modulus().residue(&self.0)
    }
}
