//! [`Provider`]: one method for each `C_` function, in files named for the chapters of the standard.
//!
//! ```text
//! slots      slot_list(token_present) slot_info(slot) token_info(slot) mechanism_list(slot)
//!            mechanism_info(slot, mechanism) init_token(slot, so_pin, &label)
//!            init_pin(session, pin) set_pin(session, old, new)
//! sessions   open_session(slot, flags) -> u64  close_session(session)  close_all_sessions(slot)
//!            session_info(session)  session_cancel(session, flags)
//!            login(session, user_type, pin)  logout(session)
//! objects    create_object(session, &[TemplateItem]) -> u64  copy_object(session, object, &[..]) -> u64
//!            destroy_object(session, object)  object_size(session, object) -> u64
//!            get_attributes(session, object, &mut [(u64, &mut dyn AttributeOutput)])
//!            set_attributes(session, object, &[..])
//! finding    find_init(session, &[..])  find(session, max: usize) -> Vec<u64>  find_final(session)
//! keys       generate_key_pair(session, MechanismCall, public: &[..], private: &[..]) -> KeyPairHandles
//!            derive_key(session, MechanismCall, base_key, &[..]) -> u64
//! wrapping   wrap_key(session, MechanismCall, wrapping_key, key, &mut dyn Output)
//!            unwrap_key(session, MechanismCall, unwrapping_key, wrapped, &[..]) -> u64
//! signing    sign_init(session, Option<MechanismCall>, key)  sign(session, data, &mut dyn Output)
//!            sign_update(session, part)  sign_final(session, &mut dyn Output)
//! verifying  verify_init(session, Option<MechanismCall>, key)  verify(session, data, signature)
//!            verify_update(session, part)  verify_final(session, signature)
//! encrypting encrypt_init(session, Option<MechanismCall>, key)  encrypt(session, data, &mut dyn Output)
//!            decrypt_init(session, Option<MechanismCall>, key)  decrypt(session, data, &mut dyn Output)
//! digesting  digest_init(session, Option<MechanismCall>)  digest(session, data, &mut dyn Output)
//!            digest_update(session, part)  digest_key(session, key)  digest_final(session, &mut dyn Output)
//! random     seed_random(session, seed)  generate_random(session, &mut [u8])
//! ```
//!
//! All take `&self`, handles and flags as `u64`, and return [`crate::Result`]. An init with `None` cancels the
//! active operation of its kind (PKCS#11 3.1 section 5.13.1).

mod digesting;
mod encrypting;
mod finding;
mod keys;
mod objects;
mod random;
mod sessions;
mod signing;
mod slots;
mod verifying;
mod wrapping;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use cryptoki_sys::CKA_EC_PARAMS;

use crate::attribute::{self, Class};
use crate::backend::{Attributes, Backend, BackendError, BackendResult, KeySpec};
use crate::handle::Handles;
use crate::mechanism::{self, Mechanism, Use};
use crate::object::read::{allows_mechanism, is_hidden, is_true};
use crate::rv::{Error, Result};
use crate::session::Session;
use crate::slot::{Slot, Slots};
use crate::sync::lock;
use objects::Object;

/// The PKCS#11 state of one process: slots, sessions, logins, handles.
///
/// Made by `C_Initialize`, shared by all threads, dropped by `C_Finalize`. After a fork the child makes its own.
///
/// The three tables are locked for look-ups only. While the backend works, a call holds the lock of its own session
/// (and a login that of its slot), so that N sessions have N operations in flight. Order, where two are held:
/// session, slot gate, then any one table.
pub struct Provider {
    backend: Arc<dyn Backend>,
    slots: Mutex<Slots>,
    sessions: RwLock<HashMap<u64, Arc<Session>>>,
    next_session: AtomicU64,
    handles: Mutex<Handles>,
}

/// A `CK_MECHANISM`.
#[derive(Debug, Clone, Copy)]
pub struct MechanismCall<'a> {
    /// `CKM_`.
    pub id: u64,
    /// Its parameter.
    pub parameter: Parameter<'a>,
}

/// The parameter of a mechanism, with what its pointers point to.
#[derive(Debug, Clone, Copy)]
pub enum Parameter<'a> {
    /// Of a mechanism without a structure here; empty if there is none.
    Bytes(&'a [u8]),
    /// `CK_EDDSA_PARAMS`.
    Eddsa {
        /// `phFlag`.
        prehashed: bool,
        /// `pContextData`.
        context: &'a [u8],
    },
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh1Derive {
        /// `CKD_`.
        kdf: u64,
        /// What goes into the key derivation function beside the secret.
        shared_data: &'a [u8],
        /// The other party's public key.
        public_data: &'a [u8],
    },
    /// `CK_RSA_PKCS_PSS_PARAMS`.
    RsaPss {
        /// `hashAlg`, a `CKM_`.
        hash: u64,
        /// `CKG_`.
        mgf: u64,
        /// `sLen`.
        salt_bytes: u64,
    },
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    RsaOaep {
        /// `hashAlg`, a `CKM_`.
        hash: u64,
        /// `CKG_`.
        mgf: u64,
        /// `CKZ_`.
        source: u64,
        /// `pSourceData`.
        label: &'a [u8],
    },
    /// `CK_RSA_AES_KEY_WRAP_PARAMS`.
    RsaAesKeyWrap {
        /// `ulAESKeyBits`.
        aes_bits: u64,
        /// Of `pOAEPParams`: `hashAlg`.
        hash: u64,
        /// `CKG_`.
        mgf: u64,
        /// `CKZ_`.
        source: u64,
        /// `pSourceData`.
        label: &'a [u8],
    },
}

