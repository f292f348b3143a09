//! One lie for each check, caught by exactly that check; with the check left out it passes.

use std::collections::BTreeMap;

use threshold::ecdsa::Witness;
use threshold::fault::{Checks, Error, Fault, Misuse, Rule};
use threshold::frost::{MESSAGE_BYTES_MAX, Nonces, OnlineRequest, PartialSignature, answer, combine};
use threshold::party::PartyIndex;
use threshold::sim::frost::{combine_with, duplicate, tamper, unmasked};

use crate::scheme::{Scheme, on_each_scheme};
use crate::{World, party, rng, set};

on_each_scheme! {
    malformed_messages_name_their_author,
    a_message_of_another_session_is_refused,
    a_request_for_anything_else_burns_the_nonces,
    nonces_die_with_their_pairs,
    answers_that_are_not_of_one_request_are_refused,
    answers_decode_only_when_canonical,
    a_wrong_answer_names_its_author,
    a_wrong_masked_answer_names_nobody,
    masks_sum_to_zero_and_hide_each_answer,
}

/// What is altered in a request, and what it is answered with.
type Alteration<S> = (fn(&mut OnlineRequest<S>), Misuse);

type Lie<'a> = &'a mut dyn FnMut(PartyIndex, PartyIndex, &mut Vec<u8>);

fn made<S: Scheme>(
    world: &World<S>,
    checks: Checks,
    lie: Lie<'_>,
) -> Result<BTreeMap<PartyIndex, Nonces<S>>, (PartyIndex, Fault)> {
    world.key.nonces(&set(&[1, 2]), &world.pairs, (None, checks), lie, &mut rng(5))
}

/// The request of [`crate::World`] to the first two, and its answers.
fn answered<S: Scheme>(world: &World<S>) -> (OnlineRequest<S>, Vec<(PartyIndex, PartialSignature<S>)>) {
    let request = world.key.request(&set(&[1, 2]), &[], &S::plain_message(1));
    let answers = world.answers(world.nonces(&set(&[1, 2]), 3), &request);
    (request, answers)
}

/// The same, with a witness.
fn answered_strictly<S: Scheme>(world: &World<S>) -> (OnlineRequest<S>, BTreeMap<PartyIndex, Nonces<S>>) {
    let witness = Some(Witness { party: party(3), book: [1; 16] });
    let strict = (witness, Checks::all());
    let nonces = world.key.nonces(&set(&[1, 2]), &world.pairs, strict, &mut |_, _, _| (), &mut rng(5));
    let request = world.key.request(&set(&[1, 2]), &[], &S::plain_message(1));
    (OnlineRequest { witnessed: true, ..request }, nonces.unwrap_or_else(|(_, fault)| panic!("{fault}")))
}

fn malformed_messages_name_their_author<S: Scheme>() {
    let world = World::<S>::new(2, 3);
    let lies: [fn(&mut Vec<u8>); 8] = [
        |message| message.clear(),
        |message| message[0] = 2,
        |message| {
            message.pop();
        },
        |message| message.push(0),
        |message| message.resize(1 << 20, 1),
        |message| message[33..33 + S::POINT_BYTES].copy_from_slice(&S::identity()),
        |message| message[33 + S::POINT_BYTES..].copy_from_slice(&S::identity()),
        |message| message[33 + S::POINT_BYTES..].fill(0xff),
    ];
    for lie in lies {
        let mut alter = |from, _, message: &mut Vec<u8>| {
            if from == party(2) {
                lie(message)
            }
        };
        let fault = made(&world, Checks::all(), &mut alter).err();
        assert_eq!(fault, Some((party(1), Fault::of(party(2), Rule::Malformed))));
    }
}

fn a_message_of_another_session_is_refused<S: Scheme>() {
    let world = World::<S>::new(2, 3);
    for byte in [1, 32] {
        let mut alter = |from, _, message: &mut Vec<u8>| message[byte] ^= u8::from(from == party(2));
        let fault = made(&world, Checks::all(), &mut alter).err();
        assert_eq!(fault, Some((party(1), Fault::of_nobody(Rule::OtherPair))));
        assert!(made(&world, Checks::all_but(Rule::OtherPair), &mut alter).is_ok());
    }
}

fn a_request_for_anything_else_burns_the_nonces<S: Scheme>() {
    let world = World::<S>::new(2, 3);
    let honest = world.key.request(&set(&[1, 2]), &[], &S::plain_message(1));
    let lies: [Alteration<S>; 9] = [
        (|lie| lie.cluster_id[0] ^= 1, Misuse::WrongPresignature),
        (|lie| lie.key_id[0] ^= 1, Misuse::WrongPresignature),
        (|lie| lie.epoch += 1, Misuse::WrongPresignature),
        (|lie| lie.public_key = threshold::group::Point::generator(), Misuse::WrongPresignature),
        (|lie| lie.signers = set(&[1, 3]), Misuse::WrongPresignature),
        (|lie| lie.client[0] ^= 1, Misuse::WrongPresignature),
        (|lie| lie.witnessed = true, Misuse::WrongPresignature),
        (|lie| lie.parameter = vec![2], Misuse::Message),
        (|lie| lie.message = vec![0; MESSAGE_BYTES_MAX + 1], Misuse::Message),
    ];
    for (alter, misuse) in lies {
        let mut request = honest.clone();
        alter(&mut request);
        let own = world.nonces(&set(&[1, 2]), 3).remove(&party(1)).unwrap();
        assert_eq!(answer(own, &world.pairs[&party(1)], &request), Err(Error::Misuse(misuse)));
    }
}

