//! Login, PINs, and initialising a token.

use conformance::call;
use conformance::session::{flag, labelled, number, on_token};
use conformance::token::{Token, padded};
use cryptoki_sys::*;

#[test]
fn login_is_shared_by_all_sessions_and_told_once() {
    let token = Token::shared();
    let (one, two) = (token.session(0), token.session(CKF_RW_SESSION));
    assert_eq!(one.login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!(two.login(CKU_USER, &token.lab.pin), CKR_USER_ALREADY_LOGGED_IN);
    assert_eq!(two.login(CKU_SO, &token.lab.so_pin), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_eq!(two.logout(), CKR_OK);
    assert_eq!(one.logout(), CKR_USER_NOT_LOGGED_IN);
}

#[test]
fn the_user_has_no_name() {
    let token = Token::shared();
    let (session, pin) = (token.session(0), &token.lab.pin);
    let login = |name: &str| {
        let (name, name_len) = (name.as_ptr().cast_mut(), name.len() as CK_ULONG);
        let (pin, pin_len) = (pin.as_ptr().cast_mut(), pin.len() as CK_ULONG);
        call!(token.module, C_LoginUser(session.handle, CKU_USER, pin, pin_len, name, name_len))
    };
    assert_eq!(login("alice"), CKR_ARGUMENTS_BAD);
    assert_eq!(session.logout(), CKR_USER_NOT_LOGGED_IN);
    assert_eq!(login(""), CKR_OK);
    assert_eq!(session.login(CKU_USER, pin), CKR_USER_ALREADY_LOGGED_IN);
    assert_eq!(session.logout(), CKR_OK);
}

#[test]
fn only_users_that_exist_log_in() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.login(7, &token.lab.pin), CKR_USER_TYPE_INVALID);
    assert_eq!(session.login(CKU_CONTEXT_SPECIFIC, &token.lab.pin), CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn the_security_officer_has_no_read_only_sessions() {
    let token = Token::shared();
    let reading = token.session(0);
    let writing = token.session(CKF_RW_SESSION);
    assert_eq!(writing.login(CKU_SO, &token.lab.so_pin), CKR_SESSION_READ_ONLY_EXISTS);
    assert_eq!(reading.close(), CKR_OK);
    assert_eq!(writing.login(CKU_SO, &token.lab.so_pin), CKR_OK);
    assert_eq!(writing.info().unwrap().state, CKS_RW_SO_FUNCTIONS);
    let (flags, null) = (CKF_SERIAL_SESSION, std::ptr::null_mut());
    let rv = call!(token.module, C_OpenSession(token.slot, flags, null, None, &mut 0));
    assert_eq!(rv, CKR_SESSION_READ_WRITE_SO_EXISTS);
}

#[test]
fn private_objects_come_and_go_with_the_login() {
    let token = Token::shared();
    let session = token.user();
    let label = "comes and goes";
    let object = session
        .create(&[number(CKA_CLASS, CKO_DATA), on_token(true), flag(CKA_PRIVATE, true), labelled(label)])
        .unwrap();
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.find(&[labelled(label)]), Ok(vec![]));
    assert_eq!(session.get(object, CKA_LABEL), Err(CKR_OBJECT_HANDLE_INVALID));
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_OK);
    let found = session.find(&[labelled(label)]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(session.destroy(found[0]), CKR_OK);
}

#[test]
fn public_objects_are_seen_before_the_login() {
    let token = Token::shared();
    let session = token.user();
    let label = format!("seen before {}", std::process::id());
    let object = [number(CKA_CLASS, CKO_DATA), on_token(true), flag(CKA_PRIVATE, false), labelled(&label)];
    let object = session.create(&object).unwrap();
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.find(&[labelled(&label)]), Ok(vec![object]));
    assert_eq!(session.get(object, CKA_LABEL), Ok(label.into_bytes()));
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!(session.destroy(object), CKR_OK);
}

#[test]
fn a_wrong_pin_is_refused_and_shown_until_the_right_one_comes() {
    let token = Token::private();
    let session = token.session(CKF_RW_SESSION);
    assert_eq!(session.login(CKU_USER, "not the pin"), CKR_PIN_INCORRECT);
    assert_ne!(token.info().flags & CKF_USER_PIN_COUNT_LOW, 0);
    assert_eq!(session.info().unwrap().state, CKS_RW_PUBLIC_SESSION);
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!(token.info().flags & CKF_USER_PIN_COUNT_LOW, 0);
}

