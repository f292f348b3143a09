//! Signatures. Each is checked by another implementation of ECDSA.

use std::ptr::null_mut;

use conformance::call;
use conformance::mechanisms::{Mechanism, listed};
use conformance::session::{P256, P384, SECP256K1, Session, flag, labelled, on_token};
use conformance::token::Token;
use cryptoki_sys::*;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::Digest;

/// The key as any application reads it from the token.
fn verifying_key(session: &Session<'_>, public: CK_OBJECT_HANDLE) -> VerifyingKey {
    let point = session.get(public, CKA_EC_POINT).unwrap();
    assert_eq!(point[..2], [4, 65], "a DER OCTET STRING");
    VerifyingKey::from_sec1_bytes(&point[2..]).unwrap()
}

/// Hash functions that ECDSA is listed with.
const DIGESTS: usize = 9;

fn check(key: &VerifyingKey, digest: &[u8], signature: &[u8]) {
    assert_eq!(signature.len(), 64);
    key.verify_prehash(digest, &Signature::from_slice(signature).unwrap()).expect("the signature is good");
}

#[test]
fn hashed_mechanisms_sign_what_they_hash() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("hashed");
    let key = verifying_key(&session, pair.public);
    let message = b"a message of some length";
    let digests: [_; DIGESTS] = [
        (CKM_ECDSA_SHA1, sha1::Sha1::digest(message).to_vec()),
        (CKM_ECDSA_SHA224, sha2::Sha224::digest(message).to_vec()),
        (CKM_ECDSA_SHA256, sha2::Sha256::digest(message).to_vec()),
        (CKM_ECDSA_SHA384, sha2::Sha384::digest(message).to_vec()),
        (CKM_ECDSA_SHA512, sha2::Sha512::digest(message).to_vec()),
        (CKM_ECDSA_SHA3_224, sha3::Sha3_224::digest(message).to_vec()),
        (CKM_ECDSA_SHA3_256, sha3::Sha3_256::digest(message).to_vec()),
        (CKM_ECDSA_SHA3_384, sha3::Sha3_384::digest(message).to_vec()),
        (CKM_ECDSA_SHA3_512, sha3::Sha3_512::digest(message).to_vec()),
    ];
    for (mechanism, digest) in digests {
        let signature = session.sign(mechanism, pair.private, message).unwrap();
        // FIPS 186-5 section 6.4: a digest shorter than the order is a number with leading zeros.
        let padded = [vec![0; 32usize.saturating_sub(digest.len())], digest].concat();
        check(&key, &padded, &signature);
    }
    let hashed = |mechanism: &Mechanism| mechanism.name.starts_with("CKM_ECDSA_SHA");
    assert_eq!(listed(&token).iter().filter(|mechanism| hashed(mechanism)).count(), DIGESTS);
}

/// On one curve, named in two ways: generate, sign, and check with another implementation and with our own.
macro_rules! signs_on {
    ($test:ident, $portable:ident, $oid:expr, $name:literal, $bytes:literal) => {
        #[test]
        fn $test() {
            use $portable::ecdsa::{Signature, VerifyingKey};
            let token = Token::shared();
            let session = token.user();
            let name = [&[0x13, $name.len() as u8], $name.as_bytes()].concat();
            for params in [&$oid[..], &name] {
                let pair = session.pair_on(params, $name);
                assert_eq!(session.get(pair.private, CKA_EC_PARAMS), Ok($oid.to_vec()));
                assert_eq!(session.get(pair.public, CKA_EC_PARAMS), Ok($oid.to_vec()));
                let point = session.get(pair.public, CKA_EC_POINT).unwrap();
                assert_eq!(point[..3], [4, 1 + 2 * $bytes, 4], "a DER OCTET STRING around a SEC1 point");
                let key = VerifyingKey::from_sec1_bytes(&point[2..]).unwrap();
                let message = b"a message of some length";
                let digests = [
                    (CKM_ECDSA, message.to_vec(), message.to_vec()),
                    (CKM_ECDSA_SHA256, message.to_vec(), sha2::Sha256::digest(message).to_vec()),
                    (CKM_ECDSA_SHA384, message.to_vec(), sha2::Sha384::digest(message).to_vec()),
                    (CKM_ECDSA_SHA512, message.to_vec(), sha2::Sha512::digest(message).to_vec()),
                ];
                for (mechanism, data, digest) in digests {
                    let signature = session.sign(mechanism, pair.private, &data).unwrap();
                    assert_eq!(signature.len(), 2 * $bytes);
                    let padded = [vec![0; usize::saturating_sub($bytes, digest.len())], digest].concat();
                    let parsed = Signature::from_slice(&signature).unwrap();
                    key.verify_prehash(&padded[..$bytes], &parsed).expect("the signature is good");
                    assert_eq!(session.verify(mechanism, pair.public, &data, &signature), CKR_OK);
                    let other = session.verify(mechanism, pair.public, b"another message", &signature);
                    assert_eq!(other, CKR_SIGNATURE_INVALID);
                }
            }
        }
    };
}

signs_on!(secp384r1_signs, p384, P384, "secp384r1", 48);
signs_on!(secp256k1_signs, k256, SECP256K1, "secp256k1", 32);

