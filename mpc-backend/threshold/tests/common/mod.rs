//! Clusters, digests and independent verifiers for the ECDSA tests.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Write as _;
use std::process::Command;

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use threshold::group::{Curve, P256, Point};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::sim::Cluster;

type PublicKey = <P256 as Curve>::Point;

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

pub fn cluster(needed: u8, parties: u8) -> Cluster<P256> {
    Cluster::new(Threshold::new(needed, parties).unwrap(), &mut rng(u64::from(parties)))
}

/// Every set of `needed` of `parties`.
pub fn signer_sets(needed: u8, parties: u8) -> Vec<SignerSet> {
    (0_u32..1 << parties)
        .filter(|mask| mask.count_ones() == u32::from(needed))
        .map(|mask| SignerSet::new((1..=parties).filter(|i| mask >> (i - 1) & 1 == 1).map(party)).unwrap())
        .collect()
}

/// Some digest of `length` bytes.
pub fn digest_of(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (seed * 37 + at * 11 + 5) as u8).collect()
}

pub fn verify_with_p256(public_key: &PublicKey, digest: &[u8], signature: &[u8]) {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&public_key.encode()).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();
    key.verify_prehash(digest, &signature).unwrap();
}

/// `openssl pkeyutl -verify` over the public key and signature as DER files.
pub fn verify_with_openssl(public_key: &PublicKey, digest: &[u8], signature: &[u8]) {
    let point = p256::EncodedPoint::from_bytes(public_key.encode()).unwrap();
    let point = p256::PublicKey::try_from(point).unwrap();
    let uncompressed = p256::elliptic_curve::sec1::ToEncodedPoint::to_encoded_point(&point, false);
    // SubjectPublicKeyInfo of id-ecPublicKey with prime256v1, up to the point.
    let mut key = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    key.extend_from_slice(uncompressed.as_bytes());
    let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();

    let file = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    };
    let (key, digest, signature) = (file(&key), file(digest), file(signature.to_der().as_bytes()));
    let output = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey"])
        .arg(key.path())
        .arg("-in")
        .arg(digest.path())
        .arg("-sigfile")
        .arg(signature.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
