//! Key pairs: what they are born with.

use conformance::session::{P256, flag, labelled, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

#[test]
fn a_private_key_is_born_sensitive_and_stays_so() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("born");
    let truths = [
        CKA_TOKEN,
        CKA_PRIVATE,
        CKA_SENSITIVE,
        CKA_ALWAYS_SENSITIVE,
        CKA_NEVER_EXTRACTABLE,
        CKA_LOCAL,
        CKA_SIGN,
    ];
    for kind in truths {
        assert_eq!(session.get(pair.private, kind), Ok(vec![CK_TRUE]), "{kind:#x}");
    }
    for kind in [CKA_EXTRACTABLE, CKA_DERIVE, CKA_ALWAYS_AUTHENTICATE] {
        assert_eq!(session.get(pair.private, kind), Ok(vec![CK_FALSE]), "{kind:#x}");
    }
    assert_eq!(session.get(pair.private, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
    assert_eq!(session.set(pair.private, &[flag(CKA_SENSITIVE, false)]), CKR_ATTRIBUTE_READ_ONLY);
    assert_eq!(session.set(pair.private, &[flag(CKA_EXTRACTABLE, true)]), CKR_ATTRIBUTE_READ_ONLY);
}

#[test]
fn both_halves_are_found_by_one_id() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("halves");
    let id = session.get(pair.private, CKA_ID).unwrap();
    assert!(!id.is_empty());
    let mut found = session.find(&[(CKA_ID, id)]).unwrap();
    found.sort_unstable();
    let mut both = vec![pair.public, pair.private];
    both.sort_unstable();
    assert_eq!(found, both);
    let number = |object, kind| {
        session.get(object, kind).map(|value| CK_ULONG::from_ne_bytes(value.try_into().unwrap()))
    };
    assert_eq!(number(pair.private, CKA_CLASS), Ok(CKO_PRIVATE_KEY));
    assert_eq!(number(pair.public, CKA_CLASS), Ok(CKO_PUBLIC_KEY));
    for half in [pair.public, pair.private] {
        assert_eq!(number(half, CKA_KEY_TYPE), Ok(CKK_EC));
        assert_eq!(number(half, CKA_KEY_GEN_MECHANISM), Ok(CKM_EC_KEY_PAIR_GEN));
        assert_eq!(session.get(half, CKA_EC_PARAMS), Ok(P256.to_vec()));
        assert!(session.get(half, CKA_ALLOWED_MECHANISMS).unwrap().len() >= 8);
    }
    assert_eq!(session.get(pair.public, CKA_PUBLIC_KEY_INFO), session.get(pair.private, CKA_PUBLIC_KEY_INFO));
}

#[test]
fn names_are_given_later_as_nss_and_java_do() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("named later");
    for half in [pair.public, pair.private] {
        let names = [(CKA_ID, b"chosen id".to_vec()), labelled("chosen label")];
        assert_eq!(session.set(half, &names), CKR_OK);
        assert_eq!(session.get(half, CKA_ID), Ok(b"chosen id".to_vec()));
    }
}

#[test]
fn templates_that_cannot_be_met_make_no_key() {
    let token = Token::shared();
    let session = token.user();
    let curve = || (CKA_EC_PARAMS, P256.to_vec());
    let p521 = (CKA_EC_PARAMS, vec![0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]);
    let cases = [
        (vec![], vec![on_token(true)], &[CKR_TEMPLATE_INCOMPLETE][..]),
        (vec![p521], vec![on_token(true)], &[CKR_CURVE_NOT_SUPPORTED]),
        (
            vec![curve()],
            vec![flag(CKA_EXTRACTABLE, true)],
            &[CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID],
        ),
        (
            vec![curve()],
            vec![flag(CKA_SENSITIVE, false)],
            &[CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID],
        ),
        (vec![curve(), number(CKA_CLASS, CKO_DATA)], vec![], &[CKR_TEMPLATE_INCONSISTENT]),
        (vec![curve(), number(CKA_KEY_TYPE, CKK_RSA)], vec![], &[CKR_TEMPLATE_INCONSISTENT]),
        (vec![curve()], vec![flag(CKA_LOCAL, true)], &[CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT]),
    ];
    let label = format!("impossible {}", std::process::id());
    for (public, private, expected) in cases {
        let private = [private, vec![labelled(&label)]].concat();
        let rv = session.generate(&public, &private).unwrap_err();
        assert!(expected.contains(&rv), "{rv:#x} for {public:?}, {private:?}");
    }
    assert_eq!(session.find(&[labelled(&label)]), Ok(vec![]));
}

#[test]
fn generating_needs_a_login_and_a_session_that_writes() {
    let token = Token::shared();
    let public = [(CKA_EC_PARAMS, P256.to_vec())];
    let session = token.session(CKF_RW_SESSION);
    assert_eq!(session.generate(&public, &[on_token(true)]).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
    let reading = token.session(0);
    assert_eq!(reading.login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!(reading.generate(&public, &[on_token(true)]).unwrap_err(), CKR_SESSION_READ_ONLY);
}

#[test]
fn a_destroyed_key_signs_no_more() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("destroyed");
    assert!(session.sign(CKM_ECDSA, pair.private, &[1; 32]).is_ok());
    assert_eq!(session.destroy(pair.private), CKR_OK);
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_KEY_HANDLE_INVALID);
    assert!(session.get(pair.public, CKA_EC_POINT).is_ok());
}
