//! Sessions: cheap, many, each with a lock of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use cryptoki_sys::CKA_ALWAYS_AUTHENTICATE;

use crate::attribute;
use crate::backend::{Attributes, Decryption, KeySpec, ObjectId, Padding, Reauthentication, Role, Scheme};
use crate::mechanism::digest::Hasher;
use crate::mechanism::message::{Message, Verifier};
use crate::mechanism::rsa::PublicKey;
use crate::operation::Operation;
use crate::rv::{Error, Result};
use crate::slot::Slot;
use crate::sync::lock;

/// An open session.
pub(crate) struct Session {
    pub handle: u64,
    pub slot: Arc<Slot>,
    pub read_write: bool,
    /// Held during a whole call of the session, network round included: PKCS#11 lets one session do one thing at a
    /// time, and other sessions do not notice.
    pub operations: Mutex<Operations>,
}

/// What is going on in a session; operations of different kinds may be active together.
#[derive(Default)]
pub(crate) struct Operations {
    /// Handles still to be returned.
    pub find: Option<VecDeque<u64>>,
    pub digest: Operation<Digesting>,
    pub sign: Operation<Signing>,
    pub verify: Operation<Verifying>,
    pub encrypt: Operation<Encrypting>,
    pub decrypt: Operation<Decrypting>,
}

/// An active digest.
pub(crate) struct Digesting(pub Hasher);

/// An active signature.
pub(crate) struct Signing {
    pub key: ObjectId,
    pub spec: KeySpec,
    pub scheme: Scheme,
    pub message: Message,
    /// Under which login of the user it was started.
    pub login: Option<u64>,
    pub consent: Consent,
}

/// An active verification.
pub(crate) struct Verifying {
    pub key: Verifier,
    pub spec: KeySpec,
    pub message: Message,
}

/// An active encryption.
pub(crate) struct Encrypting {
    pub key: PublicKey,
    pub padding: Padding,
}

/// An active decryption.
pub(crate) struct Decrypting {
    pub key: ObjectId,
    pub modulus_bytes: usize,
    pub decryption: Decryption,
    /// Under which login of the user it was started.
    pub login: Option<u64>,
    pub consent: Consent,
}

/// Whether one use of a private key waits for the user's PIN: `CKA_ALWAYS_AUTHENTICATE` (PKCS#11 3.1 sections 4.9 and
/// 5.6.8).
pub(crate) enum Consent {
    NotNeeded,
    Awaited,
    Given(Reauthentication),
}

impl Consent {
    /// To use a key with these attributes.
    pub(crate) fn to_use(key: &Attributes) -> Self {
        let always = attribute::bool_of(key, CKA_ALWAYS_AUTHENTICATE) == Some(true);
        if always { Self::Awaited } else { Self::NotNeeded }
    }

    /// What the backend is to be shown, once.
    ///
    /// # Errors
    /// [`Error::UserNotLoggedIn`] if the PIN was not given.
    pub(crate) fn take(&mut self) -> Result<Option<Reauthentication>> {
        match std::mem::replace(self, Self::Awaited) {
            Self::NotNeeded => {
                *self = Self::NotNeeded;
                Ok(None)
            }
            Self::Awaited => Err(Error::UserNotLoggedIn),
            Self::Given(again) => Ok(Some(again)),
        }
    }
}

impl Operations {
    /// The active operation that waits for the user's PIN: the signature first, if two do.
    pub(crate) fn awaited(&mut self) -> Option<&mut Consent> {
        let sign = self.sign.work().map(|signing| &mut signing.consent);
        let decrypt = self.decrypt.work().map(|decrypting| &mut decrypting.consent);
        sign.into_iter().chain(decrypt).find(|consent| matches!(consent, Consent::Awaited))
    }
}

impl Session {
    /// Who is logged in to the session's token.
    pub(crate) fn role(&self) -> Option<Role> {
        lock(&self.slot.access).role()
    }

    /// The number of the user's login, if there is one.
    pub(crate) fn user_login(&self) -> Option<u64> {
        lock(&self.slot.access).user_login()
    }

    /// Whether the user is logged in as when an operation with a private key was started. A logout makes the handle of
    /// such a key invalid for good (PKCS#11 3.1 section 5.6.10).
    ///
    /// # Errors
    /// [`Error::UserNotLoggedIn`].
    pub(crate) fn check_login(&self, started: Option<u64>) -> Result<()> {
        match self.user_login() {
            Some(login) if started == Some(login) => Ok(()),
            _ => Err(Error::UserNotLoggedIn),
        }
    }

    /// Whether the session may create, change or destroy such an object.
    ///
    /// # Errors
    /// [`Error::SessionReadOnly`], [`Error::UserNotLoggedIn`].
    pub(crate) fn check_write(&self, on_token: bool, private: bool) -> Result<()> {
        if on_token && !self.read_write {
            return Err(Error::SessionReadOnly);
        }
        if private && self.role() != Some(Role::User) {
            return Err(Error::UserNotLoggedIn);
        }
        Ok(())
    }
}
