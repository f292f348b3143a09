//! Sessions.

use std::ptr::null_mut;

use conformance::call;
use conformance::session::{Session, mechanism};
use conformance::token::Token;
use cryptoki_sys::*;

#[test]
fn sessions_are_serial() {
    let token = Token::shared();
    let rv = call!(token.module, C_OpenSession(token.slot, CKF_RW_SESSION, null_mut(), None, &mut 0));
    assert_eq!(rv, CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

#[test]
fn info_follows_the_login() {
    let token = Token::shared();
    let (reading, writing) = (token.session(0), token.session(CKF_RW_SESSION));
    let state = |session: &Session<'_>| session.info().unwrap().state;
    assert_eq!((state(&reading), state(&writing)), (CKS_RO_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION));
    assert_eq!(reading.login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!((state(&reading), state(&writing)), (CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS));
    let info = writing.info().unwrap();
    assert_eq!((info.slotID, info.flags), (token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION));
    assert_eq!(writing.logout(), CKR_OK);
    assert_eq!(state(&reading), CKS_RO_PUBLIC_SESSION);
}

#[test]
fn a_closed_session_is_gone_and_its_number_is_not_used_again() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.close(), CKR_OK);
    assert_eq!(session.close(), CKR_SESSION_HANDLE_INVALID);
    assert_eq!(session.info().unwrap_err(), CKR_SESSION_HANDLE_INVALID);
    assert_ne!(token.session(0).handle, session.handle);
}

#[test]
fn sessions_are_counted_and_closed_together() {
    let token = Token::shared();
    let sessions = [token.session(0), token.session(0), token.session(CKF_RW_SESSION)];
    let info = token.info();
    assert_eq!((info.ulSessionCount, info.ulRwSessionCount), (3, 1));
    assert_eq!(call!(token.module, C_CloseAllSessions(token.slot)), CKR_OK);
    assert!(sessions.iter().all(|session| session.close() == CKR_SESSION_HANDLE_INVALID));
    assert_eq!(token.info().ulSessionCount, 0);
}

#[test]
fn thousands_of_sessions_are_within_the_limit_that_the_token_tells() {
    let token = Token::shared();
    let sessions: Vec<_> = (0..5_000).map(|_| token.session(CKF_RW_SESSION)).collect();
    let info = token.info();
    assert_eq!((info.ulSessionCount, info.ulRwSessionCount), (5_000, 5_000));
    assert!(info.ulMaxSessionCount > 5_000 && info.ulMaxRwSessionCount > 5_000);
    assert_eq!(sessions[4_999].login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!(sessions[0].info().unwrap().state, CKS_RW_USER_FUNCTIONS);
    assert_eq!(call!(token.module, C_CloseAllSessions(token.slot)), CKR_OK);
    assert_eq!(token.info().ulSessionCount, 0);
}

#[test]
fn the_last_session_takes_the_login_with_it() {
    let token = Token::shared();
    assert_eq!(token.user().close(), CKR_OK);
    let session = token.session(0);
    assert_eq!(session.info().unwrap().state, CKS_RO_PUBLIC_SESSION);
    assert_eq!(session.logout(), CKR_USER_NOT_LOGGED_IN);
}

#[test]
fn cancelling_ends_the_operations_that_are_named() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
    assert_eq!(call!(token.module, C_SessionCancel(session.handle, CKF_SIGN)), CKR_OK);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OPERATION_ACTIVE);
    assert_eq!(call!(token.module, C_SessionCancel(session.handle, CKF_DIGEST)), CKR_OK);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
    // PKCS#11 3.0's other way: init with no mechanism.
    assert_eq!(call!(token.module, C_DigestInit(session.handle, null_mut())), CKR_OK);
    assert_eq!(session.digest_init(CKM_SHA256), CKR_OK);
}

#[test]
fn operations_of_two_sessions_do_not_meet() {
    let token = Token::shared();
    let (one, two) = (token.session(0), token.session(0));
    assert_eq!(one.digest_init(CKM_SHA256), CKR_OK);
    let rv = call!(token.module, C_DigestUpdate(two.handle, b"x".as_ptr().cast_mut(), 1));
    assert_eq!(rv, CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(call!(token.module, C_DigestInit(two.handle, &mut mechanism(CKM_SHA_1))), CKR_OK);
}
