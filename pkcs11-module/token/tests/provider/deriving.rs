//! `C_DeriveKey`: what is derived, what its template may ask for, and what of it is revealed.

use cryptoki_sys::*;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use token::{Error, KeyPairHandles, MechanismCall, Parameter};

use crate::support::{Application, INCONSISTENT, Items, P256_OID, private_template};

/// The other side's private key.
fn own() -> p256::SecretKey {
    p256::SecretKey::from_slice(&[9; 32]).unwrap()
}

fn peer() -> Vec<u8> {
    own().public_key().to_encoded_point(false).as_bytes().to_vec()
}

fn pair(application: &Application, session: u64) -> KeyPairHandles {
    let public = Items::new().bool(CKA_TOKEN, true).bytes(CKA_EC_PARAMS, P256_OID);
    application.generate(session, &public, &private_template().bool(CKA_DERIVE, true)).unwrap()
}

/// What the other side computes.
fn agreed(application: &Application, session: u64, pair: &KeyPairHandles) -> Vec<u8> {
    let point = application.get(session, pair.public, CKA_EC_POINT).unwrap();
    let public = p256::PublicKey::from_sec1_bytes(&point[2..]).unwrap();
    let common = public.to_projective() * own().to_nonzero_scalar().as_ref();
    common.to_affine().to_encoded_point(false).x().unwrap().to_vec()
}

fn with<'a>(kdf: u64, shared_data: &'a [u8], public_data: &'a [u8]) -> MechanismCall<'a> {
    MechanismCall {
        id: CKM_ECDH1_DERIVE,
        parameter: Parameter::Ecdh1Derive { kdf, shared_data, public_data },
    }
}

fn generic() -> Items {
    Items::new().ulong(CKA_CLASS, CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
}

fn derive(
    application: &Application,
    session: u64,
    mechanism: MechanismCall<'_>,
    base: u64,
    template: &Items,
) -> Result<u64, Error> {
    template.with(|template| application.provider.derive_key(session, mechanism, base, template))
}

#[test]
fn a_bare_secret_is_the_x_coordinate_and_raw_and_der_points_do() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let expected = agreed(&application, session, &pair);
    let der = [&[4, 65][..], &peer()].concat();
    for id in [CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE] {
        for public_data in [&peer(), &der] {
            let call = MechanismCall { id, ..with(CKD_NULL, &[], public_data) };
            let key = derive(&application, session, call, pair.private, &generic()).unwrap();
            assert_eq!(application.get(session, key, CKA_VALUE).unwrap(), expected);
            let length = application.get(session, key, CKA_VALUE_LEN).unwrap();
            assert_eq!(length, 32_u64.to_ne_bytes());
        }
    }
}

#[test]
fn lengths_follow_key_type_and_template() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let expected = agreed(&application, session, &pair);
    let peer = peer();
    let value = |kdf, template: &Items| {
        let key = derive(&application, session, with(kdf, &[], &peer), pair.private, template)?;
        application.get(session, key, CKA_VALUE)
    };
    let aes = || Items::new().ulong(CKA_KEY_TYPE, CKK_AES);
    // The leading end is removed.
    assert_eq!(value(CKD_NULL, &generic().ulong(CKA_VALUE_LEN, 10)).unwrap(), expected[22..]);
    assert_eq!(value(CKD_NULL, &aes().ulong(CKA_VALUE_LEN, 16)).unwrap(), expected[16..]);
    assert_eq!(value(CKD_NULL, &aes()).unwrap(), expected);
    let long = value(CKD_SHA256_KDF, &generic().ulong(CKA_VALUE_LEN, 100)).unwrap();
    assert_eq!(long.len(), 100);
    assert_eq!(value(CKD_SHA256_KDF, &aes().ulong(CKA_VALUE_LEN, 32)).unwrap(), long[..32]);
    for (kdf, template, error) in [
        (CKD_NULL, generic().ulong(CKA_VALUE_LEN, 33), Error::AttributeValueInvalid),
        (CKD_NULL, generic().ulong(CKA_VALUE_LEN, 0), Error::AttributeValueInvalid),
        (CKD_SHA256_KDF, generic().ulong(CKA_VALUE_LEN, 1 << 40), Error::AttributeValueInvalid),
        (CKD_NULL, aes().ulong(CKA_VALUE_LEN, 17), Error::AttributeValueInvalid),
        (CKD_SHA256_KDF, generic(), Error::TemplateIncomplete),
        (CKD_SHA256_KDF, aes(), Error::TemplateIncomplete),
        (CKD_NULL, Items::new(), Error::TemplateIncomplete),
        (CKD_NULL, Items::new().ulong(CKA_KEY_TYPE, CKK_EC), Error::AttributeValueInvalid),
        (CKD_NULL, aes().ulong(CKA_CLASS, CKO_PRIVATE_KEY), INCONSISTENT),
        (CKD_NULL, generic().bytes(CKA_VALUE, &[1]), Error::AttributeReadOnly),
        (CKD_NULL, generic().bytes(CKA_EC_PARAMS, P256_OID), INCONSISTENT),
    ] {
        assert_eq!(value(kdf, &template).map_err(|e| e.rv()), Err(error.rv()), "{template:?}");
    }
}

