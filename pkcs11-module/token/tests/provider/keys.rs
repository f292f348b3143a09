//! C_GenerateKeyPair.

use cryptoki_sys::*;
use token::Error;

use crate::support::*;

#[test]
fn a_pair_without_wishes_can_sign_and_verify_and_never_leaves() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let private = |id| application.get_bool(session, pair.private, id);
    for set in [
        CKA_TOKEN,
        CKA_PRIVATE,
        CKA_SIGN,
        CKA_SENSITIVE,
        CKA_ALWAYS_SENSITIVE,
        CKA_NEVER_EXTRACTABLE,
        CKA_LOCAL,
    ] {
        assert!(private(set), "{set:#x}");
    }
    for clear in [CKA_EXTRACTABLE, CKA_ALWAYS_AUTHENTICATE, CKA_DECRYPT, CKA_UNWRAP, CKA_WRAP_WITH_TRUSTED] {
        assert!(!private(clear), "{clear:#x}");
    }
    let public = |id| application.get_bool(session, pair.public, id);
    assert!(public(CKA_VERIFY) && public(CKA_LOCAL) && public(CKA_TOKEN));
    assert!(!public(CKA_PRIVATE) && !public(CKA_ENCRYPT));
    let generated_by = application.get(session, pair.private, CKA_KEY_GEN_MECHANISM).unwrap();
    assert_eq!(generated_by, CKM_EC_KEY_PAIR_GEN.to_ne_bytes());
    assert_eq!(application.get(session, pair.private, CKA_KEY_TYPE).unwrap(), CKK_EC.to_ne_bytes());
}

#[test]
fn both_halves_carry_the_same_id_curve_and_public_key_info() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    for id in [CKA_ID, CKA_EC_PARAMS, CKA_PUBLIC_KEY_INFO] {
        let public = application.get(session, pair.public, id).unwrap();
        assert_eq!(application.get(session, pair.private, id).unwrap(), public);
        assert!(!public.is_empty());
    }
    assert_eq!(application.get(session, pair.private, CKA_EC_POINT), Err(Error::AttributeTypeInvalid));
}

#[test]
fn an_id_given_to_one_half_is_given_to_both() {
    let application = Application::new();
    let session = application.user();
    for (public, private) in [
        (public_template().bytes(CKA_ID, b"id"), private_template()),
        (public_template(), private_template().bytes(CKA_ID, b"id")),
    ] {
        let pair = application.generate(session, &public, &private).unwrap();
        assert_eq!(application.get(session, pair.public, CKA_ID).unwrap(), b"id");
        assert_eq!(application.get(session, pair.private, CKA_ID).unwrap(), b"id");
    }
}

#[test]
fn allowed_mechanisms_are_answered_and_obeyed() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let all = application.get(session, pair.private, CKA_ALLOWED_MECHANISMS).unwrap();
    let on_every_curve = application.ec_mechanisms(CKF_SIGN | CKF_DERIVE);
    let signing: Vec<_> = application
        .mechanisms(CKF_SIGN | CKF_DERIVE)
        .into_iter()
        .filter(|id| *id == FROST_P256 || on_every_curve.contains(id))
        .flat_map(|id| id.to_ne_bytes())
        .collect();
    assert_eq!(all, signing);
    let narrow = private_template().bytes(CKA_ALLOWED_MECHANISMS, &CKM_ECDSA_SHA384.to_ne_bytes());
    let pair = application.generate(session, &public_template(), &narrow).unwrap();
    assert_eq!(
        application.get(session, pair.private, CKA_ALLOWED_MECHANISMS).unwrap(),
        CKM_ECDSA_SHA384.to_ne_bytes()
    );
    assert_eq!(application.sign(session, CKM_ECDSA, pair.private, &[1; 32]), Err(Error::MechanismInvalid));
    assert!(application.sign(session, CKM_ECDSA_SHA384, pair.private, b"message").is_ok());
    let empty = private_template().bytes(CKA_ALLOWED_MECHANISMS, &[]);
    let pair = application.generate(session, &public_template(), &empty).unwrap();
    assert_eq!(
        application.get(session, pair.private, CKA_ALLOWED_MECHANISMS).unwrap(),
        all,
        "nothing is forbidden"
    );
    assert!(application.sign(session, CKM_ECDSA, pair.private, &[1; 32]).is_ok());
}

