//! Who is logged in to a token and which sessions are open: the state rules of PKCS#11 3.1 sections 5.6.1 and 5.6.8
//! to 5.6.10. All sessions of one process with one token share it.

use cryptoki_sys::*;

use crate::backend::Role;
use crate::rv::{Error, Result};

/// The login state of one token in this process.
#[derive(Debug, Default)]
pub(crate) struct Access {
    role: Option<Role>,
    /// How many logins there were.
    logins: u64,
    read_only: u64,
    read_write: u64,
}

impl Access {
    /// Counts a new session.
    ///
    /// # Errors
    /// [`Error::SessionReadWriteSoExists`]: the security officer has no read-only sessions; [`Error::SessionCount`].
    pub(crate) fn open(&mut self, read_write: bool) -> Result<()> {
        if !read_write && self.role == Some(Role::SecurityOfficer) {
            return Err(Error::SessionReadWriteSoExists);
        }
        if self.sessions() >= SESSIONS_MAX {
            return Err(Error::SessionCount);
        }
        *self.count(read_write) += 1;
        Ok(())
    }

    /// Counts a session out.
    pub(crate) fn close(&mut self, read_write: bool) {
        let count = self.count(read_write);
        *count = count.saturating_sub(1);
    }

    /// Whether the last session was closed and left a login behind, which must now end.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.sessions() == 0 && self.role.is_some()
    }

    /// Whether `role` may log in now. Asked before the PIN is tried, and again when it proved right, because
    /// sessions come and go meanwhile.
    ///
    /// # Errors
    /// [`Error::UserAlreadyLoggedIn`], [`Error::UserAnotherAlreadyLoggedIn`], [`Error::SessionReadOnlyExists`],
    /// [`Error::SessionHandleInvalid`] if all sessions were closed.
    pub(crate) fn check_login(&self, role: Role) -> Result<()> {
        match self.role {
            Some(current) if current == role => Err(Error::UserAlreadyLoggedIn),
            Some(_) => Err(Error::UserAnotherAlreadyLoggedIn),
            None if role == Role::SecurityOfficer && self.read_only > 0 => Err(Error::SessionReadOnlyExists),
            None if self.sessions() == 0 => Err(Error::SessionHandleInvalid),
            None => Ok(()),
        }
    }

    /// Records a login.
    pub(crate) fn login(&mut self, role: Role) {
        self.role = Some(role);
        self.logins += 1;
    }

    /// The number of the user's login, which no other login of this process has.
    pub(crate) fn user_login(&self) -> Option<u64> {
        self.role.filter(|role| *role == Role::User).map(|_| self.logins)
    }

    /// Ends the login.
    ///
    /// # Errors
    /// [`Error::UserNotLoggedIn`].
    pub(crate) fn logout(&mut self) -> Result<()> {
        self.role.take().map(|_| ()).ok_or(Error::UserNotLoggedIn)
    }

    /// Who is logged in.
    pub(crate) fn role(&self) -> Option<Role> {
        self.role
    }

    /// `CKS_` of a session.
    pub(crate) fn session_state(&self, read_write: bool) -> u64 {
        match (self.role, read_write) {
            (None, false) => CKS_RO_PUBLIC_SESSION,
            (None, true) => CKS_RW_PUBLIC_SESSION,
            (Some(Role::User), false) => CKS_RO_USER_FUNCTIONS,
            (Some(Role::User), true) => CKS_RW_USER_FUNCTIONS,
            (Some(Role::SecurityOfficer), _) => CKS_RW_SO_FUNCTIONS,
        }
    }

    /// All open sessions.
    pub(crate) fn sessions(&self) -> u64 {
        self.read_only + self.read_write
    }

    /// Open read/write sessions.
    pub(crate) fn read_write_sessions(&self) -> u64 {
        self.read_write
    }

    fn count(&mut self, read_write: bool) -> &mut u64 {
        if read_write { &mut self.read_write } else { &mut self.read_only }
    }
}

/// Most sessions of one process with one token. A session costs a few hundred bytes.
pub(crate) const SESSIONS_MAX: u64 = 65_536;
/// Shortest PIN in bytes.
pub(crate) const PIN_BYTES_MIN: usize = 4;
/// Longest PIN in bytes.
pub(crate) const PIN_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn session_states_follow_the_login_and_the_kind_of_session() {
        let mut access = Access::default();
        access.open(true).unwrap();
        assert_eq!(access.session_state(false), CKS_RO_PUBLIC_SESSION);
        assert_eq!(access.session_state(true), CKS_RW_PUBLIC_SESSION);
        access.login(Role::User);
        assert_eq!(access.session_state(false), CKS_RO_USER_FUNCTIONS);
        assert_eq!(access.session_state(true), CKS_RW_USER_FUNCTIONS);
        access.logout().unwrap();
        access.login(Role::SecurityOfficer);
        assert_eq!(access.session_state(true), CKS_RW_SO_FUNCTIONS);
    }

    #[test]
    fn the_number_of_sessions_is_limited() {
        let mut access = Access { read_write: SESSIONS_MAX - 1, ..Access::default() };
        access.open(false).unwrap();
        assert_eq!(access.open(true), Err(Error::SessionCount));
        access.close(false);
        access.open(true).unwrap();
    }

    #[test]
    fn a_login_without_any_session_is_abandoned() {
        let mut access = Access::default();
        access.open(true).unwrap();
        access.login(Role::User);
        assert!(!access.is_abandoned());
        access.close(true);
        assert!(access.is_abandoned());
    }
}
