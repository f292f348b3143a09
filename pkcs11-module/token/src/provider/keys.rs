//! Keys (PKCS#11 3.1 section 5.18).

use cryptoki_sys::CKA_PRIVATE;

use super::{KeyPairHandles, MechanismCall, Provider, TemplateItem};
use crate::attribute;
use crate::backend::{ObjectRecord, PublicHalf};
use crate::mechanism::{self, Use};
use crate::object::pair;
use crate::rv::Result;
use crate::sync::lock;
use crate::template::Template;

impl Provider {
    /// `C_GenerateKeyPair`. The private key is born shared among the nodes and is always a token object; the public
    /// key is what its template says.
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
        let mechanism = mechanism::select(mechanism, Use::GenerateKeyPair)?;
        let request = pair::request(mechanism, Template::parse(public)?, Template::parse(private)?)?;
        let public_is_private = attribute::bool_of(&request.public, CKA_PRIVATE) == Some(true);
        session.check_write(true, true)?;
        let pair = self.settle(&session.slot, self.backend.generate_key_pair(session.slot.token, request))?;
        let public = match pair.public {
            PublicHalf::Token(record) => {
                lock(&self.handles).token_object(session.slot.id, record.id, public_is_private)
            }
            PublicHalf::Session(attributes) => match self.store(&session, attributes) {
                Ok(handle) => handle,
                Err(error) => {
                    // The caller gets no handle, so the key must not stay behind; if the cluster went away just
                    // now it does, and is found by a search.
                    let ObjectRecord { id, version, .. } = pair.private;
                    let _ = self.backend.destroy_object(session.slot.token, id, version);
                    return Err(error);
                }
            },
        };
        let private = lock(&self.handles).token_object(session.slot.id, pair.private.id, true);
        Ok(KeyPairHandles { public, private })
    }
}
