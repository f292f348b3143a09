//! The RFC's vectors through Shamir shares, and every lie of a node.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::oprf::node::EvaluationKey;
use crate::party::Threshold;
use crate::sharing::{Commitments, evaluate};

const CONTEXT: [u8; 32] = [0x21; 32];

struct SharedKey {
    nodes: Vec<(PartyIndex, EvaluationKey)>,
    commitments: KeyCommitments,
}

impl SharedKey {
    fn new(key: Scalar, needed: u8, parties: u8) -> Self {
        let threshold = Threshold::new(needed, parties).unwrap();
        let mut rng = rand_core::OsRng;
        let mut coefficients = alloc::vec![key];
        coefficients.extend((1..needed).map(|_| Scalar::random(&mut rng)));
        let encoded: Vec<_> = coefficients.iter().map(|c| RistrettoPoint::mul_base(c).encode()).collect();
        let all = threshold.all();
        let nodes = all.iter().map(|party| {
            let share = Secret::new(evaluate(&coefficients, party).to_bytes());
            (party, EvaluationKey::new(party, &share).unwrap())
        });
        Self { nodes: nodes.collect(), commitments: Commitments::decode(&encoded, threshold).unwrap() }
    }

    fn answers(&self, positions: &[usize], blinded: &[u8]) -> Vec<(PartyIndex, Evaluation)> {
        let answer = |position: &usize| {
            let (party, node) = &self.nodes[*position];
            (*party, node.evaluate(blinded, &CONTEXT, &mut rand_core::OsRng).unwrap())
        };
        positions.iter().map(answer).collect()
    }
}

fn scalar(text: &str) -> Scalar {
    Scalar::from_canonical_bytes(hex::decode(text).unwrap().try_into().unwrap()).unwrap()
}

fn rfc_vector(input: &str, blinded: &str, evaluated: &str, output: &str) {
    let key = scalar("5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e");
    let blind = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
    let input = hex::decode(input).unwrap();
    let (state, element) = blind_with(&input, Secret::new(scalar(blind))).unwrap();
    assert_eq!(hex::encode(element), blinded);
    // The whole key at one place, which only the vector has.
    assert_eq!(hex::encode((state.element * key).compress().to_bytes()), evaluated);
    let shared = SharedKey::new(key, 2, 3);
    for subset in [[0, 1], [0, 2], [1, 2], [2, 0]] {
        let answers = shared.answers(&subset, &element);
        let combined = state.combine(&answers, &shared.commitments, &CONTEXT).unwrap();
        assert_eq!(hex::encode(combined.expose()), output);
    }
}

#[test]
fn rfc9497_a_1_1_test_vector_1() {
    rfc_vector(
        "00",
        "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
        "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
        "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3\
         ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6",
    );
}

#[test]
fn rfc9497_a_1_1_test_vector_2() {
    rfc_vector(
        "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
        "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
        "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
        "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4\
         f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73",
    );
}

#[test]
fn all_subsets_and_blinds_agree_and_inputs_differ() {
    let mut rng = rand_core::OsRng;
    let shared = SharedKey::new(Scalar::random(&mut rng), 3, 5);
    let output = |pin: &[u8], subset: &[usize]| {
        let (state, element) = blind(pin, &mut rand_core::OsRng).unwrap();
        let answers = shared.answers(subset, &element);
        *state.combine(&answers, &shared.commitments, &CONTEXT).unwrap().expose()
    };
    let first = output(b"1234", &[0, 1, 2]);
    for subset in [[0, 2, 4], [4, 3, 2], [1, 2, 3]] {
        assert_eq!(output(b"1234", &subset), first);
    }
    assert_ne!(output(b"1235", &[0, 1, 2]), first);
    assert_ne!(output(b"", &[0, 1, 2]), first);
}

