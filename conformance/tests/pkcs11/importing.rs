//! `C_CreateObject` of private keys: they work, they are marked, and what is wrong with them leaves nothing behind.

use conformance::session::{Agreement, Attribute, ED25519, P256, P384, Session, X25519};
use conformance::session::{flag, labelled, number, on_token, readable};
use conformance::token::Token;
use cryptoki_sys::*;

/// A private key on a curve as an application hands it over.
pub fn private_key(params: &[u8], value: &[u8], more: &[Attribute]) -> Vec<Attribute> {
    let kind = match params {
        _ if params == ED25519 => CKK_EC_EDWARDS,
        _ if params == X25519 => CKK_EC_MONTGOMERY,
        _ => CKK_EC,
    };
    let all = [
        number(CKA_CLASS, CKO_PRIVATE_KEY),
        number(CKA_KEY_TYPE, kind),
        on_token(true),
        (CKA_EC_PARAMS, params.to_vec()),
        (CKA_VALUE, value.to_vec()),
    ];
    [&all[..], more].concat()
}

/// Imports a key that may derive.
pub fn import(session: &Session<'_>, params: &[u8], value: &[u8]) -> CK_OBJECT_HANDLE {
    session.create(&private_key(params, value, &[flag(CKA_DERIVE, true)])).expect("C_CreateObject")
}

/// The secret of a key and a point.
pub fn agree(session: &Session<'_>, key: CK_OBJECT_HANDLE, public_data: &[u8]) -> Result<Vec<u8>, CK_RV> {
    let generic = [number(CKA_CLASS, CKO_SECRET_KEY), number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)];
    let generic = [&generic[..], &readable()].concat();
    let agreement = Agreement { kdf: CKD_NULL, shared_data: &[], public_data };
    let secret = session.derive(CKM_ECDH1_DERIVE, key, &agreement, &generic)?;
    let value = session.get(secret, CKA_VALUE)?;
    assert_eq!(session.destroy(secret), CKR_OK);
    Ok(value)
}

