//! What still works when the cluster cannot be reached, and what an application sees of it.

use cryptoki_sys::*;

use crate::support::*;

#[test]
fn reading_searching_and_verifying_go_on_without_the_cluster() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let signature = application.sign(session, CKM_ECDSA_SHA256, pair.private, b"message").unwrap();
    application.backend.set_reachable(false);
    assert_eq!(application.find(session, &Items::new()).len(), 2);
    application.get(session, pair.private, CKA_ID).unwrap();
    application.verify(session, CKM_ECDSA_SHA256, pair.public, b"message", &signature).unwrap();
    application.session();
    application.create(session, &data_template("session object")).unwrap();
    let provider = &application.provider;
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), pair.private).unwrap();
    provider.sign(session, b"message", &mut Buffer::null()).unwrap();
}

#[test]
fn an_outage_is_a_device_error_and_leaves_handles_and_login_alone() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    application.backend.set_reachable(false);
    let failed = application.sign(session, CKM_ECDSA_SHA256, pair.private, b"message").unwrap_err();
    assert!(is_unavailable(&failed));
    assert_eq!(failed.rv(), CKR_DEVICE_ERROR);
    let failed = application.generate(session, &public_template(), &private_template()).unwrap_err();
    assert_eq!(failed.rv(), CKR_DEVICE_ERROR);
    application.backend.set_reachable(true);
    application.sign(session, CKM_ECDSA_SHA256, pair.private, b"message").unwrap();
}
