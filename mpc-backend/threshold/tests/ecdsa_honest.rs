//! Honest runs: every signer set signs, and independent verifiers accept.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Suite, cluster, digest_of, on_each_curve, party, rng, signer_sets, verify_with_openssl};
use threshold::ecdsa::{OnlineRequest, PartialSignature, answer, combine};
use threshold::fault::{Checks, Rule};
use threshold::group::Point as _;
use threshold::party::SignerSet;
use threshold::sim::{self, Cluster};

on_each_curve! {
    signer_sets_of_2_of_3_and_3_of_5_sign,
    digests_of_every_length_zero_and_above_the_order_are_signed,
    signatures_have_low_s,
    the_shares_of_a_presignature_sum_to_what_section_6_says,
    every_presignature_has_another_nonce_point,
    a_request_for_anything_else_burns_the_presignature,
    a_pair_that_died_or_was_replaced_ends_its_sessions_and_presignatures,
}

fn sign<C: Suite>(cluster: &mut Cluster<C>, signers: &SignerSet, number: u64, digest: &[u8]) -> Vec<u8> {
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
            assert_eq!(bytes.len(), PartialSignature::<C>::BYTES);
            (party, PartialSignature::decode(&bytes).unwrap())
        })
        .collect();
    assert_eq!(answers.len(), signers.len());
    combine(&answers, &request).unwrap().to_bytes()
}

/// Every set of 2-of-3; every set of 3-of-5 where the suite is full, else one.
fn signer_sets_of_2_of_3_and_3_of_5_sign<C: Suite>() {
    for (needed, parties) in [(2, 3), (3, 5)] {
        let mut cluster = cluster::<C>(needed, parties);
        let all = C::FULL || parties == 3;
        let sets = signer_sets(needed, parties).into_iter().skip(if all { 0 } else { 5 });
        for (number, signers) in (1_u64..).zip(sets.take(if all { usize::MAX } else { 1 })) {
            let digest = digest_of(number, C::SCALAR_BYTES);
            let signature = sign(&mut cluster, &signers, number, &digest);
            C::verify(&cluster.public_key, &digest, &signature);
            verify_with_openssl::<C>(&cluster.public_key, &digest, &signature);
        }
    }
}

fn digests_of_every_length_zero_and_above_the_order_are_signed<C: Suite>() {
    let mut cluster = cluster::<C>(2, 3);
    let signers = SignerSet::new([party(1), party(3)]).unwrap();
    let mut digests: Vec<Vec<u8>> = [20, 32, 48, 64].iter().map(|length| digest_of(9, *length)).collect();
    digests.extend([vec![0; C::SCALAR_BYTES], vec![0xff; C::SCALAR_BYTES]]);
    for (number, digest) in (1_u64..).zip(&digests) {
        let signature = sign(&mut cluster, &signers, number, digest);
        verify_with_openssl::<C>(&cluster.public_key, digest, &signature);
        if digest.len() >= C::SCALAR_BYTES {
            C::verify(&cluster.public_key, digest, &signature);
        }
    }
    // OpenSSL takes no empty digest; ours is zero, and combine has verified it.
    let empty = sign(&mut cluster, &signers, 99, &[]);
    C::verify(&cluster.public_key, &vec![0; C::SCALAR_BYTES], &empty);
}

fn signatures_have_low_s<C: Suite>() {
    let mut cluster = cluster::<C>(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    for number in 1..=6 {
        let signature = sign(&mut cluster, &signers, number, &digest_of(number, 32));
        assert!(signature[C::SCALAR_BYTES] < 0x80);
    }
}

fn the_shares_of_a_presignature_sum_to_what_section_6_says<C: Suite>() {
    let mut cluster = cluster::<C>(3, 5);
    let signers = SignerSet::new([party(1), party(2), party(5)]).unwrap();
    let outcome = sim::presign(&mut cluster, &signers, 1, Checks::all(), None, &mut rng(1));
    let sums = sim::sums(outcome.presignatures.values());
    let nonce_point = outcome.presignatures[&party(1)].nonce_point();
    assert!(sums.masked_nonce_point() == nonce_point.mul(&sums.mask));
    assert_eq!(sums.masked_key, cluster.secret_key * sums.mask);
    let ids: Vec<_> = outcome.presignatures.values().map(|presignature| *presignature.id()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

fn every_presignature_has_another_nonce_point<C: Suite>() {
    let mut cluster = cluster::<C>(2, 3);
    let signers = SignerSet::new([party(2), party(3)]).unwrap();
    let mut ledger = std::collections::BTreeSet::new();
    for number in 0..8 {
        let outcome = sim::presign(&mut cluster, &signers, number, Checks::all(), None, &mut rng(number));
        let presignature = &outcome.presignatures[&party(2)];
        assert!(ledger.insert(presignature.nonce_point().encode()));
        assert!(ledger.insert(presignature.id().to_vec()));
    }
}

fn a_request_for_anything_else_burns_the_presignature<C: Suite>() {
    let mut cluster = cluster::<C>(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    let good = cluster.request(&signers, &[1; 32], [0; 32]);
    let mut wrong = vec![];
    let alterations: [fn(&mut OnlineRequest<C>); 7] = [
        |request| request.client = [0; 32],
        |request| request.epoch += 1,
        |request| request.key_id = [0; 16],
        |request| request.cluster_id = [0; 32],
        |request| request.public_key = C::Point::generator(),
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

fn a_pair_that_died_or_was_replaced_ends_its_sessions_and_presignatures<C: Suite>() {
    let mut cluster = cluster::<C>(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    let outcome = sim::presign(&mut cluster, &signers, 1, Checks::all(), None, &mut rng(1));
    let request = cluster.request(&signers, &[1; 32], [0; 32]);
    let mut presignatures = outcome.presignatures.into_iter();
    let (_, first) = presignatures.next().unwrap();
    cluster.parties.get_mut(&party(1)).unwrap().pairs.kill(party(2));
    let fault = answer(first, &cluster.parties[&party(1)].pairs, &request).err().unwrap();
    assert_eq!(fault, threshold::fault::Fault::of_nobody(Rule::PairDead).into());

    let (low, _) = sim::pair_up(party(1), party(2), Checks::all(), &mut |_, _| {}, &mut rng(2));
    let (_, second) = presignatures.next().unwrap();
    let (_, high) = sim::pair_up(party(1), party(2), Checks::all(), &mut |_, _| {}, &mut rng(3));
    cluster.parties.get_mut(&party(1)).unwrap().pairs.insert(low.unwrap());
    cluster.parties.get_mut(&party(2)).unwrap().pairs.insert(high.unwrap());
    let fault = answer(second, &cluster.parties[&party(2)].pairs, &request).err().unwrap();
    assert_eq!(fault, threshold::fault::Fault::of_nobody(Rule::PairDead).into());
}
