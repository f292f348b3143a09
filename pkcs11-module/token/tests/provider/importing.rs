//! `C_CreateObject` of private keys: what is accepted, what is refused, and how an imported key is marked.

use cryptoki_sys::*;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use token::Error;

use crate::support::{Application, CURVES, INCONSISTENT, Items, P256_OID};

const VALUE: [u8; 32] = [5; 32];

fn template(value: &[u8]) -> Items {
    Items::new()
        .ulong(CKA_CLASS, CKO_PRIVATE_KEY)
        .ulong(CKA_KEY_TYPE, CKK_EC)
        .bool(CKA_TOKEN, true)
        .bytes(CKA_EC_PARAMS, P256_OID)
        .bytes(CKA_VALUE, value)
}

fn point(value: &[u8]) -> Vec<u8> {
    let key = p256::SecretKey::from_slice(value).unwrap();
    key.public_key().to_encoded_point(false).as_bytes().to_vec()
}

#[test]
fn an_imported_key_signs_and_is_marked_for_ever() {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    let application = Application::new();
    let session = application.user();
    let key = application.create(session, &template(&VALUE)).unwrap();
    let signature = application.sign(session, CKM_ECDSA, key, &[7; 32]).unwrap();
    let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point(&VALUE)).unwrap();
    public.verify_prehash(&[7; 32], &p256::ecdsa::Signature::from_slice(&signature).unwrap()).unwrap();
    for id in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE] {
        assert!(!application.get_bool(session, key, id), "{id:#x}");
    }
    for id in [CKA_SENSITIVE, CKA_PRIVATE, CKA_TOKEN] {
        assert!(application.get_bool(session, key, id), "{id:#x}");
    }
    assert_eq!(application.get(session, key, CKA_VALUE), Err(Error::AttributeSensitive));
    let mechanism = application.get(session, key, CKA_KEY_GEN_MECHANISM).unwrap();
    assert_eq!(mechanism, CK_UNAVAILABLE_INFORMATION.to_ne_bytes());
    let set = |items| application.set(session, key, &items);
    assert_eq!(set(Items::new().bool(CKA_LOCAL, true)), Err(Error::AttributeReadOnly));
    assert_eq!(set(Items::new().bool(CKA_NEVER_EXTRACTABLE, true)), Err(Error::AttributeReadOnly));
}

#[test]
fn every_curve_by_either_name_is_taken_and_leading_zeros_do_not_matter() {
    let application = Application::new();
    let session = application.user();
    for (name, oid, bytes) in CURVES {
        for params in [name, oid] {
            let base = || {
                Items::new()
                    .ulong(CKA_CLASS, CKO_PRIVATE_KEY)
                    .ulong(CKA_KEY_TYPE, CKK_EC)
                    .bool(CKA_TOKEN, true)
                    .bytes(CKA_EC_PARAMS, params)
            };
            let mut short = vec![0; bytes];
            short[bytes - 1] = 3;
            let info = |value: &[u8]| {
                let key = application.create(session, &base().bytes(CKA_VALUE, value)).unwrap();
                assert_eq!(application.get(session, key, CKA_EC_PARAMS).unwrap(), oid);
                application.get(session, key, CKA_PUBLIC_KEY_INFO).unwrap()
            };
            let expected = info(&short);
            assert_eq!(info(&[3]), expected);
            assert_eq!(info(&[&[0][..], &short].concat()), expected);
        }
    }
}

/// RFC 8032, 7.1, test 1: the seed gives the public key.
#[test]
fn an_ed25519_key_is_imported_by_its_seed() {
    let application = Application::new();
    let session = application.user();
    let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let point = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
    let ed25519 = |value: &[u8]| {
        Items::new()
            .ulong(CKA_CLASS, CKO_PRIVATE_KEY)
            .ulong(CKA_KEY_TYPE, CKK_EC_EDWARDS)
            .bool(CKA_TOKEN, true)
            .bytes(CKA_EC_PARAMS, b"\x13\x0cedwards25519")
            .bytes(CKA_VALUE, value)
    };
    let key = application.create(session, &ed25519(&seed).bytes(CKA_EC_POINT, &point)).unwrap();
    let info = application.get(session, key, CKA_PUBLIC_KEY_INFO).unwrap();
    assert_eq!(info[info.len() - 32..], point);
    let signature = application.sign(session, CKM_EDDSA, key, b"message").unwrap();
    let public = ed25519_dalek::VerifyingKey::from_bytes(&point.clone().try_into().unwrap()).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    public.verify_strict(b"message", &signature).unwrap();
    let wrong = ed25519_dalek::SigningKey::from_bytes(&[6; 32]).verifying_key().to_bytes();
    for refused in [
        ed25519(&seed[1..]),
        ed25519(&[&[0], &seed[..]].concat()),
        ed25519(&seed).bytes(CKA_EC_POINT, &wrong),
    ] {
        assert_eq!(application.create(session, &refused), Err(Error::AttributeValueInvalid));
    }
    let other_type = ed25519(&seed).ulong(CKA_KEY_TYPE, CKK_EC);
    assert!(application.create(session, &other_type).is_err());
}

