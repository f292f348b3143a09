//! RSA with what a step tells of its secrets laid open: checks that time says nothing about these mark it public
//! there, and nowhere before.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::rsa::PublicKey;
use crate::rsa::encode::oaep::Oaep;
use crate::rsa::encode::{Found, rejection};
use crate::rsa::generate::Generation;
use crate::sharing::replicated::keys::KeysSession;

/// A decrypted block whose padding is undone, and of which nothing has been told.
pub struct Unpadded(Found);

impl Unpadded {
    /// By [`Oaep::decode`]; `None` for a block that is too short.
    pub fn oaep(oaep: &Oaep<'_>, block: &[u8]) -> Option<Self> {
        oaep.find(block).map(Self)
    }

    /// By [`rejection::decode`].
    pub fn pkcs1(key: &PublicKey, ciphertext: &[u8], block: &[u8], root: &[u8]) -> Self {
        Self(rejection::find(key, ciphertext, block, root))
    }

    /// Where the message begins: its length, and whether there is one.
    pub const fn start(&mut self) -> &mut u32 {
        &mut self.0.start
    }

    /// What `decode` answers.
    pub fn message(self) -> Option<Zeroizing<Vec<u8>>> {
        self.0.message()
    }
}

/// What a party has sent to all in the round of a key set-up that is not over, as it keeps it.
pub fn said_of_keys(session: &mut KeysSession) -> &mut [[u8; 32]] {
    session.said_mut()
}

/// The same in a generation.
pub fn said(generation: &mut Generation) -> &mut [u8] {
    generation.said_mut()
}
