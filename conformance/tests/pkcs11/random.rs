//! Random numbers.

use conformance::call;
use conformance::token::Token;
use cryptoki_sys::*;

#[test]
fn random_bytes_are_not_the_same_twice() {
    let token = Token::shared();
    let session = token.session(0);
    let (one, two) = (session.random(32).unwrap(), session.random(32).unwrap());
    assert_ne!(one, two);
    assert_ne!(one, vec![0; 32]);
    assert_eq!(session.random(0), Ok(vec![]));
    // More than one piece of the module's own buffer; every part is filled.
    let many = session.random(200_000).unwrap();
    assert!(many.chunks(64).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
}

#[test]
fn a_seed_is_mixed_in_and_decides_nothing() {
    let token = Token::shared();
    let session = token.session(0);
    let mut seed = [7u8; 32];
    let mut seeded = || {
        assert_eq!(call!(token.module, C_SeedRandom(session.handle, seed.as_mut_ptr(), 32)), CKR_OK);
        session.random(32).unwrap()
    };
    assert_ne!(seeded(), seeded());
}

#[test]
fn random_numbers_need_a_session() {
    let token = Token::shared();
    let mut bytes = [0u8; 8];
    assert_eq!(call!(token.module, C_GenerateRandom(0, bytes.as_mut_ptr(), 8)), CKR_SESSION_HANDLE_INVALID);
    assert_eq!(bytes, [0; 8]);
}
