//! One lie for each numbered check of presigning and signing: caught by exactly that check, with
//! the liar named where the check can name, and never an honest party. With the check left out the
//! same lie passes that point, so the test cannot be blind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Suite, cluster, digest_of, on_each_curve, party, rng, signers};
use elliptic_curve::ff::PrimeField as _;
use threshold::ecdsa::{PartialSignature, answer};
use threshold::fault::{Checks, Fault, Rule, Severity};
use threshold::party::{PartyIndex, SignerSet};
use threshold::sim::{self, Cluster, Lie, Outcome};

on_each_curve! {
    each_lie_is_caught_by_exactly_its_check_and_names_no_honest_party,
    without_its_check_each_lie_passes_that_point,
    without_comparing_views_a_third_party_makes_honest_ones_blame_each_other,
    one_flipped_bit_in_any_field_is_caught_by_that_fields_rule,
    a_wrong_answer_fails_the_final_verification_and_names_nobody,
    masks_that_sum_to_zero_are_refused_before_the_division,
    answers_that_do_not_belong_together_are_refused,
    answers_decode_only_when_canonical,
}

fn run<C: Suite>(cluster: &mut Cluster<C>, signers: &SignerSet, checks: Checks, lie: Lie) -> Outcome<C> {
    if lie == Lie::RepeatedNumber {
        let honest = sim::presign(cluster, signers, 1, Checks::all(), None, &mut rng(1));
        assert!(honest.faults.is_empty());
    }
    sim::presign(cluster, signers, 2, checks, Some(lie), &mut rng(2))
}

/// Faults that honest parties found.
fn honest_faults<C: Suite>(outcome: &Outcome<C>, liar: PartyIndex) -> Vec<(PartyIndex, Fault)> {
    outcome.faults.iter().filter(|(who, _)| **who != liar).map(|(who, fault)| (*who, *fault)).collect()
}

fn sign<C: Suite>(
    cluster: &Cluster<C>,
    signers: &SignerSet,
    outcome: Outcome<C>,
) -> Vec<(PartyIndex, PartialSignature<C>)> {
    let request = cluster.request(signers, &digest_of(1, 32), [1; 32]);
    outcome
        .presignatures
        .into_iter()
        .map(|(party, one)| (party, answer(one, &cluster.parties[&party].pairs, &request).unwrap()))
        .collect()
}

fn rule_of_lie<C: Suite>(cluster: &mut Cluster<C>, set: &SignerSet, lie: Lie) -> (Rule, Option<PartyIndex>) {
    let liar = set.iter().next_back().unwrap();
    let outcome = run(cluster, set, Checks::all(), lie);
    let faults = honest_faults(&outcome, liar);
    if let Some((victim, fault)) = faults.first() {
        assert!(faults.iter().all(|(_, fault)| [None, Some(liar)].contains(&fault.culprit)), "{faults:?}");
        let dead = !cluster.parties[victim].pairs.is_ready(liar);
        assert_eq!(dead, fault.rule.severity() == Severity::PairDead, "{lie:?}");
        return (fault.rule, fault.culprit);
    }
    let request = cluster.request(set, &digest_of(1, 32), [1; 32]);
    let answers = sign(cluster, set, outcome);
    let fault = sim::combine(&answers, &request, Checks::all()).unwrap_err();
    (fault.rule, fault.culprit)
}

fn each_lie_is_caught_by_exactly_its_check_and_names_no_honest_party<C: Suite>() {
    for count in if C::FULL { 2..=3 } else { 2..=2 } {
        for (lie, rule) in Lie::ALL {
            let set = signers(count);
            let (caught_by, culprit) = rule_of_lie(&mut cluster::<C>(count, count), &set, lie);
            assert_eq!(caught_by, rule, "{lie:?} of {count}");
            assert_eq!(culprit, rule.names_culprit().then_some(party(count)), "{lie:?} of {count}");
        }
    }
}

