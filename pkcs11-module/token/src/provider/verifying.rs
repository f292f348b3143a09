//! Verifying (PKCS#11 3.1 section 5.15), all in this process.

use super::{MechanismCall, Provider};
use crate::mechanism::Use;
use crate::mechanism::message::Verifier;
use crate::output::Delivery;
use crate::rv::Result;
use crate::session::Verifying;
use crate::sync::lock;

impl Provider {
    /// `C_VerifyInit`; `None` cancels.
    ///
    /// # Errors
    /// As [`Provider::sign_init`].
    pub fn verify_init(&self, session: u64, mechanism: Option<MechanismCall<'_>>, key: u64) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        let Some(call) = mechanism else {
            operations.verify.cancel();
            return Ok(());
        };
        operations.verify.start(|| {
            let mechanism = self.select(&session, call, Use::Verify)?;
            let (object, spec) = self.key(&session, key, mechanism, Use::Verify)?;
            let key = Verifier::new(mechanism, call.parameter, spec, &object.record.attributes)?;
            Ok(Verifying { key, spec, message: mechanism.message(spec, call.parameter, VERIFIED_BYTES_MAX)? })
        })
    }

    /// `C_Verify`.
    ///
    /// # Errors
    /// [`crate::Error::SessionHandleInvalid`], [`crate::Error::OperationNotInitialized`], [`crate::Error::OperationActive`],
    /// [`crate::Error::DataLenRange`], [`crate::Error::SignatureLenRange`], [`crate::Error::SignatureInvalid`].
    pub fn verify(&self, session: u64, data: &[u8], signature: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.verify.one_shot(|verifying| {
            verifying.message.update(data)?;
            verifying.check(signature)
        })
    }

    /// `C_VerifyUpdate`.
    ///
    /// # Errors
    /// As [`Provider::sign_update`].
    pub fn verify_update(&self, session: u64, part: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.verify.update(|verifying| verifying.message.update(part))
    }

    /// `C_VerifyFinal`.
    ///
    /// # Errors
    /// As [`Provider::verify`].
    pub fn verify_final(&self, session: u64, signature: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        operations.verify.last(|verifying| verifying.check(signature))
    }
}

/// Longest message that is verified whole.
const VERIFIED_BYTES_MAX: usize = 64 << 20;

impl Verifying {
    fn check(&mut self, signature: &[u8]) -> Result<Delivery> {
        let digest = self.message.finish(self.spec)?;
        self.key.verify(&digest, signature)?;
        Ok(Delivery::Written)
    }
}
