//! C_Sign*, C_Verify*.

use cryptoki_sys::*;
use token::Error;

use crate::support::*;

#[test]
fn every_mechanism_signs_and_verifies_at_once_and_in_parts() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let provider = &application.provider;
    let data = [7; 48];
    for mechanism in application.ec_mechanisms(CKF_SIGN) {
        let at_once = application.sign(session, mechanism, pair.private, &data).unwrap();
        provider.sign_init(session, Some(call(mechanism)), pair.private).unwrap();
        for part in data.chunks(10) {
            provider.sign_update(session, part).unwrap();
        }
        let mut in_parts = Buffer::of(100);
        provider.sign_final(session, &mut in_parts).unwrap();
        for signature in [at_once, in_parts.bytes] {
            assert_eq!(signature.len(), 64);
            application.verify(session, mechanism, pair.public, &data, &signature).unwrap();
            provider.verify_init(session, Some(call(mechanism)), pair.public).unwrap();
            provider.verify_update(session, &data[..5]).unwrap();
            provider.verify_update(session, &data[5..]).unwrap();
            provider.verify_final(session, &signature).unwrap();
        }
    }
}

#[test]
fn every_curve_signs_digests_shorter_and_longer_than_its_order() {
    let application = Application::new();
    let session = application.user();
    for (params, _, bytes) in CURVES {
        let pair = application.pair_on(session, params);
        for length in [1, 20, bytes - 1, bytes, bytes + 1, 64] {
            let digest: Vec<u8> = (1..=length as u8).collect();
            let signature = application.sign(session, CKM_ECDSA, pair.private, &digest).unwrap();
            assert_eq!(signature.len(), 2 * bytes);
            let verify =
                |digest: &[u8]| application.verify(session, CKM_ECDSA, pair.public, digest, &signature);
            let padded = [vec![0; bytes.saturating_sub(length)], digest.clone()].concat();
            verify(&digest).unwrap();
            verify(&padded[..bytes]).unwrap();
            assert_eq!(verify(&[0x5a; 32]), Err(Error::SignatureInvalid));
        }
        for mechanism in application.ec_mechanisms(CKF_SIGN) {
            let signature =
                application.sign(session, mechanism, pair.private, b"a digest or a text").unwrap();
            application.verify(session, mechanism, pair.public, b"a digest or a text", &signature).unwrap();
        }
        let short = application.verify(session, CKM_ECDSA, pair.public, &[1; 32], &vec![1; 2 * bytes - 1]);
        assert_eq!(short, Err(Error::SignatureLenRange));
    }
}

#[test]
fn schnorr_signs_messages_of_any_length_with_the_keys_of_its_curve() {
    let application = Application::new();
    let session = application.user();
    let [p256, p384, secp256k1] = CURVES.map(|(params, ..)| application.pair_on(session, params));
    for (mechanism, pair, other, bytes) in
        [(FROST_P256, &p256, &secp256k1, 65), (BIP340, &secp256k1, &p256, 64)]
    {
        for message in [&b""[..], b"message", &[7; 48], &[7; 5_000]] {
            let signature = application.sign(session, mechanism, pair.private, message).unwrap();
            assert_eq!(signature.len(), bytes);
            let verify =
                |message: &[u8]| application.verify(session, mechanism, pair.public, message, &signature);
            verify(message).unwrap();
            assert_eq!(verify(&[message, b"x"].concat()), Err(Error::SignatureInvalid));
        }
        for wrong in [&p384, other] {
            let refused = application.sign(session, mechanism, wrong.private, b"message");
            assert_eq!(refused, Err(Error::KeyTypeInconsistent));
            let refused = application.verify(session, mechanism, wrong.public, b"message", &[1; 65]);
            assert_eq!(refused, Err(Error::KeyTypeInconsistent));
        }
    }
}

#[test]
fn a_hashed_signature_is_one_over_the_digest() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let signature = application.sign(session, CKM_ECDSA_SHA256, pair.private, b"abc").unwrap();
    let digest = hex::decode("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
    application.verify(session, CKM_ECDSA, pair.public, &digest, &signature).unwrap();
}

#[test]
fn a_long_digest_counts_with_its_leftmost_bytes() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let digest: Vec<u8> = (0..64).collect();
    let signature = application.sign(session, CKM_ECDSA, pair.private, &digest).unwrap();
    application.verify(session, CKM_ECDSA, pair.public, &digest[..32], &signature).unwrap();
    for bad in [&[][..], &[1; 65]] {
        assert_eq!(application.sign(session, CKM_ECDSA, pair.private, bad), Err(Error::DataLenRange));
    }
}

