//! C_GetSlotList, C_GetSlotInfo, C_GetTokenInfo, C_GetMechanismList, C_GetMechanismInfo, C_InitToken, C_InitPIN,
//! C_SetPIN.

use std::sync::Arc;

use cryptoki_sys::*;
use token::info::blank_padded;
use token::local_backend::LocalBackend;
use token::{Error, Provider};

use crate::support::*;

fn new_label() -> [u8; 32] {
    blank_padded("new label")
}

#[test]
fn each_token_has_its_slot_with_the_same_number_in_every_process() {
    let slots = |count| Provider::new(Arc::new(LocalBackend::uninitialized(count))).slot_list(false).unwrap();
    assert_eq!(slots(3).len(), 3);
    assert_eq!(slots(3)[..2], slots(2));
}

#[test]
fn an_unknown_slot_is_refused() {
    let application = Application::new();
    assert_eq!(application.provider.slot_info(99).err(), Some(Error::SlotIdInvalid));
    assert_eq!(application.provider.token_info(99).err(), Some(Error::SlotIdInvalid));
    assert_eq!(application.provider.mechanism_list(99).err(), Some(Error::SlotIdInvalid));
    assert_eq!(application.provider.open_session(99, CKF_SERIAL_SESSION).err(), Some(Error::SlotIdInvalid));
}

#[test]
fn token_flags_tell_what_is_set_up() {
    let provider = Provider::new(Arc::new(LocalBackend::uninitialized(1)));
    let slot = provider.slot_list(true).unwrap()[0];
    let flags = || provider.token_info(slot).unwrap().flags;
    assert_eq!(flags(), CKF_RNG | CKF_LOGIN_REQUIRED);
    provider.init_token(slot, SO_PIN, &new_label()).unwrap();
    assert_eq!(flags(), CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED);
    let session = provider.open_session(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION).unwrap();
    provider.login(session, CKU_SO, SO_PIN).unwrap();
    provider.init_pin(session, PIN).unwrap();
    assert_eq!(flags(), CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED);
    assert_eq!(provider.token_info(slot).unwrap().label, new_label());
}

#[test]
fn token_flags_warn_before_the_pin_locks() {
    let application = Application::new();
    let session = application.session();
    let flags = || application.provider.token_info(application.slot).unwrap().flags;
    for _ in 0..9 {
        let wrong = application.provider.login(session, CKU_USER, b"wrong");
        assert_eq!(wrong.unwrap_err().rv(), CKR_PIN_INCORRECT);
        assert_ne!(flags() & CKF_USER_PIN_COUNT_LOW, 0);
    }
    assert_ne!(flags() & CKF_USER_PIN_FINAL_TRY, 0);
    application.provider.login(session, CKU_USER, b"wrong").unwrap_err();
    assert_ne!(flags() & CKF_USER_PIN_LOCKED, 0);
    let locked = application.provider.login(session, CKU_USER, PIN);
    assert_eq!(locked.unwrap_err().rv(), CKR_PIN_LOCKED);
}

#[test]
fn mechanism_info_follows_from_the_declaration() {
    let application = Application::new();
    let info = |mechanism| application.provider.mechanism_info(application.slot, mechanism).unwrap();
    let ecdsa = info(CKM_ECDSA_SHA256);
    assert_eq!((ecdsa.min_key_size, ecdsa.max_key_size), (256, 384));
    assert_eq!(ecdsa.flags & (CKF_SIGN | CKF_VERIFY | CKF_DIGEST), CKF_SIGN | CKF_VERIFY);
    assert_eq!(info(CKM_SHA3_256).flags, CKF_DIGEST);
    assert_ne!(info(CKM_EC_KEY_PAIR_GEN).flags & CKF_GENERATE_KEY_PAIR, 0);
    assert_eq!((info(CKM_RSA_PKCS).min_key_size, info(CKM_RSA_PKCS).max_key_size), (2048, 8192));
    let generation = info(CKM_RSA_PKCS_KEY_PAIR_GEN);
    assert_eq!((generation.min_key_size, generation.max_key_size), (2048, 4096));
    let missing = application.provider.mechanism_info(application.slot, CKM_RSA_X_509);
    assert_eq!(missing.err(), Some(Error::MechanismInvalid));
}

