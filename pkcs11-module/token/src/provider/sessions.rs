//! Sessions and logins (PKCS#11 3.1 section 5.6).

use std::sync::{Arc, Mutex};

use cryptoki_sys::*;

use super::Provider;
use super::slots::pin_is_possible;
use crate::backend::{BackendError, ObjectId, Role};
use crate::info::SessionInfo;
use crate::rv::{Error, Result};
use crate::session::{Consent, Session};
use crate::slot::Slot;
use crate::sync::{lock, read, write};

impl Provider {
    /// `C_OpenSession`.
    ///
    /// # Errors
    /// [`Error::SlotIdInvalid`], [`Error::SessionParallelNotSupported`], [`Error::SessionAsyncNotSupported`],
    /// [`Error::TokenNotRecognized`] before `C_InitToken`, [`Error::SessionReadWriteSoExists`],
    /// [`Error::SessionCount`], [`Error::Backend`].
    pub fn open_session(&self, slot: u64, flags: u64) -> Result<u64> {
        if flags & CKF_SERIAL_SESSION == 0 {
            return Err(Error::SessionParallelNotSupported);
        }
        if flags & CKF_ASYNC_SESSION != 0 {
            return Err(Error::SessionAsyncNotSupported);
        }
        let slot = self.slot(slot)?;
        if !self.token_state(&slot)?.initialized {
            return Err(Error::TokenNotRecognized);
        }
        let read_write = flags & CKF_RW_SESSION != 0;
        lock(&slot.access).open(read_write)?;
        let handle = self.next_session.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let session = Session { handle, slot, read_write, operations: Mutex::default() };
        write(&self.sessions).insert(handle, Arc::new(session));
        Ok(handle)
    }

    /// `C_CloseSession`. An operation of the session that is waiting for the cluster ends on its own.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`].
    pub fn close_session(&self, session: u64) -> Result<()> {
        let session = write(&self.sessions).remove(&session).ok_or(Error::SessionHandleInvalid)?;
        self.closed(&session.slot, &[&session]);
        Ok(())
    }

    /// `C_CloseAllSessions`.
    ///
    /// # Errors
    /// [`Error::SlotIdInvalid`].
    pub fn close_all_sessions(&self, slot: u64) -> Result<()> {
        let slot = self.slot(slot)?;
        let closed: Vec<_> = write(&self.sessions)
            .extract_if(|_, session| session.slot.id == slot.id)
            .map(|(_, it)| it)
            .collect();
        self.closed(&slot, &closed.iter().map(AsRef::as_ref).collect::<Vec<_>>());
        Ok(())
    }

