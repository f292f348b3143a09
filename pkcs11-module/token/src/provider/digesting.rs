//! Digesting (PKCS#11 3.1 section 5.12), all in this process.

use super::{MechanismCall, Provider};
use crate::attribute::{self, Class};
use crate::mechanism::Use;
use crate::output::{Output, deliver};
use crate::rv::{Error, Result};
use crate::session::Digesting;
use crate::sync::lock;

impl Provider {
    /// `C_DigestInit`; `None` cancels.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationActive`], [`Error::MechanismInvalid`],
    /// [`Error::MechanismParamInvalid`].
    pub fn digest_init(&self, session: u64, mechanism: Option<MechanismCall<'_>>) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        let Some(call) = mechanism else {
            operations.digest.cancel();
            return Ok(());
        };
        operations.digest.start(|| self.select(&session, call, Use::Digest)?.hasher().map(Digesting))
    }

    /// `C_Digest`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`], [`Error::OperationActive`],
    /// [`Error::BufferTooSmall`].
    pub fn digest(&self, session: u64, data: &[u8], out: &mut dyn Output) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.digest.one_shot(|Digesting(hasher)| {
            deliver(out, hasher.output_size(), || {
                hasher.update(data);
                Ok(hasher.finalize_reset().into_vec())
            })
        })
    }

    /// `C_DigestUpdate`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`], [`Error::OperationActive`].
    pub fn digest_update(&self, session: u64, part: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.digest.update(|Digesting(hasher)| {
            hasher.update(part);
            Ok(())
        })
    }

    /// `C_DigestKey`: only secret keys have a value to digest.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`], [`Error::OperationActive`],
    /// [`Error::KeyHandleInvalid`], [`Error::KeyIndigestible`], [`Error::Backend`].
    pub fn digest_key(&self, session: u64, key: u64) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.digest.update(|Digesting(hasher)| match self.object(&session, key) {
            Ok(object) => match attribute::class_of(&object.record.attributes) {
                Some(Class::SecretKey) => {
                    let value = object.secret.as_ref().ok_or(Error::KeyIndigestible)?;
                    hasher.update(value.expose());
                    Ok(())
                }
                Some(Class::PublicKey | Class::PrivateKey) => Err(Error::KeyIndigestible),
                Some(Class::Data | Class::Certificate | Class::Profile) | None => {
                    Err(Error::KeyHandleInvalid)
                }
            },
            Err(error) => Err(error.of_key()),
        })
    }

    /// `C_DigestFinal`.
    ///
    /// # Errors
    /// As [`Provider::digest`].
    pub fn digest_final(&self, session: u64, out: &mut dyn Output) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.digest.last(|Digesting(hasher)| {
            deliver(out, hasher.output_size(), || Ok(hasher.finalize_reset().into_vec()))
        })
    }
}
