//! Solvers that find the key when a rule is broken on purpose. They show that the rules carry
//! weight, and that tests which look for leaks are not blind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{cluster, digest_of, party, rng};
use p256::Scalar;
use threshold::ecdsa::{OnlineRequest, PartialSignature, answer, combine};
use threshold::fault::{Checks, Rule};
use threshold::group::{Curve, P256};
use threshold::party::{PartyIndex, SignerSet};
use threshold::sim::{self, Cluster, Lie};

fn invert(scalar: Scalar) -> Scalar {
    Option::from(scalar.invert()).unwrap()
}

fn sums(answers: &[(PartyIndex, PartialSignature<P256>)]) -> (Scalar, Scalar) {
    answers
        .iter()
        .map(|(_, answer)| sim::values(answer))
        .fold((Scalar::ZERO, Scalar::ZERO), |(u, w), (more_u, more_w)| (u + more_u, w + more_w))
}

/// phi = (U1 - U2) / (delta1 - delta2), v = (W1 - m1 phi) / r1, sk = v / phi.
fn solve_reuse(
    requests: [&OnlineRequest<P256>; 2],
    answers: [&[(PartyIndex, PartialSignature<P256>)]; 2],
) -> Scalar {
    let [(u1, w1), (u2, _)] = answers.map(sums);
    let (delta1, r1) = sim::shift(&answers[0][0].1, requests[0]);
    let (delta2, _) = sim::shift(&answers[1][0].1, requests[1]);
    let phi = (u1 - u2) * invert(delta1 - delta2);
    let m1 = P256::digest_to_scalar(&requests[0].digest);
    (w1 - m1 * phi) * invert(r1) * invert(phi)
}

fn presigned(
    cluster: &mut Cluster<P256>,
    signers: &SignerSet,
    number: u64,
) -> Vec<(PartyIndex, threshold::ecdsa::Presignature<P256>)> {
    let outcome = sim::presign(cluster, signers, number, Checks::all(), None, &mut rng(number));
    outcome.presignatures.into_iter().collect()
}

#[test]
fn a_presignature_answered_twice_gives_the_key_away() {
    let mut cluster = cluster::<P256>(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    let presignatures = presigned(&mut cluster, &signers, 1);
    let requests = [1, 2].map(|n| cluster.request(&signers, &digest_of(n, 32), [n as u8; 32]));
    let answers = [0, 1].map(|n| {
        presignatures
            .iter()
            .map(|(party, one)| {
                let copy = sim::duplicate(one);
                (*party, answer(copy, &cluster.parties[party].pairs, &requests[n]).unwrap())
            })
            .collect::<Vec<_>>()
    });
    let key = solve_reuse([&requests[0], &requests[1]], [&answers[0], &answers[1]]);
    assert_eq!(key, cluster.secret_key);
}

#[test]
fn the_same_solver_finds_nothing_in_two_honest_signatures() {
    let mut cluster = cluster::<P256>(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    let requests = [1, 2].map(|n| cluster.request(&signers, &digest_of(n, 32), [n as u8; 32]));
    let mut answered = vec![];
    for (number, request) in (1..).zip(&requests) {
        let presignatures = presigned(&mut cluster, &signers, number);
        let answers: Vec<_> = presignatures
            .into_iter()
            .map(|(party, one)| (party, answer(one, &cluster.parties[&party].pairs, request).unwrap()))
            .collect();
        assert!(combine(&answers, request).is_ok());
        answered.push(answers);
    }
    let key = solve_reuse([&requests[0], &requests[1]], [&answered[0], &answered[1]]);
    assert_ne!(key, cluster.secret_key);
}

/// Masks: signers who saw different requests give away nothing that sums to anything.
#[test]
fn masks_cancel_within_one_request_and_not_across_two() {
    let mut cluster = cluster::<P256>(3, 3);
    let signers = SignerSet::new([1, 2, 3].map(party)).unwrap();
    let presignatures = presigned(&mut cluster, &signers, 1);
    let requests = [1, 2].map(|n| cluster.request(&signers, &digest_of(1, 32), [n as u8; 32]));
    let phi = sim::sums(presignatures.iter().map(|(_, one)| one)).mask;
    let masked_nonce = sim::sums(presignatures.iter().map(|(_, one)| one)).masked_nonce;
    let answer_to = |index: usize, request: &OnlineRequest<P256>| {
        let (party, one) = &presignatures[index];
        (*party, answer(sim::duplicate(one), &cluster.parties[party].pairs, request).unwrap())
    };
    let equal: Vec<_> = (0..3).map(|index| answer_to(index, &requests[0])).collect();
    let (delta, _) = sim::shift(&equal[0].1, &requests[0]);
    assert_eq!(sums(&equal).0, masked_nonce + delta * phi);

    let split = [answer_to(0, &requests[0]), answer_to(1, &requests[1]), answer_to(2, &requests[0])];
    let fault = sim::combine(&split, &requests[0], Checks::all_but(Rule::AnswersDiffer)).unwrap_err();
    assert_eq!(fault.rule, Rule::FinalVerification);
    // What the sum would be if the masks of parties 1 and 3 did not depend on the request.
    let (other_delta, _) = sim::shift(&split[1].1, &requests[1]);
    let second = &presignatures[1].1;
    let second_mask = sim::sums(std::iter::once(second)).mask;
    let unmasked = masked_nonce + delta * (phi - second_mask) + other_delta * second_mask;
    assert_ne!(sums(&split).0, unmasked);
}

/// Without the check of R a liar who cancels the nonces knows the nonce of the signature: delta.
#[test]
fn a_cancelled_nonce_gives_the_key_away_if_r_is_not_checked() {
    let mut cluster = cluster::<P256>(2, 3);
    let signers = SignerSet::new([party(1), party(2)]).unwrap();
    let checks = Checks::all_but(Rule::NoncePoint);
    let outcome = sim::presign(&mut cluster, &signers, 1, checks, Some(Lie::CancelledNonce), &mut rng(1));
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    let request = cluster.request(&signers, &digest_of(1, 32), [1; 32]);
    let answers: Vec<_> = outcome
        .presignatures
        .into_iter()
        .map(|(party, one)| (party, answer(one, &cluster.parties[&party].pairs, &request).unwrap()))
        .collect();
    let (u, w) = sums(&answers);
    let (delta, r) = sim::shift(&answers[0].1, &request);
    let m = P256::digest_to_scalar(&request.digest);
    assert_eq!((w * invert(u) * delta - m) * invert(r), cluster.secret_key);
}
