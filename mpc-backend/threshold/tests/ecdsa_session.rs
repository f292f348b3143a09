//! A presigning session against the wire: lengths, order, repeats, other sessions' messages.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Suite, cluster, on_each_curve, party, rng, signers};
use threshold::ecdsa::{PartialSignature, PresignContext, PresignSession, Presignature, Witness};
use threshold::fault::{Checks, Fault, Misuse, Rule};
use threshold::party::{PartyIndex, SignerSet, Threshold};
use threshold::round::Step;
use threshold::sim::Cluster;

type Wire = Vec<(PartyIndex, Vec<u8>)>;

on_each_curve! {
    messages_and_answers_have_the_sizes_of_section_9,
    malformed_messages_name_their_sender_and_the_pair_lives,
    values_that_are_not_canonical_name_their_sender_and_the_pair_lives,
    messages_of_another_session_are_caught,
    repeats_strangers_and_early_messages_do_no_harm,
    a_pair_that_dies_meanwhile_stops_the_reply,
    a_session_starts_only_with_an_exact_set_and_live_pairs,
}

fn start<C: Suite>(
    cluster: &mut Cluster<C>,
    set: &SignerSet,
    me: u8,
    number: u64,
) -> (PresignSession<C>, Wire) {
    let context = cluster.presign_context(set, party(me), number, Checks::all());
    let seed = number * 256 + u64::from(me);
    let member = cluster.parties.get_mut(&party(me)).unwrap();
    let (session, outbox) =
        PresignSession::start(context, &member.share, &mut member.pairs, &mut rng(seed)).unwrap();
    (session, outbox.into_iter().collect())
}

fn receive<C: Suite>(
    cluster: &mut Cluster<C>,
    me: u8,
    session: PresignSession<C>,
    from: u8,
    message: &[u8],
) -> Result<Step<PresignSession<C>, Presignature<C>>, Fault> {
    let pairs = &mut cluster.parties.get_mut(&party(me)).unwrap().pairs;
    session.receive(party(from), message, pairs, &mut rng(7))
}

fn next<C: Suite>(
    step: Result<Step<PresignSession<C>, Presignature<C>>, Fault>,
) -> (PresignSession<C>, Wire) {
    match step.unwrap() {
        Step::Next(session, outbox) => (session, outbox.into_iter().collect()),
        Step::Done(..) => panic!("the session ended early"),
    }
}

fn message_to(wire: &Wire, to: u8) -> Vec<u8> {
    wire.iter().find(|(receiver, _)| *receiver == party(to)).unwrap().1.clone()
}

/// Party 1 awaits round 2 of party 2, whose message is returned.
fn one_before_the_end<C: Suite>(cluster: &mut Cluster<C>, number: u64) -> (PresignSession<C>, Vec<u8>) {
    let set = signers(2);
    let (one, from_one) = start(cluster, &set, 1, number);
    let (two, from_two) = start(cluster, &set, 2, number);
    let (one, _) = next(receive(cluster, 1, one, 2, &message_to(&from_two, 1)));
    let (_, opened) = next(receive(cluster, 2, two, 1, &message_to(&from_one, 2)));
    (one, message_to(&opened, 1))
}

fn messages_and_answers_have_the_sizes_of_section_9<C: Suite>() {
    let mut cluster = cluster::<C>(2, 2);
    let (_, first) = start(&mut cluster, &signers(2), 1, 1);
    let (_, second) = one_before_the_end(&mut cluster, 2);
    assert_eq!([first[0].1.len(), second.len(), PartialSignature::<C>::BYTES], C::BYTES);
}

fn malformed_messages_name_their_sender_and_the_pair_lives<C: Suite>() {
    let mut cluster = cluster::<C>(2, 2);
    let malformed = Some(Fault { culprit: Some(party(2)), rule: Rule::Malformed });
    let alterations: [fn(&mut Vec<u8>); 5] = [
        Vec::clear,
        |message| message.truncate(message.len() - 1),
        |message| message.push(0),
        |message| message[0] = 3,
        |message| message.resize(1 << 20, 1),
    ];
    for (number, alter) in (1..).zip(alterations) {
        let (one, _) = start(&mut cluster, &signers(2), 1, number);
        let (_, from_two) = start(&mut cluster, &signers(2), 2, number);
        let mut message = message_to(&from_two, 1);
        alter(&mut message);
        assert_eq!(receive(&mut cluster, 1, one, 2, &message).err(), malformed);

        let (one, mut message) = one_before_the_end(&mut cluster, 100 + number);
        alter(&mut message);
        assert_eq!(receive(&mut cluster, 1, one, 2, &message).err(), malformed);
        assert!(cluster.parties[&party(1)].pairs.is_ready(party(2)));
    }
}

