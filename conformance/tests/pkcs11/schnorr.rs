//! Schnorr with keys on P-256 (RFC 9591) and secp256k1 (BIP-340): signatures under other implementations, BIP-340's
//! vectors, and what parameters, keys and messages are refused.

use std::collections::BTreeSet;
use std::ptr::null_mut;

use conformance::call;
use conformance::lab::skipped;
use conformance::mechanisms::{CKM_COUNTERFOIL_BIP340, CKM_COUNTERFOIL_FROST_P256_SHA256};
use conformance::session::{P256, P384, Pair, SECP256K1, Session, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

/// A mechanism, the curve of its keys, and how long its signatures are.
const BOTH: [(CK_MECHANISM_TYPE, &[u8], usize); 2] =
    [(CKM_COUNTERFOIL_FROST_P256_SHA256, &P256, 65), (CKM_COUNTERFOIL_BIP340, &SECP256K1, 64)];

/// The key's point in compressed form.
fn compressed(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> Vec<u8> {
    let point = session.get(key, CKA_EC_POINT).unwrap();
    let tag = 2 + (point.last().unwrap() & 1);
    [&[tag], &point[3..35]].concat()
}

/// Whether another implementation than the library's takes the signature.
fn verifies(mechanism: CK_MECHANISM_TYPE, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    macro_rules! by {
        ($suite:ident) => {{
            let key = $suite::VerifyingKey::deserialize(key).unwrap();
            key.verify(message, &$suite::Signature::deserialize(signature).unwrap()).is_ok()
        }};
    }
    if mechanism == CKM_COUNTERFOIL_BIP340 { by!(frost_secp256k1_tr) } else { by!(frost_p256) }
}

#[test]
fn frost_p256_and_bip340_sign() {
    let token = Token::shared();
    let session = token.user();
    for (mechanism, params, bytes) in BOTH {
        let mut signs = BTreeSet::new();
        // BIP-340 takes the negative of a key whose y-coordinate is odd: keys of both signs.
        while signs.len() < 2 {
            let pair = session.pair_on(params, "schnorr");
            let key = compressed(&session, pair.public);
            signs.insert(key[0]);
            for message in [&b""[..], b"a message", &[7; 32], &[7; 100_000]] {
                let signature = session.sign(mechanism, pair.private, message).unwrap();
                assert_eq!(signature.len(), bytes);
                assert!(verifies(mechanism, &key, message, &signature));
                assert_eq!(session.verify(mechanism, pair.public, message, &signature), CKR_OK);
                let verify = |message: &[u8], signature: &[u8]| {
                    session.verify(mechanism, pair.public, message, signature)
                };
                assert_eq!(verify(&[message, b"x"].concat(), &signature), CKR_SIGNATURE_INVALID);
                assert_eq!(verify(message, &signature[1..]), CKR_SIGNATURE_LEN_RANGE);
                for byte in [0, 20, bytes - 1] {
                    let mut altered = signature.clone();
                    altered[byte] ^= 1;
                    assert_eq!(verify(message, &altered), CKR_SIGNATURE_INVALID, "{byte}");
                }
            }
            // The same key signs by ECDSA as before.
            let signature = session.sign(CKM_ECDSA, pair.private, &[5; 32]).unwrap();
            assert_eq!(session.verify(CKM_ECDSA, pair.public, &[5; 32], &signature), CKR_OK);
            session.destroy(pair.private);
            session.destroy(pair.public);
        }
    }
}

#[test]
fn a_message_comes_in_parts_too() {
    let token = Token::shared();
    let session = token.user();
    for (mechanism, params, bytes) in BOTH {
        let pair = session.pair_on(params, "schnorr parts");
        assert_eq!(session.sign_init(mechanism, pair.private), CKR_OK);
        for part in [&b"in "[..], b"", b"parts"] {
            let (part, len) = (part.as_ptr().cast_mut(), part.len() as CK_ULONG);
            assert_eq!(call!(token.module, C_SignUpdate(session.handle, part, len)), CKR_OK);
        }
        let (mut signature, mut len) = ([0; 65], 0);
        assert_eq!(call!(token.module, C_SignFinal(session.handle, null_mut(), &mut len)), CKR_OK);
        assert_eq!(len as usize, bytes);
        let rv = call!(token.module, C_SignFinal(session.handle, signature.as_mut_ptr(), &mut len));
        assert_eq!((rv, len as usize), (CKR_OK, bytes));
        assert_eq!(session.verify(mechanism, pair.public, b"in parts", &signature[..bytes]), CKR_OK);
    }
}

/// A message is signed whole, up to 256 KiB.
#[test]
fn a_message_too_long_for_the_nodes_is_refused() {
    if skipped("a limit of our nodes") {
        return;
    }
    let token = Token::shared();
    let session = token.user();
    let long = vec![1; (256 << 10) + 1];
    for (mechanism, params, _) in BOTH {
        let pair = session.pair_on(params, "schnorr long");
        assert_eq!(session.sign(mechanism, pair.private, &long), Err(CKR_DATA_LEN_RANGE));
        let signature = session.sign(mechanism, pair.private, &long[1..]).unwrap();
        assert_eq!(session.verify(mechanism, pair.public, &long[1..], &signature), CKR_OK);
    }
}

#[test]
fn other_parameters_and_keys_are_refused() {
    let token = Token::shared();
    let session = token.user();
    let p384 = session.pair_on(&P384, "no schnorr");
    let edwards = session.ed25519("no schnorr");
    for (at, (id, params, _)) in BOTH.into_iter().enumerate() {
        let own = session.pair_on(params, "schnorr refused");
        let other = session.pair_on(BOTH[1 - at].1, "schnorr of another curve");
        for Pair { public, private } in [p384, edwards, other] {
            assert_eq!(session.sign_init(id, private), CKR_KEY_TYPE_INCONSISTENT);
            assert_eq!(session.verify_init(id, public), CKR_KEY_TYPE_INCONSISTENT);
        }
        let mut parameter = [0_u8; 8];
        let mut mechanism =
            CK_MECHANISM { mechanism: id, pParameter: parameter.as_mut_ptr().cast(), ulParameterLen: 8 };
        let rv = call!(token.module, C_SignInit(session.handle, &mut mechanism, own.private));
        assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
        let rv = call!(token.module, C_VerifyInit(session.handle, &mut mechanism, own.public));
        assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
    }
}

/// A key's list of mechanisms keeps it to one scheme; here the library says so, in `engine` the nodes.
#[test]
fn a_list_of_mechanisms_keeps_a_key_to_one_scheme() {
    let token = Token::shared();
    let session = token.user();
    for (id, params, _) in BOTH {
        for (allowed, forbidden) in [(id, CKM_ECDSA), (CKM_ECDSA, id)] {
            let only = (CKA_ALLOWED_MECHANISMS, allowed.to_ne_bytes().to_vec());
            let public = [(CKA_EC_PARAMS, params.to_vec()), on_token(true)];
            let pair = session.generate(&public, &[on_token(true), only]).unwrap();
            assert_eq!(session.sign_init(forbidden, pair.private), CKR_MECHANISM_INVALID);
            assert!(session.sign(allowed, pair.private, &[5; 32]).is_ok());
        }
    }
}

/// `bip340.csv`: the vectors of BIP-340 (bip-0340/test-vectors.csv of github.com/bitcoin/bips, BSD-2-Clause), as the
/// crate `k256` has them in its tests, without the columns of signing.
#[test]
fn bip340_vectors() {
    let token = Token::shared();
    let session = token.user();
    let hex = |text: &str| hex::decode(text).unwrap();
    let mut verified = 0;
    for line in include_str!("bip340.csv").lines().skip(1) {
        let [index, key, message, signature, result]: [&str; 5] =
            line.split(',').collect::<Vec<_>>().try_into().unwrap();
        // The points with this x-coordinate and either sign are one key of BIP-340.
        for tag in [2, 3] {
            let point = k256::PublicKey::from_sec1_bytes(&[&[tag], hex(key).as_slice()].concat());
            let Ok(point) = point else {
                assert_eq!(result, "FALSE", "{index}: no point");
                continue;
            };
            let point = k256::elliptic_curve::sec1::ToEncodedPoint::to_encoded_point(&point, false);
            let key = session.create(&[
                number(CKA_CLASS, CKO_PUBLIC_KEY),
                number(CKA_KEY_TYPE, CKK_EC),
                (CKA_EC_PARAMS, SECP256K1.to_vec()),
                (CKA_EC_POINT, [&[4, 65], point.as_bytes()].concat()),
            ]);
            let key = key.unwrap();
            let rv = session.verify(CKM_COUNTERFOIL_BIP340, key, &hex(message), &hex(signature));
            let expected = if result == "TRUE" { CKR_OK } else { CKR_SIGNATURE_INVALID };
            assert_eq!(rv, expected, "{index}");
            assert_eq!(session.destroy(key), CKR_OK);
            verified += 1;
        }
    }
    assert_eq!(verified, 2 * 17, "two of the nineteen have no public key");
}

/// RFC 9591, appendix E.4.
#[test]
fn rfc9591_p256() {
    let token = Token::shared();
    let session = token.user();
    let point = hex::decode("023a309ad94e9fe8a7ba45dfc58f38bf091959d3c99cfbd02b4dc00585ec45ab70").unwrap();
    let point = p256::PublicKey::from_sec1_bytes(&point).unwrap();
    let point = p256::elliptic_curve::sec1::ToEncodedPoint::to_encoded_point(&point, false);
    let key = session.create(&[
        number(CKA_CLASS, CKO_PUBLIC_KEY),
        number(CKA_KEY_TYPE, CKK_EC),
        (CKA_EC_PARAMS, P256.to_vec()),
        (CKA_EC_POINT, [&[4, 65], point.as_bytes()].concat()),
    ]);
    let signature = hex::decode(concat!(
        "02aea65143565d19f2811d6c1d7a7486fdd57dd3f6b08d8653ca260ec0ebe00b61",
        "ca5d775641ac46891ac3d6089e1db471b3ab173ccb586035582185e43f13f245"
    ));
    let (key, signature) = (key.unwrap(), signature.unwrap());
    assert_eq!(session.verify(CKM_COUNTERFOIL_FROST_P256_SHA256, key, b"test", &signature), CKR_OK);
    let rv = session.verify(CKM_COUNTERFOIL_FROST_P256_SHA256, key, b"text", &signature);
    assert_eq!(rv, CKR_SIGNATURE_INVALID);
}
