//! Wrapping and unwrapping keys (PKCS#11 3.1 section 5.18).
//!
//! A secret key has its value in this process and may be wrapped; a private key is nowhere whole, and is not. What is unwrapped
//! is decrypted by the nodes and comes together here: a secret key stays here, readable, and a private key goes the way of
//! every import. A template that asks for more, such as a secret key that nobody can read, is refused.

use cryptoki_sys::{CKA_CLASS, CKA_EXTRACTABLE, CKA_TOKEN, CKA_TRUSTED, CKA_WRAP_WITH_TRUSTED};
use zeroize::Zeroizing;

use super::{MechanismCall, Provider, TemplateItem};
use crate::attribute::{Class, class_of};
use crate::backend::{BackendError, Decryption, ObjectId};
use crate::handle::SecretValue;
use crate::mechanism::Use;
use crate::mechanism::rsa::{self, PublicKey};
use crate::mechanism::wrapping::Envelope;
use crate::object::read::is_true;
use crate::object::{import, secret};
use crate::output::{Output, deliver};
use crate::rv::{Error, Result};
use crate::session::Session;
use crate::template::Template;

impl Provider {
    /// `C_WrapKey`: a secret key for a public RSA key. The cluster is asked for random numbers at most.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::MechanismInvalid`], [`Error::MechanismParamInvalid`],
    /// [`Error::WrappingKeyHandleInvalid`], [`Error::WrappingKeyTypeInconsistent`], [`Error::KeyFunctionNotPermitted`],
    /// [`Error::KeyHandleInvalid`], [`Error::KeyUnextractable`] for every private key, [`Error::KeyNotWrappable`] for a
    /// public one, and for a key that trusted keys alone may wrap; [`Error::KeySizeRange`], [`Error::BufferTooSmall`],
    /// [`Error::Backend`].
    pub fn wrap_key(
        &self,
        session: u64,
        mechanism: MechanismCall<'_>,
        wrapping_key: u64,
        key: u64,
        out: &mut dyn Output,
    ) -> Result<()> {
        let session = self.session(session)?;
        let chosen = self.select(&session, mechanism, Use::Wrap)?;
        let envelope = chosen.envelope(mechanism.parameter)?;
        let wrapping = self.key(&session, wrapping_key, chosen, Use::Wrap);
        let (wrapping, _) = wrapping.map_err(Error::of_wrapping_key)?;
        let object = self.object(&session, key).map_err(Error::of_key)?;
        let value = match class_of(&object.record.attributes) {
            Some(Class::SecretKey) => object.secret.as_ref().ok_or(Error::KeyUnextractable)?,
            Some(Class::PrivateKey) => return Err(Error::KeyUnextractable),
            Some(Class::PublicKey) => return Err(Error::KeyNotWrappable),
            Some(Class::Data | Class::Certificate | Class::Profile) | None => {
                return Err(Error::KeyHandleInvalid);
            }
        };
        if !is_true(&object.record, CKA_EXTRACTABLE) {
            return Err(Error::KeyUnextractable);
        }
        if is_true(&object.record, CKA_WRAP_WITH_TRUSTED) && !is_true(&wrapping.record, CKA_TRUSTED) {
            return Err(Error::KeyNotWrappable);
        }
        let public = PublicKey::of(&wrapping.record.attributes)?;
        let length = envelope.wrapped_bytes(public.bytes(), value.expose().len())?;
        let wrapped = || envelope.wrap(&public, value.expose(), |bytes| Ok(self.backend.random(bytes)?));
        deliver(out, length, wrapped).map(drop)
    }

    /// `C_UnwrapKey`: a secret key, or a private key in PKCS#8, which the nodes then share.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::MechanismInvalid`], [`Error::MechanismParamInvalid`],
    /// [`Error::UnwrappingKeyHandleInvalid`], [`Error::UnwrappingKeyTypeInconsistent`],
    /// [`Error::KeyFunctionNotPermitted`], [`Error::WrappedKeyLenRange`], [`Error::WrappedKeyInvalid`] for whatever is
    /// wrong inside, what the template has wrong (`object::secret`, `object::import`), [`Error::SessionReadOnly`],
    /// [`Error::UserNotLoggedIn`], [`Error::Backend`].
    pub fn unwrap_key(
        &self,
        session: u64,
        mechanism: MechanismCall<'_>,
        unwrapping_key: u64,
        wrapped: &[u8],
        template: &[TemplateItem<'_>],
    ) -> Result<u64> {
        let session = self.session(session)?;
        let chosen = self.select(&session, mechanism, Use::Unwrap)?;
        let envelope = chosen.envelope(mechanism.parameter)?;
        let unwrapping = self.key(&session, unwrapping_key, chosen, Use::Unwrap);
        let (unwrapping, spec) = unwrapping.map_err(Error::of_unwrapping_key)?;
        let mut template = Template::parse(template)?;
        let modulus_bytes = usize::from(rsa::modulus_bytes(spec)?);
        let parts = envelope.split(modulus_bytes, wrapped)?;
        let open = || self.open(&session, unwrapping.record.id, (chosen.id, &envelope), parts);
        match template.ulong(CKA_CLASS).map(Class::from_number) {
            Some(Some(Class::SecretKey)) => {
                let wanted = secret::request(template)?;
                session.check_write(false, wanted.is_private())?;
                let value = open()?;
                if !wanted.takes(value.len()) {
                    return Err(Error::WrappedKeyInvalid);
                }
                self.store(&session, wanted.attributes(value.len()), Some(SecretValue::new(value)))
            }
            Some(Some(Class::PrivateKey)) => {
                import::check_template(&mut template)?;
                session.check_write(template.bool(CKA_TOKEN) == Some(true), true)?;
                let import = import::unwrapped(template, &open()?)?;
                self.import_key(&session, import).map_err(|error| match error {
                    Error::Backend(BackendError::KeyInvalid) => Error::WrappedKeyInvalid,
                    other => other,
                })
            }
            Some(_) => Err(Error::contradiction(CKA_CLASS, "is not what is unwrapped")),
            None => Err(Error::TemplateIncomplete),
        }
    }

    /// What is in an envelope, or one error.
    fn open(
        &self,
        session: &Session,
        key: ObjectId,
        (mechanism, envelope): (u64, &Envelope),
        (encrypted, rest): (&[u8], &[u8]),
    ) -> Result<Zeroizing<Vec<u8>>> {
        let decryption = Decryption { mechanism, padding: envelope.padding().clone(), unwrap: true };
        let decrypted = self.decrypted(session, key, &decryption, encrypted, None);
        let decrypted = decrypted.map_err(|error| match error {
            Error::Backend(BackendError::CiphertextInvalid) => Error::WrappedKeyInvalid,
            other => other.of_unwrapping_key(),
        })?;
        envelope.open(decrypted, rest)
    }
}
