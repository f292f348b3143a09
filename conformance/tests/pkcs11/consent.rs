//! `CKA_ALWAYS_AUTHENTICATE`: the PIN again for each use (PKCS#11 3.1 sections 4.9 and 5.6.8). Here the nodes look.

use conformance::call;
use conformance::session::{P256, Pair, Session, flag, labelled, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

const MESSAGE: &[u8] = &[7; 32];

fn asking(session: &Session<'_>, label: &str) -> Pair {
    let public = [(CKA_EC_PARAMS, P256.to_vec()), on_token(true), labelled(label)];
    let private = [on_token(true), labelled(label), flag(CKA_ALWAYS_AUTHENTICATE, true)];
    session.generate(&public, &private).unwrap()
}

fn sign(session: &Session<'_>, signature: &mut [u8]) -> (CK_RV, usize) {
    let (mut message, mut len) = (MESSAGE.to_vec(), signature.len() as CK_ULONG);
    let (data, data_len) = (message.as_mut_ptr(), message.len() as CK_ULONG);
    let rv = call!(session.module, C_Sign(session.handle, data, data_len, signature.as_mut_ptr(), &mut len));
    (rv, len as usize)
}

#[test]
fn a_key_that_asks_for_the_pin_signs_once_for_each_time_it_is_given() {
    let token = Token::private();
    let session = token.user();
    let key = asking(&session, "asks for the PIN");
    assert_eq!(session.get(key.private, CKA_ALWAYS_AUTHENTICATE), Ok(vec![1]));
    let again = |pin: &str| session.login(CKU_CONTEXT_SPECIFIC, pin);
    let mut signature = [0; 64];
    assert_eq!(session.sign(CKM_ECDSA, key.private, MESSAGE), Err(CKR_USER_NOT_LOGGED_IN));
    for _ in 0..2 {
        assert_eq!(session.sign_init(CKM_ECDSA, key.private), CKR_OK);
        assert_eq!(again("not the pin"), CKR_PIN_INCORRECT);
        assert_ne!(token.info().flags & CKF_USER_PIN_COUNT_LOW, 0);
        assert_eq!(again(&token.lab.pin), CKR_OK);
        assert_eq!(token.info().flags & CKF_USER_PIN_COUNT_LOW, 0);
        assert_eq!(sign(&session, &mut signature), (CKR_OK, 64));
        assert_eq!(session.verify(CKM_ECDSA, key.public, MESSAGE, &signature), CKR_OK);
    }
    assert_eq!(again(&token.lab.pin), CKR_OPERATION_NOT_INITIALIZED);
    // The session's login has seen nothing of it.
    let plain = session.p256("does not ask");
    assert!(session.sign(CKM_ECDSA, plain.private, MESSAGE).is_ok());
}

#[test]
fn a_copy_asks_too() {
    let token = Token::shared();
    let session = token.user();
    let key = asking(&session, "copied");
    let free = session.copy(key.private, &[flag(CKA_ALWAYS_AUTHENTICATE, false)]);
    assert_eq!(free, Err(CKR_ATTRIBUTE_READ_ONLY));
    let copy = session.copy(key.private, &[labelled("a copy")]).unwrap();
    assert_eq!(session.sign(CKM_ECDSA, copy, MESSAGE), Err(CKR_USER_NOT_LOGGED_IN));
    for object in [key.public, key.private, copy] {
        assert_eq!(session.destroy(object), CKR_OK);
    }
}
