//! C_Login, C_Logout.

use cryptoki_sys::*;
use token::Error;

use crate::support::*;

#[test]
fn one_login_serves_all_sessions_of_the_process() {
    let application = Application::new();
    let (one, other) = (application.user(), application.session());
    application.pair(other);
    assert_eq!(application.provider.login(other, CKU_USER, PIN), Err(Error::UserAlreadyLoggedIn));
    assert_eq!(application.provider.login(one, CKU_SO, SO_PIN), Err(Error::UserAnotherAlreadyLoggedIn));
}

#[test]
fn the_security_officer_has_no_read_only_sessions() {
    let application = Application::new();
    let (read_write, read_only) = (application.session(), application.read_only());
    let provider = &application.provider;
    assert_eq!(provider.login(read_write, CKU_SO, SO_PIN), Err(Error::SessionReadOnlyExists));
    provider.close_session(read_only).unwrap();
    provider.login(read_write, CKU_SO, SO_PIN).unwrap();
    assert_eq!(provider.session_info(read_write).unwrap().state, CKS_RW_SO_FUNCTIONS);
    let refused = provider.open_session(application.slot, CKF_SERIAL_SESSION);
    assert_eq!(refused, Err(Error::SessionReadWriteSoExists));
    assert_eq!(provider.login(read_write, CKU_SO, SO_PIN), Err(Error::UserAlreadyLoggedIn));
}

#[test]
fn unknown_users_and_context_logins_are_refused() {
    let application = Application::new();
    let session = application.session();
    assert_eq!(application.provider.login(session, 7, PIN), Err(Error::UserTypeInvalid));
    let context = application.provider.login(session, CKU_CONTEXT_SPECIFIC, PIN);
    assert_eq!(context, Err(Error::OperationNotInitialized));
}

#[test]
fn a_wrong_pin_is_refused_and_one_of_impossible_length_does_not_count() {
    let application = Application::new();
    let session = application.session();
    for pin in [&b""[..], b"123", &[b'x'; 256]] {
        assert_eq!(application.provider.login(session, CKU_USER, pin), Err(Error::PinIncorrect));
    }
    let flags = application.provider.token_info(application.slot).unwrap().flags;
    assert_eq!(flags & CKF_USER_PIN_COUNT_LOW, 0);
    assert_eq!(application.provider.login(session, CKU_USER, b"wrong").unwrap_err().rv(), CKR_PIN_INCORRECT);
    assert_eq!(application.provider.logout(session), Err(Error::UserNotLoggedIn));
}

#[test]
fn logout_hides_private_objects_and_their_handles_stay_invalid() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let private_data =
        application.create(session, &data_template("private").bool(CKA_PRIVATE, true)).unwrap();
    application.provider.logout(session).unwrap();
    assert_eq!(application.find(session, &Items::new()), [pair.public]);
    for _ in 0..2 {
        for hidden in [pair.private, private_data] {
            assert_eq!(application.get(session, hidden, CKA_LABEL), Err(Error::ObjectHandleInvalid));
        }
        assert!(application.get(session, pair.public, CKA_LABEL).is_ok());
        let _ = application.provider.login(session, CKU_USER, PIN);
    }
    let found = application.find(session, &Items::new().ulong(CKA_CLASS, CKO_PRIVATE_KEY));
    assert_eq!(found.len(), 1);
    assert_ne!(found, [pair.private]);
}

#[test]
fn public_objects_are_found_and_read_before_login() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    application.provider.logout(session).unwrap();
    let found = application.find(session, &Items::new().ulong(CKA_CLASS, CKO_PUBLIC_KEY));
    assert_eq!(found, [pair.public]);
    assert_eq!(application.get(session, pair.public, CKA_EC_POINT).unwrap().len(), 67);
}

#[test]
fn private_objects_need_the_user() {
    let application = Application::new();
    let session = application.session();
    let private = data_template("private").bool(CKA_PRIVATE, true);
    assert_eq!(application.create(session, &private), Err(Error::UserNotLoggedIn));
    let refused = application.generate(session, &public_template(), &private_template());
    assert_eq!(refused, Err(Error::UserNotLoggedIn));
    application.provider.login(session, CKU_SO, SO_PIN).unwrap();
    assert_eq!(application.create(session, &private), Err(Error::UserNotLoggedIn));
}

#[test]
fn a_login_that_the_cluster_ended_can_be_made_again_and_handles_are_good_again() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    for _ in 0..2 {
        application.provider.sign_init(session, Some(call(CKM_ECDSA)), pair.private).unwrap();
        application.backend.end_logins();
        let ended = application.provider.sign(session, &[1; 32], &mut Buffer::of(64));
        assert_eq!(ended.unwrap_err().rv(), CKR_USER_NOT_LOGGED_IN);
        assert_eq!(application.provider.session_info(session).unwrap().state, CKS_RW_PUBLIC_SESSION);
        application.provider.login(session, CKU_USER, PIN).unwrap();
        application.sign(session, CKM_ECDSA, pair.private, &[1; 32]).unwrap();
    }
    application.backend.end_logins();
    let ended = application.get(session, pair.private, CKA_LABEL);
    assert_eq!(ended.unwrap_err().rv(), CKR_USER_NOT_LOGGED_IN);
    assert!(application.get(session, pair.public, CKA_LABEL).is_ok());
}
