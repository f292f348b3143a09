//! One token of the test double.

use std::collections::HashMap;

use cryptoki_sys::{CKA_ALWAYS_AUTHENTICATE, CKA_PRIVATE, CKA_TOKEN};
use rand_core::{OsRng, RngCore};

use super::keys::LocalKey;
use crate::attribute;
use crate::backend::{
    Attributes, BackendError, BackendResult, ObjectId, ObjectList, ObjectRecord, PinState, PinStates,
    Reauthentication, Role, TokenId, TokenState,
};
use crate::info::blank_padded;

/// A token with its PINs, objects and keys.
pub(super) struct LocalToken {
    pub id: TokenId,
    login: Option<Role>,
    /// The "cluster" has ended the login and this process has not noticed.
    ended: bool,
    label: [u8; 32],
    so_pin: Option<Pin>,
    user_pin: Option<Pin>,
    user_pin_replaced: bool,
    objects: Vec<LocalObject>,
    session_keys: HashMap<ObjectId, LocalKey>,
    version: u64,
}

struct Pin {
    value: Vec<u8>,
    failures: u32,
}

struct LocalObject {
    record: ObjectRecord,
    key: Option<LocalKey>,
}

impl LocalToken {
    /// The token numbered `number`, not initialised.
    pub(super) fn new(number: u8) -> Self {
        Self {
            id: TokenId([number; 16]),
            login: None,
            ended: false,
            label: [b' '; 32],
            so_pin: None,
            user_pin: None,
            user_pin_replaced: false,
            objects: Vec::new(),
            session_keys: HashMap::new(),
            version: 0,
        }
    }

    pub(super) fn is_initialized(&self) -> bool {
        self.so_pin.is_some()
    }

    pub(super) fn initialize(&mut self, so_pin: &[u8], label: &[u8; 32]) {
        let Self { id, version, .. } = *self;
        *self = Self { version: version + 1, label: *label, ..Self::new(0) };
        self.id = id;
        self.set_pin(Role::SecurityOfficer, so_pin);
    }

    pub(super) fn state(&self) -> TokenState {
        let [number, ..] = self.id.0;
        TokenState {
            id: self.id,
            label: self.label,
            serial: blank_padded(&format!("{number:016}")),
            initialized: self.is_initialized(),
            user_pin_initialized: self.user_pin.is_some(),
            user_pin_replaced: self.user_pin_replaced,
        }
    }

    pub(super) fn pin_states(&self) -> PinStates {
        PinStates {
            security_officer: pin_state(self.so_pin.as_ref()),
            user: pin_state(self.user_pin.as_ref()),
        }
    }

    pub(super) fn set_pin(&mut self, role: Role, pin: &[u8]) {
        *self.pin(role) = Some(Pin { value: pin.to_vec(), failures: 0 });
        self.user_pin_replaced &= role != Role::User;
    }

    /// By the security officer.
    pub(super) fn replace_user_pin(&mut self, pin: &[u8]) {
        let replaced = self.user_pin.is_some();
        self.set_pin(Role::User, pin);
        self.user_pin_replaced = replaced;
    }

    pub(super) fn check_pin(&mut self, role: Role, pin: &[u8]) -> BackendResult<()> {
        let stored = self.pin(role).as_mut().ok_or(BackendError::PinNotInitialized)?;
        if stored.failures >= FAILURES_MAX {
            return Err(BackendError::PinLocked);
        }
        if stored.value != pin {
            stored.failures += 1;
            return Err(BackendError::PinIncorrect);
        }
        stored.failures = 0;
        Ok(())
    }

    pub(super) fn log_in(&mut self, role: Role) {
        self.login = Some(role);
    }

    pub(super) fn log_out(&mut self) {
        self.login = None;
        self.ended = false;
    }

    pub(super) fn end_login(&mut self) {
        self.ended = self.login.is_some();
    }

    pub(super) fn require(&self, role: Role) -> BackendResult<()> {
        match self.login {
            Some(current) if !self.ended && current == role => Ok(()),
            Some(_) if !self.ended => Err(BackendError::Refused("the other role is logged in".into())),
            Some(_) | None => Err(BackendError::NotLoggedIn),
        }
    }

    pub(super) fn visible_objects(&self) -> BackendResult<ObjectList> {
        if self.ended {
            return Err(BackendError::NotLoggedIn);
        }
        let all = self.login == Some(Role::User);
        let visible = |object: &&LocalObject| all || !is_private(&object.record.attributes);
        let objects = self.objects.iter().filter(visible).map(|object| object.record.clone()).collect();
        Ok(ObjectList::new(self.version, objects))
    }