#[test]
fn wrong_signatures_are_told_from_those_of_wrong_length() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let mut signature = application.sign(session, CKM_ECDSA_SHA256, pair.private, b"message").unwrap();
    let verify = |data: &[u8], signature: &[u8]| {
        application.verify(session, CKM_ECDSA_SHA256, pair.public, data, signature)
    };
    assert_eq!(verify(b"massage", &signature), Err(Error::SignatureInvalid));
    assert_eq!(verify(b"message", &signature[..63]), Err(Error::SignatureLenRange));
    assert_eq!(verify(b"message", &[0xff; 64]), Err(Error::SignatureInvalid));
    signature[0] ^= 1;
    assert_eq!(verify(b"message", &signature), Err(Error::SignatureInvalid));
}

#[test]
fn a_length_query_keeps_the_operation_active_and_asks_no_backend() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let provider = &application.provider;
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), pair.private).unwrap();
    let (mut null, mut small, mut good) = (Buffer::null(), Buffer::of(63), Buffer::of(64));
    provider.sign(session, b"message", &mut null).unwrap();
    assert_eq!(provider.sign(session, b"message", &mut small), Err(Error::BufferTooSmall));
    assert_eq!((null.length, small.length), (Some(64), Some(64)));
    assert_eq!(application.backend.signatures(), 0);
    provider.sign(session, b"message", &mut good).unwrap();
    application.verify(session, CKM_ECDSA_SHA256, pair.public, b"message", &good.bytes).unwrap();
    assert_eq!(provider.sign(session, b"message", &mut good), Err(Error::OperationNotInitialized));
}

#[test]
fn a_length_query_of_the_final_call_keeps_the_parts() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let provider = &application.provider;
    provider.sign_init(session, Some(call(CKM_ECDSA_SHA256)), pair.private).unwrap();
    provider.sign_update(session, b"mess").unwrap();
    provider.sign_final(session, &mut Buffer::null()).unwrap();
    assert_eq!(provider.sign_final(session, &mut Buffer::of(0)), Err(Error::BufferTooSmall));
    provider.sign_update(session, b"age").unwrap();
    let mut signature = Buffer::of(64);
    provider.sign_final(session, &mut signature).unwrap();
    application.verify(session, CKM_ECDSA_SHA256, pair.public, b"message", &signature.bytes).unwrap();
}

#[test]
fn a_second_init_is_refused_and_a_null_mechanism_cancels() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let provider = &application.provider;
    let init = |mechanism| provider.sign_init(session, mechanism, pair.private);
    init(Some(call(CKM_ECDSA))).unwrap();
    assert_eq!(init(Some(call(CKM_ECDSA))), Err(Error::OperationActive));
    provider.verify_init(session, Some(call(CKM_ECDSA)), pair.public).unwrap();
    init(None).unwrap();
    assert_eq!(provider.sign_update(session, b""), Err(Error::OperationNotInitialized));
    provider.verify_update(session, b"goes on").unwrap();
    provider.verify_init(session, None, 0).unwrap();
    assert_eq!(provider.verify_update(session, b""), Err(Error::OperationNotInitialized));
    init(Some(call(CKM_ECDSA))).unwrap();
}

#[test]
fn a_wrong_key_is_refused_by_what_is_wrong_with_it() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let data = application.create(session, &data_template("x")).unwrap();
    let sign = |key| application.provider.sign_init(session, Some(call(CKM_ECDSA)), key);
    let verify = |key| application.provider.verify_init(session, Some(call(CKM_ECDSA)), key);
    assert_eq!(sign(0), Err(Error::KeyHandleInvalid));
    assert_eq!(sign(data), Err(Error::KeyHandleInvalid));
    assert_eq!(sign(pair.public), Err(Error::KeyTypeInconsistent));
    assert_eq!(verify(pair.private), Err(Error::KeyTypeInconsistent));
    application.set(session, pair.private, &Items::new().bool(CKA_SIGN, false)).unwrap();
    assert_eq!(sign(pair.private), Err(Error::KeyFunctionNotPermitted));
    application.set(session, pair.public, &Items::new().bool(CKA_VERIFY, false)).unwrap();
    assert_eq!(verify(pair.public), Err(Error::KeyFunctionNotPermitted));
    let digest = application.provider.sign_init(session, Some(call(CKM_SHA256)), pair.private);
    assert_eq!(digest, Err(Error::MechanismInvalid));
}

#[test]
fn after_logout_a_key_is_gone_and_a_running_signature_fails() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    application.provider.sign_init(session, Some(call(CKM_ECDSA)), pair.private).unwrap();
    application.provider.logout(session).unwrap();
    let refused = application.provider.sign(session, &[1; 32], &mut Buffer::of(64));
    assert_eq!(refused.unwrap_err().rv(), CKR_USER_NOT_LOGGED_IN);
    let refused = application.provider.sign_init(session, Some(call(CKM_ECDSA)), pair.private);
    assert_eq!(refused, Err(Error::KeyHandleInvalid));
}

#[test]
fn a_read_only_session_signs_too() {
    let application = Application::new();
    let pair = application.pair(application.user());
    let session = application.read_only();
    application.sign(session, CKM_ECDSA, pair.private, &[1; 32]).unwrap();
}
