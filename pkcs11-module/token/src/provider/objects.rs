//! Objects (PKCS#11 3.1 section 5.7).

use std::sync::Arc;

use cryptoki_sys::*;

use super::{Provider, TemplateItem};
use crate::attribute;
use crate::backend::{Attributes, BackendError, Freshness, ObjectId, ObjectRecord, PrivateKeyImport, Role};
use crate::handle::{Place, SecretValue};
use crate::object::read::{self, Answer};
use crate::object::{change, create};
use crate::object::{import, key, profile};
use crate::output::{AttributeOutput, Offer};
use crate::rv::{Error, Result};
use crate::session::Session;
use crate::sync::lock;
use crate::template::Template;

/// An object as it is now.
pub(super) struct Object {
    /// Whether it is on the token; otherwise it is a session object.
    pub on_token: bool,
    /// `CKA_PRIVATE`.
    pub private: bool,
    pub record: Arc<ObjectRecord>,
    /// The value of a secret key.
    pub secret: Option<SecretValue>,
}

impl Provider {
    /// `C_CreateObject`: certificates, data objects, public keys, and private ones (`object::import`).
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::SessionReadOnly`], [`Error::UserNotLoggedIn`], what the template has
    /// wrong (`object::create`), [`Error::DeviceMemory`], [`Error::Backend`].
    pub fn create_object(&self, session: u64, template: &[TemplateItem<'_>]) -> Result<u64> {
        let session = self.session(session)?;
        let template = Template::parse(template)?;
        if template.ulong(CKA_CLASS) == Some(CKO_PRIVATE_KEY) {
            return self.import(&session, template);
        }
        let attributes = create(template, session.role())?;
        self.check_shown(&session, &attributes)?;
        self.store(&session, attributes, None)
    }

    /// A private key that the application brings along: the backend splits it, and it is marked.
    fn import(&self, session: &Session, template: Template) -> Result<u64> {
        let import = import::request(template)?;
        session.check_write(is_on_token(&import.private), true)?;
        self.import_key(session, import)
    }

    /// Has the nodes take a private key.
    pub(super) fn import_key(&self, session: &Session, import: PrivateKeyImport) -> Result<u64> {
        self.check_shown(session, &import.private)?;
        let imported = self.backend.import_private_key(session.slot.token, import);
        let record = self.settle(&session.slot, imported)?;
        self.keep_private_key(session, record)
    }

    /// Gives a new private key its handle, where its `CKA_TOKEN` wants it.
    fn keep_private_key(&self, session: &Session, record: ObjectRecord) -> Result<u64> {
        match is_on_token(&record.attributes) {
            true => Ok(lock(&self.handles).token_object(session.slot.id, record.id, true)),
            false => self.keep_session_key(session, record),
        }
    }

    /// `C_CopyObject`. Copying a private key takes all nodes: each copies its share.
    ///
    /// # Errors
    /// As [`Provider::create_object`], and [`Error::ObjectHandleInvalid`], [`Error::ActionProhibited`].
    pub fn copy_object(&self, session: u64, object: u64, template: &[TemplateItem<'_>]) -> Result<u64> {
        let session = self.session(session)?;
        let template = Template::parse(template)?;
        let source = self.object(&session, object)?;
        let mut attributes = source.record.attributes.clone();
        if attribute::bool_of(&attributes, CKA_COPYABLE) == Some(false) {
            return Err(Error::ActionProhibited);
        }
        change(&mut attributes, &template, true, session.role())?;
        if attribute::class_of(&attributes) == Some(attribute::Class::PrivateKey) {
            return self.copy_private_key(&session, source.record.id, attributes);
        }
        self.store(&session, attributes, source.secret)
    }

    /// `C_DestroyObject`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::ObjectHandleInvalid`], [`Error::SessionReadOnly`],
    /// [`Error::ActionProhibited`], [`Error::Backend`].
    pub fn destroy_object(&self, session: u64, object: u64) -> Result<()> {
        let session = self.session(session)?;
        self.with_current(&session, object, |found| {
            session.check_write(found.on_token, found.private)?;
            if attribute::bool_of(&found.record.attributes, CKA_DESTROYABLE) == Some(false) {
                return Err(Error::ActionProhibited);
            }
            if found.on_token {
                let ObjectRecord { id, version, .. } = *found.record;
                self.settle(&session.slot, self.backend.destroy_object(session.slot.token, id, version))?;
            }
            let lost = lock(&self.handles).remove(object);
            self.backend.destroy_session_keys(&lost.0);
            Ok(())
        })
    }

    /// `C_GetObjectSize`: bytes of all attribute values; of a private key, those of its public description.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::ObjectHandleInvalid`], [`Error::Backend`].
    pub fn object_size(&self, session: u64, object: u64) -> Result<u64> {
        let session = self.session(session)?;
        let found = self.object(&session, object)?;
        let secret = found.secret.as_ref().map_or(0, |secret| secret.expose().len());
        Ok(read::size(&found.record.attributes) + secret as u64)
    }

    /// `C_GetAttributeValue`: answers every entry on its own, and returns the gravest error at the end.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::ObjectHandleInvalid`], [`Error::AttributeSensitive`],
    /// [`Error::AttributeTypeInvalid`], [`Error::BufferTooSmall`], [`Error::Backend`].
    pub fn get_attributes(
        &self,
        session: u64,
        object: u64,
        template: &mut [(u64, &mut dyn AttributeOutput)],
    ) -> Result<()> {
        let session = self.session(session)?;
        let found = self.object(&session, object)?;
        let bare_points = self.backend.bare_ec_points(session.slot.token);
        let policy = self.backend.rsa_policy(session.slot.token);
        let (mut sensitive, mut unknown, mut too_small) = (false, false, false);
        for (id, out) in template {
            match read::attribute_or_value(&found.record, found.secret.as_ref(), *id, policy) {
                Answer::Value(value) => {
                    let value = match attribute::kind_of(*id) {
                        _ if *id == CKA_EC_POINT && bare_points => key::bare_point(&value).to_vec(),
                        Some(kind) => kind.native(&value),
                        None => value.to_vec(),
                    };
                    match out.offer(value.len()) {
                        Offer::LengthOnly => {}
                        Offer::Ready => out.write(&value),
                        Offer::TooSmall => {
                            out.unavailable();
                            too_small = true;
                        }
                    }
                }
                Answer::Sensitive => {
                    out.unavailable();
                    sensitive = true;
                }
                Answer::Unknown => {
                    out.unavailable();
                    unknown = true;
                }
            }
        }
        match (sensitive, unknown, too_small) {
            (true, _, _) => Err(Error::AttributeSensitive),
            (false, true, _) => Err(Error::AttributeTypeInvalid),
            (false, false, true) => Err(Error::BufferTooSmall),
            (false, false, false) => Ok(()),
        }
    }

    /// `C_SetAttributeValue`: all entries or none.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::ObjectHandleInvalid`], [`Error::SessionReadOnly`],
    /// [`Error::ActionProhibited`], what the template has wrong (`object::change`), [`Error::Backend`].
    pub fn set_attributes(&self, session: u64, object: u64, template: &[TemplateItem<'_>]) -> Result<()> {
        let session = self.session(session)?;
        let template = Template::parse(template)?;
        self.with_current(&session, object, |found| {
            session.check_write(found.on_token, found.private)?;
            if attribute::bool_of(&found.record.attributes, CKA_MODIFIABLE) == Some(false) {
                return Err(Error::ActionProhibited);
            }
            let mut attributes = found.record.attributes.clone();
            change(&mut attributes, &template, false, session.role())?;
            if !found.on_token {
                check_session_key(&found.record.attributes, &attributes)?;
            }
            if attributes == found.record.attributes {
                return Ok(());
            }
            let ObjectRecord { id, version, .. } = *found.record;
            if found.on_token {
                let updated = self.backend.update_object(session.slot.token, id, version, attributes);
                return self.settle(&session.slot, updated).map(|_| ());
            }
            let changed = ObjectRecord { id, version: version + 1, attributes };
            lock(&self.handles).replace(object, &found.record, changed)
        })
    }

    /// The object behind a handle, if the session may see it.
    ///
    /// # Errors
    /// [`Error::ObjectHandleInvalid`], [`Error::Backend`].
    pub(super) fn object(&self, session: &Session, handle: u64) -> Result<Object> {
        let entry = lock(&self.handles).get(handle).cloned().ok_or(Error::ObjectHandleInvalid)?;
        let private = entry.private;
        let visible = entry.slot == session.slot.id && (!private || session.role() == Some(Role::User));
        if !visible {
            return Err(Error::ObjectHandleInvalid);
        }
        match entry.place {
            Place::Session { record, secret, .. } => Ok(Object { on_token: false, private, record, secret }),
            Place::Token(id) => match self.token_object(session, id)? {
                Some(record) => Ok(Object { on_token: true, private, record, secret: None }),
                None => {
                    let _of_the_token = lock(&self.handles).remove(handle);
                    Err(Error::ObjectHandleInvalid)
                }
            },
        }
    }

    fn copy_private_key(&self, session: &Session, source: ObjectId, attributes: Attributes) -> Result<u64> {
        session.check_write(is_on_token(&attributes), true)?;
        let slot = &session.slot;
        let copied = self.backend.copy_private_key(slot.token, source, attributes);
        let record = self.settle(slot, copied)?;
        self.keep_private_key(session, record)
    }

    /// Keeps a new object where its `CKA_TOKEN` wants it. A secret never leaves this process for the token.
    pub(super) fn store(
        &self,
        session: &Session,
        attributes: Attributes,
        secret: Option<SecretValue>,
    ) -> Result<u64> {
        let on_token = is_on_token(&attributes);
        if on_token && secret.is_some() {
            return Err(Error::contradiction(CKA_TOKEN, "the nodes keep no secret keys"));
        }
        let private = attribute::bool_of(&attributes, CKA_PRIVATE) == Some(true);
        session.check_write(on_token, private)?;
        if on_token {
            let created = self.backend.create_object(session.slot.token, attributes);
            let record = self.settle(&session.slot, created)?;
            return Ok(lock(&self.handles).token_object(session.slot.id, record.id, private));
        }
        let mut id = [0; 16];
        self.backend.random(&mut id)?;
        let record = ObjectRecord { id: ObjectId(id), version: 0, attributes };
        lock(&self.handles).session_object(session.slot.id, session.handle, private, record, secret)
    }

    /// Does `work` on an object, again with a fresh reading if somebody else changed it meanwhile.
    fn with_current(
        &self,
        session: &Session,
        handle: u64,
        work: impl Fn(&Object) -> Result<()>,
    ) -> Result<()> {
        for _ in 1..ATTEMPTS {
            match work(&self.object(session, handle)?) {
                Err(Error::Backend(BackendError::Stale)) => {
                    self.backend.objects(session.slot.token, Freshness::Current)?;
                }
                result => return result,
            }
        }
        work(&self.object(session, handle)?)
    }

    /// A token object from what was read before, else from a fresh reading.
    fn token_object(&self, session: &Session, id: ObjectId) -> Result<Option<Arc<ObjectRecord>>> {
        if let Some(profile) = profile::find(id) {
            return Ok(Some(profile));
        }
        for freshness in [Freshness::Cached, Freshness::Current] {
            let list = self.settle(&session.slot, self.backend.objects(session.slot.token, freshness))?;
            if let Some(record) = list.get(&id) {
                return Ok(Some(record.clone()));
            }
        }
        Ok(None)
    }
}

/// `CKA_TOKEN`; an object without it is of its session.
fn is_on_token(attributes: &Attributes) -> bool {
    attribute::bool_of(attributes, CKA_TOKEN) == Some(true)
}

/// The nodes hold a session's private key against the usage that it was born with, and no command changes that.
fn check_session_key(before: &Attributes, after: &Attributes) -> Result<()> {
    let is_private_key = attribute::class_of(before) == Some(attribute::Class::PrivateKey);
    let changed = USAGE.iter().any(|usage| before.get(usage) != after.get(usage));
    if is_private_key && changed { Err(Error::AttributeReadOnly) } else { Ok(()) }
}

/// What a private key may be used for.
const USAGE: [u64; 5] = [CKA_SIGN, CKA_SIGN_RECOVER, CKA_DECRYPT, CKA_DERIVE, CKA_UNWRAP];

/// How often a change is tried against others who change the same object.
const ATTEMPTS: usize = 4;
