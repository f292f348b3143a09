//! Private keys of sessions: `CKA_TOKEN` false.

use cryptoki_sys::*;
use token::{Error, KeyPairHandles};

use crate::support::*;

fn generate(application: &Application, session: u64) -> KeyPairHandles {
    let public = Items::new().bytes(CKA_EC_PARAMS, P256_OID);
    application.generate(session, &public, &Items::new()).unwrap()
}

fn signs(application: &Application, session: u64, key: u64) -> Result<(), Error> {
    application.sign(session, CKM_ECDSA, key, &[1; 32]).map(drop)
}

#[test]
fn it_signs_in_every_session_of_the_process_until_its_own_is_closed() {
    let application = Application::new();
    let (own, other) = (application.user(), application.session());
    let pair = generate(&application, own);
    assert!(!application.get_bool(own, pair.private, CKA_TOKEN));
    assert!(application.get_bool(own, pair.private, CKA_ALWAYS_SENSITIVE));
    signs(&application, other, pair.private).unwrap();
    assert!(application.find(other, &Items::new()).contains(&pair.private));
    application.provider.close_session(own).unwrap();
    assert_eq!(signs(&application, other, pair.private), Err(Error::KeyHandleInvalid));
    assert_eq!(application.backend.session_keys(), 0);
}

#[test]
fn logout_and_destruction_end_it_at_the_nodes() {
    let application = Application::new();
    let session = application.user();
    let destroyed = generate(&application, session);
    application.provider.destroy_object(session, destroyed.private).unwrap();
    assert_eq!(application.backend.session_keys(), 0);
    let pair = generate(&application, session);
    application.provider.logout(session).unwrap();
    assert_eq!(application.backend.session_keys(), 0);
    application.user();
    assert_eq!(signs(&application, session, pair.private), Err(Error::KeyHandleInvalid));
    assert!(application.get(session, pair.public, CKA_EC_POINT).is_ok(), "public, and its session is open");
}

#[test]
fn a_session_that_only_reads_has_session_keys() {
    let application = Application::new();
    application.user();
    let reading = application.read_only();
    signs(&application, reading, generate(&application, reading).private).unwrap();
}

#[test]
fn a_flood_meets_the_limit_and_leaves_nothing_behind() {
    let application = Application::new();
    let session = application.user();
    let public = Items::new().bytes(CKA_EC_PARAMS, P256_OID);
    let refused = loop {
        match application.generate(session, &public, &Items::new()) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(refused.rv(), CKR_DEVICE_MEMORY);
    application.provider.close_all_sessions(application.slot).unwrap();
    assert_eq!(application.backend.session_keys(), 0);
}

#[test]
fn a_copy_goes_to_the_token_as_java_wants_it() {
    let application = Application::new();
    let session = application.user();
    let pair = generate(&application, session);
    let named = Items::new().bool(CKA_TOKEN, true).bytes(CKA_ID, b"alias");
    let copy = application.copy(session, pair.private, &named).unwrap();
    assert!(application.get_bool(session, copy, CKA_TOKEN) && application.get_bool(session, copy, CKA_LOCAL));
    application.provider.close_session(session).unwrap();
    let session = application.user();
    let found = application.find(session, &Items::new().bytes(CKA_ID, b"alias"));
    let signature = application.sign(session, CKM_ECDSA_SHA256, found[0], b"x").unwrap();
    assert_eq!((found.len(), signature.len()), (1, 64));
}

#[test]
fn a_copy_keeps_what_a_key_is() {
    let application = Application::new();
    let session = application.user();
    let key = generate(&application, session).private;
    let copy = |template: Items| application.copy(session, key, &template.bool(CKA_TOKEN, true));
    assert_eq!(copy(Items::new().bool(CKA_EXTRACTABLE, true)), Err(Error::AttributeReadOnly));
    assert_eq!(copy(Items::new().bool(CKA_SENSITIVE, false)), Err(Error::AttributeReadOnly));
    assert!(copy(Items::new().bool(CKA_PRIVATE, false)).is_err_and(|e| e.rv() == CKR_TEMPLATE_INCONSISTENT));
    let again = application.copy(session, key, &Items::new()).unwrap();
    assert!(!application.get_bool(session, again, CKA_TOKEN));
    signs(&application, session, again).unwrap();
    let reading = application.read_only();
    let refused = application.copy(reading, key, &Items::new().bool(CKA_TOKEN, true));
    assert_eq!(refused, Err(Error::SessionReadOnly));
}

#[test]
fn its_names_change_and_its_usage_does_not() {
    let application = Application::new();
    let session = application.user();
    let key = generate(&application, session).private;
    application.set(session, key, &Items::new().bytes(CKA_LABEL, b"new")).unwrap();
    assert_eq!(application.get(session, key, CKA_LABEL).unwrap(), b"new");
    let usage = application.set(session, key, &Items::new().bool(CKA_SIGN, false));
    assert_eq!(usage, Err(Error::AttributeReadOnly));
    signs(&application, session, key).unwrap();
}