fn without_its_check_each_lie_passes_that_point<C: Suite>() {
    for (lie, rule) in Lie::ALL {
        let mut cluster = cluster::<C>(2, 2);
        let outcome = run(&mut cluster, &signers(2), Checks::all_but(rule), lie);
        let faults = honest_faults(&outcome, party(2));
        assert!(faults.iter().all(|(_, fault)| fault.rule != rule), "{lie:?}: {faults:?}");
        if rule == Rule::FinalVerification {
            let request = cluster.request(&signers(2), &digest_of(1, 32), [1; 32]);
            let answers = sign(&cluster, &signers(2), outcome);
            assert!(sim::combine(&answers, &request, Checks::all_but(rule)).is_ok());
        }
    }
}

/// Why T1 is compared before the multiplication check: without it, honest parties accuse each other.
fn without_comparing_views_a_third_party_makes_honest_ones_blame_each_other<C: Suite>() {
    let outcome =
        run(&mut cluster::<C>(3, 3), &signers(3), Checks::all_but(Rule::ViewsDiffer), Lie::SplitView);
    assert_eq!(outcome.faults[&party(1)], Fault { culprit: Some(party(2)), rule: Rule::Multiplication });
}

/// Every field of both messages, with the rule that must catch one flipped bit in it.
fn fields<C: Suite>() -> [Vec<(&'static str, usize, Option<Rule>)>; 2] {
    let (scalar, point) = (C::SCALAR_BYTES, C::POINT_BYTES);
    let row = (C::XI + 128) / 8;
    let flip_is = Some;
    let first = vec![
        ("round", 1, flip_is(Rule::Malformed)),
        ("binding", 32, flip_is(Rule::OtherPair)),
        ("nonce", 32, flip_is(Rule::ViewsDiffer)),
        ("com", 32, flip_is(Rule::ViewsDiffer)),
        ("ext", 8, flip_is(Rule::Extension)),
        ("u", 32 * row, flip_is(Rule::Extension)),
        ("x^", 16, flip_is(Rule::Extension)),
        ("htag", 32, flip_is(Rule::Extension)),
    ];
    let second = vec![
        ("round", 1, flip_is(Rule::Malformed)),
        ("R", point, flip_is(Rule::Commitment)),
        ("salt", 32, flip_is(Rule::Commitment)),
        ("pk", point, flip_is(Rule::KeyInput)),
        ("T1", 32, flip_is(Rule::ViewsDiffer)),
        ("a~", C::XI * 3 * scalar, flip_is(Rule::Multiplication)),
        ("eta", scalar, flip_is(Rule::Multiplication)),
        ("mu", 32, flip_is(Rule::Multiplication)),
        ("Gamma^u", point, flip_is(Rule::NonceInput)),
        ("Gamma^v", point, flip_is(Rule::KeyInput)),
        ("psi", scalar, flip_is(Rule::FinalVerification)),
    ];
    [first, second]
}

fn one_flipped_bit_in_any_field_is_caught_by_that_fields_rule<C: Suite>() {
    let scalar = C::SCALAR_BYTES;
    for ((round, fields), length) in (1_u8..).zip(fields::<C>()).zip(C::BYTES) {
        let mut offset = 0;
        for (name, bytes, rule) in fields {
            // A point flips its sign, a scalar its lowest bit, anything else its first byte. (The
            // leading byte of ext makes it a new, higher number: the number check stays silent.)
            let at = if bytes % scalar == 0 && name != "u" { offset + bytes - 1 } else { offset };
            let mut cluster = cluster::<C>(2, 2);
            let (caught_by, culprit) =
                rule_of_lie(&mut cluster, &signers(2), Lie::Flip { round, offset: at });
            assert_eq!(Some(caught_by), rule, "{name} in round {round}");
            assert_eq!(culprit, caught_by.names_culprit().then_some(party(2)), "{name} in round {round}");
            offset += bytes;
        }
        assert_eq!(offset, length, "a field of round {round} is missing from the table");
    }
}

fn answers<C: Suite>(number: u64) -> (Cluster<C>, Vec<(PartyIndex, PartialSignature<C>)>) {
    let mut cluster = cluster::<C>(2, 3);
    let outcome = sim::presign(&mut cluster, &signers(2), number, Checks::all(), None, &mut rng(number));
    let answers = sign(&cluster, &signers(2), outcome);
    (cluster, answers)
}

/// The answer of `sender` with its scalar at `index` (0 for u, 1 for w) replaced.
fn with_scalar<C: Suite>(
    answer: &PartialSignature<C>,
    index: usize,
    scalar: C::Scalar,
) -> PartialSignature<C> {
    let mut bytes = answer.encode();
    let at = 64 + C::POINT_BYTES + index * C::SCALAR_BYTES;
    bytes[at..at + C::SCALAR_BYTES].copy_from_slice(scalar.to_repr().as_ref());
    PartialSignature::decode(&bytes).unwrap()
}

fn a_wrong_answer_fails_the_final_verification_and_names_nobody<C: Suite>() {
    let (cluster, mut answers) = answers::<C>(1);
    let request = cluster.request(&signers(2), &digest_of(1, 32), [1; 32]);
    assert!(sim::combine(&answers, &request, Checks::all()).is_ok());
    for index in [0, 1] {
        let honest = answers[1].1.clone();
        answers[1].1 = with_scalar(&honest, index, C::Scalar::from(5));
        let fault = sim::combine(&answers, &request, Checks::all()).unwrap_err();
        assert_eq!(fault, Fault { culprit: None, rule: Rule::FinalVerification });
        assert!(sim::combine(&answers, &request, Checks::all_but(Rule::FinalVerification)).is_ok());
        answers[1].1 = honest;
    }
}

fn masks_that_sum_to_zero_are_refused_before_the_division<C: Suite>() {
    let (cluster, mut answers) = answers::<C>(1);
    let request = cluster.request(&signers(2), &digest_of(1, 32), [1; 32]);
    let (u, _) = sim::values(&answers[0].1);
    answers[1].1 = with_scalar(&answers[1].1, 0, -u);
    let fault = sim::combine(&answers, &request, Checks::all()).unwrap_err();
    assert_eq!(fault, Fault { culprit: None, rule: Rule::ZeroMask });
    let fault = sim::combine(&answers, &request, Checks::all_but(Rule::ZeroMask)).unwrap_err();
    assert_eq!(fault.rule, Rule::FinalVerification);
}

fn answers_that_do_not_belong_together_are_refused<C: Suite>() {
    let (cluster, answers) = answers::<C>(1);
    let request = cluster.request(&signers(2), &digest_of(1, 32), [1; 32]);
    let other_request = cluster.request(&signers(2), &digest_of(2, 32), [1; 32]);
    let [first, second] = [&answers[0], &answers[1]];
    let foreign = (party(3), second.1.clone());
    let mut other_id = second.clone();
    other_id.1.presignature = [0; 32];
    let mut other_nonce = second.clone();
    other_nonce.1.nonce_point = cluster.public_key.clone();
    let mut other_context = second.clone();
    other_context.1.context = [0; 32];
    for (request, pair) in [
        (&request, vec![]),
        (&request, vec![first.clone()]),
        (&request, vec![first.clone(), first.clone()]),
        (&request, vec![first.clone(), foreign]),
        (&request, vec![first.clone(), other_id]),
        (&request, vec![first.clone(), other_nonce]),
        (&request, vec![first.clone(), other_context.clone()]),
        (&other_request, vec![first.clone(), second.clone()]),
    ] {
        let fault = sim::combine(&pair, request, Checks::all()).unwrap_err();
        assert_eq!(fault, Fault { culprit: None, rule: Rule::AnswersDiffer });
    }
    let unchecked =
        sim::combine(&[first.clone(), other_context], &request, Checks::all_but(Rule::AnswersDiffer));
    assert!(unchecked.is_ok(), "the context only says what was signed; the sums decide");
}

fn answers_decode_only_when_canonical<C: Suite>() {
    let (_, answers) = answers::<C>(1);
    let bytes = answers[0].1.encode();
    assert!(PartialSignature::<C>::decode(&bytes[1..]).is_err());
    assert!(PartialSignature::<C>::decode(&[&bytes[..], &[0]].concat()).is_err());
    let with = |range: core::ops::Range<usize>, value| {
        let mut altered = bytes.clone();
        altered[range].fill(value);
        altered
    };
    let (u, w) = (64 + C::POINT_BYTES, 64 + C::POINT_BYTES + C::SCALAR_BYTES);
    for altered in
        [with(32..32 + C::POINT_BYTES, 0), with(32..33, 4), with(u..w, 0xff), with(w..bytes.len(), 0xff)]
    {
        assert!(PartialSignature::<C>::decode(&altered).is_err());
    }
}
