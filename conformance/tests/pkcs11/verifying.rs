//! Verification, with keys of the token and of others.

use conformance::call;
use conformance::session::{P256, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use sha2::Digest;

/// A public key as another application would import it, and its signature over `message`.
fn foreign(message: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let key = SigningKey::from_slice(&[0x17; 32]).unwrap();
    let signature: p256::ecdsa::Signature = key.sign_prehash(&sha2::Sha256::digest(message)).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    ([&[4, 65], point.as_bytes()].concat(), signature.to_bytes().to_vec())
}

#[test]
fn our_signatures_verify_and_others_do_not() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("verify");
    let mut signature = session.sign(CKM_ECDSA_SHA256, pair.private, b"message").unwrap();
    let verify =
        |data: &[u8], signature: &[u8]| session.verify(CKM_ECDSA_SHA256, pair.public, data, signature);
    assert_eq!(verify(b"message", &signature), CKR_OK);
    assert_eq!(verify(b"massage", &signature), CKR_SIGNATURE_INVALID);
    assert_eq!(verify(b"message", &signature[..63]), CKR_SIGNATURE_LEN_RANGE);
    assert_eq!(verify(b"message", &[0; 64]), CKR_SIGNATURE_INVALID);
    assert_eq!(verify(b"message", &[0xff; 64]), CKR_SIGNATURE_INVALID);
    signature[40] ^= 1;
    assert_eq!(verify(b"message", &signature), CKR_SIGNATURE_INVALID);
}

#[test]
fn an_imported_key_verifies_without_a_login() {
    let token = Token::shared();
    let session = token.session(0);
    let (point, signature) = foreign(b"message");
    let key = session
        .create(&[
            number(CKA_CLASS, CKO_PUBLIC_KEY),
            number(CKA_KEY_TYPE, CKK_EC),
            (CKA_EC_PARAMS, P256.to_vec()),
            (CKA_EC_POINT, point.clone()),
            on_token(false),
        ])
        .unwrap();
    assert_eq!(session.verify(CKM_ECDSA_SHA256, key, b"message", &signature), CKR_OK);
    assert_eq!(session.get(key, CKA_LOCAL), Ok(vec![CK_FALSE]));
    let mut off_the_curve = point;
    off_the_curve[40] ^= 1;
    let refused = session.create(&[
        number(CKA_CLASS, CKO_PUBLIC_KEY),
        number(CKA_KEY_TYPE, CKK_EC),
        (CKA_EC_PARAMS, P256.to_vec()),
        (CKA_EC_POINT, off_the_curve),
    ]);
    assert!(matches!(refused, Err(CKR_PUBLIC_KEY_INVALID | CKR_ATTRIBUTE_VALUE_INVALID)), "{refused:x?}");
}

#[test]
fn parts_are_verified_as_one_message() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("verify parts");
    let mut signature = session.sign(CKM_ECDSA_SHA384, pair.private, b"two parts").unwrap();
    assert_eq!(session.verify_init(CKM_ECDSA_SHA384, pair.public), CKR_OK);
    for part in [&b"two "[..], b"parts"] {
        let (at, len) = (part.as_ptr().cast_mut(), part.len() as CK_ULONG);
        assert_eq!(call!(token.module, C_VerifyUpdate(session.handle, at, len)), CKR_OK);
    }
    assert_eq!(call!(token.module, C_VerifyFinal(session.handle, signature.as_mut_ptr(), 64)), CKR_OK);
    let rv = call!(token.module, C_VerifyFinal(session.handle, signature.as_mut_ptr(), 64));
    assert_eq!(rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_private_key_does_not_verify() {
    let token = Token::shared();
    let session = token.user();
    let pair = session.p256("verify private");
    let rv = session.verify_init(CKM_ECDSA, pair.private);
    assert!(matches!(rv, CKR_KEY_FUNCTION_NOT_PERMITTED | CKR_KEY_TYPE_INCONSISTENT), "{rv:#x}");
    assert_eq!(session.verify_init(CKM_SHA256, pair.public), CKR_MECHANISM_INVALID);
}
