//! Private keys of sessions (PKCS#11 3.1 sections 5.6.1 and 4.4: `CKA_TOKEN` false).

use conformance::session::{ED25519, P256, Pair, Session, X25519, flag, labelled, on_token};
use conformance::token::Token;
use cryptoki_sys::*;
use curve25519_dalek::constants::X25519_BASEPOINT;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;

use crate::importing::{agree, private_key};

fn generate(session: &Session<'_>, label: &str) -> Pair {
    let public = [(CKA_EC_PARAMS, P256.to_vec())];
    session.generate(&public, &[labelled(label), flag(CKA_SIGN, true)]).unwrap()
}

#[test]
fn a_session_key_signs_and_goes_with_its_session() {
    let token = Token::shared();
    let (session, other) = (token.user(), token.session(CKF_RW_SESSION));
    let label = format!("session key {}", std::process::id());
    let pair = generate(&session, &label);
    assert_eq!(session.get(pair.private, CKA_TOKEN), Ok(vec![CK_FALSE]));
    for kind in [CKA_LOCAL, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_PRIVATE] {
        assert_eq!(session.get(pair.private, kind), Ok(vec![CK_TRUE]), "{kind:#x}");
    }
    for _ in 0..3 {
        let signature = other.sign(CKM_ECDSA, pair.private, &[7; 32]).unwrap();
        assert_eq!(session.verify(CKM_ECDSA, pair.public, &[7; 32], &signature), CKR_OK);
    }
    assert_eq!(other.find(&[labelled(&label)]), Ok(vec![pair.private]));
    assert_eq!(session.close(), CKR_OK);
    assert_eq!(other.sign_init(CKM_ECDSA, pair.private), CKR_KEY_HANDLE_INVALID);
    assert_eq!(other.find(&[labelled(&label)]), Ok(vec![]));
}

#[test]
fn a_session_key_is_private_and_goes_with_the_login() {
    let token = Token::shared();
    let session = token.user();
    let pair = generate(&session, "of a login");
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.get(pair.private, CKA_LABEL), Err(CKR_OBJECT_HANDLE_INVALID));
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_KEY_HANDLE_INVALID);
}

#[test]
fn a_session_key_becomes_a_token_key_by_copying_as_java_does() {
    let token = Token::shared();
    let session = token.user();
    let pair = generate(&session, "to be kept");
    let id = format!("kept {}", std::process::id()).into_bytes();
    // keytool signs its certificate first, then stores the key.
    session.sign(CKM_ECDSA, pair.private, &[7; 32]).unwrap();
    let kept = session.copy(pair.private, &[on_token(true), (CKA_ID, id.clone())]).unwrap();
    for kind in [CKA_TOKEN, CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        assert_eq!(session.get(kept, kind), Ok(vec![CK_TRUE]), "{kind:#x}");
    }
    let point = session.get(pair.public, CKA_EC_POINT).unwrap();
    assert_eq!(session.close(), CKR_OK);
    let session = token.user();
    let found = session.find(&[(CKA_ID, id)]).unwrap();
    assert_eq!(found.len(), 1);
    let public = [
        (CKA_CLASS, CKO_PUBLIC_KEY.to_ne_bytes().to_vec()),
        (CKA_KEY_TYPE, CKK_EC.to_ne_bytes().to_vec()),
        (CKA_EC_PARAMS, P256.to_vec()),
        (CKA_EC_POINT, point),
    ];
    let public = session.create(&public).unwrap();
    let signature = session.sign(CKM_ECDSA, found[0], &[7; 32]).unwrap();
    assert_eq!(session.verify(CKM_ECDSA, public, &[7; 32], &signature), CKR_OK);
    assert_eq!(session.destroy(found[0]), CKR_OK);
}