    /// Whether there is such a session. Asked before anything else of a call is looked at (PKCS#11 3.1 section 5.1.7).
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`].
    pub fn check_session(&self, session: u64) -> Result<()> {
        self.session(session).map(|_| ())
    }

    /// `C_GetSessionInfo`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`].
    pub fn session_info(&self, session: u64) -> Result<SessionInfo> {
        let session = self.session(session)?;
        let kind = if session.read_write { CKF_RW_SESSION } else { 0 };
        Ok(SessionInfo {
            slot: session.slot.id,
            state: lock(&session.slot.access).session_state(session.read_write),
            flags: CKF_SERIAL_SESSION | kind,
            device_error: 0,
        })
    }

    /// `C_SessionCancel`: ends the active operations named by `flags`. Kinds we do not have are never active.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`].
    pub fn session_cancel(&self, session: u64, flags: u64) -> Result<()> {
        let session = self.session(session)?;
        let mut operations = lock(&session.operations);
        if flags & CKF_FIND_OBJECTS != 0 {
            operations.find = None;
        }
        if flags & CKF_DIGEST != 0 {
            operations.digest.cancel();
        }
        if flags & CKF_SIGN != 0 {
            operations.sign.cancel();
        }
        if flags & CKF_VERIFY != 0 {
            operations.verify.cancel();
        }
        if flags & CKF_ENCRYPT != 0 {
            operations.encrypt.cancel();
        }
        if flags & CKF_DECRYPT != 0 {
            operations.decrypt.cancel();
        }
        Ok(())
    }

    /// `C_Login`. `user_type` is `CKU_`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::UserTypeInvalid`], [`Error::OperationNotInitialized`] for
    /// `CKU_CONTEXT_SPECIFIC` when no operation waits for it, [`Error::UserAlreadyLoggedIn`],
    /// [`Error::UserAnotherAlreadyLoggedIn`], [`Error::SessionReadOnlyExists`],
    /// [`Error::PinIncorrect`], [`Error::Backend`].
    pub fn login(&self, session: u64, user_type: u64, pin: &[u8]) -> Result<()> {
        let session = self.session(session)?;
        let role = match user_type {
            CKU_SO => Role::SecurityOfficer,
            CKU_USER => Role::User,
            CKU_CONTEXT_SPECIFIC => return self.reauthenticate(&session, pin),
            _ => return Err(Error::UserTypeInvalid),
        };
        let slot = &session.slot;
        let _one_at_a_time = lock(&slot.gate);
        lock(&slot.access).check_login(role)?;
        if !pin_is_possible(pin) {
            return Err(Error::PinIncorrect);
        }
        self.backend.login(slot.token, role, pin)?;
        let mut access = lock(&slot.access);
        let allowed = access.check_login(role);
        match allowed {
            Ok(()) => access.login(role),
            Err(_) => {
                drop(access);
                self.backend.logout(slot.token);
            }
        }
        allowed
    }

    /// The user's PIN for one operation (PKCS#11 3.1 section 5.6.8). A locked one ends the login (section 4.9).
    fn reauthenticate(&self, session: &Session, pin: &[u8]) -> Result<()> {
        let mut operations = lock(&session.operations);
        let consent = operations.awaited().ok_or(Error::OperationNotInitialized)?;
        if session.role() != Some(Role::User) {
            return Err(Error::UserNotLoggedIn);
        }
        if !pin_is_possible(pin) {
            return Err(Error::PinIncorrect);
        }
        // Each try that is under way is one of ten: this process has one at a time.
        let _one_at_a_time = lock(&session.slot.gate);
        let again = self.backend.reauthenticate(session.slot.token, pin);
        if matches!(again, Err(BackendError::PinLocked)) && lock(&session.slot.access).logout().is_ok() {
            self.logged_out(&session.slot);
        }
        *consent = Consent::Given(again?);
        Ok(())
    }

    /// `C_Login` of the user without a PIN: the configuration says where it is.
    ///
    /// # Errors
    /// As [`Provider::login`]; [`Error::ArgumentsBad`] for another user, or without such a configuration.
    pub fn login_with_own_pin(&self, session: u64, user_type: u64) -> Result<()> {
        let token = self.session(session)?.slot.token;
        if !matches!(user_type, CKU_USER | CKU_CONTEXT_SPECIFIC) {
            return Err(Error::ArgumentsBad);
        }
        let pin = self.backend.own_pin(token)?.ok_or(Error::ArgumentsBad)?;
        self.login(session, user_type, &pin)
    }

    /// `C_Logout`.
    ///
    /// # Errors
    /// [`Error::SessionHandleInvalid`], [`Error::UserNotLoggedIn`].
    pub fn logout(&self, session: u64) -> Result<()> {
        let session = self.session(session)?;
        let _one_at_a_time = lock(&session.slot.gate);
        lock(&session.slot.access).logout()?;
        self.logged_out(&session.slot);
        Ok(())
    }

    /// Sessions of a slot left the table: their objects go, and with the last session the login.
    fn closed(&self, slot: &Slot, sessions: &[&Session]) {
        let lost: Vec<ObjectId> = {
            let mut handles = lock(&self.handles);
            sessions.iter().flat_map(|session| handles.forget_session(session.handle).0).collect()
        };
        // The nodes hear of all at once: a word with each that does not answer takes its time.
        self.backend.destroy_session_keys(&lost);
        let abandoned = {
            let mut access = lock(&slot.access);
            sessions.iter().for_each(|session| access.close(session.read_write));
            access.is_abandoned()
        };
        if abandoned {
            let _one_at_a_time = lock(&slot.gate);
            let ended = {
                let mut access = lock(&slot.access);
                access.is_abandoned() && access.logout().is_ok()
            };
            if ended {
                self.logged_out(slot);
            }
        }
    }

    fn logged_out(&self, slot: &Slot) {
        let lost = lock(&self.handles).forget_private(slot.id);
        self.backend.destroy_session_keys(&lost.0);
        self.backend.logout(slot.token);
    }

    /// The session with this handle.
    pub(super) fn session(&self, handle: u64) -> Result<Arc<Session>> {
        read(&self.sessions).get(&handle).cloned().ok_or(Error::SessionHandleInvalid)
    }
}