    pub(super) fn add(
        &mut self,
        attributes: Attributes,
        key: Option<LocalKey>,
    ) -> BackendResult<ObjectRecord> {
        self.check_writer(&attributes)?;
        let mut id = [0; 16];
        OsRng.fill_bytes(&mut id);
        self.version += 1;
        for (to, from) in id.iter_mut().zip(self.version.to_be_bytes()) {
            *to = from;
        }
        let record = ObjectRecord { id: ObjectId(id), version: 1, attributes };
        self.objects.push(LocalObject { record: record.clone(), key });
        Ok(record)
    }

    /// Adds a private key where its `CKA_TOKEN` wants it.
    pub(super) fn add_private(
        &mut self,
        attributes: Attributes,
        key: LocalKey,
    ) -> BackendResult<ObjectRecord> {
        match attribute::bool_of(&attributes, CKA_TOKEN) {
            Some(true) => self.add(attributes, Some(key)),
            _ => self.add_session_key(attributes, key),
        }
    }

    fn add_session_key(&mut self, attributes: Attributes, key: LocalKey) -> BackendResult<ObjectRecord> {
        self.require(Role::User)?;
        if self.session_keys.len() >= SESSION_KEYS_MAX {
            return Err(BackendError::Full("session keys".into()));
        }
        let mut id = [0; 16];
        OsRng.fill_bytes(&mut id);
        self.session_keys.insert(ObjectId(id), key);
        Ok(ObjectRecord { id: ObjectId(id), version: 1, attributes })
    }

    pub(super) fn session_keys(&self) -> usize {
        self.session_keys.len()
    }

    pub(super) fn destroy_session_keys(&mut self, keys: &[ObjectId]) {
        keys.iter().for_each(|id| drop(self.session_keys.remove(id)));
    }

    pub(super) fn update(
        &mut self,
        id: ObjectId,
        base_version: u64,
        attributes: Attributes,
    ) -> BackendResult<ObjectRecord> {
        self.check_writer(&attributes)?;
        self.version += 1;
        let object = self.object(id, base_version)?;
        object.record.attributes = attributes;
        object.record.version += 1;
        Ok(object.record.clone())
    }

    pub(super) fn destroy(&mut self, id: ObjectId, base_version: u64) -> BackendResult<()> {
        let attributes = self.object(id, base_version)?.record.attributes.clone();
        self.check_writer(&attributes)?;
        self.version += 1;
        self.objects.retain(|object| object.record.id != id);
        Ok(())
    }

    pub(super) fn key(&self, id: ObjectId) -> Option<&LocalKey> {
        let of_token = || self.objects.iter().find(|object| object.record.id == id)?.key.as_ref();
        self.session_keys.get(&id).or_else(of_token)
    }

    /// Of keys on the token, whose attributes are here.
    pub(super) fn require_consent(
        &self,
        key: ObjectId,
        again: Option<&Reauthentication>,
    ) -> BackendResult<()> {
        let object = self.objects.iter().find(|object| object.record.id == key);
        let asks =
            object.and_then(|object| attribute::bool_of(&object.record.attributes, CKA_ALWAYS_AUTHENTICATE));
        if asks == Some(true) && again.is_none() { Err(BackendError::NotLoggedIn) } else { Ok(()) }
    }

    fn object(&mut self, id: ObjectId, base_version: u64) -> BackendResult<&mut LocalObject> {
        let object = self.objects.iter_mut().find(|object| object.record.id == id);
        let object = object.ok_or(BackendError::NoSuchObject)?;
        if object.record.version != base_version {
            return Err(BackendError::Stale);
        }
        Ok(object)
    }

    /// The cluster takes commands only from somebody logged in, for private objects only from the user.
    fn check_writer(&self, attributes: &Attributes) -> BackendResult<()> {
        match self.login {
            Some(Role::SecurityOfficer) if !is_private(attributes) => self.require(Role::SecurityOfficer),
            _ => self.require(Role::User),
        }
    }

    fn pin(&mut self, role: Role) -> &mut Option<Pin> {
        match role {
            Role::SecurityOfficer => &mut self.so_pin,
            Role::User => &mut self.user_pin,
        }
    }
}

fn is_private(attributes: &Attributes) -> bool {
    attribute::bool_of(attributes, CKA_PRIVATE) != Some(false)
}

fn pin_state(pin: Option<&Pin>) -> PinState {
    let failures = pin.map_or(0, |pin| pin.failures);
    PinState {
        count_low: failures > 0,
        final_try: failures + 1 == FAILURES_MAX,
        locked: failures >= FAILURES_MAX,
    }
}

const FAILURES_MAX: u32 = 10;
const SESSION_KEYS_MAX: usize = 16;