fn nonces_die_with_their_pairs<S: Scheme>() {
    let mut world = World::<S>::new(2, 3);
    let (request, _) = answered(&world);
    let own = world.nonces(&set(&[1, 2]), 3).remove(&party(1)).unwrap();
    world.pairs.get_mut(&party(1)).unwrap().kill(party(2));
    let dead = answer(own, &world.pairs[&party(1)], &request);
    assert_eq!(dead, Err(Error::Fault(Fault::of_nobody(Rule::PairDead))));
}

fn answers_that_are_not_of_one_request_are_refused<S: Scheme>() {
    let world = World::<S>::new(2, 3);
    let (request, honest) = answered(&world);
    let commitments = &world.key.commitments;
    let differ = Err(Fault::of_nobody(Rule::AnswersDiffer));
    let lies: [fn(&mut PartialSignature<S>); 4] = [
        |lie| lie.presignature[0] ^= 1,
        |lie| lie.context[0] ^= 1,
        |lie| lie.nonce[5] ^= 1,
        |lie| lie.commitments[5] ^= 1,
    ];
    for lie in lies {
        let mut answers = honest.clone();
        lie(&mut answers[1].1);
        assert_eq!(combine(&answers, &request, commitments), differ);
        // z is right and only the wrapping is not: nothing else looks at it.
        assert!(combine_with(&answers, &request, commitments, Checks::all_but(Rule::AnswersDiffer)).is_ok());
    }
    let sets =
        [vec![], honest[..1].to_vec(), vec![honest[0].clone(); 2], [&honest[..], &honest[..1]].concat()];
    for answers in sets {
        assert_eq!(combine(&answers, &request, commitments), differ);
    }
    let other = OnlineRequest { request_nonce: [8; 32], ..request.clone() };
    assert_eq!(combine(&honest, &other, commitments), differ);
    assert!(request.is_answered_by(&honest[0].1) && !other.is_answered_by(&honest[0].1));
}

fn answers_decode_only_when_canonical<S: Scheme>() {
    let (_, answers) = answered(&World::<S>::new(2, 3));
    let bytes = answers[0].1.encode();
    assert_eq!(PartialSignature::<S>::decode(&bytes).as_ref(), Ok(&answers[0].1));
    let entry = 2 * S::POINT_BYTES;
    for length in [0, 64, bytes.len() - 1, bytes.len() - 2 * entry] {
        assert!(PartialSignature::<S>::decode(&bytes[..length]).is_err(), "{length}");
    }
    assert!(PartialSignature::<S>::decode(&[&bytes[..], &[0]].concat()).is_err());
    assert!(PartialSignature::<S>::decode(&vec![0; PartialSignature::<S>::bytes(256)]).is_err());
    let mut above = bytes.clone();
    above[bytes.len() - S::SCALAR_BYTES..].fill(0xff);
    assert!(PartialSignature::<S>::decode(&above).is_err());
}

fn a_wrong_answer_names_its_author<S: Scheme>() {
    let world = World::<S>::new(2, 3);
    let (request, honest) = answered(&world);
    let commitments = &world.key.commitments;
    for liar in [0, 1] {
        let mut answers = honest.clone();
        tamper(&mut answers[liar].1);
        let named = Fault::of(honest[liar].0, Rule::SignatureShare);
        assert_eq!(combine(&answers, &request, commitments), Err(named));
        // The signature is refused without it too, and nobody is named.
        let unnamed = combine_with(&answers, &request, commitments, Checks::all_but(Rule::SignatureShare));
        assert_eq!(unnamed, Err(Fault::of_nobody(Rule::FinalVerification)));
    }
    // All say the same and false R, or commitments that do not decode: the first is named.
    let lies: [fn(&mut PartialSignature<S>); 2] = [|lie| lie.nonce[5] ^= 1, |lie| lie.commitments.fill(0xff)];
    for lie in lies {
        let mut answers = honest.clone();
        answers.iter_mut().for_each(|(_, answer)| lie(answer));
        tamper(&mut answers[1].1);
        let named = Fault::of(party(1), Rule::SignatureShare);
        assert_eq!(combine(&answers, &request, commitments), Err(named));
    }
}

fn a_wrong_masked_answer_names_nobody<S: Scheme>() {
    let world = World::<S>::new(2, 3);
    let (request, nonces) = answered_strictly(&world);
    let commitments = &world.key.commitments;
    let mut answers = world.answers(nonces, &request);
    assert!(combine(&answers, &request, commitments).is_ok());
    tamper(&mut answers[1].1);
    let fault = combine(&answers, &request, commitments);
    assert_eq!(fault, Err(Fault::of_nobody(Rule::FinalVerification)));
    let left_out = Checks::all_but(Rule::FinalVerification);
    let signature = combine_with(&answers, &request, commitments, left_out).unwrap();
    assert!(!S::verifies(
        &threshold::group::Point::encode(&world.key.public_key),
        &[],
        &request.message,
        &signature
    ));
}

/// R9: an answer alone is not what the share gives, and the sum of all is.
fn masks_sum_to_zero_and_hide_each_answer<S: Scheme>() {
    let world = World::<S>::new(2, 3);
    let (request, nonces) = answered_strictly(&world);
    let bare: Vec<_> = nonces
        .iter()
        .map(|(me, own)| (*me, unmasked(duplicate(own), &world.pairs[me], &request).unwrap()))
        .collect();
    let masked = world.answers(nonces, &request);
    assert!(bare.iter().zip(&masked).all(|(bare, masked)| bare.1.encode() != masked.1.encode()));
    let commitments = &world.key.commitments;
    assert_eq!(combine(&bare, &request, commitments), combine(&masked, &request, commitments));
}
