//! Keys (PKCS#11 3.1 section 5.18).

use cryptoki_sys::CKA_PRIVATE;

use super::{KeyPairHandles, MechanismCall, Provider, TemplateItem};
use crate::attribute;
use crate::backend::{KeySpec, ObjectRecord, PublicHalf};
use crate::handle::SecretValue;
use crate::mechanism::{self, Use};
use crate::object::{pair, secret};
use crate::rv::{Error, Result};
use crate::session::Session;
use crate::sync::lock;
use crate::template::Template;

impl Provider {
    /// `C_GenerateKeyPair`. The private key is born shared among the nodes; that of a session is in their memory only.
    /// Each half is where its template wants it.
    ///
    /// # Errors
    /// [`crate::Error::SessionHandleInvalid`], [`crate::Error::MechanismInvalid`],
    /// [`crate::Error::MechanismParamInvalid`], what the templates have wrong (`object::pair`),
    /// [`crate::Error::SessionReadOnly`], [`crate::Error::UserNotLoggedIn`], [`crate::Error::Backend`].
    pub fn generate_key_pair(
        &self,
        session: u64,
        mechanism: MechanismCall<'_>,
        public: &[TemplateItem<'_>],
        private: &[TemplateItem<'_>],
    ) -> Result<KeyPairHandles> {
        let session = self.session(session)?;
        let mechanism = self.select(&session, mechanism, Use::GenerateKeyPair)?;
        let request = pair::request(mechanism, Template::parse(public)?, Template::parse(private)?)?;
        self.check_shown(&session, &request.public)?;
        let public_is_private = attribute::bool_of(&request.public, CKA_PRIVATE) == Some(true);
        session.check_write(request.public_on_token || request.private_on_token, true)?;
        let private_on_token = request.private_on_token;
        let pair = self.settle(&session.slot, self.backend.generate_key_pair(session.slot.token, request))?;
        let private = match private_on_token {
            true => lock(&self.handles).token_object(session.slot.id, pair.private.id, true),
            false => self.keep_session_key(&session, pair.private.clone()).inspect_err(|_| {
                if let PublicHalf::Token(ObjectRecord { id, version, .. }) = pair.public {
                    let _ = self.backend.destroy_object(session.slot.token, id, version);
                }
            })?,
        };
        let public = match pair.public {
            PublicHalf::Token(record) => {
                lock(&self.handles).token_object(session.slot.id, record.id, public_is_private)
            }
            PublicHalf::Session(attributes) => match self.store(&session, attributes, None) {
                Ok(handle) => handle,
                Err(error) => {
                    // The caller gets no handle, so the key must not stay behind; if the cluster went away just
                    // now it does, and is found by a search.
                    let lost = lock(&self.handles).remove(private);
                    self.backend.destroy_session_keys(&lost.0);
                    if private_on_token {
                        let ObjectRecord { id, version, .. } = pair.private;
                        let _ = self.backend.destroy_object(session.slot.token, id, version);
                    }
                    return Err(error);
                }
            },
        };
        Ok(KeyPairHandles { public, private })
    }

    /// Gives a private key of a session its handle; without one, nothing of the key stays.
    pub(super) fn keep_session_key(&self, session: &Session, record: ObjectRecord) -> Result<u64> {
        let id = record.id;
        let handle = lock(&self.handles).session_object(session.slot.id, session.handle, true, record, None);
        // A session that was closed while the nodes worked takes nothing more.
        let handle = handle.and_then(|handle| match self.session(session.handle) {
            Ok(_) => Ok(handle),
            Err(closed) => {
                let _told_below = lock(&self.handles).remove(handle);
                Err(closed)
            }
        });
        handle.inspect_err(|_| self.backend.destroy_session_keys(&[id]))
    }

    /// `C_DeriveKey`. The nodes compute with the private key; the secret that they agree on, and the key made of it,
    /// are in this process alone, as a session object that can be read.
    ///
    /// # Errors
    /// [`crate::Error::SessionHandleInvalid`], [`crate::Error::MechanismInvalid`] (also where the key has a list of
    /// mechanisms without this one), [`crate::Error::MechanismParamInvalid`], what the template has wrong
    /// (`object::secret`), [`crate::Error::KeyHandleInvalid`], [`crate::Error::KeyTypeInconsistent`],
    /// [`crate::Error::KeyFunctionNotPermitted`], [`crate::Error::DeviceMemory`], [`crate::Error::Backend`].
    pub fn derive_key(
        &self,
        session: u64,
        mechanism: MechanismCall<'_>,
        base_key: u64,
        template: &[TemplateItem<'_>],
    ) -> Result<u64> {
        let session = self.session(session)?;
        let chosen = self.select(&session, mechanism, Use::Derive)?;
        let derivation = mechanism::ecdh::Derivation::new(mechanism.parameter)?;
        let (base, spec) = self.key(&session, base_key, chosen, Use::Derive)?;
        let KeySpec::Curve(curve) = spec else { return Err(Error::KeyTypeInconsistent) };
        let peer = mechanism::ecdh::peer(curve, derivation.public_data)?;
        let wanted = secret::request(Template::parse(template)?)?;
        session.check_write(false, wanted.is_private())?;
        let length = derivation.length(curve, wanted.length)?;
        let agreed = self.backend.derive(session.slot.token, base.record.id, curve, chosen.id, &peer);
        let agreed = self.settle(&session.slot, agreed).map_err(Error::of_key)?;
        let value = derivation.key(&agreed, length)?;
        self.store(&session, wanted.attributes(length), Some(SecretValue::new(value)))
    }
}