#[test]
fn raw_ecdsa_takes_digests_of_any_hash() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("raw");
    let key = verifying_key(&session, pair.public);
    for len in [20, 28, 32, 48, 64] {
        let digest = vec![0xa5; len];
        let signature = session.sign(CKM_ECDSA, pair.private, &digest).unwrap();
        let padded = [vec![0; 32usize.saturating_sub(len)], digest].concat();
        check(&key, &padded[..32], &signature);
    }
    let two = [0; 2].map(|_| session.sign(CKM_ECDSA, pair.private, &[7; 32]).unwrap());
    assert_ne!(two[0][..32], two[1][..32], "the same nonce twice");
    assert_eq!(session.sign(CKM_ECDSA, pair.private, &[7; 1000]), Err(CKR_DATA_LEN_RANGE));
}

#[test]
fn parts_are_signed_as_one_message() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("parts");
    assert_eq!(session.sign_init(CKM_ECDSA_SHA256, pair.private), CKR_OK);
    for part in [&b"in "[..], b"three ", b"parts"] {
        let rv = call!(
            token.module,
            C_SignUpdate(session.handle, part.as_ptr().cast_mut(), part.len() as CK_ULONG)
        );
        assert_eq!(rv, CKR_OK);
    }
    let (mut signature, mut len) = ([0u8; 64], 0);
    assert_eq!(call!(token.module, C_SignFinal(session.handle, null_mut(), &mut len)), CKR_OK);
    assert_eq!(len, 64);
    assert_eq!(call!(token.module, C_SignFinal(session.handle, signature.as_mut_ptr(), &mut len)), CKR_OK);
    let digest = sha2::Sha256::digest(b"in three parts");
    check(&verifying_key(&session, pair.public), &digest, &signature);
}

#[test]
fn length_query_keeps_operation_active() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("length");
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_OK);
    let (mut digest, mut signature, mut len) = ([9u8; 32], [0u8; 64], 0);
    let data = digest.as_mut_ptr();
    for _ in 0..2 {
        assert_eq!(call!(token.module, C_Sign(session.handle, data, 32, null_mut(), &mut len)), CKR_OK);
        assert_eq!(len, 64);
    }
    len = 63;
    let out = signature.as_mut_ptr();
    assert_eq!(call!(token.module, C_Sign(session.handle, data, 32, out, &mut len)), CKR_BUFFER_TOO_SMALL);
    assert_eq!((len, signature), (64, [0; 64]));
    assert_eq!(call!(token.module, C_Sign(session.handle, data, 32, out, &mut len)), CKR_OK);
    check(&verifying_key(&session, pair.public), &[9; 32], &signature);
    let rv = call!(token.module, C_Sign(session.handle, data, 32, out, &mut len));
    assert_eq!(rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn the_signature_may_overwrite_the_message() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("in place");
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_OK);
    let (mut buffer, mut len) = ([3u8; 64], 64);
    let at = buffer.as_mut_ptr();
    assert_eq!(call!(token.module, C_Sign(session.handle, at, 32, at, &mut len)), CKR_OK);
    check(&verifying_key(&session, pair.public), &[3; 32], &buffer);
}

#[test]
fn keys_sign_only_as_their_attributes_allow() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("allowed");
    let rv = session.sign_init(CKM_ECDSA, pair.public);
    assert!(matches!(rv, CKR_KEY_FUNCTION_NOT_PERMITTED | CKR_KEY_TYPE_INCONSISTENT), "{rv:#x}");
    assert_eq!(session.sign_init(CKM_ECDSA, 0), CKR_KEY_HANDLE_INVALID);
    assert_eq!(session.sign_init(CKM_ECDSA, CK_ULONG::MAX), CKR_KEY_HANDLE_INVALID);
    assert_eq!(session.sign_init(CKM_RSA_X_509, pair.private), CKR_MECHANISM_INVALID);
    assert_eq!(session.sign_init(CKM_RSA_PKCS, pair.private), CKR_KEY_TYPE_INCONSISTENT);
    assert_eq!(session.set(pair.private, &[flag(CKA_SIGN, false)]), CKR_OK);
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_KEY_FUNCTION_NOT_PERMITTED);
    let only_sha256 = CKM_ECDSA_SHA256.to_ne_bytes().to_vec();
    let public = [(CKA_EC_PARAMS, P256.to_vec()), labelled("limited")];
    let private = [on_token(true), labelled("limited"), (CKA_ALLOWED_MECHANISMS, only_sha256)];
    let limited = session.generate(&public, &private).unwrap();
    assert_eq!(session.sign_init(CKM_ECDSA, limited.private), CKR_MECHANISM_INVALID);
    assert!(session.sign(CKM_ECDSA_SHA256, limited.private, b"x").is_ok());
}

#[test]
fn signing_needs_a_login() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("login");
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_OK);
    assert_eq!(session.logout(), CKR_OK);
    let (mut digest, mut signature, mut len) = ([9u8; 32], [0u8; 64], 64);
    let rv = call!(
        token.module,
        C_Sign(session.handle, digest.as_mut_ptr(), 32, signature.as_mut_ptr(), &mut len)
    );
    let refusals = [CKR_USER_NOT_LOGGED_IN, CKR_OPERATION_NOT_INITIALIZED, CKR_KEY_HANDLE_INVALID];
    assert!(refusals.contains(&rv), "{rv:#x}");
    assert_eq!(signature, [0; 64]);
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_KEY_HANDLE_INVALID);
}

#[test]
fn one_signature_at_a_time_in_a_session() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("one at a time");
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_OK);
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_OPERATION_ACTIVE);
    assert_eq!(call!(token.module, C_SignInit(session.handle, null_mut(), 0)), CKR_OK);
    assert!(session.sign(CKM_ECDSA, pair.private, &[1; 32]).is_ok());
}