#[test]
fn an_imported_key_signs_derives_and_is_marked() {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    let token = Token::shared();
    let session = token.user();
    let key = import(&session, &P256, &[5; 32]);
    let own = p256::ecdsa::SigningKey::from_slice(&[5; 32]).unwrap();
    let signature = session.sign(CKM_ECDSA, key, &[7; 32]).unwrap();
    let parsed = p256::ecdsa::Signature::from_slice(&signature).unwrap();
    own.verifying_key().verify_prehash(&[7; 32], &parsed).expect("the signature is good");
    for kind in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE] {
        assert_eq!(session.get(key, kind), Ok(vec![CK_FALSE]), "{kind:#x}");
    }
    for kind in [CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE] {
        assert_eq!(session.get(key, kind), Ok(vec![CK_TRUE]), "{kind:#x}");
    }
    assert_eq!(session.get(key, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
    assert_eq!(session.destroy(key), CKR_OK);
}

/// RFC 8032, 7.1, test 2: the seed gives the public key, and what the nodes sign is valid under it.
#[test]
fn an_ed25519_key_is_imported_by_its_seed() {
    let token = Token::shared();
    let session = token.user();
    let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let point = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let template = |seed: &[u8], point: &[u8]| private_key(&ED25519, seed, &[(CKA_EC_POINT, point.to_vec())]);
    let key = session.create(&template(&seed, &point)).unwrap();
    assert_eq!(session.get(key, CKA_LOCAL), Ok(vec![CK_FALSE]));
    let signature = session.sign(CKM_EDDSA, key, b"message").unwrap();
    let public = ed25519_dalek::VerifyingKey::from_bytes(&point.clone().try_into().unwrap()).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    public.verify_strict(b"message", &signature).expect("the signature is good");
    assert_eq!(session.destroy(key), CKR_OK);
    let other = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes();
    for (seed, point) in
        [(&seed[..], &other[..]), (&seed[1..], &point), (&[&seed[..], &[0]].concat(), &point)]
    {
        assert_eq!(session.create(&template(seed, point)), Err(CKR_ATTRIBUTE_VALUE_INVALID));
    }
}

#[test]
fn a_key_that_is_none_is_not_stored() {
    let token = Token::shared();
    let session = token.user();
    let label = labelled("never imported");
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let other = p256::SecretKey::from_slice(&[6; 32]).unwrap().public_key();
    let other = p256::elliptic_curve::sec1::ToEncodedPoint::to_encoded_point(&other, false);
    let wrong_half = (CKA_EC_POINT, [&[4, 65][..], other.as_bytes()].concat());
    for (value, more) in [
        (vec![0; 32], vec![]),
        (order, vec![]),
        (vec![0xff; 32], vec![]),
        (vec![1; 33], vec![]),
        (vec![5; 32], vec![wrong_half]),
        (vec![5; 32], vec![flag(CKA_EXTRACTABLE, true)]),
    ] {
        let more = [&more[..], std::slice::from_ref(&label)].concat();
        let created = session.create(&private_key(&P256, &value, &more));
        assert_eq!(created, Err(CKR_ATTRIBUTE_VALUE_INVALID), "{more:?}");
    }
    let unknown = session.create(&private_key(b"\x13\x09secp521r1", &[5; 66], &[]));
    assert_eq!(unknown, Err(CKR_CURVE_NOT_SUPPORTED));
    assert_eq!(session.find(&[label]), Ok(vec![]));
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// One side by import, as the vector has it; then the other.
fn rfc5903(session: &Session<'_>, params: &[u8], i: &str, gi: &str, r: &str, gr: &str, girx: &str) {
    for (own, peer) in [(i, gr), (r, gi)] {
        let key = import(session, params, &hex(own));
        let peer = [&[4][..], &hex(peer)].concat();
        assert_eq!(agree(session, key, &peer), Ok(hex(girx)));
        assert_eq!(session.destroy(key), CKR_OK);
    }
}

#[test]
fn rfc5903_8_1_and_8_2() {
    let token = Token::shared();
    let session = token.user();
    rfc5903(
        &session,
        &P256,
        "C88F01F5 10D9AC3F 70A292DA A2316DE5 44E9AAB8 AFE84049 C62A9C57 862D1433",
        "DAD0B653 94221CF9 B051E1FE CA5787D0 98DFE637 FC90B9EF 945D0C37 72581180
         5271A046 1CDB8252 D61F1C45 6FA3E59A B1F45B33 ACCF5F58 389E0577 B8990BB3",
        "C6EF9C5D 78AE012A 011164AC B397CE20 88685D8F 06BF9BE0 B283AB46 476BEE53",
        "D12DFB52 89C8D4F8 1208B702 70398C34 2296970A 0BCCB74C 736FC755 4494BF63
         56FBF3CA 366CC23E 8157854C 13C58D6A AC23F046 ADA30F83 53E74F33 039872AB",
        "D6840F6B 42F6EDAF D13116E0 E1256520 2FEF8E9E CE7DCE03 812464D0 4B9442DE",
    );
    rfc5903(
        &session,
        &P384,
        "099F3C70 34D4A2C6 99884D73 A375A67F 7624EF7C 6B3C0F16 0647B674 14DCE655 E35B5380 41E649EE 3FAEF896
         783AB194",
        "667842D7 D180AC2C DE6F74F3 7551F557 55C7645C 20EF73E3 1634FE72 B4C55EE6 DE3AC808 ACB4BDB4 C88732AE
         E95F41AA 9482ED1F C0EEB9CA FC498462 5CCFC23F 65032149 E0E144AD A0241815 35A0F38E EB9FCFF3 C2C947DA
         E69B4C63 4573A81C",
        "41CB0779 B4BDB85D 47846725 FBEC3C94 30FAB46C C8DC5060 855CC9BD A0AA2942 E0308312 916B8ED2 960E4BD5
         5A7448FC",
        "E558DBEF 53EECDE3 D3FCCFC1 AEA08A89 A987475D 12FD950D 83CFA417 32BC509D 0D1AC43A 0336DEF9 6FDA41D0
         774A3571 DCFBEC7A ACF31964 72169E83 8430367F 66EEBE3C 6E70C416 DD5F0C68 759DD1FF F83FA401 42209DFF
         5EAAD96D B9E6386C",
        "11187331 C279962D 93D60424 3FD592CB 9D0A926F 422E4718 7521287E 7156C5C4 D6031355 69B9E9D0 9CF5D4A2
         70F59746",
    );
}