#[test]
fn cheater_with_wrong_answer_is_named_and_passes_without_the_check() {
    let shared = SharedKey::new(Scalar::from(77_u8), 2, 3);
    let (state, element) = blind(b"1234", &mut rand_core::OsRng).unwrap();
    let honest = shared.answers(&[0, 1], &element);
    let truth = *state.combine(&honest, &shared.commitments, &CONTEXT).unwrap().expose();
    let liar = honest[1].0;
    let expected = Err(CombineError::Fault(Fault { culprit: Some(liar), rule: Rule::OprfProof }));

    // Another element, with the proof of the right one.
    let mut lie = honest.clone();
    lie[1].1.element = RistrettoPoint::mul_base(&Scalar::from(5_u8)).compress().to_bytes();
    assert_eq!(state.combine(&lie, &shared.commitments, &CONTEXT).map(|_| ()), expected);
    let trusting = Blinded { checks: Checks::all_but(Rule::OprfProof), ..state };
    let wrong = trusting.combine(&lie, &shared.commitments, &CONTEXT).unwrap();
    assert_ne!(*wrong.expose(), truth, "without the check a wrong output looks like a wrong PIN");

    let (state, element) = blind(b"1234", &mut rand_core::OsRng).unwrap();
    // Another share, with a proof that is consistent in itself.
    let other = SharedKey::new(Scalar::from(78_u8), 2, 3);
    let mixed =
        alloc::vec![shared.answers(&[0], &element).remove(0), other.answers(&[1], &element).remove(0)];
    assert_eq!(state.combine(&mixed, &shared.commitments, &CONTEXT).map(|_| ()), expected);
    // The answer to another blinded element.
    let (_, elsewhere) = blind(b"1234", &mut rand_core::OsRng).unwrap();
    let replayed =
        alloc::vec![shared.answers(&[0], &element).remove(0), shared.answers(&[1], &elsewhere).remove(0)];
    assert_eq!(state.combine(&replayed, &shared.commitments, &CONTEXT).map(|_| ()), expected);
    // Another context.
    let answers = shared.answers(&[1, 0], &element);
    assert_eq!(state.combine(&answers, &shared.commitments, &[0; 32]).map(|_| ()), expected);
}

#[test]
fn malformed_elements_name_their_node() {
    let shared = SharedKey::new(Scalar::from(77_u8), 2, 3);
    let (state, element) = blind(b"1234", &mut rand_core::OsRng).unwrap();
    for bad in [[0; 32], [0xff; 32]] {
        let mut answers = shared.answers(&[0, 2], &element);
        answers[1].1.element = bad;
        let fault = Fault { culprit: Some(answers[1].0), rule: Rule::Malformed };
        assert_eq!(
            state.combine(&answers, &shared.commitments, &CONTEXT).map(|_| ()),
            Err(CombineError::Fault(fault))
        );
    }
}

#[test]
fn exactly_t_distinct_parties_are_wanted() {
    let shared = SharedKey::new(Scalar::from(77_u8), 2, 3);
    let (state, element) = blind(b"1234", &mut rand_core::OsRng).unwrap();
    for subset in [&[][..], &[0], &[1, 1], &[0, 1, 2]] {
        let answers = shared.answers(subset, &element);
        assert_eq!(
            state.combine(&answers, &shared.commitments, &CONTEXT).map(|_| ()),
            Err(CombineError::Misuse(Misuse::SignerSet))
        );
    }
}

#[test]
fn overlong_inputs_are_refused() {
    let result = blind(&[0; INPUT_BYTES_MAX + 1], &mut rand_core::OsRng);
    assert_eq!(result.map(|_| ()), Err(InputError::TooLong));
}

/// No input is known to hash to the identity: the hash is the test's.
#[test]
fn an_input_that_hashes_to_the_identity_is_refused_by_the_client_and_by_every_node() {
    let blind = Scalar::from(9_u8);
    let identity = RistrettoPoint::identity();
    let result = blind_hashed(b"1234", &identity, Secret::new(blind));
    assert_eq!(result.map(|_| ()), Err(InputError::Identity));
    assert!(blind_hashed(b"1234", &hash_to_group(b"1234"), Secret::new(blind)).is_ok());
    // What a client without the check would send.
    let element = (identity * blind).compress().to_bytes();
    let shared = SharedKey::new(Scalar::from(77_u8), 2, 3);
    for (_, node) in &shared.nodes {
        assert!(node.evaluate(&element, &CONTEXT, &mut rand_core::OsRng).is_err());
    }
}
