//! Objects: creating, finding, reading, changing, copying, destroying.

use std::time::{Duration, Instant};

use conformance::call;
use conformance::session::{Attribute, flag, labelled, number, on_token, template};
use conformance::token::Token;
use cryptoki_sys::*;

fn data(label: &str, more: &[Attribute]) -> Vec<Attribute> {
    [&[number(CKA_CLASS, CKO_DATA), labelled(label)], more].concat()
}

#[test]
fn a_session_object_ends_with_its_session() {
    let token = Token::shared();
    let (keeper, maker) = (token.user(), token.session(0));
    let label = "of a session";
    let object = maker.create(&data(label, &[(CKA_VALUE, b"value".to_vec())])).unwrap();
    assert_eq!(keeper.find(&[labelled(label)]), Ok(vec![object]));
    assert_eq!(keeper.get(object, CKA_VALUE), Ok(b"value".to_vec()));
    assert_eq!(maker.close(), CKR_OK);
    assert_eq!(keeper.find(&[labelled(label)]), Ok(vec![]));
    assert_eq!(keeper.get(object, CKA_VALUE), Err(CKR_OBJECT_HANDLE_INVALID));
}

#[test]
fn a_token_object_outlives_the_library() {
    let label = format!("outlives {}", std::process::id());
    let token = Token::shared();
    token.user().create(&data(&label, &[on_token(true), (CKA_VALUE, b"kept".to_vec())])).unwrap();
    assert_eq!(token.module.finalize(), CKR_OK);
    assert_eq!(token.module.initialize(), CKR_OK);
    let session = token.user();
    // To the nodes this is another client, which sees a change within a second.
    let start = Instant::now();
    let mut found = session.find(&[labelled(&label)]).unwrap();
    while found.is_empty() && start.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(20));
        found = session.find(&[labelled(&label)]).unwrap();
    }
    assert_eq!(found.len(), 1);
    assert_eq!(session.get(found[0], CKA_VALUE), Ok(b"kept".to_vec()));
    assert_eq!(session.destroy(found[0]), CKR_OK);
    assert_eq!(session.find(&[labelled(&label)]), Ok(vec![]));
}

#[test]
fn token_objects_need_a_session_that_writes() {
    let token = Token::shared();
    let session = token.session(0);
    assert_eq!(session.create(&data("ro", &[on_token(true)])), Err(CKR_SESSION_READ_ONLY));
    let private = [flag(CKA_PRIVATE, true)];
    assert_eq!(session.create(&data("private", &private)), Err(CKR_USER_NOT_LOGGED_IN));
}

#[test]
fn templates_must_make_sense() {
    let token = Token::shared();
    let session = token.user();
    let cases = [
        (vec![labelled("no class")], CKR_TEMPLATE_INCOMPLETE),
        (data("modulus", &[(CKA_MODULUS, vec![1])]), CKR_TEMPLATE_INCONSISTENT),
        (data("unknown", &[(CKA_VENDOR_DEFINED | 0x1234, vec![1])]), CKR_ATTRIBUTE_TYPE_INVALID),
        (data("two bytes", &[(CKA_PRIVATE, vec![1, 1])]), CKR_ATTRIBUTE_VALUE_INVALID),
        (data("neither", &[(CKA_PRIVATE, vec![7])]), CKR_ATTRIBUTE_VALUE_INVALID),
        (data("read only", &[(CKA_UNIQUE_ID, vec![1])]), CKR_ATTRIBUTE_READ_ONLY),
        (data("twice", &[labelled("twice")]), CKR_TEMPLATE_INCONSISTENT),
    ];
    for (template, expected) in cases {
        assert_eq!(session.create(&template), Err(expected), "{template:?}");
    }
}