#[test]
fn a_mechanism_starts_what_its_flags_say_and_nothing_else() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let provider = &application.provider;
    let generate = |id| application.generate_with(session, id, &public_template(), &private_template());
    for id in provider.mechanism_list(application.slot).unwrap() {
        let flags = provider.mechanism_info(application.slot, id).unwrap().flags;
        let given = Some(call(id));
        let answers = [
            (CKF_SIGN, provider.sign_init(session, given, pair.private)),
            (CKF_VERIFY, provider.verify_init(session, given, pair.public)),
            (CKF_DIGEST, provider.digest_init(session, given)),
            (CKF_ENCRYPT, provider.encrypt_init(session, given, pair.public)),
            (CKF_DECRYPT, provider.decrypt_init(session, given, pair.private)),
            (CKF_GENERATE_KEY_PAIR, generate(id).map(|_| ())),
        ];
        // The key and the template are of P-256, and there is no parameter.
        let rsa = provider.mechanism_info(application.slot, id).unwrap().min_key_size >= 2048;
        let pss = [CKM_RSA_PKCS_PSS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS];
        let pss = pss.contains(&id) || [CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS].contains(&id);
        let curves = [CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_MONTGOMERY_KEY_PAIR_GEN];
        let other = curves.contains(&id) || [CKM_EDDSA, BIP340].contains(&id);
        for (flag, answer) in answers {
            let expected = match flag {
                _ if flags & flag == 0 => Err(Error::MechanismInvalid),
                _ if pss || id == CKM_RSA_PKCS_OAEP => Err(Error::MechanismParamInvalid),
                CKF_GENERATE_KEY_PAIR if rsa => Err(Error::TemplateIncomplete),
                CKF_GENERATE_KEY_PAIR if other => Err(Error::CurveNotSupported),
                _ if other || rsa => Err(Error::KeyTypeInconsistent),
                _ => Ok(()),
            };
            assert_eq!(answer, expected, "{id:#x} {flag:#x}");
        }
        provider.session_cancel(session, CKF_SIGN | CKF_VERIFY | CKF_DIGEST).unwrap();
    }
}

#[test]
fn a_token_is_not_initialised_while_a_session_is_open() {
    let application = Application::new();
    let session = application.read_only();
    let refused = application.provider.init_token(application.slot, SO_PIN, &new_label());
    assert_eq!(refused, Err(Error::SessionExists));
    application.provider.close_session(session).unwrap();
    application.provider.init_token(application.slot, SO_PIN, &new_label()).unwrap();
}

#[test]
fn initialising_again_needs_the_old_pin_and_destroys_all_objects() {
    let application = Application::new();
    let session = application.user();
    let object = application.create(session, &data_template("gone").bool(CKA_TOKEN, true)).unwrap();
    application.provider.close_session(session).unwrap();
    let wrong = application.provider.init_token(application.slot, b"wrong pin", &new_label());
    assert_eq!(wrong.unwrap_err().rv(), CKR_PIN_INCORRECT);
    application.provider.init_token(application.slot, SO_PIN, &new_label()).unwrap();
    let session = application.session();
    assert_eq!(application.get(session, object, CKA_LABEL).err(), Some(Error::ObjectHandleInvalid));
    assert!(application.find(session, &Items::new()).is_empty());
    let no_pin = application.provider.login(session, CKU_USER, PIN);
    assert_eq!(no_pin.unwrap_err().rv(), CKR_USER_PIN_NOT_INITIALIZED);
}

#[test]
fn a_new_token_refuses_a_pin_of_impossible_length_and_sessions() {
    let provider = Provider::new(Arc::new(LocalBackend::uninitialized(1)));
    let slot = provider.slot_list(true).unwrap()[0];
    assert_eq!(provider.init_token(slot, b"123", &new_label()), Err(Error::PinLenRange));
    assert_eq!(provider.open_session(slot, CKF_SERIAL_SESSION).err(), Some(Error::TokenNotRecognized));
}

#[test]
fn only_the_security_officer_sets_the_users_pin() {
    let application = Application::new();
    let session = application.user();
    assert_eq!(application.provider.init_pin(session, b"another"), Err(Error::UserNotLoggedIn));
    application.provider.logout(session).unwrap();
    application.provider.login(session, CKU_SO, SO_PIN).unwrap();
    assert_eq!(application.provider.init_pin(session, b"123"), Err(Error::PinLenRange));
    application.provider.init_pin(session, b"another").unwrap();
    application.provider.logout(session).unwrap();
    application.provider.login(session, CKU_USER, b"another").unwrap();
}

#[test]
fn a_pin_is_changed_by_who_is_logged_in_and_by_the_user_otherwise() {
    let application = Application::new();
    let session = application.session();
    let set = |old: &[u8], new: &[u8]| application.provider.set_pin(session, old, new);
    set(PIN, b"second").unwrap();
    assert_eq!(set(PIN, b"third").unwrap_err().rv(), CKR_PIN_INCORRECT);
    assert_eq!(set(b"second", b"123"), Err(Error::PinLenRange));
    application.provider.login(session, CKU_USER, b"second").unwrap();
    set(b"second", b"third").unwrap();
    application.provider.logout(session).unwrap();
    application.provider.login(session, CKU_SO, SO_PIN).unwrap();
    set(SO_PIN, b"new so pin").unwrap();
    application.provider.logout(session).unwrap();
    application.provider.login(session, CKU_SO, b"new so pin").unwrap();
    assert_eq!(application.provider.set_pin(99, PIN, PIN), Err(Error::SessionHandleInvalid));
}

#[test]
fn a_pin_is_not_changed_in_a_read_only_session() {
    let application = Application::new();
    let session = application.read_only();
    assert_eq!(application.provider.set_pin(session, PIN, b"another"), Err(Error::SessionReadOnly));
}