#[test]
fn a_key_does_not_end_before_it_starts() {
    let application = Application::new();
    let session = application.user();
    let dates = |end: &[u8]| private_template().bytes(CKA_START_DATE, b"20260601").bytes(CKA_END_DATE, end);
    let refused = application.generate(session, &public_template(), &dates(b"20260531"));
    contradicts(refused, CKA_END_DATE);
    let key = application.generate(session, &public_template(), &dates(b"20260601")).unwrap().private;
    let back = Items::new().bytes(CKA_END_DATE, b"20250101");
    contradicts(application.set(session, key, &back), CKA_END_DATE);
    assert_eq!(application.get(session, key, CKA_END_DATE).unwrap(), b"20260601");
}

#[test]
fn the_curve_is_named_by_oid_or_name() {
    let application = Application::new();
    let session = application.user();
    let generate = |params: &[u8]| {
        let public = Items::new().bytes(CKA_EC_PARAMS, params);
        application.generate(session, &public, &private_template())
    };
    for (name, oid, bytes) in CURVES {
        for params in [name, oid] {
            let pair = generate(params).unwrap();
            for half in [pair.public, pair.private] {
                assert_eq!(application.get(session, half, CKA_EC_PARAMS).unwrap(), oid);
            }
            let point = application.get(session, pair.public, CKA_EC_POINT).unwrap();
            assert_eq!(point[..3], [4, 1 + 2 * bytes as u8, 4], "a DER OCTET STRING around SEC1");
            assert_eq!(point.len(), 3 + 2 * bytes);
        }
    }
    let secp521r1 = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
    for other in [&secp521r1[..], b"\x13\x09secp521r1"] {
        assert_eq!(generate(other), Err(Error::CurveNotSupported));
    }
    for no_name in [&b"\x30\x03\x02\x01\x01"[..], b""] {
        assert_eq!(generate(no_name), Err(Error::DomainParamsInvalid));
    }
    let none = application.generate(session, &Items::new(), &private_template());
    assert_eq!(none, Err(Error::TemplateIncomplete));
}

#[test]
fn a_private_key_that_could_leave_or_be_seen_is_refused() {
    let application = Application::new();
    let session = application.user();
    for (id, value) in [(CKA_SENSITIVE, false), (CKA_EXTRACTABLE, true), (CKA_PRIVATE, false)] {
        let refused = application.generate(session, &public_template(), &private_template().bool(id, value));
        assert_eq!(refused, Err(Error::AttributeValueInvalid), "{id:#x}");
    }
    assert!(application.find(session, &Items::new()).is_empty());
}

#[test]
fn each_half_is_where_its_template_wants_it() {
    let application = Application::new();
    let session = application.user();
    let public = Items::new().bytes(CKA_EC_PARAMS, P256_OID);
    let pair = application.generate(session, &public, &private_template()).unwrap();
    assert!(!application.get_bool(session, pair.public, CKA_TOKEN));
    let signature = application.sign(session, CKM_ECDSA_SHA256, pair.private, b"message").unwrap();
    application.verify(session, CKM_ECDSA_SHA256, pair.public, b"message", &signature).unwrap();
    application.provider.close_all_sessions(application.slot).unwrap();
    assert_eq!(application.find(application.user(), &Items::new()).len(), 1);
}

#[test]
fn contradicting_templates_are_refused() {
    let application = Application::new();
    let session = application.user();
    let generate = |public: Items, private: Items| application.generate(session, &public, &private);
    let class = public_template().ulong(CKA_CLASS, CKO_PRIVATE_KEY);
    contradicts(generate(class, private_template()), CKA_CLASS);
    let key_type = public_template().ulong(CKA_KEY_TYPE, CKK_RSA);
    contradicts(generate(key_type, private_template()), CKA_KEY_TYPE);
    let point = public_template().bytes(CKA_EC_POINT, b"x");
    contradicts(generate(point, private_template()), CKA_EC_POINT);
    let params = private_template().bytes(CKA_EC_PARAMS, b"x");
    contradicts(generate(public_template(), params), CKA_EC_PARAMS);
    let local = private_template().bool(CKA_LOCAL, true);
    assert_eq!(generate(public_template(), local), Err(Error::AttributeReadOnly));
    let value = private_template().bytes(CKA_VALUE, &[1; 32]);
    assert_eq!(generate(public_template(), value), Err(Error::AttributeReadOnly));
}

#[test]
fn generation_needs_a_writing_session_and_its_own_mechanism() {
    let application = Application::new();
    application.user();
    let refused = application.generate(application.read_only(), &public_template(), &private_template());
    assert_eq!(refused, Err(Error::SessionReadOnly));
    let session = application.session();
    let wrong = application.provider.generate_key_pair(session, call(CKM_ECDSA), &[], &[]);
    assert_eq!(wrong, Err(Error::MechanismInvalid));
}