#[test]
fn attributes_change_where_they_may() {
    let token = Token::shared();
    let session = token.user();
    let object = session.create(&data("before", &[(CKA_VALUE, vec![1])])).unwrap();
    assert_eq!(session.set(object, &[labelled("after"), (CKA_VALUE, vec![2, 2])]), CKR_OK);
    assert_eq!(session.get(object, CKA_LABEL), Ok(b"after".to_vec()));
    assert_eq!(session.get(object, CKA_VALUE), Ok(vec![2, 2]));
    assert_eq!(session.set(object, &[labelled("neither"), on_token(true)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.get(object, CKA_LABEL), Ok(b"after".to_vec()), "all or nothing");
    let fixed = session.create(&data("fixed", &[flag(CKA_MODIFIABLE, false)])).unwrap();
    assert_eq!(session.set(fixed, &[labelled("x")]), CKR_ACTION_PROHIBITED);
}

#[test]
fn a_copy_may_move_to_the_token() {
    let token = Token::shared();
    let session = token.user();
    let object = session.create(&data("original", &[(CKA_VALUE, b"same".to_vec())])).unwrap();
    let label = format!("copy {}", std::process::id());
    let copy = session.copy(object, &[on_token(true), labelled(&label)]).unwrap();
    assert_eq!(session.get(copy, CKA_VALUE), Ok(b"same".to_vec()));
    assert_eq!(session.get(copy, CKA_TOKEN), Ok(vec![CK_TRUE]));
    assert_eq!(session.get(object, CKA_LABEL), Ok(b"original".to_vec()));
    assert_eq!(session.destroy(copy), CKR_OK);
    let single = session.create(&data("single", &[flag(CKA_COPYABLE, false)])).unwrap();
    assert_eq!(session.copy(single, &[]), Err(CKR_ACTION_PROHIBITED));
}

#[test]
fn a_certificate_is_kept_as_it_came() {
    let token = Token::shared();
    let session = token.user();
    let certificate = [
        number(CKA_CLASS, CKO_CERTIFICATE),
        number(CKA_CERTIFICATE_TYPE, CKC_X_509),
        (CKA_SUBJECT, b"\x30\x00".to_vec()),
        (CKA_VALUE, b"\x30\x03\x02\x01\x05".to_vec()),
        (CKA_ID, b"\x01\x02".to_vec()),
    ];
    let object = session.create(&certificate).unwrap();
    for (kind, value) in certificate {
        assert_eq!(session.get(object, kind), Ok(value), "{kind:#x}");
    }
    assert_eq!(session.get(object, CKA_TRUSTED), Ok(vec![CK_FALSE]));
}

#[test]
fn a_search_is_one_operation() {
    let token = Token::shared();
    let session = token.user();
    let mut template = template(&[]);
    let (handle, none) = (session.handle, template.as_mut_ptr());
    assert_eq!(call!(token.module, C_FindObjects(handle, &mut 0, 1, &mut 0)), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(call!(token.module, C_FindObjectsFinal(handle)), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(call!(token.module, C_FindObjectsInit(handle, none, 0)), CKR_OK);
    assert_eq!(call!(token.module, C_FindObjectsInit(handle, none, 0)), CKR_OPERATION_ACTIVE);
    assert_eq!(call!(token.module, C_FindObjectsFinal(handle)), CKR_OK);
    // An attribute that nobody has matches nothing, and is no error: NSS looks for its own on every token.
    assert_eq!(session.find(&[(CKA_VENDOR_DEFINED | 0x4e53_4350, vec![1])]), Ok(vec![]));
}

#[test]
fn every_entry_of_a_template_is_answered() {
    let token = Token::shared();
    let session = token.user();
    let object = session.create(&data("four", &[])).unwrap();
    let (mut label, mut class) = ([0u8; 2], [0u8; 8]);
    let mut wanted = [
        CK_ATTRIBUTE { type_: CKA_MODULUS, pValue: std::ptr::null_mut(), ulValueLen: 5 },
        CK_ATTRIBUTE { type_: CKA_LABEL, pValue: label.as_mut_ptr().cast(), ulValueLen: 2 },
        CK_ATTRIBUTE { type_: CKA_LABEL, pValue: std::ptr::null_mut(), ulValueLen: 5 },
        CK_ATTRIBUTE { type_: CKA_CLASS, pValue: class.as_mut_ptr().cast(), ulValueLen: 8 },
    ];
    let rv = call!(token.module, C_GetAttributeValue(session.handle, object, wanted.as_mut_ptr(), 4));
    assert!(matches!(rv, CKR_ATTRIBUTE_TYPE_INVALID | CKR_BUFFER_TOO_SMALL), "{rv:#x}");
    let lengths = wanted.map(|entry| entry.ulValueLen);
    assert_eq!(lengths, [CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, 4, 8]);
    assert_eq!((label, CK_ULONG::from_ne_bytes(class)), ([0; 2], CKO_DATA));
}

#[test]
fn a_size_is_told() {
    let token = Token::shared();
    let session = token.user();
    let object = session.create(&data("size", &[(CKA_VALUE, vec![0; 1000])])).unwrap();
    let mut size = 0;
    assert_eq!(call!(token.module, C_GetObjectSize(session.handle, object, &mut size)), CKR_OK);
    assert!(size >= 1000);
    assert_eq!(session.destroy(object), CKR_OK);
    assert_eq!(session.destroy(object), CKR_OBJECT_HANDLE_INVALID);
}

#[test]
fn profiles_are_objects_for_who_asks() {
    let token = Token::shared();
    let session = token.session(0);
    let found = session.find(&[number(CKA_CLASS, CKO_PROFILE)]).unwrap();
    let ids = found.iter().map(|profile| session.get(*profile, CKA_PROFILE_ID).unwrap());
    let claimed = [CKP_BASELINE_PROVIDER, CKP_EXTENDED_PROVIDER].map(|id| id.to_ne_bytes().to_vec());
    assert_eq!(ids.collect::<Vec<_>>(), claimed);
    let all = session.find(&[]).unwrap();
    assert!(
        !found.iter().any(|profile| all.contains(profile)),
        "applications before 3.0 do not know the class"
    );
}
