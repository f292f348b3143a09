//! Honest runs: every signer set signs, and independent verifiers accept.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{cluster, digest_of, party, rng, signer_sets, verify_with_openssl, verify_with_p256};
use threshold::ecdsa::{OnlineRequest, PartialSignature, answer, combine};
use threshold::fault::{Checks, Rule};
use threshold::group::{Curve, P256, Point};
use threshold::party::SignerSet;
use threshold::sim::{self, Cluster};

fn sign(cluster: &mut Cluster<P256>, signers: &SignerSet, number: u64, digest: &[u8]) -> Vec<u8> {
    let mut rng = rng(number);
    let outcome = sim::presign(cluster, signers, number, Checks::all(), None, &mut rng);
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    let request = cluster.request(signers, digest, [number as u8; 32]);
    let answers: Vec<_> = outcome
        .presignatures
        .into_iter()
        .map(|(party, presignature)| {
            let answer = answer(presignature, &cluster.parties[&party].pairs, &request).unwrap();
            let bytes = answer.encode();
            assert_eq!(bytes.len(), PartialSignature::<P256>::BYTES);
            (party, PartialSignature::decode(&bytes).unwrap())
        })
        .collect();
    assert_eq!(answers.len(), signers.len());
    combine(&answers, &request).unwrap().to_bytes()
}

#[test]
fn every_signer_set_of_2_of_3_and_3_of_5_signs() {
    for (needed, parties) in [(2, 3), (3, 5)] {
        let mut cluster = cluster(needed, parties);
        for (number, signers) in (1_u64..).zip(signer_sets(needed, parties)) {
            let digest = digest_of(number, 32);
            let signature = sign(&mut cluster, &signers, number, &digest);
            verify_with_p256(&cluster.public_key, &digest, &signature);
            verify_with_openssl(&cluster.public_key, &digest, &signature);
        }
    }
}

#[test]
fn digests_of_every_length_zero_and_above_the_order_are_signed() {
    let mut cluster = cluster(2, 3);
    let signers = SignerSet::new([party(1), party(3)]).unwrap();
    let mut digests: Vec<Vec<u8>> = [20, 32, 48, 64].iter().map(|length| digest_of(9, *length)).collect();
    digests.extend([vec![0; 32], vec![0xff; 32]]);
    for (number, digest) in (1_u64..).zip(&digests) {
        let signature = sign(&mut cluster, &signers, number, digest);
        verify_with_openssl(&cluster.public_key, digest, &signature);
        if digest.len() >= 32 {
            verify_with_p256(&cluster.public_key, digest, &signature);
        }
    }
    // OpenSSL takes no empty digest; ours is zero, and combine has verified it.
    let empty = sign(&mut cluster, &signers, 99, &[]);
    verify_with_p256(&cluster.public_key, &[0; 32], &empty);
}

#[test]
fn signatures_have_low_s() {
    let mut cluster = cluster(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    for number in 1..=6 {
        let signature = sign(&mut cluster, &signers, number, &digest_of(number, 32));
        assert!(signature[32] < 0x80);
    }
}

#[test]
fn the_shares_of_a_presignature_sum_to_what_section_6_says() {
    let mut cluster = cluster(3, 5);
    let signers = SignerSet::new([party(1), party(2), party(5)]).unwrap();
    let outcome = sim::presign(&mut cluster, &signers, 1, Checks::all(), None, &mut rng(1));
    let sums = sim::sums(outcome.presignatures.values());
    assert_eq!(sums.masked_nonce_point(), outcome.presignatures[&party(1)].nonce_point().mul(&sums.mask));
    assert_eq!(sums.masked_key, cluster.secret_key * sums.mask);
    let ids: Vec<_> = outcome.presignatures.values().map(|presignature| *presignature.id()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn every_presignature_has_another_nonce_point() {
    let mut cluster = cluster(2, 3);
    let signers = SignerSet::new([party(2), party(3)]).unwrap();
    let mut ledger = std::collections::BTreeSet::new();
    for number in 0..8 {
        let outcome = sim::presign(&mut cluster, &signers, number, Checks::all(), None, &mut rng(number));
        let presignature = &outcome.presignatures[&party(2)];
        assert!(ledger.insert(presignature.nonce_point().encode()));
        assert!(ledger.insert(presignature.id().to_vec()));
    }
}

#[test]
fn a_request_for_anything_else_burns_the_presignature() {
    let mut cluster = cluster(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    let good = cluster.request(&signers, &[1; 32], [0; 32]);
    let mut wrong = vec![];
    let alterations: [fn(&mut OnlineRequest<P256>); 7] = [
        |request| request.client = [0; 32],
        |request| request.epoch += 1,
        |request| request.key_id = [0; 16],
        |request| request.cluster_id = [0; 32],
        |request| request.public_key = <P256 as Curve>::Point::generator(),
        |request| request.signers = SignerSet::new([party(1), party(3)]).unwrap(),
        |request| request.digest = vec![0; 65],
    ];
    for alter in alterations {
        let mut request = good.clone();
        alter(&mut request);
        wrong.push(request);
    }
    for (number, request) in (1..).zip(&wrong) {
        let outcome = sim::presign(&mut cluster, &signers, number, Checks::all(), None, &mut rng(number));
        for (party, presignature) in outcome.presignatures {
            assert!(answer(presignature, &cluster.parties[&party].pairs, request).is_err());
        }
    }
}

#[test]
fn a_pair_that_died_or_was_replaced_ends_its_sessions_and_presignatures() {
    let mut cluster = cluster(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    let outcome = sim::presign(&mut cluster, &signers, 1, Checks::all(), None, &mut rng(1));
    let request = cluster.request(&signers, &[1; 32], [0; 32]);
    let mut presignatures = outcome.presignatures.into_iter();
    let (_, first) = presignatures.next().unwrap();
    cluster.parties.get_mut(&party(1)).unwrap().pairs.kill(party(2));
    let fault = answer(first, &cluster.parties[&party(1)].pairs, &request).unwrap_err();
    assert_eq!(fault, threshold::fault::Fault::of_nobody(Rule::PairDead).into());

    let (low, _) = sim::pair_up(party(1), party(2), Checks::all(), &mut |_, _| {}, &mut rng(2));
    let (_, second) = presignatures.next().unwrap();
    let (_, high) = sim::pair_up(party(1), party(2), Checks::all(), &mut |_, _| {}, &mut rng(3));
    cluster.parties.get_mut(&party(1)).unwrap().pairs.insert(low.unwrap());
    cluster.parties.get_mut(&party(2)).unwrap().pairs.insert(high.unwrap());
    let fault = answer(second, &cluster.parties[&party(2)].pairs, &request).unwrap_err();
    assert_eq!(fault, threshold::fault::Fault::of_nobody(Rule::PairDead).into());
}
