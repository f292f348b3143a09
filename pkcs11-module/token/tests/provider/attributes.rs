//! C_GetAttributeValue, C_SetAttributeValue.

use cryptoki_sys::*;
use token::Error;
use token::backend::{Backend, Freshness};

use crate::support::*;

#[test]
fn every_entry_is_answered_on_its_own() {
    let application = Application::new();
    let session = application.user();
    let key = application.pair(session).private;
    let (mut class, mut value, mut unknown) = (Buffer::of(8), Buffer::of(64), Buffer::of(64));
    let (mut small, mut length) = (Buffer::of(3), Buffer::null());
    let result = application.provider.get_attributes(
        session,
        key,
        &mut [
            (CKA_VALUE, &mut value),
            (CKA_MODULUS, &mut unknown),
            (CKA_EC_PARAMS, &mut small),
            (CKA_ID, &mut length),
            (CKA_CLASS, &mut class),
        ],
    );
    assert_eq!(result, Err(Error::AttributeSensitive));
    assert!(value.unavailable && value.bytes.is_empty());
    assert!(unknown.unavailable && small.unavailable);
    assert_eq!(length.length, Some(20));
    assert_eq!(class.bytes, CKO_PRIVATE_KEY.to_ne_bytes());
}

#[test]
fn the_gravest_error_is_returned() {
    let application = Application::new();
    let session = application.user();
    let key = application.pair(session).private;
    let (mut one, mut other) = (Buffer::of(3), Buffer::of(64));
    let mut template: [(u64, &mut dyn token::AttributeOutput); 2] =
        [(CKA_ID, &mut one), (CKA_MODULUS, &mut other)];
    let result = application.provider.get_attributes(session, key, &mut template);
    assert_eq!(result, Err(Error::AttributeTypeInvalid));
    let result = application.provider.get_attributes(session, key, &mut template[..1]);
    assert_eq!(result, Err(Error::BufferTooSmall));
}

#[test]
fn attributes_nobody_set_have_the_defaults_of_the_standard() {
    let application = Application::new();
    let session = application.session();
    let object = application.create(session, &data_template("x")).unwrap();
    let get = |id| application.get_bool(session, object, id);
    assert!(!get(CKA_TOKEN) && !get(CKA_PRIVATE));
    assert!(get(CKA_MODIFIABLE) && get(CKA_COPYABLE) && get(CKA_DESTROYABLE));
    assert_eq!(application.get(session, object, CKA_APPLICATION).unwrap(), b"");
    let certificate = application.create(session, &certificate_template()).unwrap();
    assert!(!application.get_bool(session, certificate, CKA_TRUSTED));
    let category = application.get(session, certificate, CKA_CERTIFICATE_CATEGORY).unwrap();
    assert_eq!(category, CK_CERTIFICATE_CATEGORY_UNSPECIFIED.to_ne_bytes());
}

#[test]
fn every_object_has_its_own_unique_id() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let id = |object| application.get(session, object, CKA_UNIQUE_ID).unwrap();
    assert_eq!(id(pair.public).len(), 32);
    assert_ne!(id(pair.public), id(pair.private));
    assert_eq!(
        application.find(session, &Items::new().bytes(CKA_UNIQUE_ID, &id(pair.private))),
        [pair.private]
    );
}

#[test]
fn label_and_id_of_both_halves_can_be_changed() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let names = Items::new().bytes(CKA_LABEL, b"renamed").bytes(CKA_ID, &[1, 2, 3]);
    for key in [pair.public, pair.private] {
        application.set(session, key, &names).unwrap();
        assert_eq!(application.get(session, key, CKA_LABEL).unwrap(), b"renamed");
        assert_eq!(application.get(session, key, CKA_ID).unwrap(), [1, 2, 3]);
    }
    assert_eq!(application.find(session, &Items::new().bytes(CKA_ID, &[1, 2, 3])).len(), 2);
}

#[test]
fn a_change_is_made_whole_or_not_at_all() {
    let application = Application::new();
    let session = application.session();
    let object = application.create(session, &data_template("x")).unwrap();
    let mixed = Items::new().bytes(CKA_LABEL, b"y").bool(CKA_TOKEN, true);
    assert_eq!(application.set(session, object, &mixed), Err(Error::AttributeReadOnly));
    assert_eq!(application.get(session, object, CKA_LABEL).unwrap(), b"x");
    let long = Items::new().bytes(CKA_LABEL, &[b'x'; 256]);
    assert_eq!(application.set(session, object, &long), Err(Error::AttributeValueInvalid));
}

#[test]
fn sticky_attributes_turn_one_way_only() {
    let application = Application::new();
    let session = application.user();
    let key = application.pair(session).private;
    let set = |id, value| application.set(session, key, &Items::new().bool(id, value));
    assert_eq!(set(CKA_SENSITIVE, false), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_SENSITIVE, true), Ok(()));
    assert_eq!(set(CKA_EXTRACTABLE, true), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_WRAP_WITH_TRUSTED, true), Ok(()));
    assert_eq!(set(CKA_WRAP_WITH_TRUSTED, false), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_COPYABLE, false), Ok(()));
    assert_eq!(set(CKA_COPYABLE, true), Err(Error::AttributeReadOnly));
    assert_eq!(set(CKA_LOCAL, false), Err(Error::AttributeReadOnly));
}

#[test]
fn only_the_security_officer_declares_trust() {
    let application = Application::new();
    let session = application.user();
    let trusted = certificate_template().bool(CKA_TOKEN, true).bool(CKA_TRUSTED, true);
    assert_eq!(application.create(session, &trusted), Err(Error::AttributeReadOnly));
    let certificate = application.create(session, &certificate_template().bool(CKA_TOKEN, true)).unwrap();
    let trust = Items::new().bool(CKA_TRUSTED, true);
    assert_eq!(application.set(session, certificate, &trust), Err(Error::AttributeReadOnly));
    application.provider.logout(session).unwrap();
    application.provider.login(session, CKU_SO, SO_PIN).unwrap();
    application.set(session, certificate, &trust).unwrap();
    assert!(application.get_bool(session, certificate, CKA_TRUSTED));
}

#[test]
fn a_change_meets_a_change_by_another_process() {
    let application = Application::new();
    let session = application.user();
    let object = application.create(session, &data_template("x").bool(CKA_TOKEN, true)).unwrap();
    let token = application.backend.tokens().unwrap()[0].id;
    let record = application.backend.objects(token, Freshness::Current).unwrap().objects()[0].clone();
    let theirs = relabelled(&record.attributes, b"theirs");
    application.backend.update_object(token, record.id, record.version, theirs).unwrap();
    application.set(session, object, &Items::new().bytes(CKA_VALUE, b"ours")).unwrap();
    assert_eq!(application.get(session, object, CKA_LABEL).unwrap(), b"theirs");
    assert_eq!(application.get(session, object, CKA_VALUE).unwrap(), b"ours");
}