fn values_that_are_not_canonical_name_their_sender_and_the_pair_lives<C: Suite>() {
    let mut cluster = cluster::<C>(2, 2);
    let length = PresignSession::<C>::MESSAGE_BYTES_MAX;
    let (scalar, point) = (C::SCALAR_BYTES, C::POINT_BYTES);
    let (key_point, masked) = (33 + point, 65 + 2 * point);
    let sums = masked + C::XI * 3 * scalar;
    // R, pk, a scalar of a~, eta, Gamma^u, Gamma^v, psi; a point off the curve and a foreign form.
    let places = [
        (1..1 + point, 0xff),
        (key_point..key_point + point, 0xff),
        (key_point..key_point + 1, 4),
        (masked..masked + scalar, 0xff),
        (sums..sums + scalar, 0xff),
        (length - scalar - 2 * point..length - scalar - point, 0),
        (length - scalar - point..length - scalar, 0),
        (length - scalar..length, 0xff),
    ];
    for (number, (range, value)) in (1..).zip(places) {
        let (one, mut message) = one_before_the_end(&mut cluster, number);
        message[range.clone()].fill(value);
        let fault = receive(&mut cluster, 1, one, 2, &message).err();
        assert_eq!(fault, Some(Fault { culprit: Some(party(2)), rule: Rule::Malformed }), "{range:?}");
        assert!(cluster.parties[&party(1)].pairs.is_ready(party(2)));
    }
    for (number, at) in [(50, 1), (51, key_point)] {
        let (one, mut message) = one_before_the_end(&mut cluster, number);
        message[at..at + point].fill(0);
        let fault = receive(&mut cluster, 1, one, 2, &message).err();
        assert_eq!(fault, Some(Fault { culprit: Some(party(2)), rule: Rule::IdentityPoint }));
    }
}

fn messages_of_another_session_are_caught<C: Suite>() {
    let mut cluster = cluster::<C>(2, 2);
    let (_, old) = one_before_the_end(&mut cluster, 1);
    let (one, _) = one_before_the_end(&mut cluster, 2);
    let fault = receive(&mut cluster, 1, one, 2, &old).err();
    assert_eq!(fault, Some(Fault { culprit: None, rule: Rule::ViewsDiffer }));

    // Round 1 again: it is bound to its session, and nobody is blamed for it.
    let (one, _) = start(&mut cluster, &signers(2), 1, 3);
    let (_, from_two) = start(&mut cluster, &signers(2), 2, 3);
    let first = message_to(&from_two, 1);
    next(receive(&mut cluster, 1, one, 2, &first));
    let (one, _) = start(&mut cluster, &signers(2), 1, 4);
    let fault = receive(&mut cluster, 1, one, 2, &first).err();
    assert_eq!(fault, Some(Fault { culprit: None, rule: Rule::OtherPair }));
}