#[test]
fn what_is_wrong_with_a_key_gets_its_code_and_nothing_is_stored() {
    let application = Application::new();
    let session = application.user();
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let other = point(&[6; 32]);
    let der = |point: &[u8]| [&[4, 65][..], point].concat();
    let invalid = Error::AttributeValueInvalid;
    let without = |id: u64| {
        let full = [
            (CKA_CLASS, CKO_PRIVATE_KEY.to_ne_bytes().to_vec()),
            (CKA_KEY_TYPE, CKK_EC.to_ne_bytes().to_vec()),
            (CKA_TOKEN, vec![1]),
            (CKA_EC_PARAMS, P256_OID.to_vec()),
            (CKA_VALUE, VALUE.to_vec()),
        ];
        full.iter().filter(|(kind, _)| *kind != id).fold(Items::new(), |all, (k, v)| all.bytes(*k, v))
    };
    for (items, error) in [
        (template(&[0; 32]), invalid.clone()),
        (template(&order), invalid.clone()),
        (template(&[0xff; 32]), invalid.clone()),
        (template(&[1; 33]), invalid.clone()),
        (template(&VALUE).bytes(CKA_EC_POINT, &der(&other)), invalid.clone()),
        (template(&VALUE).bytes(CKA_EC_POINT, &[4; 67]), invalid.clone()),
        (template(&VALUE).bytes(CKA_PUBLIC_KEY_INFO, &[0x30, 0]), invalid.clone()),
        (template(&VALUE).bool(CKA_EXTRACTABLE, true), invalid.clone()),
        (template(&VALUE).bool(CKA_SENSITIVE, false), invalid),
        (template(&VALUE).bool(CKA_LOCAL, true), Error::AttributeReadOnly),
        (template(&VALUE).bool(CKA_NEVER_EXTRACTABLE, true), Error::AttributeReadOnly),
        (without(CKA_VALUE), Error::TemplateIncomplete),
        (without(CKA_KEY_TYPE), Error::TemplateIncomplete),
        (without(CKA_EC_PARAMS), Error::TemplateIncomplete),
        (without(CKA_EC_PARAMS).bytes(CKA_EC_PARAMS, b"\x13\x09secp521r1"), Error::CurveNotSupported),
        (without(CKA_KEY_TYPE).ulong(CKA_KEY_TYPE, CKK_DSA), INCONSISTENT),
        (without(CKA_KEY_TYPE).ulong(CKA_KEY_TYPE, CKK_RSA), Error::TemplateIncomplete),
    ] {
        let created = application.create(session, &items).map_err(|refused| refused.rv());
        assert_eq!(created, Err(error.rv()), "{items:?}");
    }
    assert_eq!(application.find(session, &Items::new().ulong(CKA_CLASS, CKO_PRIVATE_KEY)), [0; 0]);
    // The right public half, in either form.
    for given in [der(&point(&VALUE)), point(&VALUE)] {
        application.create(session, &template(&VALUE).bytes(CKA_EC_POINT, &given)).unwrap();
    }
    let read_only = application.read_only();
    assert_eq!(application.create(read_only, &template(&VALUE)), Err(Error::SessionReadOnly));
    // One for the session only, which it ends.
    let key = application.create(read_only, &without(CKA_TOKEN)).unwrap();
    assert!(!application.get_bool(session, key, CKA_TOKEN));
    assert!(application.sign(session, CKM_ECDSA, key, &[1; 32]).is_ok());
    application.provider.close_session(read_only).unwrap();
    assert_eq!(application.sign(session, CKM_ECDSA, key, &[1; 32]), Err(Error::KeyHandleInvalid));
    assert_eq!(application.backend.session_keys(), 0);
}
