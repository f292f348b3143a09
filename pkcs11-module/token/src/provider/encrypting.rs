//! Encrypting and decrypting (PKCS#11 3.1 sections 5.8 and 5.10). Encryption is done here, with the public key, and needs
//! no cluster. Every mechanism that we have is "single-part operations only", so there are no updates.

use super::{MechanismCall, Provider};
use crate::backend::{BackendError, Decryption, ObjectId, Reauthentication};
use crate::mechanism::Use;
use crate::mechanism::rsa::{self, PublicKey};
use crate::output::{Output, deliver, deliver_up_to};
use crate::rv::{Error, Result};
use crate::session::{Consent, Decrypting, Encrypting, Session};
use crate::sync::lock;
use zeroize::Zeroizing;

impl Provider {
    /// `C_EncryptInit`; `None` cancels.
    ///
    /// # Errors
    /// As [`Provider::sign_init`].
    pub fn encrypt_init(&self, session: u64, mechanism: Option<MechanismCall<'_>>, key: u64) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        let Some(call) = mechanism else {
            operations.encrypt.cancel();
            return Ok(());
        };
        operations.encrypt.start(|| {
            let mechanism = self.select(&session, call, Use::Encrypt)?;
            let (object, _) = self.key(&session, key, mechanism, Use::Encrypt)?;
            let key = PublicKey::of(&object.record.attributes)?;
            Ok(Encrypting { key, padding: mechanism.encryption(call.parameter)? })
        })
    }

    /// `C_Encrypt`. The cluster is asked for random numbers at most.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`], [`Error::BufferTooSmall`],
    /// [`Error::DataLenRange`], [`Error::Backend`].
    pub fn encrypt(&self, session: u64, data: &[u8], out: &mut dyn Output) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.encrypt.one_shot(|encrypting| {
            deliver(out, encrypting.key.bytes(), || {
                rsa::encrypt(&encrypting.key, &encrypting.padding, data, |bytes| {
                    Ok(self.backend.random(bytes)?)
                })
            })
        })
    }

    /// `C_DecryptInit`; `None` cancels.
    ///
    /// # Errors
    /// As [`Provider::sign_init`].
    pub fn decrypt_init(&self, session: u64, mechanism: Option<MechanismCall<'_>>, key: u64) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        let Some(call) = mechanism else {
            operations.decrypt.cancel();
            return Ok(());
        };
        operations.decrypt.start(|| {
            let mechanism = self.select(&session, call, Use::Decrypt)?;
            let (object, spec) = self.key(&session, key, mechanism, Use::Decrypt)?;
            let padding = mechanism.encryption(call.parameter)?;
            let modulus_bytes = usize::from(rsa::modulus_bytes(spec)?);
            let decryption = Decryption { mechanism: mechanism.id, padding, unwrap: false };
            let consent = Consent::to_use(&object.record.attributes);
            let login = session.user_login();
            Ok(Decrypting { key: object.record.id, modulus_bytes, decryption, login, consent })
        })
    }

    /// `C_Decrypt`. The longest length that there can be is told without asking the backend.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`], [`Error::BufferTooSmall`],
    /// [`Error::EncryptedDataLenRange`], [`Error::UserNotLoggedIn`], and [`Error::Backend`], also for a ciphertext that
    /// is wrong in whatever way.
    pub fn decrypt(&self, session: u64, ciphertext: &[u8], out: &mut dyn Output) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.decrypt.one_shot(|decrypting| {
            let most = rsa::message_bytes_max(&decrypting.decryption.padding, decrypting.modulus_bytes);
            // The user's PIN is for one answer of the nodes.
            let only_once = !matches!(decrypting.consent, Consent::NotNeeded);
            deliver_up_to(out, most.unwrap_or(0), only_once, || {
                self.plaintext(&session, decrypting, ciphertext)
            })
        })
    }

    fn plaintext(
        &self,
        session: &Session,
        decrypting: &mut Decrypting,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        session.check_login(decrypting.login)?;
        if ciphertext.len() != decrypting.modulus_bytes {
            return Err(Error::EncryptedDataLenRange);
        }
        let again = decrypting.consent.take()?;
        self.decrypted(session, decrypting.key, &decrypting.decryption, ciphertext, again.as_ref())
            .map_err(Error::of_key)
    }

    /// What the nodes decrypt; the ciphertext is as long as the modulus.
    pub(super) fn decrypted(
        &self,
        session: &Session,
        key: ObjectId,
        decryption: &Decryption,
        ciphertext: &[u8],
        again: Option<&Reauthentication>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        // It decrypts to zero, which no padding makes.
        if ciphertext.iter().all(|byte| *byte == 0) {
            return Err(BackendError::CiphertextInvalid.into());
        }
        let plaintext = self.backend.decrypt(session.slot.token, key, decryption, ciphertext, again);
        self.settle(&session.slot, plaintext)
    }
}
