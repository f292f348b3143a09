//! Attacks on who may use a key: without a login, by the wrong role, past the counter of wrong PINs, against its usage.

use conformance::attacks::generous_pair;
use conformance::call;
use conformance::session::{P256, flag, labelled, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

/// **Guess the handle of a private object** (enumeration): before a login and after a logout no handle leads to one, not even
/// one that was good.
#[test]
fn a_handle_is_no_capability() {
    let token = Token::shared();
    let session = token.user();
    let key = generous_pair(&session).private;
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.sign_init(CKM_ECDSA, key), CKR_KEY_HANDLE_INVALID);
    for handle in 0..=key + 16 {
        let class = session.get(handle, CKA_PRIVATE);
        assert!(matches!(class, Err(CKR_OBJECT_HANDLE_INVALID)) || class == Ok(vec![CK_FALSE]), "{handle}");
    }
}

/// **Go on with an operation that was started before the logout** (stale authority): the signature is
/// refused, also after the next login.
#[test]
fn a_logout_ends_what_was_started() {
    let token = Token::shared();
    let session = token.user();
    for logs_in_again in [false, true] {
        let key = generous_pair(&session).private;
        assert_eq!(session.sign_init(CKM_ECDSA, key), CKR_OK);
        assert_eq!(session.logout(), CKR_OK);
        if logs_in_again {
            assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_OK);
        }
        let (mut data, mut signature, mut length) = ([1; 8], [0; 64], 64);
        let rv = call!(
            session.module,
            C_Sign(session.handle, data.as_mut_ptr(), 8, signature.as_mut_ptr(), &mut length)
        );
        assert_eq!(rv, CKR_USER_NOT_LOGGED_IN);
        assert_eq!(signature, [0; 64]);
        if !logs_in_again {
            assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_OK);
        }
    }
}

/// **Use keys as the security officer** (role separation): the officer sees no private object, signs nothing and makes no
/// key.
#[test]
fn the_security_officer_uses_no_key() {
    let token = Token::shared();
    let session = token.user();
    let key = generous_pair(&session).private;
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.login(CKU_SO, &token.lab.so_pin), CKR_OK);
    assert_eq!(session.find(&[number(CKA_CLASS, CKO_PRIVATE_KEY)]), Ok(vec![]));
    assert_eq!(session.sign_init(CKM_ECDSA, key), CKR_KEY_HANDLE_INVALID);
    let curve = [(CKA_EC_PARAMS, P256.to_vec())];
    assert_eq!(session.generate(&curve, &[on_token(true)]).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
}

/// **Hide an object from the security officer's reset** (privilege across roles): a user neither sets another's PIN nor
/// initialises the token.
#[test]
fn a_user_does_not_administer() {
    let token = Token::shared();
    let session = token.user();
    assert_eq!(session.init_pin("another-pin-3"), CKR_USER_NOT_LOGGED_IN);
    let mut pin = token.lab.pin.clone().into_bytes();
    let mut label = [b' '; 32];
    let rv = call!(
        token.module,
        C_InitToken(token.slot, pin.as_mut_ptr(), pin.len() as CK_ULONG, label.as_mut_ptr())
    );
    assert_eq!(rv, CKR_SESSION_EXISTS);
}

/// **Use a key against its usage** (Clulow 2003, key separation): a key that may not sign does not, nor does it do what no
/// attribute of it allows.
#[test]
fn a_key_does_what_its_attributes_allow() {
    let token = Token::shared();
    let session = token.user();
    let private = [on_token(true), flag(CKA_SIGN, false), labelled("signs nothing")];
    let pair =
        session.generate(&[(CKA_EC_PARAMS, P256.to_vec()), flag(CKA_VERIFY, false)], &private).unwrap();
    assert_eq!(session.sign_init(CKM_ECDSA, pair.private), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_eq!(session.verify_init(CKM_ECDSA, pair.public), CKR_KEY_FUNCTION_NOT_PERMITTED);
    // The other half is no way round it.
    assert!(matches!(
        session.sign_init(CKM_ECDSA, pair.public),
        CKR_KEY_TYPE_INCONSISTENT | CKR_KEY_FUNCTION_NOT_PERMITTED | CKR_KEY_HANDLE_INVALID
    ));
}

/// **Sign again and again with one nonce** (nonce reuse): two signatures of one digest share no nonce.
#[test]
fn one_digest_has_two_nonces() {
    let token = Token::shared();
    let session = token.user();
    let key = generous_pair(&session).private;
    let sign = || session.sign(CKM_ECDSA, key, &[9; 32]).unwrap();
    let (one, two) = (sign(), sign());
    assert_ne!(one[..32], two[..32]);
}

/// **Choose the token's random numbers** (C_SeedRandom as an attack): a seed decides nothing.
#[test]
fn a_seed_chooses_no_random_number() {
    let token = Token::shared();
    let session = token.user();
    let mut seed = [5; 32];
    let mut random = || {
        let rv = call!(session.module, C_SeedRandom(session.handle, seed.as_mut_ptr(), 32));
        assert_eq!(rv, CKR_OK);
        session.random(32).unwrap()
    };
    assert_ne!(random(), random());
}

/// **Guess the PIN where nobody counts** (C_SetPIN and C_InitToken as oracles; Bortolozzo, Centenaro, Focardi and Steel 2010):
/// each wrong PIN counts, whichever function it comes by.
#[test]
fn wrong_pins_count_wherever_they_come_in() {
    let token = Token::private();
    let session = token.session(CKF_RW_SESSION);
    assert_eq!(token.info().flags & CKF_USER_PIN_COUNT_LOW, 0);
    assert_eq!(session.set_pin("not the pin", "another-pin-4"), CKR_PIN_INCORRECT);
    assert_ne!(token.info().flags & CKF_USER_PIN_COUNT_LOW, 0, "C_SetPIN");
    assert_eq!(session.login(CKU_USER, &token.lab.pin), CKR_OK);
    assert_eq!(token.info().flags & CKF_USER_PIN_COUNT_LOW, 0);
    assert_eq!(session.logout(), CKR_OK);
    assert_eq!(session.close(), CKR_OK);
    let (mut pin, mut label) = (b"not the pin".to_vec(), [b' '; 32]);
    let rv = call!(
        token.module,
        C_InitToken(token.slot, pin.as_mut_ptr(), pin.len() as CK_ULONG, label.as_mut_ptr())
    );
    assert_eq!(rv, CKR_PIN_INCORRECT);
    assert_ne!(token.info().flags & CKF_SO_PIN_COUNT_LOW, 0, "C_InitToken");
    assert_eq!(token.session(CKF_RW_SESSION).login(CKU_SO, &token.lab.so_pin), CKR_OK);
}
