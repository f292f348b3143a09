//! Clusters, digests and independent verifiers for the ECDSA tests.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses its part")]

mod curves;

use std::io::Write as _;
use std::process::Command;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use threshold::group::Point;
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::sim::Cluster;

pub use self::curves::Suite;
pub(crate) use self::curves::on_each_curve;

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn party(index: u8) -> PartyIndex {
    PartyIndex::new(index).unwrap()
}

pub fn cluster<C: Suite>(needed: u8, parties: u8) -> Cluster<C> {
    Cluster::new(Threshold::new(needed, parties).unwrap(), &mut rng(u64::from(parties)))
}

/// The first `count` parties.
pub fn signers(count: u8) -> SignerSet {
    SignerSet::new((1..=count).map(party)).unwrap()
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

/// `openssl pkeyutl -verify` over the public key and signature as DER files.
pub fn verify_with_openssl<C: Suite>(public_key: &C::Point, digest: &[u8], signature: &[u8]) {
    let key = [hex::decode(C::PUBLIC_KEY_HEAD).unwrap(), C::uncompress(&public_key.encode())].concat();
    let file = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    };
    let (key, digest, signature) = (file(&key), file(digest), file(&C::to_der(signature)));
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
