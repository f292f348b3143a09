//! A party's partial result (`spec/rsa.md`, 3.3).

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::encode::Block;
use super::public::PublicKey;
use super::share::{KeyShare, power};
use crate::fault::Misuse;
use crate::party::SignerSet;

/// What a party answers: as many bytes as the modulus has, to be read by the client alone.
///
/// Of a decryption it is as secret as the plaintext: wiped when dropped.
pub struct Partial(Zeroizing<Vec<u8>>);

impl Partial {
    /// Takes the bytes over; [`super::combine`] decides whether they are a number below n.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl KeyShare {
    /// B to the sum of the pieces that this party stands for in `set`, in constant time.
    ///
    /// # Errors
    /// [`Misuse::SignerSet`] unless `set` has T members of the N; [`Misuse::NotASigner`] when this party
    /// is not among them; [`Misuse::Block`] for a block of another key.
    pub fn partial(&self, key: &PublicKey, block: &Block, set: &SignerSet) -> Result<Partial, Misuse> {
        // Check 3.2
        let exponent = self.exponent(set)?;
        let base = block.residue(key).ok_or(Misuse::Block)?;
        Ok(Partial(power(key, &base, &exponent).to_be_bytes()))
    }
}
