//! Algorithms of the API as the mechanisms of PKCS#11 that the nodes know.

use client::kms::Spec as PairSpec;
use cryptoki_sys::{
    CKM_ECDSA, CKM_EDDSA, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS,
    CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS,
};
use token::backend::{KeySpec, RsaHash, Scheme};

use crate::algorithm::{Algorithm, Hash};
use crate::keys::Key;

/// What the nodes are asked to sign with.
pub(crate) fn scheme(key: &Key, algorithm: Algorithm) -> Option<Scheme> {
    let PairSpec::Pair(pair) = key.spec else { return None };
    Some(match (algorithm, pair) {
        (Algorithm::Ecdsa(_), KeySpec::Curve(curve)) => Scheme::Ecdsa { curve, mechanism: CKM_ECDSA },
        (Algorithm::Ed25519, KeySpec::Curve(curve)) => {
            Scheme::Eddsa { curve, mechanism: CKM_EDDSA, variant: Vec::new() }
        }
        (Algorithm::Ed25519ph, KeySpec::Curve(curve)) => {
            Scheme::Eddsa { curve, mechanism: CKM_EDDSA, variant: vec![1] }
        }
        (Algorithm::Pkcs1(hash), KeySpec::Rsa { bits, .. }) => {
            let (digest, mechanism, _) = rsa(hash);
            Scheme::RsaPkcs1 { mechanism, digest: Some(digest), modulus_bytes: bits / 8 }
        }
        (Algorithm::Pss(hash), KeySpec::Rsa { bits, .. }) => {
            let (digest, _, mechanism) = rsa(hash);
            let salt_bytes = u16::try_from(digest.bytes()).ok()?;
            Scheme::RsaPss { mechanism, hash: digest, mgf: digest, salt_bytes, modulus_bytes: bits / 8 }
        }
        _ => return None,
    })
}

/// The hash, and the mechanisms of PKCS#1 v1.5 and of PSS with it.
fn rsa(hash: Hash) -> (RsaHash, u64, u64) {
    match hash {
        Hash::Sha256 => (RsaHash::Sha256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS),
        Hash::Sha384 => (RsaHash::Sha384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS),
        Hash::Sha512 => (RsaHash::Sha512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS),
    }
}
