//! Session management (PKCS#11 3.0 section 5.6), login included.

use std::ffi::c_void;

use cryptoki_sys::*;
use token::{Error, Provider};
use zeroize::Zeroizing;

use super::ptr::Ptr;
use super::{Answer, Failure};

/// `C_OpenSession`. There is nothing to notify about, so the callback is never called.
pub(super) fn open_session(
    provider: &Provider,
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    _application: Ptr<'_, c_void>,
    _notify: CK_NOTIFY,
    session: Ptr<'_, CK_SESSION_HANDLE>,
) -> Answer {
    let session = session.required()?;
    session.write(provider.open_session(slot, flags)?)
}

/// `C_CloseSession`.
pub(super) fn close_session(provider: &Provider, session: CK_SESSION_HANDLE) -> Answer {
    Ok(provider.close_session(session)?)
}

/// `C_CloseAllSessions`.
pub(super) fn close_all_sessions(provider: &Provider, slot: CK_SLOT_ID) -> Answer {
    Ok(provider.close_all_sessions(slot)?)
}

/// `C_GetSessionInfo`.
pub(super) fn session_info(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    info: Ptr<'_, CK_SESSION_INFO>,
) -> Answer {
    let info = info.required()?;
    let session = provider.session_info(session)?;
    info.write(CK_SESSION_INFO {
        slotID: session.slot,
        state: session.state,
        flags: session.flags,
        ulDeviceError: session.device_error,
    })
}

/// `C_SessionCancel`.
pub(super) fn session_cancel(provider: &Provider, session: CK_SESSION_HANDLE, flags: CK_FLAGS) -> Answer {
    Ok(provider.session_cancel(session, flags)?)
}

/// `C_Login`. A null PIN is for tokens with CKF_PROTECTED_AUTHENTICATION_PATH: those whose PIN the configuration has.
pub(super) fn login(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    user_type: CK_USER_TYPE,
    pin: Ptr<'_, CK_UTF8CHAR>,
    pin_len: CK_ULONG,
) -> Answer {
    if pin.is_null() && pin_len == 0 {
        return Ok(provider.login_with_own_pin(session, user_type)?);
    }
    let pin = match pin.pin(pin_len) {
        // Nobody's: C_Login has one word for all that is not the PIN.
        Err(Failure::Token(Error::PinLenRange)) => Zeroizing::default(),
        pin => pin?,
    };
    Ok(provider.login(session, user_type, &pin)?)
}

/// `C_LoginUser`: a token has one user and one security officer, and neither has a name.
pub(super) fn login_user(
    provider: &Provider,
    session: CK_SESSION_HANDLE,
    user_type: CK_USER_TYPE,
    pin: Ptr<'_, CK_UTF8CHAR>,
    pin_len: CK_ULONG,
    _name: Ptr<'_, CK_UTF8CHAR>,
    name_len: CK_ULONG,
) -> Answer {
    match name_len {
        0 => login(provider, session, user_type, pin, pin_len),
        _ => Err(Failure::ARGUMENTS_BAD),
    }
}

/// `C_Logout`.
pub(super) fn logout(provider: &Provider, session: CK_SESSION_HANDLE) -> Answer {
    Ok(provider.logout(session)?)
}