/// What is in the application's memory is not called sensitive, and does not go to the nodes.
#[test]
fn what_cannot_be_kept_from_the_application_is_refused() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let peer = peer();
    let make =
        |template: &Items| derive(&application, session, with(CKD_NULL, &[], &peer), pair.private, template);
    for (template, error) in [
        (generic().bool(CKA_SENSITIVE, true), Error::AttributeValueInvalid),
        (generic().bool(CKA_EXTRACTABLE, false), Error::AttributeValueInvalid),
        (generic().bool(CKA_TOKEN, true), INCONSISTENT),
        (generic().bool(CKA_NEVER_EXTRACTABLE, true), Error::AttributeReadOnly),
    ] {
        assert_eq!(make(&template).map_err(|e| e.rv()), Err(error.rv()), "{template:?}");
    }
    let key = make(&generic().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)).unwrap();
    for id in [CKA_TOKEN, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL] {
        assert!(!application.get_bool(session, key, id), "{id:#x}");
    }
    assert!(application.get_bool(session, key, CKA_EXTRACTABLE));
    let set = |items: Items| application.set(session, key, &items);
    assert_eq!(set(Items::new().bool(CKA_SENSITIVE, true)), Err(Error::AttributeReadOnly));
    assert_eq!(set(Items::new().bool(CKA_EXTRACTABLE, false)), Err(Error::AttributeReadOnly));
    let onto_token = Items::new().bool(CKA_TOKEN, true);
    let copied = application.copy(session, key, &onto_token).map_err(|error| error.rv());
    assert_eq!(copied, Err(CKR_TEMPLATE_INCONSISTENT));
}

#[test]
fn a_derived_key_lives_with_its_session_and_keeps_its_value_through_changes() {
    let application = Application::new();
    let (session, other) = (application.user(), application.session());
    let pair = pair(&application, session);
    let expected = agreed(&application, session, &pair);
    let peer = peer();
    let template = generic().bytes(CKA_LABEL, b"first");
    let key = derive(&application, session, with(CKD_NULL, &[], &peer), pair.private, &template).unwrap();
    application.set(session, key, &Items::new().bytes(CKA_LABEL, b"second")).unwrap();
    let copy = application.copy(session, key, &Items::new()).unwrap();
    for key in [key, copy] {
        assert_eq!(application.get(other, key, CKA_VALUE).unwrap(), expected);
        assert_eq!(application.get(other, key, CKA_LABEL).unwrap(), b"second");
    }
    assert!(application.provider.object_size(session, key).unwrap() > 32);
    let found = application.find(other, &Items::new().ulong(CKA_CLASS, CKO_SECRET_KEY));
    assert_eq!(found, [key, copy]);
    // A search cannot test guesses of a value.
    assert_eq!(application.find(other, &Items::new().bytes(CKA_VALUE, &expected)), [0; 0]);
    // C_DigestKey has something to digest now.
    application.provider.digest_init(other, Some(crate::support::call(CKM_SHA256))).unwrap();
    application.provider.digest_key(other, key).unwrap();
    let mut digest = crate::support::Buffer::of(32);
    application.provider.digest_final(other, &mut digest).unwrap();
    assert_eq!(digest.bytes, <sha2::Sha256 as sha2::Digest>::digest(&expected).as_slice());
    application.provider.close_session(session).unwrap();
    assert_eq!(application.get(other, key, CKA_VALUE), Err(Error::ObjectHandleInvalid));
}

#[test]
fn bad_parameters_and_keys_get_their_codes() {
    let application = Application::new();
    let session = application.user();
    let pair = pair(&application, session);
    let peer = peer();
    let try_with = |call, base| derive(&application, session, call, base, &generic());
    let mut off_curve = peer.clone();
    off_curve[64] ^= 1;
    let mut compressed = peer[..33].to_vec();
    compressed[0] = 2;
    let infinity = [0];
    for public_data in [&[][..], &infinity, &off_curve, &compressed, &peer[..64], &[4; 65], &[0; 65]] {
        let result = try_with(with(CKD_NULL, &[], public_data), pair.private);
        assert_eq!(result, Err(Error::MechanismParamInvalid), "{public_data:?}");
    }
    let unknown = with(CKD_SHA3_256_KDF, &[], &peer);
    assert_eq!(try_with(unknown, pair.private), Err(Error::MechanismParamInvalid));
    let shared = with(CKD_NULL, b"info", &peer);
    assert_eq!(try_with(shared, pair.private), Err(Error::MechanismParamInvalid));
    let none = MechanismCall { id: CKM_ECDH1_DERIVE, parameter: Parameter::NONE };
    assert_eq!(try_with(none, pair.private), Err(Error::MechanismParamInvalid));
    let signing = MechanismCall { id: CKM_ECDSA, ..with(CKD_NULL, &[], &peer) };
    assert_eq!(try_with(signing, pair.private), Err(Error::MechanismInvalid));
    let good = with(CKD_NULL, &[], &peer);
    assert_eq!(try_with(good, pair.public), Err(Error::KeyTypeInconsistent));
    assert_eq!(try_with(good, 0), Err(Error::KeyHandleInvalid));
    let signs = application.pair(session);
    assert_eq!(try_with(good, signs.private), Err(Error::KeyFunctionNotPermitted));
    application.backend.set_reachable(false);
    assert!(matches!(try_with(good, pair.private), Err(Error::Backend(_))));
}
