//! Keys that ask for the PIN at each use: `CKA_ALWAYS_AUTHENTICATE` and `CKU_CONTEXT_SPECIFIC`.

use cryptoki_sys::*;
use token::Error;

use crate::rsa::generate;
use crate::support::*;

fn asking(application: &Application, session: u64) -> u64 {
    let private = private_template().bool(CKA_ALWAYS_AUTHENTICATE, true);
    application.generate(session, &public_template(), &private).unwrap().private
}

#[test]
fn each_use_needs_the_pin_again() {
    let application = Application::new();
    let session = application.user();
    let key = asking(&application, session);
    let provider = &application.provider;
    let init = || provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), key).unwrap();
    let sign = || provider.sign(session, b"message", &mut Buffer::of(96));
    let again = |pin| provider.login(session, CKU_CONTEXT_SPECIFIC, pin);

    init();
    assert_eq!(sign(), Err(Error::UserNotLoggedIn));
    assert_eq!(sign(), Err(Error::OperationNotInitialized), "that ended it");
    for _ in 0..2 {
        init();
        again(PIN).unwrap();
        assert_eq!(again(PIN), Err(Error::OperationNotInitialized), "nothing waits any more");
        provider.sign(session, b"message", &mut Buffer::of(0)).unwrap_err();
        sign().unwrap();
    }
    init();
    assert_eq!(sign(), Err(Error::UserNotLoggedIn), "a login serves one operation");
}

#[test]
fn one_login_serves_an_operation_of_many_parts() {
    let application = Application::new();
    let session = application.user();
    let key = asking(&application, session);
    let provider = &application.provider;
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), key).unwrap();
    provider.login(session, CKU_CONTEXT_SPECIFIC, PIN).unwrap();
    provider.sign_update(session, b"mess").unwrap();
    provider.sign_update(session, b"age").unwrap();
    provider.sign_final(session, &mut Buffer::of(96)).unwrap();
}

#[test]
fn a_wrong_pin_leaves_the_operation_waiting_and_counts() {
    let application = Application::new();
    let session = application.user();
    let key = asking(&application, session);
    let provider = &application.provider;
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), key).unwrap();
    let wrong = provider.login(session, CKU_CONTEXT_SPECIFIC, b"wrong pin").unwrap_err();
    assert_eq!(wrong.rv(), CKR_PIN_INCORRECT);
    assert_ne!(provider.token_info(application.slot).unwrap().flags & CKF_USER_PIN_COUNT_LOW, 0);
    provider.login(session, CKU_CONTEXT_SPECIFIC, PIN).unwrap();
    provider.sign(session, b"message", &mut Buffer::of(96)).unwrap();
}

/// The nodes decrypt once for a PIN: what might not fit the buffer is not asked for.
#[test]
fn a_buffer_that_is_too_small_costs_no_second_pin() {
    let application = Application::new();
    let session = application.user();
    let provider = &application.provider;
    let private = private_template().bool(CKA_ALWAYS_AUTHENTICATE, true).bool(CKA_UNWRAP, false);
    let pair = generate(&application, session, &crate::rsa::public_template(2048), &private).unwrap();
    let mechanism = || crate::rsa_encrypting::oaep(CKM_SHA256, CKG_MGF1_SHA256, &[]);
    let mut ciphertext = Buffer::of(256);
    provider.encrypt_init(session, Some(mechanism()), pair.public).unwrap();
    provider.encrypt(session, b"secret", &mut ciphertext).unwrap();
    provider.decrypt_init(session, Some(mechanism()), pair.private).unwrap();
    provider.login(session, CKU_CONTEXT_SPECIFIC, PIN).unwrap();
    let decrypt = |room| {
        let mut out = Buffer::of(room);
        provider.decrypt(session, &ciphertext.bytes, &mut out).map(|()| out.bytes)
    };
    assert_eq!(decrypt(8), Err(Error::BufferTooSmall));
    assert_eq!(decrypt(256), Ok(b"secret".to_vec()));
}

/// Section 4.9: a locked PIN logs the user out.
#[test]
fn a_pin_that_gets_locked_ends_the_login() {
    let application = Application::new();
    let session = application.user();
    let key = asking(&application, session);
    let provider = &application.provider;
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), key).unwrap();
    let wrong = || provider.login(session, CKU_CONTEXT_SPECIFIC, b"wrong pin").unwrap_err().rv();
    for _ in 0..10 {
        assert_eq!(wrong(), CKR_PIN_INCORRECT);
    }
    assert_eq!(provider.session_info(session).unwrap().state, CKS_RW_USER_FUNCTIONS);
    assert_eq!(wrong(), CKR_PIN_LOCKED);
    assert_eq!(provider.session_info(session).unwrap().state, CKS_RW_PUBLIC_SESSION);
    assert_eq!(provider.sign(session, b"message", &mut Buffer::of(96)), Err(Error::UserNotLoggedIn));
}

/// The handle of the key is invalid for good (section 5.6.10).
#[test]
fn what_was_started_before_a_logout_is_not_finished_after_another_login() {
    let application = Application::new();
    let session = application.user();
    let (key, plain) = (asking(&application, session), application.pair(session).private);
    let provider = &application.provider;
    let other = application.session();
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), key).unwrap();
    provider.login(session, CKU_CONTEXT_SPECIFIC, PIN).unwrap();
    provider.sign_init(other, Some(call(CKM_ECDSA_SHA256)), plain).unwrap();
    provider.logout(session).unwrap();
    provider.login(session, CKU_USER, PIN).unwrap();
    for session in [session, other] {
        assert_eq!(provider.sign(session, b"message", &mut Buffer::of(96)), Err(Error::UserNotLoggedIn));
    }
}

#[test]
fn other_sessions_and_other_keys_have_no_part_in_it() {
    let application = Application::new();
    let (session, other) = (application.user(), application.session());
    let (key, plain) = (asking(&application, session), application.pair(session).private);
    let provider = &application.provider;
    let context = |session| provider.login(session, CKU_CONTEXT_SPECIFIC, PIN);
    assert_eq!(context(session), Err(Error::OperationNotInitialized));
    provider.sign_init(other, Some(call(CKM_ECDSA_SHA256)), plain).unwrap();
    assert_eq!(context(other), Err(Error::OperationNotInitialized));
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), key).unwrap();
    assert_eq!(context(other), Err(Error::OperationNotInitialized));
    context(session).unwrap();
}

#[test]
fn uses_without_a_place_for_the_pin_exclude_it() {
    let application = Application::new();
    let session = application.user();
    for usage in [CKA_DERIVE, CKA_UNWRAP] {
        let private = private_template().bool(CKA_ALWAYS_AUTHENTICATE, true).bool(usage, true);
        let refused = application.generate(session, &public_template(), &private).unwrap_err();
        assert_eq!(refused.rv(), CKR_TEMPLATE_INCONSISTENT);
    }
    let key = asking(&application, session);
    let set = |items: Items| application.set(session, key, &items).unwrap_err().rv();
    assert_eq!(set(Items::new().bool(CKA_DERIVE, true)), CKR_TEMPLATE_INCONSISTENT);
    assert_eq!(set(Items::new().bool(CKA_ALWAYS_AUTHENTICATE, false)), CKR_ATTRIBUTE_READ_ONLY);
}
