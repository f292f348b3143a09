//! Signatures as the API has them, and their verification, which needs no node.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{self as lc, UnparsedPublicKey, VerificationAlgorithm};
use sha2::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update, typenum::U64};

use crate::algorithm::{Algorithm, Hash, Spec};

/// `ECDSA-Sig-Value` of r then s.
pub(crate) fn der(spec: Option<Spec>, signature: &[u8]) -> Option<Vec<u8>> {
    Some(match spec? {
        Spec::P256 => p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec(),
        Spec::P384 => p384::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec(),
        Spec::Secp256k1 => k256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec(),
        Spec::Symmetric | Spec::Edwards25519 | Spec::Rsa(_) => return None,
    })
}

/// Checks a signature over a digest, or with Ed25519 a message, with the public key (SubjectPublicKeyInfo) alone.
pub(crate) fn is_signature(
    public: &[u8],
    spec: Option<Spec>,
    algorithm: Algorithm,
    signed: &[u8],
    signature: &[u8],
) -> bool {
    if matches!(algorithm, Algorithm::Ed25519 | Algorithm::Ed25519ph) {
        let raw = public.split_last_chunk::<32>().map(|(_, raw)| raw);
        return raw.is_some_and(|raw| ed25519(raw, algorithm, signed, signature));
    }
    let Some((verifier, hash)) = verifier(spec, algorithm) else { return false };
    let Ok(digest) = Digest::import_less_safe(signed, hash) else { return false };
    UnparsedPublicKey::new(verifier, public).verify_digest(&digest, signature).is_ok()
}

fn ed25519(public: &[u8; 32], algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
    let verifier: &dyn VerificationAlgorithm = match algorithm {
        Algorithm::Ed25519 => &lc::ED25519,
        _ => return ed25519ph(public, signed, signature),
    };
    UnparsedPublicKey::new(verifier, public).verify(signed, signature).is_ok()
}

fn ed25519ph(public: &[u8; 32], digest: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) =
        (ed25519_dalek::VerifyingKey::from_bytes(public), ed25519_dalek::Signature::from_slice(signature))
    else {
        return false;
    };
    let Ok(digest) = <[u8; 64]>::try_from(digest) else { return false };
    key.verify_prehashed_strict(Prehashed(digest), None, &signature).is_ok()
}

fn verifier(
    spec: Option<Spec>,
    algorithm: Algorithm,
) -> Option<(&'static dyn VerificationAlgorithm, &'static digest::Algorithm)> {
    let hash = |hash: Hash| match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    let verifier: &'static dyn VerificationAlgorithm = match (spec?, algorithm) {
        (Spec::P256, Algorithm::Ecdsa(Hash::Sha256)) => &lc::ECDSA_P256_SHA256_ASN1,
        (Spec::P384, Algorithm::Ecdsa(Hash::Sha384)) => &lc::ECDSA_P384_SHA384_ASN1,
        (Spec::Secp256k1, Algorithm::Ecdsa(Hash::Sha256)) => &lc::ECDSA_P256K1_SHA256_ASN1,
        (Spec::Rsa(_), Algorithm::Pss(Hash::Sha256)) => &lc::RSA_PSS_2048_8192_SHA256,
        (Spec::Rsa(_), Algorithm::Pss(Hash::Sha384)) => &lc::RSA_PSS_2048_8192_SHA384,
        (Spec::Rsa(_), Algorithm::Pss(Hash::Sha512)) => &lc::RSA_PSS_2048_8192_SHA512,
        (Spec::Rsa(_), Algorithm::Pkcs1(Hash::Sha256)) => &lc::RSA_PKCS1_2048_8192_SHA256,
        (Spec::Rsa(_), Algorithm::Pkcs1(Hash::Sha384)) => &lc::RSA_PKCS1_2048_8192_SHA384,
        (Spec::Rsa(_), Algorithm::Pkcs1(Hash::Sha512)) => &lc::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    };
    Some((verifier, hash(algorithm.hash()?)))
}

/// SHA-512 of a message that we do not see.
#[derive(Clone)]
struct Prehashed([u8; 64]);

impl Default for Prehashed {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl HashMarker for Prehashed {}

impl OutputSizeUser for Prehashed {
    type OutputSize = U64;
}

impl Update for Prehashed {
    /// Nothing is added to what is finished.
    fn update(&mut self, _data: &[u8]) {}
}

impl FixedOutput for Prehashed {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}
