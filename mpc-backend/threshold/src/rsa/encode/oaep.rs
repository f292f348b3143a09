//! RSAES-OAEP (RFC 8017, 7.1), in the client.

use alloc::vec::Vec;

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeLess as _};
use zeroize::Zeroizing;

use super::{EncodeError, Found};
use crate::rsa::hash::Hash;
use crate::rsa::public::PublicKey;

/// Hash of the label, hash of MGF1, and the label.
#[derive(Clone, Copy, Debug)]
pub struct Oaep<'a> {
    /// Of the label.
    pub hash: Hash,
    /// Of MGF1.
    pub mask: Hash,
    /// Often empty.
    pub label: &'a [u8],
}

impl Oaep<'_> {
    /// Encrypts `message` with the public key; `seed` is random, as long as a digest.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for a message that does not fit, [`EncodeError::Digest`] for a seed of
    /// another length.
    pub fn encrypt(&self, key: &PublicKey, message: &[u8], seed: &[u8]) -> Result<Vec<u8>, EncodeError> {
        if seed.len() != self.hash.bytes() {
            return Err(EncodeError::Digest);
        }
        let label = self.hash.digest(&[self.label]);
        let needed = 2 * self.hash.bytes() + 2 + message.len();
        let padding = key.bytes().checked_sub(needed).ok_or(EncodeError::TooLong)?;
        let zeros = alloc::vec![0; padding];
        let mut data = Zeroizing::new([&label, zeros.as_slice(), &[1], message].concat());
        self.mask.mask(seed, &mut data);
        let mut masked_seed = Zeroizing::new(seed.to_vec());
        self.mask.mask(&data, &mut masked_seed);
        let block = Zeroizing::new([&[0], masked_seed.as_slice(), &data].concat());
        let residue = key.modulus().residue(&block).expect("a block with a leading zero is below n");
        Ok(key.public_power(&residue).to_be_bytes().to_vec())
    }

    /// The message in a decrypted `block`, or `None` for everything that can be wrong. Which it was
    /// shows neither in the answer nor in the time; the length of a message that is right does.
    pub fn decode(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.find(block)?.message()
    }

    /// Undoes the padding in constant time. `None` for a block that is too short for it.
    pub(crate) fn find(&self, block: &[u8]) -> Option<Found> {
        let digest_bytes = self.hash.bytes();
        let (first, rest) = block.split_first()?;
        let (masked_seed, masked_data) = rest.split_at_checked(digest_bytes)?;
        let mut seed = Zeroizing::new(masked_seed.to_vec());
        self.mask.mask(masked_data, &mut seed);
        let mut data = Zeroizing::new(masked_data.to_vec());
        self.mask.mask(&seed, &mut data);
        let (label, padded) = data.split_at_checked(digest_bytes)?;

        let mut good = first.ct_eq(&0) & label.ct_eq(&self.hash.digest(&[self.label]));
        // Zeros, then 1, then the message: every byte is looked at, whatever the ones before.
        let (mut in_padding, mut start) = (Choice::from(1), 0_u32);
        for (position, byte) in (digest_bytes as u32..).zip(padded) {
            let separator = in_padding & byte.ct_eq(&1);
            start = u32::conditional_select(&start, &(position + 1), separator);
            in_padding &= !separator;
            good &= !in_padding | byte.ct_eq(&0);
        }
        // A message begins after its separator, so 0 says that there was none.
        good &= 0_u32.ct_lt(&start);
        let start = u32::conditional_select(&u32::MAX, &start, good);
        Some(Found { padded: data, start })
    }
}
