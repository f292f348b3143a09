//! Signatures over random thresholds, signer sets, digests and digest lengths, each judged by OpenSSL.
//! `SIGNATURES` says how many (24; `make long` asks for 10,000). Prints what was counted.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;

use common::{cluster, party, rng, verify_with_openssl};
use rand_core::RngCore;
use threshold::ecdsa::{answer, combine};
use threshold::fault::Checks;
use threshold::group::{P256, Point};
use threshold::party::SignerSet;
use threshold::sim;

/// T and N of the clusters.
const THRESHOLDS: [(u8, u8); 4] = [(2, 3), (3, 5), (4, 7), (5, 9)];
/// Lengths of digests, in bytes: OpenSSL takes no empty one.
const DIGESTS: std::ops::RangeInclusive<u32> = 1..=64;

#[test]
fn random_signatures_verify_and_no_check_fails() {
    let count: u64 = std::env::var("SIGNATURES").map_or(24, |text| text.parse().unwrap());
    let mut clusters = THRESHOLDS.map(|(needed, parties)| cluster::<P256>(needed, parties));
    let mut rng = rng(0x5eed);
    let (mut failed_checks, mut retries, mut nonces) = (0, 0, BTreeSet::new());
    for number in 1..=count {
        let choice = rng.next_u32() as usize % THRESHOLDS.len();
        let ((needed, parties), cluster) = (THRESHOLDS[choice], &mut clusters[choice]);
        let mut members = BTreeSet::new();
        while members.len() < usize::from(needed) {
            members.insert(1 + (rng.next_u32() % u32::from(parties)) as u8);
        }
        let signers = SignerSet::new(members.into_iter().map(party)).unwrap();
        let length = DIGESTS.start() + rng.next_u32() % DIGESTS.end();
        let mut digest = vec![0; length as usize];
        rng.fill_bytes(&mut digest);
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);

        // A presigning or an answer that fails is counted and made again, as a client would.
        let mut presigned = number;
        let signature = loop {
            let outcome = sim::presign(cluster, &signers, presigned, Checks::all(), None, &mut rng);
            failed_checks += outcome.faults.len();
            let first = outcome.presignatures.values().next();
            assert!(
                first.is_none_or(|first| nonces.insert(first.nonce_point().encode())),
                "a nonce came twice"
            );
            let request = cluster.request(&signers, &digest, nonce);
            let answers: Result<Vec<_>, _> = outcome
                .presignatures
                .into_iter()
                .map(|(party, presignature)| {
                    answer(presignature, &cluster.parties[&party].pairs, &request).map(|said| (party, said))
                })
                .collect();
            match answers.ok().and_then(|answers| combine(&answers, &request).ok()) {
                Some(signature) => break signature.to_bytes(),
                None => retries += 1,
            }
            presigned += count;
        };
        verify_with_openssl::<P256>(&cluster.public_key, &digest, &signature);
    }
    println!("{count} signatures accepted by OpenSSL, {failed_checks} failed checks, {retries} retries");
    assert_eq!((failed_checks, retries), (0, 0));
}
