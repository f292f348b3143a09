//! C_OpenSession, C_CloseSession, C_CloseAllSessions, C_GetSessionInfo, C_SessionCancel.

use cryptoki_sys::*;
use token::Error;

use crate::support::*;

#[test]
fn a_session_must_be_serial_and_synchronous() {
    let application = Application::new();
    let open = |flags| application.provider.open_session(application.slot, flags);
    assert_eq!(open(CKF_RW_SESSION), Err(Error::SessionParallelNotSupported));
    assert_eq!(open(CKF_SERIAL_SESSION | CKF_ASYNC_SESSION), Err(Error::SessionAsyncNotSupported));
}

#[test]
fn session_info_tells_state_and_kind() {
    let application = Application::new();
    let info = |session| application.provider.session_info(session).unwrap();
    let (read_write, read_only) = (application.session(), application.read_only());
    assert_eq!(info(read_write).state, CKS_RW_PUBLIC_SESSION);
    assert_eq!(info(read_write).flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
    assert_eq!(info(read_only).state, CKS_RO_PUBLIC_SESSION);
    assert_eq!(info(read_only).flags, CKF_SERIAL_SESSION);
    assert_eq!(info(read_only).slot, application.slot);
    application.provider.login(read_only, CKU_USER, PIN).unwrap();
    assert_eq!(info(read_write).state, CKS_RW_USER_FUNCTIONS);
    assert_eq!(info(read_only).state, CKS_RO_USER_FUNCTIONS);
}

#[test]
fn a_closed_session_is_gone_for_every_function() {
    let application = Application::new();
    let session = application.session();
    application.provider.close_session(session).unwrap();
    let provider = &application.provider;
    let gone = Err(Error::SessionHandleInvalid);
    assert_eq!(provider.close_session(session), gone);
    assert_eq!(provider.login(session, CKU_USER, PIN), gone);
    assert_eq!(provider.logout(session), gone);
    assert_eq!(provider.find_init(session, &[]), gone);
    assert_eq!(provider.digest_init(session, Some(call(CKM_SHA256))), gone);
    assert_eq!(provider.sign_init(session, Some(call(CKM_ECDSA)), 1), gone);
    assert_eq!(provider.generate_random(session, &mut [0; 8]), gone);
    assert_eq!(provider.seed_random(session, b"seed"), gone);
    assert_eq!(provider.session_cancel(session, CKF_SIGN), gone);
}

#[test]
fn thousands_of_sessions_are_counted_and_closed_together() {
    let application = Application::new();
    let sessions: Vec<_> = (0..5000).map(|_| application.read_only()).collect();
    application.session();
    let info = application.provider.token_info(application.slot).unwrap();
    assert_eq!((info.session_count, info.rw_session_count), (5001, 1));
    application.provider.close_all_sessions(application.slot).unwrap();
    assert_eq!(application.provider.token_info(application.slot).unwrap().session_count, 0);
    assert_eq!(application.provider.session_info(sessions[4999]).err(), Some(Error::SessionHandleInvalid));
}

#[test]
fn closing_a_session_destroys_its_objects_and_no_others() {
    let application = Application::new();
    let (one, other) = (application.session(), application.session());
    let dying = application.create(one, &data_template("one")).unwrap();
    let staying = application.create(other, &data_template("other")).unwrap();
    assert_eq!(application.find(other, &Items::new()), [dying, staying]);
    application.provider.close_session(one).unwrap();
    assert_eq!(application.find(other, &Items::new()), [staying]);
    assert_eq!(application.get(other, dying, CKA_LABEL), Err(Error::ObjectHandleInvalid));
}

#[test]
fn closing_the_last_session_ends_the_login() {
    let application = Application::new();
    let (one, other) = (application.user(), application.session());
    application.provider.close_session(one).unwrap();
    let state = |session| application.provider.session_info(session).unwrap().state;
    assert_eq!(state(other), CKS_RW_USER_FUNCTIONS);
    application.provider.close_session(other).unwrap();
    assert_eq!(state(application.session()), CKS_RW_PUBLIC_SESSION);
}

#[test]
fn cancelling_ends_only_the_named_operations() {
    let application = Application::new();
    let session = application.session();
    application.provider.digest_init(session, Some(call(CKM_SHA256))).unwrap();
    application.provider.find_init(session, &[]).unwrap();
    application.provider.session_cancel(session, CKF_FIND_OBJECTS | CKF_SIGN).unwrap();
    assert_eq!(application.provider.find(session, 1), Err(Error::OperationNotInitialized));
    application.provider.digest_update(session, b"goes on").unwrap();
    application.provider.session_cancel(session, CKF_DIGEST).unwrap();
    assert_eq!(application.provider.digest_update(session, b""), Err(Error::OperationNotInitialized));
}

#[test]
fn random_numbers_differ_and_a_seed_is_welcome() {
    let application = Application::new();
    let session = application.session();
    let (mut one, mut other) = ([0; 32], [0; 32]);
    application.provider.seed_random(session, b"seed").unwrap();
    application.provider.generate_random(session, &mut one).unwrap();
    application.provider.seed_random(session, b"seed").unwrap();
    application.provider.generate_random(session, &mut other).unwrap();
    assert_ne!(one, other);
}