impl Parameter<'_> {
    /// No parameter.
    pub const NONE: Self = Self::Bytes(&[]);
}

/// A `CK_ATTRIBUTE` of a template that is read: `value` as the application has it in memory.
#[derive(Debug, Clone, Copy)]
pub struct TemplateItem<'a> {
    /// `CKA_`.
    pub kind: u64,
    /// The bytes of the value.
    pub value: &'a [u8],
}

/// Handles of a new key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPairHandles {
    /// The public key.
    pub public: u64,
    /// The private key.
    pub private: u64,
}

impl Provider {
    /// A provider without sessions or logins. Does not call the backend.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self {
            backend,
            slots: Mutex::default(),
            sessions: RwLock::default(),
            // 0 is CK_INVALID_HANDLE.
            next_session: AtomicU64::new(1),
            handles: Mutex::default(),
        }
    }

    /// `C_Finalize`: ends the backend's connections and threads.
    pub fn shutdown(&self) {
        self.backend.shutdown();
    }

    /// The slot with this number; the tokens are read if it is not known yet.
    fn slot(&self, id: u64) -> Result<Arc<Slot>> {
        let known = lock(&self.slots).get(id);
        if let Some(slot) = known {
            return Ok(slot);
        }
        let tokens = self.backend.tokens()?;
        let slots = lock(&self.slots).update(&tokens);
        slots.into_iter().find(|slot| slot.id == id).ok_or(Error::SlotIdInvalid)
    }

    /// Takes an answer of the backend. If the cluster has ended the login (a new PIN, a revoked client), this process
    /// ends it too, so that the application can log in again instead of being told that it is logged in. Handles
    /// stay and are good again after that.
    fn settle<T>(&self, slot: &Slot, answer: BackendResult<T>) -> Result<T> {
        if matches!(answer, Err(BackendError::NotLoggedIn)) {
            let _one_at_a_time = lock(&slot.gate);
            if lock(&slot.access).logout().is_ok() {
                self.backend.logout(slot.token);
            }
        }
        Ok(answer?)
    }

    /// The mechanism of a call, if it exists here for `wanted`, and is not hidden with its keys.
    fn select(&self, session: &Session, call: MechanismCall<'_>, wanted: Use) -> Result<&'static Mechanism> {
        let token = session.slot.token;
        let mechanism = mechanism::select(call, wanted, self.backend.rsa_policy(token))?;
        match mechanism.keys.are_hidden(&self.backend.hidden(token)) {
            true => Err(Error::MechanismInvalid),
            false => Ok(mechanism),
        }
    }

    /// Whether a new key would be of those that the configuration hides: its maker would not find it again.
    fn check_shown(&self, session: &Session, key: &Attributes) -> Result<()> {
        match is_hidden(key, &self.backend.hidden(session.slot.token)) {
            true if key.contains_key(&CKA_EC_PARAMS) => Err(Error::CurveNotSupported),
            true => Err(Error::AttributeValueInvalid),
            false => Ok(()),
        }
    }

    /// The key of an operation and its kind: of the class that `wanted` takes, of a type that the mechanism works
    /// with, and allowed for both by its own attributes.
    fn key(
        &self,
        session: &Session,
        handle: u64,
        mechanism: &Mechanism,
        wanted: Use,
    ) -> Result<(Object, KeySpec)> {
        let (class, usage) = wanted.key().ok_or(Error::MechanismInvalid)?;
        let object = self.object(session, handle).map_err(Error::of_key)?;
        let attributes = &object.record.attributes;
        match attribute::class_of(attributes) {
            Some(found) if found == class => {}
            Some(Class::PublicKey | Class::PrivateKey | Class::SecretKey) => {
                return Err(Error::KeyTypeInconsistent);
            }
            Some(Class::Data | Class::Certificate | Class::Profile) | None => {
                return Err(Error::KeyHandleInvalid);
            }
        }
        let spec = mechanism.keys.spec_of(attributes).ok_or(Error::KeyTypeInconsistent)?;
        if !is_true(&object.record, usage) {
            return Err(Error::KeyFunctionNotPermitted);
        }
        if !allows_mechanism(attributes, mechanism.id) {
            return Err(Error::MechanismInvalid);
        }
        Ok((object, spec))
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").finish_non_exhaustive()
    }
}