#[test]
fn a_changed_pin_replaces_the_old_one() {
    let token = Token::private();
    let session = token.user();
    assert_eq!(session.set_pin("not the pin", "another-pin-1"), CKR_PIN_INCORRECT);
    assert_eq!(session.set_pin(&token.lab.pin, "x"), CKR_PIN_LEN_RANGE);
    assert_eq!(session.set_pin(&token.lab.pin, "another-pin-1"), CKR_OK);
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_PIN_INCORRECT);
    assert_eq!(session.login(CKU_USER, "another-pin-1"), CKR_OK);
    assert_eq!(session.set_pin("another-pin-1", &token.lab.pin), CKR_OK);
    let reading = token.session(0);
    assert_eq!(reading.set_pin(&token.lab.pin, "another-pin-1"), CKR_SESSION_READ_ONLY);
}

#[test]
fn the_security_officer_sets_a_users_pin() {
    let token = Token::private();
    let session = token.session(CKF_RW_SESSION);
    assert_eq!(session.init_pin("another-pin-2"), CKR_USER_NOT_LOGGED_IN);
    assert_eq!(session.login(CKU_SO, &token.lab.so_pin), CKR_OK);
    assert_eq!(session.init_pin("another-pin-2"), CKR_OK);
    assert_eq!(session.logout(), CKR_OK);
    assert_ne!(token.info().flags & CKF_USER_PIN_TO_BE_CHANGED, 0, "the officer knows it");
    assert_eq!(session.login(CKU_USER, "another-pin-2"), CKR_OK);
    assert_eq!(session.set_pin("another-pin-2", &token.lab.pin), CKR_OK);
    assert_eq!(token.info().flags & CKF_USER_PIN_TO_BE_CHANGED, 0);
}

#[test]
fn ten_wrong_pins_lock_and_the_flags_tell_how_near_it_is() {
    let token = Token::private();
    let session = token.session(CKF_RW_SESSION);
    let flags = || {
        const SHOWN: u64 = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
        token.info().flags & SHOWN
    };
    assert_eq!(flags(), 0);
    for _ in 0..8 {
        assert_eq!(session.login(CKU_USER, "not the pin"), CKR_PIN_INCORRECT);
        assert_eq!(flags(), CKF_USER_PIN_COUNT_LOW);
    }
    assert_eq!(session.login(CKU_USER, "not the pin"), CKR_PIN_INCORRECT);
    assert_eq!(flags(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
    assert_eq!(session.login(CKU_USER, "not the pin"), CKR_PIN_INCORRECT);
    assert_eq!(flags(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_PIN_LOCKED);
    assert_eq!(session.login(CKU_SO, &token.lab.so_pin), CKR_OK);
    assert_eq!(session.init_pin(&token.lab.pin), CKR_OK);
    assert_eq!(flags(), 0);
}

#[test]
fn initialising_a_token_wipes_it() {
    let token = Token::private();
    let session = token.user();
    session.create(&[number(CKA_CLASS, CKO_DATA), on_token(true), labelled("to be wiped")]).unwrap();
    let (mut pin, mut label) = (token.lab.so_pin.clone().into_bytes(), padded::<32>("conformance"));
    let mut initialise = |pin: &mut [u8]| {
        let (pin, len) = (pin.as_mut_ptr(), pin.len() as CK_ULONG);
        call!(token.module, C_InitToken(token.slot, pin, len, label.as_mut_ptr()))
    };
    assert_eq!(initialise(&mut pin), CKR_SESSION_EXISTS);
    assert_eq!(session.close(), CKR_OK);
    assert_eq!(initialise(&mut b"not the pin".to_vec()), CKR_PIN_INCORRECT);
    assert_eq!(initialise(&mut pin), CKR_OK);
    assert_eq!(token.info().flags & CKF_USER_PIN_INITIALIZED, 0);
    let session = token.session(CKF_RW_SESSION);
    assert_eq!(session.find(&[]), Ok(vec![]));
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_USER_PIN_NOT_INITIALIZED);
    assert_eq!(session.login(CKU_SO, &token.lab.so_pin), CKR_OK);
    assert_eq!(session.init_pin(&token.lab.pin), CKR_OK);
}