fn repeats_strangers_and_early_messages_do_no_harm<C: Suite>() {
    let mut cluster = cluster::<C>(3, 3);
    let set = signers(3);
    let (one, from_one) = start(&mut cluster, &set, 1, 1);
    let (two, from_two) = start(&mut cluster, &set, 2, 1);
    let (three, from_three) = start(&mut cluster, &set, 3, 1);
    // Parties 2 and 3 finish round 1.
    let (two, _) = next(receive(&mut cluster, 2, two, 1, &message_to(&from_one, 2)));
    let (two, opened_two) = next(receive(&mut cluster, 2, two, 3, &message_to(&from_three, 2)));
    let (three, _) = next(receive(&mut cluster, 3, three, 1, &message_to(&from_one, 3)));
    let (_, opened_three) = next(receive(&mut cluster, 3, three, 2, &message_to(&from_two, 3)));
    // Party 1 hears round 2 of both before round 1 of party 3, and some of it twice.
    let first = message_to(&from_two, 1);
    let (one, _) = next(receive(&mut cluster, 1, one, 2, &first));
    let (one, _) = next(receive(&mut cluster, 1, one, 2, &first));
    let (one, _) = next(receive(&mut cluster, 1, one, 1, &first));
    let (one, _) = next(receive(&mut cluster, 1, one, 9, &first));
    let (one, _) = next(receive(&mut cluster, 1, one, 9, b"not even a message"));
    let (one, _) = next(receive(&mut cluster, 1, one, 1, b"not even a message"));
    let (one, _) = next(receive(&mut cluster, 1, one, 2, &message_to(&opened_two, 1)));
    let (one, _) = next(receive(&mut cluster, 1, one, 3, &message_to(&opened_three, 1)));
    assert_eq!(one.missing().collect::<Vec<_>>(), [party(3)]);
    let step = receive(&mut cluster, 1, one, 3, &message_to(&from_three, 1)).unwrap();
    let Step::Done(presignature, outbox) = step else { panic!("all messages are there") };
    let opened_one: Wire = outbox.into_iter().collect();
    assert_eq!(opened_one.len(), 2);
    let (two, _) = next(receive(&mut cluster, 2, two, 1, &message_to(&opened_one, 2)));
    let Ok(Step::Done(other, _)) = receive(&mut cluster, 2, two, 3, &message_to(&opened_three, 2)) else {
        panic!("party 2 has everything")
    };
    assert_eq!(presignature.id(), other.id());
}

fn a_pair_that_dies_meanwhile_stops_the_reply<C: Suite>() {
    let mut cluster = cluster::<C>(2, 2);
    let (one, _) = start(&mut cluster, &signers(2), 1, 1);
    let (_, from_two) = start(&mut cluster, &signers(2), 2, 1);
    cluster.parties.get_mut(&party(1)).unwrap().pairs.kill(party(2));
    let fault = receive(&mut cluster, 1, one, 2, &message_to(&from_two, 1)).err();
    assert_eq!(fault, Some(Fault::of_nobody(Rule::PairDead)));
}

fn a_session_starts_only_with_an_exact_set_and_live_pairs<C: Suite>() {
    let mut cluster = cluster::<C>(2, 3);
    let good = cluster.presign_context(&signers(2), party(1), 1, Checks::all());
    let outside = SignerSet::new([party(1), party(4)]).unwrap();
    let mut cases = vec![];
    let mut with = |expected, alter: &dyn Fn(&mut PresignContext<C>)| {
        let mut context = good.clone();
        alter(&mut context);
        cases.push((context, expected));
    };
    with(Misuse::SignerSet, &|context| context.signers = signers(3));
    with(Misuse::SignerSet, &|context| context.signers = outside.clone());
    with(Misuse::SignerSet, &|context| context.threshold = Threshold::new(3, 3).unwrap());
    with(Misuse::NotASigner, &|context| context.me = party(3));
    with(Misuse::BootIds, &|context| context.boot_ids.retain(|member, _| *member == party(1)));
    for member in [1, 2, 4] {
        let witness = Witness { party: party(member), book: [7; 16] };
        with(Misuse::Witness, &|context| context.witness = Some(witness));
    }
    // A peer, or this party, has restarted since the pair was made.
    with(Misuse::BootIds, &|context| *context.boot_ids.get_mut(&party(2)).unwrap() = [9; 16]);
    with(Misuse::BootIds, &|context| *context.boot_ids.get_mut(&party(1)).unwrap() = [9; 16]);
    let member = cluster.parties.get_mut(&party(1)).unwrap();
    for (context, expected) in cases {
        let started = PresignSession::start(context, &member.share, &mut member.pairs, &mut rng(1));
        assert_eq!(started.err(), Some(expected));
    }
    let mut id = |node, book| {
        let context = PresignContext { witness: Some(Witness { party: party(node), book }), ..good.clone() };
        *PresignSession::start(context, &member.share, &mut member.pairs, &mut rng(1)).unwrap().0.id()
    };
    assert_ne!(id(3, [7; 16]), id(3, [8; 16]), "the session is bound to the witness and its book");
    member.pairs.kill(party(2));
    let started = PresignSession::start(good, &member.share, &mut member.pairs, &mut rng(1));
    assert_eq!(started.err(), Some(Misuse::NoPair(party(2))));
}