#[test]
fn a_session_that_only_reads_makes_session_keys() {
    let token = Token::shared();
    let reading = token.session(0);
    assert_eq!(reading.login(CKU_USER, &token.lab.pin), CKR_OK);
    let pair = generate(&reading, "by a reader");
    assert!(reading.sign(CKM_ECDSA, pair.private, &[1; 32]).is_ok());
    assert_eq!(reading.copy(pair.private, &[on_token(true)]).unwrap_err(), CKR_SESSION_READ_ONLY);
}

/// A private key that is brought along may be this session's too.
#[test]
fn an_imported_session_key_works_and_goes_with_its_session() {
    let token = Token::shared();
    let (session, other) = (token.user(), token.session(CKF_RW_SESSION));
    let label = labelled(&format!("imported for a session {}", std::process::id()));
    let import = |session: &Session<'_>, params: &[u8], usage| {
        let more = [label.clone(), flag(usage, true)];
        let mut template = private_key(params, &[5; 32], &more);
        template.retain(|(kind, _)| *kind != CKA_TOKEN);
        session.create(&template)
    };
    let key = import(&session, &P256, CKA_SIGN).unwrap();
    for kind in [CKA_TOKEN, CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE] {
        assert_eq!(session.get(key, kind), Ok(vec![CK_FALSE]), "{kind:#x}");
    }
    assert_eq!(session.get(key, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
    let signature = other.sign(CKM_ECDSA, key, &[7; 32]).unwrap();
    let own = p256::ecdsa::SigningKey::from_slice(&[5; 32]).unwrap();
    let parsed = p256::ecdsa::Signature::from_slice(&signature).unwrap();
    own.verifying_key().verify_prehash(&[7; 32], &parsed).expect("the signature is good");
    let edwards = import(&session, &ED25519, CKA_SIGN).unwrap();
    assert_eq!(session.sign(CKM_EDDSA, edwards, &[7; 32]).map(|signature| signature.len()), Ok(64));
    let montgomery = import(&session, &X25519, CKA_DERIVE).unwrap();
    let shared = X25519_BASEPOINT.mul_clamped([5; 32]).to_bytes();
    assert_eq!(agree(&session, montgomery, &X25519_BASEPOINT.to_bytes()).unwrap(), shared);
    assert_eq!(other.find(std::slice::from_ref(&label)).unwrap().len(), 3);
    assert_eq!(session.close(), CKR_OK);
    assert_eq!(other.sign_init(CKM_ECDSA, key), CKR_KEY_HANDLE_INVALID);
    assert_eq!(other.find(std::slice::from_ref(&label)), Ok(vec![]));
}

/// As pkcs11-provider does with a key that it has found.
#[test]
fn a_token_key_is_copied_for_a_session() {
    let token = Token::shared();
    let (session, other) = (token.user(), token.session(CKF_RW_SESSION));
    let label = labelled(&format!("copied for a session {}", std::process::id()));
    let public = [(CKA_EC_PARAMS, P256.to_vec())];
    let pair = session.generate(&public, &[label.clone(), on_token(true), flag(CKA_SIGN, true)]).unwrap();
    let copy = session.copy(pair.private, &[on_token(false)]).unwrap();
    for kind in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        assert_eq!(session.get(copy, kind), Ok(vec![CK_TRUE]), "{kind:#x}");
    }
    assert_eq!(session.get(copy, CKA_TOKEN), Ok(vec![CK_FALSE]));
    let signature = session.sign(CKM_ECDSA, copy, &[7; 32]).unwrap();
    assert_eq!(session.verify(CKM_ECDSA, pair.public, &[7; 32], &signature), CKR_OK);
    assert_eq!(session.destroy(copy), CKR_OK);
    assert!(session.sign(CKM_ECDSA, pair.private, &[7; 32]).is_ok());
    session.copy(pair.private, &[on_token(false)]).unwrap();
    assert_eq!(session.close(), CKR_OK);
    let left = other.find(&[label, (CKA_CLASS, CKO_PRIVATE_KEY.to_ne_bytes().to_vec())]).unwrap();
    assert_eq!(left.len(), 1, "the key on the token");
    assert_eq!(other.destroy(left[0]), CKR_OK);
}
