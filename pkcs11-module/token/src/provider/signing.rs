//! Signing (PKCS#11 3.1 section 5.13). The message is hashed here; one digest a signature goes to the backend.

use super::{MechanismCall, Provider};
use crate::backend::MESSAGE_BYTES_MAX;
use crate::mechanism::Use;
use crate::output::{Delivery, Output, deliver};
use crate::rv::{Error, Result};
use crate::session::{Consent, Session, Signing};
use crate::sync::lock;

impl Provider {
    /// `C_SignInit`; `None` cancels.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationActive`], [`Error::MechanismInvalid`] (also where the key
    /// has a list of mechanisms without this one), [`Error::MechanismParamInvalid`], [`Error::KeyHandleInvalid`],
    /// [`Error::KeyTypeInconsistent`], [`Error::KeyFunctionNotPermitted`], [`Error::Backend`].
    pub fn sign_init(&self, session: u64, mechanism: Option<MechanismCall<'_>>, key: u64) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        let Some(call) = mechanism else {
            operations.sign.cancel();
            return Ok(());
        };
        operations.sign.start(|| {
            let mechanism = self.select(&session, call, Use::Sign)?;
            let (object, spec) = self.key(&session, key, mechanism, Use::Sign)?;
            Ok(Signing {
                key: object.record.id,
                spec,
                scheme: mechanism.scheme(spec, call.parameter)?,
                message: mechanism.message(spec, call.parameter, MESSAGE_BYTES_MAX)?,
                login: session.user_login(),
                consent: Consent::to_use(&object.record.attributes),
            })
        })
    }

    /// `C_Sign`. The length is told without asking the backend.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`], [`Error::OperationActive`],
    /// [`Error::BufferTooSmall`], [`Error::DataLenRange`], [`Error::UserNotLoggedIn`], [`Error::Backend`].
    pub fn sign(&self, session: u64, data: &[u8], out: &mut dyn Output) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.sign.one_shot(|signing| {
            deliver(out, signing.scheme.signature_bytes(), || {
                signing.message.update(data)?;
                self.signature(&session, signing)
            })
        })
    }

    /// `C_SignUpdate`. Raw ECDSA takes its digest in parts too, although the standard does not ask for it.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::OperationNotInitialized`], [`Error::OperationActive`],
    /// [`Error::DataLenRange`].
    pub fn sign_update(&self, session: u64, part: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.sign.update(|signing| signing.message.update(part))
    }

    /// `C_SignFinal`. The length is told without asking the backend.
    ///
    /// # Errors
    /// As [`Provider::sign`].
    pub fn sign_final(&self, session: u64, out: &mut dyn Output) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.sign.last(|signing| -> Result<Delivery> {
            deliver(out, signing.scheme.signature_bytes(), || self.signature(&session, signing))
        })
    }

    fn signature(&self, session: &Session, signing: &mut Signing) -> Result<Vec<u8>> {
        // The login may have ended since the key was chosen; the nodes would refuse too, with a word that C_Sign lacks.
        session.check_login(signing.login)?;
        let again = signing.consent.take()?;
        let digest = signing.message.finish(signing.spec)?;
        let signature =
            self.backend.sign(session.slot.token, signing.key, &signing.scheme, &digest, again.as_ref());
        self.settle(&session.slot, signature).map_err(Error::of_key)
    }
}
